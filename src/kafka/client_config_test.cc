#include "kafka/client_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "env/memory_file_system.h"
#include "kafka/client.h"
#include "tidemark/error.h"

namespace tidemark::detail {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr std::string_view kPassword = "open sesame";

std::string value_of(const rd_kafka_conf_t& conf, const char* name) {
  char value[512];
  std::size_t size = sizeof value;
  return rd_kafka_conf_get(&conf, name, value, &size) == RD_KAFKA_CONF_OK ? value : "?";
}

KafkaConnection with_password(Secret password) {
  return {.brokers = "a:9092", .security = {.sasl = KafkaSasl::kScramSha512, .user = "orders", .password = std::move(password)}};
}

std::string refusal_of(const KafkaConnection& connection) {
  try {
    check_connection(connection);
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
    return error.message();
  }
  return "";
}

TEST(KafkaClientConfig, PropertiesOfTheUserAndOfTheEngineAreThere) {
  MemoryFileSystem files;
  const KafkaConf conf = make_conf({.brokers = "a:9092,b:9092", .properties = {{"fetch.wait.max.ms", "17"}}}, {{"group.id", "tidemark"}}, files);
  EXPECT_EQ(value_of(*conf, "bootstrap.servers"), "a:9092,b:9092");
  EXPECT_EQ(value_of(*conf, "fetch.wait.max.ms"), "17");
  EXPECT_EQ(value_of(*conf, "group.id"), "tidemark");
  EXPECT_EQ(value_of(*conf, "security.protocol"), "plaintext");
}

TEST(KafkaClientConfig, SecurityBecomesProperties) {
  MemoryFileSystem files;
  value_or_throw(replace_file(files, "/secret", std::string{kPassword} + "\n"));
  KafkaConnection connection = with_password(from_file("/secret"));
  connection.security.tls = true;
  const KafkaConf conf = make_conf(connection, {}, files);
  EXPECT_EQ(value_of(*conf, "security.protocol"), "sasl_ssl");
  EXPECT_EQ(value_of(*conf, "sasl.mechanism"), "SCRAM-SHA-512");
  EXPECT_EQ(value_of(*conf, "sasl.username"), "orders");
  EXPECT_EQ(value_of(*conf, "sasl.password"), kPassword);
}

TEST(KafkaClientConfig, ASecretOfTheEnvironmentIsReadWhenTheClientIsMade) {
  MemoryFileSystem files;
  const KafkaConnection connection = with_password(from_environment("TIDEMARK_TEST_PASSWORD"));
  EXPECT_EQ(refusal_of(connection), "") << "a job is planned where its secrets may not be";
  EXPECT_THROW(make_conf(connection, {}, files), Error);
  ::setenv("TIDEMARK_TEST_PASSWORD", kPassword.data(), 1);
  EXPECT_EQ(value_of(*make_conf(connection, {}, files), "sasl.password"), kPassword);
  ::unsetenv("TIDEMARK_TEST_PASSWORD");
}

TEST(KafkaClientConfig, AnUnreadableSecretNamesItsFile) {
  MemoryFileSystem files;
  try {
    make_conf(with_password(from_file("/nowhere")), {}, files);
    ADD_FAILURE();
  } catch (const Error& error) {
    EXPECT_THAT(error.message(), AllOf(HasSubstr("password of 'orders'"), HasSubstr("/nowhere")));
  }
}

TEST(KafkaClientConfig, WhatIsTheEnginesIsRefusedWithWhatToUse) {
  EXPECT_THAT(refusal_of({.brokers = "a:9092", .properties = {{"auto.offset.reset", "latest"}}}), HasSubstr("start_at()"));
  EXPECT_THAT(refusal_of({.brokers = "a:9092", .properties = {{"sasl.password", std::string{kPassword}}}}),
              AllOf(HasSubstr("KafkaSecurity::password"), Not(HasSubstr(std::string{kPassword}))));
}

TEST(KafkaClientConfig, APropertyThatIsNoneOrHasNoSuchValueIsNamed) {
  EXPECT_THAT(refusal_of({.brokers = "a:9092", .properties = {{"fetch.wait", "1"}}}), HasSubstr("no property 'fetch.wait'"));
  EXPECT_THAT(refusal_of({.brokers = "a:9092", .properties = {{"fetch.wait.max.ms", "soon"}}}), HasSubstr("'fetch.wait.max.ms'"));
}

TEST(KafkaClientConfig, SecurityThatDoesNotFitTogetherIsRefused) {
  EXPECT_THAT(refusal_of({}), HasSubstr("needs its brokers"));
  EXPECT_THAT(refusal_of({.brokers = "a:9092", .security = {.ca_file = "/ca.pem"}}), HasSubstr("tls is false"));
  EXPECT_THAT(refusal_of({.brokers = "a:9092", .security = {.tls = true, .certificate_file = "/me.pem"}}), HasSubstr("key_file"));
  EXPECT_THAT(refusal_of({.brokers = "a:9092", .security = {.user = "orders"}}), HasSubstr("sasl is kNone"));
  EXPECT_THAT(refusal_of({.brokers = "a:9092", .security = {.sasl = KafkaSasl::kPlain, .user = "orders"}}), HasSubstr("user and password"));
}

TEST(KafkaClient, WhatItCanNotReadFailsAtItsStart) {
  MemoryFileSystem files;
  KafkaConf conf = make_conf({.brokers = "a:9092", .security = {.tls = true, .ca_file = "/nowhere/ca.pem"}}, {}, files);
  EXPECT_THROW(KafkaClient(KafkaClient::Kind::kConsumer, std::move(conf)), Error);
}

TEST(KafkaClient, AnErrorSaysWhatToDoAndWhetherARestartMayHelp) {
  const Error away = kafka_error(RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN, "reading the topics of a:9092");
  EXPECT_THAT(away.message(), AllOf(HasSubstr("reading the topics of a:9092"), HasSubstr("Check that the brokers run")));
  EXPECT_EQ(away.retry(), Retry::kRestart);
  EXPECT_EQ(kafka_error(RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, "reading orders[1]").code(), ErrorCode::kPermissionDenied);
}

}  // namespace
}  // namespace tidemark::detail

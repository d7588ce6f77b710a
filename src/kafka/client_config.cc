#include "kafka/client_config.h"

#include <fmt/format.h>

#include <array>
#include <cstdlib>
#include <span>
#include <string_view>

#include "env/file_system.h"
#include "tidemark/error.h"

namespace tidemark::detail {
namespace {

struct OwnedProperty {
  std::string_view name;
  std::string_view instead;
};

constexpr std::array kOwned = std::to_array<OwnedProperty>({
    {"bootstrap.servers", "set KafkaConnection::brokers"},
    {"metadata.broker.list", "set KafkaConnection::brokers"},
    {"security.protocol", "set KafkaConnection::security"},
    {"ssl.ca.location", "set KafkaSecurity::ca_file"},
    {"ssl.certificate.location", "set KafkaSecurity::certificate_file"},
    {"ssl.key.location", "set KafkaSecurity::key_file"},
    {"ssl.key.password", "set KafkaSecurity::key_password, so that it stands in no program"},
    {"ssl.key.pem", "set KafkaSecurity::key_file, so that it stands in no program"},
    {"ssl.keystore.password", "set KafkaSecurity::certificate_file and key_file: stores of Java are not read"},
    {"sasl.mechanism", "set KafkaSecurity::sasl"},
    {"sasl.mechanisms", "set KafkaSecurity::sasl"},
    {"sasl.username", "set KafkaSecurity::user"},
    {"sasl.password", "set KafkaSecurity::password, so that it stands in no program"},
    {"group.id", "give the source its group()"},
    {"group.instance.id", "leave it out: partitions are dealt out by the engine and not by a group"},
    {"partition.assignment.strategy", "leave it out: partitions are dealt out by the engine and not by a group"},
    {"auto.offset.reset", "give the source start_at()"},
    {"enable.auto.commit", "leave it out: offsets are in checkpoints, and told to the group when one is complete"},
    {"auto.commit.enable", "leave it out: offsets are in checkpoints, and told to the group when one is complete"},
    {"enable.auto.offset.store", "leave it out: offsets are in checkpoints"},
    {"enable.partition.eof", "leave it out: the source needs it"},
    {"isolation.level", "tell the source read_uncommitted(), if it is to see what is not committed"},
    {"transactional.id", "leave it out: the sink names its transactions"},
    {"enable.idempotence", "leave it out: the sink says what it needs"},
    {"acks", "leave it out: the sink waits for all replicas that are in sync"},
    {"request.required.acks", "leave it out: the sink waits for all replicas that are in sync"},
});

[[noreturn]] void refuse(std::string message) { throw Error{ErrorCode::kInvalidArgument, std::move(message)}; }

// The value stays out of the message: librdkafka's own repeats it.
void set(rd_kafka_conf_t& conf, const std::string& name, const std::string& value) {
  char why[512];
  switch (rd_kafka_conf_set(&conf, name.c_str(), value.c_str(), why, sizeof why)) {
    case RD_KAFKA_CONF_OK: return;
    case RD_KAFKA_CONF_UNKNOWN:
      refuse(fmt::format("Kafka: librdkafka {} has no property '{}'. Its names stand in its CONFIGURATION.md", rd_kafka_version_str(), name));
    case RD_KAFKA_CONF_INVALID:
      refuse(fmt::format("Kafka: the property '{}' can't have the value that it was given: librdkafka's CONFIGURATION.md says which it takes", name));
  }
}

void check_property(const std::string& name) {
  for (const OwnedProperty& owned : kOwned) {
    if (name == owned.name) refuse(fmt::format("Kafka: the property '{}' is the engine's: {}", name, owned.instead));
  }
}

const char* mechanism_of(KafkaSasl sasl) {
  switch (sasl) {
    case KafkaSasl::kPlain: return "PLAIN";
    case KafkaSasl::kScramSha256: return "SCRAM-SHA-256";
    case KafkaSasl::kScramSha512: return "SCRAM-SHA-512";
    case KafkaSasl::kNone: break;
  }
  return "";
}

const char* protocol_of(const KafkaSecurity& security) {
  if (security.sasl == KafkaSasl::kNone) return security.tls ? "ssl" : "plaintext";
  return security.tls ? "sasl_ssl" : "sasl_plaintext";
}

void check_security(const KafkaSecurity& security) {
  const bool has_files = !security.ca_file.empty() || !security.certificate_file.empty() || !security.key_file.empty();
  if (has_files && !security.tls) refuse("Kafka: KafkaSecurity has certificates, but tls is false: set it, or leave them out");
  if (security.certificate_file.empty() != security.key_file.empty()) {
    refuse("Kafka: certificate_file and key_file of KafkaSecurity go together: give both, or neither");
  }
  if (security.key_password.is_given() && security.key_file.empty()) refuse("Kafka: key_password of KafkaSecurity has no key_file");
  const bool has_user = !security.user.empty() && security.password.is_given();
  if (security.sasl != KafkaSasl::kNone && !has_user) refuse("Kafka: KafkaSecurity with sasl needs user and password");
  if (security.sasl == KafkaSasl::kNone && (!security.user.empty() || security.password.is_given())) {
    refuse("Kafka: KafkaSecurity has a user or a password, but sasl is kNone: say how the brokers want them, such as KafkaSasl::kScramSha512");
  }
}

std::string read_secret(FileSystem& files, const Secret& secret, std::string_view what) {
  if (!secret.environment.empty()) {
    const char* value = std::getenv(secret.environment.c_str());
    if (value == nullptr) {
      throw Error{ErrorCode::kNotFound, fmt::format("Kafka: the {} is to come from the environment variable {}, which is not set in this process. "
                                                    "In a cluster it must be set where the workers run", what, secret.environment)};
    }
    return value;
  }
  auto content = read_file(files, secret.file);
  if (!content) throw content.error().within(fmt::format("Kafka: the {} is to come from a file", what));
  while (!content->empty() && (content->back() == '\n' || content->back() == '\r')) content->pop_back();
  return *std::move(content);
}

void set_security(rd_kafka_conf_t& conf, const KafkaSecurity& security) {
  set(conf, "security.protocol", protocol_of(security));
  if (!security.ca_file.empty()) set(conf, "ssl.ca.location", security.ca_file);
  if (!security.certificate_file.empty()) set(conf, "ssl.certificate.location", security.certificate_file);
  if (!security.key_file.empty()) set(conf, "ssl.key.location", security.key_file);
  if (security.sasl != KafkaSasl::kNone) {
    set(conf, "sasl.mechanism", mechanism_of(security.sasl));
    set(conf, "sasl.username", security.user);
  }
}

void set_secrets(rd_kafka_conf_t& conf, const KafkaSecurity& security, FileSystem& files) {
  if (security.key_password.is_given()) set(conf, "ssl.key.password", read_secret(files, security.key_password, "password of the private key"));
  if (security.password.is_given()) set(conf, "sasl.password", read_secret(files, security.password, fmt::format("password of '{}'", security.user)));
}

KafkaConf conf_of(const KafkaConnection& connection, const KafkaProperties& own) {
  KafkaConf conf{rd_kafka_conf_new()};
  set(*conf, "bootstrap.servers", connection.brokers);
  set_security(*conf, connection.security);
  for (const auto& [name, value] : connection.properties) set(*conf, name, value);
  for (const auto& [name, value] : own) set(*conf, name, value);
  return conf;
}

}  // namespace

void check_connection(const KafkaConnection& connection) {
  if (connection.brokers.empty()) refuse("Kafka: KafkaConnection needs its brokers: {.brokers = \"host:9092,host:9092\"}");
  check_security(connection.security);
  for (const auto& [name, value] : connection.properties) check_property(name);
  static_cast<void>(conf_of(connection, {}));
}

KafkaConf make_conf(const KafkaConnection& connection, const KafkaProperties& own, FileSystem& files) {
  check_connection(connection);
  KafkaConf conf = conf_of(connection, own);
  set_secrets(*conf, connection.security, files);
  return conf;
}

}  // namespace tidemark::detail

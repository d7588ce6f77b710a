#include "tidemark/kafka_sink.h"

#include <gmock/gmock.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "kafka/producer.h"

namespace tidemark {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

struct Order {
  std::int64_t id = 0;
  std::string_view customer;
};

const KafkaConnection kNowhere{.brokers = "127.0.0.1:1"};

std::string problem_of(const SinkDescription<Order>& sink) { return sink.problem() ? sink.problem()->message() : ""; }
auto orders() { return kafka_sink<Order>(kNowhere, "orders"); }

TEST(KafkaSink, WhatCanNeverWorkIsRefusedBeforeAnythingRuns) {
  EXPECT_EQ(problem_of(orders()), "");
  EXPECT_THAT(problem_of(kafka_sink<Order>({}, "orders")), HasSubstr("needs its brokers"));
  EXPECT_THAT(problem_of(kafka_sink<Order>(kNowhere, "")), HasSubstr("needs a topic"));
  EXPECT_THAT(problem_of(orders().transaction_timeout(0s)), HasSubstr("between a second and 24 days"));
  EXPECT_THAT(problem_of(orders().transaction_timeout(24h * 30)), HasSubstr("between a second and 24 days"));
  EXPECT_THAT(problem_of(orders().max_epoch_bytes(0)), HasSubstr("max_epoch_bytes()"));
  EXPECT_THAT(problem_of(orders().max_epoch_bytes(std::uint64_t{1} << 30)), HasSubstr("max_epoch_bytes()"));
  EXPECT_THAT(problem_of(orders().property("transactional.id", "mine")), HasSubstr("the sink names its transactions"));
  EXPECT_THAT(problem_of(orders().property("compression.type", "best")), HasSubstr("compression.type"));
}

TEST(KafkaSink, OnlyExactlyOnceKeepsSomethingInCheckpoints) {
  const auto keeps = [](DeliveryGuarantee guarantee) { return SinkDescription<Order>{orders().delivery_guarantee(guarantee)}.keeps_state(); };
  EXPECT_FALSE(keeps(DeliveryGuarantee::kNone));
  EXPECT_FALSE(keeps(DeliveryGuarantee::kAtLeastOnce));
  EXPECT_TRUE(keeps(DeliveryGuarantee::kExactlyOnce));
}

TEST(KafkaSink, ATableOfUpsertsIsTakenAndOneOfChangesIsNot) {
  EXPECT_TRUE((SinkDescription<Upsert<Order>>{kafka_sink<Upsert<Order>>(kNowhere, "orders")}.takes_upserts()));
  EXPECT_FALSE(SinkDescription<Order>{orders()}.takes_changes());
}

TEST(KafkaProducerLimits, AMessageIsAsLargeAsItsKeyValueAndHeadersWithWhatKafkaAdds) {
  const detail::OutgoingMessage message{.key = "ab", .value = "cde", .headers = {{"f", "gh"}, {"i", std::nullopt}}};
  EXPECT_EQ(detail::message_bytes(message), 9u + 128 + 2 * 10);
  EXPECT_NO_THROW(detail::check_size(message, "orders", 157));
  try {
    detail::check_size(message, "orders", 156);
    FAIL();
  } catch (const Error& error) {
    EXPECT_THAT(error.message(), HasSubstr("a message to orders has 157 bytes with what Kafka adds, and 156 is the most. Raise the sink's property message.max.bytes"));
  }
  EXPECT_EQ(detail::most_message_bytes(kNowhere), 1'000'000u);
  EXPECT_EQ(detail::most_message_bytes({.brokers = "x", .properties = {{"message.max.bytes", "2000"}}}), 2000u);
}

}  // namespace
}  // namespace tidemark

// One reader's part of the source, by hand.
#include <gmock/gmock.h>

#include <thread>

#include "broker.h"
#include "connectors/operator_driver.h"
#include "kafka/kafka_split.h"
#include "tidemark/detail/kafka/kafka_records.h"
#include "tidemark/detail/state/list_items.h"

namespace tidemark::detail {
namespace {

using namespace std::chrono_literals;

class KafkaRecordsTest : public KafkaTest {
 protected:
  KafkaRecords records(std::map<std::string, std::string> properties = {}) {
    KafkaConnection connection = broker().connection();
    connection.properties = std::move(properties);
    return KafkaRecords{{.connection = connection, .topics = {"any"}}};
  }
  OperatorContext context() {
    OperatorContext context = make_context(world_);
    context.post_mail = [this](const std::function<void()>& letter) {
      letter();
      ++letters_;
    };
    return context;
  }
  /// What a fetch gives when it gives something: the broker answers when it answers.
  KafkaRecords::Fetched fetched(KafkaRecords& records, std::uint32_t most) {
    while (true) {
      const auto fetched = records.fetch(most);
      if (fetched.count > 0 || fetched.at_end) return fetched;
      std::this_thread::sleep_for(1ms);
    }
  }
  static std::vector<SentMessage> messages(int count, std::size_t size) { return std::vector<SentMessage>(static_cast<std::size_t>(count), {.value = std::string(size, 'x')}); }

  World world_;
  std::atomic<int> letters_ = 0;
};

TEST_F(KafkaRecordsTest, WhatIsBehindThePositionIsPending) {
  const std::string topic = create_topic(1);
  user().send(topic, messages(10, 10));
  const OperatorContext here = context();
  KafkaRecords reader = records();
  reader.start(here);
  const std::string split = encode_item(KafkaSplit{.topic = topic, .partition = 0});
  EXPECT_FALSE(reader.pending_in(split).records) << "nobody has asked yet";
  reader.open(split, "");
  EXPECT_EQ(fetched(reader, 4).count, 4u);
  EXPECT_EQ(reader.pending_in(split).records, 6u);
  EXPECT_EQ(reader.position(), "4");
  while (!fetched(reader, 100).at_end) {
  }
  EXPECT_EQ(reader.pending_in(split).records, 0u);
  EXPECT_GT(letters_, 0) << "the task is told that there is something";
}

TEST_F(KafkaRecordsTest, ASplitGoesOnFromItsPositionAndEndsAtItsStop) {
  const std::string topic = create_topic(1);
  user().send(topic, messages(10, 10));
  const OperatorContext here = context();
  KafkaRecords reader = records();
  reader.start(here);
  reader.open(encode_item(KafkaSplit{.topic = topic, .partition = 0, .stop = 8}), "5");
  std::vector<std::int64_t> offsets;
  for (bool stopped = false; !stopped;) {
    const auto some = fetched(reader, 2);
    for (std::uint32_t i = 0; i < some.count; ++i) offsets.push_back(reader.message(i).offset);
    stopped = some.stopped;
  }
  EXPECT_THAT(offsets, ::testing::ElementsAre(5, 6, 7));
}

TEST_F(KafkaRecordsTest, NothingIsLostWhereTheClientHasNoRoom) {
  const std::string topic = create_topic(1);
  user().send(topic, messages(2000, 1000));
  const OperatorContext here = context();
  KafkaRecords reader = records({{"queued.max.messages.kbytes", "64"}, {"fetch.message.max.bytes", "16384"}});
  reader.start(here);
  reader.open(encode_item(KafkaSplit{.topic = topic, .partition = 0, .stop = 2000}), "");
  std::int64_t next = 0;
  for (bool stopped = false; !stopped;) {
    const auto some = fetched(reader, 100);
    for (std::uint32_t i = 0; i < some.count; ++i) ASSERT_EQ(reader.message(i).offset, next++);
    stopped = some.stopped;
  }
  EXPECT_EQ(next, 2000);
}

}  // namespace
}  // namespace tidemark::detail

// What the sink writes, as an independent reader of the committed messages sees it.
#include <gmock/gmock.h>

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "broker.h"
#include "connectors/operator_driver.h"
#include "kafka/admin.h"
#include "kafka/transactional_producer.h"
#include "tidemark/kafka_sink.h"

namespace tidemark {
namespace {

using namespace std::chrono_literals;
using detail::TransactionalProducer;
using detail::World;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::UnorderedElementsAre;

struct Order {
  std::int64_t id = 0;
  std::string customer;
};

constexpr std::string_view kJob = "job";

/// A subtask of the sink, driven by hand.
class DrivenSink {
 public:
  explicit DrivenSink(const SinkDescription<Order>& sink, std::uint32_t subtask = 0, std::uint32_t parallelism = 1, std::uint32_t attempt = 1)
      : context_{detail::make_context(world_, subtask, parallelism, attempt)}, op_{sink.make_writer()} {
    world_.clock.now_ns += ++runs * 1'000'000'000;  // runs are named by their time, and each world begins with the same
    context_.job = kJob;
    op_->open(context_);
  }

  void write(const std::vector<Order>& orders, std::int64_t time = 0) { detail::give(*op_, orders, time); }
  void write(std::int64_t from, std::int64_t to) {
    for (; from < to; ++from) write({{from, "c"}});
  }
  std::vector<std::string> checkpoint(CheckpointId id) { return detail::take_snapshot(*op_, id).committables; }
  void complete(CheckpointId id) {
    op_->checkpoint_completed(id);
    world_.settle();
  }
  void end() { op_->end_of_data(); }
  /// All that waits for a while does.
  bool settles_after_retries() {
    for (int i = 0; i < 10 && !op_->settled(); ++i) {
      if (const auto due = op_->next_processing_time()) static_cast<void>(op_->advance_processing_time(*due));
      world_.settle();
    }
    return op_->settled();
  }

 private:
  static inline std::int64_t runs = 0;
  World world_;
  detail::OperatorContext context_;
  std::unique_ptr<detail::Operator> op_;
};

/// The start of a job, restored with these.
void recover(const SinkDescription<Order>& sink, std::vector<std::string> committables, std::uint32_t attempt = 2) {
  World world;
  sink.recover({.env = &world.env, .job = std::string{kJob}, .uid = "uid", .attempt = attempt, .restored = true, .committables = std::move(committables)});
}

template <class Call>
std::string error_of(Call call) {
  try {
    call();
  } catch (const Error& error) {
    return error.message();
  } catch (const detail::TaskFailure& failure) {
    return failure.error().message();
  }
  return "no error";
}

struct Received {
  std::int32_t partition = 0;
  std::optional<std::string> key;
  std::optional<std::string> value;
  std::int64_t timestamp_ms = 0;
  std::vector<std::pair<std::string, std::string>> headers;
};

std::optional<std::string> bytes_of(const void* bytes, std::size_t size) {
  return bytes != nullptr ? std::optional{std::string{static_cast<const char*>(bytes), size}} : std::nullopt;
}

Received received(const rd_kafka_message_t& message) {
  Received result{message.partition, bytes_of(message.key, message.key_len), bytes_of(message.payload, message.len), rd_kafka_message_timestamp(&message, nullptr), {}};
  rd_kafka_headers_t* headers = nullptr;
  if (rd_kafka_message_headers(&message, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR) return result;
  const char* name = nullptr;
  const void* value = nullptr;
  std::size_t size = 0;
  for (std::size_t i = 0; rd_kafka_header_get_all(headers, i, &name, &value, &size) == RD_KAFKA_RESP_ERR_NO_ERROR; ++i) {
    result.headers.emplace_back(name, bytes_of(value, size).value_or("null"));
  }
  return result;
}

class KafkaSinkTest : public KafkaTest {
 protected:
  // Each test has names of its own in the cluster.
  KafkaSink<Order> sink(const std::string& topic, DeliveryGuarantee guarantee) {
    KafkaSink<Order> made = kafka_sink<Order>(broker().connection(), topic);
    made.value(&Order::id).delivery_guarantee(guarantee).transactional_id_prefix(prefix()).property("linger.ms", "0");
    return made;
  }
  KafkaSink<Order> exactly_once(const std::string& topic) { return sink(topic, DeliveryGuarantee::kExactlyOnce); }
  std::string prefix() const { return topic_name("prefix"); }

  // As the brokers do with groups that nobody has used for long.
  void forget_marks() { forget_marks_but(""); }
  void forget_marks_but(const std::string& kept) {
    MemoryFileSystem files;
    const detail::KafkaClient client{detail::KafkaClient::Kind::kProducer, detail::make_conf(broker().connection(), {}, files)};
    const detail::KafkaQueue queue{rd_kafka_queue_new(client.get())};
    int groups = 0;
    for (const std::string& name : detail::group_names(client.get())) {
      if (!name.starts_with(prefix())) continue;
      ++groups;
      if (name == kept) continue;
      rd_kafka_DeleteGroup_t* group = rd_kafka_DeleteGroup_new(name.c_str());
      rd_kafka_DeleteGroups(client.get(), &group, 1, nullptr, queue.get());
      rd_kafka_DeleteGroup_destroy(group);
      rd_kafka_event_t* done = rd_kafka_queue_poll(queue.get(), 60'000);
      ASSERT_NE(done, nullptr);
      EXPECT_EQ(rd_kafka_event_error(done), RD_KAFKA_RESP_ERR_NO_ERROR);
      rd_kafka_event_destroy(done);
    }
    ASSERT_GT(groups, 0);
  }

  std::vector<std::string> values(const std::string& topic, int partitions = 1) { return user().read_committed(topic, partitions); }

  std::vector<Received> messages(const std::string& topic, int partitions) {
    MemoryFileSystem files;
    const detail::KafkaClient consumer{detail::KafkaClient::Kind::kConsumer,
                                       detail::make_conf(broker().connection(), {{"group.id", "sink-test"}, {"enable.partition.eof", "true"}}, files)};
    auto all = detail::make_partition_list(partitions);
    for (int i = 0; i < partitions; ++i) rd_kafka_topic_partition_list_add(all.get(), topic.c_str(), i)->offset = RD_KAFKA_OFFSET_BEGINNING;
    rd_kafka_assign(consumer.get(), all.get());
    std::vector<Received> result;
    for (int ended = 0; ended < partitions;) {
      rd_kafka_message_t* message = rd_kafka_consumer_poll(consumer.get(), 60'000);
      if (message == nullptr) {
        ADD_FAILURE() << topic << " has no end";
        break;
      }
      if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) result.push_back(received(*message));
      ended += message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF ? 1 : 0;
      rd_kafka_message_destroy(message);
    }
    return result;
  }
};

std::vector<std::string> numbers(std::int64_t from, std::int64_t to) {
  std::vector<std::string> texts;
  for (; from < to; ++from) texts.push_back(std::to_string(from));
  return texts;
}

TEST_F(KafkaSinkTest, ARecordBecomesAMessageAsItIsToldAtEachGuarantee) {
  for (const auto guarantee : {DeliveryGuarantee::kNone, DeliveryGuarantee::kAtLeastOnce, DeliveryGuarantee::kExactlyOnce}) {
    const std::string number = std::to_string(static_cast<int>(guarantee));
    const std::string topic = create_topic(3, "main" + number), other = create_topic(3, "other" + number);
    auto made = kafka_sink<Order>(broker().connection(), topic);
    made.delivery_guarantee(guarantee).transactional_id_prefix(prefix() + number).key(&Order::customer);
    made.topic([&](const Order& order) { return order.id < 3 ? topic : other; });
    made.partition([](const Order& order) { return order.id == 2 ? std::optional{std::int32_t{1}} : std::nullopt; });
    made.headers([](const Order& order) { return std::vector<KafkaHeader>{{"id", std::to_string(order.id)}, {"nothing", std::nullopt}}; });
    {
      DrivenSink subtask{made};
      subtask.write({{1, "ann"}}, 1'700'000'000'000);
      subtask.write({{2, "bob"}, {3, "ann"}});
      static_cast<void>(subtask.checkpoint(1));
      subtask.complete(1);
      EXPECT_TRUE(subtask.settles_after_retries());
    }
    auto main = messages(topic, 3);
    ASSERT_EQ(main.size(), 2u);
    std::ranges::sort(main, {}, &Received::key);
    EXPECT_EQ(main[0].key, "ann");
    EXPECT_EQ(main[0].value, R"({"id":1,"customer":"ann"})");
    EXPECT_EQ(main[0].timestamp_ms, 1'700'000'000'000);
    EXPECT_THAT(main[0].headers, ElementsAre(Pair("id", "1"), Pair("nothing", "null")));
    EXPECT_EQ(main[1].partition, 1);
    EXPECT_GT(main[1].timestamp_ms, 1'700'000'000'000) << "the time of the writing, where there is no other";
    const auto elsewhere = messages(other, 3);
    ASSERT_EQ(elsewhere.size(), 1u);
    EXPECT_EQ(elsewhere[0].key, "ann");
    EXPECT_EQ(elsewhere[0].partition, main[0].partition) << "one key, one partition";
  }
}

TEST_F(KafkaSinkTest, AnUpsertIsTheRowOfItsKeyAndADeleteIsNull) {
  const std::string topic = create_topic(1);
  const SinkDescription<Upsert<Order>> description =
      kafka_sink<Upsert<Order>>(broker().connection(), topic).key([](const Upsert<Order>& upsert) { return upsert.row.id; });
  World world;
  auto context = detail::make_context(world);
  const auto op = description.make_writer();
  op->open(context);
  detail::give(*op, std::vector<Upsert<Order>>{{UpsertKind::kUpsert, {7, "ann"}}, {UpsertKind::kDelete, {7, "ann"}}});
  op->end_of_data();
  const auto all = messages(topic, 1);
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(all[0].key, "7");
  EXPECT_EQ(all[0].value, R"({"id":7,"customer":"ann"})");
  EXPECT_EQ(all[1].key, "7");
  EXPECT_FALSE(all[1].value);
}

TEST_F(KafkaSinkTest, ADeadLetterIsTheTextAsItWasWithWhereItStoodAndWhatWasWrong) {
  const std::string topic = create_topic(1);
  const SinkDescription<BadRecord> description = kafka_dead_letters(broker().connection(), topic);
  World world;
  auto context = detail::make_context(world);
  const auto op = description.make_writer();
  op->open(context);
  detail::give(*op, std::vector<BadRecord>{{"orders[3]", 17, 4, "no object", "{]"}});
  op->end_of_data();
  const auto all = messages(topic, 1);
  ASSERT_EQ(all.size(), 1u);
  EXPECT_EQ(all[0].value, "{]");
  EXPECT_THAT(all[0].headers, ElementsAre(Pair("tidemark.source", "orders[3]"), Pair("tidemark.position", "17"), Pair("tidemark.column", "4"),
                                          Pair("tidemark.reason", "no object")));
}

TEST_F(KafkaSinkTest, AtLeastOnceACheckpointHasAllThatWasWrittenAndAFullQueueHoldsTheWriterBack) {
  const std::string topic = create_topic(1);
  DrivenSink subtask{sink(topic, DeliveryGuarantee::kAtLeastOnce).property("queue.buffering.max.messages", "10")};
  subtask.write(0, 2000);
  EXPECT_TRUE(subtask.checkpoint(1).empty());
  EXPECT_THAT(values(topic), ::testing::ElementsAreArray(numbers(0, 2000)));
  subtask.write(2000, 2001);
  subtask.end();
  EXPECT_EQ(values(topic).size(), 2001u) << "nor is the end of the input before the last message";
}

TEST_F(KafkaSinkTest, WhatTheBrokerRefusesFailsTheCheckpointWithPlaceAndReason) {
  const std::string topic = create_topic(1, "small", {{"max.message.bytes", "2000"}});
  DrivenSink subtask{sink(topic, DeliveryGuarantee::kAtLeastOnce).value(&Order::customer)};
  subtask.write({{1, std::string(10'000, 'x')}});
  EXPECT_THAT(error_of([&] { static_cast<void>(subtask.checkpoint(1)); }), AllOf(HasSubstr(topic + "[0]"), HasSubstr("MSG_SIZE_TOO_LARGE")));
}

TEST_F(KafkaSinkTest, WhatIsWrittenWhileTheBrokerIsGoneArrivesWhenItIsBack) {
  const std::string topic = create_topic(1);
  DrivenSink plain{sink(topic, DeliveryGuarantee::kAtLeastOnce)};
  DrivenSink transactional{exactly_once(topic)};
  plain.write(0, 10);
  transactional.write(10, 20);
  static_cast<void>(transactional.checkpoint(1));
  broker().kill();
  plain.write(20, 30);
  broker().start();
  static_cast<void>(plain.checkpoint(1));
  transactional.complete(1);
  EXPECT_TRUE(transactional.settles_after_retries());
  EXPECT_THAT(values(topic), ::testing::UnorderedElementsAreArray(numbers(0, 30)));
}

TEST_F(KafkaSinkTest, AnEpochIsSeenWhenACheckpointThatHoldsItIsComplete) {
  const std::string topic = create_topic(1);
  DrivenSink subtask{exactly_once(topic)};
  EXPECT_TRUE(subtask.checkpoint(1).empty()) << "nothing was written";
  subtask.write(0, 3);
  EXPECT_EQ(subtask.checkpoint(2).size(), 1u);
  subtask.write(3, 5);
  EXPECT_EQ(subtask.checkpoint(3).size(), 2u);
  EXPECT_THAT(values(topic), IsEmpty());
  subtask.write(5, 6);
  subtask.complete(3);
  EXPECT_THAT(values(topic), ElementsAre("0", "1", "2", "3", "4"));
  EXPECT_EQ(subtask.checkpoint(4).size(), 1u);
  subtask.complete(4);
  EXPECT_THAT(values(topic), ElementsAre("0", "1", "2", "3", "4", "5"));
}

TEST_F(KafkaSinkTest, WhatARestoredJobCommitsIsThereOnceHoweverOftenAndByWhateverParallelism) {
  const std::string topic = create_topic(1);
  const SinkDescription<Order> description = exactly_once(topic);
  std::vector<std::string> first, second;
  {
    DrivenSink left{description, 0, 2}, right{description, 1, 2};
    left.write(0, 2);
    right.write(10, 12);
    for (auto* subtask : {&left, &right}) {
      const auto held = subtask->checkpoint(1);
      first.insert(first.end(), held.begin(), held.end());
    }
    left.complete(1);  // and the process dies before the right one does
    left.write(2, 4);
    for (auto* subtask : {&left, &right}) {
      const auto held = subtask->checkpoint(2);
      second.insert(second.end(), held.begin(), held.end());
    }
  }
  EXPECT_EQ(second.size(), 2u) << "what is committed is not held any more";
  recover(description, first);
  EXPECT_THAT(values(topic), ElementsAre("0", "1", "10", "11"));
  recover(description, first, 3);
  recover(description, second, 4);
  EXPECT_THAT(values(topic), ElementsAre("0", "1", "10", "11", "2", "3"));
  DrivenSink alone{description, 0, 1, 5};
  alone.write(20, 21);
  static_cast<void>(alone.checkpoint(1));
  alone.complete(1);
  recover(description, second, 6);
  recover(description, first, 7);
  EXPECT_THAT(values(topic), ElementsAre("0", "1", "10", "11", "2", "3", "20"));
}

TEST_F(KafkaSinkTest, AnOldSavepointIsNotCommittedTwiceAndWhatIsWrittenBehindItIsCommitted) {
  const std::string topic = create_topic(1);
  const SinkDescription<Order> description = exactly_once(topic);
  std::vector<std::string> savepoint;
  {
    DrivenSink subtask{description};
    subtask.write(0, 1);
    savepoint = subtask.checkpoint(1);
    for (CheckpointId id = 2; id < 6; ++id) {
      subtask.write(static_cast<std::int64_t>(id) * 10, static_cast<std::int64_t>(id) * 10 + 1);
      static_cast<void>(subtask.checkpoint(id));
      subtask.complete(id);
    }
  }
  recover(description, savepoint);
  DrivenSink again{description, 0, 1, 2};
  again.write(100, 101);
  static_cast<void>(again.checkpoint(2));
  again.complete(2);
  EXPECT_THAT(values(topic), ElementsAre("0", "20", "30", "40", "50", "100"));
}

TEST_F(KafkaSinkTest, OfTwoAttemptsAtOnceOnlyOneCommitsAnEpochAndTheOtherGoesOnWithItsOwn) {
  const std::string topic = create_topic(1);
  const SinkDescription<Order> description = exactly_once(topic);
  DrivenSink zombie{description};
  zombie.write(0, 1);
  static_cast<void>(zombie.checkpoint(1));
  zombie.complete(1);  // it has its producer now
  zombie.write(1, 3);
  const auto held = zombie.checkpoint(2);
  recover(description, held);
  DrivenSink next{description, 0, 1, 2};
  next.write(10, 11);
  static_cast<void>(next.checkpoint(3));
  zombie.complete(2);
  next.complete(3);
  EXPECT_TRUE(zombie.settles_after_retries());
  EXPECT_TRUE(next.settles_after_retries());
  EXPECT_THAT(values(topic), ElementsAre("0", "1", "2", "10"));
}

TEST_F(KafkaSinkTest, ATransactionThatACrashLeftOpenHoldsNoReaderUpBehindTheNextStart) {
  const std::string topic = create_topic(1);
  const SinkDescription<Order> description = exactly_once(topic);
  {
    // What the third subtask of a job that had three leaves behind when it dies between writing and committing.
    DrivenSink third{description, 2, 3};
    third.write(0, 1);
    static_cast<void>(third.checkpoint(1));
    TransactionalProducer dies{broker().connection(), prefix() + "-2", 10min};
    dies.take_over();
    dies.begin();
    dies.produce({.value = "half"}, topic);
    dies.end_with_offset("whose", topic, 1);
  }
  user().send(topic, {{.value = "behind"}});
  EXPECT_THAT(values(topic), IsEmpty()) << "readers wait for the decision";
  recover(description, {});
  EXPECT_THAT(values(topic), ElementsAre("behind"));
}

TEST_F(KafkaSinkTest, ACommitThatIsCutOffIsDoneByTheNextStartAndNotByBoth) {
  const std::string topic = create_topic(1);
  const SinkDescription<Order> description = exactly_once(topic);
  DrivenSink subtask{description};
  subtask.write(0, 1);
  const auto held = subtask.checkpoint(1);
  TransactionalProducer half{broker().connection(), prefix() + "-0", 10min};
  half.take_over();
  half.begin();
  half.produce({.value = "0"}, topic);
  half.end_with_offset("whose", topic, 1);
  recover(description, held);
  EXPECT_THAT(error_of([&] { half.commit(); }), HasSubstr(prefix() + "-0"));
  EXPECT_THAT(values(topic), ElementsAre("0"));
}

TEST_F(KafkaSinkTest, WhereTheMarkIsGoneTheUserDecides) {
  const std::string topic = create_topic(1);
  const auto description = [&](LostMarker choice) -> SinkDescription<Order> { return exactly_once(topic).on_lost_marker(choice); };
  DrivenSink subtask{description(LostMarker::kFail)};
  subtask.write(0, 1);
  const auto held = subtask.checkpoint(1);
  subtask.complete(1);
  forget_marks();
  EXPECT_THAT(error_of([&] { recover(description(LostMarker::kFail), held); }), AllOf(HasSubstr("can't be told"), HasSubstr("on_lost_marker")));
  recover(description(LostMarker::kSkip), held);
  EXPECT_THAT(values(topic), ElementsAre("0"));
  recover(description(LostMarker::kCommit), held);
  recover(description(LostMarker::kFail), held);
  EXPECT_THAT(values(topic), ElementsAre("0", "0"));
}

TEST_F(KafkaSinkTest, WhatTheUserDecidesIsSoForAllEpochsThatWait) {
  const std::string topic = create_topic(1);
  const auto description = [&](LostMarker choice) -> SinkDescription<Order> { return exactly_once(topic).on_lost_marker(choice); };
  DrivenSink subtask{description(LostMarker::kFail)};
  subtask.write(0, 1);
  static_cast<void>(subtask.checkpoint(1));
  subtask.write(1, 2);
  const auto held = subtask.checkpoint(2);
  ASSERT_EQ(held.size(), 2u);
  forget_marks();
  recover(description(LostMarker::kSkip), held);
  EXPECT_THAT(values(topic), IsEmpty());
  recover(description(LostMarker::kCommit), held);
  EXPECT_THAT(values(topic), ElementsAre("0", "1"));
  recover(description(LostMarker::kCommit), held);
  EXPECT_THAT(values(topic), ElementsAre("0", "1")) << "the marks are there again";
}

TEST_F(KafkaSinkTest, WhileAJobRunsALostMarkIsAnErrorWhateverWasSaidOfItsStart) {
  const std::string topic = create_topic(1);
  for (const auto choice : {LostMarker::kSkip, LostMarker::kCommit}) {
    DrivenSink subtask{exactly_once(topic).on_lost_marker(choice)};
    subtask.write(0, 1);
    static_cast<void>(subtask.checkpoint(1));
    forget_marks();
    EXPECT_THAT(error_of([&] { subtask.complete(1); }), HasSubstr("can't be told"));
  }
  EXPECT_THAT(values(topic), IsEmpty());
}

TEST_F(KafkaSinkTest, AfterALongPauseTheNextEpochHasAMarkOfItsOwn) {
  const std::string topic = create_topic(1);
  const auto groups_of_two = [&](Duration run_ends_after) {
    detail::KafkaSinkOptions options{.connection = broker().connection(), .topic = topic, .transactional_id_prefix = prefix()};
    options.run_ends_after = run_ends_after;
    detail::KafkaTransactions writer{options}, committer{options};
    std::vector<std::string> groups;
    for (auto* each : {&writer, &committer}) each->open({.job = std::string{kJob}, .uid = "uid"});
    for (const char* number : {"0", "1"}) {
      writer.begin(std::to_string(run_ends_after.count()) + number);
      writer.write({.value = number});
      const detail::KafkaEpoch epoch = writer.pre_commit();
      groups.push_back(epoch.marker_group);
      forget_marks_but(epoch.marker_group);
      committer.commit(epoch);
    }
    return groups;
  };
  const auto close = groups_of_two(1h);
  EXPECT_EQ(close[0], close[1]);
  const auto apart = groups_of_two(0ms);
  EXPECT_NE(apart[0], apart[1]);
  EXPECT_THAT(values(topic), ElementsAre("0", "1", "0", "1")) << "and none needs the mark of the one before";
}

TEST_F(KafkaSinkTest, WhatCouldNeverBeCommittedIsRefusedWhenItIsWritten) {
  const std::string topic = create_topic(2), small = create_topic(1, "small", {{"max.message.bytes", "2000"}});
  auto made = exactly_once(topic);
  made.topic([&](const Order& order) { return order.customer; });
  made.partition([](const Order& order) { return std::optional{static_cast<std::int32_t>(order.id)}; });
  DrivenSink subtask{made};
  const auto error = [&](std::int64_t partition, const std::string& name) { return error_of([&] { subtask.write({{partition, name}}); }); };
  EXPECT_THAT(error(-5, topic), HasSubstr("has 2 partitions, and partition() of the sink says -5"));
  EXPECT_THAT(error(2, topic), HasSubstr("has 2 partitions, and partition() of the sink says 2"));
  EXPECT_THAT(error(0, "a b"), HasSubstr("'a b' can't be the name of a topic"));
  EXPECT_THAT(error(0, ".."), HasSubstr("can't be the name"));
  EXPECT_THAT(error(0, std::string(250, 'x')), HasSubstr("can't be the name"));
  EXPECT_THAT(error(0, topic_name("missing")), AllOf(HasSubstr(topic_name("missing")), HasSubstr("Create the topic")));
  EXPECT_THAT(error(0, small), HasSubstr("takes messages of 2000 bytes"));
  EXPECT_EQ(error(1, topic), "no error");
  user().create_partitions(topic, 3);
  EXPECT_EQ(error(2, topic), "no error") << "a topic that has grown is looked up again";
}

TEST_F(KafkaSinkTest, ATopicThatIsGoneWhenAnEpochIsCommittedIsWaitedFor) {
  const std::string topic = create_topic(1), other = create_topic(1, "other");
  auto made = exactly_once(topic).property("topic.metadata.propagation.max.ms", "500");
  made.topic([&](const Order&) { return other; });
  DrivenSink subtask{made};
  subtask.write(0, 1);
  static_cast<void>(subtask.checkpoint(1));
  user().delete_topic(other);
  subtask.complete(1);
  EXPECT_EQ(create_topic(1, "other"), other);
  EXPECT_TRUE(subtask.settles_after_retries());
  EXPECT_THAT(values(other), ElementsAre("0"));
}

TEST_F(KafkaSinkTest, ATransactionThatTakesTooLongSaysWhichTimeToRaise) {
  const std::string topic = create_topic(1);
  TransactionalProducer slow{broker().connection(), prefix() + "-0", 1s};
  slow.take_over();
  slow.begin();
  slow.produce({.value = "0"}, topic);
  broker().kill();
  EXPECT_THAT(error_of([&] { slow.end_with_offset("whose", topic, 1); }), HasSubstr("transaction_timeout()"));
  broker().start();
}

TEST_F(KafkaSinkTest, AStartIsRefusedWhereNoCommitCouldEverSucceed) {
  EXPECT_THAT(error_of([&] { recover(exactly_once(topic_name("missing")), {}); }), AllOf(HasSubstr(topic_name("missing")), HasSubstr("Create the topic")));
  const std::string small = create_topic(1, "small", {{"max.message.bytes", "2000"}});
  EXPECT_THAT(error_of([&] { recover(exactly_once(small), {}); }), HasSubstr("takes messages of 2000 bytes, and the sink would write such of 1000000"));
  recover(exactly_once(small).property("message.max.bytes", "2000"), {});
  const std::string topic = create_topic(1);
  EXPECT_THAT(error_of([&] { recover(exactly_once(topic).transaction_timeout(20min), {}); }), HasSubstr("transaction.max.timeout.ms"));
}

TEST_F(KafkaSinkTest, TheLargestMessageThatIsTakenIsCommittedToATopicWithTheSameLimit) {
  const std::string topic = create_topic(1, "topic", {{"max.message.bytes", "2000"}});
  auto made = exactly_once(topic).value(&Order::customer).property("message.max.bytes", "2000");
  made.headers([](const Order&) { return std::vector<KafkaHeader>(20); });
  const SinkDescription<Order> description = made;
  const std::size_t size = 2000 - 128 - 20 * 10;
  DrivenSink subtask{description};
  subtask.write({{1, std::string(size, 'x')}});
  recover(description, subtask.checkpoint(1));
  ASSERT_EQ(values(topic).size(), 1u);
  DrivenSink next{description};
  EXPECT_THAT(error_of([&] { next.write({{2, std::string(size + 1, 'x')}}); }), HasSubstr("and 2000 is the most"));
}

TEST_F(KafkaSinkTest, WhatIsTooLargeToBeCommittedIsRefusedWhenItIsWritten) {
  const std::string topic = create_topic(1);
  DrivenSink subtask{exactly_once(topic).value(&Order::customer)};
  EXPECT_THAT(error_of([&] { subtask.write({{1, std::string(2'000'000, 'x')}}); }), HasSubstr("has 2000128 bytes with what Kafka adds, and 1000000 is the most"));
  DrivenSink small{exactly_once(topic).max_epoch_bytes(1000)};
  EXPECT_THAT(error_of([&] { small.write(0, 10'000); }), AllOf(HasSubstr("take more than 1000 bytes"), HasSubstr("Take checkpoints more often")));
}

}  // namespace
}  // namespace tidemark

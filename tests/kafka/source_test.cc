// Jobs that read from a real broker.
#include <gmock/gmock.h>

#include <atomic>
#include <mutex>
#include <set>
#include <thread>

#include "broker.h"
#include "disturbance.h"
#include "run_job.h"
#include "tidemark/kafka.h"

namespace tidemark {
namespace {

using namespace std::chrono_literals;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

struct Order {
  std::int64_t id = 0;
  std::string item;
};

struct Line {
  std::string text;
};

std::string order(std::int64_t id) { return R"({"id":)" + std::to_string(id) + R"(,"item":"tea"})"; }

std::vector<SentMessage> orders(std::int64_t from, std::int64_t until, std::int32_t partition = 0) {
  std::vector<SentMessage> messages;
  for (std::int64_t id = from; id < until; ++id) messages.push_back({.partition = partition, .value = order(id)});
  return messages;
}

const Words kNoRestart{"-D", "restart-strategy.type=none"};

class KafkaSourceTest : public KafkaTest {
 protected:
  KafkaSource<Order> source(const std::string& topic) { return read_kafka<Order>(broker().connection(), topic); }
  KafkaSource<Order> until_now(const std::string& topic) { return source(topic).stop_at(KafkaOffsets::latest()); }

  /// What the job with this source has read when it is over, in order.
  static std::vector<std::int64_t> ids_of(const KafkaSource<Order>& source, const Words& words = {}) {
    auto ids = collect<std::int64_t>();
    run_job(words, [&](Job& job) { job.from(source).uid("orders").map(&Order::id).to(ids).uid("ids"); });
    auto result = ids.get();
    std::ranges::sort(result);
    return result;
  }
  static std::string failure_of_reading(const KafkaSource<Order>& source) {
    return failure_of(kNoRestart, [&](Job& job) { job.from(source).uid("orders").to(discard()); });
  }
};

TEST_F(KafkaSourceTest, ReadsAllPartitionsToTheirEnd) {
  const std::string topic = create_topic(3);
  user().send(topic, {{.partition = 0, .value = order(1)}, {.partition = 0, .value = order(2)}, {.partition = 2, .value = order(3)}});
  EXPECT_THAT(ids_of(until_now(topic)), ElementsAre(1, 2, 3));
  EXPECT_THAT(ids_of(until_now(topic), {"--parallelism", "2"}), ElementsAre(1, 2, 3));
}

TEST_F(KafkaSourceTest, ReadsATopicThatIsEmpty) { EXPECT_THAT(ids_of(until_now(create_topic(2))), IsEmpty()); }

TEST_F(KafkaSourceTest, ReadsManyBatches) {
  const std::string topic = create_topic(2);
  user().send(topic, orders(0, 30'000, 0));
  user().send(topic, orders(30'000, 50'000, 1));
  const auto ids = ids_of(until_now(topic));
  ASSERT_EQ(ids.size(), 50'000u);
  for (std::int64_t id = 0; id < 50'000; ++id) ASSERT_EQ(ids[static_cast<std::size_t>(id)], id);
}

TEST_F(KafkaSourceTest, TopicsAreGivenByNamePatternOrPartition) {
  const std::string tea = create_topic(1, "tea");
  const std::string milk = create_topic(2, "milk");
  user().send(tea, orders(1, 2));
  user().send(milk, {{.partition = 0, .value = order(2)}, {.partition = 1, .value = order(3)}});
  const auto all = [&] { return read_kafka<Order>(broker().connection()).stop_at(KafkaOffsets::latest()); };
  EXPECT_THAT(ids_of(all().topics({tea, milk})), ElementsAre(1, 2, 3));
  EXPECT_THAT(ids_of(all().topic_pattern(topic_name("(tea|nothing)"))), ElementsAre(1));
  EXPECT_THAT(ids_of(all().partitions({{milk, 1}})), ElementsAre(3));
}

TEST_F(KafkaSourceTest, StartsWhereItIsToldTo) {
  const std::string topic = create_topic(1);
  for (std::int64_t id = 0; id < 4; ++id) user().send(topic, {{.value = order(id), .timestamp_ms = 1000 * (id + 1)}});
  EXPECT_THAT(ids_of(until_now(topic).start_at(KafkaOffsets::earliest())), ElementsAre(0, 1, 2, 3));
  EXPECT_THAT(ids_of(until_now(topic).start_at(KafkaOffsets::latest())), IsEmpty());
  EXPECT_THAT(ids_of(until_now(topic).start_at(KafkaOffsets::from_time(Timestamp{2500}))), ElementsAre(2, 3));
  EXPECT_THAT(ids_of(until_now(topic).start_at(KafkaOffsets::from_time(Timestamp{9000}))), IsEmpty());
  EXPECT_THAT(ids_of(until_now(topic).start_at(KafkaOffsets::these({{{topic, 0}, 3}}))), ElementsAre(3));
  EXPECT_THAT(ids_of(source(topic).stop_at(KafkaOffsets::these({{{topic, 0}, 2}}))), ElementsAre(0, 1));
  EXPECT_THAT(ids_of(source(topic).stop_at(KafkaOffsets::from_time(Timestamp{3000}))), ElementsAre(0, 1));
}

TEST_F(KafkaSourceTest, StartsWhereItsGroupIs) {
  const std::string topic = create_topic(2);
  user().send(topic, orders(0, 4));
  user().send(topic, orders(4, 6, 1));
  user().commit(topic, topic, 0, 3);
  const auto of_group = [&](KafkaOffsets offsets) { return until_now(topic).group(topic).start_at(std::move(offsets)); };
  using Otherwise = KafkaOffsets::Otherwise;
  EXPECT_THAT(ids_of(of_group(KafkaOffsets::committed(Otherwise::kEarliest))), ElementsAre(3, 4, 5));
  EXPECT_EQ(user().committed(topic, topic, 0), 4) << "it was told at the end";
  EXPECT_EQ(user().committed(topic, topic, 1), 2);
  EXPECT_THAT(failure_of_reading(until_now(topic).group("nobody").start_at(KafkaOffsets::committed())),
              AllOf(HasSubstr("'nobody' has committed no offset"), HasSubstr("kEarliest")));
}

TEST_F(KafkaSourceTest, EndsBehindWhatIsNoMessage) {
  const std::string topic = create_topic(1);
  user().send(topic, orders(0, 1));
  user().send_in_transaction(topic, orders(1, 3), true);
  user().send_in_transaction(topic, orders(3, 5), false);
  EXPECT_THAT(ids_of(until_now(topic)), ElementsAre(0, 1, 2));
  EXPECT_THAT(ids_of(until_now(topic).read_uncommitted()), ElementsAre(0, 1, 2, 3, 4));
}

TEST_F(KafkaSourceTest, RecordsAreMadeOfAllThatAMessageHas) {
  const std::string topic = create_topic(1);
  user().send(topic, {{.value = "3", .key = "tea", .timestamp_ms = 1234, .headers = {{"shop", "north"}, {"by", "ann"}}}, {.value = std::nullopt, .key = "milk"}});
  auto lines = collect<std::string>();
  run_job({}, [&](Job& job) {
    const auto line = [](const KafkaMessage& message) -> std::optional<Line> {
      if (!message.value) return std::nullopt;
      return Line{std::string{*message.key} + "=" + std::string{*message.value} + " at " + std::to_string(message.time.ms()) + " in " +
                  std::string{*message.header("shop")} + " of " + std::to_string(message.headers().size()) + " offset " + std::to_string(message.offset)};
    };
    job.from(read_kafka<Line>(broker().connection(), topic).format(line).stop_at(KafkaOffsets::latest())).uid("lines").map(&Line::text).to(lines).uid("out");
  });
  EXPECT_THAT(lines.get(), ElementsAre("tea=3 at 1234 in north of 2 offset 0"));
}

TEST_F(KafkaSourceTest, ReadsCsvAndText) {
  const std::string topic = create_topic(1);
  user().send(topic, {{.value = "7,tea"}});
  EXPECT_THAT(ids_of(until_now(topic).format(as_csv())), ElementsAre(7));
  auto lines = collect<std::string>();
  run_job({}, [&](Job& job) {
    job.from(read_kafka<Line>(broker().connection(), topic).format(as_text()).stop_at(KafkaOffsets::latest())).uid("lines").map(&Line::text).to(lines).uid("out");
  });
  EXPECT_THAT(lines.get(), ElementsAre("7,tea"));
}

TEST_F(KafkaSourceTest, AMessageThatIsNoRecordFailsTheJobIsSkippedOrIsKept) {
  const std::string topic = create_topic(1);
  user().send(topic, {{.value = order(1)}, {.value = R"({"id":"two"})"}, {.value = std::nullopt}, {.value = order(4)}});
  EXPECT_THAT(failure_of_reading(until_now(topic)), AllOf(HasSubstr(topic + "[0] offset 1:"), HasSubstr("id"), HasSubstr("on_error")));
  EXPECT_THAT(ids_of(until_now(topic).on_error(skip())), ElementsAre(1, 4));

  auto bad = collect<BadRecord>();
  run_job({}, [&](Job& job) {
    const auto stream = job.from(until_now(topic).on_error(side_output("bad"))).uid("orders");
    stream.to(discard());
    stream.side_output<BadRecord>("bad").to(bad).uid("bad");
  });
  ASSERT_EQ(bad.get().size(), 2u);
  EXPECT_EQ(bad.get()[0].file, topic + "[0]");
  EXPECT_EQ(bad.get()[0].line, 1u);
  EXPECT_THAT(bad.get()[0].text, HasSubstr("two"));
  EXPECT_THAT(bad.get()[1].reason, HasSubstr("tombstone"));
}

TEST_F(KafkaSourceTest, WhatAFormatThrowsMakesTheMessageNoRecord) {
  const std::string topic = create_topic(1);
  user().send(topic, orders(1, 3));
  const auto format = [](const KafkaMessage& message) -> Order {
    if (message.offset == 0) throw std::runtime_error{"not this one"};
    return {.id = message.offset, .item = ""};
  };
  EXPECT_THAT(failure_of_reading(until_now(topic).format(format)), AllOf(HasSubstr("[0] offset 0"), HasSubstr("not this one")));
  EXPECT_THAT(ids_of(until_now(topic).format(format).on_error(skip())), ElementsAre(1));
}

TEST_F(KafkaSourceTest, ATopicThatIsNotThereIsNamed) {
  EXPECT_THAT(failure_of_reading(until_now("nowhere")), AllOf(HasSubstr("'nowhere'"), HasSubstr("Create the topic")));
  EXPECT_THAT(failure_of_reading(read_kafka<Order>(broker().connection()).topic_pattern("nowhere-.*").stop_at(KafkaOffsets::latest())),
              HasSubstr("no topic of"));
  EXPECT_THAT(failure_of_reading(until_now("a").partitions({{"b", 0}})), HasSubstr("only one of these"));
}

TEST_F(KafkaSourceTest, AnOffsetThatIsGoneSaysWhatThereIs) {
  const std::string topic = create_topic(1);
  user().send(topic, orders(0, 10));
  user().delete_records(topic, 0, 6);
  EXPECT_THAT(failure_of_reading(until_now(topic).start_at(KafkaOffsets::these({{{topic, 0}, 2}}))),
              AllOf(HasSubstr("offset 2 of " + topic + "[0]"), HasSubstr("has 6 to 10"), HasSubstr("another uid")));
  EXPECT_THAT(ids_of(until_now(topic)), ElementsAre(6, 7, 8, 9));
}

TEST_F(KafkaSourceTest, BrokersThatDoNotAnswerAreNamed) {
  const std::string nobody = "127.0.0.1:1";
  EXPECT_THAT(failure_of_reading(read_kafka<Order>({.brokers = nobody}, "orders")), AllOf(HasSubstr(nobody), HasSubstr("Connection refused")));
}

/// Hands ids on, and ends the job with an error when it has seen `all`.
class EndBehind {
 public:
  explicit EndBehind(std::size_t all) : all_{all} {}
  std::int64_t operator()(const Order& order) const {
    const std::lock_guard lock{seen_->mutex};
    seen_->ids.insert(order.id);
    if (seen_->ids.size() == all_) throw Error{ErrorCode::kUserCode, ErrorDomain::kUser, Retry::kNone, "all was seen"};
    return order.id;
  }
  std::size_t size() const {
    const std::lock_guard lock{seen_->mutex};
    return seen_->ids.size();
  }

 private:
  struct Seen {
    std::mutex mutex;
    std::set<std::int64_t> ids;
  };
  std::size_t all_;
  std::shared_ptr<Seen> seen_ = std::make_shared<Seen>();
};

TEST_F(KafkaSourceTest, FindsPartitionsAndTopicsWhileItRuns) {
  const std::string topic = create_topic(1, "first");
  user().send(topic, orders(0, 10));
  const EndBehind seen{30};
  std::thread other{[&] {
    while (seen.size() < 10) std::this_thread::sleep_for(10ms);
    user().create_partitions(topic, 2);
    user().send(topic, orders(10, 20, 1));
    user().send(create_topic(1, "second"), orders(20, 30));
  }};
  const auto source = read_kafka<Order>(broker().connection()).topic_pattern(topic_name(".*")).find_partitions_every(100ms).start_at(KafkaOffsets::earliest());
  EXPECT_THAT(failure_of(kNoRestart, [&](Job& job) { job.from(source).uid("orders").map(seen).to(discard()); }), HasSubstr("all was seen"));
  other.join();
}

TEST_F(KafkaSourceTest, GoesOnWhenTheBrokerIsBack) {
  const std::string topic = create_topic(1);
  user().send(topic, orders(0, 1000));
  auto ids = collect<std::int64_t>();
  std::atomic<std::int64_t> newest = 0;
  std::thread reading{[&] {
    run_job({}, [&](Job& job) {
      const auto orders = job.from(source(topic).rate(1000).stop_at(KafkaOffsets::these({{{topic, 0}, 2000}}))).uid("orders");
      orders.map([&](const Order& order) -> std::int64_t { return newest = order.id; }).to(ids).uid("ids");
    });
  }};
  while (newest < 100) std::this_thread::sleep_for(1ms);
  broker().kill();
  broker().start();
  user().send(topic, orders(1000, 2000));
  reading.join();
  EXPECT_EQ(ids.get().size(), 2000u);
}

TEST_F(KafkaSourceTest, ARestartReadsNothingTwiceAndLeavesNothingOut) {
  const std::string topic = create_topic(3);
  constexpr std::int64_t kOrders = 6000;
  for (std::int32_t partition = 0; partition < 3; ++partition) user().send(topic, orders(partition * 2000, (partition + 1) * 2000, partition));
  TemporaryFolder folder;
  auto ids = collect<std::int64_t>();
  auto throws = std::make_shared<std::atomic<int>>(3);
  const auto fail_now_and_then = [throws, seen = std::make_shared<std::atomic<int>>(0)](const Order& order) {
    if (++*seen % 1500 == 0 && throws->fetch_sub(1) > 0) throw std::runtime_error{"once more"};
    return order.id;
  };
  run_job({"--parallelism", "2", "--checkpoint-dir", folder / "state", "--checkpoint-interval", "50ms", "-D", "restart-strategy.type=fixed-delay", "-D",
           "restart-strategy.fixed-delay.delay=0", "-D", "restart-strategy.fixed-delay.attempts=10"},
          [&](Job& job) { job.from(until_now(topic).rate(8000).group(topic)).uid("orders").map(fail_now_and_then).to(ids).uid("ids"); });
  auto result = ids.get();
  std::ranges::sort(result);
  EXPECT_LE(throws->load(), 0);
  ASSERT_EQ(result.size(), static_cast<std::size_t>(kOrders));
  for (std::int64_t id = 0; id < kOrders; ++id) ASSERT_EQ(result[static_cast<std::size_t>(id)], id);
  for (std::int32_t partition = 0; partition < 3; ++partition) EXPECT_EQ(user().committed(topic, topic, partition), 2000);
}

struct Hit {
  std::int64_t page = 0;
  std::int64_t at = 0;
};

std::string hit(std::int64_t page, std::int64_t at) { return R"({"page":)" + std::to_string(page) + R"(,"at":)" + std::to_string(at) + "}"; }

TEST_F(KafkaSourceTest, APartitionThatIsBehindHoldsTheWatermarkOfItsReader) {
  const std::string topic = create_topic(2);
  std::vector<SentMessage> hits;
  for (std::int64_t i = 0; i < 5000; ++i) {
    hits.push_back({.partition = 0, .value = hit(1, i)});
    hits.push_back({.partition = 1, .value = hit(1, i)});
  }
  user().send(topic, hits);
  auto counts = collect<std::int64_t>();
  run_job({}, [&](Job& job) {
    job.from(read_kafka<Hit>(broker().connection(), topic).event_time(&Hit::at).stop_at(KafkaOffsets::latest()))
        .uid("hits")
        .key_by(&Hit::page)
        .window(tumbling(100ms))
        .aggregate(count())
        .uid("counts")
        .map([](const auto& window) { return window.value; })
        .to(counts)
        .uid("out");
  });
  EXPECT_EQ(counts.get(), std::vector<std::int64_t>(50, 200)) << "nothing is late, though one partition is read before the other";
}

TEST_F(KafkaSourceTest, ASilentPartitionHoldsNobodyBack) {
  const std::string topic = create_topic(2);
  user().send(topic, {{.partition = 0, .value = hit(1, 10)}, {.partition = 0, .value = hit(1, 500)}});
  const auto fired = [](const auto&) -> std::int64_t { throw Error{ErrorCode::kUserCode, ErrorDomain::kUser, Retry::kNone, "a window fired"}; };
  EXPECT_THAT(failure_of(kNoRestart,
                         [&](Job& job) {
                           job.from(read_kafka<Hit>(broker().connection(), topic).event_time(&Hit::at).idle_after(50ms))
                               .uid("hits")
                               .key_by(&Hit::page)
                               .window(tumbling(100ms))
                               .aggregate(count())
                               .uid("counts")
                               .map(fired)
                               .to(discard());
                         }),
              HasSubstr("a window fired"));
}

TEST_F(KafkaSourceTest, TimesOfMessagesAreEventTimes) {
  const std::string topic = create_topic(1);
  user().send(topic, {{.value = "a", .timestamp_ms = 1'000'010}, {.value = "b", .timestamp_ms = 1'000'090}, {.value = "c", .timestamp_ms = 1'000'110}});
  auto counts = collect<std::int64_t>();
  run_job({}, [&](Job& job) {
    job.from(read_kafka<Line>(broker().connection(), topic).format(as_text()).message_time().stop_at(KafkaOffsets::latest()))
        .uid("lines")
        .key_by([](const Line&) { return 1; })
        .window(tumbling(100ms))
        .aggregate(count())
        .uid("counts")
        .map([](const auto& window) { return window.value; })
        .to(counts)
        .uid("out");
  });
  EXPECT_THAT(counts.get(), ElementsAre(2, 1));
}

TEST_F(KafkaSourceTest, AJobThatResumesGoesOnWhereItStood) {
  const std::string topic = create_topic(2);
  user().send(topic, orders(1000, 2000, 0));
  user().send(topic, orders(2000, 3000, 1));
  TemporaryFolder folder;
  const std::string state = folder / "state";
  const auto fail_behind_a_checkpoint = [state](const Order& order) {
    if (order.id % 1000 < 100) return order;
    if (has_checkpoint(state)) throw std::runtime_error{"once"};
    std::this_thread::sleep_for(1ms);  // so that there will be one
    return order;
  };
  const auto run = [&](const Words& more, const auto& map) {
    Words words{"--checkpoint-dir", state, "--checkpoint-interval", "20ms", "-D", "restart-strategy.type=none"};
    words.insert(words.end(), more.begin(), more.end());
    return failure_of(words, [&](Job& job) { job.from(until_now(topic).rate(1000)).uid("orders").map(map).to(write_files(folder / "out", as_json())).uid("out"); });
  };
  EXPECT_THAT(run({"--parallelism", "2"}, fail_behind_a_checkpoint), HasSubstr("once"));
  user().send(topic, orders(3000, 3100, 0));
  EXPECT_EQ(run({"--resume", "--parallelism", "1"}, [](const Order& order) { return order; }), "");

  std::vector<std::string> expected;
  for (std::int64_t id = 1000; id < 3000; ++id) expected.push_back(order(id));
  EXPECT_EQ(rows(folder / "out"), expected) << "where to stop was looked up at the first start";
}

TEST_F(KafkaSourceTest, ATopicThatWasMadeAnewIsFoundOutByItsOffsets) {
  const std::string topic = create_topic(1);
  user().send(topic, orders(0, 100));
  std::atomic<std::int64_t> newest = -1;
  std::string failure;
  std::thread reading{[&] {
    failure = failure_of(kNoRestart, [&](Job& job) {
      job.from(source(topic)).uid("orders").map([&](const Order& order) -> std::int64_t { return newest = order.id; }).to(discard());
    });
  }};
  while (newest < 99) std::this_thread::sleep_for(1ms);
  user().delete_topic(topic);
  user().create_topic(topic, 1);
  reading.join();
  EXPECT_THAT(failure, ::testing::AnyOf(HasSubstr("offset 100 of"), HasSubstr("Create the topic")));
}

}  // namespace
}  // namespace tidemark

#include "tidemark/detail/operators/keyed_process.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "operators/operator_harness.h"

namespace tidemark::detail {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

struct Event {
  std::string_view key;
  std::int64_t value = 0;
  std::string_view text;
};
struct KeyOf {
  std::string_view operator()(const Event& event) const { return event.key; }
};
struct ValueOf {
  std::int64_t operator()(const Event& event) const { return event.value; }
};

// A subtask of F: feeds events, collects what it emits as text.
template <class F, class KeyFn = KeyOf>
class Subject {
 public:
  using Op = KeyedProcessOperator<F, KeyFn>;

  explicit Subject(TestWorld& world, OperatorRestore restore = {}, std::uint32_t subtask = 0, std::uint32_t parallelism = 1)
      : world_{world}, context_{world, subtask, parallelism}, op_{std::make_unique<Op>([](Declare& d) { return std::make_unique<F>(d); }, KeyFn{})} {
    context_.context.restore = std::move(restore);
    op_->out().add_receiver(end_);
    op_->open(context_.context);
  }
  ~Subject() {
    op_.reset();
    context_.run_mail();
  }

  // The text lies in a buffer that is overwritten after the call.
  void process(std::vector<std::pair<Event, std::int64_t>> events) {
    std::string buffer;
    for (const auto& [event, time] : events) buffer += std::string{event.key} + std::string{event.text};
    TypedBatch<Event> batch;
    batch.set_borrowed_text({buffer.data(), buffer.data() + buffer.size()});
    std::size_t at = 0;
    for (auto [event, time] : events) {
      const std::string_view whole = buffer;
      event.key = whole.substr(at, event.key.size());
      at += event.key.size();
      event.text = whole.substr(at, event.text.size());
      at += event.text.size();
      batch.append(event, time, batch.borrowed_text());
    }
    hash_keys(batch, KeyFn{});
    const auto overwrite = [&] { std::fill(buffer.begin(), buffer.end(), '#'); };
    try {
      op_->receive(batch);
    } catch (...) {
      overwrite();
      throw;
    }
    overwrite();
  }
  void advance(std::int64_t watermark) {
    while (!op_->advance(Timestamp{watermark})) {}
  }
  std::vector<std::string> take() { return std::exchange(results_, {}); }
  StartedSnapshot start() { return start_snapshot(world_, *op_, context_.context); }
  OperatorSnapshot snapshot() {
    OperatorSnapshot result = finish_snapshot(start());
    context_.run_mail();
    return result;
  }

 private:
  TestWorld& world_;
  TestContext context_;
  std::vector<std::string> results_;
  Receiving<std::string> end_{[this](const std::string& text, std::int64_t time) { results_.push_back(text + "@" + std::to_string(time)); }};
  std::unique_ptr<Op> op_;
};

OperatorRestore everything_of(const OperatorSnapshot& snapshot) { return restore_of({snapshot}, {0, 128}); }

struct Counting : KeyedProcess<std::string_view, Event, std::string> {
  ValueState<std::int64_t> count_;
  explicit Counting(Declare& declare) : count_{declare, "count"} {}
  void process(const Event& event, Context& ctx, Out<std::string>& out) override {
    if (event.value < 0) return count_.clear();
    count_.mutate([](std::int64_t& n) { ++n; });
    out.emit(std::string{ctx.key()} + "=" + std::to_string(count_.get()));
  }
};

const std::string kLongKey = "a key that is far longer than what lies in a slot itself";
const std::string kLongKey2 = kLongKey + "!";

TEST(KeyedProcess, KeepsAValueForEachKeyShortAndLong) {
  TestWorld world;
  Subject<Counting> subject{world};
  subject.process({{{"a"}, 1}, {{kLongKey}, 2}, {{"a"}, 3}, {{""}, 4}, {{kLongKey2}, 5}, {{kLongKey}, 6}});
  EXPECT_THAT(subject.take(), ElementsAre("a=1@1", kLongKey + "=1@2", "a=2@3", "=1@4", kLongKey2 + "=1@5", kLongKey + "=2@6"));
  subject.process({{{"a", -1}, 7}, {{"a"}, 8}, {{kLongKey}, 9}});
  EXPECT_THAT(subject.take(), ElementsAre("a=1@8", kLongKey + "=3@9"));
}

TEST(KeyedProcess, CountsManyKeysOverManyBatches) {
  TestWorld world;
  Subject<Counting> subject{world};
  std::vector<std::string> keys;
  for (int i = 0; i < 5000; ++i) keys.push_back((i % 2 == 0 ? "k" : kLongKey) + std::to_string(i));
  for (int round = 1; round <= 3; ++round) {
    for (std::size_t from = 0; from < keys.size(); from += 1000) {
      std::vector<std::pair<Event, std::int64_t>> events;
      for (std::size_t i = from; i < from + 1000; ++i) events.push_back({{keys[i]}, 0});
      subject.process(events);
    }
    const auto results = subject.take();
    ASSERT_EQ(results.size(), keys.size());
    for (std::size_t i = 0; i < keys.size(); ++i) ASSERT_EQ(results[i], keys[i] + "=" + std::to_string(round) + "@0");
  }
}

struct Last {
  std::string_view text;
  std::int64_t times = 0;
};

struct Remembering : KeyedProcess<std::int64_t, Event, std::string> {
  ValueState<Last> last_;
  ListState<std::string> list_;
  MapState<std::string, std::int64_t> map_;
  explicit Remembering(Declare& declare) : last_{declare, "last"}, list_{declare, "list"}, map_{declare, "map"} {}
  void process(const Event& event, Context&, Out<std::string>& out) override {
    const std::string text{event.text};
    if (text == "show") {
      std::string all = std::string{last_.get().text} + "x" + std::to_string(last_.get().times);
      for (const std::string& item : list_.get()) all += "," + item;
      for (const auto& [key, value] : map_.entries()) all += ";" + key + ":" + std::to_string(value);
      return out.emit(all);
    }
    if (text == "again") return last_.set(last_.get()), list_.set(list_.get());
    if (text == "clear") return last_.clear(), list_.clear(), map_.clear();
    if (text.starts_with("-")) return map_.remove(text.substr(1));
    last_.mutate([&](Last& last) { last = {event.text, last.times + 1}; });
    list_.add(text);
    map_.mutate(text, [](std::int64_t& n) { ++n; });
  }
};

std::pair<Event, std::int64_t> at_key(std::int64_t key, std::string_view text) { return {Event{"", key, text}, 0}; }

TEST(KeyedProcess, ListsMapsAndTextInStateBelongToTheState) {
  TestWorld world;
  Subject<Remembering, ValueOf> subject{world};
  subject.process({at_key(1, "one"), at_key(2, "two"), at_key(1, "a text that is too long to lie within a string itself")});
  subject.process({at_key(1, "one"), at_key(1, "again"), at_key(1, "show"), at_key(2, "show"), at_key(3, "show")});
  EXPECT_THAT(subject.take(),
              ElementsAre("onex3,one,a text that is too long to lie within a string itself,one;"
                          "a text that is too long to lie within a string itself:1;one:2@0",
                          "twox1,two;two:1@0", "x0@0"));
  subject.process({at_key(1, "-one"), at_key(1, "-nothing"), at_key(2, "-two"), at_key(2, "show")});
  EXPECT_THAT(subject.take(), ElementsAre("twox1,two@0"));
  subject.process({at_key(1, "clear"), at_key(1, "show")});
  EXPECT_THAT(subject.take(), ElementsAre("x0@0"));
}

TEST(KeyedProcess, StatesComeBackFromASnapshotAsTheyWereAtItsBarrier) {
  TestWorld world;
  OperatorSnapshot snapshot;
  {
    Subject<Remembering, ValueOf> subject{world};
    subject.process({at_key(1, "one"), at_key(2, "two"), at_key(1, "uno")});
    StartedSnapshot started = subject.start();
    subject.process({at_key(1, "later"), at_key(2, "clear"), at_key(4, "new")});
    snapshot = finish_snapshot(std::move(started));
  }
  Subject<Remembering, ValueOf> restored{world, everything_of(snapshot)};
  restored.process({at_key(1, "show"), at_key(2, "show"), at_key(4, "show")});
  EXPECT_THAT(restored.take(), ElementsAre("unox2,one,uno;one:1;uno:1@0", "twox1,two;two:1@0", "x0@0"));
}

// A timer's moment stands in the event's value; a text says what to do.
struct Alarms : KeyedProcess<std::string_view, Event, std::string> {
  ValueState<std::int64_t> fired_;
  explicit Alarms(Declare& declare) : fired_{declare, "fired"} {}
  void process(const Event& event, Context& ctx, Out<std::string>&) override {
    if (event.text == "remove") {
      ctx.timers().remove({Timestamp{event.value}});
    } else {
      ctx.timers().at(Timestamp{event.value});
    }
  }
  void on_timer(Timestamp when, Context& ctx, Out<std::string>& out) override {
    fired_.mutate([](std::int64_t& n) { ++n; });
    EXPECT_EQ(ctx.timestamp(), when);
    out.emit(std::string{ctx.key()} + "#" + std::to_string(fired_.get()));
    if (ctx.key() == "again" && fired_.get() < 3) ctx.timers().at(when + Duration{5});
    if (ctx.key() == "past" && fired_.get() < 2) ctx.timers().at(when - Duration{5});
  }
};

TEST(KeyedProcessTimers, FireInOrderOfTimeThenKeyUpToTheWatermark) {
  TestWorld world;
  Subject<Alarms> subject{world};
  subject.process({{{"b", 30}, 1}, {{"a", 30}, 1}, {{kLongKey, 10}, 1}, {{"c", 31}, 1}, {{"d", 5000}, 1}});
  subject.advance(9);
  EXPECT_THAT(subject.take(), ElementsAre());
  subject.advance(30);
  EXPECT_THAT(subject.take(), ElementsAre(kLongKey + "#1@10", "a#1@30", "b#1@30"));
  subject.advance(10'000);
  EXPECT_THAT(subject.take(), ElementsAre("c#1@31", "d#1@5000"));
}

TEST(KeyedProcessTimers, SetTwiceFireOnceAndRemovedNever) {
  TestWorld world;
  Subject<Alarms> subject{world};
  subject.process({{{"a", 10}, 1}, {{"a", 10}, 1}, {{"b", 10}, 1}, {{"b", 10, "remove"}, 1}, {{"c", 10, "remove"}, 1}, {{"d", -20}, 1}});
  subject.advance(100);
  EXPECT_THAT(subject.take(), ElementsAre("d#1@-20", "a#1@10"));
  subject.advance(200);
  EXPECT_THAT(subject.take(), ElementsAre());
}

TEST(KeyedProcessTimers, SetInOnTimerFireInTheSameRoundWhenDue) {
  TestWorld world;
  Subject<Alarms> subject{world};
  subject.process({{{"again", 10}, 1}, {{"past", 12}, 1}});
  subject.advance(17);
  EXPECT_THAT(subject.take(), ElementsAre("again#1@10", "past#1@12", "past#2@7", "again#2@15"));
  subject.advance(20);
  EXPECT_THAT(subject.take(), ElementsAre("again#3@20"));
}

TEST(KeyedProcessTimers, SetInThePastFireAtTheNextWatermark) {
  TestWorld world;
  Subject<Alarms> subject{world};
  subject.advance(5000);
  subject.process({{{"a", 100}, 1}});
  EXPECT_THAT(subject.take(), ElementsAre());
  subject.advance(5001);
  EXPECT_THAT(subject.take(), ElementsAre("a#1@100"));
}

TEST(KeyedProcessTimers, ComeBackFromASnapshotAndGoWithTheirKeyGroups) {
  TestWorld world;
  std::vector<OperatorSnapshot> snapshots;
  {
    Subject<Alarms> subject{world};
    subject.process({{{"a", 30}, 1}, {{kLongKey, 40}, 1}, {{"gone", 5}, 1}, {{"removed", 40}, 1}, {{"removed", 40, "remove"}, 1}});
    subject.advance(10);
    snapshots.push_back(subject.snapshot());
  }
  std::vector<std::string> all;
  for (std::uint32_t subtask = 0; subtask < 3; ++subtask) {
    Subject<Alarms> part{world, restore_of(snapshots, range_of_subtask(subtask, 3, 128)), subtask, 3};
    part.advance(100);
    for (std::string& text : part.take()) all.push_back(std::move(text));
  }
  EXPECT_THAT(all, testing::UnorderedElementsAre("a#1@30", kLongKey + "#1@40"));
}

struct Failing : KeyedProcess<std::string_view, Event, std::string> {
  static inline std::string fails_in;
  explicit Failing(Declare&) {}
  void open(OpenContext&) override {
    if (fails_in == "open") throw std::runtime_error{"no connection"};
  }
  void process(const Event& event, Context& ctx, Out<std::string>&) override {
    if (fails_in == "process" && event.value == 7) throw std::runtime_error{"bad event"};
    ctx.timers().at(Timestamp{1'436'918'582'000});
  }
  void on_timer(Timestamp, Context&, Out<std::string>&) override {
    if (fails_in == "on_timer") throw std::runtime_error{"bad timer"};
  }
};

TEST(KeyedProcessFailure, SaysWhereItHappened) {
  TestWorld world;
  Failing::fails_in = "open";
  EXPECT_THAT(failure_of([&] { Subject<Failing>{world}; }), testing::AllOf(HasSubstr("operator 'operator under test' (uid uid-1), subtask 0, open(): no connection")));
  Failing::fails_in = "process";
  {
    Subject<Failing> subject{world};
    const std::string text = failure_of([&] { subject.process({{{"a", 1}, 5}, {{"b", 7}, 6}}); });
    EXPECT_THAT(text, HasSubstr("record 2 "));
    EXPECT_THAT(text, HasSubstr("\"value\":7"));
    EXPECT_THAT(text, HasSubstr("bad event"));
  }
  Failing::fails_in = "on_timer";
  {
    Subject<Failing> subject{world};
    subject.process({{{"a", 1}, 5}});
    const std::string text = failure_of([&] { subject.advance(2'000'000'000'000); });
    EXPECT_THAT(text, HasSubstr("timer at 2015-07-15 00:03:02.000: bad timer"));
  }
}

// Restores what another parallelism saved, each key group at the watermark that it had come to.
TEST(KeyedProcess, RestoresAtAnotherParallelismWithEveryKeyOnce) {
  TestWorld world;
  std::vector<std::string> keys;
  for (int i = 0; i < 500; ++i) keys.push_back((i % 3 == 0 ? kLongKey : std::string{"k"}) + std::to_string(i));
  const auto owner = [&](const std::string& key, std::uint32_t parallelism) {
    return subtask_of(key_group_of(hash_key<std::string_view>(key), 128), parallelism, 128);
  };
  const auto events_of = [&](std::uint32_t subtask, std::uint32_t parallelism) {
    std::vector<std::pair<Event, std::int64_t>> events;
    for (const std::string& key : keys) {
      if (owner(key, parallelism) == subtask) events.push_back({{key}, 0});
    }
    return events;
  };
  std::vector<OperatorSnapshot> snapshots;
  for (std::uint32_t subtask = 0; subtask < 2; ++subtask) {
    Subject<Counting> subject{world, {}, subtask, 2};
    subject.process(events_of(subtask, 2));
    snapshots.push_back(subject.snapshot());
  }
  std::size_t seen = 0;
  for (std::uint32_t subtask = 0; subtask < 5; ++subtask) {
    Subject<Counting> subject{world, restore_of(snapshots, range_of_subtask(subtask, 5, 128)), subtask, 5};
    subject.process(events_of(subtask, 5));
    for (const std::string& text : subject.take()) {
      EXPECT_THAT(text, testing::EndsWith("=2@0"));
      ++seen;
    }
  }
  EXPECT_EQ(seen, keys.size());
}

}  // namespace
}  // namespace tidemark::detail

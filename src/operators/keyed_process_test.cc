#include "tidemark/detail/operators/keyed_process.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
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
  // As a task does when the wall clock shows `now_ms`.
  void show_time(std::int64_t now_ms) {
    world_.clock.now_ms = now_ms;
    while (op_->next_processing_time() && *op_->next_processing_time() <= Timestamp{now_ms}) {
      ASSERT_TRUE(op_->advance_processing_time(Timestamp{now_ms}));
    }
  }
  Op& op() { return *op_; }
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
    if (text == "nothing") return list_.set({});
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

TEST(KeyedProcess, AListThatIsSetToNothingLeavesNoEntry) {
  const auto saved_bytes = [](std::vector<std::pair<Event, std::int64_t>> events) {
    TestWorld world;
    Subject<Remembering, ValueOf> subject{world};
    subject.process({at_key(1, "one"), at_key(1, "clear")});
    subject.process(std::move(events));
    return finish_snapshot(subject.start()).keyed_files.at(0).size;
  };
  EXPECT_EQ(saved_bytes({at_key(1, "nothing")}), saved_bytes({at_key(1, "show")}));
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

// The calls that one call of advance() makes are bounded; what is due in between has its place in the order.
struct Flood : KeyedProcess<std::int64_t, Event, std::string> {
  explicit Flood(Declare&) {}
  void process(const Event& event, Context& ctx, Out<std::string>&) override { ctx.timers().at(Timestamp{event.value}); }
  void on_timer(Timestamp when, Context& ctx, Out<std::string>& out) override {
    if (when == Timestamp{5}) ctx.timers().at(Timestamp{7'000});
    for (int i = 0; i < results; ++i) out.emit("x");
  }
  static inline int results = 0;
};

TEST(KeyedProcessTimers, ManyThatAreDueFireOverManyCalls) {
  TestWorld world;
  for (const int results : {0, 1, 1000}) {
    Flood::results = results;
    Subject<Flood, ValueOf> subject{world};
    std::vector<std::pair<Event, std::int64_t>> events;
    for (std::int64_t i = 0; i < 10'000; ++i) events.push_back({Event{"", i, ""}, 0});
    for (std::size_t from = 0; from < events.size(); from += 1000) {
      subject.process({events.begin() + static_cast<std::ptrdiff_t>(from), events.begin() + static_cast<std::ptrdiff_t>(from) + 1000});
    }
    std::size_t calls = 1;
    std::size_t most = 0;
    std::size_t all = 0;
    const auto count = [&] {
      const std::size_t emitted = subject.take().size();
      most = std::max(most, emitted);
      all += emitted;
    };
    for (; !subject.op().advance(Timestamp{10'000}); ++calls) count();
    count();
    EXPECT_EQ(all, 10'001u * static_cast<std::size_t>(results));
    EXPECT_GE(calls, 3u);
    EXPECT_LE(most, kResultsAtOnce + Batch::kCapacity + static_cast<std::size_t>(results));
    EXPECT_EQ(subject.op().timers(), 0u);
  }
}

// A timer's moment stands in the event's value; a text says what to do.
struct Clockwork : KeyedProcess<std::string_view, Event, std::string> {
  ValueState<std::int64_t> fired_;
  explicit Clockwork(Declare& declare) : fired_{declare, "fired"} {}
  void process(const Event& event, Context& ctx, Out<std::string>& out) override {
    if (event.text == "remove") {
      ctx.timers().remove_processing_time({Timestamp{event.value}});
    } else if (event.text == "now") {
      out.emit(to_string(ctx.processing_time()));
    } else if (event.text == "event") {
      ctx.timers().at(Timestamp{event.value});
    } else {
      EXPECT_EQ(ctx.timers().at_processing_time(Timestamp{event.value}), ProcessingTimer{Timestamp{event.value}});
    }
  }
  void on_timer(Timestamp when, Context& ctx, Out<std::string>& out) override {
    out.emit(std::string{ctx.key()} + "!" + std::to_string(when.ms()));
    ctx.timers().at_processing_time(when);
  }
  void on_processing_timer(Timestamp when, Context& ctx, Out<std::string>& out) override {
    EXPECT_GE(ctx.processing_time(), when);
    EXPECT_EQ(ctx.timestamp(), Timestamp::min());
    fired_.mutate([](std::int64_t& n) { ++n; });
    out.emit(Timestamp{0}, std::string{ctx.key()} + "#" + std::to_string(fired_.get()) + " " + std::to_string(when.ms()));
    if (ctx.key() == "again") ctx.timers().at_processing_time(ctx.processing_time() + Duration{5});
  }
};

TEST(ProcessingTimers, FireWhenTheWallClockShowsTheirTimeWhateverTheWatermark) {
  TestWorld world;
  Subject<Clockwork> subject{world};
  EXPECT_EQ(subject.op().next_processing_time(), std::nullopt);
  subject.process({{{"b", 3030}, 1}, {{"a", 3030}, 1}, {{"c", 3031}, 1}, {{"a", 3030}, 1}, {{"gone", 3031}, 1}, {{"gone", 3031, "remove"}, 1}});
  subject.advance(1'000'000);
  subject.show_time(3029);
  EXPECT_THAT(subject.take(), ElementsAre());
  EXPECT_EQ(subject.op().next_processing_time(), Timestamp{3030});
  subject.show_time(3030);
  EXPECT_THAT(subject.take(), ElementsAre("a#1 3030@0", "b#1 3030@0"));
  subject.show_time(9000);
  EXPECT_THAT(subject.take(), ElementsAre("c#1 3031@0"));
  EXPECT_EQ(subject.op().next_processing_time(), std::nullopt);
}

TEST(ProcessingTimers, StandBesideTheEventTimersOfTheSameMoment) {
  TestWorld world;
  Subject<Clockwork> subject{world};
  subject.process({{{"a", 50, "event"}, 1}});
  subject.show_time(50);
  EXPECT_THAT(subject.take(), ElementsAre());
  subject.advance(50);
  EXPECT_THAT(subject.take(), ElementsAre("a!50@50"));
  EXPECT_EQ(subject.op().timers(), 1u);
  subject.show_time(50);
  EXPECT_THAT(subject.take(), ElementsAre("a#1 50@0"));
}

TEST(ProcessingTimers, SetAgainByTheirCallbackFireAgainLater) {
  TestWorld world;
  Subject<Clockwork> subject{world};
  subject.process({{{"again", 10}, 1}});
  for (const std::int64_t now : {9, 12, 16, 17, 22}) subject.show_time(now);
  EXPECT_THAT(subject.take(), ElementsAre("again#1 10@0", "again#2 17@0", "again#3 22@0"));
}

TEST(ProcessingTimers, FollowAWallClockThatJumps) {
  TestWorld world;
  Subject<Clockwork> subject{world};
  subject.process({{{"a", 3'600'000}, 1}, {{"b", 2000}, 1}});
  subject.show_time(5'000'000);
  EXPECT_THAT(subject.take(), ElementsAre("b#1 2000@0", "a#1 3600000@0"));
  subject.show_time(-5000);
  subject.process({{{"a", -4000}, 1}, {{"b", -6000}, 1}, {{"c", 7'000'000}, 1}});
  subject.show_time(-5000);
  EXPECT_THAT(subject.take(), ElementsAre("b#2 -6000@0"));
  EXPECT_EQ(subject.op().next_processing_time(), Timestamp{-4000});
  subject.show_time(8'000'000);
  EXPECT_THAT(subject.take(), ElementsAre("a#2 -4000@0", "c#1 7000000@0"));
}

TEST(ProcessingTimers, ComeBackFromASnapshotAndThoseThatPassedMeanwhileFireAtOnce) {
  TestWorld world;
  OperatorSnapshot snapshot;
  {
    Subject<Clockwork> subject{world};
    subject.process({{{"a", 5000}, 1}, {{kLongKey, 9000}, 1}, {{"gone", 10}, 1}, {{"a", 7000, "event"}, 1}});
    subject.show_time(20);
    snapshot = subject.snapshot();
  }
  Subject<Clockwork> restored{world, everything_of(snapshot)};
  ASSERT_LE(restored.op().next_processing_time(), Timestamp{5000});
  restored.show_time(6000);
  EXPECT_THAT(restored.take(), ElementsAre("a#1 5000@0"));
  restored.show_time(9000);
  EXPECT_THAT(restored.take(), ElementsAre(kLongKey + "#1 9000@0"));
  restored.advance(7000);
  EXPECT_THAT(restored.take(), ElementsAre("a!7000@7000"));
}

TEST(ProcessingTimers, AreDroppedAtTheEndOfData) {
  TestWorld world;
  Subject<Clockwork> subject{world};
  subject.process({{{"a", 100}, 1}, {{"b", 100, "event"}, 1}});
  subject.advance(Timestamp::max().ms());
  EXPECT_EQ(subject.op().timers(), 2u) << "b's timer of event time has set one, too";
  subject.op().end_of_data();
  EXPECT_EQ(subject.op().timers(), 0u);
  EXPECT_EQ(subject.op().next_processing_time(), std::nullopt);
}

TEST(ProcessingTimers, ManyThatAreDueFireOverManyCallsWithRoomForRecordsInBetween) {
  TestWorld world;
  Subject<Clockwork> subject{world};
  std::vector<std::string> keys;
  for (int i = 0; i < 10'000; ++i) keys.push_back("k" + std::to_string(i));
  for (std::size_t from = 0; from < keys.size(); from += 1000) {
    std::vector<std::pair<Event, std::int64_t>> events;
    for (std::size_t i = from; i < from + 1000; ++i) events.push_back({{keys[i], 10}, 0});
    subject.process(events);
  }
  world.clock.now_ms = 10;
  std::size_t calls = 0;
  std::size_t all = 0;
  for (; subject.op().next_processing_time(); ++calls) {
    ASSERT_TRUE(subject.op().advance_processing_time(Timestamp{10}));
    const std::size_t emitted = subject.take().size();
    EXPECT_LE(emitted, kResultsAtOnce);
    all += emitted;
  }
  EXPECT_EQ(all, keys.size());
  EXPECT_GE(calls, 3u);
}

TEST(ProcessingTimers, StandInSnapshotsOfThoseFunctionsOnlyThatHandleThem) {
  TestWorld world;
  const auto names = [](const std::vector<StateDescriptor>& states) {
    std::vector<std::string> result;
    for (const StateDescriptor& state : states) result.push_back(state.name);
    return result;
  };
  EXPECT_THAT(names(Subject<Alarms>{world}.op().descriptors()), ElementsAre("fired", "timers"));
  EXPECT_THAT(names(Subject<Clockwork>{world}.op().descriptors()), ElementsAre("fired", "timers", "processing-timers"));
}

struct Forgetful : KeyedProcess<std::string_view, Event, std::string> {
  explicit Forgetful(Declare&) {}
  void process(const Event& event, Context& ctx, Out<std::string>&) override { ctx.timers().at_processing_time(Timestamp{event.value}); }
};

TEST(ProcessingTimers, AFunctionWithoutTheCallbackIsToldSo) {
  TestWorld world;
  Subject<Forgetful> subject{world};
  EXPECT_THAT(failure_of([&] { subject.process({{{"a", 1}, 5}}); }), HasSubstr("override it"));
}

struct Longer {
  Last operator()(const Last& a, const Last& b) const { return {a.text.size() >= b.text.size() ? a.text : b.text, a.times + b.times}; }
};
struct ByLength {
  std::size_t operator()(const Event& event) const { return event.text.size(); }
};
using Longest = decltype(max_by(ByLength{}));
using Total = decltype(sum(&Event::value));

struct Folding : KeyedProcess<std::string_view, Event, std::string> {
  ReducingState<std::int64_t, std::plus<>> sum_;
  ReducingState<Last, Longer> longer_;
  AggregatingState<Event, Total> total_;
  AggregatingState<Event, Longest> longest_;
  AggregatingState<Event, CountAggregate> count_;
  explicit Folding(Declare& declare)
      : sum_{declare, "sum"}, longer_{declare, "longer"}, total_{declare, "total", sum(&Event::value)}, longest_{declare, "longest", max_by(ByLength{})},
        count_{declare, "count"} {}
  void process(const Event& event, Context&, Out<std::string>& out) override {
    if (event.text == "clear") return sum_.clear(), longer_.clear(), total_.clear(), longest_.clear(), count_.clear();
    if (event.text != "show") {
      sum_.add(event.value);
      longer_.add({event.text, 1});
      total_.add(event);
      longest_.add(event);
      count_.add(event);
      return;
    }
    std::string all = std::to_string(sum_.get()) + " " + std::string{longer_.get().text} + "x" + std::to_string(longer_.get().times);
    if (sum_.find() == nullptr) all += " nothing";
    if (const auto total = total_.get()) all += " " + std::to_string(*total);
    if (const auto longest = longest_.get()) all += " " + std::string{longest->text} + "=" + std::to_string(longest->value);
    if (const auto count = count_.get()) all += " " + std::to_string(*count);
    out.emit(all);
  }
};

TEST(FoldingStates, ReduceAndAggregateWhatIsAddedForEachKey) {
  TestWorld world;
  OperatorSnapshot snapshot;
  const std::string text = "a text that is too long to lie within a string itself";
  {
    Subject<Folding> subject{world};
    subject.process({{{"a", 1, "one"}, 0}, {{"a", 2, text}, 0}, {{"b", 5, "five"}, 0}});
    subject.process({{{"a", 3, "three"}, 0}, {{"a", 0, "show"}, 0}, {{"b", 0, "show"}, 0}, {{"c", 0, "show"}, 0}});
    EXPECT_THAT(subject.take(), ElementsAre("6 " + text + "x3 6 " + text + "=2 3@0", "5 fivex1 5 five=5 1@0", "0 x0 nothing@0"));
    StartedSnapshot started = subject.start();
    subject.process({{{"a", 9, text + text}, 0}, {{"b", 0, "clear"}, 0}, {{"b", 0, "show"}, 0}});
    EXPECT_THAT(subject.take(), ElementsAre("0 x0 nothing@0"));
    snapshot = finish_snapshot(std::move(started));
  }
  Subject<Folding> restored{world, everything_of(snapshot)};
  restored.process({{{"a", 0, "show"}, 0}, {{"b", 1, "six"}, 0}, {{"b", 0, "show"}, 0}});
  EXPECT_THAT(restored.take(), ElementsAre("6 " + text + "x3 6 " + text + "=2 3@0", "6 fivex2 6 five=5 2@0"));
}

struct Failing : KeyedProcess<std::string_view, Event, std::string> {
  static inline std::string fails_in;
  ValueState<std::int64_t> count;
  explicit Failing(Declare& declare) : count{declare, "count"} {}
  void open(OpenContext&) override {
    if (fails_in == "open") throw std::runtime_error{"no connection"};
    if (fails_in == "state in open") count.set(1);
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
  Failing::fails_in = "state in open";
  EXPECT_THAT(failure_of([&] { Subject<Failing>{world}; }), HasSubstr("open(): a state of keys was used where there is no key"));
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

// What it is told of event time, in each of its callbacks.
struct TellingTheTime : KeyedProcess<std::string_view, Event, std::string> {
  explicit TellingTheTime(Declare&) {}
  void process(const Event& event, Context& ctx, Out<std::string>& out) override {
    tell("", ctx, out);
    if (event.value != 0) ctx.timers().at(Timestamp{event.value});
    if (event.text == "soon") ctx.timers().at_processing_time(ctx.processing_time());
  }
  void on_timer(Timestamp, Context& ctx, Out<std::string>& out) override { tell("timer of ", ctx, out); }
  void on_processing_timer(Timestamp, Context& ctx, Out<std::string>& out) override { tell("clock of ", ctx, out); }
  static void tell(std::string_view what, Context& ctx, Out<std::string>& out) {
    const bool knows = ctx.watermark() != Timestamp::min();
    out.emit(Timestamp{0}, std::string{what} + std::string{ctx.key()} + ":" + (knows ? std::to_string(ctx.watermark().ms()) : "-"));
  }
};

std::uint32_t group_of(std::string_view key) { return key_group_of(hash_key<std::string_view>(key), 128); }

// A subtask whose key groups come from several of before.
OperatorRestore at_different_times() {
  OperatorRestore restore;
  restore.watermarks = {{{group_of("ahead"), group_of("ahead") + 1}, Timestamp{50}}, {{group_of("behind"), group_of("behind") + 1}, Timestamp{20}}};
  return restore;
}

TEST(KeyedProcess, AfterARestoreEventTimeIsWhereItHadComeForTheKeyAtHand) {
  TestWorld world;
  Subject<TellingTheTime> subject{world, at_different_times()};
  subject.process({{{"ahead"}, 1}, {{"behind"}, 1}, {{"new"}, 1}, {{"ahead"}, 1}});
  EXPECT_THAT(subject.take(), ElementsAre("ahead:50@0", "behind:20@0", "new:-@0", "ahead:50@0"));
  subject.advance(30);
  subject.process({{{"ahead"}, 1}, {{"behind"}, 1}, {{"new"}, 1}});
  EXPECT_THAT(subject.take(), ElementsAre("ahead:50@0", "behind:30@0", "new:30@0"));
  subject.advance(50);
  subject.process({{{"behind"}, 1}, {{"ahead"}, 1}});
  EXPECT_THAT(subject.take(), ElementsAre("behind:50@0", "ahead:50@0"));
}

TEST(KeyedProcess, AfterARestoreTimersOfBothKindsKnowHowFarTheirKeyHadCome) {
  TestWorld world;
  Subject<TellingTheTime> subject{world, at_different_times()};
  subject.process({{{"ahead", 25, "soon"}, 1}, {{"behind", 25, "soon"}, 1}});
  subject.take();
  subject.show_time(1);
  EXPECT_THAT(subject.take(), ElementsAre("clock of ahead:50@0", "clock of behind:20@0"));
  subject.advance(30);
  EXPECT_THAT(subject.take(), ElementsAre("timer of ahead:50@0", "timer of behind:30@0"));
  subject.process({{{"new"}, 1}});
  EXPECT_THAT(subject.take(), ElementsAre("new:30@0"));
}

TEST(KeyedProcess, ASnapshotSoonAfterARestoreHasEachKeyGroupWhereItIs) {
  TestWorld world;
  Subject<TellingTheTime> subject{world, at_different_times()};
  subject.process({{{"behind"}, 1}, {{"ahead"}, 1}});
  subject.advance(30);
  subject.process({{{"ahead"}, 1}});
  for (const KeyGroupWatermark& range : subject.snapshot().watermarks) {
    EXPECT_EQ(range.watermark.ms(), range.key_groups.contains(group_of("ahead")) ? 50 : 30) << range.key_groups.begin;
  }
}

}  // namespace
}  // namespace tidemark::detail

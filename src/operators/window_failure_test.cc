// What can go wrong in the general window operator: user code that throws, records that are late, and times at the ends of
// their range. Everything fails with an error that names the operator and the record or the moment, or gives a result.
#include <gmock/gmock.h>

#include <cstdint>
#include <stdexcept>
#include <string>
#include <vector>

#include "operators/operator_harness.h"
#include "operators/window_property_test.h"
#include "tidemark/trigger.h"
#include "tidemark/window.h"

namespace tidemark::detail {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

using Rec = PropertyRecord<std::int64_t>;

template <class Windows, class Trigger>
std::unique_ptr<AnyWindowSubject> windows_of(TestWorld& world, Windows windows, Trigger trigger) {
  using Content = AccumulatedContent<Rec, ListAggregate<WholeRecord>>;
  using Rows = WindowRows<std::int64_t, typename Content::Result, KeyedRow>;
  return tested_windows<std::int64_t, Rows>(windows, trigger, Content{}, [](Declare&) { return Rows{}; })
      .make(world, Duration{0}, {}, {});
}
template <class Windows, class Trigger, class Evictor>
std::unique_ptr<AnyWindowSubject> evicted_windows_of(TestWorld& world, Windows windows, Trigger trigger, Evictor evictor) {
  using Content = RecordContent<Rec, Evictors<Evictor, NoEvictor>>;
  using Result = NumberedFirings<NumberFirings<std::int64_t, NoWindowState>>;
  return tested_windows<std::int64_t, Result>(
             windows, trigger, Content{{evictor, {}}},
             [](Declare& declare) { return Result{std::make_unique<NumberFirings<std::int64_t, NoWindowState>>(declare)}; })
      .make(world, Duration{0}, {}, {});
}

auto names(const std::string& where) {
  return AllOf(HasSubstr("operator 'operator under test' (uid uid-1), subtask 0"), HasSubstr("boom"), HasSubstr(where));
}

enum class In { kRecord, kEventTime, kClock, kMerge };

struct Exploding {
  struct State {};
  In in;

  void boom(In here) const {
    if (here == in) throw std::runtime_error{"boom"};
  }
  TriggerResult on_record(State&, const Rec& record, TriggerContext& ctx) const {
    if (record.value == 13) boom(In::kRecord);
    ctx.wake_at(Timestamp{5});
    ctx.wake_at_processing_time(Timestamp{7});
    return TriggerResult::kContinue;
  }
  TriggerResult on_event_time(State&, Timestamp, TriggerContext&) const {
    return boom(In::kEventTime), TriggerResult::kContinue;
  }
  TriggerResult on_processing_time(State&, Timestamp, TriggerContext&) const {
    return boom(In::kClock), TriggerResult::kContinue;
  }
  void on_merge(State&, const State&, TriggerContext&) const { boom(In::kMerge); }
};

TEST(WindowFailure, InATriggersCallbackNamesTheRecordOrTheMoment) {
  TestWorld world;
  const auto exploding = [&](In in) { return windows_of(world, session(Duration{10}), Exploding{in}); };
  const auto in_record = exploding(In::kRecord);
  in_record->receive({{"1", 2, 0}});
  EXPECT_THAT(failure_of([&] { in_record->receive({{"1", 3, 1}, {"2", 13, 4}}); }),
              names(R"(record 3 (event time 1970-01-01 00:00:00.004, {"key":2,"value":13}))"));
  const auto in_merge = exploding(In::kMerge);
  in_merge->receive({{"1", 2, 0}, {"1", 3, 20}});
  EXPECT_THAT(failure_of([&] { in_merge->receive({{"1", 4, 10}}); }), names("record 3 (event time 1970-01-01 00:00:00.010"));
  const auto in_event_time = exploding(In::kEventTime);
  in_event_time->receive({{"1", 2, 0}});
  in_event_time->advance(4);
  EXPECT_THAT(failure_of([&] { in_event_time->advance(6); }), names("timer at 1970-01-01 00:00:00.005"));
  const auto in_clock = exploding(In::kClock);
  in_clock->receive({{"1", 2, 0}});
  EXPECT_THAT(failure_of([&] { in_clock->advance_clock(8); }), names("timer of processing time at 1970-01-01 00:00:00.007"));
}

struct ExplodingEvictor {
  void evict(WindowRecords<Rec>&) const { throw std::runtime_error{"boom"}; }
};
TEST(WindowFailure, InAnEvictorNamesTheRecordOrTheMoment) {
  TestWorld world;
  const auto by_record = evicted_windows_of(world, session(Duration{10}), count_trigger(2), ExplodingEvictor{});
  by_record->receive({{"1", 2, 0}});
  EXPECT_THAT(failure_of([&] { by_record->receive({{"1", 3, 1}}); }), names("record 2 (event time 1970-01-01 00:00:00.001"));
  const auto at_the_end = evicted_windows_of(world, session(Duration{10}), event_time_trigger(), ExplodingEvictor{});
  at_the_end->receive({{"1", 2, 0}});
  EXPECT_THAT(failure_of([&] { at_the_end->advance(9); }), names("timer at 1970-01-01 00:00:00.009"));
}

struct ExplodingWindows {
  void assign(const Rec&, Timestamp, std::vector<Window>&) const { throw std::runtime_error{"boom"}; }
};
TEST(WindowFailure, InAGapOwnWindowsAndADistanceNamesTheRecord) {
  TestWorld world;
  const auto throwing_gap = [](const Rec&) -> Duration { throw std::runtime_error{"boom"}; };
  const auto throwing_distance = [](const Rec&, const Rec&) -> double { throw std::runtime_error{"boom"}; };
  const auto in_gap = windows_of(world, session(throwing_gap), event_time_trigger());
  EXPECT_THAT(failure_of([&] { in_gap->receive({{"1", 2, 3}}); }), names("record 1 (event time 1970-01-01 00:00:00.003"));
  const auto in_windows = windows_of(world, ExplodingWindows{}, event_time_trigger());
  EXPECT_THAT(failure_of([&] { in_windows->receive({{"1", 2, 3}}); }), names("record 1 (event time 1970-01-01 00:00:00.003"));
  const auto in_distance = windows_of(world, global(), delta_trigger(1, throwing_distance));
  in_distance->receive({{"1", 2, 3}});
  EXPECT_THAT(failure_of([&] { in_distance->receive({{"1", 2, 4}}); }), names("record 2 (event time 1970-01-01 00:00:00.004"));
}

TEST(WindowFailure, LateRecordsThatNobodyReadsAreCounted) {
  using Content = AccumulatedContent<Rec, ListAggregate<WholeRecord>>;
  using Function = WithClock<WindowFunction<std::int64_t, Rec, SessionWindows<FixedGap>, EventTimeTrigger, Content,
                                            WindowRows<std::int64_t, typename Content::Result, KeyedRow>>>;
  TestWorld world;
  TestContext context{world};
  const typename Function::Setup setup{session(Duration{10}), event_time_trigger(), {}, Duration{5}};
  WindowOperator<Function, PropertyKey<std::int64_t>> op{
      [&](Declare& declare) {
        return std::make_unique<Function>(declare, setup, WindowRows<std::int64_t, typename Content::Result, KeyedRow>{});
      },
      {}};
  op.open(context.context);
  const auto receive = [&](std::int64_t time) {
    TypedBatch<Rec> batch;
    batch.append({1, 1}, time);
    hash_keys(batch, PropertyKey<std::int64_t>{});
    op.receive(batch);
  };
  op.advance(Timestamp{100});
  receive(86);
  EXPECT_EQ(op.late_dropped(), 1u) << "its session has been over since 100";
  receive(87);
  EXPECT_EQ(op.late_dropped(), 1u) << "late, and allowed to be";
  receive(77);
  EXPECT_EQ(op.late_dropped(), 1u) << "a part of that session";
  receive(-5);
  EXPECT_EQ(op.late_dropped(), 2u);
}

// A result, or the late output, or an error that names the record: never a number that ran over.
constexpr std::int64_t kFarthest = kFurthestWindowMs;
constexpr std::int64_t kEnds[] = {INT64_MIN, INT64_MIN + 1, INT64_MIN + 2, -kFarthest - 1, -kFarthest,    -kFarthest + 1,
                                  -1,        kFarthest - 1, kFarthest,     kFarthest + 1,  INT64_MAX - 2, INT64_MAX - 1};

template <class Windows, class Trigger>
void check_ends(const Windows& windows, const Trigger& trigger, std::int64_t farthest) {
  for (const std::int64_t time : kEnds) {
    SCOPED_TRACE(time);
    TestWorld world;
    const auto subject = windows_of(world, windows, trigger);
    const std::string failure = failure_of([&] {
      subject->receive({{"1", 5, time}});
      subject->advance_clock(1000);
      subject->end();
    });
    const bool is_within = farthest == INT64_MAX || (-farthest <= time && time <= farthest);
    if (is_within) {
      EXPECT_EQ(failure, "");
      ASSERT_FALSE(subject->rows.empty());
      EXPECT_THAT(subject->rows[0], ::testing::EndsWith(") 5"));
    } else if (failure.empty()) {
      EXPECT_THAT(subject->rows, ElementsAre());
      EXPECT_THAT(subject->late, ElementsAre("1:5@" + std::to_string(time)));
    } else {
      EXPECT_THAT(failure, AllOf(HasSubstr("record 1 (event time"),
                                 HasSubstr(time == INT64_MIN ? "has no event time" : "too far from 1970")));
    }
  }
}

constexpr Duration kLargest{kLargestWindowMs};

TEST(WindowAtTheEndsOfTime, SessionsGiveAResultOrNameTheRecord) {
  check_ends(session(Duration{10}), event_time_trigger(), kFarthest);
  check_ends(session(kLargest), continuous_trigger(Duration{7}), kFarthest);
}
TEST(WindowAtTheEndsOfTime, TimeWindowsWithATriggerToo) {
  check_ends(tumbling(kLargest), count_trigger(1), kFarthest);
  check_ends(cumulative(Duration{40}, Duration{10}), count_trigger(1), kFarthest);
  check_ends(cumulative(kLargest, kLargest, Duration{-3}), event_time_trigger().early(continuous_trigger(kLargest)), kFarthest);
}
TEST(WindowAtTheEndsOfTime, GlobalWindowsTakeEveryTime) {
  check_ends(global(), continuous_trigger(Duration{7}), INT64_MAX);
  check_ends(global(), continuous_trigger(Duration::max()), INT64_MAX);
  check_ends(global(), timeout_trigger(event_time_trigger(), Duration{500}), INT64_MAX);
}
TEST(WindowAtTheEndsOfTime, CalendarWindowsToo) {
  constexpr std::int64_t kWhatChronoHasYearsFor = std::int64_t{10'000'000} * 86'400 * 1000;
  check_ends(calendar_days("Europe/Berlin"), event_time_trigger(), kWhatChronoHasYearsFor);
  check_ends(calendar_months("Pacific/Apia"), event_time_trigger(), kWhatChronoHasYearsFor);
}

}  // namespace
}  // namespace tidemark::detail

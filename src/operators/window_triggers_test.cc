// Triggers against the model, in windows that merge and in windows that don't.
#include <gtest/gtest.h>

#include <cstdint>
#include <cstdlib>
#include <string_view>
#include <utility>

#include "operators/window_property_test.h"
#include "tidemark/trigger.h"

namespace tidemark::detail {
namespace {

using Rec = PropertyRecord<std::int64_t>;

template <class DrawWindows, class Trigger>
void check(const DrawWindows& draw_windows, const ModelTrigger& as_modelled, const Trigger& trigger) {
  check_windows<std::int64_t>(draw_windows, {.trigger = as_modelled}, trigger);
}

TEST(TriggerAgainstAModel, AtTheEndForgetting) {
  check(&draw_sessions, {.at_end = true, .purges = true}, purging(event_time_trigger()));
}

const ModelRule kThird{Rule::kEveryNth, 3};
TEST(TriggerAgainstAModel, CountsInSessions) { check(&draw_sessions, {.main = kThird}, count_trigger(3)); }
TEST(TriggerAgainstAModel, CountsInTimeWindows) {
  check_windows<std::string_view>(&draw_time_windows, {.trigger = {.main = kThird, .purges = true}}, purging(count_trigger(3)));
}
TEST(TriggerAgainstAModel, CountsInGlobalWindows) {
  check(&global_windows, {.main = kThird, .purges = true}, purging(count_trigger(3)));
}
TEST(TriggerAgainstAModel, CountsOfAWholeStream) {
  check_windows<bool>(&global_windows, {.trigger = {.main = kThird, .purges = true}}, purging(count_trigger(3)));
}

const ModelRule kMultiplesOf7{Rule::kMultiples, 7};
TEST(TriggerAgainstAModel, ContinuousInTimeWindows) {
  check(&draw_time_windows, {.main = kMultiplesOf7}, continuous_trigger(Duration{7}));
}
TEST(TriggerAgainstAModel, ContinuousInSessions) {
  check(&draw_sessions, {.main = kMultiplesOf7}, continuous_trigger(Duration{7}));
}
TEST(TriggerAgainstAModel, ContinuousInGlobalWindows) {
  check(&global_windows, {.main = kMultiplesOf7}, continuous_trigger(Duration{7}));
}

const ModelRule kClockMultiplesOf7{Rule::kClockMultiples, 7};
TEST(TriggerAgainstAModel, ContinuousOnTheWallClockInTimeWindows) {
  check(&draw_time_windows, {.main = kClockMultiplesOf7}, continuous_processing_trigger(Duration{7}));
}
TEST(TriggerAgainstAModel, ContinuousOnTheWallClockInSessions) {
  check(&draw_sessions, {.main = kClockMultiplesOf7, .purges = true}, purging(continuous_processing_trigger(Duration{7})));
}
TEST(TriggerAgainstAModel, ContinuousOnTheWallClockInWindowsOfIt) {
  check(by_clock(&draw_time_windows), {.main = kClockMultiplesOf7}, continuous_processing_trigger(Duration{7}));
}
TEST(TriggerAgainstAModel, ContinuousOnTheWallClockInSessionsOfIt) {
  check(by_clock(&draw_sessions), {.main = kClockMultiplesOf7}, continuous_processing_trigger(Duration{7}));
}

TEST(TriggerAgainstAModel, AtTheEndByTheWallClock) {
  check(&draw_time_windows, {.main = {Rule::kEndByClock}}, processing_time_trigger());
}
TEST(TriggerAgainstAModel, AtTheEndByTheWallClockInSessions) {
  check(&draw_sessions, {.main = {Rule::kEndByClock}}, processing_time_trigger());
}
TEST(TriggerAgainstAModel, CountsInWindowsOfTheWallClock) {
  check(by_clock(&draw_sessions), {.main = kThird, .purges = true}, purging(count_trigger(3)));
}

const auto kDistance = [](const Rec& a, const Rec& b) { return static_cast<double>(std::abs(b.value - a.value)); };
TEST(TriggerAgainstAModel, DeltaInTimeWindows) {
  check(&draw_time_windows, {.main = {Rule::kFartherThan, 400}}, delta_trigger(400, kDistance));
}
TEST(TriggerAgainstAModel, DeltaInGlobalWindows) {
  check(&global_windows, {.main = {Rule::kFartherThan, 500}, .purges = true}, purging(delta_trigger(500, kDistance)));
}

TEST(TriggerAgainstAModel, TimeoutOfACount) {
  check(&global_windows, {.main = kThird, .timeout = 30, .purges = true},
        purging(timeout_trigger(count_trigger(3), Duration{30})));
}
TEST(TriggerAgainstAModel, TimeoutOfACountFromTheNewestRecord) {
  check(&draw_sessions, {.main = kThird, .timeout = 20, .timeout_from_newest = true},
        timeout_trigger(count_trigger(3), Duration{20}).from_each_record());
}
TEST(TriggerAgainstAModel, TimeoutOfMultiples) {
  check(&draw_sessions, {.main = kMultiplesOf7, .timeout = 20}, timeout_trigger(continuous_trigger(Duration{7}), Duration{20}));
}
TEST(TriggerAgainstAModel, TimeoutOfMultiplesOnTheWallClock) {
  check(&draw_time_windows, {.main = {Rule::kClockMultiples, 15}, .timeout = 10},
        timeout_trigger(continuous_processing_trigger(Duration{15}), Duration{10}));
}
TEST(TriggerAgainstAModel, TimeoutAlone) {
  check(&draw_time_windows, {.timeout = 20}, timeout_trigger(never_trigger(), Duration{20}));
}

TEST(TriggerAgainstAModel, EarlyByCount) {
  check(&draw_sessions, {.main = kThird, .at_end = true}, event_time_trigger().early(count_trigger(3)));
}
TEST(TriggerAgainstAModel, EarlyAtMultiplesAndLateByCount) {
  check(&draw_time_windows, {.main = kMultiplesOf7, .at_end = true, .late = kThird},
        event_time_trigger().early(continuous_trigger(Duration{7})).late(count_trigger(3)));
}
TEST(TriggerAgainstAModel, EarlyAndLateOnTheWallClockInSessions) {
  check(
      &draw_sessions, {.main = kClockMultiplesOf7, .at_end = true, .late = {Rule::kClockMultiples, 9}},
      event_time_trigger().early(continuous_processing_trigger(Duration{7})).late(continuous_processing_trigger(Duration{9})));
}
TEST(TriggerAgainstAModel, NeverForLateRecords) {
  check(&draw_time_windows, {.at_end = true, .late = {Rule::kNever}, .purges = true},
        purging(event_time_trigger().late(never_trigger())));
}
TEST(TriggerAgainstAModel, Never) { check(&draw_sessions, {}, never_trigger()); }

/// Fires at a sum, and some time after the newest record; some values make it forget the window.
struct Spender {
  struct State {
    std::int64_t spent = 0;
  };
  template <class T>
  TriggerResult on_record(State& state, const T& record, TriggerContext& ctx) const {
    state.spent += record.value;
    ctx.wake_at(ctx.timestamp() + Duration{kSpenderWaitsMs});
    if (state.spent < 1500) return spender_forgets_at(record.value) ? TriggerResult::kPurge : TriggerResult::kContinue;
    state.spent = 0;
    return TriggerResult::kFireAndPurge;
  }
  TriggerResult on_event_time(State&, Timestamp, TriggerContext&) const { return TriggerResult::kFire; }
  void on_merge(State& into, const State& from, TriggerContext&) const { into.spent += from.spent; }
};
/// Of the window's first record, so that of two windows that become one the first alarm must be left.
struct Reminder {
  struct State {
    bool is_set = false;
  };
  template <class T>
  TriggerResult on_record(State& state, const T&, TriggerContext& ctx) const {
    if (!std::exchange(state.is_set, true)) ctx.wake_at(ctx.timestamp() + Duration{15});
    return TriggerResult::kContinue;
  }
  TriggerResult on_event_time(State&, Timestamp, TriggerContext&) const { return TriggerResult::kFire; }
  void on_merge(State& into, const State& from, TriggerContext&) const { into.is_set |= from.is_set; }
};
TEST(TriggerAgainstAModel, OneOfTheUsersThatWakesOnceInSessions) { check(&draw_sessions, {.main = {Rule::kReminder, 15}}, Reminder{}); }

const ModelRule kSpender{Rule::kSpender, 1500};
TEST(TriggerAgainstAModel, OneOfTheUsersInTimeWindows) { check(&draw_time_windows, {.main = kSpender}, Spender{}); }
TEST(TriggerAgainstAModel, OneOfTheUsersInSessions) { check(&draw_sessions, {.main = kSpender}, Spender{}); }
TEST(TriggerAgainstAModel, OneOfTheUsersInGlobalWindows) { check(&global_windows, {.main = kSpender}, Spender{}); }
TEST(TriggerAgainstAModel, OneOfTheUsersBeforeTheEnd) {
  check(&draw_sessions, {.main = kSpender, .at_end = true}, event_time_trigger().early(Spender{}));
}

}  // namespace
}  // namespace tidemark::detail

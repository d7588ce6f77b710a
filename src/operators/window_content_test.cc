// What windows hold and give, against the model: evictors, and functions with state of a window and of a key.
#include "tidemark/detail/operators/window_content.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "operators/window_property_test.h"
#include "tidemark/trigger.h"

namespace tidemark::detail {
namespace {

using Keeps = ModelEvictor::Keeps;

const ModelTrigger kAtEnd{.at_end = true};
const ModelTrigger kEverySecond{.main = {Rule::kEveryNth, 2}};
const ModelEvictor kLast3{Keeps::kLastN, 3};
const ModelEvictor kNewest25{Keeps::kNewestSpan, 25};
const ModelEvictor kNear300{Keeps::kNearLast, 300};

const auto kDistance = [](const auto& a, const auto& b) { return static_cast<double>(std::abs(b.value - a.value)); };

TEST(EvictorAgainstAModel, CountInSessions) {
  check_evicted<std::int64_t>(&draw_sessions, {.trigger = kAtEnd, .before = kLast3}, event_time_trigger(), count_evictor(3),
                              NoEvictor{});
}
TEST(EvictorAgainstAModel, CountOfText) {
  check_evicted<std::string_view>(&draw_sessions, {.trigger = kEverySecond, .before = kLast3}, count_trigger(2),
                                  count_evictor(3), NoEvictor{});
}
TEST(EvictorAgainstAModel, TimeInGlobalWindows) {
  check_evicted<std::int64_t>(&global_windows, {.trigger = kEverySecond, .before = kNewest25}, count_trigger(2),
                              time_evictor(Duration{25}), NoEvictor{});
}
TEST(EvictorAgainstAModel, TimeInSessions) {
  check_evicted<std::int64_t>(&draw_sessions, {.trigger = kAtEnd, .before = kNewest25}, event_time_trigger(),
                              time_evictor(Duration{25}), NoEvictor{});
}
TEST(EvictorAgainstAModel, DeltaInTimeWindows) {
  check_evicted<std::int64_t>(&draw_time_windows, {.trigger = kAtEnd, .before = kNear300}, event_time_trigger(),
                              delta_evictor(300, kDistance), NoEvictor{});
}
TEST(EvictorAgainstAModel, DeltaInSessionsByTheWallClock) {
  check_evicted<std::int64_t>(by_clock(&draw_sessions), {.trigger = kEverySecond, .before = kNear300}, count_trigger(2),
                              delta_evictor(300, kDistance), NoEvictor{});
}
TEST(EvictorAgainstAModel, BehindTheResult) {
  check_evicted<std::int64_t>(&global_windows, {.trigger = kEverySecond, .after = kLast3}, count_trigger(2), NoEvictor{},
                              count_evictor(3));
}
TEST(EvictorAgainstAModel, BeforeAndBehindTheResultOfAWholeStream) {
  check_evicted<bool>(&draw_time_windows, {.trigger = kEverySecond, .before = kNewest25, .after = kLast3}, count_trigger(2),
                      time_evictor(Duration{25}), count_evictor(3));
}

/// One of the users': takes away all that is below the rest, and with it the result if nothing is left.
struct KeepNone {
  template <class T>
  void evict(WindowRecords<T>& records) const {
    records.clear();
  }
};
TEST(EvictorAgainstAModel, OfTheUsersThatTakesAll) {
  check_evicted<std::int64_t>(&draw_sessions, {.trigger = kAtEnd, .before = {Keeps::kLastN, 0}}, event_time_trigger(),
                              KeepNone{}, NoEvictor{});
}

TEST(WindowProcessAgainstAModel, InTimeWindowsWithStateOfEach) {
  check_function<std::int64_t, Firings>(&draw_time_windows, {.trigger = kAtEnd}, event_time_trigger());
}
TEST(WindowProcessAgainstAModel, InTimeWindowsThatFireOftenAndForget) {
  check_function<std::string_view, Firings>(&draw_time_windows, {.trigger = {.main = {Rule::kEveryNth, 2}, .purges = true}},
                                            purging(count_trigger(2)));
}
TEST(WindowProcessAgainstAModel, InTimeWindowsThatForgetButKeepTheirState) {
  check_function<std::int64_t, Firings>(&draw_time_windows, {.trigger = {.main = {Rule::kMultiples, 7}, .purges = true}},
                                        purging(continuous_trigger(Duration{7})));
}
TEST(WindowProcessAgainstAModel, InGlobalWindows) {
  check_function<std::int64_t, Firings>(&global_windows, {.trigger = {.main = {Rule::kMultiples, 7}}},
                                        continuous_trigger(Duration{7}));
}
TEST(WindowProcessAgainstAModel, InSessionsInTheOrderOfRecords) {
  check_function<std::int64_t, NoWindowState>(&draw_sessions, {.trigger = {.main = {Rule::kEveryNth, 2}}}, count_trigger(2));
}
TEST(WindowProcessAgainstAModel, OfAWholeStreamByTheWallClock) {
  check_function<bool, Firings>(by_clock(&draw_time_windows), {.trigger = {.main = {Rule::kClockMultiples, 7}}},
                                continuous_processing_trigger(Duration{7}));
}

}  // namespace
}  // namespace tidemark::detail

// The general window operator against the model: windows of every kind, all with the trigger that they have of their own.
#include "tidemark/detail/operators/window_function.h"

#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <string_view>
#include <vector>

#include "operators/window_property_test.h"
#include "tidemark/trigger.h"
#include "tidemark/window.h"

namespace tidemark::detail {
namespace {

const Modelled kAtEnd{.trigger = {.at_end = true}};
const Modelled kAtEndByClock{.trigger = {.main = {Rule::kEndByClock}}};

template <class K, class DrawWindows>
void check_assigner(const DrawWindows& draw_windows) {
  check_windows<K>(draw_windows, kAtEnd, event_time_trigger());
}

TEST(WindowFunctionAgainstAModel, TimeWindows) { check_assigner<std::int64_t>(&draw_time_windows); }
TEST(WindowFunctionAgainstAModel, TimeWindowsOfText) { check_assigner<std::string_view>(&draw_time_windows); }
TEST(WindowFunctionAgainstAModel, TimeWindowsOfAWholeStream) { check_assigner<bool>(&draw_time_windows); }
TEST(WindowFunctionAgainstAModel, Sessions) { check_assigner<std::int64_t>(&draw_sessions); }
TEST(WindowFunctionAgainstAModel, SessionsOfText) { check_assigner<std::string_view>(&draw_sessions); }
TEST(WindowFunctionAgainstAModel, SessionsOfAWholeStream) { check_assigner<bool>(&draw_sessions); }
TEST(WindowFunctionAgainstAModel, GlobalWindows) { check_assigner<std::int64_t>(&global_windows); }

// Each record has its own gap.
TEST(WindowFunctionAgainstAModel, SessionsWithAGapOfTheRecord) {
  check_assigner<std::int64_t>([](Draw& draw, WindowModel& model) {
    const std::int64_t most = 1 + draw.below(40);
    model.merges = true;
    model.windows_of = [most](const ModelRecord& record) {
      return std::vector<ModelSpan>{{record.time, record.time + 1 + record.value % most}};
    };
    return session([most](const PropertyRecord<std::int64_t>& record) { return Duration{1 + record.value % most}; });
  });
}

/// Two windows from a multiple of 20 on, one of which is as long as the record says.
struct Rounds {
  template <class T>
  void assign(const T& record, Timestamp at, std::vector<Window>& to) const {
    const Timestamp start{floor_to_grid(at.ms(), 20, 0)};
    to.push_back({start, start + Duration{20 + record.value % 15}});
    to.push_back({start, start + Duration{40}});
  }
};
TEST(WindowFunctionAgainstAModel, WindowsOfTheUsers) {
  check_assigner<std::int64_t>([](Draw&, WindowModel& model) {
    model.windows_of = [](const ModelRecord& record) {
      std::int64_t start = record.time;
      while (start % 20 != 0) --start;
      return std::vector<ModelSpan>{{start, start + 20 + record.value % 15}, {start, start + 40}};
    };
    return Rounds{};
  });
}

/// From before the record to behind it, as far as the record says.
struct Surroundings {
  static constexpr bool kMerges = true;
  template <class T>
  void assign(const T& record, Timestamp at, std::vector<Window>& to) const {
    to.push_back({at - Duration{record.value % 9}, at + Duration{1 + record.value % 13}});
  }
};
TEST(WindowFunctionAgainstAModel, WindowsOfTheUsersThatMerge) {
  check_assigner<std::string_view>([](Draw&, WindowModel& model) {
    model.merges = true;
    model.windows_of = [](const ModelRecord& record) {
      return std::vector<ModelSpan>{{record.time - record.value % 9, record.time + 1 + record.value % 13}};
    };
    return Surroundings{};
  });
}

// Around a night in which Berlin's clocks are set: 23 or 25 hours are a day.
constexpr std::int64_t kHour = 3'600'000;
constexpr std::int64_t kSpring =
    std::chrono::sys_days{std::chrono::year{2026} / 3 / 29}.time_since_epoch().count() * 24 * kHour + kHour;
constexpr std::int64_t kAutumn =
    std::chrono::sys_days{std::chrono::year{2026} / 10 / 25}.time_since_epoch().count() * 24 * kHour + kHour;

std::int64_t day_in_berlin(std::int64_t time) {
  return (time + (kSpring <= time && time < kAutumn ? 2 : 1) * kHour) / (24 * kHour);
}

TEST(WindowFunctionAgainstAModel, LocalDaysWhereClocksAreSet) {
  const auto days = [](Draw&, WindowModel& model) {
    model.windows_of = [](const ModelRecord& record) {
      const std::int64_t day = day_in_berlin(record.time);
      std::int64_t start = record.time - record.time % kHour;
      std::int64_t end = start + kHour;
      while (day_in_berlin(start - kHour) == day) start -= kHour;
      while (day_in_berlin(end) == day) end += kHour;
      return std::vector<ModelSpan>{{start, end}};
    };
    return calendar_days("Europe/Berlin");
  };
  const auto times = [](Draw& draw) {
    return WindowProperty::Times{(draw.below(2) == 0 ? kSpring : kAutumn) - 48 * kHour, kHour};
  };
  check_windows<std::int64_t>(days, kAtEnd, event_time_trigger(), times);
}

TEST(WindowFunctionAgainstAModel, TimeWindowsByTheWallClock) {
  check_windows<std::int64_t>(by_clock(&draw_time_windows), kAtEndByClock, processing_time_trigger());
}
TEST(WindowFunctionAgainstAModel, SessionsByTheWallClock) {
  check_windows<std::string_view>(by_clock(&draw_sessions), kAtEndByClock, processing_time_trigger());
}

}  // namespace
}  // namespace tidemark::detail

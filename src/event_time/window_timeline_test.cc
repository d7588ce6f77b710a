#include "tidemark/detail/event_time/window_timeline.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <set>
#include <vector>

namespace tidemark {

void PrintTo(const Window& w, std::ostream* out) { *out << "[" << w.start.ms() << ", " << w.end.ms() << ")"; }

}  // namespace tidemark

namespace tidemark::detail {
namespace {

constexpr Timestamp at(std::int64_t ms) { return Timestamp{ms}; }
constexpr Window window(std::int64_t start, std::int64_t end) { return {at(start), at(end)}; }

std::vector<std::int64_t> slices_of(const WindowTimeline& timeline, Window w) {
  const auto slices = timeline.slices_of(w);
  return {slices.begin(), slices.end()};
}

TEST(WindowSpec, RefusesSizesAndSlidesThatAreNotPositiveOrTooLarge) {
  EXPECT_FALSE(WindowSpec::sliding(10, 3).problem());
  EXPECT_FALSE(WindowSpec::sliding(3, 10).problem());
  for (const std::int64_t bad : {std::int64_t{0}, std::int64_t{-5}, INT64_MIN, INT64_MAX, kLargestWindowMs + 1}) {
    EXPECT_TRUE(WindowSpec::tumbling(bad).problem()) << bad;
    EXPECT_TRUE(WindowSpec::sliding(10, bad).problem()) << bad;
  }
  EXPECT_EQ(WindowSpec::tumbling(-5).problem()->message(),
            "the size of a window is -5 ms; it must be from 1 ms to 288230376151711744 ms");
}

TEST(WindowSpec, ACumulativeSizeIsAMultipleOfItsStep) {
  EXPECT_FALSE(WindowSpec::cumulative(12, 3).problem());
  EXPECT_EQ(WindowSpec::cumulative(10, 3).problem()->message(), "cumulative(size, step): the size, 10 ms, is no multiple of the step, 3 ms");
  EXPECT_EQ(WindowSpec::cumulative(10, 0).problem()->message(), "the step of a window is 0 ms; it must be from 1 ms to 288230376151711744 ms");
}

TEST(WindowTimeline, SlicesAreFlooredForTimestampsBefore1970) {
  WindowTimeline timeline{WindowSpec::sliding(10, 4), Duration{0}};
  EXPECT_EQ(timeline.slice_ms(), 2);
  EXPECT_EQ(timeline.slice_start_of(at(0)), 0);
  EXPECT_EQ(timeline.slice_start_of(at(1)), 0);
  EXPECT_EQ(timeline.slice_start_of(at(-1)), -2);
  EXPECT_EQ(timeline.slice_start_of(at(-2)), -2);
  EXPECT_EQ(timeline.slice_start_of(at(-3)), -4);
}

TEST(WindowTimeline, TheEndsOfTimeAreOutOfRangeAndTheLimitIsNot) {
  for (const WindowSpec spec : {WindowSpec::sliding(10, 3), WindowSpec::sliding(kLargestWindowMs, kLargestWindowMs - 1),
                                WindowSpec::sliding(kLargestWindowMs, kLargestWindowMs / 2, INT64_MIN),
                                WindowSpec::tumbling(kLargestWindowMs, INT64_MAX)}) {
    WindowTimeline timeline{spec, Duration::max()};
    for (const std::int64_t far :
         {INT64_MIN, INT64_MIN + 1, -kFurthestWindowMs - 1, kFurthestWindowMs + 1, INT64_MAX}) {
      EXPECT_EQ(timeline.slice_start_of(at(far)), WindowTimeline::kOutOfRange) << far;
    }
    const std::int64_t lowest = timeline.slice_start_of(at(-kFurthestWindowMs));
    const std::int64_t highest = timeline.slice_start_of(at(kFurthestWindowMs));
    EXPECT_LE(lowest, -kFurthestWindowMs);
    EXPECT_GE(highest, kFurthestWindowMs - timeline.slice_ms());
    timeline.add_slice(highest);
    timeline.add_slice(lowest);
    EXPECT_FALSE(timeline.next_due(Timestamp::min()));
    const auto first = timeline.next_due(Timestamp::max());
    ASSERT_TRUE(first);
    EXPECT_EQ(timeline.slices_of(*first)[0], lowest);
    EXPECT_GT(first->end, first->start);
  }
}

TEST(WindowTimeline, TimestampsInGapsBelongToNoWindow) {
  WindowTimeline timeline{WindowSpec::sliding(4, 10, 1), Duration{0}};
  EXPECT_EQ(timeline.slice_start_of(at(1)), 1);
  EXPECT_EQ(timeline.slice_start_of(at(4)), 3);
  EXPECT_EQ(timeline.slice_start_of(at(5)), WindowTimeline::kNoWindow);
  EXPECT_EQ(timeline.slice_start_of(at(10)), WindowTimeline::kNoWindow);
  EXPECT_EQ(timeline.slice_start_of(at(-1)), WindowTimeline::kNoWindow);
  EXPECT_EQ(timeline.slice_start_of(at(-7)), -7);
}

TEST(WindowTimeline, SlidingWindowsFireInOrderOfEndAndSkipEmptyStretches) {
  WindowTimeline timeline{WindowSpec::sliding(10, 5), Duration{0}};
  timeline.add_slice(1000);
  timeline.add_slice(0);
  timeline.add_slice(0);
  EXPECT_FALSE(timeline.next_due(at(3)));
  EXPECT_EQ(timeline.next_due(at(4)), window(-5, 5));
  EXPECT_FALSE(timeline.next_due(at(4)));
  EXPECT_EQ(timeline.next_due(Timestamp::max()), window(0, 10));
  EXPECT_EQ(slices_of(timeline, window(0, 10)), std::vector<std::int64_t>{0});
  EXPECT_EQ(timeline.next_due(Timestamp::max()), window(995, 1005));
  EXPECT_EQ(timeline.next_due(Timestamp::max()), window(1000, 1010));
  EXPECT_FALSE(timeline.next_due(Timestamp::max()));
  EXPECT_EQ(timeline.take_expired(Timestamp::max()), (std::vector<std::int64_t>{0, 1000}));
  EXPECT_TRUE(timeline.slices().empty());
}

TEST(WindowTimeline, AWindowThatPassedWithoutDataFiresOnlyAsALateOne) {
  WindowTimeline timeline{WindowSpec::tumbling(10), Duration{5}};
  EXPECT_FALSE(timeline.next_due(at(9)));
  EXPECT_FALSE(timeline.is_late(0, at(13)));
  timeline.add_slice(0);
  EXPECT_EQ(timeline.already_fired_windows_of(0, at(13)), std::vector<Window>{window(0, 10)});
  EXPECT_FALSE(timeline.next_due(at(13)));
  EXPECT_TRUE(timeline.take_expired(at(13)).empty());
  EXPECT_TRUE(timeline.is_late(0, at(14)));
  EXPECT_TRUE(timeline.already_fired_windows_of(0, at(14)).empty());
  EXPECT_EQ(timeline.take_expired(at(14)), std::vector<std::int64_t>{0});
}

TEST(WindowTimeline, UnboundedLatenessKeepsSlicesUntilTheEndOfTime) {
  WindowTimeline timeline{WindowSpec::tumbling(10), Duration::max()};
  timeline.add_slice(0);
  EXPECT_TRUE(timeline.next_due(at(1'000'000)));
  EXPECT_FALSE(timeline.is_late(0, at(INT64_MAX - 1)));
  EXPECT_EQ(timeline.already_fired_windows_of(0, at(INT64_MAX - 1)).size(), 1u);
  EXPECT_TRUE(timeline.is_late(0, Timestamp::max()));
}

TEST(WindowTimeline, ARestoredTimelineDoesNotFireAgain) {
  WindowTimeline timeline{WindowSpec::sliding(10, 5), Duration{0}};
  timeline.restore(at(4));
  timeline.add_slice(0);
  EXPECT_EQ(timeline.next_due(at(9)), window(0, 10));
  EXPECT_FALSE(timeline.next_due(at(9)));
}

// Every window by the definition, one start after the other.
class Model {
 public:
  Model(WindowSpec spec, std::int64_t lateness) : spec_{spec}, lateness_{lateness} {}

  std::vector<Window> windows_of(std::int64_t t) const {
    std::vector<Window> windows;
    if (spec_.cumulates) {
      std::int64_t start = t;
      while ((start - spec_.offset_ms) % spec_.size_ms != 0) --start;
      for (std::int64_t end = start + spec_.slide_ms; end <= start + spec_.size_ms; end += spec_.slide_ms) {
        if (t < end) windows.push_back(window(start, end));
      }
      return windows;
    }
    for (std::int64_t start = t - spec_.size_ms + 1; start <= t; ++start) {
      if ((start - spec_.offset_ms) % spec_.slide_ms == 0) windows.push_back(window(start, start + spec_.size_ms));
    }
    return windows;
  }
  bool is_expired(Window w, std::int64_t watermark) const { return w.end.ms() - 1 + lateness_ <= watermark; }
  bool is_late(std::int64_t t, std::int64_t watermark) const {
    const auto windows = windows_of(t);
    return std::all_of(windows.begin(), windows.end(), [&](Window w) { return is_expired(w, watermark); });
  }

 private:
  WindowSpec spec_;
  std::int64_t lateness_;
};

TEST(WindowTimeline, EachWindowFiresOnceWithItsRecordsAsTheDefinitionSays) {
  std::mt19937_64 random{20150715};
  const auto between = [&](std::int64_t low, std::int64_t high) {
    return std::uniform_int_distribution<std::int64_t>{low, high}(random);
  };
  for (int round = 0; round < 1500; ++round) {
    const std::int64_t part = between(1, 8);
    const WindowSpec spec = between(0, 2) == 0 ? WindowSpec::cumulative(part * between(1, 5), part, between(-50, 50))
                                               : WindowSpec::sliding(between(1, 24), between(1, 24), between(-50, 50));
    const std::int64_t lateness = between(0, 1) * between(0, 30);
    const Model model{spec, lateness};
    WindowTimeline timeline{spec, Duration{lateness}};
    std::map<std::int64_t, std::multiset<std::int64_t>> slices;   // the user's: records of each slice
    std::map<std::int64_t, std::multiset<std::int64_t>> windows;  // the model's: of each window, by end
    std::map<std::int64_t, std::int64_t> start_of;                 // the model's: of the window with that end
    std::set<std::int64_t> fired;                                  // the model's: ends of windows that fired
    std::int64_t watermark = -100;
    timeline.restore(at(watermark));

    const auto contents = [&](Window w) {
      std::multiset<std::int64_t> records;
      for (const std::int64_t s : timeline.slices_of(w)) records.insert(slices.at(s).begin(), slices.at(s).end());
      return records;
    };
    for (int step = 0; step < 60; ++step) {
      if (between(0, 2) != 0) {
        const std::int64_t t = watermark + between(-40, 40);
        const auto expected = model.windows_of(t);
        std::vector<Window> assigned;
        spec.add_windows_of(at(t), assigned);
        ASSERT_EQ(assigned, expected);
        const std::int64_t slice = timeline.slice_start_of(at(t));
        ASSERT_EQ(slice == WindowTimeline::kNoWindow, expected.empty());
        if (expected.empty()) continue;
        ASSERT_EQ(timeline.is_late(slice, at(watermark)), model.is_late(t, watermark));
        if (model.is_late(t, watermark)) continue;
        std::vector<Window> refired;
        for (const Window w : expected) {
          if (model.is_expired(w, watermark)) continue;
          windows[w.end.ms()].insert(t);
          start_of[w.end.ms()] = w.start.ms();
          if (w.end.ms() - 1 <= watermark) refired.push_back(w);
        }
        timeline.add_slice(slice);
        slices[slice].insert(t);
        ASSERT_EQ(timeline.already_fired_windows_of(slice, at(watermark)), refired);
        for (const Window w : refired) ASSERT_EQ(contents(w), windows.at(w.end.ms()));
        for (const Window w : refired) fired.insert(w.end.ms());
        continue;
      }
      watermark += between(0, 1) * between(0, 30);
      std::vector<Window> due;
      for (const auto& [end, records] : windows) {
        if (end - 1 <= watermark && !fired.contains(end)) due.push_back(window(start_of.at(end), end));
      }
      for (const Window w : due) {
        ASSERT_EQ(timeline.next_due(at(watermark)), w);
        ASSERT_EQ(contents(w), windows.at(w.end.ms()));
        fired.insert(w.end.ms());
      }
      ASSERT_EQ(timeline.next_due(at(watermark)), std::nullopt);
      for (const std::int64_t s : timeline.take_expired(at(watermark))) {
        ASSERT_TRUE(model.is_late(s, watermark));
        slices.erase(s);
      }
      for (const auto& [s, records] : slices) ASSERT_FALSE(model.is_late(s, watermark));
      if (between(0, 4) == 0) {  // a checkpoint, and a start from it
        WindowTimeline restored{spec, Duration{lateness}};
        restored.restore(at(watermark));
        for (const auto& [s, records] : slices) restored.add_slice(s);
        timeline = restored;
      }
    }
  }
}

}  // namespace
}  // namespace tidemark::detail

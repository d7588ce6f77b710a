#include "tidemark/detail/event_time/watermark_merger.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <vector>

namespace tidemark::detail {

void PrintTo(const WatermarkChange& change, std::ostream* out) {
  if (change.watermark) *out << "watermark " << change.watermark->ms() << " ";
  if (change.idle) *out << (*change.idle ? "idle" : "active");
}

namespace {

constexpr Timestamp at(std::int64_t ms) { return Timestamp{ms}; }
const WatermarkChange kNothing;
WatermarkChange to(std::int64_t ms) { return {at(ms), std::nullopt}; }
WatermarkChange to_idle() { return {std::nullopt, true}; }
WatermarkChange to_active() { return {std::nullopt, false}; }

TEST(WatermarkMerger, IsTheLowestOfItsInputsAndNeverGoesBack) {
  WatermarkMerger merger{2};
  EXPECT_EQ(merger.on_watermark(0, at(10)), kNothing);
  EXPECT_EQ(merger.on_watermark(1, at(5)), to(5));
  EXPECT_EQ(merger.on_watermark(1, at(3)), kNothing);
  EXPECT_EQ(merger.on_watermark(1, at(20)), to(10));
  EXPECT_EQ(merger.watermark(), at(10));
}

TEST(WatermarkMerger, AnIdleInputDoesNotHoldAndItsReturnDoesNotMoveBack) {
  WatermarkMerger merger{2};
  EXPECT_EQ(merger.on_watermark(0, at(10)), kNothing);
  EXPECT_EQ(merger.on_idle(1), to(10));
  EXPECT_EQ(merger.on_idle(1), kNothing);
  EXPECT_EQ(merger.on_active(1), kNothing);
  EXPECT_EQ(merger.on_watermark(0, at(30)), kNothing) << "held until input 1 has caught up";
  EXPECT_EQ(merger.on_watermark(1, at(7)), kNothing);
  EXPECT_EQ(merger.watermark(), at(10));
  EXPECT_EQ(merger.on_watermark(1, at(25)), to(25));
}

TEST(WatermarkMerger, IsIdleWhileAllInputsAreAndItsWatermarkDoesNotHangOnTheirOrder) {
  for (const std::size_t first : {0, 1}) {
    WatermarkMerger merger{2};
    merger.on_watermark(0, at(10));
    merger.on_watermark(1, at(5));
    merger.on_idle(first);
    const WatermarkChange change = merger.on_idle(1 - first);
    EXPECT_EQ(change.idle, true);
    EXPECT_EQ(merger.watermark(), at(10));
    EXPECT_EQ(merger.on_watermark(0, at(11)), to(11)) << "all idle: the highest counts";
    EXPECT_EQ(merger.on_active(0), to_active());
  }
}

TEST(WatermarkMerger, TheEndOfAnInputDoesNotOvertakeAnIdleOne) {
  WatermarkMerger merger{2};
  merger.on_watermark(1, at(5));
  EXPECT_EQ(merger.on_watermark(0, Timestamp::max()), to(5));
  EXPECT_EQ(merger.on_idle(1), to_idle());
  EXPECT_EQ(merger.watermark(), at(5));
  EXPECT_EQ(merger.on_active(1), to_active());
  EXPECT_EQ(merger.on_watermark(1, Timestamp::max()), to(INT64_MAX));
}

TEST(WatermarkMerger, AnIdleInputThatEndsEndsTheWhole) {
  WatermarkMerger merger{1};
  EXPECT_EQ(merger.on_idle(0), to_idle());
  EXPECT_EQ(merger.on_watermark(0, Timestamp::max()), (WatermarkChange{Timestamp::max(), false}));
}

TEST(WatermarkMerger, RandomInputsKeepItMonotoneAndAtMostAtTheActiveMinimum) {
  std::mt19937_64 random{7};
  for (int round = 0; round < 200; ++round) {
    const std::size_t inputs = 1 + random() % 4;
    WatermarkMerger merger{inputs};
    std::vector<std::int64_t> watermarks(inputs, INT64_MIN);
    std::vector<bool> idle(inputs, false);
    std::int64_t reported = INT64_MIN;
    std::int64_t floor = INT64_MIN;  // the output before the step
    for (int step = 0; step < 100; ++step) {
      const std::size_t i = random() % inputs;
      WatermarkChange change;
      switch (random() % 4) {
        case 0: change = merger.on_idle(i), idle[i] = true; break;
        case 1: change = merger.on_active(i), idle[i] = false; break;
        default: {
          const std::int64_t t = static_cast<std::int64_t>(random() % 1000) - 500;
          change = merger.on_watermark(i, at(t));
          watermarks[i] = std::max(watermarks[i], t);
        }
      }
      if (change.watermark) {
        ASSERT_GT(change.watermark->ms(), reported);
        reported = change.watermark->ms();
      }
      std::int64_t lowest = INT64_MAX;
      for (std::size_t k = 0; k < inputs; ++k) if (!idle[k]) lowest = std::min(lowest, watermarks[k]);
      const bool all_idle = lowest == INT64_MAX;
      ASSERT_EQ(merger.idle(), all_idle);
      const std::int64_t now = all_idle ? *std::max_element(watermarks.begin(), watermarks.end()) : lowest;
      ASSERT_EQ(merger.watermark().ms(), std::max(floor, now));
      ASSERT_EQ(merger.watermark().ms(), reported);
      floor = merger.watermark().ms();
    }
  }
}

}  // namespace
}  // namespace tidemark::detail

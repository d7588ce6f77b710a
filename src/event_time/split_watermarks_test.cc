#include "tidemark/detail/event_time/split_watermarks.h"

#include <gtest/gtest.h>

namespace tidemark::detail {
namespace {

constexpr Timestamp at(std::int64_t ms) { return Timestamp{ms}; }

TEST(BoundedOutOfOrderness, ARecordExactlyTheDelayOlderIsInTime) {
  BoundedOutOfOrderness generator{Duration{4}};
  EXPECT_EQ(generator.watermark(), Timestamp::min());
  generator.observe(at(10));
  EXPECT_EQ(generator.watermark(), at(5));
  generator.observe(at(7));
  EXPECT_EQ(generator.watermark(), at(5));
}

TEST(BoundedOutOfOrderness, TheEndsOfTimeAreTimestampsAndNotTheEndOfInput) {
  BoundedOutOfOrderness generator{Duration{0}};
  generator.observe(Timestamp::min());
  EXPECT_EQ(generator.watermark(), Timestamp::min());
  generator.observe(Timestamp::max());
  EXPECT_LT(generator.watermark(), Timestamp::max());
  BoundedOutOfOrderness patient{Duration::max()};
  patient.observe(at(-5));
  EXPECT_EQ(patient.watermark(), Timestamp::min());
}

TEST(SplitWatermarks, IsTheLowestOfTheSplits) {
  SplitWatermarks reader{Duration{0}, std::nullopt};
  const auto a = reader.add(Timestamp::min(), 0);
  const auto b = reader.add(Timestamp::min(), 0);
  reader.observe(a, at(100), 0);
  EXPECT_TRUE(reader.update(0).empty()) << "nothing is known of b";
  reader.observe(b, at(50), 0);
  EXPECT_EQ(reader.update(0).watermark, at(49));
  reader.finish(b);
  EXPECT_EQ(reader.update(0).watermark, at(99));
}

TEST(SplitWatermarks, WaitsForItsNextSplitAndEndsAfterTheLast) {
  SplitWatermarks reader{Duration{0}, std::nullopt};
  reader.observe(reader.add(Timestamp::min(), 0), at(100), 0);
  reader.finish(0);
  EXPECT_TRUE(reader.update(1'000'000).empty());
  const auto next = reader.add(Timestamp::min(), 0);
  reader.observe(next, at(30), 0);
  EXPECT_EQ(reader.update(0).watermark, at(29));
  reader.no_more_splits();
  EXPECT_TRUE(reader.update(0).empty());
  reader.finish(next);
  EXPECT_EQ(reader.update(0).watermark, Timestamp::max());
  EXPECT_TRUE(reader.update(0).empty());
}

TEST(SplitWatermarks, AReaderWithoutAnySplitEnds) {
  SplitWatermarks reader{Duration{0}, 10};
  reader.no_more_splits();
  EXPECT_EQ(reader.idle_deadline_ns(), std::nullopt);
  EXPECT_EQ(reader.update(100), (WatermarkChange{Timestamp::max(), std::nullopt}));
}

TEST(SplitWatermarks, WhatWasLateStaysLateAfterARestore) {
  SplitWatermarks before{Duration{10}, std::nullopt};
  const auto split = before.add(Timestamp::min(), 0);
  before.observe(split, at(100), 0);
  SplitWatermarks after{Duration{10}, std::nullopt};
  const auto restored = after.add(before.watermark_of(split), 0);
  EXPECT_EQ(after.update(0).watermark, at(89));
  after.observe(restored, at(20), 0);
  EXPECT_TRUE(after.update(0).empty());
  EXPECT_EQ(after.watermark_of(restored), at(89));
}

TEST(SplitWatermarks, AnIdleSplitDoesNotHoldTheOthers) {
  SplitWatermarks reader{Duration{0}, 1000};
  const auto quiet = reader.add(Timestamp::min(), 0);
  const auto busy = reader.add(Timestamp::min(), 0);
  reader.observe(busy, at(100), 900);
  EXPECT_TRUE(reader.update(999).empty());
  EXPECT_EQ(reader.idle_deadline_ns(), 1000);
  EXPECT_EQ(reader.update(1000).watermark, at(99));
  EXPECT_EQ(reader.idle_deadline_ns(), 1900);
  EXPECT_EQ(reader.update(1900).idle, true);
  EXPECT_EQ(reader.idle_deadline_ns(), std::nullopt);
  reader.observe(quiet, at(20), 2000);
  EXPECT_EQ(reader.update(2000), (WatermarkChange{std::nullopt, false}));
  EXPECT_EQ(reader.watermark(), at(99));
}

TEST(SplitWatermarks, ASplitThatMayNotBeReadStaysWhatItWas) {
  SplitWatermarks reader{Duration{0}, 1000};
  const auto held = reader.add(Timestamp::min(), 0);
  reader.hold(held);
  EXPECT_EQ(reader.idle_deadline_ns(), std::nullopt);
  EXPECT_TRUE(reader.update(5000).empty());
  reader.release(held);
  EXPECT_EQ(reader.update(5000).idle, true);
  reader.hold(held);
  EXPECT_TRUE(reader.update(5001).empty());
  reader.observe(held, at(20), 5002);
  EXPECT_EQ(reader.update(5002), (WatermarkChange{at(19), false}));
}

TEST(SplitWatermarks, AReaderThatWaitsForItsNextSplitHoldsTheWatermarkAndIsNotIdle) {
  SplitWatermarks reader{Duration{0}, 1000};
  EXPECT_EQ(reader.idle_deadline_ns(), std::nullopt);
  EXPECT_TRUE(reader.update(1'000'000).empty());
  const auto first = reader.add(Timestamp::min(), 1'000'000);
  reader.observe(first, at(100), 1'000'000);
  EXPECT_EQ(reader.update(1'000'000).watermark, at(99));
  reader.finish(first);
  EXPECT_TRUE(reader.update(5'000'000).empty());
  reader.add(Timestamp::min(), 6'000'000);
  EXPECT_TRUE(reader.update(6'000'000).empty()) << "what the next split holds is waited for, too";
}

TEST(SplitWatermarks, AReaderWhoseIdleSplitEndsWaitsForTheNextAndIsNotIdle) {
  SplitWatermarks reader{Duration{0}, 1000};
  const auto split = reader.add(Timestamp::min(), 0);
  EXPECT_EQ(reader.update(1000).idle, true);
  reader.finish(split);
  EXPECT_EQ(reader.update(1001), (WatermarkChange{std::nullopt, false}));
  reader.no_more_splits();
  EXPECT_EQ(reader.update(1002).watermark, Timestamp::max());
}

TEST(SplitWatermarks, WhatIsReadAfterALongPauseEndsTheSilenceBeforeIdlenessIsDecided) {
  SplitWatermarks reader{Duration{0}, 1000};
  const auto split = reader.add(Timestamp::min(), 0);
  reader.observe(split, at(5), 90'000);
  EXPECT_EQ(reader.update(90'000), (WatermarkChange{at(4), std::nullopt}));
}

}  // namespace
}  // namespace tidemark::detail

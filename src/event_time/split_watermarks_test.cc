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
  const auto a = reader.add(Timestamp::min());
  const auto b = reader.add(Timestamp::min());
  reader.observe(a, at(100));
  EXPECT_TRUE(reader.update().empty()) << "nothing is known of b";
  reader.observe(b, at(50));
  EXPECT_EQ(reader.update().watermark, at(49));
  reader.finish(b);
  EXPECT_EQ(reader.update().watermark, at(99));
}

TEST(SplitWatermarks, WaitsForItsNextSplitAndEndsAfterTheLast) {
  SplitWatermarks reader{Duration{0}, std::nullopt};
  reader.observe(reader.add(Timestamp::min()), at(100));
  reader.finish(0);
  EXPECT_TRUE(reader.update().empty());
  const auto next = reader.add(Timestamp::min());
  reader.observe(next, at(30));
  EXPECT_EQ(reader.update().watermark, at(29));
  reader.no_more_splits();
  EXPECT_TRUE(reader.update().empty());
  reader.finish(next);
  EXPECT_EQ(reader.update().watermark, Timestamp::max());
  EXPECT_TRUE(reader.update().empty());
}

TEST(SplitWatermarks, AReaderWithoutAnySplitEnds) {
  SplitWatermarks reader{Duration{0}, 10};
  reader.no_more_splits();
  EXPECT_EQ(reader.idle_deadline_ns(), std::nullopt);
  EXPECT_EQ(reader.update(), (WatermarkChange{Timestamp::max(), std::nullopt}));
}

TEST(SplitWatermarks, WhatWasLateStaysLateAfterARestore) {
  SplitWatermarks before{Duration{10}, std::nullopt};
  const auto split = before.add(Timestamp::min());
  before.observe(split, at(100));
  SplitWatermarks after{Duration{10}, std::nullopt};
  const auto restored = after.add(before.watermark_of(split));
  EXPECT_EQ(after.update().watermark, at(89));
  after.observe(restored, at(20));
  EXPECT_TRUE(after.update().empty());
  EXPECT_EQ(after.watermark_of(restored), at(89));
}

TEST(SplitWatermarks, AnIdleSplitDoesNotHoldTheOthers) {
  SplitWatermarks reader{Duration{0}, 1000};
  const auto quiet = reader.add(Timestamp::min());
  const auto busy = reader.add(Timestamp::min());
  reader.found_nothing(quiet, 0);
  EXPECT_EQ(reader.idle_deadline_ns(), 1000);
  reader.observe(busy, at(100));
  reader.found_nothing(quiet, 999);
  EXPECT_TRUE(reader.update().empty());
  EXPECT_EQ(reader.idle_deadline_ns(), 1000);
  reader.found_nothing(quiet, 1000);
  EXPECT_EQ(reader.update().watermark, at(99));
  EXPECT_EQ(reader.idle_deadline_ns(), std::nullopt) << "the busy one had records when it was asked";
  reader.found_nothing(busy, 1001);
  EXPECT_EQ(reader.idle_deadline_ns(), 2001);
  reader.found_nothing(busy, 2001);
  EXPECT_EQ(reader.update().idle, true);
  EXPECT_EQ(reader.idle_deadline_ns(), std::nullopt);
  reader.observe(quiet, at(20));
  EXPECT_EQ(reader.update(), (WatermarkChange{std::nullopt, false}));
  EXPECT_EQ(reader.watermark(), at(99));
}

TEST(SplitWatermarks, APromiseOfTheSourceRaisesTheWatermarkAndIsNotTheEndOfInput) {
  SplitWatermarks reader{Duration{0}, std::nullopt};
  const auto split = reader.add(at(20));
  reader.promise(split, at(10));
  EXPECT_EQ(reader.update().watermark, at(20)) << "it does not go back";
  reader.promise(split, at(30));
  EXPECT_EQ(reader.update().watermark, at(30));
  EXPECT_EQ(reader.watermark_of(split), at(30));
  reader.promise(split, Timestamp::max());
  EXPECT_EQ(reader.update().watermark, Timestamp::max() - Duration{1});
}

TEST(SplitWatermarks, ASplitIsIdleAtOnceIfItsSourceSaysSo) {
  SplitWatermarks reader{Duration{0}, 1000};
  const auto quiet = reader.add(Timestamp::min());
  const auto busy = reader.add(Timestamp::min());
  reader.observe(busy, at(100));
  reader.declare_idle(quiet, true);
  EXPECT_EQ(reader.update().watermark, at(99));
  EXPECT_EQ(reader.idle_deadline_ns(), std::nullopt);
  reader.declare_idle(quiet, false);
  reader.observe(busy, at(200));
  EXPECT_TRUE(reader.update().empty()) << "nothing is known of the first one again";
}

TEST(SplitWatermarks, ASplitThatNobodyAsksStaysWhatItWas) {
  SplitWatermarks reader{Duration{0}, 1000};
  const auto split = reader.add(Timestamp::min());
  reader.found_nothing(split, 0);
  reader.not_asked(split);
  EXPECT_EQ(reader.idle_deadline_ns(), std::nullopt) << "waking up would change nothing";
  EXPECT_TRUE(reader.update().empty());
  reader.found_nothing(split, 5000);
  EXPECT_EQ(reader.update().idle, true);
  reader.not_asked(split);
  EXPECT_TRUE(reader.update().empty());
  reader.observe(split, at(20));
  EXPECT_EQ(reader.update(), (WatermarkChange{at(19), false}));
}

TEST(SplitWatermarks, TheTimeOfABatchDownstreamMakesNoOtherSplitIdle) {
  SplitWatermarks reader{Duration{0}, 1000};
  const auto busy = reader.add(Timestamp::min());
  const auto other = reader.add(Timestamp::min());
  reader.observe(other, at(10));
  reader.found_nothing(other, 1);
  reader.observe(busy, at(100));
  EXPECT_EQ(reader.update().watermark, at(9)) << "nobody asked what had come since";
  reader.observe(other, at(20));
  EXPECT_EQ(reader.update().watermark, at(19));
  reader.found_nothing(other, 90'002);
  reader.observe(busy, at(200));
  reader.found_nothing(other, 180'000);
  EXPECT_EQ(reader.update().watermark, at(199)) << "it was asked, and nothing had come in all that time";
}

TEST(SplitWatermarks, ASplitThatIsHeldBackIsNotSilentUntilItIsAskedAgain) {
  SplitWatermarks reader{Duration{0}, 1000};
  const auto split = reader.add(Timestamp::min());
  reader.observe(split, at(10));
  reader.found_nothing(split, 0);
  reader.found_nothing(split, 1000);
  EXPECT_EQ(reader.update(), (WatermarkChange{at(9), true}));
  reader.held_back(split);
  EXPECT_EQ(reader.update().idle, false);
  EXPECT_EQ(reader.idle_deadline_ns(), std::nullopt);
  reader.found_nothing(split, 5000);
  EXPECT_TRUE(reader.update().empty());
  reader.found_nothing(split, 6000);
  EXPECT_EQ(reader.update().idle, true);
}

TEST(SplitWatermarks, ANewSplitIsSilentFromTheFirstTimeThatItIsAsked) {
  SplitWatermarks reader{Duration{0}, 1000};
  const auto split = reader.add(Timestamp::min());
  reader.found_nothing(split, 90'000);
  EXPECT_TRUE(reader.update().empty());
  EXPECT_EQ(reader.idle_deadline_ns(), 91'000);
}

TEST(SplitWatermarks, AReaderThatWaitsForItsNextSplitHoldsTheWatermarkAndIsNotIdle) {
  SplitWatermarks reader{Duration{0}, 1000};
  EXPECT_EQ(reader.idle_deadline_ns(), std::nullopt);
  EXPECT_TRUE(reader.update().empty());
  const auto first = reader.add(Timestamp::min());
  reader.observe(first, at(100));
  EXPECT_EQ(reader.update().watermark, at(99));
  reader.finish(first);
  EXPECT_TRUE(reader.update().empty());
  reader.add(Timestamp::min());
  EXPECT_TRUE(reader.update().empty()) << "what the next split holds is waited for, too";
}

TEST(SplitWatermarks, AReaderWhoseIdleSplitEndsWaitsForTheNextAndIsNotIdle) {
  SplitWatermarks reader{Duration{0}, 1000};
  const auto split = reader.add(Timestamp::min());
  reader.found_nothing(split, 0);
  reader.found_nothing(split, 1000);
  EXPECT_EQ(reader.update().idle, true);
  reader.finish(split);
  EXPECT_EQ(reader.update(), (WatermarkChange{std::nullopt, false}));
  reader.no_more_splits();
  EXPECT_EQ(reader.update().watermark, Timestamp::max());
}

TEST(SplitWatermarks, WhatIsReadAfterALongPauseEndsTheSilence) {
  SplitWatermarks reader{Duration{0}, 1000};
  const auto split = reader.add(Timestamp::min());
  reader.found_nothing(split, 0);
  reader.observe(split, at(5));
  EXPECT_EQ(reader.update(), (WatermarkChange{at(4), std::nullopt}));
}

}  // namespace
}  // namespace tidemark::detail

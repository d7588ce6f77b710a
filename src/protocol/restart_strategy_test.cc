#include "protocol/restart_strategy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

namespace tidemark {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::Ge;
using ::testing::HasSubstr;
using ::testing::Le;
using enum RestartDecision::Verdict;

constexpr std::uint64_t kMiddle = std::uint64_t{1} << 63;  // a draw that changes no delay
const Error kBrokenDisk{ErrorCode::kIo, "disk /d1 went away"};

/// The delays of failures that follow each restart after `runs_ns`, while there are restarts.
std::vector<std::int64_t> delays(RestartStrategy& strategy, int failures, std::int64_t runs_ns = 10) {
  std::vector<std::int64_t> result;
  std::int64_t now_ns = 1000;
  for (int i = 0; i < failures; ++i) {
    const RestartDecision decision = strategy.on_failure(kBrokenDisk, now_ns, kMiddle);
    if (decision.verdict == kGiveUp) break;
    result.push_back(decision.restart_at_ns - now_ns);
    now_ns = decision.restart_at_ns + runs_ns;
  }
  return result;
}

TEST(RestartStrategy, NoneGivesUpAtOnceWithTheFailuresWords) {
  RestartStrategy strategy{NoRestart{}};
  const RestartDecision decision = strategy.on_failure(kBrokenDisk, 0, kMiddle);
  EXPECT_EQ(decision.verdict, kGiveUp);
  EXPECT_THAT(decision.reason, HasSubstr("disk /d1 went away"));
}

TEST(RestartStrategy, FixedDelayRestartsAtOnceThenAfterTheDelayUntilItsAttemptsAreUsedUp) {
  RestartStrategy strategy{FixedDelayRestart{.attempts = 3, .delay_ns = 50}};
  const RestartDecision first = strategy.on_failure(kBrokenDisk, 1000, kMiddle);
  EXPECT_EQ(first.verdict, kRestart);
  EXPECT_EQ(first.restart_at_ns, 1000);
  EXPECT_THAT(first.reason, HasSubstr("restart 1 of 3"));
  EXPECT_EQ(strategy.on_failure(kBrokenDisk, 2000, kMiddle).restart_at_ns, 2050);
  EXPECT_EQ(strategy.on_failure(kBrokenDisk, 3000, kMiddle).restart_at_ns, 3050);
  const RestartDecision fourth = strategy.on_failure(kBrokenDisk, 4000, kMiddle);
  EXPECT_EQ(fourth.verdict, kGiveUp);
  EXPECT_THAT(fourth.reason, HasSubstr("all 3 restarts are used up"));
  EXPECT_EQ(strategy.restarts(), 3U);
}

TEST(RestartStrategy, WhatWillFailAgainIsNeverRestartedAndUsesNoAttempt) {
  RestartStrategy strategy{FixedDelayRestart{.attempts = 1, .delay_ns = 50}};
  EXPECT_EQ(strategy.on_failure(Error{ErrorCode::kInvalidArgument, "no such column"}, 0, kMiddle).verdict, kGiveUp);
  EXPECT_EQ(strategy.restarts(), 0U);
  EXPECT_EQ(strategy.on_failure(kBrokenDisk, 0, kMiddle).verdict, kRestart);
}

TEST(RestartStrategy, FailureRateRestartsSoManyWithinTheIntervalAndGivesUpAtOneMore) {
  RestartStrategy strategy{FailureRateRestart{.max_failures = 3, .interval_ns = 1000, .delay_ns = 50}};
  EXPECT_THAT(delays(strategy, 9), ElementsAre(0, 50, 50));
  EXPECT_THAT(strategy.on_failure(kBrokenDisk, 1500, kMiddle).reason, HasSubstr("more than the 3 that are restarted"));
}

TEST(RestartStrategy, FailureRateForgetsWhatLiesBeforeTheInterval) {
  RestartStrategy strategy{FailureRateRestart{.max_failures = 2, .interval_ns = 1000, .delay_ns = 50}};
  EXPECT_EQ(delays(strategy, 50, 600).size(), 50u);
  RestartStrategy rare{FailureRateRestart{.max_failures = 1, .interval_ns = 1000, .delay_ns = 50}};
  EXPECT_THAT(delays(rare, 3, 1001), ElementsAre(0, 0, 0)) << "a failure that none preceded in the interval waits for nothing";
}

TEST(RestartStrategy, ExponentialDelayRestartsAtOnceThenAfterDelaysThatGrowToTheirLimit) {
  RestartStrategy strategy{ExponentialDelayRestart{
      .initial_ns = 100, .max_ns = 300, .multiplier = 1.5, .jitter = 0.1, .reset_after_ns = 10'000, .attempts = {}}};
  EXPECT_THAT(delays(strategy, 7), ElementsAre(0, 100, 150, 225, 300, 300, 300));
  EXPECT_EQ(strategy.restarts(), 7u);
}

TEST(RestartStrategy, ExponentialDelayBeginsAnewAfterAQuietTimeWithItsAttempts) {
  const ExponentialDelayRestart policy{
      .initial_ns = 100, .max_ns = 300, .multiplier = 2, .jitter = 0, .reset_after_ns = 1000, .attempts = 3};
  RestartStrategy quiet{policy};
  EXPECT_THAT(delays(quiet, 5, 1000), ElementsAre(0, 0, 0, 0, 0));
  RestartStrategy busy{policy};
  EXPECT_THAT(delays(busy, 9, 999), ElementsAre(0, 100, 200));
  EXPECT_THAT(busy.on_failure(kBrokenDisk, 2000, kMiddle).reason, HasSubstr("all 3 restarts are used up"));
}

TEST(RestartStrategy, TheQuietTimeIsCountedFromTheRestartNotFromTheFailure) {
  RestartStrategy strategy{ExponentialDelayRestart{
      .initial_ns = 900, .max_ns = 900, .multiplier = 1, .jitter = 0, .reset_after_ns = 1000, .attempts = {}}};
  EXPECT_THAT(delays(strategy, 4, 500), ElementsAre(0, 900, 900, 900));
}

TEST(RestartStrategy, JitterStaysWithinItsShareAndTheLimits) {
  constexpr std::uint64_t kDraws[] = {0, ~std::uint64_t{0}, kMiddle, kMiddle / 2, 12345};
  for (const std::uint64_t random : kDraws) {
    RestartStrategy strategy{ExponentialDelayRestart{
        .initial_ns = 100, .max_ns = 1050, .multiplier = 10, .jitter = 0.1, .reset_after_ns = 1 << 30, .attempts = {}}};
    strategy.on_failure(kBrokenDisk, 0, random);
    EXPECT_THAT(strategy.on_failure(kBrokenDisk, 0, random).restart_at_ns, AllOf(Ge(100), Le(110)));
    EXPECT_THAT(strategy.on_failure(kBrokenDisk, 0, random).restart_at_ns, AllOf(Ge(900), Le(1050)));
  }
  RestartStrategy low{ExponentialDelayRestart{.initial_ns = 1000, .max_ns = 100'000, .multiplier = 10, .jitter = 0.5,
                                              .reset_after_ns = 1 << 30, .attempts = {}}};
  low.on_failure(kBrokenDisk, 0, 0);
  low.on_failure(kBrokenDisk, 0, 0);
  EXPECT_EQ(low.on_failure(kBrokenDisk, 0, 0).restart_at_ns, 5000);
}

}  // namespace
}  // namespace tidemark

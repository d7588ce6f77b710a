#include "protocol/restart_strategy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tidemark {
namespace {

using ::testing::HasSubstr;
using enum RestartDecision::Verdict;

const Error kBrokenDisk{ErrorCode::kIo, "disk /d1 went away"};

TEST(RestartStrategy, NoneGivesUpAtOnceWithTheFailuresWords) {
  RestartStrategy strategy{NoRestart{}};
  const RestartDecision decision = strategy.on_failure(kBrokenDisk, 0);
  EXPECT_EQ(decision.verdict, kGiveUp);
  EXPECT_THAT(decision.reason, HasSubstr("disk /d1 went away"));
}

TEST(RestartStrategy, FixedDelayRestartsAfterTheDelayUntilItsAttemptsAreUsedUp) {
  RestartStrategy strategy{FixedDelayRestart{.attempts = 2, .delay_ns = 50}};
  const RestartDecision first = strategy.on_failure(kBrokenDisk, 1000);
  EXPECT_EQ(first.verdict, kRestart);
  EXPECT_EQ(first.restart_at_ns, 1050);
  EXPECT_THAT(first.reason, HasSubstr("restart 1 of 2"));
  EXPECT_EQ(strategy.on_failure(kBrokenDisk, 2000).restart_at_ns, 2050);
  const RestartDecision third = strategy.on_failure(kBrokenDisk, 3000);
  EXPECT_EQ(third.verdict, kGiveUp);
  EXPECT_THAT(third.reason, HasSubstr("all 2 restarts are used up"));
  EXPECT_EQ(strategy.restarts(), 2U);
}

TEST(RestartStrategy, WhatWillFailAgainIsNeverRestartedAndUsesNoAttempt) {
  RestartStrategy strategy{FixedDelayRestart{.attempts = 1, .delay_ns = 50}};
  EXPECT_EQ(strategy.on_failure(Error{ErrorCode::kInvalidArgument, "no such column"}, 0).verdict, kGiveUp);
  EXPECT_EQ(strategy.restarts(), 0U);
  EXPECT_EQ(strategy.on_failure(kBrokenDisk, 0).verdict, kRestart);
}

}  // namespace
}  // namespace tidemark

#include "protocol/retention.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tidemark {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using enum CheckpointKind;

TEST(Retention, KeepsTheNewestAndNamesTheRestOldestFirst) {
  CheckpointRetention retention{2, std::vector<CompletedCheckpoint>{{1, kPeriodic}, {2, kPeriodic}, {5, kPeriodic}}};
  EXPECT_THAT(retention.on_completed({6, kPeriodic}), ElementsAre(1, 2));
  EXPECT_THAT(retention.on_completed({7, kPeriodic}), ElementsAre(5));
  EXPECT_THAT(retention.retained(), ElementsAre(CompletedCheckpoint{6, kPeriodic}, CompletedCheckpoint{7, kPeriodic}));
}

TEST(Retention, NeverNamesTheNewestEvenWhenAskedToKeepNone) {
  CheckpointRetention retention{0, {}};
  EXPECT_THAT(retention.on_completed({1, kPeriodic}), IsEmpty());
  EXPECT_THAT(retention.on_completed({2, kPeriodic}), ElementsAre(1));
  EXPECT_EQ(retention.latest(), 2U);
}

TEST(Retention, KeepsAStopCheckpointOfThisRunForGood) {
  CheckpointRetention retention{1, {}};
  EXPECT_THAT(retention.on_completed({1, kStop}), IsEmpty());
  EXPECT_THAT(retention.on_completed({2, kPeriodic}), IsEmpty());
  EXPECT_THAT(retention.on_completed({3, kPeriodic}), ElementsAre(2));
  EXPECT_THAT(retention.retained(), ElementsAre(CompletedCheckpoint{1, kStop}, CompletedCheckpoint{3, kPeriodic}));
}

TEST(Retention, AStopCheckpointOfAnEarlierRunCountsLikeAnyOther) {
  CheckpointRetention retention{1, std::vector<CompletedCheckpoint>{{4, kStop}}};
  EXPECT_EQ(retention.latest(), 4U);
  EXPECT_THAT(retention.on_completed({5, kPeriodic}), ElementsAre(4));
}

TEST(RetentionDeathTest, CompletionsOutOfOrderAreAFault) {
  CheckpointRetention retention{1, std::vector<CompletedCheckpoint>{{4, kPeriodic}}};
  EXPECT_DEATH((void)retention.on_completed({4, kPeriodic}), "order of their ids");
}

}  // namespace
}  // namespace tidemark

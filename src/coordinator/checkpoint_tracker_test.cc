#include "coordinator/checkpoint_tracker.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace tidemark {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

constexpr Moment at_ms(std::int64_t ms) { return {.steady_ns = ms * 1'000'000, .wall_ms = 1'000'000 + ms}; }

class CheckpointTrackerTest : public testing::Test {
 protected:
  void trigger(CheckpointId id, CheckpointKind kind = CheckpointKind::kPeriodic) {
    tracker_.on_triggered({.id = id, .kind = kind}, 2, at_ms(0));
  }
  void complete(CheckpointId id, CheckpointKind kind = CheckpointKind::kPeriodic) {
    trigger(id, kind);
    tracker_.on_completed(id, "/chk-" + std::to_string(id), at_ms(10));
  }
  void fail(CheckpointId id) {
    trigger(id);
    tracker_.on_aborted(id, AbortReason::kDeclined, "no mood", at_ms(10));
  }
  std::vector<CheckpointId> ids() const {
    std::vector<CheckpointId> all;
    for (const CheckpointReport& each : tracker_.checkpoints()) all.push_back(each.glance.id);
    return all;
  }

  CheckpointTracker tracker_;
};

TEST_F(CheckpointTrackerTest, ACheckpointUnderWayShowsWhoHasAcknowledgedItAndHowLongEachPhaseTook) {
  trigger(1);
  ASSERT_THAT(tracker_.checkpoints(), SizeIs(1));
  EXPECT_EQ(tracker_.checkpoints()[0].glance.acknowledged_ms, -1);
  TaskSnapshot snapshot{.bytes = 30, .sync_ns = 5'000'000, .async_ns = 40'000'000, .alignment_ns = 25'000'000};
  snapshot.operators.push_back({.uid = "count", .keyed_files = {{.path = "a", .size = 700}}});
  tracker_.on_ack({1, 0}, 1, snapshot, at_ms(90));
  tracker_.on_ack({1, 0}, 1, snapshot, at_ms(95));  // a repeated message
  const CheckpointReport report = tracker_.checkpoints().at(0);
  EXPECT_EQ(report.glance.status, CheckpointStatus::kInProgress);
  EXPECT_EQ(report.glance.tasks, 2u);
  EXPECT_EQ(report.glance.acknowledged, 1u);
  EXPECT_EQ(report.glance.state_bytes, 700u);
  EXPECT_EQ(report.glance.acknowledged_ms, 1'000'090);
  ASSERT_THAT(*report.acknowledgements, SizeIs(1));
  const TaskAcknowledgement& task = report.acknowledgements->front();
  EXPECT_EQ(task.duration_ms, 90);
  EXPECT_EQ(task.alignment_ms, 25);
  EXPECT_EQ(task.sync_ms, 5);
  EXPECT_EQ(task.async_ms, 40);
  EXPECT_EQ(task.start_delay_ms, 20);
  EXPECT_EQ(task.written_bytes, 30u);
}

TEST_F(CheckpointTrackerTest, OneThatFailedSaysWhenAndWhyAndKeepsWhatWasAcknowledged) {
  trigger(1);
  tracker_.on_ack({0, 0}, 1, {}, at_ms(5));
  tracker_.on_aborted(1, AbortReason::kExpired, "checkpoint 1: expired; waited for count, subtask 1 of 2", at_ms(600));
  const CheckpointReport report = tracker_.checkpoints().at(0);
  EXPECT_EQ(report.glance.status, CheckpointStatus::kFailed);
  EXPECT_EQ(report.glance.failure, "checkpoint 1: expired; waited for count, subtask 1 of 2");
  EXPECT_EQ(report.glance.completed_ms, 1'000'600);
  EXPECT_EQ(report.glance.duration_ms, 600);
  EXPECT_THAT(*report.acknowledgements, SizeIs(1));
  EXPECT_EQ(tracker_.stats().failed, 1u);
}

TEST_F(CheckpointTrackerTest, WhatWasSubsumedOrEndedWithTheJobIsNotToldOf) {
  trigger(1);
  trigger(2);
  tracker_.on_aborted(1, AbortReason::kSubsumed, "checkpoint 2 completed", at_ms(5));
  tracker_.on_aborted(2, AbortReason::kShutdown, "cancelled", at_ms(5));
  EXPECT_THAT(tracker_.checkpoints(), IsEmpty());
}

TEST_F(CheckpointTrackerTest, TheHistoryIsBoundedAndKeepsTheNewestOfEachKind) {
  complete(1);
  complete(2);
  complete(3, CheckpointKind::kSavepoint);
  for (CheckpointId id = 4; id < 40; ++id) fail(id);
  EXPECT_THAT(ids(), ElementsAre(39, 38, 37, 36, 35, 34, 33, 32, 31, 30, 3, 2));
  for (CheckpointId id = 40; id < 60; ++id) complete(id);
  EXPECT_THAT(ids(), ElementsAre(59, 58, 57, 56, 55, 54, 53, 52, 51, 50, 39, 3));
  trigger(60);
  trigger(61);
  EXPECT_EQ(ids().front(), 61u);
  EXPECT_THAT(ids(), SizeIs(14));
}

TEST_F(CheckpointTrackerTest, OneThatNewerOnesHaveReplacedSaysSo) {
  complete(1);
  complete(2);
  tracker_.on_deleted(1);
  EXPECT_FALSE(tracker_.checkpoints()[0].glance.is_deleted);
  EXPECT_TRUE(tracker_.checkpoints()[1].glance.is_deleted);
}

TEST_F(CheckpointTrackerTest, WhatEarlierMastersToldOfStandsBehind) {
  tracker_.begin_behind({{.id = 8, .path = "/chk-8"}, {.id = 7, .status = CheckpointStatus::kFailed, .failure = "no mood"}});
  complete(9);
  EXPECT_THAT(ids(), ElementsAre(9, 8, 7));
  EXPECT_EQ(tracker_.checkpoints()[1].acknowledgements, nullptr);
  EXPECT_EQ(tracker_.stats().completed, 1u);
}

}  // namespace
}  // namespace tidemark

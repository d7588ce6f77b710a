#include "coordinator/task_tracker.h"

#include <gtest/gtest.h>

namespace tidemark {
namespace {

TaskState state_of(const TaskTracker& tracker, TaskId task) { return moves_of(tracker.report(), task).back().to; }

TEST(TaskTrackerTest, ATaskOnlyGoesForward) {
  TaskTracker tracker;
  tracker.begin(2, 1);
  tracker.move({.to = TaskState::kDeploying, .first_slot = 1, .slots = 5, .place = TaskPlace{"tm-1", "host"}}, 2);
  tracker.move_all(TaskState::kScheduled, 3);
  EXPECT_EQ(state_of(tracker, {0, 0}), TaskState::kScheduled);
  EXPECT_EQ(state_of(tracker, {0, 1}), TaskState::kDeploying) << "what comes late changes nothing";
  EXPECT_EQ(place_of(tracker.report(), {0, 1}).task_manager, "tm-1");
  tracker.move_all(TaskState::kRunning, 4);
  tracker.move_all(TaskState::kRunning, 5);
  EXPECT_EQ(moves_of(tracker.report(), {0, 0}).back().at_ms, 4);
  tracker.move_all(TaskState::kFinished, 6);
  tracker.move_all(TaskState::kCanceled, 7);
  EXPECT_EQ(state_of(tracker, {0, 0}), TaskState::kFinished);
  EXPECT_TRUE(moves_of(tracker.report(), {0, 2}).empty());
  EXPECT_EQ(tracker.report().number, 0u);
  tracker.begin(1, 8);
  EXPECT_EQ(tracker.report().number, 1u);
}

TEST(TaskTrackerTest, AWorkerThatMustBeKilledToEndItsTasksHasCanceledOnes) {
  TaskTracker tracker;
  tracker.begin(1, 1);
  tracker.move_all(TaskState::kRunning, 2);
  tracker.move_all(TaskState::kCanceling, 3);
  tracker.move({.to = TaskState::kFailed, .first_slot = 0, .slots = 1}, 4);
  EXPECT_EQ(state_of(tracker, {0, 0}), TaskState::kCanceled);
}

TEST(TaskTrackerTest, TheTaskThatFailedIsToldOfAloneAndWithItsPlace) {
  TaskTracker tracker;
  tracker.begin(2, 1);
  tracker.move({.to = TaskState::kRunning, .first_slot = 1, .slots = 1, .place = TaskPlace{"tm-2", "host-2"}}, 2);
  EXPECT_EQ(tracker.place_of_failure().task_manager, "");
  tracker.on_failed({3, 1}, 5);
  EXPECT_EQ(tracker.place_of_failure().task_manager, "tm-2");
  tracker.move_all(TaskState::kCanceling, 5);
  EXPECT_EQ(state_of(tracker, {3, 1}), TaskState::kFailed);
  EXPECT_EQ(state_of(tracker, {2, 1}), TaskState::kCanceling);
  tracker.begin(2, 6);
  tracker.on_failed(kNoTask, 7);
  EXPECT_FALSE(tracker.report().failed);
  tracker.move({.to = TaskState::kFailed, .first_slot = 0, .slots = 1, .place = TaskPlace{"tm-3", "host-3"}}, 8);
  EXPECT_EQ(tracker.place_of_failure().task_manager, "tm-3");
}

}  // namespace
}  // namespace tidemark

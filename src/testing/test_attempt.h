// One attempt of a job under test: its tasks, stepped in an order that the world's random numbers pick, and what they tell.
//
// One thread. World and factories outlive it. The destructor cancels what has not ended and steps it to its end.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "control/execution.h"
#include "graph/plan.h"
#include "testing/test_world.h"
#include "worker/task_set.h"

namespace tidemark {

class TestAttempt final : private ExecutionListener {
 public:
  TestAttempt(TestWorld& world, PhysicalPlan plan, const detail::JobFactories& factories, std::size_t edge_capacity,
              AttemptStart start);
  ~TestAttempt();
  TestAttempt(const TestAttempt&) = delete;
  TestAttempt& operator=(const TestAttempt&) = delete;

  /// A step of a task or of a work in the background; false if nobody can do anything.
  bool step();
  /// When a task has something to do that time alone brings.
  std::optional<std::int64_t> next_deadline_ns() const;

  void trigger(const Barrier& barrier, const std::string& folder);
  /// The snapshots, once every task has acknowledged the checkpoint.
  std::optional<std::map<TaskId, TaskSnapshot>> take_snapshots();
  void notify_complete(CheckpointId id) { tasks_.notify_complete(id); }
  void finish() { tasks_.finish(); }

  bool running() const { return running_; }
  bool drained() const { return drained_ == tasks_.tasks().size(); }
  bool ended() const { return ended_; }
  const std::optional<Error>& failure() const { return failure_; }
  const PhysicalPlan& plan() const { return plan_; }
  AttemptId number() const { return number_; }
  std::uint64_t records_in() const { return tasks_.metrics().records_in; }

 private:
  void on_sinks_agreed() override {}
  void on_running() override { running_ = true; }
  void on_ack(TaskId task, CheckpointId id, TaskSnapshot snapshot) override;
  void on_decline(TaskId task, CheckpointId id, DeclineReason reason, Error cause) override;
  void on_end_of_data(TaskId task) override;
  void on_task_failed(TaskId task, Error error) override;
  void on_ended() override { ended_ = true; }

  TestWorld& world_;
  const PhysicalPlan plan_;
  const AttemptId number_;
  TaskSet tasks_;
  std::map<TaskId, TaskSnapshot> snapshots_;  // of the checkpoint that is being taken
  std::size_t drained_ = 0;
  bool running_ = false;
  bool ended_ = false;
  std::optional<Error> failure_;  // the first
};

}  // namespace tidemark

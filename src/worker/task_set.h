// All tasks of one attempt of a job in this process: built from the plan, wired by edges, and spoken to as one Execution.
//
// It runs nothing by itself: a driver (ThreadedExecution, the simulator) steps the tasks. Sinks are recovered first, in the
// blocking pool; then the tasks are opened.
//
// Threads: Execution's calls from any; the tasks tell from theirs. Ends after every task has ended and the recovery is
// over; on_ended() is the last call that it makes.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "control/execution.h"
#include "control/vertex_metrics.h"
#include "env/env.h"
#include "graph/plan.h"
#include "task/task.h"
#include "tidemark/detail/task/factories.h"

namespace tidemark {

/// What a run has done so far, over all its tasks.
struct WorkerMetrics {
  std::uint64_t records_in = 0;    ///< read by sources
  std::uint64_t records_out = 0;   ///< written by sinks
  std::uint64_t late_dropped = 0;
  std::uint64_t skipped = 0;       ///< that sources could not read and passed over
  Timestamp watermark = Timestamp::max();  ///< the lowest of the tasks behind the sources
};

class TaskSet final : public Execution, private TaskListener {
 public:
  /// Which thread's EventCount wakes the task of that index; null where the driver does not sleep.
  using ThreadOf = std::function<std::shared_ptr<EventCount>(std::size_t task_index)>;

  /// Plan and factories outlive the set. `edge_capacity`: elements in flight between two tasks.
  TaskSet(const Env& env, CheckpointMode mode, const PhysicalPlan& plan, const detail::JobFactories& factories,
          ExecutionListener& listener, const ThreadOf& thread_of, std::size_t edge_capacity = detail::Edge::kCapacity);
  ~TaskSet() override;

  void start(AttemptStart start) override;
  void trigger(const Barrier& barrier, const std::string& folder) override;
  void notify_complete(CheckpointId id) override;
  void notify_aborted(CheckpointId id) override;
  void drain() override;
  void finish() override;
  void cancel() override;
  InputProgress input_progress() const override;

  /// In the order of the plan's vertices and their subtasks; empty until start().
  const std::vector<std::unique_ptr<Task>>& tasks() const { return tasks_; }
  WorkerMetrics metrics() const;
  /// Of all vertices but enumerators; after start().
  std::vector<VertexMetrics> vertex_metrics() const;

 private:
  class RecoverSinks;
  struct Recovery;

  void build(AttemptStart start);
  std::unique_ptr<Task> build_task(const PhysicalVertex& vertex, std::uint32_t subtask, AttemptStart& start);
  std::vector<detail::Edge*> edges_from(std::uint32_t edge, std::uint32_t subtask);
  std::vector<Task::Input> inputs_of(std::uint32_t vertex, std::uint32_t subtask, detail::Operator& first);
  void make_edges();
  void connect_edges();
  std::string folder_of(CheckpointId id);
  void on_recovered(std::optional<Error> error);
  void one_less();
  bool is_reader(NodeId node) const;
  bool is_chain_end(const PhysicalVertex& vertex, NodeId node) const;
  SubtaskMetrics subtask_metrics(const PhysicalVertex& vertex, const Task& task) const;

  void on_opened(TaskId task) override;
  void on_ack(TaskId task, CheckpointId id, TaskSnapshot snapshot) override;
  void on_decline(TaskId task, CheckpointId id, DeclineReason reason, Error cause) override;
  void on_end_of_data(TaskId task) override;
  void on_failed(TaskId task, Error error) override;
  void on_ended(TaskId task) override;

  /// The edges of one physical edge: [from subtask][to subtask].
  struct EdgeGrid {
    std::uint32_t targets = 0;
    std::vector<std::unique_ptr<detail::Edge>> edges;  ///< null where the exchange has none
  };

  Env env_;
  CheckpointMode mode_;
  const PhysicalPlan& plan_;
  const detail::JobFactories& factories_;
  ExecutionListener& listener_;
  ThreadOf thread_of_;
  std::size_t edge_capacity_;
  AttemptId attempt_ = 0;
  bool drained_ = false;  // from the start

  std::vector<EdgeGrid> grids_;
  std::vector<std::shared_ptr<Inbox>> inboxes_;
  std::vector<std::unique_ptr<Task>> tasks_;
  std::vector<std::size_t> first_task_;  // by vertex

  std::mutex mutex_;
  std::map<CheckpointId, std::string> folders_;  // guarded by mutex_
  std::atomic<std::size_t> unopened_{0};
  std::atomic<std::size_t> alive_{0};  // tasks, and the recovery
};

}  // namespace tidemark

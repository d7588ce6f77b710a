// All tasks of one attempt of a job in this process: built from the plan, wired by edges, and spoken to as one Execution.
//
// It runs nothing by itself: a driver (ThreadedExecution, the simulator) steps the tasks. Sinks are recovered first, in the
// blocking pool; then the tasks are opened.
//
// Where several workers run a job each has a set of its share of the tasks (TaskShare); edges to the others' tasks have
// one end here, which whoever carries their elements makes. One worker then recovers the sinks, and all open when they are told so.
//
// Threads: Execution's calls from any; the tasks tell from theirs. Ends after every task has ended and the recovery is
// over; on_ended() is the last call that it makes.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "channel/remote_edge.h"
#include "control/execution.h"
#include "control/vertex_metrics.h"
#include "control/worker_attempt.h"
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

/// What the tasks of a share need of the workers that have the others. Owned by whoever made the share; outlives the set.
class OtherWorkers {
 public:
  /// An edge from a task here to one there. `capacity`: elements that may be on their way.
  virtual detail::SendingEnd& send_to(std::uint32_t worker, ChannelNumber channel, const detail::BatchCodec& codec, detail::Wakeable& producer,
                                      std::uint32_t capacity) = 0;
  /// An edge from a task there to one here.
  virtual detail::ReceivingEnd& receive_from(std::uint32_t worker, ChannelNumber channel, const detail::BatchCodec& codec,
                                             detail::Wakeable& consumer, std::uint32_t capacity) = 0;
  /// To the enumerator of that node, which that worker has. Any thread.
  virtual void ask(std::uint32_t worker, NodeId enumerator, const detail::SplitQuestion& question) = 0;

 protected:
  ~OtherWorkers() = default;
};

/// Which tasks are here, where several workers run a job: those of some slots. Slot i has subtask i of every vertex.
struct TaskShare {
  std::uint32_t worker = 0;
  std::vector<std::uint32_t> worker_of_slot;
  OtherWorkers* others = nullptr;
  /// The one worker that recovers the sinks; all others wait for open() until it has.
  bool recovers_sinks = false;
  /// The sinks are recovered: every worker may open(). Of the one that recovers them; from any thread.
  std::function<void()> on_recovered;
  /// Other workers have readers of the groups of aligned sources, too.
  bool aligns_groups = false;
};

/// An execution of a share.
class ShareExecution : public Execution, public CheckpointFolders {
 public:
  /// Once: every sink has been recovered. Nothing is opened before.
  virtual void open() = 0;
  /// A question from a reader of another worker; after start(). Any thread.
  virtual void put_question(NodeId enumerator, const detail::SplitQuestion& question) = 0;
  /// Of all vertices but enumerators the subtasks that are here; nothing before the tasks are there. Without rates. It makes tasks
  /// measure themselves, so some figures are as old as the call before. Any thread.
  virtual std::vector<VertexMetrics> vertex_metrics() const = 0;
  /// Of each group of aligned sources, how far the readers here are, for those elsewhere; nothing before all tasks are open. Any thread.
  virtual std::vector<GroupWatermark> group_watermarks() const = 0;
  /// How far those elsewhere are. Any thread.
  virtual void hear_group_watermarks(const std::vector<GroupWatermark>& others) = 0;
};

class TaskSet final : public ShareExecution, private TaskListener {
 public:
  /// Which thread's EventCount wakes the task of that index; null where the driver does not sleep.
  using ThreadOf = std::function<std::shared_ptr<EventCount>(std::size_t task_index)>;

  /// Plan and factories outlive the set. `edge_capacity`: elements in flight between two tasks.
  TaskSet(const Env& env, CheckpointMode mode, const PhysicalPlan& plan, const detail::JobFactories& factories,
          ExecutionListener& listener, const ThreadOf& thread_of, std::size_t edge_capacity = detail::Edge::kCapacity,
          std::optional<TaskShare> share = std::nullopt);
  ~TaskSet() override;

  void start(AttemptStart start) override;
  void open() override;
  void put_question(NodeId enumerator, const detail::SplitQuestion& question) override;
  std::string folder_of(CheckpointId id) override;
  void set_folder(CheckpointId id, std::string folder) override;
  void trigger(const Barrier& barrier, const std::string& folder) override;
  void notify_complete(CheckpointId id) override;
  void notify_aborted(CheckpointId id) override;
  void drain() override;
  void finish() override;
  void cancel() override;
  InputProgress input_progress() const override;

  /// Those that are here, in the order of the plan's vertices and their subtasks; empty until start().
  const std::vector<std::unique_ptr<Task>>& tasks() const { return tasks_; }
  WorkerMetrics metrics() const;
  /// After start().
  std::vector<VertexMetrics> vertex_metrics() const override;
  std::vector<GroupWatermark> group_watermarks() const override;
  void hear_group_watermarks(const std::vector<GroupWatermark>& others) override;

 private:
  class RecoverSinks;
  struct Recovery;

  void build(AttemptStart start);
  std::unique_ptr<Task> build_task(const PhysicalVertex& vertex, std::uint32_t subtask, AttemptStart& start);
  std::vector<detail::SendingEnd*> edges_from(std::uint32_t edge, std::uint32_t subtask);
  std::vector<Task::Input> inputs_of(std::uint32_t vertex, std::uint32_t subtask, detail::Operator& first);
  void place_tasks();
  struct Ends;
  void make_edges();
  Ends make_ends(const PhysicalEdge& edge, std::uint32_t from, std::uint32_t to, ChannelNumber channel);
  Ends make_remote_ends(const PhysicalEdge& edge, std::uint32_t from, std::uint32_t to, ChannelNumber channel);
  std::uint32_t worker_of(std::uint32_t subtask) const { return share_->worker_of_slot[subtask]; }
  bool is_here(std::uint32_t subtask) const { return !share_ || worker_of(subtask) == share_->worker; }
  detail::Wakeable* inbox_of(std::uint32_t vertex, std::uint32_t subtask) const;
  void relay_questions();
  void couple_groups();
  void on_recovered(std::optional<Error> error);
  void one_less();
  bool is_reader(NodeId node) const;
  bool is_chain_end(const PhysicalVertex& vertex, NodeId node) const;
  OperatorMetrics operator_metrics(const PhysicalVertex& vertex, const Task& task, std::size_t at) const;
  const TaskMetrics::Node* enumerator_of(NodeId reader) const;
  SubtaskMetrics subtask_metrics(const PhysicalVertex& vertex, const Task& task) const;

  void on_opened(TaskId task) override;
  void on_ack(TaskId task, CheckpointId id, TaskSnapshot snapshot) override;
  void on_decline(TaskId task, CheckpointId id, DeclineReason reason, Error cause) override;
  void on_end_of_data(TaskId task) override;
  void on_failed(TaskId task, Error error) override;
  void on_ended(TaskId task) override;

  /// One edge between two tasks: null where there is none, and at the end that is elsewhere.
  struct Ends {
    std::unique_ptr<detail::Edge> whole;  ///< where both are here
    detail::SendingEnd* sending = nullptr;
    detail::ReceivingEnd* receiving = nullptr;
  };
  /// The edges of one physical edge: [from subtask][to subtask].
  struct EdgeGrid {
    std::uint32_t targets = 0;
    std::vector<Ends> edges;
  };
  static constexpr std::size_t kElsewhere = static_cast<std::size_t>(-1);

  Env env_;
  CheckpointMode mode_;
  const PhysicalPlan& plan_;
  const detail::JobFactories& factories_;
  ExecutionListener& listener_;
  ThreadOf thread_of_;
  std::size_t edge_capacity_;
  const std::optional<TaskShare> share_;
  AttemptId attempt_ = 0;
  bool drained_ = false;  // from the start

  std::vector<EdgeGrid> grids_;
  std::vector<std::shared_ptr<Inbox>> inboxes_;
  std::vector<std::unique_ptr<Task>> tasks_;
  std::vector<std::vector<std::size_t>> place_of_;  // by vertex and subtask: in tasks_ and inboxes_, or kElsewhere
  std::map<NodeId, std::shared_ptr<detail::SplitQuestions>> questions_;  // to enumerators that are here

  std::map<NodeId, std::shared_ptr<detail::WatermarkGroup>> groups_;     // that others have readers of, too

  std::mutex mutex_;
  std::map<CheckpointId, std::string> folders_;  // guarded by mutex_
  std::atomic<std::size_t> unopened_{0};
  std::atomic<std::size_t> alive_{0};  // tasks, and the recovery
};

}  // namespace tidemark

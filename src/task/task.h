// A task: one subtask of one vertex, that is a chain of operators with its input channels, its outputs and its mailbox.
//
// step() does a bounded piece of work and never waits for another task: it runs the mail, moves the outbox on, and then
// handles one input element or polls its source once. Backpressure is an outbox that does not drain: then no input is taken.
//
// Time may make more due than one step should emit: a million timers, a window of a million keys. Then the operators fire a
// bounded number in each step, and until the last has fired the task takes no input, polls no source and keeps the barrier
// of a trigger waiting, so that nothing in the stream overtakes them.
//
// Threads: step() and everything it calls, user code included, run on one thread at a time. The requests (open, trigger,
// ...) may be called by any thread; they only post mail. The task must be stepped until it is kEnded and outlives every
// work that it handed to the pool.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "env/env.h"
#include "protocol/alignment.h"
#include "protocol/checkpoint_coordinator.h"
#include "task/inbox.h"
#include "task/occupancy.h"
#include "tidemark/detail/channel/edge.h"
#include "tidemark/detail/channel/edge_writer.h"
#include "tidemark/detail/event_time/watermark_merger.h"
#include "tidemark/detail/task/operator.h"

namespace tidemark {

class SnapshotRun;

/// What a task tells whoever deployed it; called on the task's thread.
class TaskListener {
 public:
  virtual void on_opened(TaskId task) = 0;
  virtual void on_ack(TaskId task, CheckpointId id, TaskSnapshot snapshot) = 0;
  virtual void on_decline(TaskId task, CheckpointId id, DeclineReason reason, Error cause) = 0;
  virtual void on_end_of_data(TaskId task) = 0;
  virtual void on_failed(TaskId task, Error error) = 0;
  /// Last of all; the task may be destroyed after the step() in which this was called has returned.
  virtual void on_ended(TaskId task) = 0;

 protected:
  ~TaskListener() = default;
};

/// Read by any thread while the task runs; each number by itself is right, not all together.
struct TaskMetrics {
  struct Node {
    std::atomic<std::uint64_t> records_out{0};
    std::atomic<std::uint64_t> late_dropped{0};
    std::atomic<std::uint64_t> skipped{0};
    std::atomic<std::uint64_t> bytes_read{0};
    std::atomic<std::uint64_t> fired_timers{0};
    std::atomic<std::int64_t> watermark_in_ms{Timestamp::min().ms()};
    std::atomic<std::int64_t> watermark_out_ms{Timestamp::min().ms()};
    std::atomic<std::int64_t> pending_records{kUnknown};  ///< of a source; by measure()
    std::atomic<std::int64_t> pending_bytes{kUnknown};    ///< likewise
    std::atomic<std::int64_t> alignment_drift_ms{kUnknown};  ///< likewise
  };
  static constexpr std::int64_t kUnknown = -1;

  TaskMetrics(std::size_t nodes, std::size_t inputs) : nodes(nodes), input_watermarks_ms(inputs) {
    for (auto& watermark : input_watermarks_ms) watermark.store(Timestamp::min().ms(), std::memory_order_relaxed);
  }
  std::vector<Node> nodes;  ///< in the order of the chain
  std::vector<std::atomic<std::int64_t>> input_watermarks_ms;  ///< of each of the first operator's inputs; by measure()
  std::atomic<std::uint64_t> records_in{0};  ///< from other tasks
  std::atomic<std::uint64_t> elements_out{0};  ///< batches and marks that it has handed to its edges
  std::atomic<std::int64_t> mail_latency_ns{0};  ///< of the newest measure(): how long mail waits for the task
  std::atomic<std::int64_t> watermark_ms{Timestamp::min().ms()};
  std::atomic<std::int64_t> alignment_ns{0};    ///< of the newest barrier: from the first channel that had it to the last
  std::atomic<std::int64_t> start_delay_ns{0};  ///< of the newest barrier: from its trigger until it was in the first channel
  Occupancy occupancy;
};

class Task {
 public:
  enum class State {
    kCreated,    ///< waits for open()
    kRunning,    ///< reads its input
    kDrained,    ///< has read all its input and passed on the end; lives on for checkpoints
    kFinishing,  ///< was told to finish: ends when its sinks have committed; reads and sends nothing more
    kFailed,     ///< something threw; stands still until it is cancelled
    kCancelled,  ///< was told to cancel: ends when no work is left in the background
    kEnded,      ///< does nothing any more
  };

  struct Node {
    std::unique_ptr<detail::Operator> op;
    detail::OperatorContext context;  ///< name, parallelism, restore; the task adds what connects it to itself
  };

  struct Input {
    detail::ReceivingEnd* edge = nullptr;       ///< somebody else's; outlives the task
    detail::BatchReceiver* receiver = nullptr;  ///< of the chain's first operator: where this edge's records go
    std::uint32_t number = 0;                   ///< of that operator's input
  };

  struct Config {
    TaskId id;
    std::string name;  ///< of the vertex, for messages
    std::string job;
    Env env;
    CheckpointMode mode = CheckpointMode::kExactlyOnce;
    std::shared_ptr<Inbox> inbox;
    TaskListener* listener = nullptr;
    /// The folder of a checkpoint that is being taken; empty where nothing is persisted. Any thread.
    std::function<std::string(CheckpointId)> folder_of;
  };

  /// `chain`: each operator after the one that feeds it, already attached to each other and to `outputs`.
  Task(Config config, std::vector<Node> chain, std::vector<Input> inputs,
       std::vector<std::unique_ptr<detail::EdgeWriter>> outputs);
  ~Task();
  Task(const Task&) = delete;
  Task& operator=(const Task&) = delete;

  Progress step() noexcept;
  /// When step() has something to do without being woken, on the steady clock.
  std::optional<std::int64_t> next_deadline_ns() const;

  TaskId id() const { return config_.id; }
  State state() const { return state_; }
  const TaskMetrics& metrics() const { return metrics_; }
  /// Publishes soon what metrics() does not have from each step, and how long its mail takes. Any thread; cheap, but not for a loop.
  void measure();
  /// Of its edges, at some moment of the call. Any thread.
  detail::EdgeLoad input_load() const;
  detail::EdgeLoad output_load() const;
  std::uint64_t bytes_sent() const;

  /// `drained`: of a source, it ends as if its input did before it has read anything.
  void open(bool drained = false);
  /// Of a task without inputs: the barrier starts here.
  void trigger(const Barrier& barrier);
  void notify_complete(CheckpointId id);
  void notify_aborted(CheckpointId id);
  /// Of a source, others pay no heed: it ends here, as if its input did.
  void drain();
  void finish();
  void cancel();

 private:
  class SnapshotRunWork;
  class BlockingCallWork;

  // What a moment of event time or of processing time makes due, on its way through the chain.
  struct Firing {
    std::size_t next;  // the operator that goes on
    Timestamp time;
    bool processing_time = false;
  };

  void post(std::move_only_function<void()> mail);
  Progress work();
  bool handle_something();
  bool handle_input();
  bool poll_source();
  void handle(std::size_t channel, const detail::Element& element);
  void carry_out(const AlignmentDecision& decision);
  void take_snapshot(const Barrier& barrier, std::int64_t alignment_ns);
  void on_snapshot_done(const std::shared_ptr<SnapshotRun>& run);
  void on_watermark_change(const detail::WatermarkChange& change, std::size_t first);
  void fire(const Firing& firing);
  void go_on_firing();
  void behind_firing(std::move_only_function<void()> call);
  std::optional<Timestamp> next_processing_time() const;
  bool is_behind_input() const { return state_ == State::kDrained || state_ == State::kFinishing; }
  bool retry_commits();
  bool fire_processing_time();
  void follow_source();
  void end_source();
  void end_of_data();
  void broadcast(const detail::Element& element);
  bool drain_outputs();  // whether anything moved; see outbox_is_empty_
  void flush_outputs();
  void open_operators();
  void complete(CheckpointId id);
  void run_blocking(std::function<bool()> call, BlockingPool& pool);
  void on_input_time(const detail::WatermarkChange& change);
  void fail(Error error);
  void fail_with_current_exception();
  Error placed(const Error& error) const;
  bool try_end();
  void publish_metrics();
  void publish_measured();
  void publish_occupancy(bool progressed);

  Config config_;
  std::vector<Node> chain_;
  std::vector<Input> inputs_;
  std::vector<std::unique_ptr<detail::EdgeWriter>> outputs_;
  detail::PolledOperator* source_ = nullptr;  // the chain's head, if it hands on by itself
  detail::WaitingOperator* waiting_ = nullptr;  // the same, if its records come from the input
  std::shared_ptr<Inbox> inbox_;
  State state_ = State::kCreated;

  BarrierAlignment alignment_;
  detail::WatermarkMerger merger_;
  std::size_t next_input_ = 0;
  std::size_t open_inputs_;
  bool source_waits_ = false;  // for mail, input or its deadline
  std::optional<std::int64_t> source_deadline_ns_;
  Timestamp source_watermark_ = Timestamp::min();
  bool source_idle_ = false;
  bool source_finished_ = false;
  std::optional<Firing> firing_;  // more is due: nothing else goes on before it has fired
  std::deque<std::move_only_function<void()>> behind_firing_;
  unsigned since_flush_ = 0;  // inputs handled since the outputs were flushed
  bool outbox_is_empty_ = true;

  std::map<CheckpointId, std::shared_ptr<SnapshotRun>> running_snapshots_;
  std::size_t works_in_background_ = 0;
  TaskMetrics metrics_;
  std::atomic<bool> is_measuring_{false};
};

}  // namespace tidemark

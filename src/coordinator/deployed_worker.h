// A worker in a process of its own, which two see: its master by their connection, its TaskManager as its parent. When the one tells
// its end, the other is waited for a moment, so that a loss is told with its reason ("ended by signal 9") and what the worker still said
// counts.
//
// Threads: the owner's of line and timers. Ownership: listener and timers outlive it.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>

#include "control/message_line.h"
#include "control/remote_worker.h"
#include "control/worker_attempt.h"
#include "coordinator/timers.h"
#include "env/env.h"

namespace tidemark {

class DeployedWorker final : public WorkerAttempt, private WorkerListener {
 public:
  /// `line`: that it is ready, has been heard. `on_broken`: its connection has ended, its process perhaps not.
  DeployedWorker(std::unique_ptr<MessageLine> line, std::uint64_t epoch, const Clock& clock, Timers& timers, WorkerListener& listener,
                 std::function<void()> on_broken);

  /// By itself with status 0 where there is no cause.
  void process_ended(std::optional<Error> cause);
  /// Nobody will hear of it any more: it is lost, at once.
  void give_up(Error error);

  void start(WorkerStart start) override;
  void open() override;
  void trigger(const Barrier& barrier, const std::string& folder) override;
  void notify_complete(CheckpointId id) override;
  void notify_aborted(CheckpointId id) override;
  void hear_group_watermarks(std::vector<GroupWatermark> others) override;
  void drain() override;
  void finish() override;
  void cancel() override;

 private:
  struct TaskFailure {
    TaskId task;
    Error error;
  };
  void on_sinks_agreed() override { listener_.on_sinks_agreed(); }
  void on_recovered() override { listener_.on_recovered(); }
  void on_running() override { listener_.on_running(); }
  void on_ack(TaskId task, CheckpointId id, TaskSnapshot snapshot) override { listener_.on_ack(task, id, std::move(snapshot)); }
  void on_decline(TaskId task, CheckpointId id, DeclineReason reason, Error cause) override {
    listener_.on_decline(task, id, reason, std::move(cause));
  }
  void on_end_of_data(TaskId task) override { listener_.on_end_of_data(task); }
  void on_loading(const LoadEvent& event) override { listener_.on_loading(event); }
  void on_progress(const InputProgress& progress) override { listener_.on_progress(progress); }
  void on_metrics(std::vector<VertexMetrics> vertices) override { listener_.on_metrics(std::move(vertices)); }
  void on_group_watermarks(std::vector<GroupWatermark> groups) override { listener_.on_group_watermarks(std::move(groups)); }
  void on_task_failed(TaskId task, Error error) override;
  void tell_failure();
  void on_ended() override;
  void on_lost(Error error) override;

  const Clock& clock_;
  Timers& timers_;
  WorkerListener& listener_;
  const std::function<void()> on_broken_;
  bool is_over_ = false;        // its end has been told
  bool is_broken_ = false;      // the connection
  bool process_ended_ = false;
  std::optional<Error> cause_;  // as the TaskManager says, or else the connection's
  Timers::Timer patience_;      // for the second who tells
  std::optional<TaskFailure> failure_;  // that may follow from another's end: told after a pause
  Timers::Timer pause_;
  std::unique_ptr<RemoteWorker> remote_;
};

}  // namespace tidemark

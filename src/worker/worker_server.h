// A worker's end of the line to its job's master: messages become calls of its LocalWorker, and what that tells becomes messages.
//
// It serves one attempt, the first that it is told to start; the process ends with it. When the line ends the tasks are cancelled: without a
// master nothing that they do counts any more. Threads: step() from one, which is the line's owner; accept() from any. Ownership: clock and
// transport outlive it.
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/event_count.h"
#include "base/mailbox.h"
#include "control/cluster_messages.h"
#include "control/message_line.h"
#include "worker/local_worker.h"

namespace tidemark {

class WorkerServer final : private WorkerListener {
 public:
  WorkerServer(std::unique_ptr<Connection> master, const Clock& clock, Transport& transport, const ConnectionOptions& connections,
               LocalWorker::MakeExecution make);
  WorkerServer(const WorkerServer&) = delete;
  WorkerServer& operator=(const WorkerServer&) = delete;

  /// First of all: that it listens for other workers.
  void say_ready(const WorkerReady& ready) { say(MessageKind::kWorkerReady, ready); }
  /// A connection that another worker made, and nobody has started.
  void accept(std::unique_ptr<Connection> connection) { worker_.accept(std::move(connection)); }

  /// kDone once its tasks have ended and the master has heard it, or is gone, or had 6 s to: never call again. The process may end then.
  Progress step();
  std::optional<std::int64_t> next_deadline_ns() const;
  EventCount& wakeup() { return worker_.wakeup(); }
  bool has_work() const { return mailbox_.has_mail() || worker_.has_work(); }

  /// What its master was last told, some second ago. Any thread.
  struct Told {
    AttemptId attempt = 0;
    std::vector<VertexMetrics> vertices;
  };
  Told last_metrics() const {
    const std::lock_guard guard{told_mutex_};
    return told_;
  }

 private:
  Result<> take(const IncomingMessage& message);
  Result<> start(const IncomingMessage& message);
  template <class Message>
  void say(MessageKind kind, const Message& message) {
    line_.send(kind, fence_, message);
  }
  void say(MessageKind kind) { line_.send(kind, fence_); }

  void on_sinks_agreed() override { say(MessageKind::kSinksAgreed); }
  void on_recovered() override { say(MessageKind::kSinksRecovered); }
  void on_running() override { say(MessageKind::kTasksRun); }
  void on_ack(TaskId task, CheckpointId id, TaskSnapshot snapshot) override;
  void on_decline(TaskId task, CheckpointId id, DeclineReason reason, Error cause) override;
  void on_end_of_data(TaskId task) override { say(MessageKind::kEndOfData, TaskReport{task}); }
  void on_loading(const LoadEvent& event) override { say(MessageKind::kStateLoading, event); }
  void on_progress(const InputProgress& progress) override { say(MessageKind::kInputRead, progress); }
  void on_metrics(std::vector<VertexMetrics> vertices) override;
  void on_group_watermarks(std::vector<GroupWatermark> groups) override { say(MessageKind::kGroupWatermarks, GroupWatermarks{std::move(groups)}); }
  void on_task_failed(TaskId task, Error error) override { say(MessageKind::kTaskFailed, TaskFailureReport{task, report_of(error)}); }
  void on_ended() override;
  void on_lost(Error) override {}  // a worker here is not lost to itself

  const Clock& clock_;
  Fence fence_;
  bool has_started_ = false;
  bool has_master_ = true;
  bool has_ended_ = false;  // and said so
  bool is_worker_done_ = false;
  std::int64_t heard_by_ns_ = 0;  // then nobody waits for the master any more
  mutable std::mutex told_mutex_;
  Told told_;  // guarded by told_mutex_
  LocalWorker worker_;
  Mailbox mailbox_;
  MessageLine line_;
};

}  // namespace tidemark

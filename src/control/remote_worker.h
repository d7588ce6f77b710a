// A worker of an attempt that is in another process, to its job's master: calls become messages, and messages calls.
//
// A connection that ends before the worker said that its tasks have is the loss of the worker. Threads: WorkerAttempt's calls from any;
// the listener is called, and this is destroyed, on the thread of the line's owner. The listener outlives it.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "control/message_line.h"
#include "control/worker_attempt.h"

namespace tidemark {

class RemoteWorker final : public WorkerAttempt {
 public:
  /// `line`: what its process said first, that it is ready, has been heard; the rest comes here. `epoch`: of the leader in whose name
  /// this speaks.
  RemoteWorker(std::unique_ptr<MessageLine> line, std::uint64_t epoch, WorkerListener& listener);

  /// Before all other calls.
  void start(WorkerStart start) override;
  void open() override { line_->send(MessageKind::kOpenTasks, fence_); }
  void trigger(const Barrier& barrier, const std::string& folder) override {
    line_->send(MessageKind::kTriggerCheckpoint, fence_, TriggerCheckpoint{barrier, folder});
  }
  void notify_complete(CheckpointId id) override { line_->send(MessageKind::kCheckpointCompleted, fence_, CheckpointNumber{id}); }
  void notify_aborted(CheckpointId id) override { line_->send(MessageKind::kCheckpointAborted, fence_, CheckpointNumber{id}); }
  void hear_group_watermarks(std::vector<GroupWatermark> others) override {
    line_->send(MessageKind::kOthersGroupWatermarks, fence_, GroupWatermarks{std::move(others)});
  }
  void drain() override { line_->send(MessageKind::kDrainSources, fence_); }
  void finish() override { line_->send(MessageKind::kFinishTasks, fence_); }
  void cancel() override { line_->send(MessageKind::kCancelTasks, fence_); }

 private:
  Result<> take(const IncomingMessage& message);

  Fence fence_;  // does not change behind start()
  WorkerListener& listener_;
  bool has_ended_ = false;
  const std::unique_ptr<MessageLine> line_;
};

}  // namespace tidemark

#include "control/remote_worker.h"

#include <fmt/format.h>

#include <utility>

namespace tidemark {

RemoteWorker::RemoteWorker(std::unique_ptr<MessageLine> line, std::uint64_t epoch, WorkerListener& listener)
    : fence_{.epoch = epoch}, listener_{listener}, line_{std::move(line)} {
  line_->hand_over({.on_message = [this](const IncomingMessage& message) { return take(message); },
                    .on_closed =
                        [this](const Closed& closed) {
                          if (!std::exchange(has_ended_, true)) listener_.on_lost(failure_of(closed));
                        }});
}

void RemoteWorker::start(WorkerStart start) {
  fence_.attempt = start.attempt.attempt;
  const Result<> sent = line_->send_if_taken(MessageKind::kStartTasks, fence_, start);
  if (!sent) listener_.on_task_failed(kNoTask, sent.error().within(kTooMuchForOneMessage));
}

Result<> RemoteWorker::take(const IncomingMessage& message) {
  if (message.fence() != fence_) {
    return fail(ErrorCode::kFailedPrecondition, fmt::format("it speaks of attempt {} in epoch {}, and this is attempt {} in {}", message.fence().attempt,
                                                            message.fence().epoch, fence_.attempt, fence_.epoch));
  }
  switch (message.kind()) {
    case MessageKind::kSinksAgreed:
      listener_.on_sinks_agreed();
      return {};
    case MessageKind::kSinksRecovered:
      listener_.on_recovered();
      return {};
    case MessageKind::kTasksRun:
      listener_.on_running();
      return {};
    case MessageKind::kCheckpointAcknowledged: {
      TIDEMARK_ASSIGN(acknowledged, message.value<CheckpointAcknowledged>());
      listener_.on_ack(acknowledged.task, acknowledged.id, std::move(acknowledged.snapshot));
      return {};
    }
    case MessageKind::kCheckpointDeclined: {
      TIDEMARK_ASSIGN(declined, message.value<CheckpointDeclined>());
      listener_.on_decline(declined.task, declined.id, declined.reason, error_of(declined.cause));
      return {};
    }
    case MessageKind::kEndOfData: {
      TIDEMARK_ASSIGN(report, message.value<TaskReport>());
      listener_.on_end_of_data(report.task);
      return {};
    }
    case MessageKind::kStateLoading: {
      TIDEMARK_ASSIGN(event, message.value<LoadEvent>());
      listener_.on_loading(event);
      return {};
    }
    case MessageKind::kInputRead: {
      TIDEMARK_ASSIGN(progress, message.value<InputProgress>());
      listener_.on_progress(progress);
      return {};
    }
    case MessageKind::kTasksMetrics: {
      TIDEMARK_ASSIGN(report, message.value<TasksMetrics>());
      listener_.on_metrics(std::move(report.vertices));
      return {};
    }
    case MessageKind::kGroupWatermarks: {
      TIDEMARK_ASSIGN(told, message.value<GroupWatermarks>());
      listener_.on_group_watermarks(std::move(told.groups));
      return {};
    }
    case MessageKind::kTaskFailed: {
      TIDEMARK_ASSIGN(failure, message.value<TaskFailureReport>());
      // A worker of the version before says this of what is no task's.
      const bool is_no_task = failure.task == TaskId{} && !line_->may_say(MessageKind::kGroupWatermarks);
      listener_.on_task_failed(is_no_task ? kNoTask : failure.task, error_of(failure.error));
      return {};
    }
    case MessageKind::kTasksEnded:
      if (!std::exchange(has_ended_, true)) listener_.on_ended();
      return {};
    default:
      return fail(ErrorCode::kInternal, fmt::format("a message of kind {}, which a master does not take", static_cast<int>(message.kind())));
  }
}

}  // namespace tidemark

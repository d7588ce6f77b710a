#include "worker/worker_server.h"

#include <fmt/format.h>

#include <utility>

#include "base/log.h"
#include "control/worker_vocabulary.h"

namespace tidemark {
namespace {

// What was said last must not be lost with the process, nor a master that stands still keep it: longer than a connection takes to close.
constexpr std::int64_t kHearWithinNs = 6'000'000'000;

}  // namespace

WorkerServer::WorkerServer(std::unique_ptr<Connection> master, const Clock& clock, Transport& transport, const ConnectionOptions& connections,
                           LocalWorker::MakeExecution make)
    : clock_{clock},
      worker_{clock, transport, connections, std::move(make), *this},
      mailbox_{&worker_.wakeup()},
      line_{std::move(master),
            words_to_job_managers(),
            words_to_workers(),
            mailbox_,
            {.on_message = [this](const IncomingMessage& message) { return take(message); },
             .on_closed =
                 [this](const Closed& closed) {
                   has_master_ = false;
                   if (has_ended_) return;
                   if (has_started_) log_warning(fmt::format("the job's master is gone ({}): its tasks end here", closed.error.message()));
                   worker_.abandon();
                 }}} {}

Progress WorkerServer::step() {
  const bool had_mail = mailbox_.run_all();
  if (!has_started_ && !has_master_) return Progress::kDone;
  const Progress progress = is_worker_done_ ? Progress::kBlocked : worker_.step();
  is_worker_done_ = is_worker_done_ || progress == Progress::kDone;
  if (is_worker_done_ && (!has_master_ || clock_.steady_ns() >= heard_by_ns_)) return Progress::kDone;
  return had_mail || progress != Progress::kBlocked ? Progress::kMadeProgress : Progress::kBlocked;
}

std::optional<std::int64_t> WorkerServer::next_deadline_ns() const { return is_worker_done_ ? heard_by_ns_ : worker_.next_deadline_ns(); }

Result<> WorkerServer::take(const IncomingMessage& message) {
  if (message.kind() == MessageKind::kStartTasks) return start(message);
  if (!has_started_ || message.fence() != fence_) {
    return fail(ErrorCode::kFailedPrecondition, fmt::format("a message of attempt {} in epoch {}, which does not run here", message.fence().attempt, message.fence().epoch));
  }
  switch (message.kind()) {
    case MessageKind::kOpenTasks:
      worker_.open();
      return {};
    case MessageKind::kTriggerCheckpoint: {
      TIDEMARK_ASSIGN(trigger, message.value<TriggerCheckpoint>());
      worker_.trigger(trigger.barrier, trigger.folder);
      return {};
    }
    case MessageKind::kCheckpointCompleted: {
      TIDEMARK_ASSIGN(completed, message.value<CheckpointNumber>());
      worker_.notify_complete(completed.id);
      return {};
    }
    case MessageKind::kCheckpointAborted: {
      TIDEMARK_ASSIGN(aborted, message.value<CheckpointNumber>());
      worker_.notify_aborted(aborted.id);
      return {};
    }
    case MessageKind::kOthersGroupWatermarks: {
      TIDEMARK_ASSIGN(others, message.value<GroupWatermarks>());
      worker_.hear_group_watermarks(std::move(others.groups));
      return {};
    }
    case MessageKind::kDrainSources:
      worker_.drain();
      return {};
    case MessageKind::kFinishTasks:
      worker_.finish();
      return {};
    case MessageKind::kCancelTasks:
      worker_.cancel();
      return {};
    default:
      return fail(ErrorCode::kInternal, fmt::format("a message of kind {}, which a worker does not take", static_cast<int>(message.kind())));
  }
}

Result<> WorkerServer::start(const IncomingMessage& message) {
  if (has_started_) return fail(ErrorCode::kFailedPrecondition, fmt::format("attempt {} was started here before", fence_.attempt));
  TIDEMARK_ASSIGN(start, message.value<WorkerStart>());
  fence_ = message.fence();
  has_started_ = true;
  worker_.start(std::move(start));
  return {};
}

void WorkerServer::on_ended() {
  say(MessageKind::kTasksEnded);
  has_ended_ = true;
  heard_by_ns_ = clock_.steady_ns() + kHearWithinNs;
  line_.close();
}

void WorkerServer::on_metrics(std::vector<VertexMetrics> vertices) {
  say(MessageKind::kTasksMetrics, TasksMetrics{vertices});
  const std::lock_guard guard{told_mutex_};
  told_ = {fence_.attempt, std::move(vertices)};
}

void WorkerServer::on_ack(TaskId task, CheckpointId id, TaskSnapshot snapshot) {
  const Result<> sent = line_.send_if_taken(MessageKind::kCheckpointAcknowledged, fence_, CheckpointAcknowledged{task, id, std::move(snapshot)});
  if (!sent) on_decline(task, id, DeclineReason::kGeneric, sent.error().within(kTooMuchForOneMessage));
}

void WorkerServer::on_decline(TaskId task, CheckpointId id, DeclineReason reason, Error cause) {
  say(MessageKind::kCheckpointDeclined, CheckpointDeclined{task, id, reason, report_of(cause)});
}

}  // namespace tidemark

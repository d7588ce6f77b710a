#include "protocol/checkpoint_coordinator.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "tidemark/detail/base/check.h"
#include "tidemark/detail/base/planted_bug.h"
#include "tidemark/detail/base/probe.h"

namespace tidemark {
namespace {

// Enough that an acknowledgement of an id forgotten here is a curiosity, not a leak.
constexpr std::size_t kIdsRemembered = 256;

void remember(std::deque<CheckpointId>& ids, CheckpointId id) {
  ids.push_back(id);
  if (ids.size() > kIdsRemembered) ids.pop_front();
}

bool contains(const std::deque<CheckpointId>& ids, CheckpointId id) { return std::ranges::find(ids, id) != ids.end(); }

bool is_closing(CheckpointKind kind) { return kind == CheckpointKind::kFinal || is_stop(kind); }

bool is_counted(DeclineReason reason) {
  switch (reason) {
    case DeclineReason::kIo:
    case DeclineReason::kAsync:
    case DeclineReason::kGeneric:
      return true;
    case DeclineReason::kAlignmentAborted:
    case DeclineReason::kCancelMarker:
    case DeclineReason::kNotReady:
      return false;
  }
  return true;
}

std::int64_t saturating_add(std::int64_t a, std::int64_t b) {
  std::int64_t sum = 0;
  return __builtin_add_overflow(a, b, &sum) ? std::numeric_limits<std::int64_t>::max() : sum;
}

void end_request(RequestId request, CheckpointId id, std::optional<Error> error, Commands& out) {
  if (request != 0) out.push_back(RequestEnded{request, id, std::move(error)});
}

// A failed attempt may succeed when it starts again, whatever the single failure said.
Error restartable(const Error& cause, std::string message) {
  return Error{cause.code(), cause.domain(), Retry::kRestart, std::move(message)};
}

}  // namespace

std::string_view to_string(AbortReason reason) noexcept {
  switch (reason) {
    case AbortReason::kDeclined:
      return "declined";
    case AbortReason::kTriggerFailed:
      return "trigger failed";
    case AbortReason::kExpired:
      return "expired";
    case AbortReason::kSubsumed:
      return "subsumed";
    case AbortReason::kFinalizeFailed:
      return "finalize failed";
    case AbortReason::kTaskFailed:
      return "task failed";
    case AbortReason::kShutdown:
      return "shutdown";
  }
  return "unknown";
}

CheckpointCoordinator::CheckpointCoordinator(CheckpointOptions options, const std::vector<TaskId>& tasks,
                                             CheckpointId next_id, const std::vector<CompletedCheckpoint>& found)
    : options_{options},
      tasks_{tasks.begin(), tasks.end()},
      retention_{options.num_retained, found},
      next_id_{next_id} {
  TIDEMARK_CHECK(!tasks_.empty(), "a job has at least one task");
  TIDEMARK_CHECK(next_id_ > retention_.latest(), "checkpoint ids go on from the latest one");
  options_.max_concurrent = std::max<std::size_t>(options_.max_concurrent, 1);
  options_.closing_attempts = std::max<std::uint32_t>(options_.closing_attempts, 1);
  if (options_.interval_ns > 0) options_.interval_ns = std::max(options_.interval_ns, options_.min_pause_ns);
}

void CheckpointCoordinator::start(Moment now, Commands& out) {
  if (phase_ != Phase::kCreated) return;
  phase_ = Phase::kRunning;
  if (options_.interval_ns > 0) periodic_due_ns_ = saturating_add(now.steady_ns, options_.interval_ns);
  trigger_if_due(now, out);
}

void CheckpointCoordinator::on_time(Moment now, Commands& out) {
  expire(now, out);
  trigger_if_due(now, out);
}

AckOutcome CheckpointCoordinator::on_ack(TaskId task, CheckpointId id, TaskSnapshot snapshot, Moment now,
                                         Commands& out) {
  if (!tasks_.contains(task)) return AckOutcome::kUnknownTask;
  const auto which = pending_.find(id);
  if (which == pending_.end()) {
    if (contains(completed_, id)) return AckOutcome::kCompleted;
    if (!contains(aborted_, id)) return AckOutcome::kUnknownCheckpoint;
    if (detail::planted(detail::PlantedBug::kLateAckAccepted) && !pending_.empty()) {
      return on_ack(task, pending_.begin()->first, std::move(snapshot), now, out);
    }
    TIDEMARK_PROBE("coordinator: an acknowledgement comes after the abort");
    std::map<TaskId, TaskSnapshot> late;
    late.emplace(task, std::move(snapshot));
    discard(id, std::move(late), out);
    return AckOutcome::kLate;
  }
  Pending& pending = which->second;
  if (!pending.snapshots.try_emplace(task, std::move(snapshot)).second) return AckOutcome::kDuplicate;
  if (!fully_acknowledged(pending)) return AckOutcome::kAccepted;
  TIDEMARK_PROBE("coordinator: all tasks have acknowledged");
  finalize_next(out);
  trigger_if_due(now, out);
  return AckOutcome::kLast;
}

DeclineOutcome CheckpointCoordinator::on_decline(TaskId task, CheckpointId id, DeclineReason reason, const Error& cause,
                                                 Moment now, Commands& out) {
  const auto which = pending_.find(id);
  if (which == pending_.end() || !tasks_.contains(task) || which->second.snapshots.contains(task)) {
    TIDEMARK_PROBE("coordinator: a decline comes too late to matter");
    return DeclineOutcome::kStale;
  }
  const Error named = cause.within(fmt::format("checkpoint {}: declined by subtask {} of vertex {} ({})", id,
                                               task.subtask, task.vertex, to_string(reason)));
  fail(which, AbortReason::kDeclined, is_counted(reason), named, now, out);
  trigger_if_due(now, out);
  return DeclineOutcome::kAborted;
}

DeclineOutcome CheckpointCoordinator::on_trigger_failed(CheckpointId id, const Error& cause, Moment now, Commands& out) {
  const auto which = pending_.find(id);
  if (which == pending_.end() || fully_acknowledged(which->second)) return DeclineOutcome::kStale;
  TIDEMARK_PROBE("coordinator: a checkpoint could not be started");
  fail(which, AbortReason::kTriggerFailed, true, cause.within(fmt::format("checkpoint {}: triggering", id)), now, out);
  trigger_if_due(now, out);
  return DeclineOutcome::kAborted;
}

void CheckpointCoordinator::on_progress(const InputProgress& progress, Moment now, Commands& out) {
  progress_.records = std::max(progress_.records, progress.records);
  progress_.bytes = std::max(progress_.bytes, progress.bytes);
  trigger_if_due(now, out);
}

bool CheckpointCoordinator::wants_progress() const {
  const bool by_volume = options_.interval_records > 0 || options_.interval_bytes > 0;
  return by_volume && phase_ == Phase::kRunning && !stop_ && ended_.size() < tasks_.size();
}

EndOutcome CheckpointCoordinator::on_end_of_data(TaskId task, Moment now, Commands& out) {
  if (!tasks_.contains(task)) return EndOutcome::kUnknownTask;
  if (!ended_.insert(task).second) return EndOutcome::kDuplicate;
  if (ended_.size() < tasks_.size()) return EndOutcome::kWaiting;
  TIDEMARK_PROBE("coordinator: all input has ended");
  trigger_if_due(now, out);
  return EndOutcome::kAllEnded;
}

void CheckpointCoordinator::on_task_failed(Moment now, Commands& out) {
  last_now_ns_ = std::max(last_now_ns_, now.steady_ns);
  if (!pending_.empty()) TIDEMARK_PROBE("coordinator: a task fails during a checkpoint");
  end_attempt(AbortReason::kTaskFailed, "a task failed", out);
}

void CheckpointCoordinator::on_shutdown(Moment now, Commands& out) {
  last_now_ns_ = std::max(last_now_ns_, now.steady_ns);
  TIDEMARK_PROBE("coordinator: the job is cancelled");
  end_attempt(AbortReason::kShutdown, "the job is cancelled", out);
}

void CheckpointCoordinator::on_finalized(CheckpointId id, FinalizeOutcome outcome, const std::optional<Error>& error,
                                         Moment now, Commands& out) {
  TIDEMARK_CHECK(id != 0 && id == finalizing_, "an answer to a Finalize that is not in flight");
  TIDEMARK_CHECK(error.has_value() == (outcome != FinalizeOutcome::kCompleted), "an error, unless completed");
  finalizing_ = 0;
  if (phase_ == Phase::kEnded) TIDEMARK_PROBE("coordinator: a checkpoint is finalised though the attempt has ended");
  const auto which = pending_.find(id);
  switch (outcome) {
    case FinalizeOutcome::kCompleted:
      complete(which, now, out);
      break;
    case FinalizeOutcome::kFailed:
      TIDEMARK_PROBE("coordinator: finalising failed");
      fail(which, AbortReason::kFinalizeFailed, true, error->within(fmt::format("checkpoint {}: finalising", id)), now,
           out);
      break;
    case FinalizeOutcome::kUncertain:
      TIDEMARK_PROBE("coordinator: nobody knows whether the pointer moved");
      lose(which, *error, out);
      fail_job(restartable(*error, fmt::format("checkpoint {}: it is not known whether it completed: {}", id,
                                               error->message())),
               out);
      break;
    case FinalizeOutcome::kFenced:
      TIDEMARK_PROBE("coordinator: another attempt has the pointer");
      fenced_ = true;
      lose(which, *error, out);
      fail_job(
          Error{error->code(), error->domain(), Retry::kNone,
                fmt::format("checkpoint {}: another attempt of this job has taken over: {}", id, error->message())},
          out);
      break;
  }
  finalize_next(out);
  trigger_if_due(now, out);
}

void CheckpointCoordinator::on_cleaned(Moment now, Commands& out) {
  TIDEMARK_CHECK(cleaning_ > 0, "more was cleaned than asked for");
  --cleaning_;
  trigger_if_due(now, out);
}

StopOutcome CheckpointCoordinator::request_stop(Moment now, Commands& out, StopRequest how) {
  if (phase_ == Phase::kEnded) return StopOutcome::kOver;
  if (stop_) {
    if (how.savepoint == 0) stop_anyway_ = true;
    return StopOutcome::kAlready;
  }
  if (last_savepoint_ != 0 && how.savepoint != 0) return StopOutcome::kAlready;
  if (ended_.size() == tasks_.size()) {
    TIDEMARK_PROBE("coordinator: a stop comes when all input has ended");
    return StopOutcome::kFinishing;
  }
  TIDEMARK_PROBE("coordinator: a stop is asked for");
  stop_ = how;
  if (how.drain) out.push_back(DrainSources{});
  trigger_if_due(now, out);
  return StopOutcome::kAccepted;
}

RequestOutcome CheckpointCoordinator::request_checkpoint(CheckpointKind kind, RequestId request, Moment now,
                                                         Commands& out) {
  TIDEMARK_CHECK(!is_closing(kind), "the job ends by a stop or by itself");
  if (phase_ != Phase::kRunning) return RequestOutcome::kOver;
  // Sources that drain have sent their last watermark: nothing but the last savepoint may hold that.
  const bool drains = stop_ && stop_->drain;
  if (drains || ended_.size() == tasks_.size() || situation().closing_pending) {
    TIDEMARK_PROBE("coordinator: a request comes when the last checkpoint is under way");
    return RequestOutcome::kFinishing;
  }
  last_now_ns_ = std::max(last_now_ns_, now.steady_ns);
  TIDEMARK_PROBE("coordinator: a checkpoint or savepoint is asked for");
  trigger(kind, request, now, out);
  return RequestOutcome::kTriggered;
}

RequestOutcome CheckpointCoordinator::request_last_savepoint(RequestId request, Moment now, Commands& out) {
  if (stop_) return phase_ == Phase::kRunning ? RequestOutcome::kFinishing : RequestOutcome::kOver;
  const CheckpointId id = next_id_;
  const RequestOutcome outcome = request_checkpoint(CheckpointKind::kSavepoint, request, now, out);
  if (outcome != RequestOutcome::kTriggered || detail::planted(detail::PlantedBug::kCommitsBehindLastSavepoint)) return outcome;
  TIDEMARK_PROBE("coordinator: a savepoint is to be the last");
  last_savepoint_ = id;
  return outcome;
}

std::optional<std::int64_t> CheckpointCoordinator::next_deadline() const {
  std::optional<std::int64_t> result;
  const auto at_the_latest = [&](std::int64_t at_ns) { result = result ? std::min(*result, at_ns) : at_ns; };
  for (const auto& [id, pending] : pending_) {
    if (!fully_acknowledged(pending)) at_the_latest(pending.expires_ns);
  }
  if (phase_ != Phase::kRunning) return result;
  const TriggerDecision decision = decide_trigger(situation());
  if (decision.verdict == TriggerDecision::Verdict::kWaitUntil) at_the_latest(decision.wait_until_ns);
  return result;
}

TriggerSituation CheckpointCoordinator::situation() const {
  return {
      .now_ns = last_now_ns_,
      .stop_requested = stop_.has_value(),
      .stop_kind = stop_ && stop_->savepoint != 0 ? CheckpointKind::kStopSavepoint : CheckpointKind::kStop,
      .draining = stop_ && stop_->drain,
      .all_input_ended = ended_.size() == tasks_.size(),
      .closing_pending = last_savepoint_ != 0 ||
                         std::ranges::any_of(pending_, [](const auto& p) { return is_closing(p.second.barrier.kind); }),
      .closing_not_before_ns = closing_not_before_ns_,
      .periodic_due_ns = periodic_due_ns_,
      .volume_due = volume_is_due(),
      .min_pause_ends_ns = min_pause_ends_ns_,
      .pending = static_cast<std::size_t>(std::ranges::count_if(
          pending_, [](const auto& p) { return p.second.barrier.kind != CheckpointKind::kSavepoint; })),
      .cleaning = cleaning_,
      .max_concurrent = options_.max_concurrent};
}

bool CheckpointCoordinator::volume_is_due() const {
  const std::uint64_t records = progress_.records - progress_at_trigger_.records;
  const std::uint64_t bytes = progress_.bytes - progress_at_trigger_.bytes;
  return (options_.interval_records > 0 && records >= options_.interval_records) ||
         (options_.interval_bytes > 0 && bytes >= options_.interval_bytes);
}

// Ends every input: whatever it changed may have made the next checkpoint possible. One call triggers at most one, and
// triggering is this one command, so that none is ever half triggered.
void CheckpointCoordinator::trigger_if_due(Moment now, Commands& out) {
  last_now_ns_ = std::max(last_now_ns_, now.steady_ns);
  if (phase_ != Phase::kRunning) return;
  const TriggerDecision decision = decide_trigger(situation());
  if (decision.verdict != TriggerDecision::Verdict::kTrigger) return;
  trigger(decision.kind, decision.kind == CheckpointKind::kStopSavepoint ? std::exchange(stop_->savepoint, 0) : 0, now, out);
}

void CheckpointCoordinator::trigger(CheckpointKind kind, RequestId request, Moment now, Commands& out) {
  if (!pending_.empty()) TIDEMARK_PROBE("coordinator: a checkpoint begins while another is under way");
  const Barrier barrier{next_id_++, now.wall_ms, options_.mode, kind};
  pending_.emplace(barrier.id, Pending{barrier, request, saturating_add(now.steady_ns, options_.timeout_ns), {}});
  out.push_back(Trigger{barrier, request});
  if (kind == CheckpointKind::kSavepoint) return;
  // From this trigger, not from when it was due: after a delay no burst makes up for it.
  if (periodic_due_ns_) periodic_due_ns_ = saturating_add(now.steady_ns, options_.interval_ns);
  progress_at_trigger_ = progress_;
}

// Who waits for a Finalize, its own or an earlier one's, doesn't expire: the tasks have done their part.
void CheckpointCoordinator::expire(Moment now, Commands& out) {
  std::vector<CheckpointId> expired;
  for (const auto& [id, pending] : pending_) {
    if (!fully_acknowledged(pending) && pending.expires_ns <= now.steady_ns) expired.push_back(id);
  }
  for (const CheckpointId id : expired) {
    TIDEMARK_PROBE("coordinator: a checkpoint expires");
    const auto which = pending_.find(id);
    if (which == pending_.end()) continue;  // the one before it failed the job
    const auto missing =
        std::ranges::find_if(tasks_, [&](TaskId task) { return !which->second.snapshots.contains(task); });
    const Error error{
        ErrorCode::kTimeout,
        fmt::format("checkpoint {}: expired after {} ms: {} of {} tasks have not acknowledged it, among them "
                    "subtask {} of vertex {}",
                    id, options_.timeout_ns / 1'000'000, tasks_.size() - which->second.snapshots.size(), tasks_.size(),
                    missing->subtask, missing->vertex)};
    fail(which, AbortReason::kExpired, true, error, now, out);
  }
}

// One at a time and the oldest first, so that the pointer only ever moves forward.
void CheckpointCoordinator::finalize_next(Commands& out) {
  if (finalizing_ != 0) {
    TIDEMARK_PROBE("coordinator: a checkpoint waits for the one being finalised");
    return;
  }
  const auto which = std::ranges::find_if(pending_, [&](const auto& p) { return fully_acknowledged(p.second); });
  if (which == pending_.end()) return;
  finalizing_ = which->first;
  out.push_back(Finalize{which->second.barrier, which->second.snapshots});
}

void CheckpointCoordinator::complete_savepoint(PendingMap::iterator which, Commands& out) {
  TIDEMARK_PROBE("coordinator: a savepoint is complete");
  const CheckpointId id = which->first;
  const RequestId request = which->second.request;
  pending_.erase(which);
  remember(completed_, id);
  end_request(request, id, std::nullopt, out);
}

void CheckpointCoordinator::complete(PendingMap::iterator which, Moment now, Commands& out) {
  const Barrier barrier = which->second.barrier;
  if (barrier.kind == CheckpointKind::kSavepoint) return complete_savepoint(which, out);
  const RequestId request = which->second.request;
  TIDEMARK_PROBE("coordinator: a checkpoint is complete");
  if (failures_ > 0) TIDEMARK_PROBE("coordinator: a checkpoint completes after failed ones");
  pending_.erase(which);
  remember(completed_, barrier.id);
  failures_ = 0;
  min_pause_ends_ns_ = saturating_add(now.steady_ns, options_.min_pause_ns);

  const std::vector<CheckpointId> expendable = retention_.on_completed({barrier.id, barrier.kind});
  out.push_back(NotifyComplete{barrier.id, expendable.empty() ? 0 : expendable.back()});
  end_request(request, barrier.id, std::nullopt, out);
  subsume_older_than(barrier.id, out);
  for (const CheckpointId id : expendable) {
    ++cleaning_;
    out.push_back(DeleteCheckpoint{id});
  }
  if (!is_closing(barrier.kind) || phase_ == Phase::kEnded) return;
  if (is_stop(barrier.kind)) TIDEMARK_PROBE("coordinator: the checkpoint of a stop is complete");
  else TIDEMARK_PROBE("coordinator: the final checkpoint is complete");
  end_attempt(AbortReason::kShutdown, "the job has ended", out);
  out.push_back(Finish{barrier.kind, barrier.id});
}

void CheckpointCoordinator::subsume_older_than(CheckpointId id, Commands& out) {
  for (auto which = pending_.begin(); which != pending_.end() && which->first < id;) {
    const auto next = std::next(which);
    if (which->second.barrier.kind == CheckpointKind::kSavepoint) {
      TIDEMARK_PROBE("coordinator: a newer checkpoint leaves a savepoint alone");
    } else {
      TIDEMARK_PROBE("coordinator: a newer checkpoint subsumes an older one");
      abort(which, AbortReason::kSubsumed, Error{ErrorCode::kCancelled, fmt::format("checkpoint {} completed", id)}, out);
    }
    which = next;
  }
}

Barrier CheckpointCoordinator::abort(PendingMap::iterator which, AbortReason reason, const Error& cause, Commands& out) {
  const Barrier barrier = which->second.barrier;
  const RequestId request = which->second.request;
  std::map<TaskId, TaskSnapshot> snapshots = std::move(which->second.snapshots);
  if (barrier.id == last_savepoint_) {
    TIDEMARK_PROBE("coordinator: the last savepoint fails, so checkpoints go on");
    last_savepoint_ = 0;
  }
  pending_.erase(which);
  remember(aborted_, barrier.id);
  out.push_back(NotifyAborted{barrier.id, reason, cause.message()});
  end_request(request, barrier.id, cause, out);
  discard(barrier.id, std::move(snapshots), out);
  return barrier;
}

// Nobody may discard it, and the attempt ends.
void CheckpointCoordinator::lose(PendingMap::iterator which, const Error& cause, Commands& out) {
  end_request(which->second.request, which->first, cause, out);
  pending_.erase(which);
}

void CheckpointCoordinator::fail(PendingMap::iterator which, AbortReason reason, bool counted, const Error& cause,
                                 Moment now, Commands& out) {
  const Barrier barrier = abort(which, reason, cause, out);
  if (phase_ == Phase::kEnded || barrier.kind == CheckpointKind::kSavepoint) return;
  if (barrier.kind == CheckpointKind::kStopSavepoint) {
    give_up_stop(cause, out);
  } else if (is_closing(barrier.kind)) {
    count_closing_failure(cause, now, out);
  } else if (counted) {
    count_failure(cause, out);
  }
}

// The sources can't be made to begin again, but for a new attempt.
void CheckpointCoordinator::give_up_stop(const Error& cause, Commands& out) {
  TIDEMARK_PROBE("coordinator: a stop's savepoint failed");
  const bool drained = stop_->drain;
  stop_ = stop_anyway_ ? std::optional{StopRequest{}} : std::nullopt;
  if (!drained) return;
  TIDEMARK_PROBE("coordinator: a drained job's savepoint failed");
  fail_job(restartable(cause, fmt::format("the savepoint to stop with failed when the sources had already ended, so the "
                                          "job goes back to its newest checkpoint: {}",
                                          cause.message())),
           out);
}

// Every kind of failure counts here: what must end can't be tried for ever.
void CheckpointCoordinator::count_closing_failure(const Error& cause, Moment now, Commands& out) {
  closing_not_before_ns_ =
      saturating_add(now.steady_ns, std::max(options_.min_pause_ns, options_.closing_retry_pause_ns));
  TIDEMARK_PROBE("coordinator: a closing checkpoint failed");
  if (++closing_failures_ < options_.closing_attempts) return;
  TIDEMARK_PROBE("coordinator: closing checkpoints failed too often");
  fail_job(
      restartable(cause, fmt::format("the last checkpoint of the job failed {} times in a row, so its output can't be "
                                     "committed: {}",
                                     closing_failures_, cause.message())),
      out);
}

void CheckpointCoordinator::count_failure(const Error& cause, Commands& out) {
  TIDEMARK_PROBE("coordinator: a failure is counted");
  ++failures_;
  if (!options_.tolerable_failures || failures_ <= *options_.tolerable_failures) return;
  TIDEMARK_PROBE("coordinator: more failures than are tolerated");
  fail_job(restartable(cause, fmt::format("{} checkpoints failed in a row, more than the {} that are tolerated: {}",
                                          failures_, *options_.tolerable_failures, cause.message())),
           out);
}

void CheckpointCoordinator::fail_job(Error error, Commands& out) {
  if (phase_ == Phase::kEnded) return;
  end_attempt(AbortReason::kShutdown, "the job has failed", out);
  out.push_back(FailJob{std::move(error)});
}

void CheckpointCoordinator::end_attempt(AbortReason reason, const std::string& cause, Commands& out) {
  phase_ = Phase::kEnded;
  const Error error{ErrorCode::kCancelled, cause};
  if (stop_) end_request(std::exchange(stop_->savepoint, 0), 0, error, out);
  for (auto which = pending_.begin(); which != pending_.end();) {
    const auto next = std::next(which);
    if (which->first != finalizing_) {
      abort(which, reason, error, out);
    } else {
      TIDEMARK_PROBE("coordinator: the attempt ends while a checkpoint is being finalised");
    }
    which = next;
  }
}

void CheckpointCoordinator::discard(CheckpointId id, std::map<TaskId, TaskSnapshot> snapshots, Commands& out) {
  if (snapshots.empty() || fenced_) return;
  TIDEMARK_PROBE("coordinator: what tasks wrote for nothing is discarded");
  ++cleaning_;
  out.push_back(DiscardState{id, std::move(snapshots)});
}

}  // namespace tidemark

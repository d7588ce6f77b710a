#include "protocol/checkpoint_coordinator.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "tidemark/detail/base/check.h"

namespace tidemark {
namespace {

// Enough that an acknowledgement of an id forgotten here is a curiosity, not a leak.
constexpr std::size_t kIdsRemembered = 256;

void remember(std::deque<CheckpointId>& ids, CheckpointId id) {
  ids.push_back(id);
  if (ids.size() > kIdsRemembered) ids.pop_front();
}

bool contains(const std::deque<CheckpointId>& ids, CheckpointId id) { return std::ranges::find(ids, id) != ids.end(); }

bool is_closing(CheckpointKind kind) { return kind != CheckpointKind::kPeriodic; }

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
    std::map<TaskId, TaskSnapshot> late;
    late.emplace(task, std::move(snapshot));
    discard(id, std::move(late), out);
    return AckOutcome::kLate;
  }
  Pending& pending = which->second;
  if (!pending.snapshots.try_emplace(task, std::move(snapshot)).second) return AckOutcome::kDuplicate;
  if (!fully_acknowledged(pending)) return AckOutcome::kAccepted;
  finalize_next(out);
  trigger_if_due(now, out);
  return AckOutcome::kLast;
}

DeclineOutcome CheckpointCoordinator::on_decline(TaskId task, CheckpointId id, DeclineReason reason, const Error& cause,
                                                 Moment now, Commands& out) {
  const auto which = pending_.find(id);
  if (which == pending_.end() || !tasks_.contains(task) || which->second.snapshots.contains(task)) {
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
  fail(which, AbortReason::kTriggerFailed, true, cause.within(fmt::format("checkpoint {}: triggering", id)), now, out);
  trigger_if_due(now, out);
  return DeclineOutcome::kAborted;
}

EndOutcome CheckpointCoordinator::on_end_of_data(TaskId task, Moment now, Commands& out) {
  if (!tasks_.contains(task)) return EndOutcome::kUnknownTask;
  if (!ended_.insert(task).second) return EndOutcome::kDuplicate;
  if (ended_.size() < tasks_.size()) return EndOutcome::kWaiting;
  trigger_if_due(now, out);
  return EndOutcome::kAllEnded;
}

void CheckpointCoordinator::on_task_failed(Moment now, Commands& out) {
  last_now_ns_ = std::max(last_now_ns_, now.steady_ns);
  end_attempt(AbortReason::kTaskFailed, "a task failed", out);
}

void CheckpointCoordinator::on_shutdown(Moment now, Commands& out) {
  last_now_ns_ = std::max(last_now_ns_, now.steady_ns);
  end_attempt(AbortReason::kShutdown, "the job is cancelled", out);
}

void CheckpointCoordinator::on_finalized(CheckpointId id, FinalizeOutcome outcome, const std::optional<Error>& error,
                                         Moment now, Commands& out) {
  TIDEMARK_CHECK(id != 0 && id == finalizing_, "an answer to a Finalize that is not in flight");
  TIDEMARK_CHECK(error.has_value() == (outcome != FinalizeOutcome::kCompleted), "an error, unless completed");
  finalizing_ = 0;
  const auto which = pending_.find(id);
  switch (outcome) {
    case FinalizeOutcome::kCompleted:
      complete(which, now, out);
      break;
    case FinalizeOutcome::kFailed:
      fail(which, AbortReason::kFinalizeFailed, true, error->within(fmt::format("checkpoint {}: finalising", id)), now,
           out);
      break;
    case FinalizeOutcome::kUncertain:
      pending_.erase(which);
      fail_job(restartable(*error, fmt::format("checkpoint {}: it is not known whether it completed: {}", id,
                                               error->message())),
               out);
      break;
    case FinalizeOutcome::kFenced:
      fenced_ = true;
      pending_.erase(which);
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

StopOutcome CheckpointCoordinator::request_stop(Moment now, Commands& out) {
  if (phase_ == Phase::kEnded) return StopOutcome::kOver;
  if (stop_requested_) return StopOutcome::kAlready;
  if (ended_.size() == tasks_.size()) return StopOutcome::kFinishing;
  stop_requested_ = true;
  trigger_if_due(now, out);
  return StopOutcome::kAccepted;
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
      .stop_requested = stop_requested_,
      .all_input_ended = ended_.size() == tasks_.size(),
      .closing_pending = std::ranges::any_of(pending_, [](const auto& p) { return is_closing(p.second.barrier.kind); }),
      .closing_not_before_ns = closing_not_before_ns_,
      .periodic_due_ns = periodic_due_ns_,
      .min_pause_ends_ns = min_pause_ends_ns_,
      .pending = pending_.size(),
      .cleaning = cleaning_,
      .max_concurrent = options_.max_concurrent};
}

// Ends every input: whatever it changed may have made the next checkpoint possible. One call triggers at most one, and
// triggering is this one command, so that none is ever half triggered.
void CheckpointCoordinator::trigger_if_due(Moment now, Commands& out) {
  last_now_ns_ = std::max(last_now_ns_, now.steady_ns);
  if (phase_ != Phase::kRunning) return;
  const TriggerDecision decision = decide_trigger(situation());
  if (decision.verdict == TriggerDecision::Verdict::kTrigger) trigger(decision.kind, now, out);
}

void CheckpointCoordinator::trigger(CheckpointKind kind, Moment now, Commands& out) {
  const Barrier barrier{next_id_++, now.wall_ms, options_.mode, kind};
  pending_.emplace(barrier.id, Pending{barrier, saturating_add(now.steady_ns, options_.timeout_ns), {}});
  // From this trigger, not from when it was due: after a delay no burst makes up for it.
  if (periodic_due_ns_) periodic_due_ns_ = saturating_add(now.steady_ns, options_.interval_ns);
  out.push_back(Trigger{barrier});
}

// Who waits for a Finalize, its own or an earlier one's, doesn't expire: the tasks have done their part.
void CheckpointCoordinator::expire(Moment now, Commands& out) {
  std::vector<CheckpointId> expired;
  for (const auto& [id, pending] : pending_) {
    if (!fully_acknowledged(pending) && pending.expires_ns <= now.steady_ns) expired.push_back(id);
  }
  for (const CheckpointId id : expired) {
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
  if (finalizing_ != 0) return;
  const auto which = std::ranges::find_if(pending_, [&](const auto& p) { return fully_acknowledged(p.second); });
  if (which == pending_.end()) return;
  finalizing_ = which->first;
  out.push_back(Finalize{which->second.barrier, which->second.snapshots});
}

void CheckpointCoordinator::complete(PendingMap::iterator which, Moment now, Commands& out) {
  const Barrier barrier = which->second.barrier;
  pending_.erase(which);
  remember(completed_, barrier.id);
  failures_ = 0;
  min_pause_ends_ns_ = saturating_add(now.steady_ns, options_.min_pause_ns);

  const std::vector<CheckpointId> expendable = retention_.on_completed({barrier.id, barrier.kind});
  out.push_back(NotifyComplete{barrier.id, expendable.empty() ? 0 : expendable.back()});
  subsume_older_than(barrier.id, out);
  for (const CheckpointId id : expendable) {
    ++cleaning_;
    out.push_back(DeleteCheckpoint{id});
  }
  if (!is_closing(barrier.kind) || phase_ == Phase::kEnded) return;
  end_attempt(AbortReason::kShutdown, "the job has ended", out);
  out.push_back(Finish{barrier.kind, barrier.id});
}

void CheckpointCoordinator::subsume_older_than(CheckpointId id, Commands& out) {
  while (!pending_.empty() && pending_.begin()->first < id) {
    abort(pending_.begin(), AbortReason::kSubsumed, fmt::format("checkpoint {} completed", id), out);
  }
}

Barrier CheckpointCoordinator::abort(PendingMap::iterator which, AbortReason reason, const std::string& cause,
                                     Commands& out) {
  const Barrier barrier = which->second.barrier;
  std::map<TaskId, TaskSnapshot> snapshots = std::move(which->second.snapshots);
  pending_.erase(which);
  remember(aborted_, barrier.id);
  out.push_back(NotifyAborted{barrier.id, reason, cause});
  discard(barrier.id, std::move(snapshots), out);
  return barrier;
}

void CheckpointCoordinator::fail(PendingMap::iterator which, AbortReason reason, bool counted, const Error& cause,
                                 Moment now, Commands& out) {
  const Barrier barrier = abort(which, reason, cause.message(), out);
  if (phase_ == Phase::kEnded) return;
  if (is_closing(barrier.kind)) {
    count_closing_failure(cause, now, out);
  } else if (counted) {
    count_failure(cause, out);
  }
}

// Every kind of failure counts here: what must end can't be tried for ever.
void CheckpointCoordinator::count_closing_failure(const Error& cause, Moment now, Commands& out) {
  closing_not_before_ns_ =
      saturating_add(now.steady_ns, std::max(options_.min_pause_ns, options_.closing_retry_pause_ns));
  if (++closing_failures_ < options_.closing_attempts) return;
  fail_job(
      restartable(cause, fmt::format("the last checkpoint of the job failed {} times in a row, so its output can't be "
                                     "committed: {}",
                                     closing_failures_, cause.message())),
      out);
}

void CheckpointCoordinator::count_failure(const Error& cause, Commands& out) {
  ++failures_;
  if (!options_.tolerable_failures || failures_ <= *options_.tolerable_failures) return;
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
  for (auto which = pending_.begin(); which != pending_.end();) {
    const auto next = std::next(which);
    if (which->first != finalizing_) abort(which, reason, cause, out);
    which = next;
  }
}

void CheckpointCoordinator::discard(CheckpointId id, std::map<TaskId, TaskSnapshot> snapshots, Commands& out) {
  if (snapshots.empty() || fenced_) return;
  ++cleaning_;
  out.push_back(DiscardState{id, std::move(snapshots)});
}

}  // namespace tidemark

// The coordinator's side of checkpoints, for one attempt of a job: triggers them, gathers acknowledgements, has them
// finalised, counts failures, ends the job with a last one.
//
// Pure: no I/O, no clock, no threads; one owner. Every input appends the commands that follow from it to `out`; the
// driver carries them out in order. A restarted job gets a new coordinator, made from what storage then says.
//
// A checkpoint's way: triggered -> all tasks acknowledged -> Finalize -> on_finalized -> NotifyComplete. Wherever it
// ends otherwise there is one NotifyAborted, and a DiscardState for what had been acknowledged.
//
// A savepoint (kSavepoint) goes the same way up to on_finalized, and ends there: the tasks hear nothing, no sink
// commits, nothing is subsumed or retained. It passes all limits, counts towards none, and is subsumed by nothing; that
// it fails fails its request alone. One with which the job stops (kStopSavepoint) is like kStop, but where it fails the
// job goes on - or, its sources having been told to end, begins a new attempt. Behind one with which the job is to be
// cancelled nothing is triggered: sinks would commit what a job that goes on from the savepoint reads again.
//
// Invariants: NotifyComplete(N) follows on_finalized(N, kCompleted) and nothing else; at most one Finalize is in flight
// and, savepoints aside, none is ever for an id at or below a completed one; every Trigger is followed by exactly one
// NotifyComplete, NotifyAborted or (of a savepoint that completes) RequestEnded of its id, except where the driver goes
// away first or the outcome of a Finalize stays unknown; every request that was accepted has one RequestEnded; the
// latest completed checkpoint is named in no DeleteCheckpoint and no DiscardState; Finish comes once, after
// NotifyComplete of a final or stop checkpoint, and nothing is triggered after it or after FailJob.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <limits>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "protocol/retention.h"
#include "protocol/trigger_policy.h"
#include "tidemark/detail/model/checkpoint.h"
#include "tidemark/detail/model/input_progress.h"
#include "tidemark/error.h"

namespace tidemark {

struct CheckpointOptions {
  std::int64_t interval_ns = 0;   ///< between two periodic triggers, at least min_pause_ns; 0: none by time
  std::uint64_t interval_records = 0;  ///< read by all sources since the trigger before; 0: none by records
  std::uint64_t interval_bytes = 0;    ///< likewise; 0: none by bytes
  std::int64_t progress_period_ns = 100'000'000;  ///< how often the driver looks at what was read, where it matters
  std::int64_t min_pause_ns = 0;  ///< from the completion of one checkpoint to the next periodic trigger
  std::size_t max_concurrent = 1;
  std::int64_t timeout_ns = 600'000'000'000;        ///< from the trigger to the last acknowledgement
  std::optional<std::uint32_t> tolerable_failures;  ///< in a row, before the job fails; none: any number
  std::size_t num_retained = 1;
  CheckpointMode mode = CheckpointMode::kExactlyOnce;
  std::uint32_t closing_attempts = 3;  ///< of a final or stop checkpoint in a row, before the job fails
  std::int64_t closing_retry_pause_ns = 1'000'000'000;  ///< between them, or min_pause_ns where that is longer
};

/// One moment on both clocks of env.
struct Moment {
  std::int64_t steady_ns = 0;
  std::int64_t wall_ms = 0;  ///< only goes into metadata; nothing is decided by it
};

enum class AbortReason : std::uint8_t {
  kDeclined,        ///< a task declined it
  kTriggerFailed,   ///< the driver could not start it: no task has heard of it; counted
  kExpired,         ///< not all tasks acknowledged it within the timeout; counted
  kSubsumed,        ///< a newer one completed; not counted
  kFinalizeFailed,  ///< `_metadata` or the pointer could not be written; counted
  kTaskFailed,      ///< a task failed, and with it the attempt; not counted
  kShutdown,        ///< the job is cancelled or has failed; not counted
};
/// The enumerator's name without its k, in words.
std::string_view to_string(AbortReason reason) noexcept;

/// Somebody asked for a checkpoint or savepoint and waits for what becomes of it; named by the driver. 0: nobody.
using RequestId = std::uint64_t;

/// Send the barrier to every task without inputs.
struct Trigger {
  Barrier barrier;
  RequestId request = 0;
};

/// Tell every task that `id` will not complete. `cause` names the task and the phase, for people.
struct NotifyAborted {
  CheckpointId id = 0;
  AbortReason reason = AbortReason::kDeclined;
  std::string cause;
};

/// Write `_metadata` durably, then move the job's pointer; answer with on_finalized(), always.
struct Finalize {
  Barrier barrier;
  std::map<TaskId, TaskSnapshot> snapshots;
};

/// Tell every task that `id` is complete: sinks commit.
struct NotifyComplete {
  CheckpointId id = 0;
  CheckpointId latest_subsumed = 0;  ///< the newest completed checkpoint that retention gave up with this one; 0: none
};

/// Delete what these tasks wrote for `id`, which will never complete, and nothing that belongs to an older checkpoint
/// (files with an absolute path); answer with on_cleaned().
struct DiscardState {
  CheckpointId id = 0;
  std::map<TaskId, TaskSnapshot> snapshots;
};

/// Delete a completed checkpoint, its metadata first; answer with on_cleaned(). The driver spares files that a kept
/// checkpoint refers to.
struct DeleteCheckpoint {
  CheckpointId id = 0;
};

/// What `request` came to: checkpoint `id` is complete or, with an error, will never be (0: it was not even triggered).
struct RequestEnded {
  RequestId request = 0;
  CheckpointId id = 0;
  std::optional<Error> error;
};

/// Tell every source to end as at the end of its input.
struct DrainSources {};

/// The attempt has failed; the restart strategy decides what comes next. The last command ever of this coordinator that
/// starts anything.
struct FailJob {
  Error error;
};

/// The job is finished (kFinal) or stopped (is_stop()). The NotifyComplete before it still has to reach the sinks, which
/// commit; then the driver ends the tasks.
struct Finish {
  CheckpointKind kind = CheckpointKind::kFinal;
  CheckpointId id = 0;
};

using Command =
    std::variant<Trigger, NotifyAborted, Finalize, NotifyComplete, DiscardState, DeleteCheckpoint, RequestEnded,
                 DrainSources, FailJob, Finish>;
using Commands = std::vector<Command>;

enum class AckOutcome : std::uint8_t {
  kAccepted,           ///< others are missing
  kLast,               ///< all tasks have acknowledged
  kDuplicate,          ///< this task had acknowledged already; nothing is discarded, as it may be the same files
  kCompleted,          ///< the checkpoint is complete already: a repeated message
  kLate,               ///< the checkpoint was aborted; the state is discarded (left alone after kFenced)
  kUnknownTask,        ///< no task of this attempt; the state is left alone
  kUnknownCheckpoint,  ///< not triggered here, or too long ago to know; the state is left alone
};

enum class DeclineOutcome : std::uint8_t {
  kAborted,  ///< the checkpoint ends with this
  kStale,    ///< it is not waiting for this task: ended, fully acknowledged, acknowledged by it, or unknown
};

enum class EndOutcome : std::uint8_t {
  kWaiting,      ///< other tasks still read
  kAllEnded,     ///< this was the last one: the final checkpoint comes
  kDuplicate,    ///< said before
  kUnknownTask,  ///< no task of this attempt
};

enum class StopOutcome : std::uint8_t {
  kAccepted,   ///< a stop checkpoint comes
  kAlready,    ///< a stop was asked for before
  kFinishing,  ///< all input has ended: the job finishes by itself, with its final checkpoint
  kOver,       ///< the attempt has ended
};

enum class RequestOutcome : std::uint8_t {
  kTriggered,  ///< it is under way; RequestEnded follows
  kFinishing,  ///< the last checkpoint of the job is under way: it ends by itself
  kOver,       ///< the attempt has not begun or has ended
};

/// How the job is to stop.
struct StopRequest {
  RequestId savepoint = 0;  ///< with a savepoint for this request; 0: with a checkpoint
  bool drain = false;       ///< the sources end first, so that windows and timers fire
};

/// What became of a Finalize.
enum class FinalizeOutcome : std::uint8_t {
  kCompleted,  ///< the pointer has moved, durably
  kFailed,     ///< the pointer has certainly not moved and never will to this one: the state may be discarded
  kUncertain,  ///< nobody knows whether the pointer moved; nothing is discarded, the attempt fails, a restart reads the
               ///< pointer
  kFenced,     ///< the pointer belongs to another attempt: this one is a zombie and must touch nothing
};

class CheckpointCoordinator {
 public:
  /// `tasks`: all of the attempt, at least one. `next_id`: above every id that any attempt has used, 1 for a new job.
  /// `found`: completed checkpoints that this job owns, ascending, as CheckpointRetention takes them.
  CheckpointCoordinator(CheckpointOptions options, const std::vector<TaskId>& tasks, CheckpointId next_id,
                        const std::vector<CompletedCheckpoint>& found);

  /// All tasks run. Before this nothing is triggered.
  void start(Moment now, Commands& out);

  /// Call at next_deadline() or later; earlier or repeated calls do no harm.
  void on_time(Moment now, Commands& out);

  AckOutcome on_ack(TaskId task, CheckpointId id, TaskSnapshot snapshot, Moment now, Commands& out);
  /// `cause` says what went wrong; the coordinator adds the task and the checkpoint.
  DeclineOutcome on_decline(TaskId task, CheckpointId id, DeclineReason reason, const Error& cause, Moment now,
                            Commands& out);
  /// The driver could not start `id` (no folder for it, say): no task will ever acknowledge it. kStale if it has ended.
  DeclineOutcome on_trigger_failed(CheckpointId id, const Error& cause, Moment now, Commands& out);
  /// What the sources have read by now.
  void on_progress(const InputProgress& progress, Moment now, Commands& out);
  /// Whether on_progress() can lead to a checkpoint, now or later.
  bool wants_progress() const;
  /// The task has passed on all its input. It lives on, takes part in checkpoints, and ends with the job.
  EndOutcome on_end_of_data(TaskId task, Moment now, Commands& out);

  /// A task failed, and so the attempt: all pending checkpoints are aborted, uncounted, and nothing is triggered any
  /// more. A Finalize in flight is still awaited: restart only when finalizing() is false, as the pointer may yet move.
  void on_task_failed(Moment now, Commands& out);
  /// The job is cancelled; otherwise as on_task_failed().
  void on_shutdown(Moment now, Commands& out);

  /// The answer to the Finalize of `id`, which must be in flight. `error` unless kCompleted.
  void on_finalized(CheckpointId id, FinalizeOutcome outcome, const std::optional<Error>& error, Moment now,
                    Commands& out);
  /// One DiscardState or DeleteCheckpoint is done, or has failed for good.
  void on_cleaned(Moment now, Commands& out);

  /// Take a checkpoint of kind kStop, keep it, and end. Passes all limits. A failed one is repeated like the final one.
  /// With a savepoint: see above; after kAccepted its RequestEnded follows. A stop without one, asked for meanwhile, is
  /// kAlready and takes over where the savepoint fails.
  StopOutcome request_stop(Moment now, Commands& out, StopRequest how = {});
  /// Take a savepoint, or a checkpoint out of turn (kPeriodic). Passes all limits and pauses.
  RequestOutcome request_checkpoint(CheckpointKind kind, RequestId request, Moment now, Commands& out);
  /// Take a savepoint behind which nothing is triggered, for good unless it fails. Whoever asks cancels the job at its
  /// RequestEnded. A stop without a savepoint that is asked for meanwhile comes where this one fails; all other requests are
  /// refused. kFinishing where a stop was asked for before.
  RequestOutcome request_last_savepoint(RequestId request, Moment now, Commands& out);

  /// When on_time() has something to do next, on the steady clock.
  std::optional<std::int64_t> next_deadline() const;

  /// A Finalize is in flight.
  bool finalizing() const { return finalizing_ != 0; }
  bool finalizing(CheckpointId id) const { return id != 0 && finalizing_ == id; }
  /// Triggered, neither completed nor aborted.
  std::size_t pending() const { return pending_.size(); }
  /// The latest completed one, found ones included; 0: none.
  CheckpointId latest_completed() const { return retention_.latest(); }
  std::vector<CompletedCheckpoint> retained() const { return retention_.retained(); }
  CheckpointId next_id() const { return next_id_; }

 private:
  enum class Phase : std::uint8_t {
    kCreated,  // start() has not been called
    kRunning,  // checkpoints are triggered
    kEnded,    // finished, stopped, failed or cancelled: only a Finalize in flight is awaited
  };

  struct Pending {
    Barrier barrier;
    RequestId request = 0;
    std::int64_t expires_ns = 0;
    std::map<TaskId, TaskSnapshot> snapshots;
  };
  using PendingMap = std::map<CheckpointId, Pending>;

  bool fully_acknowledged(const Pending& pending) const { return pending.snapshots.size() == tasks_.size(); }
  bool volume_is_due() const;
  TriggerSituation situation() const;
  void trigger_if_due(Moment now, Commands& out);
  void trigger(CheckpointKind kind, RequestId request, Moment now, Commands& out);
  void expire(Moment now, Commands& out);
  void finalize_next(Commands& out);
  void complete(PendingMap::iterator which, Moment now, Commands& out);
  void complete_savepoint(PendingMap::iterator which, Commands& out);
  void subsume_older_than(CheckpointId id, Commands& out);
  Barrier abort(PendingMap::iterator which, AbortReason reason, const Error& cause, Commands& out);
  void lose(PendingMap::iterator which, const Error& cause, Commands& out);
  void fail(PendingMap::iterator which, AbortReason reason, bool counted, const Error& cause, Moment now,
            Commands& out);
  void give_up_stop(const Error& cause, Commands& out);
  void count_closing_failure(const Error& cause, Moment now, Commands& out);
  void count_failure(const Error& cause, Commands& out);
  void fail_job(Error error, Commands& out);
  void end_attempt(AbortReason reason, const std::string& cause, Commands& out);
  void discard(CheckpointId id, std::map<TaskId, TaskSnapshot> snapshots, Commands& out);

  CheckpointOptions options_;
  std::set<TaskId> tasks_;
  CheckpointRetention retention_;
  CheckpointId next_id_;
  Phase phase_ = Phase::kCreated;

  PendingMap pending_;
  CheckpointId finalizing_ = 0;         // the one whose Finalize is in flight, 0: none; it stays in pending_
  std::deque<CheckpointId> aborted_;    // recent ones, to tell a late acknowledgement from a strange one
  std::deque<CheckpointId> completed_;  // recent ones of this attempt
  std::size_t cleaning_ = 0;
  bool fenced_ = false;  // nothing may be discarded any more

  std::optional<std::int64_t> periodic_due_ns_;
  InputProgress progress_;
  InputProgress progress_at_trigger_;  // of the newest checkpoint
  std::int64_t min_pause_ends_ns_ = std::numeric_limits<std::int64_t>::min();
  std::int64_t closing_not_before_ns_ = std::numeric_limits<std::int64_t>::min();
  std::uint32_t failures_ = 0;          // counted ones in a row
  std::uint32_t closing_failures_ = 0;  // in a row

  std::set<TaskId> ended_;
  std::optional<StopRequest> stop_;  // its savepoint is 0 once that was triggered
  bool stop_anyway_ = false;         // without a savepoint, should that fail
  CheckpointId last_savepoint_ = 0;  // under way or complete, and nothing may follow it; 0: none
  std::int64_t last_now_ns_ = 0;  // of the latest input, for next_deadline()
};

}  // namespace tidemark

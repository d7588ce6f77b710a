// Takes the checkpoints of one attempt: asks the protocol what to do and does it, with the tasks and the store.
//
// Barriers go to the tasks in the order of their ids, each after its folder was made. Blocking work runs in the pool.
// Threads: the job's master. Ownership: context and execution outlive it; it is destroyed only when idle().
// Invariants: after end() the tasks get no call; whatever was deleted, the pointer named it no more.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "coordinator/attempt_start.h"
#include "coordinator/checkpoint_cleaner.h"
#include "control/execution.h"
#include "control/job_control.h"
#include "coordinator/job_context.h"
#include "protocol/checkpoint_coordinator.h"

namespace tidemark {

class CheckpointDriver {
 public:
  /// Ids go on from `next_id`.
  CheckpointDriver(JobContext& context, Execution& execution, const AttemptBeginning& beginning, CheckpointId next_id);

  /// All tasks run.
  void start();
  void on_time();
  void on_ack(TaskId task, CheckpointId id, TaskSnapshot snapshot);
  void on_decline(TaskId task, CheckpointId id, DeclineReason reason, const Error& cause);
  void on_end_of_data(TaskId task);
  StopOutcome request_stop();
  /// A savepoint in a new folder below `dir`.
  void take_savepoint(const std::string& dir, SnapshotAnswer answer);
  /// The same, and no checkpoint follows, for the job is to be cancelled once it is complete.
  void take_last_savepoint(const std::string& dir, SnapshotAnswer answer);
  /// The same, and the job stops with it; whether it is to stop now.
  StopOutcome stop_with_savepoint(const std::string& dir, bool drain, SnapshotAnswer answer);
  /// A checkpoint out of turn.
  void take_checkpoint(SnapshotAnswer answer);
  /// The attempt is over, for kTaskFailed or kShutdown. A checkpoint that is being finalised is still awaited.
  void end(AbortReason reason);

  /// Nothing of the attempt writes files any more.
  void tasks_ended();

  std::optional<std::int64_t> next_deadline_ns() const;
  /// Set once: checkpoints failed such that the attempt has.
  const std::optional<Error>& failure() const { return failure_; }
  /// Set once: the last checkpoint is complete, and the tasks were told to finish.
  const std::optional<Finish>& finished_with() const { return finished_with_; }
  /// No finalising, no cleaning.
  bool idle() const { return !coordinator_.finalizing() && cleaner_.idle(); }
  /// Of finished_with(): the folder of that checkpoint; empty without a store.
  std::string finished_path() const { return finished_path_; }
  CheckpointId next_id() const { return coordinator_.next_id(); }

 private:
  struct Awaiting {
    Barrier barrier;
    std::optional<std::string> folder;  // none: not made yet
  };
  struct Request {
    std::string dir;  // of a savepoint
    SnapshotAnswer answer;
  };

  void carry_out(Commands commands);
  void carry_out(const Trigger& command);
  void carry_out(const NotifyAborted& command);
  void carry_out(Finalize& command);
  void carry_out(const NotifyComplete& command);
  void carry_out(const DiscardState& command);
  void carry_out(const DeleteCheckpoint& command);
  void carry_out(RequestEnded& command);
  void carry_out(const DrainSources& command);
  void carry_out(const FailJob& command);
  void carry_out(const Finish& command);

  RequestId add_request(std::string dir, SnapshotAnswer answer);
  void refuse(RequestId request, Error error);
  enum class Behind : std::uint8_t { kCheckpointsGoOn, kNothing };
  void ask(CheckpointKind kind, Behind behind, RequestId request);
  void discard(CheckpointId id, CheckpointCleaner::Then then);
  std::string folder_of(CheckpointId id) const;

  void look_at_progress(Commands& commands);
  void prepared(CheckpointId id, Result<std::string> folder);
  void send_barriers();
  void drain_if_due();
  void finalized(const Barrier& barrier, FinalizeOutcome outcome, const std::optional<Error>& error, std::string path);
  void cleaned();
  void remove_unused_files_if_over();
  /// Whether its sources have been told to end before this barrier.
  bool drained_before(const Barrier& barrier) const;
  std::vector<RetainedCheckpoint> superseded_by(const Barrier& barrier) const;
  /// Operator, subtask and, of a cluster, the host.
  std::string described(TaskId task) const;
  /// With the tasks that were waited for.
  std::string explain(const NotifyAborted& command) const;

  JobContext& context_;
  Execution& execution_;
  const AttemptId attempt_;
  const std::vector<TaskId> tasks_;
  CheckpointCoordinator coordinator_;
  CheckpointCleaner cleaner_;
  std::deque<Awaiting> awaiting_;               // triggered, the barrier not yet sent; ascending by id
  std::map<CheckpointId, AttemptId> complete_;  // in which attempt each retained one was taken
  std::map<RequestId, Request> requests_;               // not yet answered
  RequestId newest_request_ = 0;
  struct Explained {
    CheckpointId id = 0;
    std::string cause;
  };
  Explained newest_aborted_;                            // what whoever asked for it is told, too
  std::map<CheckpointId, std::string> savepoints_;  // their folders; complete ones of this attempt are forgotten
  bool tasks_listen_ = true;                    // until end()
  bool tasks_ended_ = false;
  const bool began_restored_;
  const bool began_drained_;                    // the restored checkpoint's sources had ended: so have these
  bool drain_asked_ = false;
  bool drain_waits_ = false;                    // asked for, and barriers not yet sent stand before it
  std::int64_t look_at_ns_ = 0;                 // when the sources' progress is asked for next, where it matters
  std::optional<Error> failure_;
  std::optional<Finish> finished_with_;
  std::string finished_path_;
};

}  // namespace tidemark

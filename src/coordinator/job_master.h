// The master of one job: drives its attempts from the first to the last, and the checkpoints of each.
//
// An attempt: its number is made durable and what it restores is read (in the pool); the factory makes its tasks; the
// CheckpointDriver takes checkpoints until the last one is complete, after which the tasks commit and end. When an
// attempt fails, its tasks are cancelled and awaited, and the restart strategy decides.
//
// Threads: owned and stepped by one; request_stop(), request_cancel(), status(), checkpoint_stats(), checkpoints() and
// wakeup().wake() may be called by any. step() never waits: calls of tasks and results of blocking work come as mail. Ownership: owns
// store and tasks; env, with all it points to, and factory outlive it. Invariants: one attempt at a time, and none
// begins before the one before has ended with all work in the pool; a new attempt starts from the newest complete
// checkpoint; an execution that was cancelled gets no further call.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/event_count.h"
#include "coordinator/attempt_start.h"
#include "coordinator/checkpoint_driver.h"
#include "coordinator/checkpoint_stats.h"
#include "control/execution.h"
#include "control/job_control.h"
#include "coordinator/job_context.h"
#include "coordinator/job_state.h"
#include "coordinator/resume_report.h"
#include "coordinator/task_tracker.h"
#include "env/env.h"
#include "graph/plan.h"
#include "protocol/restart_strategy.h"
#include "snapshot/checkpoint_store.h"

namespace tidemark {

struct JobMasterOptions {
  CheckpointOptions checkpoints;
  bool incremental_checkpoints = false;  ///< tasks write only what has changed since earlier checkpoints
  std::string savepoint_dir;           ///< for savepoints that are asked for without a folder
  bool retain_on_cancellation = true;  ///< the checkpoints of a cancelled job stay
  RestartPolicy restart = NoRestart{};
  LazyRestore lazy_restore = {};
  UnclaimedState unclaimed_state = UnclaimedState::kRefuse;
  std::vector<CheckpointGlance> earlier_checkpoints = {};  ///< that have ended under earlier masters, newest first: to be told of
};

class JobMaster final : private ExecutionListener {
 public:
  /// Without a `store` no periodic checkpoint is taken and a restart begins anew; the last checkpoint runs all the
  /// same, so that sinks commit. In CheckpointMode::kNone a store is not used, sinks commit with each periodic
  /// checkpoint, and a failure ends the job whatever `options.restart` says. `wakeup`: of the thread that steps it, where that has more
  /// to do.
  JobMaster(Env env, PhysicalPlan plan, std::unique_ptr<CheckpointStore> store, ExecutionFactory& factory,
            JobMasterOptions options, std::shared_ptr<EventCount> wakeup = std::make_shared<EventCount>());
  ~JobMaster();
  JobMaster(const JobMaster&) = delete;
  JobMaster& operator=(const JobMaster&) = delete;

  /// Does what mail and time ask for. kBlocked: nothing to do until mail comes or next_deadline_ns(). kDone: see
  /// outcome(); never call again.
  Progress step();
  /// When time alone gives step() something to do, on the steady clock.
  std::optional<std::int64_t> next_deadline_ns() const;
  bool has_mail() const { return inbox_->mailbox.has_mail(); }
  /// Woken by every mail: for a driver that sleeps between steps.
  EventCount& wakeup() { return *inbox_->wakeup; }
  /// Steps until the job is over, asleep between.
  const JobOutcome& run_until_done();

  /// Any thread: the job stops with a checkpoint that is kept. Asked for while an attempt starts or restarts, it stops
  /// as soon as it runs.
  void request_stop();
  /// Any thread: a savepoint or checkpoint, and what is to follow it.
  void request_snapshot(SnapshotOrder order, SnapshotAnswer answer);
  /// The thread that steps it.
  void retain_on_cancellation(bool retains) { retain_on_cancellation_ = retains; }
  /// Any thread: the job ends as soon as it can, committing nothing.
  void request_cancel();

  /// After kDone.
  const JobOutcome& outcome() const { return outcome_; }
  /// Any thread.
  JobStatus status() const;
  CheckpointStats checkpoint_stats() const { return context_.tracker.stats(); }
  /// Of the newest attempt.
  AttemptReport tasks() const { return tasks_.report(); }
  /// Newest first: those under way, then the newest few that have ended, those of earlier masters too.
  std::vector<CheckpointReport> checkpoints() const { return context_.tracker.checkpoints(); }

 private:
  void on_sinks_agreed() override;
  void on_running() override;
  void on_ack(TaskId task, CheckpointId id, TaskSnapshot snapshot) override;
  void on_decline(TaskId task, CheckpointId id, DeclineReason reason, Error cause) override;
  void on_end_of_data(TaskId task) override;
  void on_loading(const LoadEvent& event) override;
  void on_tasks_moved(TasksMoved moved) override;
  void on_task_failed(TaskId task, Error error) override;
  void on_ended() override;

  void begin_attempt();
  void attempt_begun(Result<AttemptBeginning> beginning);
  void tasks_run();
  void stop();
  void cancel();
  void take_snapshot(SnapshotOrder order, SnapshotAnswer answer);
  void stop_with_savepoint(const SnapshotOrder& order, SnapshotAnswer answer);
  void cancel_with_savepoint(const SnapshotOrder& order, SnapshotAnswer answer);
  void answer_ended(JobState state);
  bool remove_cancelled();
  void fail_attempt(Error error, TaskId task = kNoTask);
  void note_failure(TaskId task);
  void offer_older_checkpoint();
  bool run_timers();
  bool settle();
  bool attempt_is_over() const;
  void release_attempt();
  void restart_or_fail();
  void fail_job(Error error);
  void conclude(JobState state, std::optional<Error> error);
  void set_state(JobState state);
  void move_tasks(TaskState to) { tasks_.move_all(to, context_.now().wall_ms); }
  template <class Change>
  void change_status(Change&& change);

  const std::shared_ptr<MasterInbox> inbox_;
  JobContext context_;
  ExecutionFactory& factory_;
  RestartStrategy restart_strategy_;
  const LazyRestore lazy_restore_;

  TaskTracker tasks_;
  JobState state_ = JobState::kInitializing;
  bool begun_ = false;  // step() was called
  AttemptId attempt_ = 0;
  CheckpointId next_checkpoint_id_ = 1;  // above those of the attempts before
  bool restored_ = false;                // this attempt continues from a checkpoint
  bool sinks_agreed_ = false;            // to this attempt or one before
  ResumeReport resume_report_;           // of this attempt
  bool stop_requested_ = false;
  struct Ending {
    SnapshotTaken taken;
    SnapshotAnswer answer;
    JobState wanted;
  };
  std::vector<Ending> endings_;  // savepoints that are complete, while the job has yet to end as was asked
  bool retain_on_cancellation_;
  bool removed_cancelled_ = false;
  bool tasks_ended_ = false;
  std::optional<Error> failure_;  // of this attempt
  std::int64_t restart_at_ns_ = 0;
  JobOutcome outcome_;

  // The driver calls the execution.
  std::unique_ptr<Execution> execution_;
  std::unique_ptr<CheckpointDriver> driver_;

  mutable std::mutex status_mutex_;  // guards status_
  JobStatus status_;
};

}  // namespace tidemark

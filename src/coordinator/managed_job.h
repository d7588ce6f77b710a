// A job of a JobManager, from its record to its end: its master, once it runs here, and what is told and kept of it.
//
// One thread, the JobManager's. Ownership: the services outlive it. A job that is destroyed while it runs is not over: its record says so,
// and the next JobManager goes on with it.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/event_count.h"
#include "config/options.h"
#include "control/cluster_control.h"
#include "coordinator/deploying_execution.h"
#include "coordinator/job_master.h"
#include "coordinator/job_record.h"
#include "coordinator/task_managers.h"
#include "coordinator/timers.h"
#include "env/env.h"
#include "snapshot/checkpoint_store.h"

namespace tidemark {

/// What all jobs of a JobManager share.
struct JobServices {
  Env env;
  TaskManagers& task_managers;
  Timers& timers;
  std::shared_ptr<EventCount> wakeup;
  std::uint64_t epoch = 1;
};

class ManagedJob {
 public:
  ManagedJob(JobRecord record, const JobServices& services);
  ~ManagedJob();

  /// Once: its attempts begin. `options`: of the record.
  void run(const Options& options, std::unique_ptr<CheckpointStore> store);
  Progress step();
  std::optional<std::int64_t> next_deadline_ns() const;
  bool has_mail() const { return master_ != nullptr && master_->has_mail(); }

  /// Before it runs: something is in the way, and will be tried again.
  void note_failure(const Error& error);
  /// It is over, whether it has run or not.
  void end(JobState state, const std::optional<Error>& error);
  void take_snapshot(SnapshotOrder order, SnapshotAnswer answer);
  /// An order with a trigger_id, before it is carried out; and what became of it.
  void note_triggered(const SnapshotOrder& order);
  void note_taken(const SnapshotOrder& order, const Result<SnapshotTaken>& taken);
  /// What it is to start from.
  void note_start(const std::string& savepoint);
  /// What it replaces is not needed any more.
  void note_place_taken();
  /// It is cancelled behind this.
  void note_failed_trial(const Error& error);
  /// To be written down before cancel().
  void note_cancel();
  void cancel();

  bool has_run() const { return executions_ != nullptr; }
  /// It is about to end, by itself or as was asked.
  bool is_stopping() const;
  bool is_over() const { return record_.end.has_value(); }
  const JobRecord& record() const { return record_; }
  /// Whether the record has changed since it was last asked.
  bool take_change();
  JobGlance glance() const;
  ClusterJob describe() const;

 private:
  class Executions;

  Progress step_master();
  void note_progress();
  void note_checkpoints();
  void add_failure(JobFailure failure);

  const JobServices services_;
  JobRecord record_;
  const std::string log_origin_;
  bool has_changed_ = false;
  std::uint32_t failures_seen_ = 0;
  struct Counts {
    std::uint64_t completed = 0;
    std::uint64_t savepoints = 0;
    std::uint64_t failed = 0;
    std::uint32_t restores = 0;
  };
  const Counts counted_before_;                 // by earlier JobManagers
  std::uint64_t checkpoints_seen_ = 0;          // of this one, that have ended
  bool retains_on_cancellation_ = true;
  bool has_unwritten_history_ = false;
  std::int64_t history_due_ns_ = 0;             // then it is worth a write of its own
  std::vector<CheckpointReport> checkpoints_;   // that have ended, newest first
  std::optional<CheckpointGlance> newest_;      // complete one of this run
  std::unique_ptr<Executions> executions_;
  std::unique_ptr<JobMaster> master_;  // while it runs
};

}  // namespace tidemark

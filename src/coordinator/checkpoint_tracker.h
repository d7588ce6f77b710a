// Follows each checkpoint of a job from its trigger to its end: figures for the user, a bounded history, and the lines of the log.
//
// Threads: stats() and checkpoints() by any; all else by the job's master.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "control/checkpoint_report.h"
#include "coordinator/checkpoint_stats.h"
#include "coordinator/state_growth.h"
#include "protocol/checkpoint_coordinator.h"

namespace tidemark {

class CheckpointTracker {
 public:
  CheckpointStats stats() const;
  /// Newest first: those under way, then the newest few that have ended. Of these the newest of each kind - complete, savepoint, failed -
  /// stays, however many of the others follow. Subsumed ones, and those given up because the job ended, are not told of.
  std::vector<CheckpointReport> checkpoints() const;

  /// Before all else: those that have ended under earlier masters, newest first.
  void begin_behind(const std::vector<CheckpointGlance>& earlier);

  /// Complete checkpoints are looked at from here on, and a warning goes to the log.
  void watch_growth(StateGrowth growth) { growth_ = std::move(growth); }

  /// `tasks`: how many have to acknowledge it.
  void on_triggered(const Barrier& barrier, std::size_t tasks, Moment now);
  void on_ack(TaskId task, CheckpointId id, const TaskSnapshot& snapshot, Moment now);
  void on_completed(CheckpointId id, std::string path, Moment now);
  /// Newer ones have replaced it.
  void on_deleted(CheckpointId id);
  /// `cause` names checkpoint, operator and phase where it is a failure.
  void on_aborted(CheckpointId id, AbortReason reason, const std::string& cause, Moment now);
  /// Nobody knows whether it completed, or another attempt has taken over.
  void on_lost(CheckpointId id, const std::string& cause, Moment now);

  /// Those of `tasks` that have not acknowledged `id`.
  std::vector<TaskId> missing(CheckpointId id, const std::vector<TaskId>& tasks) const;

 private:
  struct InProgress {
    Barrier barrier;
    CheckpointGlance glance;
    std::int64_t triggered_ns = 0;
    std::map<std::string, std::uint64_t> bytes_by_uid;
    std::set<TaskId> acknowledged;
    std::vector<TaskAcknowledgement> acknowledgements;
  };

  void fail(CheckpointId id, const std::string& cause, Moment now);
  void remember(InProgress ended);
  std::optional<InProgress> take(CheckpointId id);

  std::optional<StateGrowth> growth_;
  mutable std::mutex mutex_;  // guards all below: others read, the master writes
  std::map<CheckpointId, InProgress> in_progress_;
  std::vector<CheckpointReport> ended_;  // newest first
  CheckpointStats stats_;
};

}  // namespace tidemark

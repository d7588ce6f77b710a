// Follows each checkpoint of a job from its trigger to its end: figures for the user, and the lines of the log.
//
// Threads: stats() by any; all else by the job's master.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "coordinator/checkpoint_stats.h"
#include "coordinator/state_growth.h"
#include "protocol/checkpoint_coordinator.h"

namespace tidemark {

class CheckpointTracker {
 public:
  CheckpointStats stats() const;

  /// Complete checkpoints are looked at from here on, and a warning goes to the log.
  void watch_growth(StateGrowth growth) { growth_ = std::move(growth); }

  void on_triggered(const Barrier& barrier, Moment now);
  void on_ack(TaskId task, CheckpointId id, const TaskSnapshot& snapshot);
  void on_completed(CheckpointId id, std::string path, Moment now);
  /// `cause` names checkpoint, operator and phase where it is a failure.
  void on_aborted(CheckpointId id, AbortReason reason, const std::string& cause);
  /// Nobody knows whether it completed, or another attempt has taken over.
  void on_lost(CheckpointId id, const std::string& cause);

  /// Those of `tasks` that have not acknowledged `id`.
  std::vector<TaskId> missing(CheckpointId id, const std::vector<TaskId>& tasks) const;

 private:
  struct InProgress {
    Barrier barrier;
    std::int64_t triggered_ns = 0;
    std::uint64_t bytes = 0;
    std::uint64_t state_bytes = 0;
    std::map<std::string, std::uint64_t> bytes_by_uid;
    std::set<TaskId> acknowledged;
  };

  void count_failure(const std::string& cause);
  void forget(CheckpointId id);

  std::map<CheckpointId, InProgress> in_progress_;
  std::optional<StateGrowth> growth_;
  mutable std::mutex mutex_;  // guards stats_
  CheckpointStats stats_;
};

}  // namespace tidemark

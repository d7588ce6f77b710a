// Which completed checkpoints are kept. Pure; one owner, one thread.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "tidemark/detail/model/checkpoint.h"

namespace tidemark {

struct CompletedCheckpoint {
  CheckpointId id = 0;
  CheckpointKind kind = CheckpointKind::kPeriodic;
  friend bool operator==(const CompletedCheckpoint&, const CompletedCheckpoint&) = default;
};

/// Invariants: the newest completed checkpoint, which is the one to restore from, is never named for deletion; nothing
/// is named twice; a checkpoint taken to stop (is_stop()) is never named by the run that took it.
class CheckpointRetention {
 public:
  /// Keeps the newest `num_retained` (at least 1). `found`, ascending by id, are those of earlier runs that this job
  /// owns and may delete; a stop checkpoint among them has served its purpose and counts like any other.
  CheckpointRetention(std::size_t num_retained, std::span<const CompletedCheckpoint> found);

  /// Records that `checkpoint` completed, its id above all others. Returns what to delete now, oldest first, after the
  /// job's pointer has moved to `checkpoint`.
  [[nodiscard]] std::vector<CheckpointId> on_completed(CompletedCheckpoint checkpoint);

  /// Ascending by id; kept for good ones included.
  std::vector<CompletedCheckpoint> retained() const;
  /// The one to restore from; 0 where there is none.
  CheckpointId latest() const { return kept_.empty() ? 0 : kept_.back().checkpoint.id; }

 private:
  struct Kept {
    CompletedCheckpoint checkpoint;
    bool for_good = false;
  };

  std::size_t num_retained_;
  std::vector<Kept> kept_;  // ascending by id
};

}  // namespace tidemark

// Figures of a job's checkpoints, for progress lines, summaries and tests. Plain data.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "tidemark/detail/model/checkpoint.h"

namespace tidemark {

struct CheckpointStats {
  struct Completed {
    CheckpointId id = 0;
    CheckpointKind kind = CheckpointKind::kPeriodic;
    std::uint64_t bytes = 0;       ///< that the tasks wrote for it
    std::uint64_t state_bytes = 0; ///< of all files with keyed state that it names: of an incremental one, also older ones
    std::int64_t duration_ms = 0;  ///< from the trigger to the moved pointer
    std::int64_t completed_wall_ms = 0;
    std::string path;  ///< its folder; empty without a store
  };

  std::uint64_t completed = 0;   ///< savepoints not counted, but for one with which the job stopped
  std::uint64_t savepoints = 0;  ///< complete ones, while the job went on
  std::uint64_t failed = 0;  ///< neither completed nor subsumed, and not merely given up because the job ended
  std::uint32_t in_progress = 0;
  std::optional<Completed> last_completed;
  std::string last_failure;  ///< which checkpoint, operator and phase, and why; empty: none has failed
};

}  // namespace tidemark

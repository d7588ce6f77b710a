// A checkpoint as it looks from outside - under way, complete or failed -, and what each task had to do with it. Plain data by value, any
// thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "tidemark/detail/model/checkpoint.h"
#include "tidemark/schema.h"

namespace tidemark {

/// Numbers stand in a JobManager's records of jobs.
enum class CheckpointStatus : std::uint8_t { kCompleted, kInProgress, kFailed };

struct CheckpointGlance {
  CheckpointId id = 0;
  bool is_savepoint = false;
  std::uint64_t written_bytes = 0;  ///< for this one
  std::uint64_t state_bytes = 0;    ///< of all files that it names, whoever wrote them
  std::int64_t duration_ms = 0;     ///< from the trigger to its end; under way: to the newest acknowledgement
  std::int64_t completed_ms = 0;    ///< or failed; since 1970 UTC, as all below
  std::string path;                 ///< its folder, once complete
  CheckpointStatus status = CheckpointStatus::kCompleted;
  std::int64_t triggered_ms = -1;
  std::int64_t acknowledged_ms = -1;  ///< the newest acknowledgement; -1: none
  std::uint32_t tasks = 0;            ///< that have to acknowledge it; 0: not known
  std::uint32_t acknowledged = 0;     ///< of these
  bool is_deleted = false;            ///< complete, and newer ones have replaced it
  std::string failure = {};           ///< of a failed one: which checkpoint, operator, subtask, host and phase, and why
  /// In records of before these were there.
  static constexpr auto state_schema = schema(default_of("triggered_ms", std::int64_t{-1}), default_of("acknowledged_ms", std::int64_t{-1}));
};

/// What a job went on from.
struct RestoredGlance {
  CheckpointId id = 0;
  bool is_savepoint = false;
  std::int64_t restored_ms = 0;  ///< when it began to
  std::string path;              ///< its folder
};

/// How a task took part.
struct TaskAcknowledgement {
  TaskId task;
  std::int64_t acknowledged_ms = 0;  ///< since 1970 UTC
  std::int64_t duration_ms = 0;      ///< from the trigger to the acknowledgement, by the master's clock: the sum of the four below
  std::int64_t start_delay_ms = 0;   ///< the way of the barrier to the task, and of the acknowledgement back
  std::int64_t alignment_ms = 0;
  std::int64_t sync_ms = 0;          ///< the task stood still
  std::int64_t async_ms = 0;         ///< writing beside it
  std::uint64_t written_bytes = 0;
  std::uint64_t state_bytes = 0;
};

struct CheckpointReport {
  CheckpointGlance glance;
  /// Null: nobody knows any more.
  std::shared_ptr<const std::vector<TaskAcknowledgement>> acknowledgements = nullptr;
};

}  // namespace tidemark

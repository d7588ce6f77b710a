// The pointer file CURRENT of a job's folder: which checkpoints are complete, and which attempt may complete further
// ones. Text, so that a person can read it: a line of canonical JSON and a line with its checksum. Pure, any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "tidemark/detail/model/checkpoint.h"

namespace tidemark {

inline constexpr std::uint32_t kPointerVersion = 1;

/// A complete checkpoint that is kept.
struct RetainedCheckpoint {
  CheckpointId id = 0;
  AttemptId attempt = 0;
  CheckpointKind kind = CheckpointKind::kPeriodic;
  std::string path;  ///< absolute, of a savepoint with which the job stopped; empty: chk-<id>-<attempt> in the job's folder
  friend bool operator==(const RetainedCheckpoint&, const RetainedCheckpoint&) = default;
};

/// A snapshot from elsewhere that the job owns (CLAIM) and has yet to delete.
struct ClaimedSnapshot {
  std::string path;     ///< absolute
  std::string token;    ///< that stands in its claim, if it was ours (snapshot_claim.h)
  AttemptId since = 0;  ///< the attempt that began with it; its checkpoints and later ones replace it
  friend bool operator==(const ClaimedSnapshot&, const ClaimedSnapshot&) = default;
};

/// What the job goes on from without owning it, and not from its newest checkpoint.
struct RestoredSnapshot {
  std::string path;     ///< absolute
  AttemptId since = 0;  ///< an attempt that ran with it
  friend bool operator==(const RestoredSnapshot&, const RestoredSnapshot&) = default;
};

struct CheckpointPointer {
  std::string job;
  AttemptId attempt = 0;                        ///< the newest; a process with an older one is a zombie
  std::vector<RetainedCheckpoint> checkpoints;  ///< the newest last
  std::vector<ClaimedSnapshot> claims;
  std::optional<RestoredSnapshot> restored;  ///< none once a checkpoint is complete that replaces it
  bool is_unused = false;                       ///< all starts up to `attempt` were refused before a task ran
  friend bool operator==(const CheckpointPointer&, const CheckpointPointer&) = default;
};

std::string encode_pointer(const CheckpointPointer& pointer);
/// kDataLoss for damage, kUnsupportedVersion for what a newer Tidemark wrote; both messages begin with `path`.
Result<CheckpointPointer> decode_pointer(std::string_view bytes, const std::string& path);

}  // namespace tidemark

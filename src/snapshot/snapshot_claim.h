// Who owns a snapshot that lies outside a job's own folder: the file `_claim` in it. A job that restores with CLAIM owns
// what it restored and deletes it when it needs it no more; nobody else may restore it or claim it.
//
// Two lines, as CURRENT has: a line of canonical JSON and its checksum. Threads: any; every call may block on I/O.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "env/file_system.h"

namespace tidemark {

/// Of the file; `_claim.lock` beside it is locked while a claim is taken.
inline constexpr std::string_view kClaimName = "_claim";

struct SnapshotClaim {
  std::string job;
  std::string folder;  ///< of the job's checkpoints
  std::string token;   ///< random; CURRENT of that job has it, too, so that a copy of names alone proves nothing
  friend bool operator==(const SnapshotClaim&, const SnapshotClaim&) = default;
};

/// Nothing if nobody has claimed the snapshot in `folder`.
Result<std::optional<SnapshotClaim>> read_claim(FileSystem& files, const std::string& folder);

/// kFailedPrecondition, saying whose it is, if another than `token` has claimed it.
Result<> refuse_if_claimed(FileSystem& files, const std::string& folder, std::string_view token);

/// Durable after return; as often as one likes. kFailedPrecondition if another has claimed it or is about to.
Result<> take_claim(FileSystem& files, const std::string& folder, const SnapshotClaim& claim);

}  // namespace tidemark

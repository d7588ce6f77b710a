// Who owns a snapshot that lies outside a job's own folder: the file `_claim` in it. A job that restores with CLAIM owns
// what it restored and deletes it when it needs it no more; nobody else may restore it or claim it.
//
// Two lines, as CURRENT has: a line of canonical JSON and its checksum. Whoever writes or removes a claim, or deletes what
// may be claimed, holds lock_claim() from looking to the end. Threads: any; every call may block on I/O.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "env/file_system.h"

namespace tidemark {

/// Of the file; `_claim.lock` beside it is what lock_claim() locks.
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

/// kFailedPrecondition if another claims or deletes the snapshot in `folder` just now; kNotFound without a folder.
Result<std::unique_ptr<FileLock>> lock_claim(FileSystem& files, const std::string& folder);

/// Durable after return; as often as one likes. Under lock_claim(), after refuse_if_claimed().
Result<> write_claim(FileSystem& files, const std::string& folder, const SnapshotClaim& claim);

/// Durably removes the claim, which is the caller's. Under lock_claim().
Result<> remove_claim(FileSystem& files, const std::string& folder);

}  // namespace tidemark

// The names of a file sink's files, and the step from pending to committed. Names are the only thing that tells a leftover
// from a result, so both writer and recovery take them from here. No state; any thread.
//
// Errors are thrown.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "env/file_system.h"

namespace tidemark::detail {

/// What stands in a checkpoint for a pending file.
struct FileCommittable {
  static constexpr std::uint8_t kVersion = 1;
  std::uint8_t version = kVersion;
  std::string directory;
  std::string name;        ///< the one that it gets: "part-0-1-3.json"
  std::uint64_t size = 0;  ///< bytes
};

std::string committed_name(const std::string& prefix, std::uint32_t subtask, std::uint32_t attempt, std::uint64_t number,
                           const std::string& extension);
/// ".part-0-1-3.json.inprogress": being written.
std::string in_progress_name(const std::string& name);
/// ".part-0-1-3.json.rewrite": being written again because the first could not be synced.
std::string rewrite_name(const std::string& name);
/// ".part-0-1-3.json.pending": durable and waiting for its checkpoint.
std::string pending_name(const std::string& name);
/// ".part.owner": says whose the prefix is.
std::string owner_name(const std::string& prefix);

bool is_committed(std::string_view entry, std::string_view prefix);
bool is_leftover(std::string_view entry, std::string_view prefix);

enum class CommitOutcome {
  kRenamed,           ///< it has its name now; the folder is not synced
  kAlreadyCommitted,  ///< it had it before
  kMissing,           ///< there is no file, pending or committed
};

/// Renames a pending file. Never replaces another one.
CommitOutcome commit_file(FileSystem& files, const FileCommittable& committable);

}  // namespace tidemark::detail

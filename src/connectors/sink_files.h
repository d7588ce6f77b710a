// The names of a file sink's files, and the step from pending to committed. Names are the only thing that tells a leftover
// from a result, so both writer and recovery take them from here. No state; any thread.
//
// Errors are thrown.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

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

/// How far one subtask had come in naming its files when a checkpoint was taken: what it has committed beyond that is in no
/// older checkpoint. A list state of the sink.
struct SinkMark {
  std::uint32_t attempt = 0;
  std::uint32_t subtask = 0;
  std::uint64_t next_number = 0;
};
inline constexpr std::string_view kSinkMarks = "written";

/// What a file's name says about it.
struct PartName {
  std::uint32_t subtask = 0;
  std::uint32_t attempt = 0;
  std::uint64_t number = 0;
  std::string extension;
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

/// Nothing if the entry is no committed file of the prefix.
std::optional<PartName> parse_committed(std::string_view entry, std::string_view prefix);
/// Whether it was named after the checkpoint that holds the marks, which are those of all its subtasks. An attempt that
/// runs has seen to it that nothing newer lay there than what it restored, so of earlier attempts nothing is.
bool is_newer(const PartName& file, const std::vector<SinkMark>& marks);

bool is_committed(std::string_view entry, std::string_view prefix);
bool is_leftover(std::string_view entry, std::string_view prefix);

enum class CommitOutcome {
  kRenamed,           ///< it has its name now; the folder is not synced
  kAlreadyCommitted,  ///< it had it before
};

/// What commit_file() would come to, errors included. Changes nothing.
CommitOutcome check_commit(FileSystem& files, const FileCommittable& committable);

/// Renames a pending file. Never replaces another one. A file that is under neither name is lost data: an error.
CommitOutcome commit_file(FileSystem& files, const FileCommittable& committable);

}  // namespace tidemark::detail

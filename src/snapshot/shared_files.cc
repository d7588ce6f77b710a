#include "snapshot/shared_files.h"

#include <fmt/format.h>

#include <charconv>

#include "snapshot/job_folder.h"
#include "snapshot/snapshot_folder.h"
#include "tidemark/detail/base/planted_bug.h"
#include "tidemark/detail/base/probe.h"

namespace tidemark {
namespace {

// Each time another checkpoint must have been completed and the one before removed, in the time of reading a few files.
constexpr int kMostTries = 10;

std::string shared_folder_in(const std::string& folder) { return join_path(folder, kSharedFolderName); }

bool is_absent(const Error& error) { return error.code() == ErrorCode::kNotFound; }

/// Adds what the snapshot in `folder` lists, if there is one.
Result<> add_listed(FileSystem& files, const std::string& folder, std::set<std::string>& names) {
  const auto metadata = read_metadata_file(files, folder);
  if (!metadata && is_absent(metadata.error())) return {};
  if (!metadata) return std::unexpected{metadata.error()};
  names.merge(shared_files_of(*metadata));
  return {};
}

Result<> add_kept(FileSystem& files, const std::string& folder, const std::optional<CheckpointPointer>& pointer,
                  std::set<std::string>& names) {
  if (!pointer) return {};
  for (const RetainedCheckpoint& checkpoint : pointer->checkpoints) {
    if (!checkpoint.path.empty()) continue;  // a savepoint shares nothing
    TIDEMARK_TRY(add_listed(files, path_of(folder, checkpoint), names));
  }
  return {};
}

Result<> add_others(FileSystem& files, const std::string& folder, std::set<std::string>& names) {
  TIDEMARK_ASSIGN(entries, files.list(folder));
  for (const DirectoryEntry& entry : entries) {
    if (!entry.is_directory || entry.name == kSharedFolderName) continue;
    TIDEMARK_TRY(add_listed(files, join_path(folder, entry.name), names));
  }
  return {};
}

}  // namespace

std::optional<SharedFileName> parse_shared_file_name(std::string_view name) {
  SharedFileName result;
  if (!name.ends_with(".snap")) return std::nullopt;
  const char* end = name.data() + name.size();
  const auto attempt = std::from_chars(name.data(), end, result.attempt);
  if (attempt.ec != std::errc{} || *attempt.ptr != '-') return std::nullopt;
  const auto checkpoint = std::from_chars(attempt.ptr + 1, end, result.checkpoint);
  if (checkpoint.ec != std::errc{} || *checkpoint.ptr != '-') return std::nullopt;
  if (!name.starts_with(fmt::format("{}-{}-", result.attempt, result.checkpoint))) return std::nullopt;
  return result;
}

std::optional<std::string_view> shared_name_of(std::string_view path) {
  constexpr std::string_view kUp = "../";
  if (!path.starts_with(kUp)) return std::nullopt;
  path.remove_prefix(kUp.size());
  if (!path.starts_with(kSharedFolderName) || path.size() < kSharedFolderName.size() + 2) return std::nullopt;
  path.remove_prefix(kSharedFolderName.size());
  if (path.front() != '/') return std::nullopt;
  path.remove_prefix(1);
  if (path.find('/') != std::string_view::npos || path == "." || path == "..") return std::nullopt;
  return path;
}

std::set<std::string> shared_files_of(const CheckpointMetadata& metadata) {
  std::set<std::string> names;
  for (const CheckpointMetadata::Operator& op : metadata.operators) {
    for (const OperatorSnapshot& subtask : op.subtasks) {
      for (const SnapshotFile& file : subtask.keyed_files) {
        if (const auto name = shared_name_of(file.path)) names.emplace(*name);
      }
      for (const StoreFile& file : subtask.store.files) {
        if (const auto name = shared_name_of(file.file.path)) names.emplace(*name);
      }
    }
  }
  return names;
}

Result<std::set<std::string>> shared_files_in_use(FileSystem& files, const std::string& folder) {
  for (int tried = 1;; ++tried) {
    std::set<std::string> names;
    TIDEMARK_ASSIGN(pointer, read_pointer_file(files, folder));
    TIDEMARK_TRY(add_kept(files, folder, pointer, names));
    TIDEMARK_TRY(add_others(files, folder, names));
    // One that is gone was removed by a person, and lists nothing any more, unless a newer one has taken its place meanwhile.
    TIDEMARK_ASSIGN(now, read_pointer_file(files, folder));
    if (now == pointer) return names;
    if (tried == kMostTries) {
      return fail(ErrorCode::kIo, fmt::format("the checkpoints in '{}' change faster than they can be read", folder));
    }
    TIDEMARK_PROBE("shared files: the pointer moves while checkpoints are read");
  }
}

Result<> remove_unused_shared_files(FileSystem& files, const std::string& folder, std::set<std::string> names) {
  if (names.empty()) return {};
  if (!detail::planted(detail::PlantedBug::kSharedFileRemovedInUse)) {
    TIDEMARK_ASSIGN(in_use, shared_files_in_use(files, folder));
    if (std::erase_if(names, [&](const std::string& name) { return in_use.contains(name); }) > 0) {
      TIDEMARK_PROBE("shared files: another checkpoint needs what a removed one listed");
    }
  }
  for (const std::string& name : names) {
    TIDEMARK_PROBE("shared files: one that nobody lists is removed");
    const auto removed = files.remove(join_path(shared_folder_in(folder), name));
    if (!removed && !is_absent(removed.error())) return removed;
  }
  return {};
}

Result<std::set<std::string>> find_shared_files(FileSystem& files, const std::string& folder,
                                                const std::function<bool(const SharedFileName&)>& which) {
  std::set<std::string> names;
  const auto entries = files.list(shared_folder_in(folder));
  if (!entries && is_absent(entries.error())) return names;
  if (!entries) return std::unexpected{entries.error()};
  for (const DirectoryEntry& entry : *entries) {
    const auto name = parse_shared_file_name(entry.name);
    if (name && !entry.is_directory && which(*name)) names.insert(entry.name);
  }
  return names;
}

}  // namespace tidemark

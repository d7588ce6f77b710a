#include "snapshot/snapshot_folder.h"

#include <fmt/format.h>

#include <vector>

#include "codec/utf8.h"
#include "env/crash_point.h"
#include "snapshot/metadata.h"
#include "snapshot/snapshot_claim.h"
#include "tidemark/detail/base/probe.h"

namespace tidemark {
namespace {

constexpr std::size_t kCharactersOfJob = 6;

template <class T>
bool is_absent(const Result<T>& result) {
  return !result && result.error().code() == ErrorCode::kNotFound;
}

bool is_data(std::string_view name) { return name.ends_with(".snap") || name == temporary_path(std::string{kMetadataName}); }
bool is_claim(std::string_view name) { return name.starts_with(kClaimName); }

/// Those of `entries` that `which` picks.
Result<> remove_files(FileSystem& files, const std::string& folder, const std::vector<DirectoryEntry>& entries,
                      bool (*which)(std::string_view)) {
  for (const DirectoryEntry& entry : entries) {
    if (entry.is_directory || !which(entry.name)) continue;
    const auto removed = files.remove(join_path(folder, entry.name));
    if (!removed && !is_absent(removed)) return removed;
  }
  return {};
}

}  // namespace

std::string snapshot_folder_of(std::string path) {
  while (path.size() > 1 && path.ends_with('/')) path.pop_back();
  if (path == kMetadataName) return ".";
  if (path.ends_with(fmt::format("/{}", kMetadataName))) return parent_path(path);
  return path;
}

Result<CheckpointMetadata> read_metadata_file(FileSystem& files, const std::string& folder) {
  const std::string path = join_path(folder, kMetadataName);
  TIDEMARK_ASSIGN(bytes, read_file(files, path, kLargestMetadata));
  return decode_metadata(bytes, path);
}

Result<> write_metadata_file(FileSystem& files, const std::string& folder, const CheckpointMetadata& metadata) {
  TIDEMARK_ASSIGN(bytes, encode_metadata(metadata));
  const std::string path = join_path(folder, kMetadataName);
  const std::string temporary = temporary_path(path);
  TIDEMARK_ASSIGN(file, files.create(temporary, CreateMode::kTruncate));
  TIDEMARK_TRY(file->append(bytes));
  TIDEMARK_TRY(file->sync());
  TIDEMARK_TRY(file->close());
  crash_point(CrashPoint::kMetadataWritten);
  TIDEMARK_TRY(files.rename(temporary, path));
  TIDEMARK_TRY(files.sync_directory(folder));
  crash_point(CrashPoint::kMetadataDurable);
  return {};
}

Result<std::string> make_savepoint_folder(FileSystem& files, const std::string& dir, std::string_view job,
                                          std::uint64_t random) {
  const std::string parent = files.absolute_path(dir);
  if (find_invalid_utf8(parent) != std::string_view::npos) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("'{}' can't be the folder of savepoints: its name is no UTF-8, so CURRENT can't name it", dir));
  }
  TIDEMARK_TRY(make_durable_directories(files, parent));
  const std::string path =
      join_path(parent, fmt::format("savepoint-{}-{:012x}", job.substr(0, kCharactersOfJob), random >> 16));
  const auto taken = files.stat(path);
  if (taken) return fail(ErrorCode::kAlreadyExists, fmt::format("'{}' is there already; ask again", path));
  if (!is_absent(taken)) return std::unexpected{taken.error()};
  TIDEMARK_TRY(files.make_directories(path));
  return path;
}

Result<> remove_metadata_file(FileSystem& files, const std::string& folder) {
  const auto removed = files.remove(join_path(folder, kMetadataName));
  if (is_absent(removed)) return {};
  return removed ? files.sync_directory(folder) : removed;
}

Result<> delete_snapshot_folder(FileSystem& files, const std::string& folder) {
  TIDEMARK_TRY(remove_metadata_file(files, folder));
  const auto entries = files.list(folder);
  if (is_absent(entries)) return {};
  if (!entries) return std::unexpected{entries.error()};
  TIDEMARK_TRY(remove_files(files, folder, *entries, is_data));
  // Last and behind a sync, so that whoever finds data finds out whose it is.
  TIDEMARK_TRY(files.sync_directory(folder));
  TIDEMARK_TRY(remove_files(files, folder, *entries, is_claim));
  TIDEMARK_ASSIGN(foreign, files.list(folder));
  if (!foreign.empty()) {
    TIDEMARK_PROBE("snapshot folder: what others put there stays");
    return {};
  }
  const auto removed = files.remove_directory(folder);
  return is_absent(removed) ? Result<>{} : removed;
}

}  // namespace tidemark

#include "snapshot/snapshot_disposal.h"

#include <fmt/format.h>

#include <algorithm>

#include "snapshot/job_folder.h"
#include "snapshot/metadata.h"
#include "snapshot/shared_files.h"
#include "snapshot/snapshot_claim.h"
#include "snapshot/snapshot_folder.h"

namespace tidemark {
namespace {

bool has_data(FileSystem& files, const std::string& folder) {
  const auto entries = files.list(folder);
  if (!entries) return false;
  return std::ranges::any_of(*entries, [](const DirectoryEntry& entry) { return entry.name.ends_with(".snap"); });
}

Result<CheckpointMetadata> metadata_of(FileSystem& files, const std::string& folder) {
  auto metadata = read_metadata_file(files, folder);
  if (metadata || metadata.error().code() != ErrorCode::kNotFound) return metadata;
  if (has_data(files, folder)) {
    return fail(ErrorCode::kNotFound,
                fmt::format("'{}' holds data files but no {}: a job is writing it just now, or a crash has cut it short; "
                            "nothing was deleted. If no job is writing it, remove the folder",
                            folder, kMetadataName));
  }
  return fail(ErrorCode::kNotFound,
              fmt::format("'{}' is no savepoint or checkpoint: it has no file {}; nothing was deleted", folder,
                          kMetadataName));
}

}  // namespace

Result<> dispose_snapshot(FileSystem& files, const std::string& path) {
  const std::string folder = files.real_path(snapshot_folder_of(path));
  TIDEMARK_ASSIGN(metadata, metadata_of(files, folder));
  TIDEMARK_TRY(refuse_if_claimed(files, folder, ""));
  TIDEMARK_ASSIGN(job_away, keep_job_away(files, folder, metadata));
  TIDEMARK_ASSIGN(claim_lock, lock_claim(files, folder));
  TIDEMARK_TRY(refuse_if_claimed(files, folder, ""));
  return delete_snapshot(files, folder, job_away);
}

std::unique_ptr<FileLock> try_to_keep_job_away(FileSystem& files, const std::string& path) {
  const std::string folder = parent_path(files.real_path(path));
  if (!files.stat(join_path(folder, kCurrentName))) return nullptr;
  auto lock = files.lock(join_path(folder, kLockName));
  return lock ? *std::move(lock) : nullptr;
}

Result<> delete_snapshot(FileSystem& files, const std::string& folder, const std::unique_ptr<FileLock>& job_away) {
  const std::string around = parent_path(files.real_path(folder));
  std::set<std::string> names;
  if (const auto metadata = read_metadata_file(files, folder)) names = shared_files_of(*metadata);
  TIDEMARK_TRY(remove_metadata_file(files, folder));
  if (job_away) {
    TIDEMARK_ASSIGN(all, find_shared_files(files, around, [](const SharedFileName&) { return true; }));
    names.merge(all);
  }
  if (!names.empty()) {
    // Durably before the folder goes, whose claim has a crashed deletion begun again.
    TIDEMARK_TRY(remove_unused_shared_files(files, around, std::move(names)));
    TIDEMARK_TRY(files.sync_directory(join_path(around, kSharedFolderName)));
  }
  TIDEMARK_TRY(delete_snapshot_folder(files, folder));
  return files.sync_directory(around);
}

}  // namespace tidemark

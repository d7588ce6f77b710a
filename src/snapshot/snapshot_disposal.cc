#include "snapshot/snapshot_disposal.h"

#include <fmt/format.h>

#include <algorithm>

#include "snapshot/checkpoint_pointer.h"
#include "snapshot/checkpoint_store.h"
#include "snapshot/metadata.h"
#include "snapshot/snapshot_claim.h"
#include "snapshot/snapshot_folder.h"

namespace tidemark {
namespace {

Result<CheckpointMetadata> metadata_of(FileSystem& files, const std::string& folder) {
  const std::string path = join_path(folder, kMetadataName);
  const auto bytes = read_file(files, path, kLargestMetadata);
  if (!bytes && bytes.error().code() == ErrorCode::kNotFound) {
    return fail(ErrorCode::kNotFound,
                fmt::format("'{}' is no savepoint or checkpoint: it has no file {}; nothing was deleted", folder,
                            kMetadataName));
  }
  if (!bytes) return std::unexpected{bytes.error()};
  return decode_metadata(*bytes, path);
}

Result<> refuse_if_needed(FileSystem& files, const std::string& folder, const CheckpointMetadata& metadata) {
  const std::string jobs_folder = parent_path(files.absolute_path(folder));
  TIDEMARK_ASSIGN(pointer, read_pointer_file(files, jobs_folder));
  if (!pointer) return {};  // a checkpoint that was taken elsewhere
  const bool named = std::ranges::any_of(pointer->checkpoints, [&](const RetainedCheckpoint& c) {
    return c.path.empty() && c.id == metadata.id && c.attempt == metadata.attempt;
  });
  if (named) {
    return fail(ErrorCode::kFailedPrecondition,
                fmt::format("'{}' is a checkpoint that job '{}' keeps: it is deleted when a newer one replaces it. If "
                            "the job is not needed any more, remove the whole folder '{}'",
                            folder, pointer->job, jobs_folder));
  }
  const auto lock = files.lock(join_path(jobs_folder, kLockName));
  if (lock || lock.error().code() != ErrorCode::kFailedPrecondition) return {};
  return fail(ErrorCode::kFailedPrecondition,
              fmt::format("'{}' is a checkpoint of job '{}', which is running: stop the job first", folder, pointer->job));
}

}  // namespace

Result<> dispose_snapshot(FileSystem& files, const std::string& path) {
  const std::string folder = snapshot_folder_of(path);
  TIDEMARK_ASSIGN(metadata, metadata_of(files, folder));
  TIDEMARK_TRY(refuse_if_claimed(files, folder, ""));
  if (!is_savepoint(metadata.kind)) TIDEMARK_TRY(refuse_if_needed(files, folder, metadata));
  TIDEMARK_TRY(delete_snapshot_folder(files, folder));
  return files.sync_directory(parent_path(folder));
}

}  // namespace tidemark

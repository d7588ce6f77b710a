#include "snapshot/job_folder.h"

#include <fmt/format.h>

#include <algorithm>

#include "tidemark/detail/base/probe.h"

namespace tidemark {
namespace {

constexpr std::uint64_t kLargestPointer = 1u << 20;

Result<> refuse_if_kept(const std::string& path, const CheckpointMetadata& checkpoint, const CheckpointPointer& pointer,
                        const std::string& folder) {
  const std::string own_path = join_path(folder, checkpoint_folder_name(checkpoint.id, checkpoint.attempt));
  const bool goes_on_from = pointer.restored && pointer.restored->path == own_path;
  const bool kept = goes_on_from || std::ranges::any_of(pointer.checkpoints, [&](const RetainedCheckpoint& c) {
    return c.path.empty() && c.id == checkpoint.id && c.attempt == checkpoint.attempt;
  });
  if (!kept) return {};
  TIDEMARK_PROBE("job folder: another wants a checkpoint that the job keeps");
  return fail(ErrorCode::kFailedPrecondition,
              fmt::format("'{}' is a checkpoint that job '{}' keeps to go on from: the job deletes it when a newer one "
                          "replaces it. If the job will never run again, remove '{}' first, or the whole folder '{}'",
                          path, pointer.job, join_path(folder, kCurrentName), folder));
}

}  // namespace

std::string checkpoint_folder_name(CheckpointId id, AttemptId attempt) { return fmt::format("chk-{}-{}", id, attempt); }

std::string path_of(const std::string& folder, const RetainedCheckpoint& checkpoint) {
  if (!checkpoint.path.empty()) return checkpoint.path;
  return join_path(folder, checkpoint_folder_name(checkpoint.id, checkpoint.attempt));
}

Result<std::optional<CheckpointPointer>> read_pointer_file(FileSystem& files, const std::string& folder) {
  const std::string path = join_path(folder, kCurrentName);
  const auto bytes = read_file(files, path, kLargestPointer);
  if (!bytes && bytes.error().code() == ErrorCode::kNotFound) return std::nullopt;
  if (!bytes) return std::unexpected{bytes.error()};
  TIDEMARK_ASSIGN(pointer, decode_pointer(*bytes, path));
  return pointer;
}

NewestState newest_state(const std::string& folder, const CheckpointPointer& pointer) {
  using From = NewestState::From;
  // A run that began with another snapshot and completed nothing since then has left no other state than that.
  AttemptId newest = pointer.checkpoints.empty() ? 0 : pointer.checkpoints.back().attempt;
  if (pointer.restored) newest = std::max(newest, pointer.restored->since);
  const auto claimed = std::ranges::max_element(pointer.claims, {}, &ClaimedSnapshot::since);
  if (claimed != pointer.claims.end() && claimed->since > newest) return {From::kClaimed, claimed->path};
  if (pointer.restored && pointer.restored->since == newest) return {From::kRestored, pointer.restored->path};
  if (pointer.checkpoints.empty()) return {};
  return {From::kCheckpoint, path_of(folder, pointer.checkpoints.back())};
}

Result<std::unique_ptr<FileLock>> keep_job_away(FileSystem& files, const std::string& path,
                                                const CheckpointMetadata& checkpoint) {
  if (is_savepoint(checkpoint.kind)) return nullptr;
  const std::string folder = parent_path(files.real_path(path));
  TIDEMARK_ASSIGN(before, read_pointer_file(files, folder));
  if (!before) return nullptr;
  TIDEMARK_TRY(refuse_if_kept(path, checkpoint, *before, folder));
  auto lock = files.lock(join_path(folder, kLockName));
  if (!lock && lock.error().code() == ErrorCode::kFailedPrecondition) {
    return fail(ErrorCode::kFailedPrecondition, fmt::format("'{}' is a checkpoint of job '{}', which is running: stop the "
                                                            "job first",
                                                            path, before->job));
  }
  if (!lock) return std::unexpected{lock.error()};
  TIDEMARK_ASSIGN(now, read_pointer_file(files, folder));
  if (now) TIDEMARK_TRY(refuse_if_kept(path, checkpoint, *now, folder));
  return *std::move(lock);
}

}  // namespace tidemark

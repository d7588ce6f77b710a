#include "snapshot/checkpoint_store.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <utility>

#include "env/crash_point.h"
#include "tidemark/detail/base/check.h"
#include "tidemark/detail/base/planted_bug.h"
#include "tidemark/detail/base/probe.h"

namespace tidemark {
namespace {

constexpr std::string_view kLock = "LOCK";
constexpr std::string_view kCurrent = "CURRENT";
constexpr std::string_view kMetadata = "_metadata";
constexpr std::uint64_t kLargestPointer = 1u << 20;

std::string folder_name(CheckpointId id, AttemptId attempt) { return fmt::format("chk-{}-{}", id, attempt); }

/// Only names that folder_name() makes.
std::optional<std::pair<CheckpointId, AttemptId>> parse_folder_name(std::string_view name) {
  std::pair<CheckpointId, AttemptId> result;
  if (!name.starts_with("chk-")) return std::nullopt;
  const char* end = name.data() + name.size();
  const auto id = std::from_chars(name.data() + 4, end, result.first);
  if (id.ec != std::errc{} || id.ptr == end || *id.ptr != '-') return std::nullopt;
  const auto attempt = std::from_chars(id.ptr + 1, end, result.second);
  if (attempt.ec != std::errc{} || folder_name(result.first, result.second) != name) return std::nullopt;
  return result;
}

bool is_job_name(std::string_view name) {
  const auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
           c == '-';
  };
  return !name.empty() && name.size() <= 128 && name != "." && name != ".." &&
         std::all_of(name.begin(), name.end(), allowed);
}

template <class T>
bool is_absent(const Result<T>& result) {
  return !result && result.error().code() == ErrorCode::kNotFound;
}

bool names(const RetainedCheckpoint& checkpoint, CheckpointId id, AttemptId attempt) {
  return checkpoint.id == id && checkpoint.attempt == attempt;
}

/// The folder that a path of a checkpoint means: the folder itself or the `_metadata` in it.
std::string checkpoint_folder(std::string path) {
  while (path.size() > 1 && path.ends_with('/')) path.pop_back();
  if (path == kMetadata) return ".";
  if (path.ends_with(fmt::format("/{}", kMetadata))) return parent_path(path);
  return path;
}

Result<> check_files(FileSystem& files, const std::string& folder, CheckpointMetadata& metadata) {
  for (CheckpointMetadata::Operator& op : metadata.operators) {
    for (OperatorSnapshot& subtask : op.subtasks) {
      for (SnapshotFile& file : subtask.keyed_files) {
        file.path = join_path(folder, file.path);
        const auto info = files.stat(file.path);
        if (!info && info.error().code() != ErrorCode::kNotFound) return std::unexpected{info.error()};
        if (info && !info->is_directory && info->size == file.size) continue;
        const std::string found =
            !info ? "is missing" : fmt::format("has {} bytes instead of {}", info->size, file.size);
        return fail(
            ErrorCode::kDataLoss,
            fmt::format(
                "snapshot file '{}' of operator '{}' is damaged: it {}; bring back an intact copy of the file or "
                "resume from another checkpoint with --resume=PATH",
                file.path, op.uid, found));
      }
    }
  }
  return {};
}

}  // namespace

Result<CheckpointMetadata> load_checkpoint(FileSystem& files, const std::string& folder) {
  const std::string path = join_path(folder, kMetadata);
  const auto bytes = read_file(files, path, kLargestMetadata);
  if (is_absent(bytes)) {
    return fail(
        ErrorCode::kNotFound,
        fmt::format("there is no complete checkpoint in '{}': it has no file {}; name the folder of another checkpoint",
                    folder, kMetadata));
  }
  if (!bytes) return std::unexpected{bytes.error()};
  TIDEMARK_ASSIGN(metadata, decode_metadata(*bytes, path));
  TIDEMARK_TRY(check_files(files, folder, metadata));
  return metadata;
}

CheckpointStore::CheckpointStore(FileSystem& files, std::string folder, std::string job, std::unique_ptr<FileLock> lock)
    : files_{files}, folder_{std::move(folder)}, job_{std::move(job)}, lock_{std::move(lock)} {}

Result<std::unique_ptr<CheckpointStore>> CheckpointStore::open(FileSystem& files, const std::string& dir,
                                                               const std::string& job, const Resume& resume) {
  if (!is_job_name(job)) {
    return fail(
        ErrorCode::kInvalidArgument,
        fmt::format(
            "'{}' cannot name a job's folder of checkpoints: use 1 to 128 letters, digits, dots, underscores and "
            "hyphens",
            job));
  }
  const std::string folder = join_path(dir, job);
  TIDEMARK_TRY(make_durable_directories(files, folder));
  auto lock = files.lock(join_path(folder, kLock));
  if (!lock) {
    if (lock.error().code() != ErrorCode::kFailedPrecondition) return std::unexpected{lock.error()};
    return std::unexpected{lock.error().within(fmt::format(
        "the checkpoints in '{}' are in use: another process runs this job, or give this one another --checkpoint-dir",
        folder))};
  }
  std::unique_ptr<CheckpointStore> store{new CheckpointStore{files, folder, job, std::move(*lock)}};
  TIDEMARK_TRY(store->find_restorable(resume));
  return store;
}

Result<> CheckpointStore::find_restorable(const Resume& resume) {
  auto pointer = read_pointer();
  if (!pointer) return std::unexpected{offer_any_intact(pointer.error())};
  if (*pointer && (*pointer)->job != job_) {
    return fail(
        ErrorCode::kFailedPrecondition,
        fmt::format("the checkpoints in '{}' belong to job '{}', not to '{}': give the job its old name or another "
                    "--checkpoint-dir",
                    folder_, (*pointer)->job, job_));
  }
  pointer_ = pointer->value_or(CheckpointPointer{job_, 0, {}});
  opened_attempt_ = pointer_.attempt;
  switch (resume.kind) {
    case Resume::Kind::kNone:
      return refuse_if_used(pointer->has_value());
    case Resume::Kind::kLatest:
      return use_latest(pointer->has_value());
    case Resume::Kind::kPath:
      return use_path(checkpoint_folder(resume.path));
  }
  return {};
}

Result<> CheckpointStore::refuse_if_used(bool has_pointer) const {
  TIDEMARK_ASSIGN(found, checkpoint_folders());
  if (!has_pointer && found.empty()) return {};
  const std::string holds = pointer_.checkpoints.empty()
                                ? std::string{"an earlier run used it, though none of its checkpoints completed"}
                                : fmt::format("its newest checkpoint is {}", newest_path());
  return fail(
      ErrorCode::kFailedPrecondition,
      fmt::format("the checkpoint folder '{}' is in use: {}; continue with --resume, or start anew with another "
                  "--checkpoint-dir or after removing that folder",
                  folder_, holds));
}

Result<> CheckpointStore::use_latest(bool has_pointer) {
  if (pointer_.checkpoints.empty()) {
    if (has_pointer) {
      TIDEMARK_PROBE("store: resumes before any checkpoint was complete");
      return {};
    }
    const std::string intact = newest_intact_folder();
    if (intact.empty()) return {};
    TIDEMARK_PROBE("store: the pointer is missing beside checkpoints");
    return fail(
        ErrorCode::kDataLoss,
        fmt::format("'{}' is missing, though checkpoints lie beside it: put it back, or name one of them: --resume={}",
                    join_path(folder_, kCurrent), intact));
  }
  if (auto loaded = load_checkpoint(files_, newest_path()); !loaded) {
    TIDEMARK_PROBE("store: the newest checkpoint can't be read");
    return std::unexpected{offer_older(loaded.error())};
  }
  TIDEMARK_PROBE("store: resumes from the newest checkpoint");
  return {};
}

Result<> CheckpointStore::use_path(const std::string& path) {
  const auto loaded = load_checkpoint(files_, path);
  if (!loaded) {
    if (files_.stat(join_path(path, kCurrent))) {
      return fail(
          ErrorCode::kInvalidArgument,
          fmt::format("'{}' holds the checkpoints of a job: name one of its folders chk-ID-ATTEMPT with --resume=PATH",
                      path));
    }
    return std::unexpected{offer_older(loaded.error())};
  }
  if (loaded->job != job_) {
    return fail(ErrorCode::kFailedPrecondition,
                fmt::format("the checkpoint in '{}' belongs to job '{}', not to '{}': name one of this job", path,
                            loaded->job, job_));
  }
  TIDEMARK_PROBE("store: resumes from a checkpoint named by its path");
  explicit_ = Explicit{path, loaded->id, loaded->attempt};
  return {};
}

Result<std::optional<CheckpointPointer>> CheckpointStore::read_pointer() const {
  const std::string path = join_path(folder_, kCurrent);
  const auto bytes = read_file(files_, path, kLargestPointer);
  if (is_absent(bytes)) return std::nullopt;
  if (!bytes) return std::unexpected{bytes.error()};
  TIDEMARK_ASSIGN(pointer, decode_pointer(*bytes, path));
  return pointer;
}

Result<CheckpointPointer> CheckpointStore::read_own_pointer(AttemptId attempt) const {
  TIDEMARK_ASSIGN(pointer, read_pointer());
  if (!pointer || pointer->attempt != attempt) {
    TIDEMARK_PROBE("store: another attempt has taken over");
    return fail(ErrorCode::kFailedPrecondition,
                fmt::format("attempt {} may no longer write checkpoints in '{}': {}", attempt, folder_,
                            pointer ? fmt::format("attempt {} has taken over", pointer->attempt)
                                    : fmt::format("its file {} was removed", kCurrent)));
  }
  return *std::move(pointer);
}

Result<> CheckpointStore::write_pointer(const CheckpointPointer& pointer) {
  TIDEMARK_TRY(replace_file(files_, join_path(folder_, kCurrent), encode_pointer(pointer)));
  adopt(pointer);
  return {};
}

void CheckpointStore::adopt(CheckpointPointer pointer) {
  pointer_ = std::move(pointer);
  if (!explicit_ || pointer_.checkpoints.empty() || pointer_.checkpoints.back().attempt <= opened_attempt_) return;
  TIDEMARK_PROBE("store: a newer checkpoint replaces the one named by its path");
  explicit_.reset();
}

Result<AttemptId> CheckpointStore::begin_attempt() {
  const std::lock_guard guard{mutex_};
  TIDEMARK_ASSIGN(found, checkpoint_folders());
  TIDEMARK_ASSIGN(current, read_pointer());
  const AttemptId in_file = current ? current->attempt : 0;
  // A write that failed before may have reached the file: then that attempt is this store's, too.
  if (in_file == tried_attempt_) {
    if (in_file != pointer_.attempt) TIDEMARK_PROBE("store: an attempt's number was written though writing it failed");
    pointer_.attempt = in_file;
  }
  if (in_file != pointer_.attempt) TIDEMARK_TRY(read_own_pointer(pointer_.attempt));

  CheckpointPointer next = current.value_or(pointer_);
  for (const CheckpointName& name : found) next.attempt = std::max(next.attempt, name.attempt);
  if (explicit_) next.attempt = std::max(next.attempt, explicit_->attempt);
  ++next.attempt;
  tried_attempt_ = next.attempt;
  // A crash after an earlier make_directories() may have left the folder's own name not durable.
  TIDEMARK_TRY(files_.sync_directory(parent_path(folder_)));
  TIDEMARK_TRY(write_pointer(next));
  attempt_ = next.attempt;
  return attempt_;
}

AttemptId CheckpointStore::attempt() const {
  const std::lock_guard guard{mutex_};
  return attempt_;
}

Result<std::optional<CheckpointMetadata>> CheckpointStore::restorable() {
  {
    const std::lock_guard guard{mutex_};
    TIDEMARK_ASSIGN(current, read_pointer());
    if (current && current->attempt == pointer_.attempt) adopt(*std::move(current));
  }
  const std::string path = restorable_path();
  if (path.empty()) return std::nullopt;
  auto loaded = load_checkpoint(files_, path);
  if (!loaded) return std::unexpected{offer_older(loaded.error())};
  return *std::move(loaded);
}

std::string CheckpointStore::restorable_path() const {
  const std::lock_guard guard{mutex_};
  return explicit_ ? explicit_->path : newest_path();
}

Error CheckpointStore::offer_older(const Error& error) const {
  std::vector<RetainedCheckpoint> candidates;
  {
    const std::lock_guard guard{mutex_};
    candidates = pointer_.checkpoints;
    if (explicit_) {
      std::erase_if(candidates, [&](const auto& c) { return names(c, explicit_->id, explicit_->attempt); });
    } else if (!candidates.empty()) {
      candidates.pop_back();
    }
  }
  for (auto candidate = candidates.rbegin(); candidate != candidates.rend(); ++candidate) {
    const std::string path = path_of(candidate->id, candidate->attempt);
    if (load_checkpoint(files_, path)) {
      TIDEMARK_PROBE("store: offers an older checkpoint");
      return offer(error, path);
    }
  }
  return error;
}

Error CheckpointStore::offer_any_intact(const Error& error) const {
  const std::string path = newest_intact_folder();
  return path.empty() ? error : offer(error, path);
}

Error CheckpointStore::offer(const Error& error, const std::string& path) {
  return Error{error.code(), error.domain(), error.retry(),
               fmt::format("{}; this one looks intact: --resume={}", error.message(), path)};
}

CheckpointId CheckpointStore::next_checkpoint_id() const {
  const std::lock_guard guard{mutex_};
  CheckpointId largest = explicit_ ? explicit_->id : 0;
  for (const RetainedCheckpoint& checkpoint : pointer_.checkpoints) largest = std::max(largest, checkpoint.id);
  return largest + 1;
}

std::vector<RetainedCheckpoint> CheckpointStore::retained() const {
  const std::lock_guard guard{mutex_};
  return pointer_.checkpoints;
}

std::string CheckpointStore::path_of(CheckpointId id, AttemptId attempt) const {
  return join_path(folder_, folder_name(id, attempt));
}

std::string CheckpointStore::newest_path() const {
  if (pointer_.checkpoints.empty()) return {};
  return path_of(pointer_.checkpoints.back().id, pointer_.checkpoints.back().attempt);
}

Result<std::vector<CheckpointStore::CheckpointName>> CheckpointStore::checkpoint_folders() const {
  TIDEMARK_ASSIGN(entries, files_.list(folder_));
  std::vector<CheckpointName> result;
  for (const DirectoryEntry& entry : entries) {
    if (!entry.is_directory) continue;
    if (const auto name = parse_folder_name(entry.name)) result.push_back({name->first, name->second});
  }
  return result;
}

std::string CheckpointStore::newest_intact_folder() const {
  auto found = checkpoint_folders();
  if (!found) return {};
  std::sort(found->begin(), found->end(), [](const CheckpointName& a, const CheckpointName& b) {
    return std::pair{a.attempt, a.id} > std::pair{b.attempt, b.id};
  });
  for (const CheckpointName& name : *found) {
    const std::string path = path_of(name.id, name.attempt);
    if (load_checkpoint(files_, path)) return path;
  }
  return {};
}

std::string CheckpointStore::checkpoint_path(CheckpointId id) const { return path_of(id, attempt()); }

Result<> CheckpointStore::prepare(CheckpointId id) {
  TIDEMARK_CHECK(attempt() != 0, "an attempt begins before its checkpoints");
  return files_.make_directories(checkpoint_path(id));
}

Result<> CheckpointStore::complete(const CheckpointMetadata& metadata, const std::vector<RetainedCheckpoint>& drop) {
  CompleteCheckpoint work{*this, metadata, drop};
  while (true) {
    TIDEMARK_ASSIGN(progress, work.step());
    if (progress == Progress::kDone) return {};
  }
}

Result<> CheckpointStore::write_metadata(const CheckpointMetadata& metadata) {
  TIDEMARK_CHECK(metadata.job == job_, "a store completes the checkpoints of its job");
  TIDEMARK_ASSIGN(bytes, encode_metadata(metadata));
  const std::string folder = path_of(metadata.id, metadata.attempt);
  const std::string temporary = join_path(folder, fmt::format("{}.tmp", kMetadata));
  TIDEMARK_ASSIGN(file, files_.create(temporary, CreateMode::kTruncate));
  TIDEMARK_TRY(file->append(bytes));
  TIDEMARK_TRY(file->sync());
  TIDEMARK_TRY(file->close());
  crash_point(CrashPoint::kMetadataWritten);
  TIDEMARK_TRY(files_.rename(temporary, join_path(folder, kMetadata)));
  TIDEMARK_TRY(files_.sync_directory(folder));
  crash_point(CrashPoint::kMetadataDurable);
  return {};
}

Result<> CheckpointStore::move_pointer(const CheckpointMetadata& metadata,
                                       const std::vector<RetainedCheckpoint>& drop) {
  const std::lock_guard guard{mutex_};
  // The file, not what is remembered: an earlier move that failed may have taken place.
  TIDEMARK_ASSIGN(pointer, read_own_pointer(metadata.attempt));
  const auto leaves = [&](const RetainedCheckpoint& checkpoint) {
    return names(checkpoint, metadata.id, metadata.attempt) ||
           std::any_of(drop.begin(), drop.end(), [&](const auto& d) { return names(checkpoint, d.id, d.attempt); });
  };
  if (std::erase_if(pointer.checkpoints, leaves) > 0) TIDEMARK_PROBE("store: the pointer moves away from an old checkpoint");
  pointer.checkpoints.push_back({metadata.id, metadata.attempt, metadata.kind});
  TIDEMARK_TRY(write_pointer(pointer));
  crash_point(CrashPoint::kPointerMoved);
  return {};
}

Result<bool> CheckpointStore::is_complete(CheckpointId id) const {
  const std::lock_guard guard{mutex_};
  TIDEMARK_ASSIGN(pointer, read_own_pointer(attempt_));
  return std::any_of(pointer.checkpoints.begin(), pointer.checkpoints.end(),
                     [&](const auto& c) { return names(c, id, attempt_); });
}

Result<> CheckpointStore::remove(CheckpointId id, AttemptId attempt) {
  {
    const std::lock_guard guard{mutex_};
    TIDEMARK_ASSIGN(pointer, read_own_pointer(attempt_));
    const bool newest = !pointer.checkpoints.empty() && names(pointer.checkpoints.back(), id, attempt) &&
                        !detail::planted(detail::PlantedBug::kDeleteBeforeNewOneStands);
    if (newest || (explicit_ && explicit_->id == id && explicit_->attempt == attempt)) {
      TIDEMARK_PROBE("store: the checkpoint to restore from stays");
      return fail(ErrorCode::kFailedPrecondition,
                  fmt::format("checkpoint '{}' stays: it is the one from which the job would be restored",
                              path_of(id, attempt)));
    }
    if (std::erase_if(pointer.checkpoints, [&](const auto& c) { return names(c, id, attempt); }) > 0) {
      TIDEMARK_PROBE("store: the pointer drops a checkpoint that is deleted");
      TIDEMARK_TRY(write_pointer(pointer));
    }
  }
  return delete_checkpoint_folder(path_of(id, attempt));
}

Result<> CheckpointStore::discard(CheckpointId id) {
  std::string path;
  {
    const std::lock_guard guard{mutex_};
    TIDEMARK_ASSIGN(pointer, read_own_pointer(attempt_));
    const auto& kept = pointer.checkpoints;
    if (std::any_of(kept.begin(), kept.end(), [&](const auto& c) { return names(c, id, attempt_); })) {
      TIDEMARK_PROBE("store: what should be discarded is complete");
      return {};
    }
    TIDEMARK_PROBE("store: an unfinished checkpoint is discarded");
    path = path_of(id, attempt_);
  }
  return delete_checkpoint_folder(path);
}

Result<> CheckpointStore::delete_checkpoint_folder(const std::string& path) {
  const auto metadata = files_.remove(join_path(path, kMetadata));
  if (!metadata && !is_absent(metadata)) return metadata;
  if (!metadata) {
    TIDEMARK_PROBE("store: a folder without metadata is removed");
    return remove_tree(files_, path);
  }
  TIDEMARK_TRY(files_.sync_directory(path));
  crash_point(CrashPoint::kOldMetadataRemoved);
  TIDEMARK_TRY(remove_tree(files_, path));
  crash_point(CrashPoint::kOldCheckpointRemoved);
  return {};
}

Result<std::uint32_t> CheckpointStore::remove_orphans() {
  std::vector<CheckpointName> orphans;
  {
    const std::lock_guard guard{mutex_};
    TIDEMARK_ASSIGN(pointer, read_own_pointer(attempt_));
    TIDEMARK_ASSIGN(found, checkpoint_folders());
    const auto stays = [&](const CheckpointName& name) {
      return name.attempt >= attempt_ ||
             (explicit_ && explicit_->id == name.id && explicit_->attempt == name.attempt) ||
             std::any_of(pointer.checkpoints.begin(), pointer.checkpoints.end(),
                         [&](const auto& c) { return names(c, name.id, name.attempt); });
    };
    std::erase_if(found, stays);
    orphans = std::move(found);
  }
  if (!orphans.empty()) TIDEMARK_PROBE("store: orphans of earlier attempts are removed");
  for (const CheckpointName& name : orphans) TIDEMARK_TRY(delete_checkpoint_folder(path_of(name.id, name.attempt)));
  return static_cast<std::uint32_t>(orphans.size());
}

Result<Progress> CompleteCheckpoint::step() {
  switch (stage_) {
    case Stage::kWriteMetadata:
      TIDEMARK_TRY(store_.write_metadata(metadata_));
      stage_ = Stage::kSyncFolder;
      return Progress::kMadeProgress;
    case Stage::kSyncFolder:
      TIDEMARK_TRY(store_.files_.sync_directory(store_.folder_));
      stage_ = Stage::kMovePointer;
      return Progress::kMadeProgress;
    case Stage::kMovePointer:
      TIDEMARK_TRY(store_.move_pointer(metadata_, drop_));
      return Progress::kDone;
  }
  return Progress::kDone;
}

}  // namespace tidemark

#include "snapshot/checkpoint_store.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <utility>

#include "base/log.h"
#include "codec/utf8.h"
#include "env/crash_point.h"
#include "snapshot/shared_files.h"
#include "snapshot/snapshot_claim.h"
#include "snapshot/snapshot_disposal.h"
#include "snapshot/snapshot_folder.h"
#include "tidemark/detail/base/check.h"
#include "tidemark/detail/base/planted_bug.h"
#include "tidemark/detail/base/probe.h"

namespace tidemark {
namespace {

/// Only names that checkpoint_folder_name() makes.
std::optional<std::pair<CheckpointId, AttemptId>> parse_folder_name(std::string_view name) {
  std::pair<CheckpointId, AttemptId> result;
  if (!name.starts_with("chk-")) return std::nullopt;
  const char* end = name.data() + name.size();
  const auto id = std::from_chars(name.data() + 4, end, result.first);
  if (id.ec != std::errc{} || id.ptr == end || *id.ptr != '-') return std::nullopt;
  const auto attempt = std::from_chars(id.ptr + 1, end, result.second);
  if (attempt.ec != std::errc{} || checkpoint_folder_name(result.first, result.second) != name) return std::nullopt;
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

bool leads_out(std::string_view path) {
  if (path.starts_with('/')) return true;
  for (std::size_t begin = 0; begin <= path.size();) {
    const std::size_t end = std::min(path.find('/', begin), path.size());
    if (path.substr(begin, end - begin) == "..") return true;
    begin = end + 1;
  }
  return false;
}

/// Such as the FileSystem opens. A snapshot's files lie in its folder or in `shared/` beside it, nowhere else.
Result<std::string> resolve(FileSystem& files, const std::string& folder, const std::string& path) {
  if (const auto name = shared_name_of(path)) {
    return join_path(join_path(parent_path(files.real_path(folder)), kSharedFolderName), *name);
  }
  if (!leads_out(path)) return join_path(folder, path);
  return fail(ErrorCode::kDataLoss,
              fmt::format("'{}' is damaged: it names a file '{}' that lies neither in its folder nor in '{}' beside it; "
                          "bring back an intact copy or resume from another checkpoint with --resume=PATH",
                          join_path(folder, kMetadataName), path, kSharedFolderName));
}

Result<> check_file(FileSystem& files, const std::string& folder, const std::string& uid, SnapshotFile& file) {
  TIDEMARK_ASSIGN(path, resolve(files, folder, file.path));
  file.path = std::move(path);
  const auto info = files.stat(file.path);
  if (!info && info.error().code() != ErrorCode::kNotFound) return std::unexpected{info.error()};
  if (info && !info->is_directory && info->size == file.size) return {};
  const std::string found = !info ? "is missing" : fmt::format("has {} bytes instead of {}", info->size, file.size);
  return fail(ErrorCode::kDataLoss,
              fmt::format("snapshot file '{}' of operator '{}' is damaged: it {}; bring back an intact copy of the file or "
                          "resume from another checkpoint with --resume=PATH",
                          file.path, uid, found));
}

Result<> check_files(FileSystem& files, const std::string& folder, CheckpointMetadata& metadata) {
  for (CheckpointMetadata::Operator& op : metadata.operators) {
    for (OperatorSnapshot& subtask : op.subtasks) {
      for (SnapshotFile& file : subtask.keyed_files) TIDEMARK_TRY(check_file(files, folder, op.uid, file));
      for (StoreFile& file : subtask.store.files) TIDEMARK_TRY(check_file(files, folder, op.uid, file.file));
    }
  }
  return {};
}

}  // namespace

Result<CheckpointMetadata> load_checkpoint(FileSystem& files, const std::string& folder) {
  auto metadata = read_metadata_file(files, folder);
  if (is_absent(metadata)) {
    return fail(
        ErrorCode::kNotFound,
        fmt::format("there is no complete checkpoint in '{}': it has no file {}; name the folder of another checkpoint",
                    folder, kMetadataName));
  }
  if (!metadata) return metadata;
  TIDEMARK_TRY(check_files(files, folder, *metadata));
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
  auto lock = files.lock(join_path(folder, kLockName));
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
  pointer_ = pointer->value_or(CheckpointPointer{.job = job_, .is_unused = true});
  opened_ = pointer_;
  switch (resume.kind) {
    case Resume::Kind::kNone:
      return refuse_if_used();
    case Resume::Kind::kLatest:
      return use_latest(pointer->has_value());
    case Resume::Kind::kPath:
      TIDEMARK_TRY(use_path(snapshot_folder_of(resume.path), resume.claim));
      warn_of_newer_state();
      return {};
  }
  return {};
}

// A supervisor that says the PATH at each start would have the job go back there each time.
void CheckpointStore::warn_of_newer_state() const {
  const NewestState newest = newest_state(folder_, pointer_);
  if (newest.from != NewestState::From::kCheckpoint || pointer_.checkpoints.back().id <= explicit_->id) return;
  log_warning(fmt::format("the job goes back to checkpoint {} in '{}', though '{}' is newer: --resume without a path goes on from "
                          "the newest",
                          explicit_->id, explicit_->path, newest.path));
}

Result<> CheckpointStore::refuse_if_used() const {
  TIDEMARK_ASSIGN(found, checkpoint_folders());
  if (pointer_.is_unused && found.empty()) return {};
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
  const NewestState newest = newest_state(folder_, pointer_);
  if (newest.from == NewestState::From::kClaimed) return use_path(newest.path, 0);
  if (newest.from == NewestState::From::kRestored) return use_restored();
  if (newest.from == NewestState::From::kNothing) {
    if (has_pointer && !pointer_.is_unused) {
      TIDEMARK_PROBE("store: resumes before any checkpoint was complete");
      return {};
    }
    const std::string intact = newest_intact_folder();
    if (intact.empty()) return {};
    TIDEMARK_PROBE("store: the pointer is missing beside checkpoints");
    return fail(
        ErrorCode::kDataLoss,
        fmt::format("'{}' is missing, though checkpoints lie beside it: put it back, or name one of them: --resume={}",
                    join_path(folder_, kCurrentName), intact));
  }
  if (auto loaded = load_checkpoint(files_, newest_path()); !loaded) {
    const RetainedCheckpoint& lost = pointer_.checkpoints.back();
    if (!lost.path.empty() && loaded.error().code() == ErrorCode::kNotFound) {
      return fail(ErrorCode::kNotFound,
                  fmt::format("the job stopped with the savepoint '{}', and there is none any more: if it was moved, "
                              "name its new place with --resume=PATH",
                              lost.path));
    }
    TIDEMARK_PROBE("store: the newest checkpoint can't be read");
    return std::unexpected{offer_older(loaded.error())};
  }
  TIDEMARK_TRY(refuse_if_claimed(files_, newest_path(), own_token(newest_path())));
  TIDEMARK_PROBE("store: resumes from the newest checkpoint");
  return {};
}

Result<> CheckpointStore::use_restored() {
  TIDEMARK_PROBE("store: resumes from what a run restored that completed nothing");
  const std::string path = pointer_.restored->path;
  if (auto used = use_path(path, std::nullopt); !used) {
    return std::unexpected{used.error().within(
        fmt::format("the job has completed no checkpoint since it resumed from '{}', so that is its state: if it was moved, name "
                    "its new place with --resume=PATH",
                    path))};
  }
  return {};
}

namespace {

// What CURRENT can name.
bool is_nameable(FileSystem& files, const std::string& path) {
  return find_invalid_utf8(files.real_path(path)) == std::string_view::npos;
}

Result<> refuse_if_unclaimable(FileSystem& files, const std::string& path, const CheckpointMetadata& checkpoint) {
  if (!is_nameable(files, path)) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("'{}' can't be claimed: its name is no UTF-8, so CURRENT can't name it; rename the folder, or "
                            "resume without claiming it",
                            path));
  }
  TIDEMARK_ASSIGN(away, keep_job_away(files, path, checkpoint));
  return {};
}

}  // namespace

Result<> CheckpointStore::use_path(const std::string& path, std::optional<std::uint64_t> claim) {
  const auto loaded = load_checkpoint(files_, path);
  if (!loaded) {
    if (files_.stat(join_path(path, kCurrentName))) {
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
  if (lies_in_own_folder(path)) claim.reset();  // the job's already
  std::string token = own_token(path);
  TIDEMARK_TRY(refuse_if_claimed(files_, path, token));
  if (claim && token.empty()) {
    TIDEMARK_TRY(refuse_if_unclaimable(files_, path, *loaded));
    token = fmt::format("{:016x}", *claim);
  }
  if (!claim) token.clear();
  TIDEMARK_PROBE("store: resumes from a checkpoint named by its path");
  explicit_ = Explicit{path, loaded->id, loaded->attempt, std::move(token)};
  return {};
}

// By what lies beside it: names may lead to one folder by several ways.
bool CheckpointStore::lies_in_own_folder(const std::string& path) const {
  const auto beside = read_pointer_file(files_, parent_path(files_.real_path(path)));
  return beside && *beside == pointer_;
}

bool CheckpointStore::is_same(const std::string& path, const ClaimedSnapshot& claimed) const {
  return files_.real_path(path) == files_.real_path(claimed.path);
}

// Of an earlier run, too.
std::string CheckpointStore::own_token(const std::string& path) const {
  const auto claimed = std::ranges::find_if(pointer_.claims, [&](const auto& c) { return is_same(path, c); });
  return claimed == pointer_.claims.end() ? std::string{} : claimed->token;
}

// Until the claim is written: nobody else claims it or deletes it, and the job in whose folder it lies doesn't start.
Result<CheckpointStore::Locks> CheckpointStore::lock_to_claim(const Explicit& wanted) const {
  Locks locks;
  TIDEMARK_ASSIGN(claim_lock, lock_claim(files_, wanted.path));
  locks.push_back(std::move(claim_lock));
  if (!detail::planted(detail::PlantedBug::kSecondClaimAccepted)) {
    TIDEMARK_TRY(refuse_if_claimed(files_, wanted.path, wanted.token));
  }
  TIDEMARK_ASSIGN(claim, read_claim(files_, wanted.path));
  if (claim) return locks;  // ours already
  TIDEMARK_ASSIGN(checkpoint, load_checkpoint(files_, wanted.path));
  TIDEMARK_ASSIGN(job_lock, keep_job_away(files_, wanted.path, checkpoint));
  locks.push_back(std::move(job_lock));
  return locks;
}

// An earlier run claimed what this one only restores. `_claim` goes before `next`, which knows no more than that the job goes on
// from there, is written.
Result<> CheckpointStore::give_up_claim(const Explicit& restored, CheckpointPointer& next) {
  const auto claimed = std::ranges::find_if(next.claims, [&](const auto& c) { return is_same(restored.path, c); });
  if (claimed == next.claims.end()) return {};
  TIDEMARK_ASSIGN(locked, lock_claim(files_, restored.path));
  TIDEMARK_ASSIGN(claim, read_claim(files_, restored.path));
  if (claim && claim->token == claimed->token) TIDEMARK_TRY(remove_claim(files_, restored.path));
  log_info(fmt::format("'{}', which an earlier run of the job had claimed, is the job's no more: this one does not claim it",
                       restored.path));
  AttemptId newest = next.checkpoints.empty() ? 0 : next.checkpoints.back().attempt;
  if (next.restored) newest = std::max(newest, next.restored->since);
  if (claimed->since > newest) next.restored = RestoredSnapshot{claimed->path, claimed->since};
  next.claims.erase(claimed);
  return {};
}

Result<std::optional<CheckpointPointer>> CheckpointStore::read_pointer() const {
  return read_pointer_file(files_, folder_);
}

Result<CheckpointPointer> CheckpointStore::read_own_pointer(AttemptId attempt) const {
  TIDEMARK_ASSIGN(pointer, read_pointer());
  if (!pointer || pointer->attempt != attempt) {
    TIDEMARK_PROBE("store: another attempt has taken over");
    return fail(ErrorCode::kFailedPrecondition,
                fmt::format("attempt {} may no longer write checkpoints in '{}': {}", attempt, folder_,
                            pointer ? fmt::format("attempt {} has taken over", pointer->attempt)
                                    : fmt::format("its file {} was removed", kCurrentName)));
  }
  return *std::move(pointer);
}

Result<> CheckpointStore::write_pointer(const CheckpointPointer& pointer) {
  TIDEMARK_TRY(replace_file(files_, join_path(folder_, kCurrentName), encode_pointer(pointer)));
  adopt(pointer);
  return {};
}

void CheckpointStore::adopt(CheckpointPointer pointer) {
  pointer_ = std::move(pointer);
  if (!explicit_ || pointer_.checkpoints.empty() || pointer_.checkpoints.back().attempt <= opened_.attempt) return;
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
  next.is_unused = false;
  for (const CheckpointName& name : found) next.attempt = std::max(next.attempt, name.attempt);
  if (explicit_) next.attempt = std::max(next.attempt, explicit_->attempt);
  ++next.attempt;
  Locks locks;
  std::optional<Explicit> claimed;
  if (explicit_ && !explicit_->token.empty()) {
    TIDEMARK_ASSIGN(locked, lock_to_claim(*explicit_));
    locks = std::move(locked);
    claimed = explicit_;
    // Before the claim itself, so that none stands in the world of which its owner doesn't know.
    std::erase_if(next.claims, [&](const ClaimedSnapshot& c) { return is_same(claimed->path, c); });
    next.claims.push_back({files_.real_path(claimed->path), claimed->token, next.attempt});
  } else if (explicit_) {
    TIDEMARK_TRY(give_up_claim(*explicit_, next));
  }
  tried_attempt_ = next.attempt;
  // A crash after an earlier make_directories() may have left the folder's own name not durable.
  TIDEMARK_TRY(files_.sync_directory(parent_path(folder_)));
  TIDEMARK_TRY(write_pointer(next));
  attempt_ = next.attempt;
  if (claimed) {
    TIDEMARK_TRY(write_claim(files_, claimed->path, {job_, files_.absolute_path(folder_), claimed->token}));
  }
  return attempt_;
}

Result<> CheckpointStore::withdraw() {
  const std::lock_guard guard{mutex_};
  if (attempt_ == 0) return {};
  TIDEMARK_ASSIGN(pointer, read_own_pointer(attempt_));
  CheckpointPointer next = pointer;
  next.is_unused = opened_.is_unused;
  if (explicit_ && !explicit_->token.empty()) TIDEMARK_TRY(withdraw_claim(*explicit_, next));
  explicit_.reset();  // without it named again nobody goes on from there
  if (next == pointer) return {};
  TIDEMARK_PROBE("store: a start that was refused is taken back");
  return write_pointer(next);
}

// `_claim` goes before `next`, which knows of it no more, is written; an earlier run's stays.
Result<> CheckpointStore::withdraw_claim(const Explicit& claimed, CheckpointPointer& next) {
  std::erase_if(next.claims, [&](const ClaimedSnapshot& c) { return is_same(claimed.path, c); });
  const auto before = std::ranges::find_if(opened_.claims, [&](const auto& c) { return is_same(claimed.path, c); });
  if (before != opened_.claims.end()) {
    next.claims.push_back(*before);
    return {};
  }
  const auto locked = lock_claim(files_, claimed.path);
  if (is_absent(locked)) return {};
  if (!locked) return std::unexpected{locked.error()};
  TIDEMARK_ASSIGN(claim, read_claim(files_, claimed.path));
  if (claim && claim->token == claimed.token) return remove_claim(files_, claimed.path);
  return {};
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
    const std::string path = tidemark::path_of(folder_, *candidate);
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
  return join_path(folder_, checkpoint_folder_name(id, attempt));
}

std::string CheckpointStore::newest_path() const {
  return pointer_.checkpoints.empty() ? std::string{} : tidemark::path_of(folder_, pointer_.checkpoints.back());
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

std::string CheckpointStore::shared_folder() const { return join_path(files_.real_path(folder_), kSharedFolderName); }

Result<> CheckpointStore::prepare_shared_folder() { return make_durable_directories(files_, shared_folder()); }

Result<std::string> CheckpointStore::prepare_savepoint(const std::string& dir, std::uint64_t random) {
  TIDEMARK_CHECK(attempt() != 0, "an attempt begins before its savepoints");
  return make_savepoint_folder(files_, dir, job_, random);
}

Result<> CheckpointStore::complete(const CheckpointMetadata& metadata, const std::vector<RetainedCheckpoint>& drop) {
  CompleteCheckpoint work{*this, metadata, drop};
  while (true) {
    TIDEMARK_ASSIGN(progress, work.step());
    if (progress == Progress::kDone) return {};
  }
}

Result<> CheckpointStore::move_pointer(const CheckpointMetadata& metadata, const std::string& savepoint_folder,
                                       const std::vector<RetainedCheckpoint>& drop) {
  const std::lock_guard guard{mutex_};
  // The file, not what is remembered: an earlier move that failed may have taken place.
  TIDEMARK_ASSIGN(pointer, read_own_pointer(metadata.attempt));
  const auto leaves = [&](const RetainedCheckpoint& checkpoint) {
    return names(checkpoint, metadata.id, metadata.attempt) ||
           std::any_of(drop.begin(), drop.end(), [&](const auto& d) { return names(checkpoint, d.id, d.attempt); });
  };
  if (std::erase_if(pointer.checkpoints, leaves) > 0) TIDEMARK_PROBE("store: the pointer moves away from an old checkpoint");
  pointer.checkpoints.push_back({metadata.id, metadata.attempt, metadata.kind, savepoint_folder});
  pointer.restored.reset();
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
  SharedFileName written;
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
    written = {attempt_, id};
  }
  TIDEMARK_TRY(delete_checkpoint_folder(path));
  TIDEMARK_ASSIGN(names, find_shared_files(files_, folder_, [&](const SharedFileName& name) {
                    return name.attempt == written.attempt && name.checkpoint == written.checkpoint;
                  }));
  return remove_unused_shared_files(files_, folder_, std::move(names));
}

Result<> CheckpointStore::discard_savepoint(const std::string& folder) {
  {
    const std::lock_guard guard{mutex_};
    TIDEMARK_ASSIGN(pointer, read_own_pointer(attempt_));
    if (std::ranges::find(pointer.checkpoints, folder, &RetainedCheckpoint::path) != pointer.checkpoints.end()) {
      TIDEMARK_PROBE("store: the savepoint that should be discarded is complete");
      return {};
    }
  }
  TIDEMARK_PROBE("store: an unfinished savepoint is discarded");
  return delete_snapshot_folder(files_, folder);
}

namespace {

bool is_replaced(const CheckpointPointer& pointer, const ClaimedSnapshot& claimed, std::size_t num_retained) {
  // A savepoint with which the job stopped may be both; it stays as long as it is one of the retained.
  if (std::ranges::count(pointer.checkpoints, claimed.path, &RetainedCheckpoint::path) > 0) return false;
  const auto newer = std::ranges::count_if(pointer.checkpoints,
                                           [&](const RetainedCheckpoint& c) { return c.attempt >= claimed.since; });
  return static_cast<std::size_t>(newer) >= std::max<std::size_t>(num_retained, 1);
}

// Durable before anything else of a snapshot goes, so that nothing is left of it to restore.
bool is_deletion_begun(FileSystem& files, const CheckpointPointer& pointer, const ClaimedSnapshot& claimed) {
  return is_replaced(pointer, claimed, 1) && is_absent(files.stat(join_path(claimed.path, kMetadataName)));
}

// What another has claimed meanwhile, or was never ours because the claim itself failed, is left alone; not so what is
// left of it after a deletion that a crash cut short.
Result<bool> may_delete(FileSystem& files, const ClaimedSnapshot& claimed) {
  TIDEMARK_ASSIGN(claim, read_claim(files, claimed.path));
  if (claim) return claim->token == claimed.token;
  return is_absent(files.stat(join_path(claimed.path, kMetadataName)));
}

Result<> delete_claimed(FileSystem& files, const ClaimedSnapshot& claimed) {
  TIDEMARK_ASSIGN(ours, may_delete(files, claimed));
  if (!ours) {
    TIDEMARK_PROBE("store: what was claimed is not ours");
    return {};
  }
  const auto locked = lock_claim(files, claimed.path);
  if (is_absent(locked)) return {};
  if (!locked) return std::unexpected{locked.error()};
  TIDEMARK_ASSIGN(still_ours, may_delete(files, claimed));
  if (!still_ours) return {};
  TIDEMARK_PROBE("store: a claimed snapshot is deleted");
  return delete_snapshot(files, claimed.path, try_to_keep_job_away(files, claimed.path));
}

}  // namespace

bool CheckpointStore::has_replaced_claims(std::size_t num_retained) const {
  const std::lock_guard guard{mutex_};
  return std::ranges::any_of(pointer_.claims,
                             [&](const ClaimedSnapshot& c) { return is_replaced(pointer_, c, num_retained); });
}

Result<> CheckpointStore::remove_claimed(std::size_t num_retained) {
  std::vector<ClaimedSnapshot> replaced;
  {
    const std::lock_guard guard{mutex_};
    TIDEMARK_ASSIGN(pointer, read_own_pointer(attempt_));
    std::ranges::copy_if(pointer.claims, std::back_inserter(replaced), [&](const ClaimedSnapshot& c) {
      return is_replaced(pointer, c, num_retained) || is_deletion_begun(files_, pointer, c);
    });
  }
  for (const ClaimedSnapshot& claimed : replaced) TIDEMARK_TRY(delete_claimed(files_, claimed));
  const std::lock_guard guard{mutex_};
  TIDEMARK_ASSIGN(pointer, read_own_pointer(attempt_));
  std::erase_if(pointer.claims,
                [&](const ClaimedSnapshot& c) { return std::ranges::find(replaced, c) != replaced.end(); });
  return write_pointer(pointer);
}

Result<> CheckpointStore::remove_all() {
  CheckpointPointer removed;
  {
    const std::lock_guard guard{mutex_};
    TIDEMARK_ASSIGN(pointer, read_own_pointer(attempt_));
    removed = pointer;
    pointer.checkpoints.clear();
    pointer.restored.reset();
    explicit_.reset();
    TIDEMARK_TRY(write_pointer(pointer));
  }
  for (const RetainedCheckpoint& checkpoint : removed.checkpoints) {
    if (checkpoint.path.empty()) TIDEMARK_TRY(delete_checkpoint_folder(tidemark::path_of(folder_, checkpoint)));
  }
  for (const ClaimedSnapshot& claimed : removed.claims) TIDEMARK_TRY(delete_claimed(files_, claimed));
  TIDEMARK_TRY(remove_unused_files());
  const std::lock_guard guard{mutex_};
  TIDEMARK_ASSIGN(pointer, read_own_pointer(attempt_));
  pointer.claims.clear();
  return write_pointer(pointer);
}

Result<> CheckpointStore::delete_checkpoint_folder(const std::string& path) {
  const auto listed = read_metadata_file(files_, path);
  const auto metadata = files_.remove(join_path(path, kMetadataName));
  if (!metadata && !is_absent(metadata)) return metadata;
  if (!metadata) {
    TIDEMARK_PROBE("store: a folder without metadata is removed");
    return remove_tree(files_, path);
  }
  TIDEMARK_TRY(files_.sync_directory(path));
  crash_point(CrashPoint::kOldMetadataRemoved);
  TIDEMARK_TRY(remove_tree(files_, path));
  // What a damaged one listed goes with the next start.
  if (listed) TIDEMARK_TRY(remove_unused_shared_files(files_, folder_, shared_files_of(*listed)));
  crash_point(CrashPoint::kOldCheckpointRemoved);
  return {};
}

bool CheckpointStore::stays(const CheckpointName& name, const CheckpointPointer& pointer) const {
  if (name.attempt >= attempt_) return true;
  if (explicit_ && explicit_->id == name.id && explicit_->attempt == name.attempt) return true;
  if (std::ranges::any_of(pointer.checkpoints, [&](const auto& c) { return names(c, name.id, name.attempt); })) return true;
  return !is_absent(files_.stat(join_path(path_of(name.id, name.attempt), kClaimName)));
}

Result<> CheckpointStore::remember_restored() {
  const std::lock_guard guard{mutex_};
  if (!explicit_ || !explicit_->token.empty()) return {};
  TIDEMARK_ASSIGN(pointer, read_own_pointer(attempt_));
  if (!is_nameable(files_, explicit_->path)) {
    log_warning(fmt::format("the name '{}' is no UTF-8, so CURRENT can't name it: name it again with --resume=PATH if the job ends "
                            "before it has completed a checkpoint",
                            explicit_->path));
    return {};
  }
  pointer.restored = RestoredSnapshot{files_.real_path(explicit_->path), attempt_};
  return write_pointer(pointer);
}

Result<std::uint32_t> CheckpointStore::remove_orphans() {
  std::vector<CheckpointName> orphans;
  AttemptId attempt = 0;
  {
    const std::lock_guard guard{mutex_};
    TIDEMARK_ASSIGN(pointer, read_own_pointer(attempt_));
    TIDEMARK_ASSIGN(found, checkpoint_folders());
    std::erase_if(found, [&](const CheckpointName& name) { return stays(name, pointer); });
    orphans = std::move(found);
    attempt = attempt_;
  }
  if (!orphans.empty()) TIDEMARK_PROBE("store: orphans of earlier attempts are removed");
  for (const CheckpointName& name : orphans) TIDEMARK_TRY(delete_checkpoint_folder(path_of(name.id, name.attempt)));
  TIDEMARK_ASSIGN(old, find_shared_files(files_, folder_, [&](const auto& name) { return name.attempt < attempt; }));
  TIDEMARK_TRY(remove_unused_shared_files(files_, folder_, std::move(old)));
  return static_cast<std::uint32_t>(orphans.size());
}

Result<> CheckpointStore::remove_unused_files() {
  AttemptId attempt = 0;
  {
    const std::lock_guard guard{mutex_};
    TIDEMARK_TRY(read_own_pointer(attempt_));
    attempt = attempt_;
  }
  TIDEMARK_ASSIGN(names, find_shared_files(files_, folder_, [&](const auto& name) { return name.attempt <= attempt; }));
  return remove_unused_shared_files(files_, folder_, std::move(names));
}

CompleteCheckpoint::CompleteCheckpoint(CheckpointStore& store, CheckpointMetadata metadata,
                                       std::vector<RetainedCheckpoint> drop, std::string savepoint_folder)
    : store_{store},
      metadata_{std::move(metadata)},
      drop_{std::move(drop)},
      savepoint_folder_{std::move(savepoint_folder)} {
  TIDEMARK_CHECK(metadata_.job == store_.job_, "a store completes the checkpoints of its job");
  TIDEMARK_CHECK(is_savepoint(metadata_.kind) != savepoint_folder_.empty(), "a savepoint has a folder of its own");
}

Result<Progress> CompleteCheckpoint::step() {
  const std::string folder =
      savepoint_folder_.empty() ? store_.path_of(metadata_.id, metadata_.attempt) : savepoint_folder_;
  switch (stage_) {
    case Stage::kSyncShared:
      stage_ = Stage::kWriteMetadata;
      if (shared_files_of(metadata_).empty()) return step();
      if (!detail::planted(detail::PlantedBug::kSharedFolderNotSynced)) {
        TIDEMARK_TRY(store_.files_.sync_directory(store_.shared_folder()));
      }
      return Progress::kMadeProgress;
    case Stage::kWriteMetadata:
      // A savepoint is one as soon as its `_metadata` is there: the names of its files must be durable before.
      if (!savepoint_folder_.empty()) TIDEMARK_TRY(store_.files_.sync_directory(folder));
      TIDEMARK_TRY(write_metadata_file(store_.files_, folder, metadata_));
      stage_ = Stage::kSyncFolder;
      return Progress::kMadeProgress;
    case Stage::kSyncFolder:
      TIDEMARK_TRY(store_.files_.sync_directory(parent_path(folder)));
      if (metadata_.kind == CheckpointKind::kSavepoint) return Progress::kDone;
      stage_ = Stage::kMovePointer;
      return Progress::kMadeProgress;
    case Stage::kMovePointer:
      TIDEMARK_TRY(store_.move_pointer(metadata_, savepoint_folder_, drop_));
      return Progress::kDone;
  }
  return Progress::kDone;
}

}  // namespace tidemark

#include "sim/ownership.h"

#include <fmt/format.h>

#include <algorithm>

#include "snapshot/checkpoint_store.h"
#include "snapshot/snapshot_claim.h"
#include "snapshot/snapshot_folder.h"
#include "tidemark/detail/base/hash.h"

namespace tidemark {
namespace {

void mix(std::uint64_t& digest, std::string_view bytes) {
  digest = (digest ^ detail::hash_bytes(bytes)) * 0x9e3779b97f4a7c15;
}

/// Of `_metadata` and of every file that it names.
Result<std::uint64_t> digest_of(FileSystem& files, const std::string& folder) {
  std::uint64_t digest = 0;
  TIDEMARK_ASSIGN(metadata, load_checkpoint(files, folder));
  TIDEMARK_ASSIGN(encoded, read_file(files, join_path(folder, kMetadataName)));
  mix(digest, encoded);
  for (const CheckpointMetadata::Operator& op : metadata.operators) {
    for (const OperatorSnapshot& subtask : op.subtasks) {
      for (const SnapshotFile& file : subtask.keyed_files) {
        TIDEMARK_ASSIGN(content, read_file(files, file.path));
        mix(digest, content);
      }
      for (const StoreFile& file : subtask.store.files) {
        TIDEMARK_ASSIGN(content, read_file(files, file.file.path));
        mix(digest, content);
      }
    }
  }
  return digest;
}

}  // namespace

std::optional<std::string> Ownership::add(const std::string& path) {
  const auto digest = digest_of(*files_, path);
  if (!digest) return fmt::format("snapshot '{}' is complete: {}", path, digest.error().message());
  snapshots_.insert_or_assign(path, Snapshot{Owner::kOther, *digest});
  return std::nullopt;
}

void Ownership::claim(const std::string& path) {
  if (const auto found = snapshots_.find(path); found != snapshots_.end()) found->second.owner = Owner::kJob;
}

void Ownership::give_up(const std::string& path) {
  if (const auto found = snapshots_.find(path); found != snapshots_.end()) found->second.owner = Owner::kOther;
}

void Ownership::give_up_unclaimed() {
  for (auto& [path, snapshot] : snapshots_) {
    const bool is_there = snapshot.owner == Owner::kJob && files_->stat(join_path(path, kMetadataName)).has_value();
    if (is_there && !files_->stat(join_path(path, kClaimName))) snapshot.owner = Owner::kOther;
  }
}

void Ownership::dispose(const std::string& path) {
  if (const auto found = snapshots_.find(path); found != snapshots_.end()) found->second.owner = Owner::kNobody;
}

std::optional<std::string> Ownership::leave(const std::string& folder) {
  // What was being deleted when the job ended may be there in part.
  std::erase_if(snapshots_, [&](const auto& one) {
    return one.second.owner == Owner::kJob && !load_checkpoint(*files_, one.first);
  });
  for (auto& [path, snapshot] : snapshots_) {
    if (snapshot.owner == Owner::kJob) snapshot.owner = Owner::kOther;
  }
  const auto pointer = read_pointer_file(*files_, folder);
  if (!pointer) return pointer.error().message();
  if (!*pointer) return std::nullopt;
  for (const RetainedCheckpoint& checkpoint : (*pointer)->checkpoints) {
    const std::string path = path_of(folder, checkpoint);
    const auto known = snapshots_.find(path);
    if (known != snapshots_.end() && known->second.owner == Owner::kNobody) continue;
    if (auto wrong = add(path)) return wrong;
  }
  return std::nullopt;
}

void Ownership::come_back(const std::string& folder) {
  std::erase_if(snapshots_, [&](const auto& one) { return parent_path(one.first) == folder; });
}

void Ownership::keep_only(const std::vector<std::string>& paths) {
  std::erase_if(snapshots_, [&](const auto& one) { return std::ranges::find(paths, one.first) == paths.end(); });
}

std::vector<std::string> Ownership::of_others() const {
  std::vector<std::string> result;
  for (const auto& [path, snapshot] : snapshots_) {
    if (snapshot.owner == Owner::kOther) result.push_back(path);
  }
  return result;
}

std::vector<std::string> Ownership::disposed() const {
  std::vector<std::string> result;
  for (const auto& [path, snapshot] : snapshots_) {
    if (snapshot.owner == Owner::kNobody) result.push_back(path);
  }
  return result;
}

bool Ownership::is_claimed(const std::string& path) const {
  const auto found = snapshots_.find(path);
  return found != snapshots_.end() && found->second.owner == Owner::kJob;
}

std::optional<std::string> Ownership::find_touched() const {
  for (const auto& [path, snapshot] : snapshots_) {
    if (snapshot.owner != Owner::kOther) continue;
    const auto digest = digest_of(*files_, path);
    if (!digest) return fmt::format("snapshot '{}', which nobody may touch: {}", path, digest.error().message());
    if (*digest != snapshot.digest) return fmt::format("snapshot '{}', which nobody may touch, was changed", path);
  }
  return std::nullopt;
}

std::optional<std::string> Ownership::find_unsettled(const CheckpointPointer& pointer) const {
  for (const auto& [path, snapshot] : snapshots_) {
    if (snapshot.owner == Owner::kOther) continue;
    const bool is_kept =
        snapshot.owner == Owner::kJob && std::ranges::count(pointer.claims, path, &ClaimedSnapshot::path) > 0;
    if (is_kept) {
      const auto digest = digest_of(*files_, path);
      if (!digest) return fmt::format("'{}' is claimed and not replaced yet: {}", path, digest.error().message());
      continue;
    }
    if (snapshot.owner == Owner::kNobody) {
      if (files_->stat(join_path(path, kMetadataName)))
        return fmt::format("'{}' was to be deleted and is still there", path);
      continue;
    }
    const auto left = files_->list(path);
    if (!left && left.error().code() == ErrorCode::kNotFound) continue;
    if (!left) return left.error().message();
    return fmt::format("'{}' was claimed and replaced and is still there, with {} files", path, left->size());
  }
  return std::nullopt;
}

}  // namespace tidemark

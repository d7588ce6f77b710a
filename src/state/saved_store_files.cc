#include "state/saved_store_files.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "state/incremental_snapshots.h"

namespace tidemark {

SavedStoreFiles::SavedStoreFiles(std::string folder, std::string format, KeyGroupRange key_groups)
    : folder_{std::move(folder)}, format_{std::move(format)}, key_groups_{key_groups} {}

SavedStoreFiles::Plan SavedStoreFiles::begin(CheckpointId id) {
  Plan plan{saved_, std::make_shared<StoreFiles>(StoreFiles{.format = format_, .key_groups = key_groups_, .files = {}})};
  if (!in_flight_.empty()) {
    Names available = *saved_;
    std::erase_if(available, [this](const auto& file) { return !is_listed_in_flight(file.first, file.second); });
    plan.saved = std::make_shared<const Names>(std::move(available));
  }
  in_flight_.insert_or_assign(id, plan);
  return plan;
}

// One that saves it anew takes the place of a checkpoint that lists it, and then it goes.
bool SavedStoreFiles::is_listed_in_flight(std::string_view name, const SnapshotFile& file) const {
  return std::ranges::all_of(in_flight_, [&](const auto& flight) {
    const auto listed = flight.second.saved->find(name);
    return listed != flight.second.saved->end() && listed->second == file;
  });
}

void SavedStoreFiles::completed(CheckpointId id) {
  const auto found = in_flight_.find(id);
  if (found == in_flight_.end()) return;
  Names names;
  for (const StoreFile& file : found->second.written->files) names.emplace(file.name, file.file);
  saved_ = std::make_shared<const Names>(std::move(names));
  in_flight_.erase(in_flight_.begin(), std::next(found));
}

void SavedStoreFiles::aborted(CheckpointId id) { in_flight_.erase(id); }

void SavedStoreFiles::restored(FileSystem& files, const StoreFiles& from) {
  const std::string own = files.real_path(folder_);
  Names names;
  for (const StoreFile& file : from.files) {
    if (files.real_path(parent_path(file.file.path)) != own) continue;
    SnapshotFile listed = file.file;
    listed.path = IncrementalSnapshots::listed(listed.path.substr(listed.path.rfind('/') + 1));
    names.emplace(file.name, std::move(listed));
  }
  saved_ = std::make_shared<const Names>(std::move(names));
}

}  // namespace tidemark

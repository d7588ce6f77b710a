#include "state/incremental_snapshots.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "snapshot/shared_files.h"

namespace tidemark {
namespace {

std::vector<KeyGroupRange> cut(KeyGroupRange range, std::uint32_t count) {
  std::vector<KeyGroupRange> stripes;
  const auto at = [&](std::uint32_t i) {
    return range.begin + static_cast<std::uint32_t>(std::uint64_t{range.size()} * i / count);
  };
  for (std::uint32_t i = 0; i < count; ++i) stripes.push_back({at(i), at(i + 1)});
  return stripes;
}

std::string_view name_of(std::string_view path) { return path.substr(path.rfind('/') + 1); }

}  // namespace

IncrementalSnapshots::IncrementalSnapshots(std::string folder, KeyGroupRange key_groups, std::uint32_t max_parallelism)
    : folder_{std::move(folder)},
      max_parallelism_{max_parallelism},
      stripes_{cut(key_groups, std::clamp(key_groups.size(), 1u, kMostStripes))},
      chain_{stripes_.size()} {}

std::string IncrementalSnapshots::listed(std::string_view name) {
  return join_path(join_path("..", kSharedFolderName), name);
}

IncrementalSnapshots::Plan IncrementalSnapshots::begin(CheckpointId id, SnapshotChain::Bound bound) {
  SnapshotChain::Plan chain = chain_.begin(id, bound);
  Plan plan{.since = std::move(chain.since), .older = {}, .written = std::make_shared<WrittenFile>()};
  for (const SnapshotChain::FileNumber number : chain.older) plan.older.push_back(files_.at(number));
  plan.written->stripes = stripes_;
  in_flight_.insert_or_assign(id, Flight{chain.file, plan.written});
  return plan;
}

void IncrementalSnapshots::completed(CheckpointId id) {
  const auto found = in_flight_.find(id);
  if (found == in_flight_.end()) return;
  const auto& [number, written] = found->second;
  if (written->bytes.size() != stripes_.size()) return aborted(id);  // it can't stand without this file
  chain_.completed(id, written->bytes);
  files_.emplace(number, written->file);
  in_flight_.erase(in_flight_.begin(), std::next(found));
  std::erase_if(files_, [&](const auto& file) { return !chain_.needs(file.first); });
}

void IncrementalSnapshots::aborted(CheckpointId id) {
  chain_.aborted(id);
  in_flight_.erase(id);
}

detail::ChangedSince IncrementalSnapshots::changed_since(const Plan& plan, std::uint32_t known) const {
  std::vector<detail::ChangedSince::Stripe> stripes;
  for (std::size_t i = 0; i < stripes_.size(); ++i) {
    const std::uint32_t end = i + 1 == stripes_.size() ? max_parallelism_ : stripes_[i].end;
    stripes.push_back({.last_hash = detail::last_hash_below(end, max_parallelism_),
                       .since = plan.since[i] < known ? detail::ChangedSince::kAlways : plan.since[i]});
  }
  return detail::ChangedSince{std::move(stripes)};
}

std::vector<KeyGroupRange> IncrementalSnapshots::whole(const Plan& plan, std::uint32_t known) const {
  std::vector<KeyGroupRange> whole;
  for (std::size_t i = 0; i < stripes_.size(); ++i) {
    if (plan.since[i] != detail::ChangedSince::kAlways && plan.since[i] >= known) continue;
    if (!whole.empty() && whole.back().end == stripes_[i].begin) {
      whole.back().end = stripes_[i].end;
    } else if (stripes_[i].size() > 0) {
      whole.push_back(stripes_[i]);
    }
  }
  return whole;
}

std::size_t IncrementalSnapshots::stripe_of(std::uint32_t key_group) const {
  std::size_t i = 0;
  while (i + 1 < stripes_.size() && key_group >= stripes_[i].end) ++i;
  return i;
}

std::vector<bool> IncrementalSnapshots::stripes_within(const std::vector<KeyGroupRange>& whole) const {
  std::vector<bool> within;
  for (const KeyGroupRange stripe : stripes_) {
    std::uint32_t covered = stripe.begin;
    for (const KeyGroupRange range : whole) {
      if (range.contains(covered)) covered = range.end;
    }
    within.push_back(covered >= stripe.end);
  }
  return within;
}

bool IncrementalSnapshots::has(FileSystem& files, const std::string& path) const {
  return files.real_path(parent_path(path)) == files.real_path(folder_);
}

void IncrementalSnapshots::restored(const std::vector<SnapshotFile>& files,
                                    const std::vector<std::vector<SnapshotChain::Part>>& parts) {
  chain_.restored(parts);
  for (std::size_t i = 0; i < files.size(); ++i) {
    SnapshotFile file = files[i];
    file.path = listed(name_of(file.path));
    files_.emplace(i, std::move(file));
  }
}

}  // namespace tidemark

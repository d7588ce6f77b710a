#include "state/snapshot_chain.h"

#include <algorithm>
#include <limits>
#include <numeric>
#include <set>
#include <utility>

#include "tidemark/detail/base/check.h"
#include "tidemark/detail/base/planted_bug.h"
#include "tidemark/detail/base/probe.h"

namespace tidemark {
namespace {

// Up to which checkpoint the n-th one keeps what is there.
std::uint64_t kept_until(std::uint64_t n) {
  const std::uint64_t lowest_bit = n & (~n + 1);
  return n - std::min(lowest_bit, SnapshotChain::kLongestStep);
}

template <class Links>
std::uint64_t bytes_of_changes(const Links& links) {
  std::uint64_t sum = 0;
  for (std::size_t i = 1; i < links.size(); ++i) sum += links[i].bytes;
  return sum;
}

}  // namespace

SnapshotChain::Plan SnapshotChain::begin(CheckpointId id, Bound bound) {
  TIDEMARK_CHECK(in_flight_.empty() || in_flight_.back().id < id, "checkpoints are triggered in their order");
  const std::uint64_t index = completed_index_ + 1;
  std::vector<Links> stripes;
  for (std::size_t i = 0; i < completed_.size(); ++i) stripes.push_back(available(i));
  const std::vector<bool> whole = choose_whole(stripes, index);

  Plan plan{.file = next_file_++, .since = {}, .older = {}};
  std::set<FileNumber> older;
  for (std::size_t i = 0; i < stripes.size(); ++i) {
    Links& links = stripes[i];
    if (whole[i]) links.clear();
    while (links.size() > 1 && links.back().index > kept_until(index)) links.pop_back();
    plan.since.push_back(links.empty() ? 0 : links.back().bound);
    for (const Link& link : links) older.insert(link.file);
    links.push_back({.file = plan.file, .index = index, .bound = bound});
  }
  plan.older.assign(older.begin(), older.end());
  if (plan.older.size() > 1 && detail::planted(detail::PlantedBug::kChainDropsNeededFile)) plan.older.pop_back();
  if (!in_flight_.empty()) TIDEMARK_PROBE("state: a checkpoint builds upon another than the one before it");
  in_flight_.push_back({id, index, std::move(stripes)});
  return plan;
}

// Those of the newest completed checkpoint that all in flight keep.
SnapshotChain::Links SnapshotChain::available(std::size_t stripe) const {
  Links links = completed_[stripe];
  for (const Flight& flight : in_flight_) {
    const auto same = [](const Link& a, const Link& b) { return a.file == b.file; };
    const auto [end, other] = std::ranges::mismatch(links, flight.stripes[stripe], same);
    links.erase(end, links.end());
  }
  return links;
}

// One that is due, the most urgent; those that have no base; those long overdue.
std::vector<bool> SnapshotChain::choose_whole(const std::vector<Links>& stripes, std::uint64_t index) const {
  std::vector<bool> whole(stripes.size());
  double most_urgent = 1;
  std::size_t chosen = stripes.size();
  for (std::size_t i = 0; i < stripes.size(); ++i) {
    const Links& links = stripes[i];
    if (links.empty()) {
      whole[i] = true;
      continue;
    }
    const auto changes = static_cast<double>(bytes_of_changes(links) * kChangesPerBase);
    const double base = std::max(static_cast<double>(links.front().bytes), 1.0);
    const double age = static_cast<double>(index - links.front().index);
    const double urgency = std::max(changes / base, age / static_cast<double>(kOldestBase));
    whole[i] = urgency > 2;
    if (urgency > most_urgent) {
      most_urgent = urgency;
      chosen = i;
    }
  }
  if (chosen < stripes.size()) {
    TIDEMARK_PROBE("state: a stripe is written whole again");
    whole[chosen] = true;
  }
  return whole;
}

void SnapshotChain::completed(CheckpointId id, const std::vector<std::uint64_t>& bytes) {
  const auto found = std::ranges::find(in_flight_, id, &Flight::id);
  if (found == in_flight_.end()) return;
  if (found != in_flight_.begin()) TIDEMARK_PROBE("state: a checkpoint completes before an older one");
  completed_ = std::move(found->stripes);
  completed_index_ = found->index;
  for (std::size_t i = 0; i < completed_.size(); ++i) completed_[i].back().bytes = bytes[i];
  in_flight_.erase(in_flight_.begin(), found + 1);
}

void SnapshotChain::aborted(CheckpointId id) {
  std::erase_if(in_flight_, [id](const Flight& flight) { return flight.id == id; });
}

void SnapshotChain::restored(const std::vector<std::vector<Part>>& files) {
  TIDEMARK_CHECK(next_file_ == 0, "a chain goes on behind a restored one before its first checkpoint");
  for (std::size_t file = 0; file < files.size(); ++file) {
    for (std::size_t i = 0; i < completed_.size(); ++i) {
      if (files[file][i].whole) completed_[i].clear();
      if (!files[file][i].whole && completed_[i].empty()) continue;
      completed_[i].push_back(
          {.file = file, .index = file, .bound = static_cast<Bound>(file + 1), .bytes = files[file][i].bytes});
    }
  }
  next_file_ = files.size();
  completed_index_ = files.empty() ? 0 : files.size() - 1;
}

bool SnapshotChain::needs(FileNumber file) const {
  const auto has = [file](const Links& links) { return std::ranges::find(links, file, &Link::file) != links.end(); };
  return std::ranges::any_of(completed_, has) ||
         std::ranges::any_of(in_flight_, [&](const Flight& flight) { return std::ranges::any_of(flight.stripes, has); });
}

SnapshotChain::Bound SnapshotChain::oldest_since() const {
  Bound oldest = std::numeric_limits<Bound>::max();
  for (const Links& links : completed_) oldest = std::min(oldest, oldest_since(links, completed_index_));
  for (const Flight& flight : in_flight_) {
    // The next one may keep what this one keeps and nothing of its own.
    for (const Links& links : flight.stripes) oldest = std::min(oldest, oldest_since(links, flight.index - 1));
  }
  return oldest;
}

// Checkpoints behind the one with this index keep at least what is there up to the last multiple of the longest step.
SnapshotChain::Bound SnapshotChain::oldest_since(const Links& links, std::uint64_t index) {
  if (links.empty()) return std::numeric_limits<Bound>::max();
  const std::uint64_t kept = index - index % kLongestStep;
  std::size_t newest = links.size() - 1;
  while (newest > 0 && links[newest].index > kept) --newest;
  return links[newest].bound;
}

}  // namespace tidemark

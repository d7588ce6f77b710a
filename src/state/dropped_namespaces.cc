#include "tidemark/detail/state/dropped_namespaces.h"

#include <algorithm>
#include <utility>

#include "tidemark/detail/base/planted_bug.h"

namespace tidemark::detail {

void DroppedNamespaces::add(std::string name, std::uint32_t epoch, std::uint32_t needed_since) {
  if (known_since_ == epoch || planted(PlantedBug::kDeltaForgetsErased)) return;
  if (dropped_.size() == kMostKept) {
    const auto needed = std::ranges::upper_bound(dropped_, needed_since, {}, &Dropped::epoch);
    if (needed != dropped_.begin()) known_since_ = std::max(known_since_, std::prev(needed)->epoch);
    dropped_.erase(dropped_.begin(), needed);
  }
  if (dropped_.size() == kMostKept) {
    dropped_.clear();
    known_since_ = epoch;
    return;
  }
  dropped_.push_back({epoch, std::move(name)});
}

void DroppedNamespaces::forget(std::uint32_t epoch) {
  dropped_.clear();
  known_since_ = std::max(known_since_, epoch);
}

std::vector<std::string> DroppedNamespaces::since(std::uint32_t epoch) const {
  std::vector<std::string> names;
  for (auto at = std::ranges::upper_bound(dropped_, epoch, {}, &Dropped::epoch); at != dropped_.end(); ++at) names.push_back(at->name);
  std::ranges::sort(names);
  names.erase(std::ranges::unique(names).begin(), names.end());
  return names;
}

}  // namespace tidemark::detail

// From which epoch on entries count as changed: what a view is told that shows no more than what changed since older
// snapshots. The hashes of a subtask are cut into stripes, each with an epoch of its own. Immutable; any thread.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <utility>
#include <vector>

#include "tidemark/detail/model/key_group.h"

namespace tidemark::detail {

class ChangedSince {
 public:
  /// Everything counts, whenever it was written.
  static constexpr std::uint32_t kAlways = 0;

  struct Stripe {
    std::uint64_t last_hash;
    std::uint32_t since;  ///< written in a later epoch: changed
  };
  /// In the order of hashes; the last one ends with the largest hash.
  explicit ChangedSince(std::vector<Stripe> stripes) : stripes_{std::move(stripes)} {}

  std::uint32_t at(std::uint64_t hash) const { return stripes_[stripe_of(hash)].since; }

  struct Bounds {
    std::uint32_t lowest = kAlways;
    std::uint32_t highest = kAlways;
  };
  /// Of the stripes that hashes from `first` to `last` lie in.
  Bounds within(std::uint64_t first, std::uint64_t last) const {
    Bounds bounds{.lowest = std::numeric_limits<std::uint32_t>::max(), .highest = 0};
    for (std::size_t i = stripe_of(first), end = stripe_of(last); i <= end; ++i) {
      bounds.lowest = std::min(bounds.lowest, stripes_[i].since);
      bounds.highest = std::max(bounds.highest, stripes_[i].since);
    }
    return bounds;
  }

 private:
  std::size_t stripe_of(std::uint64_t hash) const {
    std::size_t i = 0;
    while (stripes_[i].last_hash < hash) ++i;
    return i;
  }

  std::vector<Stripe> stripes_;
};

/// The largest hash of a key group below `end`.
constexpr std::uint64_t last_hash_below(std::uint32_t end, std::uint32_t max_parallelism) {
  if (end >= max_parallelism) return std::numeric_limits<std::uint64_t>::max();
  const std::uint64_t first_half = ((std::uint64_t{end} << 32) + max_parallelism - 1) / max_parallelism;
  return (first_half << 32) - 1;
}

}  // namespace tidemark::detail

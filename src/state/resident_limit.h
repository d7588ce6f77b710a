// How many keys may stay in the tables in front of a store, so that these keep to their share of the memory. Pure.
//
// Tables give back what they hold of pages late, and sparsely filled as keys leave, so that is bounded by the number of keys in
// them: pages have room for as many keys as there once were, and while they are more than the share, a part of these may stay:
// the share's part of the pages. So pages that came for another reason than keys lower the number once, and as soon as pages
// fit the share there is no bound by them. What keys and values hold outside of their slots is given back with
// each key: to the allocator, or to a pool for others of their size, which counts as theirs and not as pages.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "tidemark/detail/model/batch.h"

namespace tidemark {

class ResidentLimit {
 public:
  /// As many keys may always stay for all that pages hold: what a few batches use, so that keys do not come and go with each.
  static constexpr std::size_t kLeastKeys = 4 * detail::Batch::kCapacity;

  /// Of tables without a key.
  explicit ResidentLimit(std::uint64_t empty_bytes) : empty_bytes_{empty_bytes} {}

  /// How many of `keys` have to go, if tables and what belongs to them hold so much. Some more than just enough, so that
  /// it need not be asked for each key.
  std::size_t keys_to_evict(std::uint64_t share_bytes, std::uint64_t page_bytes, std::uint64_t owned_bytes, std::size_t keys) {
    most_keys_ever_ = std::max(most_keys_ever_, keys);
    if (share_bytes <= empty_bytes_) return keys;
    // At least a quarter is for what is outside of the pages, however many of them there are.
    const std::uint64_t for_owned = std::max(share_bytes - std::min(share_bytes, page_bytes), share_bytes / 4);
    const std::uint64_t for_pages = share_bytes - std::min(owned_bytes, share_bytes / 4 * 3);
    std::size_t most = keys;
    if (page_bytes > for_pages) most = std::max(scale(most_keys_ever_, for_pages, page_bytes), kLeastKeys);
    if (owned_bytes > for_owned) most = std::min(most, scale(keys, for_owned, owned_bytes));
    if (keys <= most) return 0;
    return std::min(keys, keys - most + most / kSpareOneIn);
  }

 private:
  static constexpr std::size_t kSpareOneIn = 64;

  static std::size_t scale(std::size_t keys, std::uint64_t part, std::uint64_t whole) {
    return static_cast<std::size_t>(static_cast<double>(keys) * static_cast<double>(part) / static_cast<double>(whole));
  }

  const std::uint64_t empty_bytes_;
  std::size_t most_keys_ever_ = 0;
};

}  // namespace tidemark

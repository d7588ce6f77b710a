// How many keys may stay in the tables in front of a store, so that these keep to their share of the memory. Pure.
//
// Tables never give pages back, so what they hold is bounded by the number of keys in them: once their pages have come to the
// share, they keep to as many keys as it took. What keys and values hold outside of pages is given back with each key.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>

namespace tidemark {

class ResidentLimit {
 public:
  /// Of tables without a key.
  explicit ResidentLimit(std::uint64_t empty_bytes) : empty_bytes_{empty_bytes} {}

  /// How many of `keys` have to go, if tables and what belongs to them hold so much. Some more than just enough, so that
  /// it need not be asked for each key.
  std::size_t keys_to_evict(std::uint64_t share_bytes, std::uint64_t page_bytes, std::uint64_t owned_bytes, std::size_t keys) {
    if (share_bytes <= empty_bytes_) return keys;
    // At least a quarter is for what is outside of the pages, however many of them there are.
    const std::uint64_t for_owned = std::max(share_bytes - std::min(share_bytes, page_bytes), share_bytes / 4);
    const std::uint64_t for_pages = share_bytes - std::min(owned_bytes, share_bytes / 4 * 3);
    if (page_bytes > for_pages && page_bytes > highest_page_bytes_) {
      highest_page_bytes_ = page_bytes;
      most_keys_ = std::min(most_keys_, scale(keys, for_pages, page_bytes));
    }
    std::size_t most = most_keys_;
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
  std::uint64_t highest_page_bytes_ = 0;
  std::size_t most_keys_ = std::numeric_limits<std::size_t>::max();
};

}  // namespace tidemark

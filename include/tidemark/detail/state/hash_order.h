// The order of a segment's entries by their hashes. Not for sharing between threads.
#pragma once

#include <cstdint>
#include <vector>

namespace tidemark::detail {

class HashOrder {
 public:
  struct Place {
    std::uint64_t hash;
    std::uint32_t index;  ///< of the entry, where its owner keeps it
  };

  void clear() { places_.clear(); }
  void add(std::uint64_t hash, std::uint32_t index) { places_.push_back({hash, index}); }

  /// What was added, by hash. `shared_bits` top bits are the same in all of them; the next ones are best spread evenly, as
  /// a segment's are. Valid until the next call.
  const std::vector<Place>& sorted(unsigned shared_bits);

 private:
  std::vector<Place> places_;
  std::vector<Place> sorted_;
};

}  // namespace tidemark::detail

// The hash table of the loops written by hand: open addressing, linear probing, Fibonacci hashing; no snapshots, no growth.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace bench {

class BareTable {
 public:
  /// Room for `keys` keys, at most two thirds of it taken. Keys are not negative.
  explicit BareTable(std::size_t keys) : slots_(std::bit_ceil(keys * 3 / 2)), shift_{64 - static_cast<unsigned>(std::countr_zero(slots_.size()))} {}

  std::int64_t& at(std::int64_t key) {
    std::size_t i = home(key);
    while (slots_[i].key != key) {
      if (slots_[i].key == kEmpty) {
        slots_[i].key = key;
        break;
      }
      i = (i + 1) & (slots_.size() - 1);
    }
    return slots_[i].value;
  }
  [[gnu::always_inline]] void prefetch(std::int64_t key) const { __builtin_prefetch(&slots_[home(key)], 1); }
  template <class F>
  void for_each(F&& f) const {
    for (const Slot& slot : slots_) {
      if (slot.key != kEmpty) f(slot.key, slot.value);
    }
  }
  void clear() {
    for (Slot& slot : slots_) slot = {};
  }

 private:
  static constexpr std::int64_t kEmpty = -1;
  struct Slot {
    std::int64_t key = kEmpty;
    std::int64_t value = 0;
  };
  std::size_t home(std::int64_t key) const { return (static_cast<std::uint64_t>(key) * 0x9E3779B97F4A7C15u) >> shift_; }

  std::vector<Slot> slots_;
  unsigned shift_;
};

}  // namespace bench

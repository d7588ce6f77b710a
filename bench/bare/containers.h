// What the loops by hand keep: arrays by id, sets of bits, hash tables. All grow, and nothing but all of it is taken away.
#pragma once

#include <sys/mman.h>

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "bench/measure.h"

namespace bench::bare {

/// The ids of persons and of auctions are dense, and begin with this.
inline constexpr std::int64_t kFirstId = 1000;

/// A T for each id, at first T{}. Grows in pieces, so that nothing is moved.
template <class T>
class ById {
 public:
  T& operator[](std::int64_t id) {
    const auto i = static_cast<std::size_t>(id - kFirstId);
    if (i / kPiece >= pieces_.size()) [[unlikely]] grow(i / kPiece);
    return pieces_[i / kPiece][i % kPiece];
  }
  /// f(id, t) in the order of ids, those included that nobody asked for.
  template <class F>
  void for_each(F&& f) {
    std::int64_t id = kFirstId;
    for (const auto& piece : pieces_) {
      for (std::size_t i = 0; i < kPiece; ++i) f(id++, piece[i]);
    }
  }
  void clear() { pieces_.clear(); }

 private:
  static constexpr std::size_t kPiece = 1024;
  [[gnu::noinline]] void grow(std::size_t piece) {
    while (pieces_.size() <= piece) pieces_.push_back(std::make_unique<T[]>(kPiece));
  }
  std::vector<std::unique_ptr<T[]>> pieces_;
};

class IdSet {
 public:
  void insert(std::int64_t id) {
    const auto i = static_cast<std::size_t>(id - kFirstId);
    if (i / 64 >= words_.size()) [[unlikely]] words_.resize(2 * (i / 64) + 64);
    std::uint64_t& word = words_[i / 64];
    size_ += ~word >> i % 64 & 1;
    word |= std::uint64_t{1} << i % 64;
  }
  std::int64_t size() const { return static_cast<std::int64_t>(size_); }
  void clear() { *this = {}; }

 private:
  std::vector<std::uint64_t> words_;
  std::uint64_t size_ = 0;
};

/// Two numbers of which neither is negative nor takes more than 32 bits as one key, which is not 0 unless both are.
inline std::uint64_t pair_key(std::int64_t a, std::int64_t b) {
  return static_cast<std::uint64_t>(a) << 32 | static_cast<std::uint64_t>(b);
}

/// Open addressing, linear probing, Fibonacci hashing, in huge pages. Keys are not 0. Growing goes through both tables in
/// order, as a place is the hash's first bits.
template <class Value>
class HashTable {
 public:
  explicit HashTable(std::size_t places = 1024) : places_{std::bit_ceil(places)}, slots_{map(places_)} {}
  HashTable(const HashTable&) = delete;
  HashTable& operator=(const HashTable&) = delete;
  ~HashTable() { munmap(slots_, places_ * sizeof(Slot)); }

  /// The key's value, at first Value{}, and whether it is new. Valid until the next call.
  std::pair<Value&, bool> at(std::uint64_t key) {
    if (3 * size_ >= 2 * places_) [[unlikely]] grow();
    Slot& slot = find(key);
    const bool is_new = slot.key == 0;
    slot.key = key;
    size_ += is_new;
    return {slot.value, is_new};
  }
  [[gnu::always_inline]] void prefetch(std::uint64_t key) const { __builtin_prefetch(&slots_[home(key)], 1); }
  template <class F>
  void for_each(F&& f) const {
    for (std::size_t i = 0; i < places_; ++i) {
      if (slots_[i].key != 0) f(slots_[i].key, slots_[i].value);
    }
  }
  void clear() {
    std::fill_n(slots_, places_, Slot{});
    size_ = 0;
  }

 private:
  struct Slot {
    std::uint64_t key = 0;
    [[no_unique_address]] Value value = {};
  };
  static_assert(std::is_trivially_copyable_v<Slot>, "a slot begins as zeros");

  static Slot* map(std::size_t places) {
    void* memory = mmap(nullptr, places * sizeof(Slot), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) give_up("no memory for a table");
    madvise(memory, places * sizeof(Slot), MADV_HUGEPAGE);
    return static_cast<Slot*>(memory);
  }
  std::size_t home(std::uint64_t key) const {
    return (key ^ key >> 32) * 0x9E3779B97F4A7C15u >> (64 - std::countr_zero(places_));
  }
  Slot& find(std::uint64_t key) {
    std::size_t i = home(key);
    while (slots_[i].key != key && slots_[i].key != 0) i = (i + 1) & (places_ - 1);
    return slots_[i];
  }
  [[gnu::noinline]] void grow() {
    Slot* const old = slots_;
    const std::size_t old_places = std::exchange(places_, places_ * 2);
    slots_ = map(places_);
    for (std::size_t i = 0; i < old_places; ++i) {
      if (old[i].key != 0) find(old[i].key) = old[i];
    }
    munmap(old, old_places * sizeof(Slot));
  }

  std::size_t places_;
  Slot* slots_;
  std::size_t size_ = 0;
};

struct Nothing {};
using HashSet = HashTable<Nothing>;

/// Texts that are kept, one behind another.
class TextArena {
 public:
  struct Place {
    std::uint32_t at = 0;
    std::uint32_t size = 0;
  };
  Place add(std::string_view text) {
    const Place place{static_cast<std::uint32_t>(bytes_.size()), static_cast<std::uint32_t>(text.size())};
    bytes_.append(text);
    return place;
  }
  /// Valid until the next add().
  std::string_view text(Place place) const { return {bytes_.data() + place.at, place.size}; }

 private:
  std::string bytes_;
};

inline std::int64_t start_of(std::int64_t time, std::int64_t size) { return time - time % size; }

}  // namespace bench::bare

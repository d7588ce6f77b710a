// A set of keys that can be state, and the aggregate that counts with it: open addressing in one vector. Keys of a word lie
// in it as words, others as their encoded bytes; the blank one (zero, no bytes) marks a free slot and is kept as a flag.
//
// A set that comes from a damaged file may count wrongly, but every call on it ends.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "tidemark/detail/base/bytes.h"
#include "tidemark/detail/base/hash.h"
#include "tidemark/detail/codec/key.h"
#include "tidemark/detail/event_time/aggregate_types.h"

namespace tidemark::detail {

/// S is std::uint64_t or std::string.
template <class S>
struct DistinctSet {
  std::vector<S> slots;  ///< no more than three quarters full
  std::int64_t count = 0;
  bool has_blank = false;

  void insert(const S& key) {
    if (key == S{}) {
      count += has_blank ? 0 : 1;
      has_blank = true;
      return;
    }
    if (count >= static_cast<std::int64_t>(slots.size() - slots.size() / 4)) grow();
    if (put(key)) ++count;
  }
  void insert_all(const DistinctSet& other) {
    if (other.has_blank) insert(S{});
    for (const S& key : other.slots) {
      if (key != S{}) insert(key);
    }
  }

 private:
  static std::size_t hash(const S& key) {
    if constexpr (std::is_same_v<S, std::uint64_t>) {
      return static_cast<std::size_t>(hash_bytes(&key, sizeof key));
    } else {
      return static_cast<std::size_t>(hash_bytes(key));
    }
  }
  // False if it is there already, or there is no room.
  bool put(const S& key) {
    const std::size_t mask = std::bit_floor(slots.size()) - 1;
    std::size_t at = hash(key) & mask;
    for (std::size_t tries = 0; tries <= mask; ++tries, at = (at + 1) & mask) {
      if (slots[at] == key) return false;
      if (slots[at] != S{}) continue;
      slots[at] = key;
      return true;
    }
    return false;
  }
  // Counts anew, so that a false count does no harm but once.
  void grow() {
    std::vector<S> old = std::exchange(slots, std::vector<S>(std::max<std::size_t>(8, std::bit_ceil(2 * slots.size()))));
    count = has_blank ? 1 : 0;
    for (const S& key : old) {
      if (key != S{} && put(key)) ++count;
    }
  }
};

template <class By>
struct DistinctAggregate {
  template <class T>
  using AccumulatorFor = DistinctSet<std::conditional_t<KeyCodec<ValueBy<By, T>>::kIsWord, std::uint64_t, std::string>>;
  By by;

  template <class T, class S>
  void add(DistinctSet<S>& set, const T& record) const {
    using Value = ValueBy<By, T>;
    static_assert(is_key<Value>(), "count_distinct() counts what can be a key: bools, numbers, enums, text, times, or aggregates of these");
    if constexpr (KeyCodec<Value>::kIsWord) {
      set.insert(KeyCodec<Value>::to_word(std::invoke(by, record)));
    } else {
      ByteWriter bytes;
      KeyCodec<Value>::encode(std::invoke(by, record), bytes);
      set.insert(std::string{bytes.view()});
    }
  }
  template <class S>
  void merge(DistinctSet<S>& into, const DistinctSet<S>& from) const {
    into.insert_all(from);
  }
  template <class S>
  std::int64_t result(const DistinctSet<S>& set) const {
    return set.count;
  }
};

}  // namespace tidemark::detail

// A set of keys that can be state, and the aggregate that counts with it. Keys of a word lie in it as words, others as their
// encoded bytes: open addressing in one vector, where the blank one (zero, no bytes) marks a free slot and is kept as a flag.
// Words that lie close together, as ids mostly do, take a bit each instead: those of one range, which grows with them as
// long as it takes about as much memory as slots would, or less.
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

/// No more than three quarters of the slots are taken. S is std::uint64_t or std::string.
template <class S>
class DistinctSlots {
 public:
  static bool is_full(const std::vector<S>& slots, std::int64_t count) {
    return slots.empty() || count >= static_cast<std::int64_t>(slots.size() - slots.size() / 4);
  }
  /// False if it is there already, or there is no room.
  static bool put(std::vector<S>& slots, const S& key) {
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
  /// Gives how many keys there are: so a false count does no harm but once.
  static std::int64_t grow(std::vector<S>& slots) {
    std::vector<S> old = std::exchange(slots, std::vector<S>(std::max<std::size_t>(8, std::bit_ceil(2 * slots.size()))));
    return put_all(slots, old);
  }
  static std::int64_t put_all(std::vector<S>& slots, const std::vector<S>& keys) {
    std::int64_t count = 0;
    for (const S& key : keys) {
      if (key != S{} && put(slots, key)) ++count;
    }
    return count;
  }

 private:
  static std::size_t hash(const S& key) {
    if constexpr (std::is_same_v<S, std::uint64_t>) {
      return static_cast<std::size_t>(hash_bytes(&key, sizeof key));
    } else {
      return static_cast<std::size_t>(hash_bytes(key));
    }
  }
};

/// A bit for each word of a range.
struct DistinctRange {
  std::uint64_t first = 0;  ///< of its groups of 64 words
  std::vector<std::uint64_t> groups;
  std::int64_t count = 0;

  bool covers(std::uint64_t word) const { return word / 64 - first < groups.size(); }
  /// Of a word that it covers.
  void insert(std::uint64_t word) {
    std::uint64_t& group = groups[word / 64 - first];
    const std::uint64_t bit = std::uint64_t{1} << word % 64;
    count += (group & bit) == 0 ? 1 : 0;
    group |= bit;
  }
  /// Takes those that it covers out of the slots, which must not be empty, and covers most of them if that takes no more memory
  /// than twice as many slots, and a little ahead of them. False if it does not.
  bool take(std::vector<std::uint64_t>& slots);

  template <class F>
  void for_each(F&& f) const {
    for (std::size_t i = 0; i < groups.size(); ++i) {
      for (std::uint64_t group = groups[i]; group != 0; group &= group - 1) {
        f((first + i) * 64 + static_cast<std::uint64_t>(std::countr_zero(group)));
      }
    }
  }
};

template <class S>
struct DistinctSet {
  std::vector<S> slots;
  std::int64_t count = 0;  ///< of those in slots, and the blank one
  bool has_blank = false;

  std::int64_t size() const { return count; }
  void insert(const S& key) {
    if (key == S{}) {
      count += has_blank ? 0 : 1;
      has_blank = true;
      return;
    }
    if (DistinctSlots<S>::is_full(slots, count)) count = DistinctSlots<S>::grow(slots) + (has_blank ? 1 : 0);
    if (DistinctSlots<S>::put(slots, key)) ++count;
  }
  void insert_all(const DistinctSet& other) {
    if (other.has_blank) insert(S{});
    for (const S& key : other.slots) {
      if (key != S{}) insert(key);
    }
  }
};

template <>
struct DistinctSet<std::uint64_t> {
  std::vector<std::uint64_t> slots;
  std::int64_t count = 0;  ///< of those in slots, and the blank one
  bool has_blank = false;
  DistinctRange dense{};

  std::int64_t size() const { return count + dense.count; }
  void insert(std::uint64_t key) {
    if (dense.covers(key)) {
      dense.insert(key);
    } else {
      insert_apart(key);
    }
  }
  void insert_all(const DistinctSet& other) {
    if (other.has_blank) insert(0);
    for (const std::uint64_t key : other.slots) {
      if (key != 0) insert(key);
    }
    other.dense.for_each([this](std::uint64_t key) { insert(key); });
  }

 private:
  void insert_apart(std::uint64_t key);
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
    return set.size();
  }
};

}  // namespace tidemark::detail

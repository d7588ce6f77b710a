// Goes through all keys that a state has an entry of, in parts: those in its table, and where that stands before a store,
// those in the store behind them. So a function can end with every key and needs no timer for each.
//
// The task's thread alone.
#pragma once

#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "tidemark/detail/state/line_table.h"
#include "tidemark/detail/state/slot_table.h"
#include "tidemark/detail/state/spilled_tables.h"
#include "tidemark/detail/state/stored_key.h"

namespace tidemark::detail {

template <class K, class V>
class KeyWalk {
  using Key = StoredKey<K>;
  using Entries = StateTable<K, V>;

 public:
  /// `spilled`: where `table` is one of those; else null. Both outlive it. Nothing is left to be loaded into the table.
  KeyWalk(Entries& table, SpilledTables* spilled) : table_{&table}, spilled_{spilled}, merges_{table.merges()} {}

  /// Calls f(hash, key) for keys that it was not called for yet. f takes the key's entry out and puts in none; of a key that is
  /// not resident it loads the entry first, and perhaps finds none. It says whether to go on: false ends the call, after a few
  /// more keys. True if there are no others.
  template <class F>
  bool next(F&& f) {
    if (!next_in_table(f)) return false;
    if (spilled_ == nullptr) return true;
    if (!stored_) stored_.emplace(spilled_->stored_keys(*table_));
    return next_stored(f);
  }

 private:
  static constexpr std::uint32_t kUnitsAtOnce = 32;

  // Asks for what the next entries hold outside of the table: waiting for each in turn would be most of the time.
  void prefetch_next() {
    outside_.clear();
    table_->for_next_rows(ahead_, kUnitsAtOnce, [&](auto row) {
      if constexpr (Key::kOwns) outside_.push_back(table_->key(row).data());
      const V& value = table_->value_ref(row);
      outside_.push_back(&value);
      outside_.push_back(reinterpret_cast<const char*>(&value + 1) - 1);
    });
    for (const void* place : outside_) __builtin_prefetch(place, 1);
  }
  template <class F>
  bool next_in_table(F&& f) {
    if (hand_.hash == 0 && hand_.unit == 0) prefetch_next();
    while (!is_through_table_) {
      prefetch_next();
      bool goes_on = true;
      const std::uint64_t hash = hand_.hash;
      table_->for_next_rows(hand_, kUnitsAtOnce, [&](auto row) {
        const auto key = table_->key(row);
        goes_on = f(Key::hash(key), key) && goes_on;
      });
      // It goes round, and again if it may have passed keys by that came to lie elsewhere.
      if (hand_.hash < hash) is_through_table_ = std::exchange(merges_, table_->merges()) == table_->merges();
      if (!goes_on) return false;
    }
    return true;
  }
  template <class F>
  bool next_stored(F&& f) {
    while (stored_->next()) {
      typename Key::Lookup key{};
      static_cast<void>(Key::decode(stored_->key(), key));
      if (!f(stored_->hash(), key)) return false;
    }
    return true;
  }

  Entries* table_;
  SpilledTables* spilled_;
  typename Entries::Hand hand_;
  typename Entries::Hand ahead_;
  std::uint64_t merges_;              // of the table when the round began
  std::vector<const void*> outside_;  // of a call of prefetch_next()
  bool is_through_table_ = false;
  std::optional<SpilledTables::StoredKeys> stored_;  // once it is through the table
};

}  // namespace tidemark::detail

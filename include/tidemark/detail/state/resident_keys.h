// Which keys of an operator are in its tables, where these stand in front of a store, and what has become of each since.
//
// A record or a timer asks for its key by want(), load() then makes the wanted ones resident, and keep_changes() notes what
// the function did to the key that its cursor is at. end_batch() evicts: a clock hand goes round, takes a use from each key
// that has one, and a key without any leaves. A key that came has none yet, and up to three are counted: so what is used once
// goes first, and what is used often stays through a visit or two without. (Simulated with Zipf's law, 0.99, and one key in 45
// resident: 70 % of records find theirs; with a flag that a new key has, too, 67 %.) Where the hand has been by, segments that
// hold little are merged.
//
// Where checkpoints consist of the store's files, another hand goes round once after each of them and writes back what had
// changed before it and not since: so a checkpoint need not have it again. Rows of the states' tables that were found before
// load() or end_batch() are not valid after.
//
// The task's thread alone. `tables` outlives it.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string_view>

#include "tidemark/detail/base/bytes.h"
#include "tidemark/detail/state/key_cursor.h"
#include "tidemark/detail/state/line_table.h"
#include "tidemark/detail/state/slot_table.h"
#include "tidemark/detail/state/spilled_tables.h"
#include "tidemark/detail/state/stored_key.h"

namespace tidemark::detail {

template <class K>
class ResidentKeys {
  using Key = StoredKey<K>;
  using Lookup = typename Key::Lookup;
  using Rows = StateTable<K, std::uint64_t>;

 public:
  explicit ResidentKeys(SpilledTables& tables) : tables_{tables}, rows_{tables.residency()} { tables.set_residents(rows_); }
  ResidentKeys(const ResidentKeys&) = delete;
  ResidentKeys& operator=(const ResidentKeys&) = delete;

  std::size_t size() const { return rows_.size(); }

  [[gnu::always_inline]] void prefetch(const std::uint64_t* hashes, std::uint32_t count) const { rows_.prefetch(hashes, count); }

  void want(std::uint64_t hash, Lookup key) {
    if (const auto row = rows_.find(hash, key)) {
      const std::uint64_t resident = rows_.value(row);
      if (uses_of(resident) < kMostUses) rows_.set(row, resident + kOneUse);
      return;
    }
    rows_.insert(hash, key, 0);
    tables_.want(hash, encoded(key));
  }

  void load() {
    tables_.load([this](std::uint64_t hash, std::string_view bytes, std::uint32_t stored) {
      Lookup key{};
      static_cast<void>(Key::decode(bytes, key));
      const auto row = rows_.find(hash, key);
      rows_.set(row, (rows_.value(row) & kUses) | std::uint64_t{stored} << kStoredShift);
    });
  }

  /// After each record and timer.
  void keep_changes(const KeyCursor<K>& cursor) {
    if (cursor.changed == 0) return;
    const auto row = rows_.find(cursor.hash, cursor.key);
    std::uint64_t resident = (rows_.value(row) & ~kChangedAfter) | cursor.changed | changed_after();
    if (cursor.erased != 0) {
      const std::uint32_t left = tables_.erase(cursor.hash, encoded(cursor.key), cursor.erased, stored_of(resident));
      resident = (resident & ~(kMarks << kStoredShift)) | std::uint64_t{left} << kStoredShift;
    }
    rows_.set(row, resident);
    cursor.changed = cursor.erased = 0;
  }

  void end_batch() {
    if (tables_.must_stay(rows_.size())) return;
    if (tables_.goes_by_chance()) {
      evict_by_chance();
    } else {
      evict(std::min(tables_.keys_to_evict(rows_.size()), rows_.size()));
    }
    if (tables_.links() != 0) write_back_some();
    tables_.write();
  }

  /// All but as many.
  void evict_down_to(std::size_t keys) {
    tables_.settle();
    evict(rows_.size() - std::min(keys, rows_.size()));
    tables_.write();
  }

 private:
  // A resident key is a word: the marks of the states whose entry has changed (snapshots read them), its uses, the marks of
  // the states that the store has an entry of, and behind an even or an odd number of checkpoints by files it has last changed.
  static constexpr std::uint64_t kMarks = 0x3fff'ffff;
  static constexpr std::uint64_t kOneUse = std::uint64_t{1} << 30;
  static constexpr std::uint64_t kUses = std::uint64_t{3} << 30;
  static constexpr std::uint64_t kMostUses = 3;
  static constexpr unsigned kStoredShift = 32;
  static constexpr std::uint64_t kChangedAfter = std::uint64_t{1} << 63;
  static constexpr std::uint32_t kUnitsAtOnce = 16;
  static constexpr std::uint64_t kLastHash = std::numeric_limits<std::uint64_t>::max();

  static std::uint32_t changed_of(std::uint64_t resident) { return static_cast<std::uint32_t>(resident & kMarks); }
  static std::uint32_t stored_of(std::uint64_t resident) {
    return static_cast<std::uint32_t>(resident >> kStoredShift & kMarks);
  }

  static std::uint64_t uses_of(std::uint64_t resident) { return (resident & kUses) / kOneUse; }

  std::uint64_t changed_after() const { return tables_.links() % 2 == 0 ? 0 : kChangedAfter; }

  // A few: records wait for it.
  void write_back_some() {
    if (written_back_for_ != tables_.links()) {
      written_back_for_ = tables_.links();
      to_look_at_ = rows_.size();
    }
    if (to_look_at_ == 0) return;
    std::size_t seen = 0;
    rows_.for_next_rows(write_hand_, kUnitsAtOnce, [&](auto row) {
      ++seen;
      const std::uint64_t resident = rows_.value(row);
      if (changed_of(resident) == 0 || (resident & kChangedAfter) == changed_after()) return;
      const Lookup key = rows_.key(row);
      const std::uint32_t stored = tables_.write_back(Key::hash(key), encoded(key), changed_of(resident), stored_of(resident));
      rows_.set(row, (resident & kUses) | std::uint64_t{stored} << kStoredShift);
    });
    // Where rows lie thinly a unit may have none.
    to_look_at_ -= std::min(to_look_at_, std::max<std::size_t>(seen, 1));
  }

  std::string_view encoded(Lookup key) {
    if constexpr (Key::kWords == 1) {
      key_.clear();
      Key::encode(key, key_);
      return key_.view();
    } else {
      return key;
    }
  }

  void evict(std::size_t keys) {
    const std::uint64_t first = hand_.hash;
    // Where a whole round finds nobody to go, as behind a time in which all were used, uses count no more.
    std::uint64_t spares = rows_.size();
    while (keys > 0) {
      rows_.for_next_rows(hand_, kUnitsAtOnce, [&](auto row) {
        if (keys == 0) return;
        const std::uint64_t resident = rows_.value(row);
        if (uses_of(resident) != 0 && spares > 0) {
          rows_.set(row, resident - kOneUse);
          --spares;
        } else {
          evict_row(row);
          --keys;
        }
      });
    }
    merge_thin(first, hand_.hash);
  }
  // Between two places of the hand; 0 is also the end of all hashes.
  void merge_thin(std::uint64_t first, std::uint64_t end) {
    if (first == end) return;
    if (end != 0 && end < first) {
      merge_thin({first, kLastHash});
      first = 0;
    }
    merge_thin({first, end - 1});
  }
  void merge_thin(HashSpan span) {
    rows_.merge_thin(span);
    tables_.merge_thin(span);
  }
  void evict_by_chance() {
    // At most once round, as the hand goes on from where it ends.
    for (std::size_t seen = 0, all = rows_.size(); seen < all;) {
      rows_.for_next_rows(hand_, kUnitsAtOnce, [&](auto row) {
        ++seen;
        if (tables_.chance()) evict_row(row);
      });
    }
    if (tables_.chance()) merge_thin({0, kLastHash});
  }
  void evict_row(typename Rows::Row row) {
    const Lookup key = rows_.key(row);
    const std::uint64_t resident = rows_.value(row);
    tables_.evict(Key::hash(key), encoded(key), changed_of(resident), stored_of(resident));
    rows_.erase(row);
  }

  SpilledTables& tables_;
  Rows rows_;
  typename Rows::Hand hand_;
  typename Rows::Hand write_hand_;
  std::uint64_t written_back_for_ = 0;  // as many checkpoints by files
  std::size_t to_look_at_ = 0;          // until the hand has gone round
  ByteWriter key_;
};

}  // namespace tidemark::detail

// The table for every key and value that LineTable does not take: open addressing over slots with the epoch inside.
//
// A slot is its state word (epoch, and whether it is empty, live or a tombstone), 32 bits of the hash, the key's words and
// the value's. Search is linear from the slot that the low bits of the hash name. Key is a StoredKey, Cell a ValueCell: both
// may own memory, which is freed when no running snapshot can see it. Whether one sees a value, the slot's epoch tells; a key
// may be older than that, and a flag says where snapshots may have it. Threads: as SegmentedTable.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <utility>

#include "tidemark/detail/state/line_table.h"
#include "tidemark/detail/state/segmented_table.h"
#include "tidemark/detail/state/stored_key.h"
#include "tidemark/detail/state/stored_value.h"

namespace tidemark::detail {

template <class Key, class V>
struct SlotLayout {
  using Cell = ValueCell<V>;

  static constexpr std::size_t kUnitWords = Key::kWords + Cell::kWords;
  static constexpr std::uint32_t kUnits = static_cast<std::uint32_t>(
      std::clamp<std::size_t>(std::bit_floor(std::size_t{65536} / (8 + 8 * kUnitWords)), 256, 2048));
  static constexpr unsigned kEpochShift = 3;
  static constexpr std::uint32_t kFlagMask = 7;
  static constexpr unsigned kFragmentShift = 16;
  static constexpr std::uint32_t kEmpty = 0;
  static constexpr std::uint32_t kLive = 1;
  static constexpr std::uint32_t kTombstone = 2;
  // Beside kLive: a snapshot that ran when the value was changed has the key.
  static constexpr std::uint32_t kKeySeen = 4;
  static constexpr std::uint32_t kMaxUsed = kUnits / 4 * 3;
  // Fewer than any segment has that is split.
  static constexpr std::uint32_t kMostMerged = kMaxUsed / 2;
  static constexpr std::uint32_t kGroupUnits = 8;
  static constexpr bool kOwns = Cell::kOwns;
  static constexpr bool kDestroys = Cell::kDestroys;

  struct Slot {
    std::uint32_t state;
    std::uint32_t fragment;
    std::uint64_t words[kUnitWords];
  };
  struct Segment {
    SegmentHeader head;
    std::uint32_t newest[kUnits / kGroupUnits];
    alignas(64) Slot slots[kUnits];
  };
  struct Entry {
    std::uint64_t words[kUnitWords];
  };

  static Table::Places places() {
    return {.unit_mask = kUnits - 1,
            .first_offset = offsetof(Segment, slots),
            .first_stride = sizeof(Slot),
            .second_offset = offsetof(Segment, slots) + sizeof(Slot) - 1,
            .second_stride = sizeof(Slot),
            .block_offset = Cell::kOwns ? offsetof(Slot, words) + Key::kWords * sizeof(std::uint64_t) : 0,
            .block_last = Cell::kOwns ? sizeof(V) - 1 : 0,
            .live_flag = kLive,
            .fragment_shift = kFragmentShift};
  }
  static void reset(Segment& segment, std::uint32_t epoch) {
    for (Slot& slot : segment.slots) slot.state = epoch << kEpochShift | kEmpty;
  }
  static bool is_full(const SegmentHeader& head) { return head.used >= kMaxUsed; }
  static bool worth_splitting(const SegmentHeader& head) { return head.live * 3 >= head.used * 2; }
  static std::uint32_t& state(Segment& segment, std::uint32_t unit) { return segment.slots[unit].state; }
  static std::uint64_t* words(Segment& segment, std::uint32_t unit) { return segment.slots[unit].words; }
  static bool is_live(std::uint32_t state) { return (state & kLive) != 0; }
  static std::uint32_t seen_flags(std::uint32_t state) { return (state & kFlagMask) | (is_live(state) ? kKeySeen : 0); }
  static std::uint32_t home(std::uint64_t hash) { return static_cast<std::uint32_t>(hash) % kUnits; }
  static std::uint32_t fragment(std::uint64_t hash) { return static_cast<std::uint32_t>(hash >> kFragmentShift); }

  template <class F>
  static void for_each(std::uint32_t state, const std::uint64_t* words, F&& f) {
    if (!is_live(state)) return;
    Entry entry;
    std::memcpy(entry.words, words, sizeof entry.words);
    f(entry);
  }
  static std::uint64_t hash(const Entry& entry) { return Key::hash(entry.words); }
  static void encode(const Entry& entry, ByteWriter& key, ByteWriter& value) {
    Key::encode(entry.words, key);
    StoredValue<V>::encode(Cell::get(entry.words + Key::kWords), value);
  }

  /// Of a live slot, before that gets another key or none.
  static void retire_key(const std::uint64_t* words, std::uint32_t state, CowDomain& domain) {
    constexpr std::uint32_t kAnyEpoch = 1;
    if constexpr (Key::kOwns) Key::retire(words, state & kKeySeen ? kAnyEpoch : state >> kEpochShift, domain);
  }
  /// What a cell owned until now, which was written in that epoch.
  static void retire_value(std::uint64_t word, std::uint32_t written_in, CowDomain& domain) {
    if constexpr (Cell::kOwns) Cell::retire(word, written_in, domain);
  }
  static void for_each_owned(Segment& segment, CowDomain& domain) {
    if constexpr (Key::kOwns || Cell::kOwns) {
      for (const Slot& slot : segment.slots) {
        if (!is_live(slot.state)) continue;
        retire_key(slot.words, slot.state, domain);
        retire_value(slot.words[Key::kWords], slot.state >> kEpochShift, domain);
      }
    }
  }

  // A search that comes by these would end at the next slot anyway. Snapshots see neither.
  static void drop_tombstones(Segment& segment, std::uint32_t unit) {
    if ((segment.slots[(unit + 1) % kUnits].state & kFlagMask) != kEmpty) return;
    for (; (segment.slots[unit].state & kFlagMask) == kTombstone; unit = (unit + kUnits - 1) % kUnits) {
      store_state(segment.slots[unit].state, (segment.slots[unit].state & ~kFlagMask) | kEmpty);
      --segment.head.used;
    }
  }

  static std::uint32_t find_room(const Segment& segment, std::uint64_t hash) {
    std::uint32_t unit = home(hash);
    while (is_live(segment.slots[unit].state)) unit = (unit + 1) % kUnits;
    return unit;
  }
  static void place(Segment& segment, std::uint32_t unit, std::uint64_t hash, const Entry& entry) {
    Slot& slot = segment.slots[unit];
    if ((slot.state & kFlagMask) == kEmpty) ++segment.head.used;
    slot.fragment = fragment(hash);
    store_words<kUnitWords>(slot.words, entry.words);
    store_state(slot.state, (slot.state & ~kFlagMask) | kLive);
  }
  static void move_entry(Segment& to, std::uint64_t hash, const Entry& entry, std::uint32_t epoch, std::uint32_t flags) {
    const std::uint32_t unit = find_room(to, hash);
    to.slots[unit].state = epoch << kEpochShift;
    place(to, unit, hash, entry);
    to.slots[unit].state |= flags;
  }
};

template <class Key, class V>
class SlotTable : public SegmentedTable<SlotLayout<Key, V>> {
  using Layout = SlotLayout<Key, V>;
  using Cell = typename Layout::Cell;
  using Base = SegmentedTable<Layout>;
  using Segment = typename Layout::Segment;

 public:
  using Lookup = typename Key::Lookup;  ///< what a key is looked up by
  /// How a value is handed over: what gets a block of its own is moved there, and copied before only if the caller keeps it.
  using Given = typename Cell::Given;

  /// Where an entry lies; valid until the next insert, erase or clear of this table.
  struct Row {
    Segment* segment = nullptr;
    std::uint32_t unit = 0;
    explicit operator bool() const { return segment != nullptr; }
  };

  using Base::Base;

  [[gnu::always_inline]] Row find(std::uint64_t hash, Lookup key) {
    Segment& segment = this->segment_of(hash);
    const std::uint32_t fragment = Layout::fragment(hash);
    for (std::uint32_t unit = Layout::home(hash);; unit = (unit + 1) % Layout::kUnits) {
      const auto& slot = segment.slots[unit];
      if ((slot.state & Layout::kFlagMask) == Layout::kEmpty) return {};
      if (Layout::is_live(slot.state) && slot.fragment == fragment && Key::equals(slot.words, key)) return {&segment, unit};
    }
  }

  Lookup key(Row row) const { return Key::lookup(row.segment->slots[row.unit].words); }
  /// Stays valid as long as the row and until the value is changed.
  const V& value_ref(Row row) const { return Cell::get(cell(row)); }
  V value(Row row) const { return value_ref(row); }

  void set(Row row, Given value) {
    const std::uint64_t old = cell(row)[0];
    const std::uint32_t written_in = row.segment->slots[row.unit].state >> Layout::kEpochShift;
    this->touch(*row.segment, row.unit);
    std::uint64_t words[Cell::kWords];
    Cell::make(std::forward<Given>(value), words, this->domain());
    store_words<Cell::kWords>(cell(row), words);
    Layout::retire_value(old, written_in, this->domain());
  }

  /// f(V&) on the value: in place where no running snapshot sees it, else on a copy that takes its place.
  template <class F>
  void mutate(Row row, F&& f) {
    if (!this->domain().any_active()) {
      change_in_place(row, f);
    } else if constexpr (Cell::kOwns) {
      if (this->domain().needed(row.segment->slots[row.unit].state >> Layout::kEpochShift)) {
        V copy{value_ref(row)};
        f(copy);
        set(row, std::move(copy));
      } else {
        change_in_place(row, f);
      }
    } else {
      // Even what was written after the snapshot began is read, and thrown away then, so it changes by whole words.
      V copy{value_ref(row)};
      f(copy);
      set(row, copy);
    }
  }

  /// For a key that find() did not find.
  [[gnu::noinline]] Row insert(std::uint64_t hash, Lookup key, Given value) {
    while (Layout::is_full(this->segment_of(hash).head)) this->split(hash);
    Segment& segment = this->segment_of(hash);
    const std::uint32_t unit = Layout::find_room(segment, hash);
    this->touch(segment, unit);
    return place(segment, unit, hash, key, std::forward<Given>(value));
  }

  void erase(Row row) {
    auto& slot = row.segment->slots[row.unit];
    this->remember_erased([&](ByteWriter& to) { Key::encode(slot.words, to); });
    const std::uint32_t written_in = slot.state >> Layout::kEpochShift;
    this->touch(*row.segment, row.unit);
    Layout::retire_key(slot.words, slot.state, this->domain());
    Layout::retire_value(slot.words[Key::kWords], written_in, this->domain());
    store_state(slot.state, (slot.state & ~Layout::kFlagMask) | Layout::kTombstone);
    this->count_erase(*row.segment);
    Layout::drop_tombstones(*row.segment, row.unit);
  }

  /// f(key, const V&) of every entry in that part of the hashes, in no order; f must not change the table.
  template <class F>
  void for_each(F&& f, HashPart part = {}) {
    this->for_each_unit(part, [&](std::uint32_t state, const std::uint64_t* words, const auto& is_of_part) {
      if (!Layout::is_live(state) || !is_of_part([&] { return Key::hash(words); })) return;
      f(Key::lookup(words), Cell::get(words + Key::kWords));
    });
  }

  /// f(Row) of each entry in the next `units` slots; f may erase it.
  template <class F>
  void for_next_rows(typename Base::Hand& hand, std::uint32_t units, F&& f) {
    this->for_next_units(hand, units, [&](Segment& segment, std::uint32_t unit) {
      if (Layout::is_live(segment.slots[unit].state)) f(Row{&segment, unit});
    });
  }

  bool contains(std::uint64_t hash, std::string_view key) override {
    Lookup lookup{};
    return Key::decode(key, lookup) && find(hash, lookup);
  }
  bool read_entry(std::uint64_t hash, std::string_view key, ByteWriter& value) override {
    Lookup lookup{};
    const Row row = Key::decode(key, lookup) ? find(hash, lookup) : Row{};
    if (row) StoredValue<V>::encode(value_ref(row), value);
    return static_cast<bool>(row);
  }
  bool take_entry(std::uint64_t hash, std::string_view key, ByteWriter* value) override {
    Lookup lookup{};
    const Row row = Key::decode(key, lookup) ? find(hash, lookup) : Row{};
    if (!row) return false;
    if (value != nullptr) StoredValue<V>::encode(value_ref(row), *value);
    erase(row);
    return true;
  }

  bool restore_entry(std::uint64_t hash, std::string_view key, std::string_view value) override {
    Lookup lookup{};
    V restored{};
    if (!Key::decode(key, lookup) || !StoredValue<V>::decode(value, restored)) return false;
    if (const Row row = find(hash, lookup)) {
      set(row, std::move(restored));
    } else {
      insert(hash, lookup, std::move(restored));
    }
    return true;
  }
  bool load_entry(std::uint64_t hash, std::string_view key, std::string_view value, std::uint32_t written_in) override {
    if (!this->can_date_back()) return restore_entry(hash, key, value);
    Lookup lookup{};
    V loaded{};
    if (!Key::decode(key, lookup) || !StoredValue<V>::decode(value, loaded)) return false;
    while (Layout::is_full(this->segment_of(hash).head)) this->split(hash);
    Segment& segment = this->segment_of(hash);
    const std::uint32_t unit = Layout::find_room(segment, hash);
    this->date_back(segment, unit, true, written_in);
    place(segment, unit, hash, lookup, std::move(loaded));
    return true;
  }

 private:
  Row place(Segment& segment, std::uint32_t unit, std::uint64_t hash, Lookup key, Given value) {
    typename Layout::Entry entry;
    Key::make(key, entry.words, this->domain());
    Cell::make(std::forward<Given>(value), entry.words + Key::kWords, this->domain());
    Layout::place(segment, unit, hash, entry);
    this->count_insert(segment);
    return {&segment, unit};
  }
  template <class F>
  void change_in_place(Row row, F& f) {
    this->touch(*row.segment, row.unit);
    if constexpr (Cell::kDestroys) {
      const std::size_t outside_before = Cell::outside_bytes(cell(row)[0]);
      const auto settle = [&] {
        Cell::settle(cell(row));
        this->domain().count_value(Cell::outside_bytes(cell(row)[0]), outside_before);
      };
      try {
        f(Cell::get_mutable(cell(row)));
      } catch (...) {
        settle();
        throw;
      }
      settle();
    } else {
      f(Cell::get_mutable(cell(row)));
    }
  }
  static std::uint64_t* cell(Row row) { return row.segment->slots[row.unit].words + Key::kWords; }
};

/// The table that fits a key and a value.
template <class Key, class V>
struct TableFor {
  using type = SlotTable<Key, V>;
};
template <class Key, class V>
  requires(Key::kWords == 1 && kStoredInline<V> && sizeof(V) <= 8)
struct TableFor<Key, V> {
  using type = LineTable<Key, V>;
};
template <class K, class V>
using StateTable = typename TableFor<StoredKey<K>, V>::type;

}  // namespace tidemark::detail

// The erased side of a table of keyed state: what snapshots, restores and the backend need without knowing its types.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>

#include "tidemark/detail/base/bytes.h"
#include "tidemark/detail/state/changed_since.h"
#include "tidemark/detail/state/hash_part.h"

namespace tidemark::detail {

/// Takes the entries of a table, encoded.
class EntrySink {
 public:
  /// In the namespace of the view.
  virtual void entry(std::uint64_t hash, std::string_view key, std::string_view value) = 0;
  /// In a namespace of its own.
  virtual void entry_with_namespace(std::uint64_t hash, std::string_view key, std::string_view namespace_bytes,
                                    std::string_view value) = 0;

 protected:
  ~EntrySink() = default;
};

/// Takes keys that were erased, encoded, in the namespace of the view.
class ErasedSink {
 public:
  virtual void erased(std::uint64_t hash, std::string_view key) = 0;

 protected:
  ~ErasedSink() = default;
};

/// A table's content at the moment of a trigger. Read by one snapshotter on any thread while the writer goes on; destroyed
/// before the domain's end() of its bound.
class TableView {
 public:
  virtual ~TableView() = default;
  virtual std::size_t segment_count() const = 0;
  /// Emits the segment's entries in the order of their hashes. Segments are in that order, too.
  virtual void read_segment(std::size_t index, EntrySink& sink) = 0;

  /// The oldest epoch since which the view knows all that changed; none if it always shows everything.
  virtual std::optional<std::uint32_t> changes_known_since() const { return std::nullopt; }
  /// It shall show what changed, and everything where that says so; before the first segment, which are then read once
  /// and in their order. Only for a view that knows all that changed since then.
  virtual void show_changes(std::shared_ptr<const ChangedSince> since) { static_cast<void>(since); }
  /// After the last segment: what was erased since then, where not everything is shown. In no order, keys perhaps several
  /// times and some that were put in again: the view's entries count behind them.
  virtual void read_erased(ErasedSink& sink) { static_cast<void>(sink); }
};

class Table {
 public:
  virtual ~Table() = default;

  /// Asks for the memory that keys of these hashes lie in. Not virtual, and for a run of records at once: where to look is
  /// read once. always_inline, as must be whatever only calls it: g++ 12 takes a function that does nothing but prefetch for
  /// one without effect and drops the call.
  [[gnu::always_inline]] void prefetch(const std::uint64_t* hashes, std::uint32_t count) const {
    if (size_ == 0) return;
    const Places at = places_;
    for (std::uint32_t i = 0; i < count; ++i) {
      const auto* segment = static_cast<const char*>(at.directory[hashes[i] >> at.shift]);
      const std::size_t unit = hashes[i] & at.unit_mask;
      __builtin_prefetch(segment + at.first_offset + unit * at.first_stride, 1);
      __builtin_prefetch(segment + at.second_offset + unit * at.second_stride, 1);
    }
  }

  /// Likewise, some records behind it, for what their slots point to. By then those are there, or are waited for here: which is
  /// no worse than where the record itself is handled.
  [[gnu::always_inline]] void prefetch_blocks(const std::uint64_t* hashes, std::uint32_t count) const {
    const Places at = places_;
    if (at.block_offset == 0 || size_ < kManyEntries) return;
    for (std::uint32_t i = 0; i < count; ++i) {
      const auto* segment = static_cast<const char*>(at.directory[hashes[i] >> at.shift]);
      const char* slot = segment + at.first_offset + (hashes[i] & at.unit_mask) * at.first_stride;
      std::uint32_t head[2];  // state and fragment of the hash
      std::memcpy(head, slot, sizeof head);
      if ((head[0] & at.live_flag) == 0 || head[1] != static_cast<std::uint32_t>(hashes[i] >> at.fragment_shift)) continue;
      const char* block = nullptr;
      std::memcpy(&block, slot + at.block_offset, sizeof block);
      __builtin_prefetch(block, 1);
      __builtin_prefetch(block + at.block_last, 1);
    }
  }

  /// Likewise, while a snapshot runs in this epoch, for what is written at an entry's first change in it: the old entry goes into
  /// its segment's log, and the epoch to those of its neighbours.
  [[gnu::always_inline]] void prefetch_log(const std::uint64_t* hashes, std::uint32_t count, std::uint32_t epoch) const {
    if (size_ < kManyEntries) return;
    const Places at = places_;
    for (std::uint32_t i = 0; i < count; ++i) {
      const auto* segment = static_cast<const char*>(at.directory[hashes[i] >> at.shift]);
      const std::size_t unit = hashes[i] & at.unit_mask;
      std::uint32_t state = 0;
      std::memcpy(&state, segment + at.first_offset + unit * at.first_stride, sizeof state);
      if (state >> at.epoch_shift == epoch) continue;
      __builtin_prefetch(segment + at.logs_offset, 1);
      __builtin_prefetch(segment + at.newest_offset + (unit >> at.group_shift) * sizeof(std::uint32_t), 1);
    }
  }

  /// The view of the snapshot with this bound: call between the domain's begin() and the next write.
  virtual std::unique_ptr<TableView> view(std::uint32_t bound) = 0;
  /// Puts an entry of a snapshot back. False if the bytes do not decode.
  virtual bool restore_entry(std::uint64_t hash, std::string_view key, std::string_view value) = 0;
  /// Likewise one that is put back later and that no entry stands for. Unless a snapshot runs it counts as written in this
  /// epoch, which has ended: so the next one of what changed need not have it.
  virtual bool load_entry(std::uint64_t hash, std::string_view key, std::string_view value, std::uint32_t written_in) {
    static_cast<void>(written_in);
    return restore_entry(hash, key, value);
  }
  std::size_t size() const { return size_; }
  virtual std::size_t memory_bytes() const = 0;

  // What a table is asked that holds only a part of its state's entries: the others are in a store (spilled_tables.h).

  /// As view(), with what has expired.
  virtual std::unique_ptr<TableView> view_of_all(std::uint32_t bound) = 0;
  /// What snapshots show of `all`: that which has not expired.
  virtual std::unique_ptr<TableView> living(std::unique_ptr<TableView> all) { return all; }
  /// True if an encoded value has expired. Any thread.
  virtual bool is_over(std::string_view value, std::uint32_t now_s) const {
    static_cast<void>(value), static_cast<void>(now_s);
    return false;
  }
  /// Of a state whose entries expire: whatever was written before this second since 1970 has. 0: nothing yet.
  virtual std::uint32_t living_since_s() const { return 0; }
  /// Whatever was written before this second had expired when it was saved, and has now, however long entries live. Before the
  /// first entry.
  virtual void set_living_since(std::uint32_t second) { static_cast<void>(second); }
  virtual bool contains(std::uint64_t hash, std::string_view key) = 0;
  /// The encoded value of a key, which must decode, goes behind what `value` holds. False if there is none.
  virtual bool read_entry(std::uint64_t hash, std::string_view key, ByteWriter& value) = 0;
  /// Removes the entry of a key, which must decode; its encoded value goes behind what `value` holds, unless that is null.
  /// False if there is none.
  virtual bool take_entry(std::uint64_t hash, std::string_view key, ByteWriter* value) = 0;

  /// Gives back memory that entries of these hashes, of which many were taken out, need no more. Rows are not valid after.
  virtual void merge_thin(HashSpan span) = 0;

  /// Set in a cursor's marks when the current key's entry changes: see key_cursor.h.
  std::uint32_t mark() const { return mark_; }
  void set_mark(std::uint32_t mark) { mark_ = mark; }

  /// Where the two places to prefetch lie for a hash; the first begins with the unit's state.
  struct Places {
    const void* const* directory = nullptr;
    unsigned shift = 63;
    std::size_t unit_mask = 0;
    std::size_t first_offset = 0;
    std::size_t first_stride = 0;
    std::size_t second_offset = 0;
    std::size_t second_stride = 0;
    // Of a slot that points to a block, which is so long; 0 where none does.
    std::size_t block_offset = 0;
    std::size_t block_last = 0;
    std::uint32_t live_flag = 0;
    unsigned fragment_shift = 0;
    // Of a segment, what changes with the first change of a unit in an epoch.
    unsigned epoch_shift = 0;
    unsigned group_shift = 0;
    std::size_t logs_offset = 0;
    std::size_t newest_offset = 0;
  };

 protected:
  Places places_;
  std::size_t size_ = 0;  // entries

  // The blocks of fewer lie in the cache.
  static constexpr std::size_t kManyEntries = 32'768;

 private:
  std::uint32_t mark_ = 0;
};

}  // namespace tidemark::detail

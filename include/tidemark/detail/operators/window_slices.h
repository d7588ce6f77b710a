// The slices of an operator's windows: a table each, and behind it what did not fit into memory.
//
// Where the backend spills, and the slices come near their share, the largest table leaves: it is written into a run
// (entry_run.h), a piece between two batches, while what comes for its slice begins anew. Accumulators can be merged, so nobody
// asks what a run has before the slice is read: a slice is its runs, oldest first, and its tables. Files are written and read
// from front to back; only a late record that makes a window fire again looks single keys up.
//
// While state is restored, an entry of a newer file takes the place of that of an older one. So the runs of that time have
// entries that replace those before, and at its end no table has any of them behind a run.
//
// The operator's thread, but for views, which are read beside it. What goes wrong with files is a TaskFailure that names the
// operator.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tidemark/detail/base/check.h"
#include "tidemark/detail/codec/key.h"
#include "tidemark/detail/model/operator_name.h"
#include "tidemark/detail/state/entry_runs.h"
#include "tidemark/detail/state/keyed_backend.h"
#include "tidemark/detail/state/owned_bytes.h"
#include "tidemark/detail/state/slot_table.h"
#include "tidemark/detail/task/failure.h"

namespace tidemark::detail {

template <class K, class Accumulator>
struct WindowSlice {
  using Table = StateTable<K, Accumulator>;

  EntryRuns runs;
  std::unique_ptr<Table> leaving;  ///< behind the runs: is being written into the next one, or null
  std::unique_ptr<Table> table;    ///< behind that: what came last, or null

  std::set<std::pair<std::uint64_t, std::string>> erased;  ///< hash and key; while it is restored, behind the runs
  std::size_t erased_bytes = 0;                            ///< that those take, about

  bool is_in_table() const { return runs.empty() && leaving == nullptr; }
};

/// As a slice's start stands in snapshots.
std::string encode_slice(std::int64_t start);
/// False if the bytes do not decode.
bool decode_slice(std::string_view bytes, std::int64_t& start);

[[noreturn]] void fail_on_disk(const OperatorName& op, const Error& error);

/// f(), which reads or writes files.
template <class F>
void on_disk(const OperatorName& op, F&& f) {
  try {
    f();
  } catch (const Error& error) {
    fail_on_disk(op, error);
  }
}

/// Into the entry of a key of the table, or as a new one.
template <class Agg, class Table, class Lookup, class Accumulator>
void merge_into(const Agg& aggregate, Table& table, std::uint64_t hash, Lookup key, const Accumulator& from) {
  if (const auto row = table.find(hash, key)) {
    table.mutate(row, [&](Accumulator& accumulator) { aggregate.merge(accumulator, from); });
  } else {
    table.insert(hash, key, from);
  }
}

template <class Accumulator>
void decode_accumulator(std::string_view bytes, Accumulator& accumulator) {
  TIDEMARK_CHECK(StoredValue<Accumulator>::decode(bytes, accumulator), "an accumulator that was encoded here decodes");
}

template <class K, class Accumulator, class Agg>
class WindowSlices final : public CompositeState {
  using Stored = StoredKey<K>;
  using Lookup = typename Stored::Lookup;

 public:
  using Slice = WindowSlice<K, Accumulator>;
  using Table = typename Slice::Table;

  /// A state of `backend`, which outlives it, as do the others. `looks_up_keys`: merge_key() will be called.
  WindowSlices(KeyedBackend& backend, StateDescriptor descriptor, const Agg& aggregate, const OperatorName& name,
               bool looks_up_keys)
      : backend_{backend},
        descriptor_{std::move(descriptor)},
        aggregate_{aggregate},
        name_{name},
        looks_up_keys_{looks_up_keys} {
    backend_.add(*this);
  }

  /// Where a slice's records go; null if there is no such slice. Valid until the backend is told of memory.
  Table* find(std::int64_t start) {
    const auto found = slices_.find(start);
    return found == slices_.end() ? nullptr : &table_of(found->second);
  }
  /// Of a slice that is not there.
  Table& add(std::int64_t start) { return table_of(slices_[start]); }
  /// A slice that is there. Stays where it is until it is recycled.
  Slice& at(std::int64_t start) { return slices_.at(start); }
  std::vector<std::int64_t> starts() const {
    std::vector<std::int64_t> starts;
    for (const auto& [start, slice] : slices_) starts.push_back(start);
    return starts;
  }
  /// A slice that is there goes, with all that it has.
  void recycle(std::int64_t start) {
    const auto found = slices_.find(start);
    Slice& slice = found->second;
    if (slice.table != nullptr) {
      slice.table->clear();
      spare_.push_back(std::move(slice.table));
    }
    backend_.namespace_dropped(*this, encode_slice(start));
    if (spill_ != nullptr && &spill_->slice == &slice) spill_.reset();
    if (compacted_ == &slice) compaction_.reset();
    const bool has_runs = !slice.runs.empty();
    slices_.erase(found);
    if (has_runs) count_runs();
  }

  /// What a slice that is there has of a key, behind what `merged` has. `read` keeps the bytes that text in it points to.
  void merge_key(std::int64_t start, std::uint64_t hash, Lookup key, std::string_view encoded, Accumulator& merged,
                 std::vector<std::vector<std::string>>& read) {
    Slice& slice = slices_.at(start);
    if (!slice.runs.empty()) {
      on_disk(name_, [&] { read.push_back(slice.runs.find(hash, encoded)); });
      for (const std::string& value : read.back()) {
        Accumulator from{};
        decode_accumulator(value, from);
        aggregate_.merge(merged, from);
      }
    }
    for (Table* table : {slice.leaving.get(), slice.table.get()}) {
      const auto row = table != nullptr ? table->find(hash, key) : typename Table::Row{};
      if (row) aggregate_.merge(merged, table->value_ref(row));
    }
  }

  /// In how many parts of the hashes slices are best merged: so that one stays in the cache and, if there are files to be read,
  /// is small beside the share.
  std::uint64_t merged_in_parts(const std::vector<Slice*>& slices) {
    find_owned_a_row();
    std::uint64_t bytes = 0;
    std::size_t part_bytes = kCachedPartBytes;
    for (const Slice* slice : slices) {
      bytes += slice->runs.bytes() + bytes_of(slice->leaving) + bytes_of(slice->table);
      if (!slice->runs.empty()) part_bytes = std::clamp(share_bytes_ / 16, kRunBlockBytes, kMostPartBytes);
    }
    return bytes / part_bytes + 1;
  }
  /// So much memory is taken for what is merged of them.
  void set_merged_bytes(std::size_t bytes) { merged_bytes_ = bytes; }

  /// The backend is restored.
  void end_restore() {
    if (!std::exchange(is_restoring_, false)) return;
    on_disk(name_, [&] {
      for (auto& [start, slice] : slices_) {
        if (slice.runs.empty()) continue;
        begin_spill(slice, RunEntryKind::kReplacing);
        while (spill_ != nullptr) write_part();
      }
    });
  }

  // As a state of the backend.

  StateDescriptor descriptor() const override { return descriptor_; }
  std::vector<StateView> views(std::uint32_t bound) override {
    std::vector<StateView> result;
    for (const auto& [start, slice] : slices_) {
      std::vector<std::unique_ptr<TableView>> views;
      if (slice.leaving != nullptr) views.push_back(slice.leaving->view(bound));
      if (slice.table != nullptr) views.push_back(slice.table->view(bound));
      if (!slice.is_in_table()) {
        auto all = view_of_runs(slice.runs, std::move(views), std::make_unique<Fold>(aggregate_, name_));
        result.push_back({encode_slice(start), std::move(all)});
      } else if (!views.empty()) {
        result.push_back({encode_slice(start), std::move(views.front())});
      }
    }
    return result;
  }
  bool restore_entry(std::string_view namespace_bytes, std::uint64_t hash, std::string_view key,
                     std::string_view value) override {
    std::int64_t start = 0;
    return decode_slice(namespace_bytes, start) && table_of(slices_[start]).restore_entry(hash, key, value);
  }
  bool erase_entry(std::string_view namespace_bytes, std::uint64_t hash, std::string_view key) override {
    std::int64_t start = 0;
    if (!decode_slice(namespace_bytes, start)) return false;
    const auto found = slices_.find(start);
    if (found == slices_.end()) return true;
    Slice& slice = found->second;
    if (slice.table != nullptr) slice.table->take_entry(hash, key, nullptr);
    if (!slice.runs.empty() && slice.erased.emplace(hash, key).second) {
      const std::size_t bytes = block_bytes(kTreeNodeBytes + sizeof(*slice.erased.begin())) + block_bytes(key.size() + 1);
      slice.erased_bytes += bytes;
      erased_bytes_ += bytes;
    }
    return true;
  }

  std::size_t memory_bytes() const override { return runs_bytes_ + erased_bytes_ + merged_bytes_; }
  bool spill_to(ScratchFiles& files) override {
    files_ = &files;
    is_restoring_ = true;
    return true;
  }
  void keep_to(std::size_t share_bytes) override {
    share_bytes_ = share_bytes;
    // Restored entries come one by one, and looking at all slices takes longer the more there are.
    if (is_restoring_ && ++restored_unseen_ < slices_.size() / 16) return;
    restored_unseen_ = 0;
    on_disk(name_, [&] {
      const std::size_t spilled = spill_some();
      compact_some(std::max(kLeastCompacted, 4 * spilled));
    });
  }

 private:
  static constexpr std::size_t kCachedPartBytes = 256u << 10;
  static constexpr std::size_t kMostPartBytes = 1u << 20;
  static constexpr std::size_t kLeastCompacted = 4096;
  static constexpr std::size_t kTreeNodeBytes = 32;
  // Takes some ten milliseconds.
  static constexpr std::size_t kSpilledAtOnce = 4u << 20;
  static constexpr std::size_t kLeastSpilled = 64u << 10;
  // However little memory there is, so many runs may lie about.
  static constexpr std::size_t kFewRuns = 8;

  class Fold final : public ValueFold {
   public:
    Fold(const Agg& aggregate, const OperatorName& name) : aggregate_{aggregate}, name_{name} {}
    std::string_view fold(std::span<const std::string_view> values) override {
      Accumulator merged{};
      decode_accumulator(values.front(), merged);
      for (const std::string_view value : values.subspan(1)) {
        Accumulator from{};
        decode_accumulator(value, from);
        merge(merged, from);
      }
      value_.clear();
      StoredValue<Accumulator>::encode(merged, value_);
      return value_.view();
    }

   private:
    void merge(Accumulator& into, const Accumulator& from) const {
      try {
        aggregate_.merge(into, from);
      } catch (...) {
        fail_user_code(name_, [] { return "when what was aggregated was merged"; });
      }
    }

    const Agg aggregate_;
    const OperatorName name_;
    ByteWriter value_;
  };

  Table& table_of(Slice& slice) {
    if (slice.table == nullptr) [[unlikely]] {
      if (spare_.empty()) {
        slice.table = std::make_unique<Table>(backend_.domain());
        empty_table_bytes_ = slice.table->memory_bytes();
      } else {
        slice.table = std::move(spare_.back());
        spare_.pop_back();
      }
    }
    return *slice.table;
  }

  static std::size_t rows_of(const std::unique_ptr<Table>& table) { return table != nullptr ? table->size() : 0; }
  void find_owned_a_row() {
    owned_a_row_ = 0;
    if (backend_.domain().entry_bytes() == 0) return;  // of words, whatever there are of slices
    std::size_t rows = 0;
    for (const auto& [start, slice] : slices_) rows += rows_of(slice.table) + rows_of(slice.leaving);
    if (rows != 0) owned_a_row_ = static_cast<double>(backend_.domain().entry_bytes()) / static_cast<double>(rows);
  }
  // About, with what its keys and values hold outside. What a table takes with hardly anything in it is not counted where there
  // is any room: else with many slices each record would become a file.
  std::size_t bytes_of(const std::unique_ptr<Table>& table) const {
    if (table == nullptr) return 0;
    const std::size_t owned = static_cast<std::size_t>(owned_a_row_ * static_cast<double>(table->size()));
    return table->memory_bytes() + owned - (share_bytes_ != 0 ? empty_table_bytes_ : 0);
  }
  // Of what a spill of the slice would take out of memory.
  std::size_t leavable_bytes(const Slice& slice) const { return bytes_of(slice.table) + slice.erased_bytes; }
  // Of all tables.
  std::size_t measure() {
    find_owned_a_row();
    std::size_t bytes = 0;
    for (const auto& [start, slice] : slices_) bytes += leavable_bytes(slice) + bytes_of(slice.leaving);
    for (const auto& table : spare_) bytes += table->memory_bytes();
    return bytes;
  }

  // Of what all tables may hold.
  std::size_t limit() const {
    const std::size_t beside = runs_bytes_ + backend_.domain().waiting_bytes();
    return share_bytes_ - std::min(beside, share_bytes_ / 4 * 3);
  }
  // Goes on with the table that leaves. The next one does when they come near the limit: a piece of it is enough then, but what
  // is beyond the limit leaves at once. Gives how many entries were written.
  std::size_t spill_some() {
    const CowDomain& domain = backend_.domain();
    const std::size_t pages = domain.pages().mapped_bytes();
    // Blocks of one size do not serve for another: what leaves makes room in those that are there.
    bool needs_room = pages > share_bytes_ && pages > pages_seen_ && !domain.any_active();
    pages_seen_ = pages;
    const std::size_t most_held = pages + domain.owned_bytes() + erased_bytes_ + runs_bytes_;
    if (spill_ == nullptr && most_held <= share_bytes_ / 4 * 3) return 0;
    std::size_t entries = 0;
    for (std::uint64_t before = bytes_spilled_;;) {
      const std::size_t held = measure();
      if (spill_ == nullptr && held <= limit() / 4 * 3 && !needs_room) return entries;
      const bool may_wait = held <= limit() && !needs_room && !is_restoring_;
      if (may_wait && bytes_spilled_ - before >= kSpilledAtOnce) return entries;
      if (spill_ != nullptr) {
        entries += write_part();
        needs_room = needs_room && spill_ != nullptr;
      } else if (!spare_.empty()) {
        spare_.clear();
      } else if (Slice* const slice = largest()) {
        begin_spill(*slice, is_restoring_ ? RunEntryKind::kReplacing : RunEntryKind::kMerged);
      } else {
        return entries;
      }
    }
  }
  // Of those that are worth a file.
  Slice* largest() {
    Slice* largest = nullptr;
    std::size_t most = share_bytes_ != 0 ? kLeastSpilled : 0;
    for (auto& [start, slice] : slices_) {
      if (leavable_bytes(slice) <= most) continue;
      largest = &slice;
      most = leavable_bytes(slice);
    }
    return largest;
  }

  // A table on its way into a run, a part of the hashes after the other.
  struct Spill {
    Slice& slice;
    RunEntryKind kind;
    EntryRunWriter writer;
    HashParts parts;
  };
  void begin_spill(Slice& slice, RunEntryKind kind) {
    if (rows_of(slice.table) == 0 && slice.erased.empty()) return slice.table.reset();
    if (slice.table == nullptr) slice.table = std::make_unique<Table>(backend_.domain());
    const unsigned bits = slice.table->part_bits();
    HashSpan span = slice.table->span(bits);
    if (!slice.erased.empty()) span.add({slice.erased.begin()->first, slice.erased.rbegin()->first});
    spill_ = std::make_unique<Spill>(slice, kind, EntryRunWriter{*files_, looks_up_keys_}, HashParts{span, bits});
    slice.leaving = std::move(slice.table);
  }
  std::size_t write_part() {
    Slice& slice = spill_->slice;
    const HashPart part = spill_->parts.next();
    std::size_t entries = 0;
    const auto add = [&](Lookup key, const Accumulator& accumulator) {
      ++entries;
      key_.clear();
      value_.clear();
      encode_key(key, key_);
      StoredValue<Accumulator>::encode(accumulator, value_);
      rows_.add({Stored::hash(key), key_.view(), spill_->kind, value_.view()});
    };
    slice.leaving->for_each(add, part);
    for (auto at = slice.erased.lower_bound({part.first(), {}}); at != slice.erased.end() && part.holds(at->first); ++at) {
      const auto& [hash, key] = *at;
      if (!slice.leaving->contains(hash, key)) rows_.add({hash, key, RunEntryKind::kErased, {}});
    }
    const std::uint64_t before = spill_->writer.bytes();
    rows_.write_to(spill_->writer);
    bytes_spilled_ += spill_->writer.bytes() - before;
    spill_->parts.advance();
    if (spill_->parts.done()) end_spill();
    return entries;
  }
  void end_spill() {
    Slice& slice = spill_->slice;
    slice.runs.add(spill_->writer.finish());
    slice.erased.clear();
    erased_bytes_ -= std::exchange(slice.erased_bytes, 0);
    spill_.reset();
    slice.leaving.reset();
    count_runs();
  }
  static void encode_key(Lookup key, ByteWriter& to) {
    if constexpr (KeyCodec<K>::kIsWord) {
      Stored::encode(key, to);
    } else {
      to.put_bytes(key);
    }
  }

  // As often as an entry is spilled a few others are merged, which is nearly always enough. Where it is not, runs are merged
  // until there are few enough, or no slice has more of them than are worth merging.
  void compact_some(std::size_t keys) {
    const std::size_t enough = std::max(kFewRuns, share_bytes_ / 4 / kRunBlockBytes);
    do {
      if (compaction_ == nullptr && run_count_ > enough) begin_compaction();
      if (compaction_ == nullptr) return;
      compact(run_count_ > 2 * enough ? std::numeric_limits<std::size_t>::max() : keys);
    } while (run_count_ > 2 * enough);
  }
  void compact(std::size_t keys) {
    Fold fold{aggregate_, name_};
    std::unique_ptr<RunCompaction> compaction = std::move(compaction_);
    if (compaction->step(keys, fold)) {
      count_runs();
    } else {
      compaction_ = std::move(compaction);
    }
  }
  void begin_compaction() {
    Slice* most = nullptr;
    for (auto& [start, slice] : slices_) {
      if (RunCompaction::is_due(slice.runs) && (most == nullptr || slice.runs.size() > most->runs.size())) most = &slice;
    }
    if (most == nullptr) return;
    compaction_ = std::make_unique<RunCompaction>(most->runs, *files_, looks_up_keys_);
    compacted_ = most;
  }
  void count_runs() {
    run_count_ = 0;
    runs_bytes_ = 0;
    for (const auto& [start, slice] : slices_) {
      run_count_ += slice.runs.size();
      runs_bytes_ += slice.runs.memory_bytes() + slice.runs.cursor_bytes();
    }
  }

  KeyedBackend& backend_;
  const StateDescriptor descriptor_;
  const Agg& aggregate_;
  const OperatorName& name_;
  const bool looks_up_keys_;
  std::map<std::int64_t, Slice> slices_;  // by start
  std::vector<std::unique_ptr<Table>> spare_;
  double owned_a_row_ = 0;        // what keys and values hold outside of tables, on average
  std::size_t merged_bytes_ = 0;  // outside of the slices

  // From here on only where the backend spills.
  ScratchFiles* files_ = nullptr;
  bool is_restoring_ = false;
  std::size_t restored_unseen_ = 0;  // entries since the last look at what all slices hold
  std::size_t erased_bytes_ = 0;     // of all slices
  std::size_t share_bytes_ = 0;
  std::size_t empty_table_bytes_ = 0;
  std::size_t pages_seen_ = 0;       // of the backend, mapped at the last look
  std::unique_ptr<Spill> spill_;     // null while no table leaves
  std::uint64_t bytes_spilled_ = 0;  // into runs, so far
  RunRows rows_;                     // of the part that is written
  ByteWriter key_;                   // of one of them
  ByteWriter value_;
  std::size_t run_count_ = 0;
  std::size_t runs_bytes_ = 0;       // of memory, with a cursor in each of them
  std::unique_ptr<RunCompaction> compaction_;  // null while nothing is compacted
  const Slice* compacted_ = nullptr;           // whose runs those are
};

}  // namespace tidemark::detail

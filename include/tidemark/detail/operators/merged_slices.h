// What the slices of a window hold together: merged part by part of the hashes, so that the merged entries stay in the cache,
// and so that slices larger than memory never are in it as a whole.
//
// From begin() until all is read the slices stay as they are. The operator's thread.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "tidemark/detail/base/planted_bug.h"
#include "tidemark/detail/operators/window_slices.h"

namespace tidemark::detail {

template <class K, class Accumulator, class Agg>
class MergedSlices {
  using Stored = StoredKey<K>;
  using Lookup = typename Stored::Lookup;
  using Slice = WindowSlice<K, Accumulator>;
  using Table = typename Slice::Table;

 public:
  /// Both outlive it.
  MergedSlices(const Agg& aggregate, const OperatorName& name) : aggregate_{aggregate}, name_{name} {}

  /// All before must be read. Of slices that are not all in memory about `part_bytes` are at once.
  void begin(const std::vector<Slice*>& slices, std::size_t part_bytes) {
    inputs_.clear();
    only_ = nullptr;
    unsigned least_bits = kMostTableBits;
    std::uint64_t bytes = 0;
    is_in_tables_ = true;
    for (const Slice* slice : slices) {
      if (!slice->is_in_table()) {
        is_in_tables_ = false;
        Input& input = add(slice->leaving.get());
        on_disk(name_, [&] { input.runs = std::make_unique<RunMerge>(slice->runs.oldest_first()); });
        bytes += slice->runs.bytes();
      }
      if (slice->table != nullptr) add(slice->table.get());
    }
    for (const Input& input : inputs_) {
      least_bits = std::min(least_bits, input.table_bits);
      if (input.table != nullptr) bytes += input.table->memory_bytes();
    }
    if (!is_in_tables_) {
      merging_ = {{static_cast<unsigned>(std::bit_width(bytes / part_bytes)), 0}};
    } else if (inputs_.size() == 1) {
      only_ = inputs_.front().table;
      emitting_ = {{inputs_.front().table_bits, 0}};
    } else if (!inputs_.empty()) {
      merging_ = {{least_bits, 0}};
    }
  }

  /// All is read, or nothing was begun.
  bool done() const { return merging_.done() && emitting_.done(); }
  /// Of what is merged at once.
  std::size_t memory_bytes() const { return scratch_domain_.pages().mapped_bytes() + scratch_domain_.owned_bytes(); }
  /// f(key, accumulator) of each entry of the next part, in no order; of none if it is done.
  template <class F>
  void next_part(F&& f) {
    if (done()) return;
    if (emitting_.done()) {
      merge(merging_.next);
      ++merging_.next.number;
      if (merging_.done()) inputs_.clear();
      emitting_ = {{scratch_->part_bits(), 0}};
    }
    (only_ != nullptr ? *only_ : *scratch_).for_each(f, emitting_.next);
    ++emitting_.next.number;
  }

 private:
  static constexpr unsigned kMostTableBits = 10;

  // The parts of the hashes that a loop still has to go through: so it may stop after each.
  struct Parts {
    HashPart next;
    bool done() const { return next.number == std::size_t{1} << next.bits; }
  };
  // Runs of a slice and the table behind them; each may be null.
  struct Input {
    std::unique_ptr<RunMerge> runs;
    Table* table;
    unsigned table_bits;
  };

  Input& add(Table* table) { return inputs_.emplace_back(nullptr, table, table != nullptr ? table->part_bits() : 0); }

  void merge(HashPart part) {
    // A table that is cleared keeps its room, and each part would add to it: of parts of a whole window that is as much again.
    if (is_in_tables_) {
      scratch_->clear();
    } else {
      scratch_.emplace(scratch_domain_);
    }
    for (Input& input : inputs_) {
      if (input.runs != nullptr && !planted(PlantedBug::kFiringForgetsRun)) merge_runs(*input.runs, part);
      if (input.table != nullptr) merge_table(input, part);
    }
  }
  // A table beside runs may be so small that its own parts are larger: then it is gone through again for each.
  void merge_table(const Input& input, HashPart part) {
    const unsigned bits = std::min(part.bits, input.table_bits);
    const bool is_coarser = bits < part.bits;
    const auto merge_entry = [&](Lookup key, const Accumulator& from) {
      const std::uint64_t hash = Stored::hash(key);
      if (!is_coarser || holds(part, hash)) merge_into(aggregate_, *scratch_, hash, key, from);
    };
    input.table->for_each(merge_entry, {bits, part.number >> (part.bits - bits)});
  }
  void merge_runs(RunMerge& runs, HashPart part) {
    while (!runs.at_end() && holds(part, runs.hash())) {
      Lookup key{};
      TIDEMARK_CHECK(Stored::decode(runs.key(), key), "a key that was encoded here decodes");
      for (const std::string_view value : runs.values()) {
        Accumulator from{};
        decode_accumulator(value, from);
        merge_into(aggregate_, *scratch_, runs.hash(), key, from);
      }
      on_disk(name_, [&] { runs.next(); });
    }
  }

  const Agg& aggregate_;
  const OperatorName& name_;
  std::vector<Input> inputs_;
  Table* only_ = nullptr;  // that a window consists of: nothing is to be merged
  Parts merging_{{0, 1}};
  Parts emitting_{{0, 1}};  // of the merged part
  // No snapshot sees it, so it has a domain of its own.
  CowDomain scratch_domain_;
  std::optional<Table> scratch_{std::in_place, scratch_domain_};
  bool is_in_tables_ = true;  // all that is merged
};

}  // namespace tidemark::detail

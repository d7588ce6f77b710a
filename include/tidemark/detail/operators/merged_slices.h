// What the slices of a window hold together: merged part by part of the hashes, so that the merged entries stay in the cache,
// take little memory, and slices larger than memory never are in it as a whole.
//
// From begin() until all is read the slices stay as they are. The operator's thread.
#pragma once

#include <algorithm>
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
  using ScratchKey = RespreadKey<Stored>;
  using Scratch = typename TableFor<ScratchKey, Accumulator>::type;

 public:
  /// Both outlive it.
  MergedSlices(const Agg& aggregate, const OperatorName& name) : aggregate_{aggregate}, name_{name} {}

  /// All before must be read. They are merged in so many parts, or up to twice as many; in fewer where all is in tables, and
  /// those would be gone through several times.
  void begin(const std::vector<Slice*>& slices, std::uint64_t parts) {
    inputs_.clear();
    only_ = nullptr;
    HashSpan span;
    unsigned table_bits = 0;
    for (const Slice* slice : slices) {
      if (!slice->runs.empty()) {
        std::unique_ptr<RunMerge>& runs = inputs_.emplace_back().runs;
        on_disk(name_, [&] { runs = std::make_unique<RunMerge>(slice->runs.oldest_first()); });
        span.add(slice->runs.hashes());
      }
      for (Table* table : {slice->leaving.get(), slice->table.get()}) {
        if (table == nullptr) continue;
        inputs_.emplace_back().table = table;
        table_bits = std::max(table_bits, table->part_bits());
      }
    }
    const bool has_runs = !span.is_empty();
    const unsigned bits = std::max(table_bits, span.bits_for(parts));
    for (const Input& input : inputs_) {
      if (input.table != nullptr) span.add(input.table->span(bits));
    }
    if (inputs_.size() == 1 && inputs_.front().table != nullptr) {
      only_ = inputs_.front().table;
      emitting_ = {span, table_bits};
    } else {
      merging_ = {span, has_runs ? span.bits_for(parts) : std::min(span.bits_for(parts), table_bits)};
    }
  }

  /// All is read, or nothing was begun.
  bool done() const { return merging_.done() && emitting_.done(); }
  /// Of what is merged at once. Nearly all of it stays taken for the next window.
  std::size_t memory_bytes() const { return scratch_domain_.pages().mapped_bytes() + scratch_domain_.owned_bytes(); }
  /// f(key, accumulator) of each entry of the next part, in no order; of none if it is done.
  template <class F>
  void next_part(F&& f) {
    if (done()) return;
    if (emitting_.done()) {
      merge(merging_.next());
      emitting_ = {HashPart{}, scratch_->part_bits()};
      merging_.advance();
      if (merging_.done()) inputs_.clear();
    }
    if (only_ != nullptr) {
      only_->for_each(f, emitting_.next());
    } else {
      scratch_->for_each(f, emitting_.next());
    }
    emitting_.advance();
    if (emitting_.done() && only_ == nullptr) scratch_->clear();
  }

 private:
  // Of a slice, the older ones first. One of the two, the other is null.
  struct Input {
    std::unique_ptr<RunMerge> runs;
    Table* table = nullptr;
  };

  void merge(HashPart part) {
    if (!scratch_) scratch_.emplace(scratch_domain_);
    for (const Input& input : inputs_) {
      if (input.runs != nullptr && !planted(PlantedBug::kFiringForgetsRun)) merge_runs(*input.runs, part);
      if (input.table != nullptr) merge_table(*input.table, part);
    }
  }
  void merge_table(Table& table, HashPart part) {
    const auto merge_entry = [&](Lookup key, const Accumulator& from) {
      merge_into(aggregate_, *scratch_, ScratchKey::hash(key), key, from);
    };
    table.for_each(merge_entry, part);
  }
  void merge_runs(RunMerge& runs, HashPart part) {
    while (!runs.at_end() && part.holds(runs.hash())) {
      Lookup key{};
      TIDEMARK_CHECK(Stored::decode(runs.key(), key), "a key that was encoded here decodes");
      for (const std::string_view value : runs.values()) {
        Accumulator from{};
        decode_accumulator(value, from);
        merge_into(aggregate_, *scratch_, ScratchKey::respread(runs.hash()), key, from);
      }
      on_disk(name_, [&] { runs.next(); });
    }
  }

  const Agg& aggregate_;
  const OperatorName& name_;
  std::vector<Input> inputs_;
  Table* only_ = nullptr;  // that a window consists of: nothing is to be merged
  HashParts merging_;
  HashParts emitting_;  // of the merged part, in an order of its own
  // No snapshot sees it, so it has a domain of its own.
  CowDomain scratch_domain_{PagePool::kSmallPageBytes};
  std::optional<Scratch> scratch_;  // the merged part; keeps its room for the next one; null before the first
};

}  // namespace tidemark::detail

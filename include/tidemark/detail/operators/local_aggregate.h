// The local stages of aggregations in two stages: they aggregate what their subtask reads by key, ahead of the exchange, so
// that a hot key crosses it as a partial result now and then instead of record by record. The stage behind is the ordinary
// operator, whose records are the partial results.
//
// Of a window, by slice and key. A slice is handed on before the watermark that completes it, all are before a barrier or an
// idle marker: so what came in time is not late behind the exchange, and no checkpoint holds any of it. Behind the exchange the
// watermark is that of the slowest subtask: what is too late by this one's may be in time there, so it goes across at once and
// alone, and is judged, and counted, where it would be in one stage. Only if somebody reads the late records is it this stage
// that judges, as the last one that has them; for that its watermark is in the checkpoint.
//
// Of a running aggregate, by batch and key. Nothing is held between two batches.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <type_traits>
#include <utility>
#include <vector>

#include "tidemark/detail/event_time/aggregate_types.h"
#include "tidemark/detail/event_time/window_timeline.h"
#include "tidemark/detail/operators/keyed_function.h"
#include "tidemark/detail/state/slot_table.h"

namespace tidemark::detail {

/// What records of a key came to in one subtask. Its event time is the start of their slice, or the latest of theirs.
template <class K, class A>
struct Partial {
  using Accumulator = A;
  K key;
  A accumulator;
};

/// The aggregate of partial results.
template <class Agg>
struct MergePartials {
  template <class P>
  using AccumulatorFor = typename P::Accumulator;
  Agg aggregate;

  template <class K, class A>
  void add(A& into, const Partial<K, A>& partial) const {
    aggregate.merge(into, partial.accumulator);
  }
  template <class A>
  void merge(A& into, const A& from) const {
    aggregate.merge(into, from);
  }
  template <class A>
  auto result(const A& accumulator) const {
    return aggregate.result(accumulator);
  }
};

/// Partial results by key, until they are handed on.
template <class K, class A>
class PartialTable {
 public:
  explicit PartialTable(CowDomain& domain) : table_{domain} {}

  std::size_t size() const { return table_.size(); }

  [[gnu::always_inline]] void prefetch(const std::uint64_t* hashes, std::uint32_t count) const { table_.prefetch(hashes, count); }

  /// change(A&), of an A{} for a new key.
  template <class Change>
  void change(std::uint64_t hash, const K& key, Change&& change) {
    const Lookup lookup = lookup_(key);
    if (const auto row = table_.find(hash, lookup)) [[likely]] {
      table_.mutate(row, change);
    } else {
      A accumulator{};
      change(accumulator);
      table_.insert(hash, lookup, std::move(accumulator));
    }
  }

  /// take(key, accumulator) for each, and none is left.
  template <class Take>
  void take_all(Take&& take) {
    table_.for_each([&](Lookup key, const A& accumulator) {
      if constexpr (KeyCodec<K>::kIsWord) {
        take(KeyCodec<K>::from_word(key), accumulator);
      } else {
        K decoded{};
        TIDEMARK_CHECK(KeyCodec<K>::decode(key, decoded, key_text_), "a key in a table decodes");
        take(decoded, accumulator);
        key_text_.reset();
      }
    });
    table_.clear();
  }

 private:
  using Lookup = typename StoredKey<K>::Lookup;

  StateTable<K, A> table_;
  KeyLookup<K> lookup_;
  Arena key_text_;
};

/// The hashes of a batch's keys.
class KeyHashes {
 public:
  /// Where the key function throws, it was at record `at`; else that is 0.
  template <class T, class KeyFn>
  const std::uint64_t* of(const TypedBatch<T>& batch, const KeyFn& key, std::uint32_t& at) {
    hashes_.resize(std::max<std::size_t>(hashes_.size(), batch.size()));
    for (at = 0; at < batch.size(); ++at) {
      hashes_[at] = hash_key<std::decay_t<std::invoke_result_t<const KeyFn&, const T&>>>(std::invoke(key, batch.values()[at]));
    }
    at = 0;
    return hashes_.data();
  }

 private:
  std::vector<std::uint64_t> hashes_;
};

/// The lowest of all subtasks'; -infinity where nothing is restored.
Timestamp restored_local_watermark(const OperatorContext& context);
std::unique_ptr<SnapshotWork> snapshot_local_watermark(const SnapshotRequest& request, const OperatorName& name, Timestamp watermark);

template <class T, class KeyFn, class Agg>
class LocalAggregateOperator final
    : public SingleOutputOperator<Partial<std::decay_t<std::invoke_result_t<const KeyFn&, const T&>>, AccumulatorOf<Agg, T>>> {
  using K = std::decay_t<std::invoke_result_t<const KeyFn&, const T&>>;
  using Accumulator = AccumulatorOf<Agg, T>;
  using SliceTable = PartialTable<K, Accumulator>;

 public:
  LocalAggregateOperator(KeyFn key, Agg aggregate, WindowSpec spec, Duration allowed_lateness)
      : key_{std::move(key)}, aggregate_{std::move(aggregate)}, timeline_{spec, allowed_lateness} {}

  Out<T>& late_out() { return late_out_; }

  void open(OperatorContext& context) override {
    this->name_ = context.name;
    watermark_ = restored_local_watermark(context);
  }

  void receive(Batch& in) override {
    late_out_.set_stable_text(stable_text_of(in));
    add_all(static_cast<const TypedBatch<T>&>(in));
    guard_.count(in.size());
    held_records_ += in.size();
    if (is_behind_ || held_records_ >= kMostRecords || held_keys() >= kMostKeys) hand_on_held();
    this->out_.flush();
    late_out_.flush();
  }

  bool advance(Timestamp watermark) override {
    watermark_ = std::max(watermark_, watermark);
    while (!slices_.empty() && is_complete(slices_.begin()->first)) hand_on(slices_.begin());
    this->out_.flush();
    return true;
  }

  void hand_on_held() override {
    while (!slices_.empty()) hand_on(slices_.begin());
    this->out_.flush();
    is_behind_ = false;
    held_records_ = 0;
  }

  std::unique_ptr<SnapshotWork> snapshot(const SnapshotRequest& request) override {
    return snapshot_local_watermark(request, this->name_, watermark_);
  }

 private:
  using Slices = std::map<std::int64_t, std::unique_ptr<SliceTable>>;

  // Enough for a hot key to be worth it, and few enough to stay in the cache.
  static constexpr std::size_t kMostKeys = 16 * 1024;
  // Bounds what an accumulator may hold that keeps its records.
  static constexpr std::uint64_t kMostRecords = 256 * 1024;
  // Each has a table, however few its keys are. So there are never more tables, spare ones included.
  static constexpr std::size_t kMostSlices = 64;

  void add_all(const TypedBatch<T>& batch) {
    const T* values = batch.values();
    const std::int64_t* timestamps = batch.timestamps();
    const std::uint32_t size = batch.size();
    std::int64_t slice = WindowTimeline::kOutOfRange;
    SliceTable* table = nullptr;
    std::uint32_t i = 0;
    try {
      const std::uint64_t* hashes = hashes_.of(batch, key_, i);
      for (; i < size; ++i) {
        const std::int64_t start = timeline_.slice_start_of(Timestamp{timestamps[i]});
        if (start != slice || table == nullptr) [[unlikely]] {
          slice = start;
          table = table_of(start);
          if (table != nullptr) table->prefetch(hashes + i, std::min(size - i, kPrefetchAhead));
        }
        if (table == nullptr) [[unlikely]] {
          take_without_table(values[i], timestamps[i], start);
        } else {
          if (i % kPrefetchRun == 0 && i + kPrefetchAhead < size) {
            table->prefetch(hashes + i + kPrefetchAhead, std::min(kPrefetchRun, size - i - kPrefetchAhead));
          }
          table->change(hashes[i], std::invoke(key_, values[i]), [&](Accumulator& to) { add_to(aggregate_, to, values[i], timestamps[i]); });
        }
      }
    } catch (...) {
      guard_.fail(this->name_, values[i], timestamps[i], i);
    }
  }
  // Null if the slice is late or no slice at all.
  [[gnu::noinline]] SliceTable* table_of(std::int64_t slice) {
    if (slice == WindowTimeline::kOutOfRange || slice == WindowTimeline::kNoWindow || timeline_.is_late(slice, watermark_)) return nullptr;
    if (slices_.size() == kMostSlices && !slices_.contains(slice)) hand_on_held();
    // Some of its windows may have fired behind the exchange and are to fire again.
    is_behind_ = is_behind_ || is_complete(slice);
    auto& table = slices_[slice];
    if (table == nullptr && !spare_.empty()) {
      table = std::move(spare_.back());
      spare_.pop_back();
    }
    if (table == nullptr) table = std::make_unique<SliceTable>(domain_);
    return table.get();
  }
  [[gnu::noinline]] void take_without_table(const T& value, std::int64_t timestamp, std::int64_t slice) {
    if (slice == WindowTimeline::kNoWindow) return;
    if (late_out_.has_receivers()) {
      late_out_.emit(Timestamp{timestamp}, value);
    } else if (slice == WindowTimeline::kOutOfRange) {
      throw no_window_for(Timestamp{timestamp});
    } else {
      hand_on_alone(value, timestamp, slice);
    }
  }
  void hand_on_alone(const T& value, std::int64_t timestamp, std::int64_t slice) {
    Accumulator accumulator{};
    add_to(aggregate_, accumulator, value, timestamp);
    this->out_.set_stable_text({});
    this->out_.emit(Timestamp{slice}, {K(std::invoke(key_, value)), std::move(accumulator)});
  }

  bool is_complete(std::int64_t slice) const { return Timestamp{slice + timeline_.slice_ms() - 1} <= watermark_; }
  std::size_t held_keys() const {
    std::size_t keys = 0;
    for (const auto& [slice, table] : slices_) keys += table->size();
    return keys;
  }

  void hand_on(typename Slices::iterator slice) {
    this->out_.set_timestamp(slice->first);
    this->out_.set_stable_text({});
    slice->second->take_all([&](const K& key, const Accumulator& accumulator) { this->out_.emit({key, accumulator}); });
    spare_.push_back(std::move(slice->second));
    slices_.erase(slice);
  }

  KeyFn key_;
  Agg aggregate_;
  WindowTimeline timeline_;
  KeyHashes hashes_;
  CowDomain domain_;  // which no snapshot sees
  Slices slices_;
  std::vector<std::unique_ptr<SliceTable>> spare_;
  std::uint64_t held_records_ = 0;  // at most; more may have been handed on
  bool is_behind_ = false;          // something held is of a slice that the watermark has passed
  Timestamp watermark_ = Timestamp::min();
  Out<T> late_out_;
  RecordGuard guard_;
};

/// An accumulator, and the latest event time that went into it.
template <class A>
struct Dated {
  A accumulator{};
  std::int64_t at_ms = Timestamp::min().ms();
};

template <class T, class KeyFn, class Agg>
class BatchAggregateOperator final
    : public SingleOutputOperator<Partial<std::decay_t<std::invoke_result_t<const KeyFn&, const T&>>, AccumulatorOf<Agg, T>>> {
  using K = std::decay_t<std::invoke_result_t<const KeyFn&, const T&>>;
  using Accumulator = Dated<AccumulatorOf<Agg, T>>;

 public:
  BatchAggregateOperator(KeyFn key, Agg aggregate) : key_{std::move(key)}, aggregate_{std::move(aggregate)} {}

  void receive(Batch& in) override {
    const T* values = static_cast<const TypedBatch<T>&>(in).values();
    const std::int64_t* timestamps = in.timestamps();
    std::uint32_t i = 0;
    try {
      const std::uint64_t* hashes = hashes_.of(static_cast<const TypedBatch<T>&>(in), key_, i);
      for (; i < in.size(); ++i) {
        table_.change(hashes[i], std::invoke(key_, values[i]), [&](Accumulator& to) {
          add_to(aggregate_, to.accumulator, values[i], timestamps[i]);
          to.at_ms = std::max(to.at_ms, timestamps[i]);
        });
      }
    } catch (...) {
      guard_.fail(this->name_, values[i], timestamps[i], i);
    }
    guard_.count(in.size());
    this->out_.set_stable_text({});
    table_.take_all([&](const K& key, const Accumulator& made) { this->out_.emit(Timestamp{made.at_ms}, {key, made.accumulator}); });
    this->out_.flush();
  }

 private:
  KeyFn key_;
  Agg aggregate_;
  KeyHashes hashes_;
  CowDomain domain_;  // which no snapshot sees
  PartialTable<K, Accumulator> table_{domain_};
  RecordGuard guard_;
};

}  // namespace tidemark::detail

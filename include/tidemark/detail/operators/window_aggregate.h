// Aggregates a keyed stream by tumbling, sliding or cumulative windows of event time.
//
// Records are aggregated once, into the table of their slice (window_slices.h); sliding windows share slices, and a window's
// result is the merge of its slices (merged_slices.h). Runs of records in one slice find its table with a compare.
//
// Results are rows of Row<K, Result> (Windowed, or WindowedAll for a whole stream) with the window's last millisecond as
// event time. A record that is late but within the allowed lateness makes the windows that have fired fire again for its
// key, once for each input batch. Later ones go to the late output, or are counted if nobody takes it.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "tidemark/aggregate.h"
#include "tidemark/detail/event_time/key_group_watermarks.h"
#include "tidemark/detail/event_time/window_timeline.h"
#include "tidemark/detail/operators/keyed_function.h"
#include "tidemark/detail/operators/merged_slices.h"
#include "tidemark/detail/operators/window_slices.h"
#include "tidemark/detail/state/keyed_backend.h"
#include "tidemark/detail/state/slot_table.h"
#include "tidemark/window.h"

namespace tidemark::detail {

/// How a window's result becomes a record.
struct KeyedRow {
  static constexpr bool kSingleKey = false;
  template <class K, class V>
  using Type = Windowed<K, V>;
  template <class K, class V>
  static Windowed<K, V> make(Window window, const K& key, V value) {
    return {window.start, window.end, key, std::move(value)};
  }
};
struct WholeRow {
  static constexpr bool kSingleKey = true;
  template <class K, class V>
  using Type = WindowedAll<V>;
  template <class K, class V>
  static WindowedAll<V> make(Window window, const K&, V value) {
    return {window.start, window.end, std::move(value)};
  }
};

template <class T, class KeyFn, class Agg, class Row>
class WindowAggregateOperator final
    : public SingleOutputOperator<typename Row::template Type<std::decay_t<std::invoke_result_t<const KeyFn&, const T&>>, ResultOf<Agg, T>>> {
  using K = std::decay_t<std::invoke_result_t<const KeyFn&, const T&>>;
  using Accumulator = AccumulatorOf<Agg, T>;
  using Slices = WindowSlices<K, Accumulator, Agg>;
  using SliceTable = typename Slices::Table;
  using Stored = StoredKey<K>;
  using Lookup = typename Stored::Lookup;

 public:
  WindowAggregateOperator(KeyFn key, Agg aggregate, WindowSpec spec, Duration allowed_lateness)
      : key_{std::move(key)},
        aggregate_{std::move(aggregate)},
        timeline_{spec, allowed_lateness},
        refires_{allowed_lateness.count() > 0},
        backend_{schema_json(type_of<K>()), nullptr},
        slices_{backend_, descriptor_of(timeline_.spec()), aggregate_, this->name_, refires_} {}

  Out<T>& late_out() { return late_out_; }
  std::vector<StateDescriptor> descriptors() const { return backend_.descriptors(); }
  std::uint64_t late_dropped() const override { return late_dropped_; }

  void open(OperatorContext& context) override {
    this->name_ = context.name;
    context_ = &context;
    max_parallelism_ = context.max_parallelism;
    floors_ = KeyGroupWatermarks{context.key_groups(), context.restore.watermarks};
    watermark_ = floors_.lowest();
    timeline_.restore(watermark_);
    backend_.restore(context);
    slices_.end_restore();
    for (const std::int64_t slice : slices_.starts()) timeline_.add_slice(slice);
  }

  void receive(Batch& in) override {
    backend_.begin_batch(*context_->env);
    const auto& batch = static_cast<const TypedBatch<T>&>(in);
    late_out_.set_stable_text(stable_text_of(in));
    if constexpr (Row::kSingleKey) {
      add_runs(batch);
    } else {
      add_each(batch);
    }
    guard_.count(in.size());
    if (!refire_.empty()) fire_again();
    late_out_.flush();
    this->out_.flush();
  }

  bool advance(Timestamp watermark) override {
    watermark_ = std::max(watermark_, watermark);
    const std::uint64_t enough = this->out_.emitted() + kResultsAtOnce;
    while (!merged_.done() || begin_firing()) {
      guarded(firing_, [&] { fire_part(); });
      if (this->out_.emitted() >= enough) {
        slices_.set_merged_bytes(merged_.memory_bytes());
        backend_.count_memory();  // and no slice changes
        this->out_.flush();
        return false;
      }
    }
    for (const std::int64_t slice : timeline_.take_expired(watermark_)) slices_.recycle(slice);
    slices_.set_merged_bytes(merged_.memory_bytes());
    backend_.tell_memory();
    this->out_.flush();
    return true;
  }

  std::unique_ptr<SnapshotWork> snapshot(const SnapshotRequest& request) override {
    return backend_.snapshot(request, *context_, floors_.at(watermark_));
  }
  void checkpoint_completed(CheckpointId id) override { backend_.checkpoint_completed(id); }
  void checkpoint_aborted(CheckpointId id) override { backend_.checkpoint_aborted(id); }

 private:
  struct Refire {
    std::int64_t slice;
    std::uint64_t hash;
    std::string key;  // encoded
  };

  // A slice's table is looked up when the run of records in it begins.
  void add_each(const TypedBatch<T>& batch) {
    const T* values = batch.values();
    const std::int64_t* timestamps = batch.timestamps();
    const std::uint64_t* hashes = batch.hashes();
    const std::uint32_t size = batch.size();
    std::int64_t slice = WindowTimeline::kOutOfRange;
    SliceTable* table = nullptr;
    const bool floors_hold = !floors_.reached_by(watermark_);
    std::uint32_t i = 0;
    try {
      for (; i < size; ++i) {
        const std::int64_t start = timeline_.slice_start_of(Timestamp{timestamps[i]});
        if (start != slice || table == nullptr) [[unlikely]] {
          slice = start;
          table = table_of(start);
          if (table != nullptr) table->prefetch(hashes + i, std::min(size - i, kPrefetchAhead));
        }
        if (table == nullptr || (floors_hold && is_late_for(hashes[i], start))) [[unlikely]] {
          take_late(values[i], timestamps[i], start);
          continue;
        }
        if (i % kPrefetchRun == 0 && i + kPrefetchAhead < size) {
          table->prefetch(hashes + i + kPrefetchAhead, std::min(kPrefetchRun, size - i - kPrefetchAhead));
        }
        const Lookup key = lookup_(std::invoke(key_, values[i]));
        add(*table, hashes[i], key, values[i], timestamps[i]);
        if (refires_) [[unlikely]] note_refire(start, hashes[i], key);
      }
    } catch (...) {
      guard_.fail(this->name_, values[i], timestamps[i], i);
    }
  }

  // With one key for all records, those of a slice in a row are aggregated outside the table.
  void add_runs(const TypedBatch<T>& batch) {
    const T* values = batch.values();
    const std::int64_t* timestamps = batch.timestamps();
    const std::uint64_t* hashes = batch.hashes();
    const std::uint32_t size = batch.size();
    std::uint32_t i = 0;
    try {
      while (i < size) {
        const std::int64_t slice = timeline_.slice_start_of(Timestamp{timestamps[i]});
        SliceTable* table = table_of(slice);
        if (table == nullptr || is_late_for(hashes[i], slice)) {
          take_late(values[i], timestamps[i], slice);
          ++i;
          continue;
        }
        const Lookup key = lookup_(std::invoke(key_, values[i]));
        const std::uint64_t hash = hashes[i];
        Accumulator run{};
        do {
          add_to(aggregate_, run, values[i], timestamps[i]);
        } while (++i < size && timeline_.slice_start_of(Timestamp{timestamps[i]}) == slice);
        merge_into(aggregate_, *table, hash, key, run);
        if (refires_) note_refire(slice, hash, key);
      }
    } catch (...) {
      guard_.fail(this->name_, values[i], timestamps[i], i);
    }
  }

  // The table of a slice that takes records; null if the slice is late or no slice at all.
  [[gnu::noinline]] SliceTable* table_of(std::int64_t slice) {
    if (slice == WindowTimeline::kOutOfRange || slice == WindowTimeline::kNoWindow) return nullptr;
    if (timeline_.is_late(slice, watermark_)) return nullptr;
    return &open_slice(slice);
  }
  SliceTable& open_slice(std::int64_t slice) {
    if (SliceTable* const table = slices_.find(slice)) [[likely]] return *table;
    timeline_.add_slice(slice);
    return slices_.add(slice);
  }
  void add(SliceTable& table, std::uint64_t hash, Lookup key, const T& value, std::int64_t timestamp) {
    if (const auto row = table.find(hash, key)) [[likely]] {
      table.mutate(row, [&](Accumulator& accumulator) { add_to(aggregate_, accumulator, value, timestamp); });
    } else {
      Accumulator accumulator{};
      add_to(aggregate_, accumulator, value, timestamp);
      table.insert(hash, key, std::move(accumulator));
    }
  }

  template <class F>
  void guarded(Window window, F&& call) {
    try {
      call();
    } catch (...) {
      fail_user_code(this->name_, [&] { return "window ending " + to_string(window.end); });
    }
  }

  [[gnu::noinline]] void take_late(const T& value, std::int64_t timestamp, std::int64_t slice) {
    if (slice == WindowTimeline::kNoWindow) return;  // between two windows: it belongs to none
    if (late_out_.has_receivers()) {
      late_out_.emit(Timestamp{timestamp}, value);
    } else if (slice == WindowTimeline::kOutOfRange) {
      throw no_window_for(Timestamp{timestamp});
    } else {
      ++late_dropped_;
    }
  }

  // After a restore from several key-group ranges, some had come further than this subtask's watermark.
  bool is_late_for(std::uint64_t hash, std::int64_t slice) const { return timeline_.is_late(slice, fired_until(hash)); }
  // For the key of that hash every window that ends up to here has fired, be it before the restore.
  Timestamp fired_until(std::uint64_t hash) const { return std::max(watermark_, floor_of(hash)); }
  Timestamp floor_of(std::uint64_t hash) const { return floors_.floor_for(key_group_of(hash, max_parallelism_)); }

  // Turns to the next window that is due; false if there is none.
  bool begin_firing() {
    const auto window = timeline_.next_due(watermark_);
    if (!window) return false;
    firing_ = *window;
    std::vector<typename Slices::Slice*> slices;
    for (const std::int64_t slice : timeline_.slices_of(*window)) slices.push_back(&slices_.at(slice));
    merged_.begin(slices, slices_.merged_in_parts(slices));
    return true;
  }

  void fire_part() {
    const Window window = firing_;
    const bool floors_hold = floors_.highest() >= window.last();
    this->out_.set_timestamp(window.last().ms());
    this->out_.set_stable_text({});
    merged_.next_part([&](Lookup key, const Accumulator& accumulator) {
      if (floors_hold && floor_of(Stored::hash(key)) >= window.last()) return;  // this key group had fired it before the restore
      emit(window, key, accumulator);
    });
  }
  void emit(Window window, Lookup key, const Accumulator& accumulator) {
    if constexpr (KeyCodec<K>::kIsWord) {
      this->out_.emit(Row::make(window, KeyCodec<K>::from_word(key), aggregate_.result(accumulator)));
    } else {
      K decoded{};
      TIDEMARK_CHECK(KeyCodec<K>::decode(key, decoded, key_text_), "a key in a table decodes");
      this->out_.emit(Row::make(window, decoded, aggregate_.result(accumulator)));
      key_text_.reset();
    }
  }

  void note_refire(std::int64_t slice, std::uint64_t hash, Lookup key) {
    if (timeline_.already_fired_windows_of(slice, fired_until(hash)).empty()) return;
    ByteWriter encoded;
    if constexpr (KeyCodec<K>::kIsWord) {
      Stored::encode(key, encoded);
    } else {
      encoded.put_bytes(key);
    }
    refire_.push_back({slice, hash, encoded.take()});
  }
  void fire_again() {
    std::map<std::pair<std::int64_t, std::string>, std::pair<Window, std::uint64_t>> due;  // by window and key, once each
    for (const Refire& refire : refire_) {
      for (const Window window : timeline_.already_fired_windows_of(refire.slice, fired_until(refire.hash))) {
        due.try_emplace({window.end.ms(), refire.key}, window, refire.hash);
      }
    }
    refire_.clear();
    for (const auto& [place, window_and_hash] : due) {
      const auto& [window, hash] = window_and_hash;
      guarded(window, [&] { fire_for_key(window, hash, place.second); });
    }
  }
  void fire_for_key(Window window, std::uint64_t hash, std::string_view encoded) {
    Lookup key{};
    TIDEMARK_CHECK(Stored::decode(encoded, key), "a key that was encoded here decodes");
    Accumulator merged{};
    std::vector<std::vector<std::string>> read;
    for (const std::int64_t slice : timeline_.slices_of(window)) {
      slices_.merge_key(slice, hash, key, encoded, merged, read);
    }
    this->out_.set_timestamp(window.last().ms());
    emit(window, key, merged);
  }

  static StateDescriptor descriptor_of(const WindowSpec& spec) {
    // The spec is part of the name: slices of another size or slide would be read as windows that they are not.
    const std::string kind = spec.cumulates ? "window-cumulative-" : "window-";
    return {.name = kind + std::to_string(spec.size_ms) + "-" + std::to_string(spec.slide_ms) + "-" + std::to_string(spec.offset_ms),
            .kind = StateDescriptor::Kind::kWindow,
            .key_schema = schema_json(type_of<K>()),
            .namespace_schema = schema_json(type_of<Timestamp>()),
            .value_schema = schema_json(type_of<Accumulator>())};
  }

  KeyFn key_;
  Agg aggregate_;
  WindowTimeline timeline_;
  bool refires_;
  KeyLookup<K> lookup_;
  KeyedBackend backend_;
  Slices slices_;
  MergedSlices<K, Accumulator, Agg> merged_{aggregate_, this->name_};
  Window firing_;  // the one that merged_ is of, perhaps over many calls: what is in its slices stays as it is meanwhile
  Arena key_text_;  // of the result that is being made
  std::vector<Refire> refire_;
  Out<T> late_out_;
  std::uint64_t late_dropped_ = 0;
  Timestamp watermark_ = Timestamp::min();
  KeyGroupWatermarks floors_{{}, {}};
  std::uint32_t max_parallelism_ = kDefaultMaxParallelism;
  OperatorContext* context_ = nullptr;
  RecordGuard guard_;
};

}  // namespace tidemark::detail

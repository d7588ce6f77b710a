// What runs a function over the batches of a keyed stream: the key at hand, the states and timers that the function has for
// it, and the firing of timers. The operators of such functions derive from it.
//
// The state of a record's key is prefetched about 32 records ahead, the function is called as f.F::process(...), so it
// inlines, and its states look a row up once a record.
#pragma once

#include <algorithm>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "tidemark/detail/codec/key.h"
#include "tidemark/detail/codec/type.h"
#include "tidemark/detail/event_time/key_group_watermarks.h"
#include "tidemark/detail/event_time/timer_queue.h"
#include "tidemark/detail/model/key_group.h"
#include "tidemark/detail/operators/guard.h"
#include "tidemark/detail/operators/map.h"
#include "tidemark/detail/operators/side_outputs.h"
#include "tidemark/detail/operators/timer_state.h"
#include "tidemark/detail/state/keyed_backend.h"
#include "tidemark/detail/state/resident_keys.h"
#include "tidemark/functions.h"

namespace tidemark::detail {

/// How many records ahead state is asked for: measured best against DRAM.
inline constexpr std::uint32_t kPrefetchAhead = 32;
/// For how many records at once: the window rolls in steps.
inline constexpr std::uint32_t kPrefetchRun = 16;

/// Likewise how many timers ahead, each of which takes longer than a record.
inline constexpr std::size_t kTimersAhead = 8;

/// A call of advance() ends when it has handed on so many results: enough to make the next call cheap beside them, and few
/// enough to wait in an outbox.
inline constexpr std::uint64_t kResultsAtOnce = 4 * Batch::kCapacity;
/// Nor does it fire more timers than these.
inline constexpr std::size_t kTimersAtOnce = 4 * Batch::kCapacity;

/// A key as tables look it up; one of more than a word is spelled out into a buffer that lives as long as this.
template <class K>
class KeyLookup {
  using Codec = KeyCodec<K>;

 public:
  typename StoredKey<K>::Lookup operator()(const K& key) {
    if constexpr (Codec::kIsWord) {
      return Codec::to_word(key);
    } else {
      buffer_.clear();
      put_key(key, buffer_);
      return buffer_.view();
    }
  }

 private:
  std::conditional_t<Codec::kIsTwoWords, FixedKeyBuffer<Codec::kFixedSize>, ByteWriter> buffer_;
};

/// What F::keys_at_end() gives, if there is such.
template <class F>
struct KeysAtEndOf {
  using type = std::nullptr_t;
};
template <class F>
  requires(requires { &F::keys_at_end; })
struct KeysAtEndOf<F> {
  using type = decltype(std::declval<F&>().keys_at_end(nullptr));
};

/// F is a KeyedFunction with process(const Input&, Context&, Out<Output>&).
template <class F, class KeyFn>
class KeyedFunctionOperator : public SingleOutputOperator<typename F::Output> {
 protected:
  using K = typename F::Key;
  using In = typename F::Input;
  using Context = KeyedContext<K>;

 public:
  std::vector<StateDescriptor> descriptors() const { return backend_.descriptors(); }
  SideOutputs* side_outputs() override { return &side_outputs_; }

  void open(OperatorContext& context) override {
    SingleOutputOperator<typename F::Output>::open(context);
    operator_context_ = &context;
    context_.env_ = context.env;
    backend_.restore(context);
    if (SpilledTables* tables = backend_.spilled_tables()) resident_.emplace(*tables);
    floors_ = KeyGroupWatermarks{context.key_groups(), context.restore.watermarks};
    max_parallelism_ = context.max_parallelism;
    watermark_ = floors_.lowest();
    OpenContext open{context.name.subtask, context.parallelism};
    try {
      function_->F::open(open);
    } catch (...) {
      fail_user_code(this->name_, [] { return std::string{"open()"}; });
    }
    cursor_.serial = 0;
  }

  void receive(Batch& in) override {
    handle<In>(in, key_, guard_, [](F& function, const In& record, Context& context, auto& out) {
      if constexpr (requires { typename F::Second; }) {
        function.F::process_first(record, context, out);
      } else {
        function.F::process(record, context, out);
      }
    });
  }

  bool advance(Timestamp watermark) override {
    watermark_ = std::max(watermark_, watermark);
    if (watermark == Timestamp::max()) context_.timers_.input_ended_ = true;
    const auto on_timer = [this](Timestamp at) {
      move_time(at.ms());
      function_->F::on_timer(at, context_, this->out_);
    };
    if (!fire(due(timers_.queue(), watermark), on_timer, "timer at ")) return false;
    if constexpr (kEndsKeys) {
      if (watermark == Timestamp::max()) return end_keys(on_timer);
    }
    return true;
  }

  /// Always, while restored state is still to be loaded.
  std::optional<Timestamp> next_processing_time() const override {
    if (backend_.is_loading()) return wall_time(*operator_context_->env);
    return processing_timers_.queue().not_due_before();
  }

  /// Records may come between two calls, so it never asks for the next one itself: a function whose timers set themselves
  /// again at once would keep records out for good.
  bool advance_processing_time(Timestamp now) override {
    if (backend_.is_loading()) backend_.load_next();
    if constexpr (kHasProcessingTimers) {
      const auto on_timer = [this](Timestamp at) {
        move_time(Timestamp::min().ms());
        function_->F::on_processing_timer(at, context_, this->out_);
      };
      static_cast<void>(fire(due(processing_timers_.queue(), now), on_timer, "timer of processing time at "));
    }
    return true;
  }

  std::uint64_t fired_timers() const override { return fired_timers_; }
  std::size_t timers() const override { return timers_.queue().size() + processing_timers_.queue().size(); }

  void end_of_data() override { processing_timers_.queue().clear(); }

  std::unique_ptr<SnapshotWork> snapshot(const SnapshotRequest& request) override {
    return backend_.snapshot(request, *operator_context_, floors_.at(watermark_));
  }
  void checkpoint_completed(CheckpointId id) override { backend_.checkpoint_completed(id); }
  void checkpoint_aborted(CheckpointId id) override { backend_.checkpoint_aborted(id); }

 protected:
  explicit KeyedFunctionOperator(KeyFn key)
      : key_{std::move(key)},
        backend_{schema_json(type_of<K>()), &cursor_},
        context_{cursor_, {cursor_, timers_.queue(), kHasProcessingTimers ? &processing_timers_.queue() : nullptr}} {}

  /// In the constructor: the function, whose keyed states were declared with backend().
  void set_function(std::unique_ptr<F> function) {
    function_ = std::move(function);
    backend_.add(timers_);
    if constexpr (kHasProcessingTimers) backend_.add(processing_timers_);
    backend_.may_load_behind();
  }

  /// call(function, record, context, out) for each Record of an input's batch.
  template <class Record, class RecordKey, class Call>
  void handle(Batch& in, const RecordKey& key, RecordGuard& guard, const Call& call) {
    backend_.begin_batch(*operator_context_->env);
    auto& out = this->out_;
    out.set_stable_text(stable_text_of(in));
    const Record* values = static_cast<TypedBatch<Record>&>(in).values();
    const std::int64_t* timestamps = in.timestamps();
    const std::uint64_t* hashes = in.hashes();
    const std::uint32_t size = in.size();
    F& function = *function_;
    const bool spills = resident_.has_value();
    const bool loads = backend_.is_loading();
    const bool floors_hold = begin_event_time();
    const bool was_just_restored = loads || floors_hold;
    if (spills) make_resident(key, values, hashes, size);
    prefetch(hashes, std::min(size, kPrefetchAhead));
    const std::uint64_t serial = cursor_.serial;
    std::uint32_t i = 0;
    try {
      for (; i < size; ++i) {
        if (i % kPrefetchRun == 0) prefetch_ahead(hashes, i, size);
        // Counted from the batch's start instead of up: the next record need not wait for this one's.
        cursor_.serial = serial + i + 1;
        if (was_just_restored) [[unlikely]] {
          if (loads && i == 1) backend_.tell_first_record();
          load(hashes[i]);
          if (floors_hold) take_floor(hashes[i]);
        }
        move_cursor(hashes[i], lookup_(std::invoke(key, values[i])), timestamps[i]);
        call(function, values[i], context_, out);
        if (spills) resident_->keep_changes(cursor_);
      }
    } catch (...) {
      guard.fail(this->name_, values[i], timestamps[i], i);
    }
    guard.count(size);
    if (loads) backend_.tell_first_record();
    if (spills) resident_->end_batch();
    context_.arena_.reset();
    out.flush();
  }

  KeyedBackend& backend() { return backend_; }
  F& function() { return *function_; }
  const F& function() const { return *function_; }
  Context& context() { return context_; }
  const OperatorContext& operator_context() const { return *operator_context_; }

 private:
  // A function without a callback for them has none, in its snapshots neither.
  static constexpr bool kHasProcessingTimers =
      !std::is_same_v<decltype(&F::on_processing_timer), decltype(&KeyedFunction<K, typename F::Output>::on_processing_timer)>;
  // A function may end with each of its keys without a timer for it: see row_changes.h.
  static constexpr bool kEndsKeys = requires { &F::keys_at_end; };

  [[gnu::always_inline]] void prefetch(const std::uint64_t* hashes, std::uint32_t count) const {
    for (const Table* table : backend_.bound_tables()) table->prefetch(hashes, count);
  }
  [[gnu::always_inline]] void prefetch_blocks(const std::uint64_t* hashes, std::uint32_t count) const {
    for (const Table* table : backend_.bound_tables()) table->prefetch_blocks(hashes, count);
  }
  [[gnu::always_inline]] void prefetch_log(const std::uint64_t* hashes, std::uint32_t count) const {
    const std::uint32_t epoch = backend_.domain().epoch();
    for (const Table* table : backend_.bound_tables()) table->prefetch_log(hashes, count, epoch);
  }
  // Before record i. What slots point to can only be asked for when the slots have come.
  [[gnu::always_inline]] void prefetch_ahead(const std::uint64_t* hashes, std::uint32_t i, std::uint32_t size) const {
    const auto run_at = [size](std::uint32_t at) { return at < size ? std::min(kPrefetchRun, size - at) : 0; };
    prefetch(hashes + i + kPrefetchAhead, run_at(i + kPrefetchAhead));
    prefetch_blocks(hashes + i + kPrefetchRun, run_at(i + kPrefetchRun));
    if (backend_.domain().any_active()) prefetch_log(hashes + i + kPrefetchRun, run_at(i + kPrefetchRun));
  }
  template <class Record, class RecordKey>
  void make_resident(const RecordKey& key, const Record* values, const std::uint64_t* hashes, std::uint32_t size) {
    for (std::uint32_t i = 0; i < size; ++i) {
      if (i % kPrefetchRun == 0) resident_->prefetch(hashes + i, std::min(kPrefetchRun, size - i));
      resident_->want(hashes[i], lookup_(std::invoke(key, values[i])));
    }
    resident_->load();
  }
  // A store that fails here is not the user's code, which the callback's guard would take it for.
  void make_timer_key_resident(std::uint64_t hash) {
    try {
      resident_->want(hash, timer_key_);
      resident_->load();
    } catch (const Error& error) {
      throw TaskFailure{error, false};
    }
  }
  // True if it took that. What came out before need not wait for it. Files that fail here are not the user's code.
  [[gnu::noinline]] bool load(std::uint64_t hash) {
    if (!backend_.is_loading() || backend_.is_loaded(hash)) return false;
    this->out_.flush();
    try {
      backend_.load(hash);
    } catch (const Error& error) {
      throw TaskFailure{error, false};
    }
    return true;
  }
  void move_cursor(std::uint64_t hash, typename StoredKey<K>::Lookup key, std::int64_t timestamp) {
    cursor_.hash = hash;
    cursor_.key = key;
    move_time(timestamp);
  }
  // The function is told how far event time had come for the key at hand, not the subtask: what was late for it stays late.
  // False if that is the same for all keys, as it mostly is.
  bool begin_event_time() {
    context_.watermark_ = watermark_;
    return !floors_.reached_by(watermark_);
  }
  [[gnu::noinline]] void take_floor(std::uint64_t hash) {
    context_.watermark_ = std::max(watermark_, floors_.floor_for(key_group_of(hash, max_parallelism_)));
  }
  void move_time(std::int64_t timestamp) {
    context_.timestamp_ = timestamp;
    this->out_.set_timestamp(timestamp);
  }

  auto due(TimerQueue<OwnedKey<K>>& queue, Timestamp until) const {
    return [this, &queue, until](const auto& f) {
      return queue.pop_due(until, [&](Timestamp when, std::uint64_t hash, const auto& key) {
        if (const std::uint64_t* ahead = queue.hash_ahead(kTimersAhead)) prefetch(ahead, 1);
        if (const std::uint64_t* ahead = queue.hash_ahead(kTimersAhead / 2)) prefetch_blocks(ahead, 1);
        return f(when, hash, key);
      });
    };
  }

  // As if each had a timer, which comes after all others. True if that was the last key.
  template <class OnTimer>
  bool end_keys(const OnTimer& on_timer) {
    if (backend_.is_loading()) {
      backend_.load_next();
      return false;
    }
    if (!keys_at_end_) keys_at_end_ = function_->F::keys_at_end(backend_.spilled_tables());
    if (!keys_at_end_) return true;
    const auto keys = [this](const auto& f) {
      return keys_at_end_->next([&](std::uint64_t hash, const auto& key) { return f(F::kEnd, hash, key); });
    };
    if (!fire(keys, on_timer, "timer at ")) return false;
    keys_at_end_.reset();
    return true;
  }

  // next(f) calls f(time, hash, key) for each timer that is due, until f gives false. True if all that was due has fired.
  template <class Next, class OnTimer>
  bool fire(const Next& next, const OnTimer& on_timer, std::string_view what) {
    backend_.begin_batch(*operator_context_->env);
    const bool floors_hold = begin_event_time();
    auto& out = this->out_;
    out.set_stable_text({});
    const std::uint64_t enough = out.emitted() + kResultsAtOnce;
    std::size_t fired = 0;
    bool all_fired = false;
    bool in_user_code = false;
    Timestamp at;
    try {
      all_fired = next([&](Timestamp when, std::uint64_t hash, const auto& key) {
        at = when;
        timer_key_ = key;
        ++cursor_.serial;
        cursor_.hash = hash;
        cursor_.key = timer_key_;
        if (resident_) make_timer_key_resident(hash);
        const bool took_time = load(hash);
        if (floors_hold) [[unlikely]] take_floor(hash);
        in_user_code = true;
        on_timer(when);
        in_user_code = false;
        ++fired_timers_;
        if (resident_) resident_->keep_changes(cursor_);
        return ++fired < kTimersAtOnce && out.emitted() < enough && !took_time;
      });
    } catch (...) {
      if (!in_user_code) throw;  // as when a file of timers can't be read
      fail_user_code(this->name_, [&] { return std::string{what} + to_string(at); });
    }
    if (resident_) resident_->end_batch();
    backend_.tell_memory();
    context_.arena_.reset();
    out.flush();
    return all_fired;
  }

  std::uint64_t fired_timers_ = 0;
  SideOutputs side_outputs_{this->out_};
  KeyFn key_;
  KeyLookup<K> lookup_;
  KeyCursor<K> cursor_{.serial = kNoKey};  // until open() is over
  TimerState<K> timers_{"timers"};
  TimerState<K> processing_timers_{"processing-timers"};
  OwnedKey<K> timer_key_{};  // of the timer that fires: its own copy, since the callback may change the queue
  KeyedBackend backend_;
  std::optional<ResidentKeys<K>> resident_;  // where the backend's tables stand in front of a store
  std::unique_ptr<F> function_;
  typename KeysAtEndOf<F>::type keys_at_end_{};  // once the end of all input has come
  Context context_;
  Timestamp watermark_ = Timestamp::min();  // of the subtask; timers fire by it
  KeyGroupWatermarks floors_{{}, {}};
  std::uint32_t max_parallelism_ = 0;
  OperatorContext* operator_context_ = nullptr;
  RecordGuard guard_;
};

}  // namespace tidemark::detail

// Runs a KeyedProcess over the batches of a keyed stream.
//
// The state of a record's key is prefetched about 32 records ahead, the function is called as f.F::process(...), so it
// inlines, and its states look a row up once a record.
#pragma once

#include <algorithm>
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "tidemark/detail/codec/key.h"
#include "tidemark/detail/codec/type.h"
#include "tidemark/detail/event_time/key_group_watermarks.h"
#include "tidemark/detail/event_time/timer_queue.h"
#include "tidemark/detail/operators/guard.h"
#include "tidemark/detail/operators/map.h"
#include "tidemark/detail/operators/timer_state.h"
#include "tidemark/detail/state/keyed_backend.h"
#include "tidemark/functions.h"

namespace tidemark::detail {

/// How many records ahead state is asked for: measured best against DRAM.
inline constexpr std::uint32_t kPrefetchAhead = 32;
/// For how many records at once: the window rolls in steps.
inline constexpr std::uint32_t kPrefetchRun = 16;

/// A key as tables look it up; text keys are spelled out into a buffer that lives as long as this.
template <class K>
class KeyLookup {
 public:
  typename StoredKey<K>::Lookup operator()(const K& key) {
    if constexpr (KeyCodec<K>::kIsWord) {
      return KeyCodec<K>::to_word(key);
    } else {
      buffer_.clear();
      KeyCodec<K>::encode(key, buffer_);
      return buffer_.view();
    }
  }

 private:
  ByteWriter buffer_;
};

template <class F, class KeyFn>
class KeyedProcessOperator final : public SingleOutputOperator<typename F::Output> {
  using K = typename F::Key;
  using In = typename F::Input;
  using Timers = TimerState<K>;

 public:
  using Make = std::function<std::unique_ptr<F>(Declare&)>;

  KeyedProcessOperator(const Make& make, KeyFn key)
      : key_{std::move(key)}, backend_{schema_json(type_of<K>()), &cursor_}, context_{cursor_, timers_.queue()} {
    Declare declare{backend_};
    function_ = make(declare);
    backend_.add(timers_);
  }

  std::vector<StateDescriptor> descriptors() const { return backend_.descriptors(); }

  void open(OperatorContext& context) override {
    SingleOutputOperator<typename F::Output>::open(context);
    operator_context_ = &context;
    backend_.restore(context);
    floors_ = KeyGroupWatermarks{context.key_groups(), context.restore.watermarks};
    context_.watermark_ = floors_.lowest();
    OpenContext open{context.name.subtask, context.parallelism};
    try {
      function_->F::open(open);
    } catch (...) {
      fail_user_code(this->name_, [] { return std::string{"open()"}; });
    }
  }

  void receive(Batch& in) override {
    auto& out = this->out_;
    out.set_stable_text(stable_text_of(in));
    const In* values = static_cast<TypedBatch<In>&>(in).values();
    const std::int64_t* timestamps = in.timestamps();
    const std::uint64_t* hashes = in.hashes();
    const std::uint32_t size = in.size();
    F& function = *function_;
    prefetch(hashes, std::min(size, kPrefetchAhead));
    const std::uint64_t serial = cursor_.serial;
    std::uint32_t i = 0;
    try {
      for (; i < size; ++i) {
        if (i % kPrefetchRun == 0 && i + kPrefetchAhead < size) {
          prefetch(hashes + i + kPrefetchAhead, std::min(kPrefetchRun, size - i - kPrefetchAhead));
        }
        // Counted from the batch's start instead of up: the next record need not wait for this one's.
        cursor_.serial = serial + i + 1;
        move_cursor(hashes[i], lookup_(std::invoke(key_, values[i])), timestamps[i]);
        function.F::process(values[i], context_, out);
      }
    } catch (...) {
      guard_.fail(this->name_, values[i], timestamps[i], i);
    }
    guard_.count(size);
    context_.arena_.reset();
    out.flush();
  }

  bool advance(Timestamp watermark) override {
    context_.watermark_ = std::max(context_.watermark_, watermark);
    auto& out = this->out_;
    out.set_stable_text({});
    if (watermark == Timestamp::max()) context_.timers_.set_input_ended();
    Timestamp at;
    try {
      timers_.queue().pop_due(watermark, [&](Timestamp when, std::uint64_t hash, const auto& key) {
        at = when;
        timer_key_ = key;
        ++cursor_.serial;
        move_cursor(hash, timer_key_, when.ms());
        function_->F::on_timer(when, context_, out);
      });
    } catch (...) {
      fail_user_code(this->name_, [&] { return "timer at " + to_string(at); });
    }
    context_.arena_.reset();
    out.flush();
    return true;
  }

  std::unique_ptr<SnapshotWork> snapshot(const SnapshotRequest& request) override {
    return backend_.snapshot(request, *operator_context_, floors_.at(context_.watermark_));
  }

 private:
  [[gnu::always_inline]] void prefetch(const std::uint64_t* hashes, std::uint32_t count) const {
    for (const Table* table : backend_.bound_tables()) table->prefetch(hashes, count);
  }
  void move_cursor(std::uint64_t hash, typename StoredKey<K>::Lookup key, std::int64_t timestamp) {
    cursor_.hash = hash;
    cursor_.key = key;
    context_.timestamp_ = timestamp;
    this->out_.set_timestamp(timestamp);
  }

  KeyFn key_;
  KeyLookup<K> lookup_;
  KeyCursor<K> cursor_;
  Timers timers_;
  typename Timers::Key timer_key_{};  // of the timer that fires: its own copy, since the callback may change the queue
  KeyedBackend backend_;
  std::unique_ptr<F> function_;
  typename KeyedProcess<K, In, typename F::Output>::Context context_;
  KeyGroupWatermarks floors_{{}, {}};
  OperatorContext* operator_context_ = nullptr;
  RecordGuard guard_;
};

}  // namespace tidemark::detail

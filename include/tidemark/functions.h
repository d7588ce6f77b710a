// User functions with state and time.
//
// Life of one: a copy for each subtask, made by its constructor, whose first parameter is a Declare&; open() before the
// first record; process() and the timers' callbacks from one thread, never two at once; the destructor is close(). Any call
// may throw: the job fails (or restarts from its last checkpoint) with operator, subtask, record and the exception's text.
//
// Timers of event time follow the watermark. At the end of all input every one of them fires; those that on_timer() sets
// then do not, or a timer that sets itself again would never end. Timers of processing time follow the machine's wall
// clock, which may jump: each fires once, at or after its time as the clock shows it. One whose time passed while the job
// was down fires right after the restart; those that are pending at the end of all input are dropped.
#pragma once

#include <cstdint>

#include "tidemark/detail/codec/key.h"
#include "tidemark/detail/event_time/timer_queue.h"
#include "tidemark/detail/state/key_cursor.h"
#include "tidemark/detail/state/operator_context.h"
#include "tidemark/detail/state/stored_key.h"
#include "tidemark/error.h"
#include "tidemark/out.h"
#include "tidemark/state.h"
#include "tidemark/time.h"

namespace tidemark {

/// Where a function runs.
struct OpenContext {
  std::uint32_t subtask = 0;      ///< 0 .. parallelism - 1
  std::uint32_t parallelism = 1;
};

/// An event-time timer of a key. Keep it in state to delete the timer later.
struct Timer {
  Timestamp at;
  friend bool operator==(const Timer&, const Timer&) = default;
};

/// The same for processing time.
struct ProcessingTimer {
  Timestamp at;
  friend bool operator==(const ProcessingTimer&, const ProcessingTimer&) = default;
};

namespace detail {
template <class F, class KeyFn>
class KeyedFunctionOperator;
}

/// The timers of the current key. Setting one again changes nothing; removing one that is not set neither.
template <class K>
class KeyedTimers {
 public:
  /// Calls on_timer() when the watermark reaches `when`. One in the past fires at the next watermark.
  Timer at(Timestamp when) {
    if (!input_ended_) event_time_.add(when, cursor_.hash, cursor_.key);
    return {when};
  }
  void remove(Timer timer) { event_time_.remove(timer.at, cursor_.hash, cursor_.key); }

  /// Calls on_processing_timer(), which the function must override, when the wall clock shows `when` or later. One in the
  /// past fires soon.
  ProcessingTimer at_processing_time(Timestamp when) {
    processing_time().add(when, cursor_.hash, cursor_.key);
    return {when};
  }
  void remove_processing_time(ProcessingTimer timer) { processing_time().remove(timer.at, cursor_.hash, cursor_.key); }

 private:
  template <class, class>
  friend class detail::KeyedFunctionOperator;
  using Queue = detail::TimerQueue<detail::OwnedKey<K>>;

  KeyedTimers(const detail::KeyCursor<K>& cursor, Queue& event_time, Queue* processing_time)
      : cursor_{cursor}, event_time_{event_time}, processing_time_{processing_time} {}

  Queue& processing_time() {
    if (processing_time_ == nullptr) {
      throw Error{ErrorCode::kInvalidArgument,
                  "a timer of processing time in a function without on_processing_timer(): override it, as that is what the timer calls"};
    }
    return *processing_time_;
  }

  const detail::KeyCursor<K>& cursor_;
  Queue& event_time_;
  Queue* processing_time_;  // null if the function has no callback for it
  bool input_ended_ = false;
};

/// What a function may ask while it handles a record or a timer.
template <class K>
class KeyedContext {
 public:
  /// The current key. Text in it is valid until the end of the callback.
  K key() const {
    if constexpr (detail::KeyCodec<K>::kIsWord) {
      return detail::KeyCodec<K>::from_word(cursor_.key);
    } else {
      K key{};
      static_cast<void>(detail::KeyCodec<K>::decode(cursor_.key, key, arena_));
      return key;
    }
  }
  /// Event time of the record, or of the timer. A timer of processing time has none: -infinity, and so have the results
  /// that are emitted without a time of their own.
  Timestamp timestamp() const { return Timestamp{timestamp_}; }
  /// How far event time has come at this operator, or had for the current key before a restore, if that is later.
  Timestamp watermark() const { return watermark_; }
  /// What the wall clock shows.
  Timestamp processing_time() const { return detail::wall_time(*env_); }
  KeyedTimers<K>& timers() { return timers_; }

 private:
  template <class, class>
  friend class detail::KeyedFunctionOperator;
  KeyedContext(const detail::KeyCursor<K>& cursor, KeyedTimers<K> timers) : cursor_{cursor}, timers_{timers} {}

  const detail::KeyCursor<K>& cursor_;
  KeyedTimers<K> timers_;
  const Env* env_ = nullptr;
  std::int64_t timestamp_ = 0;
  Timestamp watermark_ = Timestamp::min();
  mutable detail::Arena arena_;
};

/// What all functions over a keyed stream have in common. K is the key's type, OutT the result's.
template <class K, class OutT>
class KeyedFunction {
 public:
  using Key = K;
  using Output = OutT;
  using Context = KeyedContext<K>;
  using Timers = KeyedTimers<K>;

  // With Ttl as the last argument of one of these, its entries expire (ttl.h).
  template <class V, class MaybeTtl = detail::NoTtl>
  using ValueState = tidemark::ValueState<K, V, MaybeTtl>;
  template <class V, class Reduce, class MaybeTtl = detail::NoTtl>
  using ReducingState = tidemark::ReducingState<K, V, Reduce, MaybeTtl>;
  template <class In, class Agg, class MaybeTtl = detail::NoTtl>
  using AggregatingState = tidemark::AggregatingState<K, In, Agg, MaybeTtl>;
  template <class T, class MaybeTtl = detail::NoTtl>
  using ListState = tidemark::ListState<K, T, MaybeTtl>;
  template <class MapKey, class V, class MaybeTtl = detail::NoTtl>
  using MapState = tidemark::MapState<K, MapKey, V, MaybeTtl>;

  virtual ~KeyedFunction() = default;
  virtual void open(OpenContext&) {}
  virtual void on_timer(Timestamp, Context&, Out<OutT>&) {}
  virtual void on_processing_timer(Timestamp, Context&, Out<OutT>&) {}
};

/// The base of a function over a keyed stream of In.
template <class K, class In, class OutT>
class KeyedProcess : public KeyedFunction<K, OutT> {
 public:
  using Input = In;
  using typename KeyedFunction<K, OutT>::Context;

  virtual void process(const In& record, Context& ctx, Out<OutT>& out) = 0;
};

}  // namespace tidemark

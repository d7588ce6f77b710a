// User functions with state and time.
//
// Life of one: a copy for each subtask, made by its constructor, whose first parameter is a Declare&; open() before the
// first record; process() and on_timer() from one thread, never two at once; the destructor is close(). Any call may throw:
// the job fails (or restarts from its last checkpoint) with operator, subtask, record and the exception's text.
#pragma once

#include <cstdint>

#include "tidemark/detail/codec/key.h"
#include "tidemark/detail/event_time/timer_queue.h"
#include "tidemark/detail/state/key_cursor.h"
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

namespace detail {
template <class F, class KeyFn>
class KeyedProcessOperator;
}

/// The base of a function over a keyed stream. K is the key's type, In the record's, OutT the result's.
template <class K, class In, class OutT>
class KeyedProcess {
 public:
  using Key = K;
  using Input = In;
  using Output = OutT;

  template <class V>
  using ValueState = tidemark::ValueState<K, V>;
  template <class T>
  using ListState = tidemark::ListState<K, T>;
  template <class MapKey, class V>
  using MapState = tidemark::MapState<K, MapKey, V>;

  /// A key as the timer queue holds it.
  using TimerKey = std::conditional_t<detail::KeyCodec<K>::kIsWord, std::uint64_t, std::string>;

  /// Timers of the current key, by event time.
  class Timers {
   public:
    /// Calls on_timer() when the watermark reaches `when`; once, however often it is set. One in the past fires at the
    /// next watermark. At the end of all input every timer fires; those that on_timer() sets then do not, or a timer
    /// that sets itself again would never end.
    Timer at(Timestamp when) {
      if (!input_ended_) queue_.add(when, cursor_.hash, cursor_.key);
      return {when};
    }
    void remove(Timer timer) { queue_.remove(timer.at, cursor_.hash, cursor_.key); }

    /// The engine's.
    Timers(detail::TimerQueue<TimerKey>& queue, const detail::KeyCursor<K>& cursor) : queue_{queue}, cursor_{cursor} {}

    void set_input_ended() { input_ended_ = true; }

   private:
    detail::TimerQueue<TimerKey>& queue_;
    const detail::KeyCursor<K>& cursor_;
    bool input_ended_ = false;
  };

  /// What process() and on_timer() may ask.
  class Context {
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
    /// Event time of the record, or of the timer.
    Timestamp timestamp() const { return Timestamp{timestamp_}; }
    /// How far event time has come at this operator.
    Timestamp watermark() const { return watermark_; }
    Timers& timers() { return timers_; }

   private:
    template <class, class>
    friend class detail::KeyedProcessOperator;
    Context(const detail::KeyCursor<K>& cursor, detail::TimerQueue<TimerKey>& queue)
        : cursor_{cursor}, timers_{queue, cursor} {}

    const detail::KeyCursor<K>& cursor_;
    Timers timers_;
    std::int64_t timestamp_ = 0;
    Timestamp watermark_ = Timestamp::min();
    mutable detail::Arena arena_;
  };

  virtual ~KeyedProcess() = default;
  virtual void open(OpenContext&) {}
  virtual void process(const In& record, Context& ctx, Out<OutT>& out) = 0;
  virtual void on_timer(Timestamp, Context&, Out<OutT>&) {}
};

}  // namespace tidemark

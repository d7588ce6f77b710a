// Triggers: when a window gives its result. Evictors: which of its records it then forgets.
//
//   .window(tumbling(1min)).trigger(event_time_trigger().early(continuous_processing_trigger(1s)).late(count_trigger(10)))
//   .window(global()).trigger(purging(count_trigger(100)))
//   .window(global()).trigger(count_trigger(1)).evict(count_evictor(50))
//
// A trigger of your own is a struct. Its State is kept for each window of each key, in checkpoints, too, until the window goes:
//
//   struct Spender {
//     struct State { std::int64_t spent = 0; };
//     TriggerResult on_record(State& state, const Bid& bid, TriggerContext& ctx) const {
//       state.spent += bid.price;
//       return state.spent < 1000 ? TriggerResult::kContinue : TriggerResult::kFireAndPurge;
//     }
//   };
//
// What it may have besides: on_event_time(State&, Timestamp, TriggerContext&) and on_processing_time(...), called at the times
// that it asked for by ctx.wake_at(...); on_merge(State& into, const State& from, TriggerContext&), which sessions need.
#pragma once

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>

#include "tidemark/detail/event_time/aggregate_types.h"
#include "tidemark/detail/event_time/window_spec.h"
#include "tidemark/error.h"
#include "tidemark/time.h"
#include "tidemark/window.h"

namespace tidemark {

enum class TriggerResult : std::uint8_t {
  kContinue,      ///< nothing
  kFire,          ///< gives the result; the window keeps what it has
  kPurge,         ///< forgets what the window has
  kFireAndPurge,  ///< gives the result, then forgets
};

namespace detail {

/// When a trigger wants to be woken; Timestamp::max() for never.
struct Alarms {
  Timestamp event_time = Timestamp::max();
  Timestamp processing_time = Timestamp::max();
};
inline void earlier_of(Alarms& into, const Alarms& from) {
  into.event_time = std::min(into.event_time, from.event_time);
  into.processing_time = std::min(into.processing_time, from.processing_time);
}

}  // namespace detail

/// What a trigger may ask and order, for the window at hand.
class TriggerContext {
 public:
  const Window& window() const { return window_; }
  /// Event time of the record, or the time for which the trigger was woken.
  Timestamp timestamp() const { return timestamp_; }
  Timestamp watermark() const { return watermark_; }
  /// What the wall clock shows.
  Timestamp processing_time() const { return read_clock_(clock_); }
  /// Whether the window is one of processing time.
  bool by_processing_time() const { return by_processing_time_; }

  /// Calls on_event_time() when the watermark reaches `when`. A trigger has one such time for each window: a later call moves
  /// it. Nothing is called once the window is gone. At the end of all input it is called at once, and once more for the
  /// window's last moment if it asks for that.
  void wake_at(Timestamp when) { alarms_->event_time = when; }
  /// Calls on_processing_time() when the wall clock shows `when` or later; likewise one.
  void wake_at_processing_time(Timestamp when) { alarms_->processing_time = when; }
  /// Takes both back.
  void let_sleep() { *alarms_ = {}; }

  // The rest is the engine's.

  using ReadClock = Timestamp (*)(const void* clock);
  TriggerContext(Window window, detail::Alarms& alarms, Timestamp timestamp, Timestamp watermark, bool by_processing_time, const void* clock,
                 ReadClock read_clock)
      : window_{window},
        alarms_{&alarms},
        timestamp_{timestamp},
        watermark_{watermark},
        by_processing_time_{by_processing_time},
        clock_{clock},
        read_clock_{read_clock} {}

  /// The same for a trigger inside another one, which keeps its alarms.
  TriggerContext with(detail::Alarms& alarms) const {
    TriggerContext inner = *this;
    inner.alarms_ = &alarms;
    return inner;
  }

 private:
  Window window_;
  detail::Alarms* alarms_;
  Timestamp timestamp_;
  Timestamp watermark_;
  bool by_processing_time_;
  const void* clock_;
  ReadClock read_clock_;
};

namespace detail {

template <class Trigger, class T>
struct TriggerTypes {
  using State = typename Trigger::State;
};
template <class Trigger, class T>
  requires requires { typename Trigger::template StateFor<T>; }
struct TriggerTypes<Trigger, T> {
  using State = typename Trigger::template StateFor<T>;
};
template <class Trigger, class T>
using TriggerState = typename TriggerTypes<Trigger, T>::State;

template <class Trigger, class State>
concept WakesByEventTime = requires(const Trigger& trigger, State& state, TriggerContext& ctx) {
  trigger.on_event_time(state, Timestamp{}, ctx);
};
template <class Trigger, class State>
concept WakesByProcessingTime = requires(const Trigger& trigger, State& state, TriggerContext& ctx) {
  trigger.on_processing_time(state, Timestamp{}, ctx);
};
template <class Trigger, class State>
concept MergingTrigger = requires(const Trigger& trigger, State& into, const State& from, TriggerContext& ctx) {
  trigger.on_merge(into, from, ctx);
};

template <class Trigger, class State>
TriggerResult wake_by_event_time(const Trigger& trigger, State& state, Timestamp when, TriggerContext& ctx) {
  if constexpr (WakesByEventTime<Trigger, State>) return trigger.on_event_time(state, when, ctx);
  return TriggerResult::kContinue;
}
template <class Trigger, class State>
TriggerResult wake_by_processing_time(const Trigger& trigger, State& state, Timestamp when, TriggerContext& ctx) {
  if constexpr (WakesByProcessingTime<Trigger, State>) return trigger.on_processing_time(state, when, ctx);
  return TriggerResult::kContinue;
}

constexpr bool fires(TriggerResult result) { return result == TriggerResult::kFire || result == TriggerResult::kFireAndPurge; }
constexpr bool purges(TriggerResult result) { return result == TriggerResult::kPurge || result == TriggerResult::kFireAndPurge; }

/// The first multiple of `interval` after `t`.
constexpr Timestamp next_multiple(Timestamp t, Duration interval) {
  const std::int64_t rest = t.ms() % interval.count();
  const Timestamp towards_1970{t.ms() - rest};
  return rest < 0 ? towards_1970 : towards_1970 + interval;
}

/// What is wrong with a trigger that can tell.
template <class Trigger>
std::optional<Error> problem_of(const Trigger& trigger) {
  if constexpr (requires { trigger.problem(); }) return trigger.problem();
  return std::nullopt;
}
template <class A, class B>
std::optional<Error> problem_of(const A& a, const B& b) {
  const auto problem = problem_of(a);
  return problem ? problem : problem_of(b);
}
inline std::optional<Error> problem_unless_positive(Duration duration, const char* what) {
  if (duration > Duration{0}) return std::nullopt;
  return Error{ErrorCode::kInvalidArgument, std::string{what} + " takes a duration of more than zero"};
}

/// In place of a trigger: what the windows have of their own.
struct OwnTrigger {};

/// For every record.
struct EachRecordTrigger {
  struct State {};
  template <class T>
  TriggerResult on_record(State&, const T&, TriggerContext&) const {
    return TriggerResult::kFire;
  }
  void on_merge(State&, const State&, TriggerContext&) const {}
};

struct NeverTrigger {
  struct State {};
  template <class T>
  TriggerResult on_record(State&, const T&, TriggerContext&) const {
    return TriggerResult::kContinue;
  }
  void on_merge(State&, const State&, TriggerContext&) const {}
};

template <class Early, class Late>
struct EarlyAndLateState {
  Early early{};
  Late late{};
  Alarms early_alarms;
  bool completed = false;
};

/// `early` until the watermark completes the window, then once, then `late`.
template <class Early, class Late>
struct EarlyAndLateTrigger {
  template <class T>
  using StateFor = EarlyAndLateState<TriggerState<Early, T>, TriggerState<Late, T>>;
  Early early_trigger;
  Late late_trigger;

  template <class Other>
  EarlyAndLateTrigger<Other, Late> early(Other other) const {
    return {std::move(other), late_trigger};
  }
  template <class Other>
  EarlyAndLateTrigger<Early, Other> late(Other other) const {
    return {early_trigger, std::move(other)};
  }
  std::optional<Error> problem() const { return problem_of(early_trigger, late_trigger); }

  template <class S, class T>
  TriggerResult on_record(S& state, const T& record, TriggerContext& ctx) const {
    state.completed = ctx.window().last() <= ctx.watermark();
    if (state.completed) return late_trigger.on_record(state.late, record, ctx);
    TriggerContext inner = ctx.with(state.early_alarms);
    const TriggerResult result = early_trigger.on_record(state.early, record, inner);
    wake_for_early(state, ctx);
    return result;
  }
  template <class S>
  TriggerResult on_event_time(S& state, Timestamp when, TriggerContext& ctx) const {
    if (state.completed) return wake_by_event_time(late_trigger, state.late, when, ctx);
    if (ctx.window().last() <= when) {
      state.completed = true;
      state.early_alarms = {};
      ctx.let_sleep();
      return TriggerResult::kFire;
    }
    state.early_alarms.event_time = Timestamp::max();
    TriggerContext inner = ctx.with(state.early_alarms);
    const TriggerResult result = wake_by_event_time(early_trigger, state.early, when, inner);
    wake_for_early(state, ctx);
    return result;
  }
  template <class S>
    requires(WakesByProcessingTime<Early, decltype(S::early)> || WakesByProcessingTime<Late, decltype(S::late)>)
  TriggerResult on_processing_time(S& state, Timestamp when, TriggerContext& ctx) const {
    if (state.completed) return wake_by_processing_time(late_trigger, state.late, when, ctx);
    state.early_alarms.processing_time = Timestamp::max();
    TriggerContext inner = ctx.with(state.early_alarms);
    const TriggerResult result = wake_by_processing_time(early_trigger, state.early, when, inner);
    wake_for_early(state, ctx);
    return result;
  }
  template <class S>
    requires(MergingTrigger<Early, decltype(S::early)> && MergingTrigger<Late, decltype(S::late)>)
  void on_merge(S& into, const S& from, TriggerContext& ctx) const {
    earlier_of(into.early_alarms, from.early_alarms);
    TriggerContext inner = ctx.with(into.early_alarms);
    early_trigger.on_merge(into.early, from.early, inner);
    late_trigger.on_merge(into.late, from.late, ctx);
  }

 private:
  template <class S>
  static void wake_for_early(const S& state, TriggerContext& ctx) {
    ctx.wake_at(std::min(state.early_alarms.event_time, ctx.window().last()));
    ctx.wake_at_processing_time(state.early_alarms.processing_time);
  }
};

struct EventTimeTrigger {
  struct State {};

  /// What fires before the window is complete: mostly continuous_processing_trigger(1s) or count_trigger(1000).
  template <class Early>
  EarlyAndLateTrigger<Early, EachRecordTrigger> early(Early trigger) const {
    return {std::move(trigger), {}};
  }
  /// What fires for late records, within the allowed lateness; otherwise each of them does.
  template <class Late>
  EarlyAndLateTrigger<NeverTrigger, Late> late(Late trigger) const {
    return {{}, std::move(trigger)};
  }

  template <class T>
  TriggerResult on_record(State&, const T&, TriggerContext& ctx) const {
    if (ctx.window().last() <= ctx.watermark()) return TriggerResult::kFire;
    ctx.wake_at(ctx.window().last());
    return TriggerResult::kContinue;
  }
  TriggerResult on_event_time(State&, Timestamp, TriggerContext&) const { return TriggerResult::kFire; }
  void on_merge(State&, const State&, TriggerContext&) const {}
};

struct ProcessingTimeTrigger {
  struct State {};
  template <class T>
  TriggerResult on_record(State&, const T&, TriggerContext& ctx) const {
    ctx.wake_at_processing_time(ctx.window().end);
    return TriggerResult::kContinue;
  }
  TriggerResult on_processing_time(State&, Timestamp, TriggerContext&) const { return TriggerResult::kFire; }
  void on_merge(State&, const State&, TriggerContext&) const {}
};

struct CountTrigger {
  struct State {
    std::int64_t count = 0;
  };
  std::int64_t enough;

  std::optional<Error> problem() const {
    if (enough > 0) return std::nullopt;
    return Error{ErrorCode::kInvalidArgument, "count_trigger() takes how many records are enough: one or more"};
  }
  template <class T>
  TriggerResult on_record(State& state, const T&, TriggerContext&) const {
    if (++state.count < enough) return TriggerResult::kContinue;
    state.count = 0;
    return TriggerResult::kFire;
  }
  void on_merge(State& into, const State& from, TriggerContext&) const { into.count += from.count; }
};

struct ContinuousTrigger {
  struct State {
    Timestamp next = Timestamp::max();
  };
  Duration interval;

  std::optional<Error> problem() const { return problem_unless_positive(interval, "continuous_trigger()"); }
  template <class T>
  TriggerResult on_record(State& state, const T&, TriggerContext& ctx) const {
    const Timestamp last = ctx.window().last();
    if (last <= ctx.watermark()) return TriggerResult::kFire;
    if (state.next == Timestamp::max()) state.next = next_multiple(ctx.timestamp(), interval);
    ctx.wake_at(std::min(state.next, last));
    return TriggerResult::kContinue;
  }
  TriggerResult on_event_time(State& state, Timestamp when, TriggerContext& ctx) const {
    const Timestamp last = ctx.window().last();
    if (when >= last) return TriggerResult::kFire;
    // Multiples that the watermark has leapt over would all give the same: the newest speaks for them.
    state.next = ctx.watermark() >= last ? Timestamp::max() : next_multiple(std::max(when, ctx.watermark()), interval);
    ctx.wake_at(std::min(state.next, last));
    return ctx.watermark() >= last ? TriggerResult::kContinue : TriggerResult::kFire;
  }
  void on_merge(State& into, const State& from, TriggerContext&) const { into.next = std::min(into.next, from.next); }
};

struct ContinuousProcessingTrigger {
  struct State {
    Timestamp next = Timestamp::max();
  };
  Duration interval;

  std::optional<Error> problem() const { return problem_unless_positive(interval, "continuous_processing_trigger()"); }
  template <class T>
  TriggerResult on_record(State& state, const T&, TriggerContext& ctx) const {
    if (state.next == Timestamp::max()) set_next(state, ctx.processing_time(), ctx);
    ctx.wake_at_processing_time(state.next);
    return TriggerResult::kContinue;
  }
  TriggerResult on_processing_time(State& state, Timestamp when, TriggerContext& ctx) const {
    if (ctx.by_processing_time() && when >= ctx.window().end) return TriggerResult::kFire;
    set_next(state, std::max(when, ctx.processing_time()), ctx);  // the clock may have been set back
    ctx.wake_at_processing_time(state.next);
    return TriggerResult::kFire;
  }
  void on_merge(State& into, const State& from, TriggerContext&) const { into.next = std::min(into.next, from.next); }

 private:
  void set_next(State& state, Timestamp now, TriggerContext& ctx) const {
    state.next = next_multiple(now, interval);
    if (ctx.by_processing_time()) state.next = std::min(state.next, ctx.window().end);
  }
};

template <class Delta>
struct DeltaTrigger {
  template <class T>
  using StateFor = std::optional<T>;
  double threshold;
  Delta delta;

  template <class T>
  TriggerResult on_record(std::optional<T>& fired_at, const T& record, TriggerContext&) const {
    static_assert(std::is_invocable_r_v<double, const Delta&, const T&, const T&>,
                  "delta_trigger() takes a callable that measures two records: [](const Reading& before, const Reading& now) -> double { ... }");
    if (fired_at && !(std::invoke(delta, std::as_const(*fired_at), record) > threshold)) return TriggerResult::kContinue;
    const bool fire = fired_at.has_value();
    fired_at = record;
    return fire ? TriggerResult::kFire : TriggerResult::kContinue;
  }
};

template <class Inner>
struct TimeoutState {
  Inner inner{};
  Alarms inner_alarms;
  Timestamp timeout = Timestamp::max();
};

template <class Inner>
struct TimeoutTrigger {
  template <class T>
  using StateFor = TimeoutState<TriggerState<Inner, T>>;
  Inner inner;
  Duration timeout;
  bool each_record_resets = false;

  /// The time runs anew from each record, instead of from the first since the window fired.
  TimeoutTrigger from_each_record() const { return {inner, timeout, true}; }
  std::optional<Error> problem() const {
    const auto problem = problem_unless_positive(timeout, "timeout_trigger()");
    return problem ? problem : problem_of(inner);
  }

  template <class S, class T>
  TriggerResult on_record(S& state, const T& record, TriggerContext& ctx) const {
    TriggerContext nested = ctx.with(state.inner_alarms);
    const TriggerResult result = inner.on_record(state.inner, record, nested);
    if (fires(result)) {
      begin_anew(state, ctx);
      return result;
    }
    if (each_record_resets || state.timeout == Timestamp::max()) state.timeout = ctx.processing_time() + timeout;
    wake(state, ctx);
    return result;
  }
  template <class S>
    requires WakesByEventTime<Inner, decltype(S::inner)>
  TriggerResult on_event_time(S& state, Timestamp when, TriggerContext& ctx) const {
    state.inner_alarms.event_time = Timestamp::max();
    TriggerContext nested = ctx.with(state.inner_alarms);
    const TriggerResult result = inner.on_event_time(state.inner, when, nested);
    if (fires(result)) state.timeout = Timestamp::max();
    wake(state, ctx);
    return result;
  }
  template <class S>
  TriggerResult on_processing_time(S& state, Timestamp when, TriggerContext& ctx) const {
    if (state.timeout <= when) {
      begin_anew(state, ctx);
      return TriggerResult::kFire;
    }
    state.inner_alarms.processing_time = Timestamp::max();
    TriggerContext nested = ctx.with(state.inner_alarms);
    const TriggerResult result = wake_by_processing_time(inner, state.inner, when, nested);
    if (fires(result)) state.timeout = Timestamp::max();
    wake(state, ctx);
    return result;
  }
  template <class S>
    requires MergingTrigger<Inner, decltype(S::inner)>
  void on_merge(S& into, const S& from, TriggerContext& ctx) const {
    earlier_of(into.inner_alarms, from.inner_alarms);
    TriggerContext nested = ctx.with(into.inner_alarms);
    inner.on_merge(into.inner, from.inner, nested);
    into.timeout = std::min(into.timeout, from.timeout);
  }

 private:
  template <class S>
  static void begin_anew(S& state, TriggerContext& ctx) {
    state = S{};
    ctx.let_sleep();
  }
  template <class S>
  static void wake(const S& state, TriggerContext& ctx) {
    ctx.wake_at(state.inner_alarms.event_time);
    ctx.wake_at_processing_time(std::min(state.inner_alarms.processing_time, state.timeout));
  }
};

template <class Inner>
struct PurgingTrigger {
  template <class T>
  using StateFor = TriggerState<Inner, T>;
  Inner inner;

  std::optional<Error> problem() const { return problem_of(inner); }

  template <class S, class T>
  TriggerResult on_record(S& state, const T& record, TriggerContext& ctx) const {
    return purge(inner.on_record(state, record, ctx));
  }
  template <class S>
    requires WakesByEventTime<Inner, S>
  TriggerResult on_event_time(S& state, Timestamp when, TriggerContext& ctx) const {
    return purge(inner.on_event_time(state, when, ctx));
  }
  template <class S>
    requires WakesByProcessingTime<Inner, S>
  TriggerResult on_processing_time(S& state, Timestamp when, TriggerContext& ctx) const {
    return purge(inner.on_processing_time(state, when, ctx));
  }
  template <class S>
    requires MergingTrigger<Inner, S>
  void on_merge(S& into, const S& from, TriggerContext& ctx) const {
    inner.on_merge(into, from, ctx);
  }

 private:
  static TriggerResult purge(TriggerResult result) { return result == TriggerResult::kFire ? TriggerResult::kFireAndPurge : result; }
};

struct CountEvictor {
  std::size_t most;

  std::optional<Error> problem() const {
    if (most > 0) return std::nullopt;
    return Error{ErrorCode::kInvalidArgument, "count_evictor() takes how many records stay: one or more"};
  }
  template <class T>
  void evict(WindowRecords<T>& records) const {
    if (records.size() > most) records.erase(records.begin(), records.end() - static_cast<std::ptrdiff_t>(most));
  }
};

struct TimeEvictor {
  Duration span;

  std::optional<Error> problem() const { return problem_unless_positive(span, "time_evictor()"); }
  template <class T>
  void evict(WindowRecords<T>& records) const {
    if (records.empty()) return;
    const auto newest = std::max_element(records.begin(), records.end(), [](const auto& a, const auto& b) { return a.at < b.at; });
    const Timestamp oldest_gone = newest->at - span;
    std::erase_if(records, [&](const Timed<T>& record) { return record.at <= oldest_gone; });
  }
};

template <class Delta>
struct DeltaEvictor {
  double threshold;
  Delta delta;
  template <class T>
  void evict(WindowRecords<T>& records) const {
    static_assert(std::is_invocable_r_v<double, const Delta&, const T&, const T&>,
                  "delta_evictor() takes a callable that measures two records: [](const Reading& before, const Reading& last) -> double { ... }");
    if (records.empty()) return;
    const T last = records.back().value;
    std::erase_if(records, [&](const Timed<T>& record) { return std::invoke(delta, record.value, last) >= threshold; });
  }
};

}  // namespace detail

/// Fires when the watermark has come to the window's end, and for each late record: what windows of event time have. It can
/// fire .early(trigger), too, and .late(trigger) otherwise.
inline detail::EventTimeTrigger event_time_trigger() { return {}; }

/// Fires when the wall clock has come to the window's end: what windows of processing time have.
inline detail::ProcessingTimeTrigger processing_time_trigger() { return {}; }

/// Fires at each n-th record of the window.
inline detail::CountTrigger count_trigger(std::int64_t n) { return {n}; }

/// Fires at the multiples of `interval` in event time, at the window's end, and for each late record.
inline detail::ContinuousTrigger continuous_trigger(Duration interval) { return {interval}; }

/// Fires at the multiples of `interval` on the wall clock, from the first record on; at the window's end only where that is
/// one of processing time.
inline detail::ContinuousProcessingTrigger continuous_processing_trigger(Duration interval) { return {interval}; }

/// Fires at a record for which delta(record at which it fired before, record) is more than `threshold`.
template <class Delta>
detail::DeltaTrigger<Delta> delta_trigger(double threshold, Delta delta) {
  return {threshold, std::move(delta)};
}

/// Fires when `inner` does, and when the wall clock shows `timeout` more than at the first record since it fired, or, with
/// .from_each_record(), at the newest.
template <class Inner>
detail::TimeoutTrigger<Inner> timeout_trigger(Inner inner, Duration timeout) {
  return {std::move(inner), timeout};
}

/// Forgets the window's records whenever `inner` fires.
template <class Inner>
detail::PurgingTrigger<Inner> purging(Inner inner) {
  return {std::move(inner)};
}

/// Never fires.
inline detail::NeverTrigger never_trigger() { return {}; }

// An evictor of your own is a struct with void evict(WindowRecords<Bid>&) const, which erases records.

/// Keeps the newest n to arrive.
inline detail::CountEvictor count_evictor(std::int64_t n) { return {n > 0 ? static_cast<std::size_t>(n) : 0}; }

/// Keeps those that are less than `span` older than the one with the highest time.
inline detail::TimeEvictor time_evictor(Duration span) { return {span}; }

/// Keeps those for which delta(record, newest record) is less than `threshold`.
template <class Delta>
detail::DeltaEvictor<Delta> delta_evictor(double threshold, Delta delta) {
  return {threshold, std::move(delta)};
}

}  // namespace tidemark

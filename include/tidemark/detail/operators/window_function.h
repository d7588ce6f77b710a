// The general window operator, for all that slices can't do: sessions, global windows, windows of processing time, triggers,
// evictors, functions over windows. It is a keyed function like those of users: its windows are a value of the key, and
// what is to come of them a timer.
//
// A key's value lists its open windows by (start, end): their content, the trigger's state and alarms, the function's state.
// A window is open from its first record until its time is over: its last millisecond and the allowed lateness, and on the
// wall clock its end, since records may yet come in its last millisecond. A record is late if all its windows are over; of
// merging windows that is asked of what it would merge into.
//
// A key has one timer, at or before the first moment at which something is due for it. So a session that grows needs no new
// timer with each record: woken too early, it sets the next.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "tidemark/detail/codec/binary.h"
#include "tidemark/detail/model/plan.h"
#include "tidemark/detail/operators/keyed_function.h"
#include "tidemark/detail/operators/late_records.h"
#include "tidemark/detail/operators/short_list.h"
#include "tidemark/detail/operators/window_content.h"
#include "tidemark/error.h"
#include "tidemark/functions.h"
#include "tidemark/trigger.h"
#include "tidemark/window.h"

namespace tidemark::detail {

/// What stands in checkpoints of a window.
template <class Content, class Trigger, class PerWindow>
struct OpenWindow {
  Timestamp start;
  Timestamp end;
  std::optional<Content> content;  ///< none until the first record, and after a purge
  Trigger trigger{};
  Alarms alarms;
  PerWindow state{};

  Window window() const { return {start, end}; }
};

/// Of a key.
template <class Open>
struct OpenWindows {
  Timestamp timer = Timestamp::max();  ///< the one set; max: none
  Timestamp processing_timer = Timestamp::max();
  ShortList<Open> windows;
};

/// Windows, Trigger, Content and Result are policies: an assigner, a trigger, and what window_content.h has.
template <class K, class T, class Windows, class Trigger, class Content, class Result>
class WindowFunction : public KeyedProcess<K, T, typename Result::Output> {
  using Base = KeyedProcess<K, T, typename Result::Output>;
  using PerWindow = typename Result::PerWindow;
  using Open = OpenWindow<typename Content::State, TriggerState<Trigger, T>, PerWindow>;
  using OfKey = OpenWindows<Open>;
  static constexpr bool kByProcessingTime = by_processing_time<Windows>();

 public:
  using Output = typename Result::Output;
  using typename Base::Context;
  /// Whether it has timers of the wall clock.
  static constexpr bool kHasClock = kByProcessingTime || WakesByProcessingTime<Trigger, TriggerState<Trigger, T>>;

  struct Setup {
    Windows windows;
    Trigger trigger;
    Content content;
    Duration allowed_lateness{0};
    typename LateRecords<T>::Names late{};
  };

  WindowFunction(Declare& declare, Setup setup, Result result)
      : setup_{std::move(setup)}, result_{std::move(result)}, of_key_{declare, kWindowsState}, late_{declare, setup_.late} {}

  std::uint64_t late_dropped() const { return late_.dropped(); }

  void open(OpenContext& context) override { result_.open(context); }

  void process(const T& record, Context& ctx, Out<Output>& out) override {
    const Arrival arrival{record, kByProcessingTime ? ctx.processing_time() : ctx.timestamp(), ctx, out};
    if (!assign_windows(arrival)) return;
    bool taken = false;
    if constexpr (merges<Windows>()) {
      for (const Window& window : assigned_) taken |= add_merging(window, arrival);
    } else {
      std::erase_if(assigned_, [&](const Window& window) { return is_over(window, ctx.watermark()); });
      taken = !assigned_.empty();
      if (taken) add(arrival);
    }
    if (!taken) late_.take(record, ctx.timestamp());
  }

  void on_timer(Timestamp when, Context& ctx, Out<Output>& out) override {
    // At the end of all input no timer can be set any more: what is open gives its last result.
    wake<true>(when, ctx.watermark() == Timestamp::max() ? Timestamp::max() : when, ctx, out);
  }

 protected:
  void on_wall_clock(Timestamp when, Context& ctx, Out<Output>& out) { wake<false>(when, when, ctx, out); }

 private:
  struct Arrival {
    const T& record;
    Timestamp at;
    Context& ctx;
    Out<Output>& out;
  };

  // Fills assigned_; false if there is no window to add the record to.
  bool assign_windows(const Arrival& arrival) {
    assigned_.clear();
    try {
      setup_.windows.assign(arrival.record, arrival.at, assigned_);
    } catch (const NoWindow&) {
      if (!late_.hands_out(arrival.record)) throw;
      late_.take(arrival.record, arrival.ctx.timestamp());
      return false;
    }
    if constexpr (!kMakesProperWindows<Windows>) check_windows(assigned_, merges<Windows>());
    return !assigned_.empty();
  }

  /// When a window goes; max for never.
  Timestamp end_of_life(const Window& window) const {
    if (window.end == Timestamp::max()) return Timestamp::max();
    return kByProcessingTime ? window.end : window.last() + setup_.allowed_lateness;
  }
  bool is_over(const Window& window, Timestamp watermark) const { return !kByProcessingTime && end_of_life(window) <= watermark; }

  template <class F>
  void change(F&& f) {
    bool is_empty = false;
    of_key_.mutate([&](OfKey& key) {
      f(key);
      is_empty = key.windows.empty();
    });
    if (is_empty) of_key_.clear();
  }

  static Open opened(const Window& window) {
    Open open;
    open.start = window.start;
    open.end = window.end;
    return open;
  }

  // To all of assigned_.
  void add(const Arrival& arrival) {
    change([&](OfKey& key) {
      bool purged = false;
      for (const Window& window : assigned_) {
        const auto before = [](const Open& open, const Window& w) { return open.window() < w; };
        auto at = std::lower_bound(key.windows.begin(), key.windows.end(), window, before);
        if (at == key.windows.end() || at->window() != window) at = key.windows.insert(at, opened(window));
        purged |= add_to_window(*at, key, arrival);
      }
      if (purged) key.windows.erase_if(is_as_new);
    });
  }

  // False if it is late.
  bool add_merging(const Window& window, const Arrival& arrival) {
    // It can only become longer, so nearly always the state is looked at once.
    if (is_over(window, arrival.ctx.watermark())) {
      const OfKey* key = of_key_.find();
      if (key == nullptr || is_over(merged(window, touching(key->windows, window)), arrival.ctx.watermark())) return false;
    }
    change([&](OfKey& key) {
      const bool is_of_only_one = key.windows.size() == 1 && touch(key.windows.front(), window);
      Open* const open = is_of_only_one ? key.windows.begin() : merge_touching(key, window, arrival);
      if (is_of_only_one) extend(*open, window);
      add_to_window(*open, key, arrival);
    });
    return true;
  }
  // What touches the window becomes one with it, or it is a new one.
  Open* merge_touching(OfKey& key, const Window& window, const Arrival& arrival) {
    auto [first, end] = touching(key.windows, window);
    if (first == end) return key.windows.insert(first, opened(window));
    extend(*first, window);
    extend(*first, (end - 1)->window());
    for (auto at = first + 1; at != end; ++at) merge(*first, *at, arrival);
    return key.windows.erase(first + 1, end) - 1;
  }
  static void extend(Open& open, const Window& by) {
    open.start = std::min(open.start, by.start);
    open.end = std::max(open.end, by.end);
  }
  static bool touch(const Open& open, const Window& window) { return open.start <= window.end && window.start <= open.end; }
  template <class At>
  static Window merged(Window window, const std::pair<At, At>& with) {
    for (auto at = with.first; at != with.second; ++at) window = {std::min(window.start, at->start), std::max(window.end, at->end)};
    return window;
  }
  template <class List>
  static auto touching(List& windows, const Window& window) {
    // They are apart from one another, so their ends are in order, too.
    const auto first = std::partition_point(windows.begin(), windows.end(), [&](const Open& open) { return open.end < window.start; });
    const auto end = std::partition_point(first, windows.end(), [&](const Open& open) { return open.start <= window.end; });
    return std::pair{first, end};
  }
  void merge(Open& into, Open& from, const Arrival& arrival) {
    if (into.content && from.content) {
      setup_.content.merge(*into.content, std::move(*from.content));
    } else if (from.content) {
      into.content = std::move(from.content);
    }
    earlier_of(into.alarms, from.alarms);
    TriggerContext ctx = trigger_context(into, arrival.at, arrival.ctx);
    if constexpr (MergingTrigger<Trigger, TriggerState<Trigger, T>>) setup_.trigger.on_merge(into.trigger, from.trigger, ctx);
  }

  // True if the window forgot what it had.
  bool add_to_window(Open& open, OfKey& key, const Arrival& arrival) {
    if (!open.content) open.content.emplace();
    setup_.content.add(*open.content, arrival.record, arrival.at);
    TriggerContext ctx = trigger_context(open, arrival.at, arrival.ctx);
    const bool purged = act(setup_.trigger.on_record(open.trigger, arrival.record, ctx), open, arrival.at, arrival.ctx, arrival.out);
    set_timers(key, due<true>(open), due<false>(open), arrival.ctx);
    return purged;
  }

  TriggerContext trigger_context(Open& open, Timestamp timestamp, const Context& ctx) const {
    return {open.window(), open.alarms, timestamp, ctx.watermark(), kByProcessingTime, &ctx,
            [](const void* clock) { return static_cast<const Context*>(clock)->processing_time(); }};
  }

  bool act(TriggerResult result, Open& open, Timestamp moment, Context& ctx, Out<Output>& out) {
    if (fires(result) && open.content) {
      const Window window = open.window();
      out.set_timestamp((window.end == Timestamp::max() ? moment : window.last()).ms());
      setup_.content.give(*open.content, [&](auto&& value) { result_.give(std::forward<decltype(value)>(value), window, open.state, ctx, out); });
    }
    if (purges(result)) open.content.reset();
    return purges(result);
  }

  // The first moment at which something is due for the window.
  template <bool kEventTime>
  Timestamp due(const Open& open) const {
    const Timestamp alarm = kEventTime ? open.alarms.event_time : open.alarms.processing_time;
    return kEventTime == kByProcessingTime ? alarm : std::min(alarm, end_of_life(open.window()));
  }
  void set_timers(OfKey& key, Timestamp event_time, Timestamp processing_time, Context& ctx) {
    if (event_time < key.timer) key.timer = ctx.timers().at(event_time).at;
    if constexpr (kHasClock) {
      if (processing_time < key.processing_timer) key.processing_timer = ctx.timers().at_processing_time(processing_time).at;
    }
  }

  // What is due up to `until`, for a timer of `when`.
  template <bool kEventTime>
  void wake(Timestamp when, Timestamp until, Context& ctx, Out<Output>& out) {
    if (of_key_.find() == nullptr) return;
    change([&](OfKey& key) {
      Timestamp& timer = kEventTime ? key.timer : key.processing_timer;
      if (timer <= when) timer = Timestamp::max();
      std::size_t kept = 0;
      for (std::size_t i = 0; i < key.windows.size(); ++i) {
        if (!go_on<kEventTime>(key.windows[i], until, ctx, out)) continue;
        if (kept != i) key.windows[kept] = std::move(key.windows[i]);
        ++kept;
      }
      key.windows.erase(key.windows.begin() + kept, key.windows.end());
      Timestamp event_time = Timestamp::max();
      Timestamp processing_time = Timestamp::max();
      for (const Open& open : key.windows) {
        event_time = std::min(event_time, due<true>(open));
        processing_time = std::min(processing_time, due<false>(open));
      }
      set_timers(key, event_time, processing_time, ctx);
    });
  }
  // False if the window goes.
  template <bool kEventTime>
  bool go_on(Open& open, Timestamp until, Context& ctx, Out<Output>& out) {
    const Timestamp gone = kEventTime == kByProcessingTime ? Timestamp::max() : end_of_life(open.window());
    Timestamp& alarm = kEventTime ? open.alarms.event_time : open.alarms.processing_time;
    bool purged = false;
    while (alarm <= std::min(until, gone) && alarm != Timestamp::max()) {
      const Timestamp woken_for = std::exchange(alarm, Timestamp::max());
      TriggerContext trigger = trigger_context(open, woken_for, ctx);
      const TriggerResult result = kEventTime ? wake_by_event_time(setup_.trigger, open.trigger, woken_for, trigger)
                                              : wake_by_processing_time(setup_.trigger, open.trigger, woken_for, trigger);
      purged |= act(result, open, woken_for, ctx, out);
      if (until == Timestamp::max()) {
        const Timestamp last = open.window().last();
        alarm = woken_for < last && alarm != Timestamp::max() ? std::max(alarm, last) : Timestamp::max();
      } else if (alarm <= woken_for) {
        throw Error{ErrorCode::kInvalidArgument, "a trigger that was woken for " + to_string(woken_for) + " asked to be woken at " +
                                                     to_string(alarm) + ": a time that is not later would never end"};
      }
    }
    if (gone <= until && gone != Timestamp::max()) return false;
    return merges<Windows>() || !purged || !is_as_new(open);
  }

  // Such a window need not be kept: the next record makes it again. One that merges is kept for its bounds.
  static bool is_as_new(const Open& open) {
    ByteWriter kept;
    ByteWriter fresh;
    encode(open, kept);
    encode(opened(open.window()), fresh);
    return kept.view() == fresh.view();
  }

  Setup setup_;
  Result result_;
  ValueState<K, OfKey> of_key_;
  std::vector<Window> assigned_;  // of the record at hand
  LateRecords<T> late_;
};

/// One with timers of the wall clock. The others have none, in their snapshots neither.
template <class Function>
class WithWallClock final : public Function {
 public:
  using Function::Function;
  void on_processing_timer(Timestamp when, typename Function::Context& ctx, Out<typename Function::Output>& out) override {
    this->on_wall_clock(when, ctx, out);
  }
};
template <class Function>
using WithClock = std::conditional_t<Function::kHasClock, WithWallClock<Function>, Function>;

/// Runs a WindowFunction.
template <class F, class KeyFn>
class WindowOperator final : public KeyedFunctionOperator<F, KeyFn> {
  using Base = KeyedFunctionOperator<F, KeyFn>;

 public:
  using Make = std::function<std::unique_ptr<F>(Declare&)>;

  WindowOperator(const Make& make, KeyFn key) : Base{std::move(key)} {
    Declare declare{this->backend(), this->side_outputs()};
    this->set_function(make(declare));
  }

  std::uint64_t late_dropped() const override { return this->function().late_dropped(); }
};

}  // namespace tidemark::detail

// What a window of the general operator holds, and what it gives when it fires: an accumulator or the records, and rows or
// what the user's function emits. Policies of WindowFunction; State, Result and Output are their types.
#pragma once

#include <iterator>
#include <memory>
#include <type_traits>
#include <utility>

#include "tidemark/detail/event_time/aggregate_types.h"
#include "tidemark/out.h"
#include "tidemark/window.h"
#include "tidemark/window_process.h"

namespace tidemark::detail {

/// The accumulator of an aggregate.
template <class T, class Agg>
struct AccumulatedContent {
  using State = AccumulatorOf<Agg, T>;
  using Result = ResultOf<Agg, T>;
  Agg aggregate;

  void add(State& state, const T& record, Timestamp at) const { add_to(aggregate, state, record, at.ms()); }
  void merge(State& into, State&& from) const { aggregate.merge(into, from); }
  template <class F>
  void give(State& state, F&& f) const {
    f(aggregate.result(std::as_const(state)));
  }
};

struct NoEvictor {
  template <class T>
  void evict(WindowRecords<T>&) const {}
};

/// One evictor before the function sees the records, one behind it.
template <class Before, class After>
struct Evictors {
  Before before;
  After after;
};

using NoEvictors = Evictors<NoEvictor, NoEvictor>;

/// The records themselves.
template <class T, class Evicts>
struct RecordContent {
  using State = WindowRecords<T>;
  using Result = WindowRecords<T>;
  Evicts evictors;

  void add(State& state, const T& record, Timestamp at) const { state.push_back({at, record}); }
  void merge(State& into, State&& from) const { into.insert(into.end(), std::make_move_iterator(from.begin()), std::make_move_iterator(from.end())); }
  /// Nothing comes of a window whose records the evictor has all taken.
  template <class F>
  void give(State& state, F&& f) const {
    evictors.before.evict(state);
    if (!state.empty()) f(std::as_const(state));
    evictors.after.evict(state);
  }
};

/// The records, for the sake of evictors, of which an aggregate is made at each firing.
template <class T, class Evicts, class Agg>
struct AggregatedRecords : RecordContent<T, Evicts> {
  using State = WindowRecords<T>;
  using Result = ResultOf<Agg, T>;
  Agg aggregate;

  template <class F>
  void give(State& state, F&& f) const {
    RecordContent<T, Evicts>::give(state, [&](const State& records) {
      AccumulatorOf<Agg, T> accumulator{};
      for (const Timed<T>& record : records) add_to(aggregate, accumulator, record.value, record.at.ms());
      f(aggregate.result(std::as_const(accumulator)));
    });
  }
};

/// The content's result as it is, in a Row.
template <class K, class V, class Row>
class WindowRows {
 public:
  using Output = typename Row::template Type<K, V>;
  using PerWindow = NoWindowState;

  void open(OpenContext&) {}
  void give(V value, const Window& window, PerWindow&, const KeyedContext<K>& ctx, Out<Output>& out) {
    out.emit(Row::make(window, ctx.key(), std::move(value)));
  }
};

/// What a WindowProcess emits for it.
template <class F>
class ProcessedWindows {
 public:
  using Output = typename F::Output;
  using PerWindow = typename F::WindowState;

  explicit ProcessedWindows(std::unique_ptr<F> function) : function_{std::move(function)} {}

  void open(OpenContext& context) { function_->F::open(context); }
  void give(const typename F::Input& content, const Window& window, PerWindow& state, const KeyedContext<typename F::Key>& keyed, Out<Output>& out) {
    typename F::Context ctx{keyed, window, state};
    function_->F::process(content, ctx, out);
  }

 private:
  std::unique_ptr<F> function_;
};

}  // namespace tidemark::detail

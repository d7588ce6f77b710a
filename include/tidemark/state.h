// Keyed state: what an operator remembers for each key. It is in every checkpoint under the operator's uid and the state's
// name, so both must stay when the code changes.
//
// States are members of a KeyedProcess, declared in its constructor and used in process() and on_timer(), where they mean
// the entry of the current key. What get() and find() return is valid until the next call on that state or the end of the
// callback. Not for use anywhere else, nor by other threads.
//
// The first change of an entry after a checkpoint has begun copies it, so that the checkpoint is written as it was. Of a list
// or a map that is the whole: where a key would have many thousands of elements, give them keys of their own.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "tidemark/aggregate.h"
#include "tidemark/detail/state/state_accessor.h"
#include "tidemark/detail/state/state_binder.h"
#include "tidemark/detail/state/ttl_accessor.h"
#include "tidemark/ttl.h"

namespace tidemark {

namespace detail {
class SideOutputs;
}

/// Passed to the constructor of a user function, to be passed on to its states and side outputs. A constructor only declares: it also runs
/// when a job is merely planned.
class Declare {
 public:
  explicit Declare(detail::StateBinder& binder, detail::SideOutputs* side_outputs = nullptr) : binder_{binder}, side_outputs_{side_outputs} {}
  detail::StateBinder& binder() { return binder_; }
  /// Null where a function has none.
  detail::SideOutputs* side_outputs() { return side_outputs_; }

 private:
  detail::StateBinder& binder_;
  detail::SideOutputs* side_outputs_;
};

/// One value for each key.
template <class K, class V, class MaybeTtl = detail::NoTtl>
class ValueState {
 public:
  ValueState(Declare& declare, std::string_view name, MaybeTtl ttl = {})
      : entry_{declare.binder(), name, StateDescriptor::Kind::kValue, ttl} {}

  /// The value, or V{} if there is none.
  const V& get() {
    const V* found = entry_.find();
    return found != nullptr ? *found : absent_;
  }
  /// The value, or null.
  const V* find() { return entry_.find(); }
  /// Puts a whole copy in; text that `value` points to is copied, too.
  void set(const V& value) { entry_.set(value); }
  /// f(V&) changes the value, or a V{} that is put in.
  template <class F>
  void mutate(F&& f) {
    entry_.mutate(std::forward<F>(f));
  }
  void clear() { entry_.erase(); }

 private:
  detail::StateAccessorOf<K, V, MaybeTtl> entry_;
  V absent_{};
};

/// For each key one value that what is added is folded into: reduce(value, added) -> V, which must not depend on more than
/// its arguments. In a checkpoint it is a value like that of a ValueState, so one may become the other.
template <class K, class V, class Reduce, class MaybeTtl = detail::NoTtl>
class ReducingState {
 public:
  ReducingState(Declare& declare, std::string_view name, MaybeTtl ttl = {})
    requires std::is_empty_v<Reduce>
      : ReducingState{declare, name, Reduce{}, ttl} {}
  ReducingState(Declare& declare, std::string_view name, Reduce reduce, MaybeTtl ttl = {})
      : entry_{declare.binder(), name, StateDescriptor::Kind::kValue, ttl}, reduce_{std::move(reduce)} {}

  /// The first value is taken as it is.
  void add(const V& value) {
    if (entry_.find() == nullptr) {
      entry_.set(value);
    } else {
      entry_.mutate([&](V& reduced) { reduced = std::invoke(reduce_, std::as_const(reduced), value); });
    }
  }
  /// The value, or V{} if nothing was added.
  const V& get() {
    const V* found = entry_.find();
    return found != nullptr ? *found : absent_;
  }
  /// The value, or null.
  const V* find() { return entry_.find(); }
  void clear() { entry_.erase(); }

 private:
  detail::StateAccessorOf<K, V, MaybeTtl> entry_;
  Reduce reduce_;
  V absent_{};
};

/// For each key an aggregate of what was added, by the aggregates that windows take: count(), sum(&T::x), one of your own
/// (aggregate.h), but for those that need a record's time: first(), last(), list(), together() and where(). In a checkpoint it is a value: the accumulator. As a member, with the aggregate's type by decltype:
///
///   AggregatingState<Payment, decltype(sum(&Payment::amount))> total;                      // in the class
///   explicit Totals(Declare& declare) : total{declare, "total", sum(&Payment::amount)} {}  // in its constructor
template <class K, class In, class Agg, class MaybeTtl = detail::NoTtl>
class AggregatingState {
  using Accumulator = detail::AccumulatorOf<Agg, In>;

 public:
  using Result = detail::ResultOf<Agg, In>;

  AggregatingState(Declare& declare, std::string_view name, MaybeTtl ttl = {})
    requires std::is_empty_v<Agg>
      : AggregatingState{declare, name, Agg{}, ttl} {}
  AggregatingState(Declare& declare, std::string_view name, Agg aggregate, MaybeTtl ttl = {})
      : entry_{declare.binder(), name, StateDescriptor::Kind::kValue, ttl}, aggregate_{std::move(aggregate)} {}

  void add(const In& value) {
    static_assert(requires(const Agg& aggregate, Accumulator& accumulator) { aggregate.add(accumulator, value); },
                  "AggregatingState takes aggregates that need no event time: not first(), last(), list(), together() or where()");
    entry_.mutate([&](Accumulator& accumulator) { aggregate_.add(accumulator, value); });
  }
  /// The result so far, or nothing if nothing was added.
  std::optional<Result> get() {
    const Accumulator* found = entry_.find();
    if (found == nullptr) return std::nullopt;
    return aggregate_.result(*found);
  }
  void clear() { entry_.erase(); }

 private:
  detail::StateAccessorOf<K, Accumulator, MaybeTtl> entry_;
  Agg aggregate_;
};

/// A list for each key, in the order of adding.
template <class K, class T, class MaybeTtl = detail::NoTtl>
class ListState {
  static_assert(!detail::contains_views_v<T>, "a list in state holds its text itself: use std::string instead of std::string_view");

 public:
  ListState(Declare& declare, std::string_view name, MaybeTtl ttl = {}) : entry_{declare.binder(), name, ttl} {}

  const std::vector<T>& get() {
    const std::vector<T>* found = entry_.find();
    return found != nullptr ? *found : absent_;
  }
  void add(T value) { entry_.add(std::move(value)); }
  void set(const std::vector<T>& list) { entry_.set(list); }
  void clear() { entry_.erase(); }

 private:
  detail::ListAccessorOf<K, T, MaybeTtl> entry_;
  std::vector<T> absent_;
};

/// A map for each key, ordered by its own keys.
template <class K, class MapKey, class V, class MaybeTtl = detail::NoTtl>
class MapState {
  static_assert(!detail::contains_views_v<MapKey> && !detail::contains_views_v<V>,
                "a map in state holds its text itself: use std::string instead of std::string_view");
  using Accessor = detail::MapAccessorOf<K, MapKey, V, MaybeTtl>;

 public:
  MapState(Declare& declare, std::string_view name, MaybeTtl ttl = {}) : entries_{declare.binder(), name, ttl} {}

  /// The value under `key`, or null.
  const V* find(const MapKey& key) { return entries_.find(key); }
  void put(const MapKey& key, V value) { entries_.put(key, std::move(value)); }
  /// f(V&) changes the value under `key`, or a V{} that is put in.
  template <class F>
  void mutate(const MapKey& key, F&& f) {
    entries_.mutate(key, std::forward<F>(f));
  }
  void remove(const MapKey& key) { entries_.remove(key); }
  /// All entries of the current key: a const std::map<MapKey, V>&. With a time to live a range of pairs of const MapKey& and
  /// const V&, in the same order, with size() and empty().
  typename Accessor::Entries entries() { return entries_.entries(); }
  void clear() { entries_.erase(); }

 private:
  Accessor entries_;
};

}  // namespace tidemark

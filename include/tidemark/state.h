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
#include "tidemark/detail/codec/type.h"
#include "tidemark/detail/state/key_cursor.h"
#include "tidemark/detail/state/slot_table.h"
#include "tidemark/detail/state/line_table.h"
#include "tidemark/detail/state/state_binder.h"

namespace tidemark {

/// Passed to the constructor of a user function, to be passed on to its states. A constructor only declares: it also runs
/// when a job is merely planned.
class Declare {
 public:
  explicit Declare(detail::StateBinder& binder) : binder_{binder} {}
  detail::StateBinder& binder() { return binder_; }

 private:
  detail::StateBinder& binder_;
};

namespace detail {

/// What the accessors share: the table, and the current key's row in it.
template <class K, class V>
class StateAccessor {
 public:
  using TableType = StateTable<K, V>;
  using Row = typename TableType::Row;

  StateAccessor(Declare& declare, std::string_view name, StateDescriptor::Kind kind)
      : cursor_{static_cast<const KeyCursor<K>*>(declare.binder().cursor())},
        table_{static_cast<TableType*>(declare.binder().bind(
            StateDescriptor{.name = std::string{name},
                            .kind = kind,
                            .key_schema = declare.binder().key_schema(),
                            .namespace_schema = {},
                            .value_schema = schema_json(type_of<V>())},
            [](CowDomain& domain) -> std::unique_ptr<Table> { return std::make_unique<TableType>(domain); }))} {}

  const V* find() {
    const Row at = row();
    return at ? &table_->value_ref(at) : nullptr;
  }
  void set(const V& value) {
    if (const Row at = row()) {
      table_->set(at, value);
    } else {
      row_ = table_->insert(cursor_->hash, cursor_->key, value);
    }
  }
  template <class F>
  void mutate(F&& f) {
    if (const Row at = row()) {
      table_->mutate(at, std::forward<F>(f));
    } else {
      V value{};
      f(value);
      row_ = table_->insert(cursor_->hash, cursor_->key, value);
    }
  }
  void erase() {
    if (const Row at = row()) table_->erase(at);
    row_ = {};
  }

 private:
  Row row() {
    if (serial_ != cursor_->serial) {
      if (cursor_->serial == kNoKey) [[unlikely]] fail_without_key();
      serial_ = cursor_->serial;
      row_ = table_->find(cursor_->hash, cursor_->key);
    }
    return row_;
  }

  const KeyCursor<K>* cursor_;
  TableType* table_;
  Row row_;
  std::uint64_t serial_ = 0;
};

}  // namespace detail

/// One value for each key.
template <class K, class V>
class ValueState {
 public:
  ValueState(Declare& declare, std::string_view name) : entry_{declare, name, StateDescriptor::Kind::kValue} {}

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
  detail::StateAccessor<K, V> entry_;
  V absent_{};
};

/// For each key one value that what is added is folded into: reduce(value, added) -> V, which must not depend on more than
/// its arguments. In a checkpoint it is a value like that of a ValueState, so one may become the other.
template <class K, class V, class Reduce>
class ReducingState {
 public:
  ReducingState(Declare& declare, std::string_view name)
    requires std::is_empty_v<Reduce>
      : ReducingState{declare, name, Reduce{}} {}
  ReducingState(Declare& declare, std::string_view name, Reduce reduce)
      : entry_{declare, name, StateDescriptor::Kind::kValue}, reduce_{std::move(reduce)} {}

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
  detail::StateAccessor<K, V> entry_;
  Reduce reduce_;
  V absent_{};
};

/// For each key an aggregate of what was added, by the aggregates that windows take: count(), sum(&T::x), one of your own
/// (aggregate.h). In a checkpoint it is a value: the accumulator. As a member, with the aggregate's type by decltype:
///
///   AggregatingState<Payment, decltype(sum(&Payment::amount))> total;                      // in the class
///   explicit Totals(Declare& declare) : total{declare, "total", sum(&Payment::amount)} {}  // in its constructor
template <class K, class In, class Agg>
class AggregatingState {
  using Accumulator = detail::AccumulatorOf<Agg, In>;

 public:
  using Result = detail::ResultOf<Agg, In>;

  AggregatingState(Declare& declare, std::string_view name)
    requires std::is_empty_v<Agg>
      : AggregatingState{declare, name, Agg{}} {}
  AggregatingState(Declare& declare, std::string_view name, Agg aggregate)
      : entry_{declare, name, StateDescriptor::Kind::kValue}, aggregate_{std::move(aggregate)} {}

  void add(const In& value) {
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
  detail::StateAccessor<K, Accumulator> entry_;
  Agg aggregate_;
};

/// A list for each key, in the order of adding.
template <class K, class T>
class ListState {
  static_assert(!detail::contains_views_v<T>, "a list in state holds its text itself: use std::string instead of std::string_view");

 public:
  ListState(Declare& declare, std::string_view name) : entry_{declare, name, StateDescriptor::Kind::kList} {}

  const std::vector<T>& get() {
    const std::vector<T>* found = entry_.find();
    return found != nullptr ? *found : absent_;
  }
  void add(T value) {
    entry_.mutate([&](std::vector<T>& list) { list.push_back(std::move(value)); });
  }
  void set(const std::vector<T>& list) { entry_.set(list); }
  void clear() { entry_.erase(); }

 private:
  detail::StateAccessor<K, std::vector<T>> entry_;
  std::vector<T> absent_;
};

/// A map for each key, ordered by its own keys.
template <class K, class MapKey, class V>
class MapState {
  static_assert(!detail::contains_views_v<MapKey> && !detail::contains_views_v<V>,
                "a map in state holds its text itself: use std::string instead of std::string_view");

 public:
  using Map = std::map<MapKey, V>;

  MapState(Declare& declare, std::string_view name) : entry_{declare, name, StateDescriptor::Kind::kMap} {}

  /// The value under `key`, or null.
  const V* find(const MapKey& key) {
    const Map* map = entry_.find();
    if (map == nullptr) return nullptr;
    const auto found = map->find(key);
    return found == map->end() ? nullptr : &found->second;
  }
  void put(const MapKey& key, V value) {
    entry_.mutate([&](Map& map) { map.insert_or_assign(key, std::move(value)); });
  }
  /// f(V&) changes the value under `key`, or a V{} that is put in.
  template <class F>
  void mutate(const MapKey& key, F&& f) {
    entry_.mutate([&](Map& map) { f(map[key]); });
  }
  void remove(const MapKey& key) {
    const Map* map = entry_.find();
    if (map == nullptr || !map->contains(key)) return;
    if (map->size() == 1) {
      entry_.erase();
    } else {
      entry_.mutate([&](Map& changed) { changed.erase(key); });
    }
  }
  /// All entries of the current key.
  const Map& entries() {
    const Map* map = entry_.find();
    return map != nullptr ? *map : absent_;
  }
  void clear() { entry_.erase(); }

 private:
  detail::StateAccessor<K, Map> entry_;
  Map absent_;
};

}  // namespace tidemark

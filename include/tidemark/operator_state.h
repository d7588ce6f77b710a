// Operator state: what a subtask of a function remembers without a key. It is in every checkpoint under the operator's uid
// and the state's name, so both must stay when the code changes.
//
// States are members of a Process, a BroadcastProcess or a KeyedBroadcastProcess, declared in its constructor and used in its
// other functions; not by other threads. They lie in memory and, whole, in the metadata of each checkpoint: for offsets,
// buffers and rules, to be counted in thousands. What they take counts against memory.state with every backend, and a job for
// which that is not enough fails. What belongs to a key is kept in state.h's.
//
// The three differ in what the subtasks of a restored job get: of a SplitListState an even share of all items (what they had
// themselves where there are as many as before), of a UnionListState all items of all, of a BroadcastState the one content
// that all had.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tidemark/detail/codec/type.h"
#include "tidemark/detail/state/operator_states.h"
#include "tidemark/state.h"

namespace tidemark {

class BroadcastContext;

namespace detail {

/// What both lists share.
template <class T>
class OperatorListAccessor {
  static_assert(!contains_views_v<T>, "a list in state holds its text itself: use std::string instead of std::string_view");

 public:
  OperatorListAccessor(Declare& declare, std::string_view name, StateDescriptor::Kind kind) {
    OperatorStates& states = operator_states_of(declare.binder(), name);
    auto content = std::make_unique<ListContent<T>>();
    items_ = &content->items;
    states.add({.name = std::string{name}, .kind = kind, .key_schema = {}, .namespace_schema = {}, .value_schema = schema_json_of<T>()},
               schema_json_of<T>(), std::move(content));
  }

  /// In the order of adding. Valid until the list changes.
  const std::vector<T>& get() const { return *items_; }
  void add(T item) { items_->push_back(std::move(item)); }
  void set(std::vector<T> items) { *items_ = std::move(items); }
  /// f(std::vector<T>&) changes the list.
  template <class F>
  void mutate(F&& f) {
    f(*items_);
  }
  void clear() { items_->clear(); }

 private:
  std::vector<T>* items_;  // the operator's
};

}  // namespace detail

/// A list whose items are dealt out evenly to the subtasks of a restored job.
template <class T>
class SplitListState : public detail::OperatorListAccessor<T> {
 public:
  SplitListState(Declare& declare, std::string_view name)
      : detail::OperatorListAccessor<T>{declare, name, StateDescriptor::Kind::kSplitList} {}
};

/// A list of which every subtask of a restored job gets the items of all. Each keeps what is its own.
template <class T>
class UnionListState : public detail::OperatorListAccessor<T> {
 public:
  UnionListState(Declare& declare, std::string_view name)
      : detail::OperatorListAccessor<T>{declare, name, StateDescriptor::Kind::kUnionList} {}
};

/// A map that is the same in every subtask, ordered by its keys: to be read everywhere, and changed in process_broadcast()
/// alone, by its context's writable().
template <class MapKey, class V>
class BroadcastState {
  static_assert(!detail::contains_views_v<MapKey> && !detail::contains_views_v<V>,
                "a map in state holds its text itself: use std::string instead of std::string_view");

 public:
  using Map = std::map<MapKey, V>;

  BroadcastState(Declare& declare, std::string_view name) {
    detail::OperatorStates& states = detail::operator_states_of(declare.binder(), name);
    auto content = std::make_unique<detail::BroadcastContent<MapKey, V>>();
    content_ = content.get();
    states.add({.name = std::string{name},
                .kind = StateDescriptor::Kind::kBroadcast,
                .key_schema = detail::schema_json_of<MapKey>(),
                .namespace_schema = {},
                .value_schema = detail::schema_json_of<V>()},
               detail::schema_json_of<detail::BroadcastEntry<MapKey, V>>(), std::move(content));
  }

  /// The value under `key`, or null. Valid until the state changes.
  const V* find(const MapKey& key) const {
    const auto found = entries().find(key);
    return found == entries().end() ? nullptr : &found->second;
  }
  const Map& entries() const { return content_->entries(); }

 private:
  friend class BroadcastContext;
  detail::BroadcastContent<MapKey, V>* content_;  // the operator's
};

/// A BroadcastState that may be changed, inside the call of process_broadcast() that asked for it. What becomes of it must
/// follow from the rule and from the state alone: every subtask does it for itself, and all must come to the same.
template <class MapKey, class V>
class WritableBroadcastState {
 public:
  const V* find(const MapKey& key) const {
    const auto found = entries().find(key);
    return found == entries().end() ? nullptr : &found->second;
  }
  const std::map<MapKey, V>& entries() const { return content_->entries(); }
  void put(const MapKey& key, V value) {
    content_->mutate(key, [&](V& changed) { changed = std::move(value); });
  }
  /// f(V&) changes the value under `key`, or a V{} that is put in.
  template <class F>
  void mutate(const MapKey& key, F&& f) {
    content_->mutate(key, std::forward<F>(f));
  }
  void remove(const MapKey& key) { content_->remove(key); }
  void clear() { content_->clear(); }

 private:
  friend class BroadcastContext;
  explicit WritableBroadcastState(detail::BroadcastContent<MapKey, V>& content) : content_{&content} {}
  detail::BroadcastContent<MapKey, V>* content_;
};

}  // namespace tidemark

// What the states of state.h do in the table of a state that never expires. Life of one: that of the function that has it.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tidemark/detail/codec/type.h"
#include "tidemark/detail/state/key_cursor.h"
#include "tidemark/detail/state/line_table.h"
#include "tidemark/detail/state/slot_table.h"
#include "tidemark/detail/state/state_binder.h"

namespace tidemark::detail {

/// The type of a state without a time to live, where one with it has a Ttl.
struct NoTtl {};

/// A state's table, and the current key's row in it.
template <class K, class TableType>
class CurrentRow {
 public:
  using Row = typename TableType::Row;

  CurrentRow(StateBinder& binder, std::string_view name, StateDescriptor::Kind kind, std::string value_schema, bool has_ttl)
      : cursor_{static_cast<const KeyCursor<K>*>(binder.cursor())},
        table_{static_cast<TableType*>(
            binder.bind(StateDescriptor{.name = std::string{name},
                                        .kind = kind,
                                        .key_schema = binder.key_schema(),
                                        .namespace_schema = {},
                                        .value_schema = std::move(value_schema),
                                        .has_ttl = has_ttl},
                        [](CowDomain& domain) -> std::unique_ptr<Table> { return std::make_unique<TableType>(domain); }))},
        mark_{table_ != nullptr ? table_->mark() : 0} {}

  TableType* table() { return table_; }
  /// None if the key has no entry.
  Row find() {
    if (serial_ != cursor_->serial) {
      if (cursor_->serial == kNoKey) [[unlikely]] fail_without_key();
      serial_ = cursor_->serial;
      row_ = table_->find(cursor_->hash, cursor_->key);
    }
    return row_;
  }
  /// Where find() found none.
  template <class V>
  void insert(V&& value) {
    cursor_->changed |= mark_;
    row_ = table_->insert(cursor_->hash, cursor_->key, std::forward<V>(value));
  }
  /// Of the row that find() found.
  template <class V>
  void set(V&& value) {
    cursor_->changed |= mark_;
    table_->set(row_, std::forward<V>(value));
  }
  /// Likewise: f(V&) changes the value.
  template <class F>
  void mutate(F&& f) {
    cursor_->changed |= mark_;
    table_->mutate(row_, std::forward<F>(f));
  }
  void erase() {
    if (const Row at = find()) {
      cursor_->changed |= mark_;
      cursor_->erased |= mark_;
      table_->erase(at);
    }
    row_ = {};
  }

 private:
  const KeyCursor<K>* cursor_;
  TableType* table_;
  Row row_;
  std::uint64_t serial_ = 0;
  const std::uint32_t mark_;
};

template <class K, class V>
class StateAccessor {
 public:
  StateAccessor(StateBinder& binder, std::string_view name, StateDescriptor::Kind kind, NoTtl)
      : row_{binder, name, kind, schema_json(type_of<V>()), false} {}

  const V* find() {
    const auto at = row_.find();
    return at ? &row_.table()->value_ref(at) : nullptr;
  }
  void set(const V& value) {
    if (row_.find()) {
      row_.set(value);
    } else {
      row_.insert(value);
    }
  }
  template <class F>
  void mutate(F&& f) {
    if (row_.find()) {
      row_.mutate(std::forward<F>(f));
    } else {
      V value{};
      f(value);
      row_.insert(std::move(value));
    }
  }
  void erase() { row_.erase(); }
  /// With the entries of all keys.
  StateTable<K, V>& table() { return *row_.table(); }

 private:
  CurrentRow<K, StateTable<K, V>> row_;
};

template <class K, class T>
class ListAccessor : public StateAccessor<K, std::vector<T>> {
 public:
  ListAccessor(StateBinder& binder, std::string_view name, NoTtl forever)
      : StateAccessor<K, std::vector<T>>{binder, name, StateDescriptor::Kind::kList, forever} {}

  void add(T value) {
    this->mutate([&](std::vector<T>& list) { list.push_back(std::move(value)); });
  }
  /// An empty list is none: the key leaves nothing behind.
  void set(const std::vector<T>& list) {
    if (list.empty()) return this->erase();
    StateAccessor<K, std::vector<T>>::set(list);
  }
};

template <class K, class MapKey, class V>
class MapAccessor {
 public:
  using Map = std::map<MapKey, V>;
  using Entries = const Map&;

  MapAccessor(StateBinder& binder, std::string_view name, NoTtl forever)
      : entry_{binder, name, StateDescriptor::Kind::kMap, forever} {}

  const V* find(const MapKey& key) {
    const Map* map = entry_.find();
    if (map == nullptr) return nullptr;
    const auto found = map->find(key);
    return found == map->end() ? nullptr : &found->second;
  }
  void put(const MapKey& key, V value) {
    entry_.mutate([&](Map& map) { map.insert_or_assign(key, std::move(value)); });
  }
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
  Entries entries() {
    const Map* map = entry_.find();
    return map != nullptr ? *map : absent_;
  }
  void erase() { entry_.erase(); }

 private:
  StateAccessor<K, Map> entry_;
  Map absent_;
};

}  // namespace tidemark::detail

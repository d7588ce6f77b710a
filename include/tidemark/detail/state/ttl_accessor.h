// What the states of state.h do in the table of a state with a time to live: what state_accessor.h does, and nothing that
// has expired is seen. Life of one: that of the function that has it.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <map>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "tidemark/detail/codec/type.h"
#include "tidemark/detail/state/state_accessor.h"
#include "tidemark/detail/state/ttl_table.h"
#include "tidemark/ttl.h"

namespace tidemark::detail {

/// The current key's row of a table whose entries expire.
template <class K, class V>
class LivingRow {
 public:
  using Row = typename TtlTable<K, V>::Row;

  LivingRow(StateBinder& binder, std::string_view name, StateDescriptor::Kind kind, std::string value_schema, Ttl ttl)
      : row_{binder, name, kind, std::move(value_schema), true}, ttl_{ttl} {
    if (TtlClock* clock = binder.ttl_clock()) table().start(ttl, *clock);
  }

  TtlTable<K, V>& table() { return *row_.table(); }
  Expiry expiry() { return table().expiry(); }
  std::uint32_t written_s() { return table().written_s(); }

  /// The entry as it is, expired or not. Null if there is none.
  const V* find_any() {
    const Row at = row_.find();
    return at ? &table().value_ref(at) : nullptr;
  }
  /// What lives of the entry: the rest of it is gone. Null if there is none.
  const V* find() {
    const Row at = row_.find();
    if (!at) return nullptr;
    const Life life = life_of(table().value_ref(at), expiry());
    if (life == Life::kOver) {
      row_.erase();
      return nullptr;
    }
    if (life == Life::kPartly) {
      row_.mutate([&](V& entry) { remove_expired(entry, expiry()); });
    }
    return &table().value_ref(at);
  }
  /// Puts the value in place of whatever is there.
  void set(V value) {
    if (row_.find()) {
      row_.set(std::move(value));
    } else {
      row_.insert(std::move(value));
    }
  }
  /// f(V&) changes the entry, expired or not, or a V{} that is put in.
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

  /// True if a read now begins a new life of what was written then.
  bool read_renews(std::uint32_t written_s) {
    if (ttl_.update() != TtlUpdate::kOnReadAndWrite) return false;
    const std::uint32_t now_s = expiry().now_s;
    return now_s > written_s && std::uint64_t{now_s - written_s} * 10 > ttl_.seconds();
  }

 private:
  CurrentRow<K, TtlTable<K, V>> row_;
  Ttl ttl_;
};

template <class K, class V>
class TtlStateAccessor {
 public:
  TtlStateAccessor(StateBinder& binder, std::string_view name, StateDescriptor::Kind kind, Ttl ttl)
      : row_{binder, name, kind, schema_json(type_of<V>()), ttl} {}

  const V* find() {
    const Stamped<V>* entry = row_.find();
    if (entry == nullptr) return nullptr;
    if (row_.read_renews(entry->written_s)) {
      row_.mutate([&](Stamped<V>& read) { read.written_s = row_.written_s(); });
      entry = row_.find();
    }
    return &entry->value;
  }
  void set(const V& value) { row_.set({value, row_.written_s()}); }
  template <class F>
  void mutate(F&& f) {
    if (row_.find() == nullptr) return insert(std::forward<F>(f));
    row_.mutate([&](Stamped<V>& entry) {
      f(entry.value);
      entry.written_s = row_.written_s();
    });
  }
  void erase() { row_.erase(); }

 private:
  template <class F>
  void insert(F&& f) {
    Stamped<V> entry{.written_s = row_.written_s()};
    f(entry.value);
    row_.set(std::move(entry));
  }

  LivingRow<K, Stamped<V>> row_;
};

template <class K, class T>
class TtlListAccessor {
  using List = StampedList<T>;

 public:
  TtlListAccessor(StateBinder& binder, std::string_view name, Ttl ttl)
      : row_{binder, name, StateDescriptor::Kind::kList, schema_json(type_of<std::vector<T>>()), ttl} {}

  const std::vector<T>* find() {
    const List* list = row_.find();
    if (list == nullptr) return nullptr;
    const auto& written_s = list->written_s;
    if (std::any_of(written_s.begin(), written_s.end(), [&](std::uint32_t s) { return row_.read_renews(s); })) {
      row_.mutate([&](List& read) {
        for (std::uint32_t& s : read.written_s) {
          if (row_.read_renews(s)) s = row_.written_s();
        }
      });
      list = row_.find();
    }
    return &list->items;
  }
  void add(T value) {
    row_.mutate([&](List& list) {
      // The first element is among the oldest, unless the clock was put back: a list that is never read stays short, too.
      if (!list.items.empty() && row_.expiry().is_over(list.written_s.front())) remove_expired(list, row_.expiry());
      list.items.push_back(std::move(value));
      list.written_s.push_back(row_.written_s());
    });
  }
  void set(const std::vector<T>& list) {
    if (list.empty()) return erase();
    row_.set({list, std::vector<std::uint32_t>(list.size(), row_.written_s())});
  }
  void erase() { row_.erase(); }

 private:
  LivingRow<K, List> row_;
};

/// The entries of one key's map, in the order of their own keys: pairs of const MapKey& and const V&.
template <class MapKey, class V>
class LivingMap {
  using Map = StampedMap<MapKey, V>;

 public:
  class Iterator {
   public:
    using iterator_concept = std::forward_iterator_tag;
    using iterator_category = std::input_iterator_tag;
    using value_type = std::pair<const MapKey&, const V&>;
    using difference_type = std::ptrdiff_t;
    using pointer = void;
    using reference = value_type;

    Iterator() = default;
    explicit Iterator(typename Map::const_iterator at) : at_{at} {}
    value_type operator*() const { return {at_->first, at_->second.value}; }
    Iterator& operator++() {
      ++at_;
      return *this;
    }
    Iterator operator++(int) {
      const Iterator before = *this;
      ++at_;
      return before;
    }
    friend bool operator==(const Iterator&, const Iterator&) = default;

   private:
    typename Map::const_iterator at_;
  };

  explicit LivingMap(const Map& map) : map_{&map} {}
  Iterator begin() const { return Iterator{map_->begin()}; }
  Iterator end() const { return Iterator{map_->end()}; }
  std::size_t size() const { return map_->size(); }
  bool empty() const { return map_->empty(); }

 private:
  const Map* map_;
};

template <class K, class MapKey, class V>
class TtlMapAccessor {
  using Map = StampedMap<MapKey, V>;

 public:
  using Entries = LivingMap<MapKey, V>;

  TtlMapAccessor(StateBinder& binder, std::string_view name, Ttl ttl)
      : row_{binder, name, StateDescriptor::Kind::kMap, schema_json(type_of<std::map<MapKey, V>>()), ttl} {}

  const V* find(const MapKey& key) {
    const Stamped<V>* entry = find_entry(key);
    if (entry == nullptr) return nullptr;
    if (row_.read_renews(entry->written_s)) {
      row_.mutate([&](Map& map) { map.find(key)->second.written_s = row_.written_s(); });
      entry = find_entry(key);
    }
    return &entry->value;
  }
  void put(const MapKey& key, V value) {
    row_.mutate([&](Map& map) { map.insert_or_assign(key, Stamped<V>{std::move(value), row_.written_s()}); });
  }
  template <class F>
  void mutate(const MapKey& key, F&& f) {
    row_.mutate([&](Map& map) {
      Stamped<V>& entry = map[key];
      if (row_.expiry().is_over(entry.written_s)) entry.value = V{};
      f(entry.value);
      entry.written_s = row_.written_s();
    });
  }
  void remove(const MapKey& key) {
    const Map* map = row_.find();
    if (map == nullptr || !map->contains(key)) return;
    if (map->size() == 1) {
      row_.erase();
    } else {
      row_.mutate([&](Map& changed) { changed.erase(key); });
    }
  }
  Entries entries() {
    const Map* map = row_.find();
    if (map == nullptr) return Entries{absent_};
    const auto renewed = [&](const auto& entry) { return row_.read_renews(entry.second.written_s); };
    if (std::any_of(map->begin(), map->end(), renewed)) {
      row_.mutate([&](Map& read) {
        for (auto& entry : read) {
          if (renewed(entry)) entry.second.written_s = row_.written_s();
        }
      });
      map = row_.find();
    }
    return Entries{*map};
  }
  void erase() { row_.erase(); }

 private:
  // Of one key of the map alone: the others are not looked at.
  const Stamped<V>* find_entry(const MapKey& key) {
    const Map* map = row_.find_any();
    if (map == nullptr) return nullptr;
    const auto found = map->find(key);
    if (found == map->end() || row_.expiry().is_over(found->second.written_s)) return nullptr;
    return &found->second;
  }

  LivingRow<K, Map> row_;
  Map absent_;
};

template <class K, class V, class MaybeTtl>
using StateAccessorOf = std::conditional_t<std::is_same_v<MaybeTtl, Ttl>, TtlStateAccessor<K, V>, StateAccessor<K, V>>;
template <class K, class T, class MaybeTtl>
using ListAccessorOf = std::conditional_t<std::is_same_v<MaybeTtl, Ttl>, TtlListAccessor<K, T>, ListAccessor<K, T>>;
template <class K, class MapKey, class V, class MaybeTtl>
using MapAccessorOf = std::conditional_t<std::is_same_v<MaybeTtl, Ttl>, TtlMapAccessor<K, MapKey, V>, MapAccessor<K, MapKey, V>>;

}  // namespace tidemark::detail

// What stands in a table for a value, a list or a map with a time to live: with each part, when it was last written.
//
// Encoded, the stamps come first and then what a state without a time to live would hold, so that whoever knows no types
// can part them:
//   value       u32 stamp, value
//   list, map   varint n, n times u32 stamp in the order of the elements or entries, list or map
// A list or a map of which nothing lives is no entry at all.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <utility>
#include <vector>

#include "tidemark/detail/base/bytes.h"
#include "tidemark/detail/codec/binary.h"
#include "tidemark/detail/state/stored_value.h"
#include "tidemark/detail/state/ttl_clock.h"

namespace tidemark::detail {

template <class V>
struct Stamped {
  V value{};
  std::uint32_t written_s = 0;  ///< seconds since 1970
};

template <class T>
struct StampedList {
  std::vector<T> items;
  std::vector<std::uint32_t> written_s;  ///< as many
};

template <class MapKey, class V>
using StampedMap = std::map<MapKey, Stamped<V>>;

/// How much of an entry still lives.
enum class Life {
  kWhole,
  kPartly,  ///< some elements or entries
  kOver,    ///< nothing
};

inline Life life_of(std::size_t alive, std::size_t all) {
  if (alive == 0) return Life::kOver;
  return alive == all ? Life::kWhole : Life::kPartly;
}

template <class V>
Life life_of(const Stamped<V>& entry, const Expiry& expiry) {
  return expiry.is_over(entry.written_s) ? Life::kOver : Life::kWhole;
}
template <class T>
Life life_of(const StampedList<T>& list, const Expiry& expiry) {
  const auto is_alive = [&](std::uint32_t written_s) { return !expiry.is_over(written_s); };
  return life_of(static_cast<std::size_t>(std::count_if(list.written_s.begin(), list.written_s.end(), is_alive)), list.items.size());
}
template <class MapKey, class V>
Life life_of(const StampedMap<MapKey, V>& map, const Expiry& expiry) {
  const auto is_alive = [&](const auto& entry) { return !expiry.is_over(entry.second.written_s); };
  return life_of(static_cast<std::size_t>(std::count_if(map.begin(), map.end(), is_alive)), map.size());
}

/// Of one value: it lives whole or not at all.
template <class V>
void remove_expired(Stamped<V>&, const Expiry&) {}
template <class T>
void remove_expired(StampedList<T>& list, const Expiry& expiry) {
  std::size_t kept = 0;
  for (std::size_t i = 0; i < list.items.size(); ++i) {
    if (expiry.is_over(list.written_s[i])) continue;
    if (kept != i) {
      list.items[kept] = std::move(list.items[i]);
      list.written_s[kept] = list.written_s[i];
    }
    ++kept;
  }
  list.items.resize(kept);
  list.written_s.resize(kept);
}
template <class MapKey, class V>
void remove_expired(StampedMap<MapKey, V>& map, const Expiry& expiry) {
  std::erase_if(map, [&](const auto& entry) { return expiry.is_over(entry.second.written_s); });
}

template <class V>
struct StoredValue<Stamped<V>> {
  static void encode(const Stamped<V>& entry, ByteWriter& to) {
    to.put_u32(entry.written_s);
    detail::encode(entry.value, to);
  }
  static bool decode(std::string_view bytes, Stamped<V>& entry) {
    ByteReader reader{bytes};
    entry.written_s = reader.get_u32();
    return reader.ok() && StoredValue<V>::decode(reader.rest(), entry.value);
  }
  /// Of encoded bytes; kWhole if they are none.
  static Life life(std::string_view bytes, const Expiry& expiry) {
    ByteReader reader{bytes};
    const std::uint32_t written_s = reader.get_u32();
    return reader.ok() && expiry.is_over(written_s) ? Life::kOver : Life::kWhole;
  }
};

/// Stamps in front of a list or a map. Reading leaves the reader behind them.
inline void put_stamp_count(std::size_t count, ByteWriter& to) { to.put_varint(count); }
inline std::string_view get_stamps(ByteReader& from) {
  const std::uint64_t count = from.get_varint();
  if (count > from.remaining() / sizeof(std::uint32_t)) {
    from.fail();
    return {};
  }
  return from.get_bytes(count * sizeof(std::uint32_t));
}
inline std::size_t stamp_count(std::string_view stamps) { return stamps.size() / sizeof(std::uint32_t); }
inline std::uint32_t stamp_at(std::string_view stamps, std::size_t index) {
  std::uint32_t stamp;
  std::memcpy(&stamp, stamps.data() + index * sizeof stamp, sizeof stamp);
  return stamp;
}
inline Life life_of_stamps(std::string_view bytes, const Expiry& expiry) {
  ByteReader reader{bytes};
  const std::string_view stamps = get_stamps(reader);
  if (!reader.ok()) return Life::kWhole;
  std::size_t alive = 0;
  for (std::size_t i = 0; i < stamp_count(stamps); ++i) alive += !expiry.is_over(stamp_at(stamps, i));
  return life_of(alive, stamp_count(stamps));
}

template <class T>
struct StoredValue<StampedList<T>> {
  static void encode(const StampedList<T>& list, ByteWriter& to) {
    put_stamp_count(list.written_s.size(), to);
    for (const std::uint32_t written_s : list.written_s) to.put_u32(written_s);
    detail::encode(list.items, to);
  }
  static bool decode(std::string_view bytes, StampedList<T>& list) {
    ByteReader reader{bytes};
    const std::string_view stamps = get_stamps(reader);
    if (!reader.ok() || !StoredValue<std::vector<T>>::decode(reader.rest(), list.items)) return false;
    list.written_s.resize(stamp_count(stamps));
    for (std::size_t i = 0; i < list.written_s.size(); ++i) list.written_s[i] = stamp_at(stamps, i);
    return list.items.size() == list.written_s.size();
  }
  static Life life(std::string_view bytes, const Expiry& expiry) { return life_of_stamps(bytes, expiry); }
};

template <class MapKey, class V>
struct StoredValue<StampedMap<MapKey, V>> {
  static void encode(const StampedMap<MapKey, V>& map, ByteWriter& to) {
    put_stamp_count(map.size(), to);
    for (const auto& [key, entry] : map) to.put_u32(entry.written_s);
    to.put_varint(map.size());
    for (const auto& [key, entry] : map) {
      detail::encode(key, to);
      detail::encode(entry.value, to);
    }
  }
  static bool decode(std::string_view bytes, StampedMap<MapKey, V>& map) {
    ByteReader reader{bytes};
    const std::string_view stamps = get_stamps(reader);
    if (reader.get_varint() != stamp_count(stamps)) return false;
    map.clear();
    for (std::size_t i = 0; i < stamp_count(stamps) && reader.ok(); ++i) {
      MapKey key{};
      Stamped<V> entry{.written_s = stamp_at(stamps, i)};
      detail::decode(reader, key);
      detail::decode(reader, entry.value);
      map.insert_or_assign(std::move(key), std::move(entry));
    }
    return reader.ok() && reader.remaining() == 0;
  }
  static Life life(std::string_view bytes, const Expiry& expiry) { return life_of_stamps(bytes, expiry); }
};

}  // namespace tidemark::detail

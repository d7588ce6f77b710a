// Values as JSON, by reflection: an aggregate becomes an object of its fields in their order, an absent optional null,
// times, durations and timestamps their integer count, a date "2015-07-15", an enum its name where it has one, bytes
// base64, a variant an object of one member named as the alternative. Numbers that JSON does not have (infinities, NaN)
// become null. What comes out, but for dates outside of the years 0 to 9999, reads back with JsonDecoder. Pure; any
// thread.
#pragma once

#include <string>
#include <string_view>

#include "tidemark/detail/codec/binary.h"
#include "tidemark/detail/codec/text_format.h"
#include "tidemark/detail/codec/type.h"

namespace tidemark::detail {

/// The declared name of an enum's value; empty if it has none.
template <class T>
std::string_view enumerator_name(T value) {
  std::string_view name;
  [[maybe_unused]] const auto apply_item = [&](const auto& item) {
    if constexpr (std::same_as<std::remove_cvref_t<decltype(item)>, SchemaEnumerator<T>>)
      if (item.value == value) name = item.name;
  };
  std::apply([&](const auto&... item) { (apply_item(item), ...); }, schema_v<T>.items);
  return name;
}

// `{"first":`, `,"second":` and so on.
template <class T>
const auto& json_field_openings() {
  static const auto openings = [] {
    std::array<std::string, field_count_v<T>> made;
    for (std::size_t i = 0; i < made.size(); ++i) {
      made[i] = i == 0 ? "{" : ",";
      append_json_string(field_names_v<T>[i], made[i]);
      made[i] += ':';
    }
    return made;
  }();
  return openings;
}

/// Appends `value` as JSON.
template <class T>
void append_json(const T& value, std::string& out);

template <class Map>
void append_json_map(const Map& map, std::string& out) {
  using Key = typename Map::key_type;
  static_assert(kind_v<Key> == TypeKind::kString || is_stored_integer_v<Key>,
                "a map can be written as JSON only if its keys are texts or integers");
  char separator = '{';
  for (const auto& [key, mapped] : map) {
    out += separator;
    separator = ',';
    if constexpr (kind_v<Key> == TypeKind::kString) {
      append_json_string(key, out);
    } else {
      out += '"';
      append_json(key, out);
      out += '"';
    }
    out += ':';
    append_json(mapped, out);
  }
  out += map.empty() ? "{}" : "}";
}

template <class List>
void append_json_list(const List& list, std::string& out) {
  out += '[';
  for (const auto& element : list) {
    append_json(element, out);
    out += ',';
  }
  if (list.size() > 0) out.pop_back();
  out += ']';
}

template <class T>
void append_json_variant(const T& value, std::string& out) {
  static const auto names = [] {
    std::array<std::string, std::variant_size_v<T>> made;
    for (std::size_t i = 0; i < made.size(); ++i) append_json_string(alternative_name<T>(i), made[i]);
    return made;
  }();
  out += '{';
  out += names[value.index()];
  out += ':';
  std::visit([&](const auto& alternative) { append_json(alternative, out); }, value);
  out += '}';
}

template <class T>
void append_json(const T& value, std::string& out) {
  require_storable<T>();
  constexpr TypeKind kind = kind_v<T>;
  if constexpr (kind == TypeKind::kBool) {
    out += value ? "true" : "false";
  } else if constexpr (is_stored_integer_v<T>) {
    append_number(static_cast<std::conditional_t<std::signed_integral<T>, std::int64_t, std::uint64_t>>(value), out);
  } else if constexpr (kind == TypeKind::kFloat32 || kind == TypeKind::kFloat64) {
    if (std::isfinite(value))
      append_number(value, out);
    else
      out += "null";
  } else if constexpr (kind == TypeKind::kString) {
    append_json_string(value, out);
  } else if constexpr (kind == TypeKind::kBytes) {
    out += '"';
    append_base64({reinterpret_cast<const char*>(value.data()), value.size()}, out);
    out += '"';
  } else if constexpr (kind == TypeKind::kTimestamp) {
    append_number(value.ms(), out);
  } else if constexpr (kind == TypeKind::kTime) {
    append_number(value.time_since_epoch().count(), out);
  } else if constexpr (kind == TypeKind::kDuration) {
    append_number(value.count(), out);
  } else if constexpr (kind == TypeKind::kDate) {
    out += '"';
    append_date(days_of(value), out);
    out += '"';
  } else if constexpr (kind == TypeKind::kEnum) {
    if (const std::string_view name = enumerator_name(value); !name.empty())
      append_json_string(name, out);
    else
      append_json(static_cast<std::underlying_type_t<T>>(value), out);
  } else if constexpr (kind == TypeKind::kOptional) {
    if (value)
      append_json(*value, out);
    else
      out += "null";
  } else if constexpr (kind == TypeKind::kList || kind == TypeKind::kArray) {
    append_json_list(value, out);
  } else if constexpr (kind == TypeKind::kMap) {
    append_json_map(value, out);
  } else if constexpr (kind == TypeKind::kVariant) {
    append_json_variant(value, out);
  } else {
    const auto& openings = json_field_openings<T>();
    for_each_field(value, [&](auto index, const auto& field) {
      out += openings[index];
      append_json(field, out);
    });
    out += field_count_v<T> == 0 ? "{}" : "}";
  }
}

}  // namespace tidemark::detail

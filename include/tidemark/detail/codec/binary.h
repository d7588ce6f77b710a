// The binary encoding of values in snapshots, operator state and committables, version 1.
//
// Integers wider than a byte are varints (signed ones zigzag), floating-point numbers lie as in memory, text and bytes
// have their length before them, lists and maps their count, an optional a byte 0 or 1, a variant its index, an enum
// its underlying integer; times, durations and dates are their signed count. Fields follow one another in the order of
// their declaration, without names: the schema that stands beside the values gives those. Every value takes at least a
// byte, so that no count can promise more than the bytes behind it hold.
//
// Decoding trusts nothing: what does not fit fails the reader, and the value is then unspecified but valid. Views that
// it makes point into the reader's bytes. An unordered map is written in its own order.
#pragma once

#include <algorithm>
#include <bit>
#include <limits>
#include <string_view>

#include "tidemark/detail/base/bytes.h"
#include "tidemark/detail/codec/reflect.h"

namespace tidemark::detail {

inline constexpr std::uint32_t kEncodingVersion = 1;

template <class T>
void encode(const T& value, ByteWriter& out);
template <class T>
void decode(ByteReader& in, T& value);

/// Days since 1970 of the two spellings of a date.
inline std::int64_t days_of(std::chrono::sys_days date) { return date.time_since_epoch().count(); }
inline std::int64_t days_of(std::chrono::year_month_day date) { return days_of(std::chrono::sys_days{date}); }

/// False where a date cannot hold that day.
template <class T>
bool assign_days(T& date, std::int64_t days) {
  using Rep = std::chrono::days::rep;
  if (!std::in_range<Rep>(days)) return false;
  const std::chrono::sys_days day{std::chrono::days{static_cast<Rep>(days)}};
  if constexpr (std::same_as<T, std::chrono::year_month_day>) {
    constexpr std::chrono::sys_days kFirst{std::chrono::year::min() / std::chrono::January / 1};
    constexpr std::chrono::sys_days kLast{std::chrono::year::max() / std::chrono::December / 31};
    if (day < kFirst || day > kLast) return false;
  }
  date = day;
  return true;
}

template <class T>
void encode_integer(T value, ByteWriter& out) {
  if constexpr (sizeof(T) == 1) {
    out.put_u8(static_cast<std::uint8_t>(value));
  } else if constexpr (std::signed_integral<T>) {
    out.put_signed_varint(value);
  } else {
    out.put_varint(value);
  }
}

template <class T>
T decode_integer(ByteReader& in) {
  if constexpr (sizeof(T) == 1) {
    return static_cast<T>(in.get_u8());
  } else {
    const auto wide = [&] {
      if constexpr (std::signed_integral<T>)
        return in.get_signed_varint();
      else
        return in.get_varint();
    }();
    if (!std::in_range<T>(wide)) in.fail();
    return static_cast<T>(wide);
  }
}

// Elements that lie in memory as they are encoded.
template <class T>
inline constexpr bool is_bytewise_v = std::is_floating_point_v<T> || (is_stored_integer_v<T> && sizeof(T) == 1);

template <class List>
void encode_elements(const List& list, ByteWriter& out) {
  using Element = typename List::value_type;
  if constexpr (is_bytewise_v<Element>) {
    if (!list.empty()) out.put_bytes({reinterpret_cast<const char*>(list.data()), list.size() * sizeof(Element)});
  } else {
    for (const Element& element : list) encode(element, out);
  }
}

template <class T>
void decode_list(ByteReader& in, T& list) {
  using Element = typename T::value_type;
  const std::uint64_t count = in.get_varint();
  list.clear();
  if (count > in.remaining()) return in.fail();
  if constexpr (is_bytewise_v<Element>) {
    const std::string_view bytes = in.get_bytes(count * sizeof(Element));
    if (bytes.empty()) return;
    list.resize(bytes.size() / sizeof(Element));
    std::memcpy(list.data(), bytes.data(), bytes.size());
  } else {
    list.reserve(std::min<std::uint64_t>(count, 1024));  // a false count must not cost memory
    for (std::uint64_t i = 0; i < count && in.ok(); ++i) decode(in, list.emplace_back());
  }
}

template <class T>
void decode_map(ByteReader& in, T& map) {
  const std::uint64_t count = in.get_varint();
  map.clear();
  if (count > in.remaining()) return in.fail();
  for (std::uint64_t i = 0; i < count && in.ok(); ++i) {
    typename T::key_type key{};
    typename T::mapped_type value{};
    decode(in, key);
    decode(in, value);
    if (in.ok()) map.insert_or_assign(std::move(key), std::move(value));
  }
}

template <class T, std::size_t I = 0>
void decode_variant(ByteReader& in, T& value, std::uint64_t index) {
  if constexpr (I == std::variant_size_v<T>) {
    in.fail();
  } else {
    if (index == I) return decode(in, value.template emplace<I>());
    decode_variant<T, I + 1>(in, value, index);
  }
}

inline bool decode_bool(ByteReader& in) {
  const std::uint8_t byte = in.get_u8();
  if (byte > 1) in.fail();
  return byte == 1;
}

/// Appends `value` to `out`.
template <class T>
void encode(const T& value, ByteWriter& out) {
  require_storable<T>();
  constexpr TypeKind kind = kind_v<T>;
  if constexpr (kind == TypeKind::kBool) {
    out.put_u8(value ? 1 : 0);
  } else if constexpr (is_stored_integer_v<T>) {
    encode_integer(value, out);
  } else if constexpr (kind == TypeKind::kFloat32) {
    out.put_u32(std::bit_cast<std::uint32_t>(value));
  } else if constexpr (kind == TypeKind::kFloat64) {
    out.put_u64(std::bit_cast<std::uint64_t>(value));
  } else if constexpr (kind == TypeKind::kString) {
    out.put_string(value);
  } else if constexpr (kind == TypeKind::kBytes) {
    out.put_string({reinterpret_cast<const char*>(value.data()), value.size()});
  } else if constexpr (kind == TypeKind::kTimestamp) {
    out.put_signed_varint(value.ms());
  } else if constexpr (kind == TypeKind::kTime) {
    out.put_signed_varint(value.time_since_epoch().count());
  } else if constexpr (kind == TypeKind::kDuration) {
    out.put_signed_varint(value.count());
  } else if constexpr (kind == TypeKind::kDate) {
    out.put_signed_varint(days_of(value));
  } else if constexpr (kind == TypeKind::kEnum) {
    encode(static_cast<std::underlying_type_t<T>>(value), out);
  } else if constexpr (kind == TypeKind::kOptional) {
    out.put_u8(value ? 1 : 0);
    if (value) encode(*value, out);
  } else if constexpr (kind == TypeKind::kList) {
    out.put_varint(value.size());
    encode_elements(value, out);
  } else if constexpr (kind == TypeKind::kArray) {
    encode_elements(value, out);
  } else if constexpr (kind == TypeKind::kMap) {
    out.put_varint(value.size());
    for (const auto& [key, mapped] : value) {
      encode(key, out);
      encode(mapped, out);
    }
  } else if constexpr (kind == TypeKind::kVariant) {
    out.put_varint(value.index());
    std::visit([&](const auto& alternative) { encode(alternative, out); }, value);
  } else if constexpr (field_count_v<T> == 0) {
    out.put_u8(0);
  } else {
    for_each_field(value, [&](auto, const auto& field) { encode(field, out); });
  }
}

/// Replaces `value` by what `in` holds next; in.ok() tells whether it held one.
template <class T>
void decode(ByteReader& in, T& value) {
  require_storable<T>();
  constexpr TypeKind kind = kind_v<T>;
  if constexpr (kind == TypeKind::kBool) {
    value = decode_bool(in);
  } else if constexpr (is_stored_integer_v<T>) {
    value = decode_integer<T>(in);
  } else if constexpr (kind == TypeKind::kFloat32) {
    value = std::bit_cast<float>(in.get_u32());
  } else if constexpr (kind == TypeKind::kFloat64) {
    value = std::bit_cast<double>(in.get_u64());
  } else if constexpr (kind == TypeKind::kString) {
    value = in.get_string();
  } else if constexpr (kind == TypeKind::kBytes) {
    const std::string_view bytes = in.get_string();
    const auto* data = reinterpret_cast<const std::byte*>(bytes.data());
    value.assign(data, data + bytes.size());
  } else if constexpr (kind == TypeKind::kTimestamp) {
    value = Timestamp{in.get_signed_varint()};
  } else if constexpr (kind == TypeKind::kTime || kind == TypeKind::kDuration) {
    const auto count = decode_integer<typename T::rep>(in);
    if constexpr (kind == TypeKind::kTime)
      value = T{typename T::duration{count}};
    else
      value = T{count};
  } else if constexpr (kind == TypeKind::kDate) {
    if (!assign_days(value, in.get_signed_varint())) in.fail();
  } else if constexpr (kind == TypeKind::kEnum) {
    std::underlying_type_t<T> number{};
    decode(in, number);
    value = static_cast<T>(number);
  } else if constexpr (kind == TypeKind::kOptional) {
    value.reset();
    if (decode_bool(in)) decode(in, value.emplace());
  } else if constexpr (kind == TypeKind::kList) {
    decode_list(in, value);
  } else if constexpr (kind == TypeKind::kArray) {
    for (auto& element : value) decode(in, element);
  } else if constexpr (kind == TypeKind::kMap) {
    decode_map(in, value);
  } else if constexpr (kind == TypeKind::kVariant) {
    decode_variant(in, value, in.get_varint());
  } else if constexpr (field_count_v<T> == 0) {
    in.get_u8();
  } else {
    for_each_field(value, [&](auto, auto& field) { decode(in, field); });
  }
}

}  // namespace tidemark::detail

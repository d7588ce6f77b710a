// The kinds of values that can be stored, keyed by, read and written, and which kind a C++ type is. Compile time only.
#pragma once

#include <array>
#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "tidemark/schema.h"
#include "tidemark/time.h"

namespace tidemark {

/// The kinds of types in schemas. The numbers are not stored.
enum class TypeKind : std::uint8_t {
  kNone,  ///< not a type that can be stored
  kBool,
  kInt8,
  kInt16,
  kInt32,
  kInt64,
  kUint8,
  kUint16,
  kUint32,
  kUint64,
  kFloat32,
  kFloat64,
  kString,     ///< std::string or std::string_view: UTF-8 by convention, any bytes in fact
  kBytes,      ///< std::vector<std::byte>
  kTimestamp,  ///< tidemark::Timestamp: milliseconds since 1970 UTC
  kTime,       ///< std::chrono::sys_time of a unit
  kDuration,   ///< std::chrono::duration of a unit
  kDate,       ///< std::chrono::sys_days or year_month_day: days since 1970-01-01
  kEnum,
  kOptional,
  kList,   ///< std::vector
  kArray,  ///< std::array
  kMap,    ///< std::map, std::unordered_map or what has their interface
  kVariant,
  kStruct,  ///< an aggregate, std::pair, std::tuple, or a class that names its members in a schema
};

namespace detail {

template <class T>
concept HasOwnSchema = requires { T::state_schema; };
template <class T>
concept HasForeignSchema = requires { state_schema_of<T>::state_schema; };

template <class T>
consteval auto find_schema() {
  if constexpr (HasForeignSchema<T>) {
    return state_schema_of<T>::state_schema;
  } else if constexpr (std::is_class_v<T>) {
    if constexpr (HasOwnSchema<T>) {
      return T::state_schema;
    } else {
      return Schema<>{};
    }
  } else {
    return Schema<>{};
  }
}

/// What T says about itself, or an empty schema.
template <class T>
inline constexpr auto schema_v = find_schema<T>();

template <class T>
inline constexpr bool is_member_item_v = false;
template <class T, class M>
inline constexpr bool is_member_item_v<SchemaMember<T, M>> = true;

template <class T>
inline constexpr bool schema_has_members_v = false;
template <class... Items>
inline constexpr bool schema_has_members_v<Schema<Items...>> = (is_member_item_v<Items> || ...);

/// T lists its members in its schema.
template <class T>
inline constexpr bool declares_members_v = schema_has_members_v<std::remove_const_t<decltype(schema_v<T>)>>;

template <class T>
inline constexpr bool is_optional_v = false;
template <class T>
inline constexpr bool is_optional_v<std::optional<T>> = true;
template <class T>
inline constexpr bool is_vector_v = false;
template <class T, class A>
inline constexpr bool is_vector_v<std::vector<T, A>> = true;
template <class T>
inline constexpr bool is_array_v = false;
template <class T, std::size_t N>
inline constexpr bool is_array_v<std::array<T, N>> = true;
template <class T>
inline constexpr bool is_variant_v = false;
template <class... T>
inline constexpr bool is_variant_v<std::variant<T...>> = true;
template <class T>
inline constexpr bool is_tuple_v = false;
template <class... T>
inline constexpr bool is_tuple_v<std::tuple<T...>> = true;
template <class A, class B>
inline constexpr bool is_tuple_v<std::pair<A, B>> = true;
template <class T>
inline constexpr bool is_pair_v = false;
template <class A, class B>
inline constexpr bool is_pair_v<std::pair<A, B>> = true;
template <class T>
inline constexpr bool is_duration_v = false;
template <class Rep, class Period>
inline constexpr bool is_duration_v<std::chrono::duration<Rep, Period>> = std::signed_integral<Rep>;
template <class T>
inline constexpr bool is_sys_time_v = false;
template <class D>
inline constexpr bool is_sys_time_v<std::chrono::time_point<std::chrono::system_clock, D>> = is_duration_v<D>;
template <class T>
concept MapLike = requires(T& map, typename T::key_type key) {
  typename T::mapped_type;
  map.find(key);
  map.insert_or_assign(std::move(key), typename T::mapped_type{});
};

template <class T>
consteval TypeKind integer_kind() {
  constexpr bool is_signed = std::signed_integral<T>;
  if (sizeof(T) == 1) return is_signed ? TypeKind::kInt8 : TypeKind::kUint8;
  if (sizeof(T) == 2) return is_signed ? TypeKind::kInt16 : TypeKind::kUint16;
  if (sizeof(T) == 4) return is_signed ? TypeKind::kInt32 : TypeKind::kUint32;
  return sizeof(T) == 8 ? (is_signed ? TypeKind::kInt64 : TypeKind::kUint64) : TypeKind::kNone;
}

template <class T>
consteval TypeKind kind_of() {
  if constexpr (std::same_as<T, bool>)
    return TypeKind::kBool;
  else if constexpr (std::same_as<T, wchar_t> || std::same_as<T, char8_t> || std::same_as<T, char16_t> ||
                     std::same_as<T, char32_t>)
    return TypeKind::kNone;
  else if constexpr (std::integral<T>)
    return integer_kind<T>();
  else if constexpr (std::same_as<T, float>)
    return TypeKind::kFloat32;
  else if constexpr (std::same_as<T, double>)
    return TypeKind::kFloat64;
  else if constexpr (std::same_as<T, std::string> || std::same_as<T, std::string_view>)
    return TypeKind::kString;
  else if constexpr (std::same_as<T, Timestamp>)
    return TypeKind::kTimestamp;
  else if constexpr (std::same_as<T, std::chrono::sys_days> || std::same_as<T, std::chrono::year_month_day>)
    return TypeKind::kDate;
  else if constexpr (is_sys_time_v<T>)
    return TypeKind::kTime;
  else if constexpr (is_duration_v<T>)
    return TypeKind::kDuration;
  else if constexpr (std::is_enum_v<T>)
    return std::same_as<T, std::byte> ? TypeKind::kNone : TypeKind::kEnum;
  else if constexpr (is_optional_v<T>)
    return TypeKind::kOptional;
  else if constexpr (std::same_as<T, std::vector<std::byte>>)
    return TypeKind::kBytes;
  else if constexpr (std::same_as<T, std::vector<bool>>)
    return TypeKind::kNone;
  else if constexpr (is_vector_v<T>)
    return TypeKind::kList;
  else if constexpr (is_array_v<T>)
    return std::tuple_size_v<T> > 0 ? TypeKind::kArray : TypeKind::kNone;
  else if constexpr (is_variant_v<T>)
    return TypeKind::kVariant;
  else if constexpr (is_tuple_v<T> || declares_members_v<T>)
    return TypeKind::kStruct;
  else if constexpr (MapLike<T>)
    return TypeKind::kMap;
  else if constexpr (std::is_class_v<T> && std::is_aggregate_v<T>)
    return TypeKind::kStruct;
  else
    return TypeKind::kNone;
}

template <class T>
inline constexpr TypeKind kind_v = kind_of<std::remove_cv_t<T>>();

template <class T>
inline constexpr bool is_stored_integer_v = kind_v<T> >= TypeKind::kInt8 && kind_v<T> <= TypeKind::kUint64;

/// Fails to compile, in plain words, where T has no kind.
template <class T>
consteval void require_storable() {
  static_assert(!std::is_array_v<T>, "a C array can't be stored: use std::array");
  static_assert(!std::is_pointer_v<T> && !std::is_reference_v<T>, "a pointer can't be stored: use the value itself");
  static_assert(!std::same_as<T, std::vector<bool>>,
                "std::vector<bool> can't be stored: use std::vector<std::uint8_t>");
  static_assert(
      std::is_array_v<T> || std::is_pointer_v<T> || std::is_reference_v<T> || std::same_as<T, std::vector<bool>> ||
          kind_v<T> != TypeKind::kNone,
      "this type can't be stored: it is no number, text, time, optional, vector, array, map, variant or aggregate "
      "of these. A class with private members can name them: static constexpr auto state_schema = "
      "tidemark::schema(tidemark::member(\"x\", &T::x_), ...)");
}

}  // namespace detail
}  // namespace tidemark

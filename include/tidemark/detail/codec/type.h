// The type of a value as a tree, without a trace of C++: what stands in snapshots and plans, and what evolution is
// decided by. Plain data; any thread by value.
//
// Its canonical JSON has no blanks and a fixed order of members, so equal types have equal text and equal fingerprints:
//   "int64"  "string"  "timestamp"  "time(1/1000000000)"  "duration(1/1000)"  {"optional":T}  {"list":T}
//   {"array":T,"size":3}  {"map":[K,V]}  {"enum":"uint8","names":{"red":0}}
//   {"variant":[{"name":"0","type":T}]}  {"struct":[{"name":"a","type":T,"aliases":["b"],"default":1}]}
#pragma once

#include <charconv>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tidemark/detail/codec/reflect.h"

namespace tidemark {

struct TypeField;

/// One value of an enum, or the name alone of nothing else.
struct TypeEnumerator {
  std::string name;
  std::int64_t value = 0;  ///< of an uint64 enum: its bits
  friend bool operator==(const TypeEnumerator&, const TypeEnumerator&) = default;
};

struct Type {
  TypeKind kind = TypeKind::kNone;
  TypeKind underlying = TypeKind::kNone;  ///< kEnum: the integer it is stored as
  std::uint64_t size = 0;                 ///< kArray: its elements
  std::int64_t unit_num = 0;              ///< kTime, kDuration: the unit is unit_num / unit_den seconds
  std::int64_t unit_den = 0;
  std::vector<TypeField> fields;            ///< kStruct: fields; kVariant: alternatives; kOptional, kList, kArray: one;
                                            ///< kMap: key and value
  std::vector<TypeEnumerator> enumerators;  ///< kEnum: the named ones, by value
  bool operator==(const Type&) const;
};

struct TypeField {
  std::string name;  ///< of a field or an alternative; empty elsewhere
  Type type;
  std::vector<std::string> aliases;
  std::optional<std::string> default_json;  ///< a JSON scalar
  bool operator==(const TypeField&) const = default;
};

inline bool Type::operator==(const Type&) const = default;

/// The kind's word in schemas and messages: "int64", "timestamp", "struct".
std::string_view to_string(TypeKind kind) noexcept;

/// Canonical JSON.
std::string schema_json(const Type& type);

/// XXH3-64 of the canonical JSON.
std::uint64_t schema_fingerprint(const Type& type);

/// Whether `name` may be a uid or the name of a state: [A-Za-z0-9._-]{1,128}.
bool is_valid_name(std::string_view name) noexcept;

namespace detail {

/// `text` as a JSON string, quotes included.
std::string quote_json(std::string_view text);

template <class V>
std::string default_json(const V& value) {
  if constexpr (std::same_as<V, bool>) {
    return value ? "true" : "false";
  } else if constexpr (std::is_arithmetic_v<V>) {
    char buffer[32];
    const V canonical = value == 0 ? V{0} : value;  // JSON has no -0.0
    return {buffer, std::to_chars(buffer, buffer + sizeof buffer, canonical).ptr};
  } else if constexpr (std::is_enum_v<V>) {
    return default_json(static_cast<std::underlying_type_t<V>>(value));
  } else {
    static_assert(std::convertible_to<V, std::string_view>,
                  "a field's default in a schema is a bool, a number, an enumerator or a text");
    return quote_json(value);
  }
}

// As std::in_range, which takes no char.
template <class To, class From>
constexpr bool keeps_value(From value) {
  const auto converted = static_cast<To>(value);
  return static_cast<From>(converted) == value && (converted < To{}) == (value < From{});
}

// Infinity and what is no number are no JSON, and so no default.
template <class F, class V>
constexpr bool is_finite_as(V value) {
  if constexpr (std::is_floating_point_v<V>) {
    return value >= -std::numeric_limits<F>::max() && value <= std::numeric_limits<F>::max();
  } else {
    return true;
  }
}

template <class F, class V>
constexpr bool is_default_of([[maybe_unused]] const V& value) {
  constexpr TypeKind kind = kind_v<F>;
  constexpr bool is_number = std::is_arithmetic_v<V> && !std::same_as<V, bool>;
  if constexpr (kind == TypeKind::kOptional) {
    return is_default_of<typename F::value_type>(value);
  } else if constexpr (kind == TypeKind::kBool) {
    return std::same_as<V, bool>;
  } else if constexpr (kind == TypeKind::kFloat32 || kind == TypeKind::kFloat64) {
    if constexpr (is_number) return is_finite_as<F>(value);
    return is_number;
  } else if constexpr (kind == TypeKind::kString || kind == TypeKind::kBytes) {
    return std::convertible_to<V, std::string_view>;
  } else if constexpr (kind == TypeKind::kEnum) {
    if constexpr (is_stored_integer_v<V>) return keeps_value<std::underlying_type_t<F>>(value);
    return std::same_as<V, F> || std::convertible_to<V, std::string_view>;
  } else if constexpr (is_stored_integer_v<F> && is_stored_integer_v<V>) {
    return keeps_value<F>(value);
  } else {
    constexpr bool is_count = kind == TypeKind::kTimestamp || kind == TypeKind::kTime || kind == TypeKind::kDuration ||
                              kind == TypeKind::kDate;
    return is_count && is_stored_integer_v<V>;
  }
}

// Whether every default is a value of its field's type.
template <class T, class... Items>
consteval bool defaults_fit(const Schema<Items...>& schema) {
  return std::apply(
      [](const auto&... item) {
        [[maybe_unused]] const auto fits = [](const auto& i) {
          bool result = true;
          if constexpr (requires { i.value; i.field; }) {
            for_each_field_type<T>([&]<class F>(std::type_identity<F>, std::size_t index) {
              if (field_names_v<T>[index] == i.field) result = is_default_of<std::remove_cv_t<F>>(i.value);
            });
          }
          return result;
        };
        return (fits(item) && ...);
      },
      schema.items);
}

template <class T>
constexpr bool has_field(std::string_view name) {
  for (std::string_view field : field_names_v<T>) {
    if (field == name) return true;
  }
  return false;
}

// Which of T's fields an item of its schema speaks of, checked where that can be: at compile time.
template <class T, class... Items>
consteval bool items_name_fields(const Schema<Items...>& schema) {
  return std::apply(
      [](const auto&... item) {
        [[maybe_unused]] const auto known = [](const auto& i) {
          if constexpr (requires { i.field; }) {
            return has_field<T>(i.field);
          } else {
            return true;
          }
        };
        return (known(item) && ...);
      },
      schema.items);
}

inline void add_field(Type& type, std::string name, Type field) {
  type.fields.push_back({std::move(name), std::move(field), {}, {}});
}

template <class T>
Type type_of();

template <class Period>
void set_unit(Type& type) {
  type.unit_num = Period::num;
  type.unit_den = Period::den;
}

template <class T>
Type type_of_struct() {
  static_assert(items_name_fields<T>(schema_v<T>), "a schema speaks of a field that its type does not have");
  static_assert(defaults_fit<T>(schema_v<T>), "a default in a schema is no value of its field's type: a number must be finite and fit");
  Type type;
  type.kind = TypeKind::kStruct;
  for_each_field_type<T>([&]<class F>(std::type_identity<F>, std::size_t i) {
    add_field(type, std::string{field_names_v<T>[i]}, type_of<std::remove_cv_t<F>>());
  });
  [[maybe_unused]] const auto apply_item = [&](const auto& item) {
    if constexpr (requires { item.field; }) {
      for (TypeField& field : type.fields) {
        if (field.name != item.field) continue;
        if constexpr (requires { item.former; }) {
          field.aliases.emplace_back(item.former);
        } else {
          field.default_json = default_json(item.value);
        }
      }
    }
  };
  std::apply([&](const auto&... item) { (apply_item(item), ...); }, schema_v<T>.items);
  return type;
}

/// Keeps enumerators in the order of their values.
void add_enumerator(Type& type, std::string_view name, std::int64_t value);

template <class T>
Type type_of_enum() {
  Type type;
  type.kind = TypeKind::kEnum;
  type.underlying = kind_v<std::underlying_type_t<T>>;
  [[maybe_unused]] const auto apply_item = [&](const auto& item) {
    if constexpr (std::same_as<std::remove_cvref_t<decltype(item)>, SchemaEnumerator<T>>)
      add_enumerator(type, item.name, static_cast<std::int64_t>(item.value));
  };
  std::apply([&](const auto&... item) { (apply_item(item), ...); }, schema_v<T>.items);
  return type;
}

/// The names of a variant's alternatives: the declared ones, else their numbers.
template <class T>
std::string alternative_name(std::size_t index) {
  std::string name = std::to_string(index);
  [[maybe_unused]] const auto apply_item = [&](const auto& item) {
    if constexpr (std::same_as<std::remove_cvref_t<decltype(item)>, SchemaAlternative>)
      if (item.index == index) name = item.name;
  };
  std::apply([&](const auto&... item) { (apply_item(item), ...); }, schema_v<T>.items);
  return name;
}

template <class... A>
Type type_of_variant(std::type_identity<std::variant<A...>>) {
  Type type;
  type.kind = TypeKind::kVariant;
  (add_field(type, alternative_name<std::variant<A...>>(type.fields.size()), type_of<A>()), ...);
  return type;
}

/// The type tree of T.
template <class T>
Type type_of() {
  require_storable<T>();
  constexpr TypeKind kind = kind_v<T>;
  Type type;
  type.kind = kind;
  if constexpr (kind == TypeKind::kStruct) {
    return type_of_struct<T>();
  } else if constexpr (kind == TypeKind::kEnum) {
    return type_of_enum<T>();
  } else if constexpr (kind == TypeKind::kVariant) {
    return type_of_variant(std::type_identity<T>{});
  } else if constexpr (kind == TypeKind::kTime || kind == TypeKind::kDuration) {
    set_unit<typename T::period>(type);
  } else if constexpr (kind == TypeKind::kMap) {
    add_field(type, {}, type_of<typename T::key_type>());
    add_field(type, {}, type_of<typename T::mapped_type>());
  } else if constexpr (kind == TypeKind::kOptional || kind == TypeKind::kList || kind == TypeKind::kArray) {
    add_field(type, {}, type_of<typename T::value_type>());
    if constexpr (kind == TypeKind::kArray) type.size = std::tuple_size_v<T>;
  }
  return type;
}

/// The canonical JSON of T's type, made once.
template <class T>
const std::string& schema_json_of() {
  static const std::string json = schema_json(type_of<T>());
  return json;
}

}  // namespace detail
}  // namespace tidemark

// What a type may say about how it stands in state: former names, defaults, names of enumerators and alternatives, and
// the members of a class that is no aggregate. Most types say nothing: the fields of an aggregate are found by
// themselves. When a job is restored whose types have changed since, saved values are converted by name, or refused
// before it starts; docs/state.md has the rules.
//
//   struct Account {
//     std::string owner;
//     std::int64_t limit;
//     static constexpr auto state_schema = tidemark::schema(tidemark::alias("owner", "owner_name"),
//                                                           tidemark::default_of("limit", 100));
//   };
//
// For a type of others the same stands in a specialisation:
//
//   template <>
//   struct tidemark::state_schema_of<Account> {
//     static constexpr auto state_schema = tidemark::schema(...);
//   };
#pragma once

#include <cstddef>
#include <string_view>
#include <tuple>

namespace tidemark {

/// Specialise for types that cannot carry a state_schema themselves, such as enums and variants.
template <class T>
struct state_schema_of;

namespace detail {

struct SchemaAlias {
  std::string_view field;
  std::string_view former;
};
template <class V>
struct SchemaDefault {
  std::string_view field;
  V value;
};
template <class E>
struct SchemaEnumerator {
  std::string_view name;
  E value;
};
struct SchemaAlternative {
  std::size_t index;
  std::string_view name;
};
template <class T, class M>
struct SchemaMember {
  std::string_view name;
  M T::* pointer;
};
template <class... Items>
struct Schema {
  std::tuple<Items...> items;
};

}  // namespace detail

template <class... Items>
constexpr detail::Schema<Items...> schema(Items... items) {
  return {{items...}};
}

/// `field` was called `former` in state written earlier. May stand more than once a field, and may stay for good.
constexpr detail::SchemaAlias alias(std::string_view field, std::string_view former) { return {field, former}; }

/// What `field` has in state written before it existed; without it that is the field's zero or empty value, whatever the
/// struct initialises it with. `value` is a bool, a number, an enumerator or a text; of a time or a duration its count.
template <class V>
constexpr detail::SchemaDefault<V> default_of(std::string_view field, V value) {
  return {field, value};
}
constexpr detail::SchemaDefault<std::string_view> default_of(std::string_view field, const char* value) {
  return {field, value};
}

/// The name of one value of an enum. Without names an enum stands in schemas by its numbers.
template <class E>
constexpr detail::SchemaEnumerator<E> enumerator(E value, std::string_view name) {
  return {name, value};
}

/// The name of one alternative of a std::variant, by its index. Without names a variant's alternatives are "0", "1",
/// ...
constexpr detail::SchemaAlternative alternative(std::size_t index, std::string_view name) { return {index, name}; }

/// A member of a class that is no aggregate. A type that names one must name all, in the order of their encoding.
template <class T, class M>
constexpr detail::SchemaMember<T, M> member(std::string_view name, M T::* pointer) {
  return {name, pointer};
}

}  // namespace tidemark

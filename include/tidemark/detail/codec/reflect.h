// The fields of user types, found without macros: how many, their names, types, places and references to them.
//
// Works for aggregates without base classes and without C arrays, for std::pair and std::tuple, and for classes that
// name their members in a schema. The count is probed with brace initialisation, the names are read from the compiler's
// spelling of a pointer to the member. Everything here is decided at compile time, or folds to it.
//
// The std::string_views inside a value, at any depth, can be visited, so that whoever moves a value can move its text.
// Keys of maps can't be views, because they could not be moved in place.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>

#include "tidemark/detail/codec/fields.h"
#include "tidemark/detail/codec/kind.h"

namespace tidemark::detail {

template <class... T>
struct TypeList {};

// Converts to whatever a field of T needs; not to T itself, which would count a copy as a field.
template <class T>
struct AnyField {
  template <class U>
    requires(!std::same_as<U, T>)
  constexpr operator U() const noexcept {
    __builtin_unreachable();
  }
};
template <class T>
struct AnyBase {
  template <class U>
    requires(std::is_base_of_v<U, T> && !std::same_as<U, T>)
  constexpr operator U() const noexcept {
    __builtin_unreachable();
  }
};

template <class T, std::size_t>
using AnyFieldAt = AnyField<T>;

template <class T, std::size_t... I>
consteval bool takes_fields(std::index_sequence<I...>) {
  return requires { T{AnyFieldAt<T, I>{}...}; };
}
// Like the above, the field behind the first ones in braces of its own with two values.
template <class T, std::size_t... Before, std::size_t... After>
consteval bool takes_braced_pair(std::index_sequence<Before...>, std::index_sequence<After...>) {
  return requires { T{AnyFieldAt<T, Before>{}..., {AnyField<T>{}, AnyField<T>{}}, AnyFieldAt<T, After>{}...}; };
}

template <class T, std::size_t N = 0>
consteval std::size_t count_initializers() {
  if constexpr (N <= kMaxFields && takes_fields<T>(std::make_index_sequence<N + 1>{})) {
    return count_initializers<T, N + 1>();
  } else {
    return N;
  }
}

// A C array takes as many initialisers as it has elements, so what follows it finds no room beside a braced pair.
template <class T, std::size_t Count, std::size_t I>
consteval bool is_c_array_at() {
  if constexpr (takes_braced_pair<T>(std::make_index_sequence<I>{}, std::index_sequence<>{})) {
    return !takes_braced_pair<T>(std::make_index_sequence<I>{}, std::make_index_sequence<Count - I - 1>{});
  } else {
    return false;
  }
}
template <class T, std::size_t Count, std::size_t... I>
consteval bool has_c_array(std::index_sequence<I...>) {
  return (is_c_array_at<T, Count, I>() || ...);
}

template <class T>
consteval std::size_t count_aggregate_fields() {
  static_assert(std::is_default_constructible_v<T>,
                "a record must be default-constructible: T{} has to compile, with every field");
  static_assert(!requires { T{AnyBase<T>{}}; }, "a record can't have base classes: make the base a field");
  constexpr std::size_t count = count_initializers<T>();
  static_assert(count <= kMaxFields, "a record has at most 40 fields: group some of them into a nested struct");
  static_assert(!has_c_array<T, count>(std::make_index_sequence<count>{}),
                "a record can't have a C array as a field: use std::array");
  return count;
}

// The members that a schema names, in their order.
template <class... Items>
consteval auto member_items(const Schema<Items...>& schema) {
  return std::apply(
      [](const auto&... item) {
        const auto keep = []<class Item>(const Item& i) {
          if constexpr (is_member_item_v<Item>) {
            return std::tuple<Item>{i};
          } else {
            return std::tuple<>{};
          }
        };
        return std::tuple_cat(keep(item)...);
      },
      schema.items);
}
template <class T>
inline constexpr auto member_items_v = member_items(schema_v<T>);

template <class T>
consteval std::size_t count_fields() {
  if constexpr (declares_members_v<T>) {
    return std::tuple_size_v<std::remove_const_t<decltype(member_items_v<T>)>>;
  } else if constexpr (is_tuple_v<T>) {
    return std::tuple_size_v<T>;
  } else {
    return count_aggregate_fields<T>();
  }
}

/// A type whose fields are known.
template <class T>
concept Reflected = kind_v<T> == TypeKind::kStruct;

template <class T>
inline constexpr std::size_t field_count_v = count_fields<std::remove_cv_t<T>>();

/// f(first field, second field, ...), as references into `record`.
template <class T, class F>
constexpr decltype(auto) apply_fields(T& record, F&& f) {
  using U = std::remove_cv_t<T>;
  if constexpr (declares_members_v<U>) {
    return std::apply([&](const auto&... item) -> decltype(auto) { return f(record.*(item.pointer)...); },
                      member_items_v<U>);
  } else {
    return with_fields<field_count_v<U>>(record, f);
  }
}

struct ListFieldTypes {
  template <class... F>
  constexpr TypeList<F...> operator()(F&...) const {
    return {};
  }
};
template <class T>
using FieldTypes = decltype(apply_fields(std::declval<T&>(), ListFieldTypes{}));

template <class List, std::size_t I>
struct TypeAt;
template <class... T, std::size_t I>
struct TypeAt<TypeList<T...>, I> {
  using Type = std::tuple_element_t<I, std::tuple<T...>>;
};
template <class T, std::size_t I>
using FieldType = typename TypeAt<FieldTypes<T>, I>::Type;

/// f(std::integral_constant<std::size_t, I>, field) for each field of `record`, in order.
template <class T, class F>
constexpr void for_each_field(T& record, F&& f) {
  apply_fields(record, [&](auto&... field) {
    [&]<std::size_t... I>(std::index_sequence<I...>) {
      (f(std::integral_constant<std::size_t, I>{}, field), ...);
    }(std::make_index_sequence<sizeof...(field)>{});
  });
}

/// f(std::type_identity<Field>, I) for the type of each field, without a record.
template <class T, class F>
constexpr void for_each_field_type(F&& f) {
  [&]<class... Field>(TypeList<Field...>) {
    [[maybe_unused]] std::size_t index = 0;
    (f(std::type_identity<Field>{}, index++), ...);
  }(FieldTypes<T>{});
}

#ifdef __clang__
#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wundefined-var-template"
#pragma clang diagnostic ignored "-Wundefined-internal"
#endif

template <class T>
struct Nowhere {
  T record;
};
// Never defined: only addresses of its members are formed, and only by the compiler.
template <class T>
extern const Nowhere<T> nowhere;

template <class T>
struct MemberPointer {
  const T* pointer;
};

template <MemberPointer P>
consteval std::string_view spelled_member() {
  std::string_view spelling = __PRETTY_FUNCTION__;
#ifdef __clang__
  spelling = spelling.substr(0, spelling.rfind('}'));
#else
  spelling = spelling.substr(0, spelling.rfind(")}"));
#endif
  const std::size_t before = spelling.find_last_of(".:>( ");
  return spelling.substr(before + 1);
}

template <class T, std::size_t I>
consteval auto member_pointer() {
  return apply_fields(nowhere<T>.record, [](const auto&... field) {
    const auto pointers =
        std::make_tuple(MemberPointer<std::remove_cvref_t<decltype(field)>>{std::addressof(field)}...);
    return std::get<I>(pointers);
  });
}

inline constexpr std::array<std::string_view, kMaxFields> kTupleFieldNames = {
    "f0",  "f1",  "f2",  "f3",  "f4",  "f5",  "f6",  "f7",  "f8",  "f9",  "f10", "f11", "f12", "f13",
    "f14", "f15", "f16", "f17", "f18", "f19", "f20", "f21", "f22", "f23", "f24", "f25", "f26", "f27",
    "f28", "f29", "f30", "f31", "f32", "f33", "f34", "f35", "f36", "f37", "f38", "f39"};

template <class T, std::size_t... I>
consteval std::array<std::string_view, sizeof...(I)> find_field_names(std::index_sequence<I...>) {
  if constexpr (declares_members_v<T>) {
    return {std::get<I>(member_items_v<T>).name...};
  } else if constexpr (is_pair_v<T>) {
    return {"first", "second"};
  } else if constexpr (is_tuple_v<T>) {
    return {kTupleFieldNames[I]...};
  } else {
    return {spelled_member<member_pointer<T, I>()>()...};
  }
}

#ifdef __clang__
#pragma clang diagnostic pop
#endif

/// The names of T's fields, in order: those of a pair are first and second, those of a tuple f0, f1, ...
template <class T>
inline constexpr std::array<std::string_view, field_count_v<T>> field_names_v =
    find_field_names<T>(std::make_index_sequence<field_count_v<T>>{});

// A place of T's size and alignment in which no T ever lives: addresses of fields in it tell their offsets.
template <class T>
const T& phantom() {
  alignas(T) static const std::byte storage[sizeof(T)] = {};
  return *reinterpret_cast<const T*>(storage);
}

/// Where each field begins within T, in bytes.
template <class T>
std::array<std::size_t, field_count_v<T>> field_offsets() {
  std::array<std::size_t, field_count_v<T>> offsets{};
  const T& record = phantom<T>();
  for_each_field(record, [&](auto index, const auto& field) {
    offsets[index] = static_cast<std::size_t>(reinterpret_cast<const char*>(std::addressof(field)) -
                                              reinterpret_cast<const char*>(std::addressof(record)));
  });
  return offsets;
}

/// The name of the field that `member` points to; empty if it is none.
template <Reflected T, class M>
std::string_view field_name_of(M T::* member) {
  const void* sought = std::addressof(phantom<T>().*member);
  std::string_view name;
  for_each_field(phantom<T>(), [&](auto index, const auto& field) {
    if (static_cast<const void*>(std::addressof(field)) == sought &&
        std::same_as<std::remove_cvref_t<decltype(field)>, M>)
      name = field_names_v<T>[index];
  });
  return name;
}

template <class T>
consteval bool contains_views() {
  constexpr TypeKind kind = kind_v<T>;
  if constexpr (std::same_as<T, std::string_view>) {
    return true;
  } else if constexpr (kind == TypeKind::kOptional || kind == TypeKind::kList || kind == TypeKind::kArray) {
    return contains_views<typename T::value_type>();
  } else if constexpr (kind == TypeKind::kMap) {
    static_assert(!contains_views<typename T::key_type>(), "the keys of a map must own their text: use std::string");
    return contains_views<typename T::mapped_type>();
  } else if constexpr (kind == TypeKind::kVariant) {
    return []<class... A>(std::type_identity<std::variant<A...>>) {
      return (contains_views<A>() || ...);
    }(std::type_identity<T>{});
  } else if constexpr (kind == TypeKind::kStruct) {
    return []<class... F>(TypeList<F...>) { return (contains_views<std::remove_cv_t<F>>() || ...); }(FieldTypes<T>{});
  } else {
    return false;
  }
}

template <class T>
inline constexpr bool contains_views_v = contains_views<std::remove_cv_t<T>>();

/// f(view) for each std::string_view inside `value`; by reference, so that f may point it elsewhere.
template <class T, class F>
void for_each_view(T& value, F&& f) {
  using U = std::remove_cv_t<T>;
  if constexpr (contains_views_v<U>) {
    constexpr TypeKind kind = kind_v<U>;
    if constexpr (kind == TypeKind::kString) {
      f(value);
    } else if constexpr (kind == TypeKind::kOptional) {
      if (value) for_each_view(*value, f);
    } else if constexpr (kind == TypeKind::kList || kind == TypeKind::kArray) {
      for (auto& element : value) for_each_view(element, f);
    } else if constexpr (kind == TypeKind::kMap) {
      for (auto& entry : value) for_each_view(entry.second, f);
    } else if constexpr (kind == TypeKind::kVariant) {
      if (!value.valueless_by_exception()) std::visit([&](auto& alternative) { for_each_view(alternative, f); }, value);
    } else {
      for_each_field(value, [&](auto, auto& field) { for_each_view(field, f); });
    }
  }
}

}  // namespace tidemark::detail

// A record's type as a table: where each field lies and how to fill it, so that decoders of text need not be templates
// and their libraries stay out of the user's program text. Made once a type, never changed; any thread reads it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "tidemark/detail/codec/binary.h"
#include "tidemark/detail/codec/reflect.h"
#include "tidemark/detail/codec/type.h"

namespace tidemark::detail {

struct RecordLayout;

/// How to fill one value. Functions are null where the kind has no use for them.
struct ValueLayout {
  TypeKind kind = TypeKind::kNone;
  TypeKind underlying = TypeKind::kNone;  ///< kEnum: the integer that lies there
  bool is_view = false;                   ///< kString: std::string_view, else std::string
  std::int64_t unit_num = 1;              ///< kTimestamp, kTime: one count is unit_num / unit_den seconds
  std::int64_t unit_den = 1;
  std::size_t size = 0;                  ///< kArray: elements
  std::size_t stride = 0;                ///< kArray: bytes from one element to the next
  const ValueLayout* element = nullptr;  ///< kOptional, kList, kArray, and the value of kMap
  const RecordLayout* record = nullptr;  ///< kStruct: fields; kVariant: alternatives
  std::vector<TypeEnumerator> enumerators;

  void (*clear)(void* value) = nullptr;                           ///< kOptional, kList, kMap: empties it
  void* (*add)(void* value) = nullptr;                            ///< kOptional: its value; kList: a new last element
  void* (*add_entry)(void* map, std::string_view key) = nullptr;  ///< kMap: the value of `key`
  void* (*choose)(void* variant, std::size_t index) = nullptr;    ///< kVariant: a fresh alternative
  bool (*set_count)(void* value, std::int64_t count) = nullptr;   ///< times, durations, dates; false: out of its range
  void (*set_bytes)(void* value, std::string_view bytes) = nullptr;  ///< kBytes
};

struct FieldLayout {
  std::string name;
  std::size_t offset = 0;
  const ValueLayout* value = nullptr;
};

struct RecordLayout {
  std::string type_name;  ///< as the user wrote it, without namespaces: for messages only
  std::vector<FieldLayout> fields;
  std::uint64_t required = 0;  ///< bit i: field i is no optional
};

/// "Bid" of bids::Bid, for messages only.
template <class T>
consteval std::string_view spelled_type() {
  std::string_view spelling = __PRETTY_FUNCTION__;
  const std::size_t begin = spelling.find("T = ") + 4;
  spelling = spelling.substr(begin, spelling.find_first_of(";]", begin) - begin);
  const std::size_t scope = spelling.substr(0, spelling.find('<')).rfind("::");
  return scope == std::string_view::npos ? spelling : spelling.substr(scope + 2);
}

template <class T>
const ValueLayout& value_layout_of();
template <class T>
const RecordLayout& layout_of();

template <class T>
void set_count_functions(ValueLayout& layout) {
  if constexpr (kind_v<T> == TypeKind::kTimestamp) {
    layout.unit_den = 1000;
    layout.set_count = [](void* value, std::int64_t count) {
      *static_cast<T*>(value) = Timestamp{count};
      return true;
    };
  } else if constexpr (kind_v<T> == TypeKind::kDate) {
    layout.unit_num = 86400;
    layout.set_count = [](void* value, std::int64_t count) { return assign_days(*static_cast<T*>(value), count); };
  } else {
    layout.unit_num = T::period::num;
    layout.unit_den = T::period::den;
    layout.set_count = [](void* value, std::int64_t count) {
      if (!std::in_range<typename T::rep>(count)) return false;
      const std::chrono::duration<typename T::rep, typename T::period> duration{static_cast<typename T::rep>(count)};
      *static_cast<T*>(value) = T{duration};
      return true;
    };
  }
}

template <class... A>
RecordLayout make_alternatives(std::type_identity<std::variant<A...>>) {
  RecordLayout layout;
  (layout.fields.push_back({alternative_name<std::variant<A...>>(layout.fields.size()), 0, &value_layout_of<A>()}),
   ...);
  return layout;
}

template <class T, std::size_t... I>
void* choose_alternative(T& variant, std::size_t index, std::index_sequence<I...>) {
  void* chosen = nullptr;
  ((index == I ? void(chosen = std::addressof(variant.template emplace<I>())) : void()), ...);
  return chosen;
}

template <class T>
void set_container_functions(ValueLayout& layout) {
  constexpr TypeKind kind = kind_v<T>;
  if constexpr (kind == TypeKind::kMap) {
    static_assert(std::same_as<typename T::key_type, std::string>,
                  "a map can be read as text only if its keys are std::string");
    layout.element = &value_layout_of<typename T::mapped_type>();
    layout.clear = [](void* value) { static_cast<T*>(value)->clear(); };
    layout.add_entry = [](void* value, std::string_view key) -> void* {
      return std::addressof((*static_cast<T*>(value))[std::string{key}]);
    };
    return;
  } else {
    layout.element = &value_layout_of<typename T::value_type>();
    if constexpr (kind == TypeKind::kOptional) {
      layout.clear = [](void* value) { static_cast<T*>(value)->reset(); };
      layout.add = [](void* value) -> void* { return std::addressof(static_cast<T*>(value)->emplace()); };
    } else if constexpr (kind == TypeKind::kList) {
      layout.clear = [](void* value) { static_cast<T*>(value)->clear(); };
      layout.add = [](void* value) -> void* { return std::addressof(static_cast<T*>(value)->emplace_back()); };
    } else {
      layout.size = std::tuple_size_v<T>;
      layout.stride = sizeof(typename T::value_type);
    }
  }
}

template <class T>
ValueLayout make_value_layout() {
  require_storable<T>();
  constexpr TypeKind kind = kind_v<T>;
  ValueLayout layout;
  layout.kind = kind;
  if constexpr (kind == TypeKind::kString) {
    layout.is_view = std::same_as<T, std::string_view>;
  } else if constexpr (kind == TypeKind::kBytes) {
    layout.set_bytes = [](void* value, std::string_view bytes) {
      const auto* data = reinterpret_cast<const std::byte*>(bytes.data());
      static_cast<T*>(value)->assign(data, data + bytes.size());
    };
  } else if constexpr (kind >= TypeKind::kTimestamp && kind <= TypeKind::kDate) {
    set_count_functions<T>(layout);
  } else if constexpr (kind == TypeKind::kEnum) {
    const Type type = type_of<T>();
    layout.underlying = type.underlying;
    layout.enumerators = type.enumerators;
  } else if constexpr (kind == TypeKind::kVariant) {
    static const RecordLayout alternatives = make_alternatives(std::type_identity<T>{});
    layout.record = &alternatives;
    layout.choose = [](void* value, std::size_t index) {
      return choose_alternative(*static_cast<T*>(value), index, std::make_index_sequence<std::variant_size_v<T>>{});
    };
  } else if constexpr (kind == TypeKind::kStruct) {
    layout.record = &layout_of<T>();
  } else if constexpr (kind >= TypeKind::kOptional) {
    set_container_functions<T>(layout);
  }
  return layout;
}

template <class T>
RecordLayout make_record_layout() {
  RecordLayout layout;
  layout.type_name = spelled_type<T>();
  const auto offsets = field_offsets<T>();
  for_each_field_type<T>([&]<class F>(std::type_identity<F>, std::size_t i) {
    layout.fields.push_back({std::string{field_names_v<T>[i]}, offsets[i], &value_layout_of<std::remove_cv_t<F>>()});
    if (kind_v<F> != TypeKind::kOptional) layout.required |= std::uint64_t{1} << i;
  });
  return layout;
}

template <class T>
const ValueLayout& value_layout_of() {
  static const ValueLayout layout = make_value_layout<T>();
  return layout;
}

/// The table of T, an aggregate or another type with fields.
template <class T>
const RecordLayout& layout_of() {
  static_assert(Reflected<T>, "a record that is read from text is an aggregate");
  static const RecordLayout layout = make_record_layout<T>();
  return layout;
}

}  // namespace tidemark::detail

// Flat records as lines of CSV (RFC 4180), without the line's end. An absent optional is an empty column, an empty text
// two quotes; all else is as in JSON, without JSON's quotes. What comes out reads back with CsvDecoder. Pure; any
// thread.
#pragma once

#include <string>
#include <string_view>

#include "tidemark/detail/codec/json_encode.h"

namespace tidemark::detail {

template <class T>
consteval bool is_csv_column() {
  if constexpr (is_optional_v<T>) {
    return is_csv_column<typename T::value_type>() && !is_optional_v<typename T::value_type>;
  } else {
    return kind_v<T> != TypeKind::kNone && kind_v<T> <= TypeKind::kEnum;
  }
}

template <class T>
consteval bool is_csv_row() {
  if constexpr (Reflected<T>) {
    return []<class... F>(TypeList<F...>) { return (is_csv_column<std::remove_cv_t<F>>() && ...); }(FieldTypes<T>{});
  } else {
    return false;
  }
}

/// A line of CSV can be a T: an aggregate of numbers, texts, times, enums, bytes and optionals of these.
template <class T>
concept CsvRow = is_csv_row<T>();

template <class T>
void append_csv_column(const T& value, char delimiter, std::string& out) {
  constexpr TypeKind kind = kind_v<T>;
  if constexpr (kind == TypeKind::kOptional) {
    if (value) append_csv_column(*value, delimiter, out);
  } else if constexpr (kind == TypeKind::kString) {
    append_csv_text(value, delimiter, out);
  } else if constexpr (kind == TypeKind::kBytes) {
    append_base64({reinterpret_cast<const char*>(value.data()), value.size()}, out);
  } else if constexpr (kind == TypeKind::kDate) {
    append_date(days_of(value), out);
  } else if constexpr (kind == TypeKind::kEnum) {
    if (const std::string_view name = enumerator_name(value); !name.empty())
      append_csv_text(name, delimiter, out);
    else
      append_json(static_cast<std::underlying_type_t<T>>(value), out);
  } else {
    append_json(value, out);
  }
}

/// Appends the names of T's fields.
template <class T>
void append_csv_header(std::string& out, char delimiter = ',') {
  static_assert(CsvRow<T>,
                "a line of CSV is an aggregate of plain values: no lists, maps, variants or nested aggregates");
  for (std::size_t i = 0; i < field_count_v<T>; ++i) {
    if (i > 0) out += delimiter;
    append_csv_text(field_names_v<T>[i], delimiter, out);
  }
}

/// Appends the fields of `record`.
template <class T>
void append_csv(const T& record, std::string& out, char delimiter = ',') {
  static_assert(CsvRow<T>,
                "a line of CSV is an aggregate of plain values: no lists, maps, variants or nested aggregates");
  for_each_field(record, [&](auto index, const auto& field) {
    if (index > 0) out += delimiter;
    append_csv_column(field, delimiter, out);
  });
}

}  // namespace tidemark::detail

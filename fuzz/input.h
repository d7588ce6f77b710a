// A fuzzer's bytes read as choices: numbers, texts and values of any storable type. Behind the end there are zeros and
// empty texts, so that every input means something and a shorter one means less. Texts point into the input.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <type_traits>
#include <utility>

#include "codec/utf8.h"
#include "tidemark/detail/codec/reflect.h"

namespace tidemark::fuzz {

class Input {
 public:
  explicit Input(std::string_view bytes) : rest_{bytes} {}

  bool empty() const { return rest_.empty(); }
  std::string_view rest() const { return rest_; }

  /// An integer or a floating-point number of any bits.
  template <class T>
  T number() {
    T value{};
    const std::string_view bytes = take(sizeof value);
    if (!bytes.empty()) std::memcpy(&value, bytes.data(), bytes.size());
    return value;
  }
  bool flag() { return (number<std::uint8_t>() & 1) != 0; }
  /// 0 .. limit - 1.
  std::size_t below(std::size_t limit) { return number<std::uint16_t>() % limit; }
  std::string_view text() { return take(number<std::uint8_t>()); }
  /// As many as there are, at most.
  std::string_view bytes(std::size_t size) { return take(size); }

 private:
  std::string_view take(std::size_t size) {
    const std::string_view taken = rest_.substr(0, size);
    rest_.remove_prefix(taken.size());
    return taken;
  }

  std::string_view rest_;
};

enum class Values {
  kAny,
  kReadableAsText,  ///< finite numbers, UTF-8, years of four digits: what JSON and CSV can say
};

template <class T>
T any_value(Input& in, Values values);

template <class T>
T any_date(Input& in, Values values) {
  using namespace std::chrono;
  if constexpr (std::same_as<T, year_month_day>) {
    const int any_year = in.number<std::int16_t>();
    const year y{values == Values::kReadableAsText ? (any_year & 0x7fff) % 10'000 : std::max(any_year, -32767)};
    const year_month_day date =
        y / month{static_cast<unsigned>(in.below(12) + 1)} / day{static_cast<unsigned>(in.below(31) + 1)};
    return date.ok() ? date : date.year() / date.month() / 1;
  } else {
    if (values == Values::kReadableAsText) return sys_days{any_date<year_month_day>(in, values)};
    return sys_days{days{in.number<days::rep>()}};
  }
}

template <class Variant, std::size_t... I>
Variant any_alternative(Input& in, Values values, std::index_sequence<I...>) {
  const std::size_t chosen = in.below(sizeof...(I));
  Variant value;
  ((chosen == I ? void(value.template emplace<I>(any_value<std::variant_alternative_t<I, Variant>>(in, values)))
                : void()),
   ...);
  return value;
}

/// A T of the next bytes.
template <class T>
T any_value(Input& in, Values values) {
  constexpr TypeKind kind = detail::kind_v<T>;
  constexpr std::size_t kMostElements = 4;
  T value{};
  if constexpr (kind == TypeKind::kBool) {
    value = in.flag();
  } else if constexpr (std::is_arithmetic_v<T>) {
    value = in.number<T>();
    if constexpr (std::is_floating_point_v<T>) {
      if (values == Values::kReadableAsText && !std::isfinite(value)) value = 0;
    }
  } else if constexpr (kind == TypeKind::kString) {
    const std::string_view text = in.text();
    value = values == Values::kReadableAsText ? text.substr(0, find_invalid_utf8(text)) : text;
  } else if constexpr (kind == TypeKind::kBytes) {
    const std::string_view text = in.text();
    const auto* data = reinterpret_cast<const std::byte*>(text.data());
    value.assign(data, data + text.size());
  } else if constexpr (kind == TypeKind::kTimestamp) {
    value = T{in.number<std::int64_t>()};
  } else if constexpr (kind == TypeKind::kTime) {
    value = T{typename T::duration{in.number<typename T::rep>()}};
  } else if constexpr (kind == TypeKind::kDuration) {
    value = T{in.number<typename T::rep>()};
  } else if constexpr (kind == TypeKind::kDate) {
    value = any_date<T>(in, values);
  } else if constexpr (kind == TypeKind::kEnum) {
    value = static_cast<T>(in.number<std::underlying_type_t<T>>());
  } else if constexpr (kind == TypeKind::kOptional) {
    if (in.flag()) value = any_value<typename T::value_type>(in, values);
  } else if constexpr (kind == TypeKind::kList) {
    const std::size_t size = in.below(kMostElements);
    for (std::size_t i = 0; i < size; ++i) value.push_back(any_value<typename T::value_type>(in, values));
  } else if constexpr (kind == TypeKind::kArray) {
    for (auto& element : value) element = any_value<typename T::value_type>(in, values);
  } else if constexpr (kind == TypeKind::kMap) {
    const std::size_t size = in.below(kMostElements);
    for (std::size_t i = 0; i < size; ++i) {
      auto key = any_value<typename T::key_type>(in, values);
      value.insert_or_assign(std::move(key), any_value<typename T::mapped_type>(in, values));
    }
  } else if constexpr (kind == TypeKind::kVariant) {
    value = any_alternative<T>(in, values, std::make_index_sequence<std::variant_size_v<T>>{});
  } else {
    detail::for_each_field(value,
                           [&]<class F>(auto, F& field) { field = any_value<std::remove_cvref_t<F>>(in, values); });
  }
  return value;
}

}  // namespace tidemark::fuzz

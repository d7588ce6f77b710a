// How much memory a value holds outside of itself, about: what it takes from the allocator, by the capacity of its parts. Of
// a list or a map one element speaks for all, so that asking costs little. Equal values in memory give equal answers.
//
// Text behind views is not the value's and is not counted.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string>
#include <type_traits>
#include <variant>
#include <vector>

#include "tidemark/detail/codec/reflect.h"

namespace tidemark::detail {

/// A block of so many bytes, with what the allocator adds.
constexpr std::size_t block_bytes(std::size_t bytes) { return (bytes + 8 + 15) / 16 * 16; }

/// Of a std::map's node beside its entry: colour and three pointers.
inline constexpr std::size_t kMapNodeBytes = 32;

template <class T>
std::size_t owned_bytes(const T& value) {
  constexpr TypeKind kind = kind_v<T>;
  if constexpr (std::is_trivially_copyable_v<T>) {
    return 0;
  } else if constexpr (kind == TypeKind::kString) {
    static const std::size_t kInline = std::string{}.capacity();
    return value.capacity() > kInline ? block_bytes(value.capacity() + 1) : 0;
  } else if constexpr (kind == TypeKind::kBytes) {
    return value.capacity() == 0 ? 0 : block_bytes(value.capacity());
  } else if constexpr (kind == TypeKind::kOptional) {
    return value ? owned_bytes(*value) : 0;
  } else if constexpr (kind == TypeKind::kList) {
    using Element = typename T::value_type;
    const std::size_t block = value.capacity() == 0 ? 0 : block_bytes(value.capacity() * sizeof(Element));
    if constexpr (std::is_trivially_copyable_v<Element>) return block;
    if (value.empty()) return block;
    return block + value.size() * std::min({owned_bytes(value.front()), owned_bytes(value[value.size() / 2]), owned_bytes(value.back())});
  } else if constexpr (kind == TypeKind::kMap) {
    if (value.empty()) return 0;
    const auto bytes_of = [](const auto& entry) { return owned_bytes(entry.first) + owned_bytes(entry.second); };
    std::size_t owned = bytes_of(*value.begin());
    if constexpr (requires { value.rbegin(); }) owned = std::min(owned, bytes_of(*value.rbegin()));
    return value.size() * (block_bytes(kMapNodeBytes + sizeof(typename T::value_type)) + owned);
  } else if constexpr (kind == TypeKind::kArray) {
    std::size_t bytes = 0;
    for (const auto& element : value) bytes += owned_bytes(element);
    return bytes;
  } else if constexpr (kind == TypeKind::kVariant) {
    return std::visit([](const auto& alternative) { return owned_bytes(alternative); }, value);
  } else {
    std::size_t bytes = 0;
    for_each_field(value, [&](auto, const auto& field) { bytes += owned_bytes(field); });
    return bytes;
  }
}

}  // namespace tidemark::detail

// An encoded key of 9 to 16 bytes that outlives the record, without an allocation: for types whose keys all encode to as many.
#pragma once

#include <bit>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace tidemark::detail {

/// Copied as it is; in the order of the bytes.
template <std::size_t Size>
class FixedKey {
  static_assert(Size > 8 && Size <= 16);

 public:
  FixedKey() = default;
  /// Of `Size` bytes.
  explicit FixedKey(std::string_view bytes) { *this = bytes; }
  FixedKey& operator=(std::string_view bytes) {
    std::memcpy(bytes_, bytes.data(), Size);
    return *this;
  }

  // NOLINTNEXTLINE(google-explicit-constructor): it is handed to what takes the bytes of any key
  operator std::string_view() const { return {bytes_, Size}; }

  friend bool operator==(const FixedKey& a, const FixedKey& b) { return std::memcmp(a.bytes_, b.bytes_, Size) == 0; }
  friend std::strong_ordering operator<=>(const FixedKey& a, const FixedKey& b) {
    if (const auto first = a.first_bytes() <=> b.first_bytes(); first != 0) return first;
    return std::memcmp(a.bytes_ + 8, b.bytes_ + 8, Size - 8) <=> 0;
  }

 private:
  // As a number that compares as they do.
  std::uint64_t first_bytes() const {
    std::uint64_t word = 0;
    std::memcpy(&word, bytes_, sizeof word);
    return std::endian::native == std::endian::little ? __builtin_bswap64(word) : word;
  }

  char bytes_[Size] = {};
};

}  // namespace tidemark::detail

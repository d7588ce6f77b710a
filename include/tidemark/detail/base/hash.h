// The one hash of Tidemark: XXH3-64 without a seed. What is hashed with it stands in snapshots, so it never changes;
// another one would get another kHashId, which every snapshot names.
#pragma once

#ifndef XXH_INLINE_ALL
#define XXH_INLINE_ALL
#endif
#include <xxhash.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace tidemark::detail {

inline constexpr std::uint32_t kHashId = 1;  // XXH3-64 of the memcomparable key

inline std::uint64_t hash_bytes(const void* data, std::size_t size) noexcept { return XXH3_64bits(data, size); }
/// Of a constant size: of at most 16 bytes in a few instructions, where it stands.
template <std::size_t Size>
[[gnu::flatten]] inline std::uint64_t hash_bytes(const void* data) noexcept {
  return XXH3_64bits(data, Size);
}
inline std::uint64_t hash_bytes(std::string_view bytes) noexcept { return XXH3_64bits(bytes.data(), bytes.size()); }

}  // namespace tidemark::detail

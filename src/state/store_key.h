// A key as a store has it: its hash, most significant byte first, then the encoded key. So the order of a store is that of
// checkpoints: by key group, then by hash. Pure.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace tidemark {

inline constexpr std::size_t kStoreKeyHashBytes = sizeof(std::uint64_t);

inline void append_store_key(std::uint64_t hash, std::string_view key, std::string& to) {
  const std::uint64_t big_endian = __builtin_bswap64(hash);
  to.append(reinterpret_cast<const char*>(&big_endian), sizeof big_endian).append(key);
}
/// Of a store's key, which is as long at least.
inline std::uint64_t hash_of_store_key(std::string_view key) {
  std::uint64_t big_endian;
  std::memcpy(&big_endian, key.data(), sizeof big_endian);
  return __builtin_bswap64(big_endian);
}
inline std::string_view key_of_store_key(std::string_view key) { return key.substr(kStoreKeyHashBytes); }

}  // namespace tidemark

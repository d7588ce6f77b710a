// Makes the checksums of checkpoint files right, so that a fuzzer's changes get behind them. Whatever the bytes are:
// what can't be found in them is left alone.
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "snapshot/format.h"
#include "tidemark/detail/base/hash.h"

namespace tidemark::fuzz {

template <class T>
T load(const std::string& bytes, std::size_t at) {
  T v{};
  std::memcpy(&v, bytes.data() + at, sizeof v);
  return v;
}

template <class T>
void store(std::string& bytes, std::size_t at, T v) {
  std::memcpy(bytes.data() + at, &v, sizeof v);
}

/// [at, at + size) lies within the bytes.
inline bool holds(const std::string& bytes, std::uint64_t at, std::uint64_t size) {
  return at <= bytes.size() && size <= bytes.size() - at;
}

class SnapshotSeal {
 public:
  explicit SnapshotSeal(std::string& bytes) : bytes_{bytes} {}

  void apply() {
    if (bytes_.size() < kPreambleSize + kTrailerSize + sizeof(std::uint64_t)) return;
    const auto header_size = load<std::uint32_t>(bytes_, 12);
    if (header_size < kPreambleSize + sizeof(std::uint64_t) || header_size > bytes_.size()) return;
    const std::size_t header = header_size - sizeof(std::uint64_t);
    store(bytes_, header, detail::hash_bytes(bytes_.data(), header));
    trailer_ = bytes_.size() - kTrailerSize;
    seal_blocks();
    seal_directory();
    seal_trailer(load<std::uint64_t>(bytes_, header));
  }

 private:
  static constexpr std::size_t kPreambleSize = snapshot_format::kPreambleSize;
  static constexpr std::size_t kTrailerSize = snapshot_format::kTrailerSize;
  static constexpr std::size_t kBlockHeaderSize = snapshot_format::kBlockHeaderSize;

  // A block's header says what its entry in the table says, and its checksum stands in both.
  void seal_blocks() {
    const auto table = load<std::uint64_t>(bytes_, trailer_ + 16);
    const auto blocks = load<std::uint32_t>(bytes_, trailer_ + 32);
    for (std::uint32_t number = 0; number < blocks; ++number) {
      const std::uint64_t entry = table + std::uint64_t{number} * snapshot_format::kTableEntrySize;
      if (!holds(bytes_, entry, snapshot_format::kTableEntrySize)) return;
      const auto block = load<std::uint64_t>(bytes_, entry);
      const auto stored = load<std::uint32_t>(bytes_, entry + 20);
      if (!holds(bytes_, block, kBlockHeaderSize + std::uint64_t{stored})) continue;
      seal_block(number, entry, block, stored);
    }
  }

  void seal_block(std::uint32_t number, std::uint64_t entry, std::uint64_t block, std::uint32_t stored) {
    store(bytes_, block, load<std::uint16_t>(bytes_, entry + 40));  // type and codec
    store(bytes_, block + 2, std::uint16_t{0});
    store(bytes_, block + 4, load<std::uint32_t>(bytes_, entry + 28));  // state
    store(bytes_, block + 8, load<std::uint32_t>(bytes_, entry + 16));  // raw size
    store(bytes_, block + 12, stored);
    store(bytes_, block + 16, load<std::uint32_t>(bytes_, entry + 24));  // entries
    store(bytes_, block + 20, load<std::uint64_t>(bytes_, entry + 32));  // key groups
    store(bytes_, block + 28, number);
    std::string hashed = bytes_.substr(block, snapshot_format::kBlockChecksumAt);
    hashed += std::string_view{bytes_}.substr(block + kBlockHeaderSize, stored);
    const std::uint64_t checksum = detail::hash_bytes(hashed);
    store(bytes_, block + snapshot_format::kBlockChecksumAt, checksum);
    store(bytes_, entry + 8, checksum);
  }

  void seal_directory() {
    const auto lists = load<std::uint64_t>(bytes_, trailer_);
    const auto directory = load<std::uint64_t>(bytes_, trailer_ + 8);
    const auto table = load<std::uint64_t>(bytes_, trailer_ + 16);
    if (lists > directory || directory > table || table > bytes_.size()) return;
    auto group = load<std::uint32_t>(bytes_, 28);
    for (std::uint64_t entry = directory; entry + snapshot_format::kDirectoryEntrySize <= table;
         entry += snapshot_format::kDirectoryEntrySize, ++group) {
      const auto offset = load<std::uint32_t>(bytes_, entry);
      const auto size = load<std::uint32_t>(bytes_, entry + 4);
      std::string hashed(reinterpret_cast<const char*>(&group), sizeof group);
      hashed += std::string_view{bytes_}.substr(entry, 8);
      if (offset <= directory - lists && size <= directory - lists - offset)
        hashed += std::string_view{bytes_}.substr(lists + offset, size);
      store(bytes_, entry + 8, detail::hash_bytes(hashed));
    }
  }

  void seal_trailer(std::uint64_t header_checksum) {
    const auto table = load<std::uint64_t>(bytes_, trailer_ + 16);
    if (table <= trailer_) store(bytes_, trailer_ + 40, detail::hash_bytes(bytes_.data() + table, trailer_ - table));
    std::string hashed = bytes_.substr(trailer_, 48);
    hashed.append(reinterpret_cast<const char*>(&header_checksum), sizeof header_checksum);
    store(bytes_, trailer_ + 48, detail::hash_bytes(hashed));
  }

  std::string& bytes_;
  std::size_t trailer_ = 0;
};

inline void seal_metadata(std::string& bytes) {
  constexpr std::size_t kPreludeSize = 32;
  if (bytes.size() < kPreludeSize) return;
  store(bytes, 16, std::uint64_t{bytes.size()});
  store(bytes, 24, detail::hash_bytes(bytes.data(), 24));
  for (std::uint64_t at = kPreludeSize; holds(bytes, at, 24);) {
    const auto size = load<std::uint64_t>(bytes, at + 8);
    if (!holds(bytes, at + 24, size)) return;
    store(bytes, at + 16 + size, detail::hash_bytes(bytes.data() + at, 16 + size));
    at += 24 + size;
  }
}

inline void seal_pointer(std::string& bytes) {
  const std::size_t end = bytes.find('\n') + 1;
  if (end == 0) return;
  bytes.resize(end);
  bytes += fmt::format("xxh3 {:016x}\n", detail::hash_bytes(bytes));
}

}  // namespace tidemark::fuzz

// Key groups: the unit in which keyed state is distributed and moved. The key group is the high bits of the hash, so a
// key group is a contiguous range of hashes, and a range of key groups one, too. Pure.
#pragma once

#include <cstdint>

namespace tidemark {

inline constexpr std::uint32_t kDefaultMaxParallelism = 4096;
inline constexpr std::uint32_t kLargestMaxParallelism = 32768;

/// [begin, end) of key groups.
struct KeyGroupRange {
  std::uint32_t begin = 0;
  std::uint32_t end = 0;

  constexpr bool contains(std::uint32_t key_group) const { return key_group >= begin && key_group < end; }
  constexpr bool intersects(KeyGroupRange other) const { return begin < other.end && other.begin < end; }
  constexpr std::uint32_t size() const { return end - begin; }
  friend constexpr bool operator==(const KeyGroupRange&, const KeyGroupRange&) = default;
};

constexpr std::uint32_t key_group_of(std::uint64_t hash, std::uint32_t max_parallelism) {
  return static_cast<std::uint32_t>(((hash >> 32) * max_parallelism) >> 32);
}

constexpr std::uint32_t subtask_of(std::uint32_t key_group, std::uint32_t parallelism, std::uint32_t max_parallelism) {
  return key_group * parallelism / max_parallelism;
}

/// The key groups of one subtask: exactly those that subtask_of maps to it.
constexpr KeyGroupRange range_of_subtask(std::uint32_t subtask, std::uint32_t parallelism, std::uint32_t max_parallelism) {
  const auto first = [&](std::uint32_t s) { return (s * max_parallelism + parallelism - 1) / parallelism; };
  return {first(subtask), first(subtask + 1)};
}

}  // namespace tidemark

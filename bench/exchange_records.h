// What is exchanged, within a process and between two: records of 32 bytes, and of 104 with a text in them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace bench {

struct Plain {
  std::int64_t key;
  std::int64_t a, b, at;
};
struct WithText {
  std::int64_t key;
  std::int64_t a, at;
  std::uint64_t spare;
  std::string_view text;
};
inline constexpr std::size_t kTextBytes = 56;
static_assert(sizeof(Plain) == 32 && sizeof(WithText) + kTextBytes == 104);

}  // namespace bench

// The hash of what is long.
#pragma once

#include <cstdint>
#include <string_view>

namespace tidemark {

/// detail::hash_bytes() by the widest instructions that this machine has: from some KB on twice as fast. Any thread.
std::uint64_t hash_long(std::string_view bytes) noexcept;

}  // namespace tidemark

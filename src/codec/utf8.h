// Checking UTF-8 byte by byte, to find the place of a fault that a faster check has seen, or in short texts.
#pragma once

#include <cstddef>
#include <string_view>

namespace tidemark {

/// Where the first byte that is no UTF-8 stands, or npos. Surrogates and overlong forms are none.
std::size_t find_invalid_utf8(std::string_view text) noexcept;

}  // namespace tidemark

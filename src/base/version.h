// Which version of Tidemark this is.
#pragma once

#include <string_view>

namespace tidemark {

/// "0.1.0". Any thread.
std::string_view library_version() noexcept;

}  // namespace tidemark

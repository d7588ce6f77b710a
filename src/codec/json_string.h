// The inside of JSON strings. Pure; any thread.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace tidemark {

/// Replaces `out` by the text that `inner`, a JSON string without its quotes, stands for. Returns npos, or where the
/// first faulty escape begins.
std::size_t unescape_json(std::string_view inner, std::string& out);

}  // namespace tidemark

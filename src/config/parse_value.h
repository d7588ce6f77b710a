// The text forms of option values. Pure; each takes the whole text or nothing. Units and flags may be in capitals.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "tidemark/time.h"

namespace tidemark {

/// "10s", "250 ms", "1min", "2 h", "3 days"; a number without a unit only if it is 0. Not negative, at most 36500 days.
std::optional<Duration> parse_duration(std::string_view text);
/// In the largest unit that is exact: "90s", "2h".
std::string format_duration(Duration duration);

/// "512mb", "8 gb"; a number without a unit only if it is 0. A kb has 1024 bytes.
std::optional<std::int64_t> parse_bytes(std::string_view text);
/// In the largest unit that is exact: "1536mb", "8gb".
std::string format_bytes(std::int64_t bytes);

std::optional<std::int64_t> parse_int64(std::string_view text);
/// Finite.
std::optional<double> parse_double(std::string_view text);
/// "true" or "false".
std::optional<bool> parse_bool(std::string_view text);

}  // namespace tidemark

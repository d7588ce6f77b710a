// The word that was probably meant: for "did you mean" in errors about options, keys and names. Pure.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace tidemark {

/// The candidate with the fewest typing errors against `word` (a letter left out, added, changed, or two swapped), if
/// they are few for its length; else the only candidate that begins or ends with `word`. The first of equals; nothing
/// if none is near.
std::optional<std::string> nearest(std::string_view word, std::span<const std::string> candidates);

/// "; did you mean 'x'?" or nothing, for the end of a message.
std::string did_you_mean(std::string_view word, std::span<const std::string> candidates);

}  // namespace tidemark

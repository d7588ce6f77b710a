#include "tidemark/window.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <string>
#include <vector>

namespace tidemark {

std::optional<Error> WindowAssigner::problem() const {
  if (auto wrong = spec.problem()) return wrong;
  if (spec.slide_ms <= spec.size_ms) return std::nullopt;
  return Error{ErrorCode::kInvalidArgument,
               fmt::format("sliding(size, slide): the slide, {} ms, is longer than the size, {} ms, so records between two windows would be in none: "
                           "swap them, or filter() those records out and take tumbling windows",
                           spec.slide_ms, spec.size_ms)};
}

namespace detail {

Window session_from(Timestamp at, Duration gap) {
  if (at < Timestamp{-kFurthestWindowMs} || at > Timestamp{kFurthestWindowMs}) throw no_window_for(at);
  if (gap <= Duration{0} || gap.count() > kLargestWindowMs) {
    throw Error{ErrorCode::kInvalidArgument,
                fmt::format("the gap of a session is {} ms; it must be from 1 ms to {} ms", gap.count(), kLargestWindowMs)};
  }
  return {at, at + gap};
}

void check_windows(const std::vector<Window>& of_record, bool merge) {
  const auto show = [](const Window& window) {
    return fmt::format("[{}, {})", to_string(window.start), to_string(window.end));
  };
  for (const Window& window : of_record) {
    if (window.end > window.start) continue;
    throw Error{ErrorCode::kUserCode, "assign() of the windows gave " + show(window) + ": a window ends after it starts"};
  }
  if (of_record.size() < 2) return;
  std::vector<Window> sorted = of_record;
  std::ranges::sort(sorted);
  for (std::size_t i = 1; i < sorted.size(); ++i) {
    if (sorted[i] == sorted[i - 1]) {
      throw Error{ErrorCode::kUserCode,
                  "assign() of the windows gave " + show(sorted[i]) + " twice: the record would count twice in it"};
    }
    if (merge && sorted[i].start <= sorted[i - 1].end) {
      throw Error{ErrorCode::kUserCode, "assign() of the windows gave " + show(sorted[i - 1]) + " and " + show(sorted[i]) +
                                            ", which touch and so merge: the record would count twice in what they become"};
    }
  }
}

}  // namespace detail
}  // namespace tidemark

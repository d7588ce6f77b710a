#include "tidemark/window.h"

#include <fmt/format.h>

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

}  // namespace detail
}  // namespace tidemark

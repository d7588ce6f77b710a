#include "tidemark/detail/event_time/window_spec.h"

#include <fmt/format.h>

namespace tidemark::detail {

std::optional<Error> WindowSpec::problem() const {
  const auto wrong = [](const char* what, std::int64_t value) {
    return Error{
        ErrorCode::kInvalidArgument,
        fmt::format("the {} of a window is {} ms; it must be from 1 ms to {} ms", what, value, kLargestWindowMs)};
  };
  if (size_ms <= 0 || size_ms > kLargestWindowMs) return wrong("size", size_ms);
  if (slide_ms <= 0 || slide_ms > kLargestWindowMs) return wrong("slide", slide_ms);
  return std::nullopt;
}

}  // namespace tidemark::detail

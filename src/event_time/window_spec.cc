#include "tidemark/detail/event_time/window_spec.h"

#include <fmt/format.h>

#include <string_view>

namespace tidemark::detail {

std::optional<Error> WindowSpec::problem() const {
  const auto wrong = [](const char* what, std::int64_t value) {
    return Error{
        ErrorCode::kInvalidArgument,
        fmt::format("the {} of a window is {} ms; it must be from 1 ms to {} ms", what, value, kLargestWindowMs)};
  };
  if (size_ms <= 0 || size_ms > kLargestWindowMs) return wrong("size", size_ms);
  if (slide_ms <= 0 || slide_ms > kLargestWindowMs) return wrong(cumulates ? "step" : "slide", slide_ms);
  if (cumulates && size_ms % slide_ms != 0) {
    return Error{ErrorCode::kInvalidArgument,
                 fmt::format("cumulative(size, step): the size, {} ms, is no multiple of the step, {} ms", size_ms, slide_ms)};
  }
  return std::nullopt;
}

void WindowSpec::add_windows_of(Timestamp t, std::vector<Window>& to) const {
  const std::int64_t at = t.ms();
  if (at < -kFurthestWindowMs || at > kFurthestWindowMs) throw no_window_for(t);
  const std::int64_t period = cumulates ? size_ms : slide_ms;
  const std::int64_t rest = offset_ms % period;
  const std::int64_t offset = rest < 0 ? rest + period : rest;
  if (cumulates) {
    const std::int64_t start = floor_to_grid(at, size_ms, offset);
    for (std::int64_t end = start + ((at - start) / slide_ms + 1) * slide_ms; end <= start + size_ms; end += slide_ms) {
      to.push_back({Timestamp{start}, Timestamp{end}});
    }
  } else {
    for (std::int64_t start = ceil_to_grid(at - size_ms + 1, slide_ms, offset); start <= at; start += slide_ms) {
      to.push_back({Timestamp{start}, Timestamp{start + size_ms}});
    }
  }
}

NoWindow no_window_for(Timestamp t) {
  constexpr std::string_view kWayOut = "where single records are like that, take them out with late_to(...) or filter(...)";
  return {ErrorCode::kInvalidArgument,
          t == Timestamp::min()
              ? fmt::format("the record has no event time, and a window needs one: say where it stands with .event_time(...) at the "
                            "source; {}", kWayOut)
              : fmt::format("the event time {} ms is too far from 1970 for a window: is its unit milliseconds? {}", t.ms(),
                            kWayOut)};
}

}  // namespace tidemark::detail

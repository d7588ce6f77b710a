// Tumbling, sliding and cumulative windows as numbers: which windows and slices a timestamp lies in.
//
// The windows of a spec start at offset + k * slide for every integer k and are size long; cumulative ones start at
// offset + k * size and end after one slide, after two, and so on up to the size. Time is cut into slices of
// gcd(size, slide), the longest pieces of which every window is made whole; windows that overlap share them. Where slide
// is larger than size there are gaps between the windows, and slices that belong to none.
//
// Pure values; the ranges below leave room in int64, so that none of this arithmetic overflows.
#pragma once

#include <cstdint>
#include <numeric>
#include <optional>
#include <vector>

#include "tidemark/error.h"
#include "tidemark/time.h"

namespace tidemark {

/// [start, end).
struct Window {
  Timestamp start;
  Timestamp end;

  /// The last moment inside: the watermark that reaches it completes the window.
  constexpr Timestamp last() const { return end - Duration{1}; }
  friend constexpr auto operator<=>(const Window&, const Window&) = default;
};

namespace detail {

/// Windows exist only for timestamps this far from 1970, 146 million years, at most.
inline constexpr std::int64_t kFurthestWindowMs = std::int64_t{1} << 62;
/// The largest size and slide, 9 million years.
inline constexpr std::int64_t kLargestWindowMs = std::int64_t{1} << 58;

struct WindowSpec {
  std::int64_t size_ms = 0;
  std::int64_t slide_ms = 0;  ///< the size, for tumbling windows; the step, for cumulative ones
  std::int64_t offset_ms = 0;
  bool cumulates = false;

  static constexpr WindowSpec tumbling(std::int64_t size_ms, std::int64_t offset_ms = 0) {
    return {size_ms, size_ms, offset_ms, false};
  }
  static constexpr WindowSpec sliding(std::int64_t size_ms, std::int64_t slide_ms, std::int64_t offset_ms = 0) {
    return {size_ms, slide_ms, offset_ms, false};
  }
  static constexpr WindowSpec cumulative(std::int64_t size_ms, std::int64_t step_ms, std::int64_t offset_ms = 0) {
    return {size_ms, step_ms, offset_ms, true};
  }

  /// Nothing, or kInvalidArgument with what is wrong. All that follows asks for a valid spec.
  std::optional<Error> problem() const;

  constexpr std::int64_t slice_ms() const { return std::gcd(size_ms, slide_ms); }

  /// Adds the windows that `t` lies in, in order of their ends. Throws what no_window_for() says.
  void add_windows_of(Timestamp t, std::vector<Window>& to) const;

  friend constexpr bool operator==(const WindowSpec&, const WindowSpec&) = default;
};

/// The largest multiple of `step` plus `offset` (in [0, step)) that is not after `t`.
constexpr std::int64_t floor_to_grid(std::int64_t t, std::int64_t step, std::int64_t offset) {
  const std::int64_t rest = (t - offset) % step;
  return t - offset - (rest < 0 ? rest + step : rest) + offset;
}

/// The smallest multiple of `step` plus `offset` (in [0, step)) that is not before `t`.
constexpr std::int64_t ceil_to_grid(std::int64_t t, std::int64_t step, std::int64_t offset) {
  return floor_to_grid(t + (step - 1), step, offset);
}

/// There can be no window for a record's time.
class NoWindow final : public Error {
 public:
  using Error::Error;
};

/// For a record without event time, or with one further from 1970 than there are windows.
NoWindow no_window_for(Timestamp t);

}  // namespace detail
}  // namespace tidemark

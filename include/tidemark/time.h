// Event time: milliseconds since 1970-01-01 00:00 UTC, as a type of its own.
//
// A Timestamp is not a number and not a duration: it adds to durations and subtracts to them, and nothing converts by
// itself. Arithmetic saturates at the ends of int64, so that a watermark of +infinity stays one.
#pragma once

#include <chrono>
#include <compare>
#include <cstdint>
#include <limits>
#include <string>

namespace tidemark {

using Duration = std::chrono::milliseconds;

class Timestamp {
 public:
  constexpr Timestamp() = default;
  constexpr explicit Timestamp(std::int64_t ms) : ms_{ms} {}

  /// Before every event and after every event.
  static constexpr Timestamp min() { return Timestamp{std::numeric_limits<std::int64_t>::min()}; }
  static constexpr Timestamp max() { return Timestamp{std::numeric_limits<std::int64_t>::max()}; }

  /// Milliseconds since 1970 UTC.
  constexpr std::int64_t ms() const { return ms_; }

  friend constexpr auto operator<=>(Timestamp, Timestamp) = default;
  friend constexpr Timestamp operator+(Timestamp t, Duration d) { return Timestamp{saturating_add(t.ms_, d.count())}; }
  friend constexpr Timestamp operator-(Timestamp t, Duration d) { return Timestamp{saturating_subtract(t.ms_, d.count())}; }
  friend constexpr Duration operator-(Timestamp a, Timestamp b) { return Duration{saturating_subtract(a.ms_, b.ms_)}; }

 private:
  static constexpr std::int64_t saturating_add(std::int64_t a, std::int64_t b) {
    std::int64_t sum = 0;
    if (!__builtin_add_overflow(a, b, &sum)) return sum;
    return a < 0 ? std::numeric_limits<std::int64_t>::min() : std::numeric_limits<std::int64_t>::max();
  }
  static constexpr std::int64_t saturating_subtract(std::int64_t a, std::int64_t b) {
    std::int64_t difference = 0;
    if (!__builtin_sub_overflow(a, b, &difference)) return difference;
    return a < 0 ? std::numeric_limits<std::int64_t>::min() : std::numeric_limits<std::int64_t>::max();
  }

  std::int64_t ms_ = 0;
};

/// "2015-07-15 00:03:02.120"; the ends of the range as "-infinity" and "+infinity".
std::string to_string(Timestamp t);

}  // namespace tidemark

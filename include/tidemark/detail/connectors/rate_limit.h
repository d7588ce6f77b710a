// How many records may come now: a rate over the clock, at most a second's worth saved up. One owner, no threads.
#pragma once

#include <cstdint>

namespace tidemark::detail {

class RateLimit {
 public:
  /// 0 per second: no limit.
  RateLimit(double per_second, std::int64_t now_ns) : per_second_{per_second}, since_ns_{now_ns} {}

  std::uint64_t allowed(std::int64_t now_ns);
  /// Also more than were allowed: then the next ones wait the longer.
  void take(std::uint64_t records) { saved_ -= static_cast<double>(records); }
  /// After allowed() was 0: until it is not, or a millisecond, so that a high rate comes in batches.
  std::int64_t wait_ns() const;

 private:
  double per_second_;
  std::int64_t since_ns_;
  double saved_ = 0;
};

}  // namespace tidemark::detail

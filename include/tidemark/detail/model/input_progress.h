// How far the sources of an attempt have come. Plain data, any thread by value.
#pragma once

#include <cstdint>

namespace tidemark {

/// Since the attempt began; neither number ever goes back.
struct InputProgress {
  std::uint64_t records = 0;  ///< read
  std::uint64_t bytes = 0;    ///< read, by those sources that know: files do, generators don't
  friend bool operator==(const InputProgress&, const InputProgress&) = default;
};

}  // namespace tidemark

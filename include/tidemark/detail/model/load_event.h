// What an operator tells while it loads restored state behind the restore. Plain data.
#pragma once

#include <cstdint>

namespace tidemark {

struct LoadEvent {
  enum class Kind : std::uint8_t {
    kLoadsBehind,  ///< a subtask is open, and state of `bytes` in files is not in memory yet
    kFirstRecord,  ///< it has processed its first record before all of that was
    kAllLoaded,    ///< now it is
  };
  Kind kind = Kind::kLoadsBehind;
  std::uint64_t bytes = 0;
};

}  // namespace tidemark

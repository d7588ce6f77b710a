// The watermark and idleness of several inputs or splits together. A value that is filled and read within one call.
//
// The watermark is the lowest of the active ones. Where all are idle it is the highest of them, as if they had become
// idle from the lowest to the highest: it doesn't hang on their order. One at +infinity has ended and counts in
// neither; only when all have ended the whole has, so that an idle input can't be overtaken by the end of another.
#pragma once

#include <algorithm>

#include "tidemark/time.h"

namespace tidemark::detail {

class WatermarkMinimum {
 public:
  void add(Timestamp watermark, bool idle) {
    if (watermark == Timestamp::max()) return;
    all_ended_ = false;
    if (idle) {
      highest_idle_ = std::max(highest_idle_, watermark);
    } else {
      all_idle_ = false;
      lowest_active_ = std::min(lowest_active_, watermark);
    }
  }

  bool idle() const { return all_idle_ && !all_ended_; }
  /// +infinity if nothing was added.
  Timestamp watermark() const {
    if (all_ended_) return Timestamp::max();
    return all_idle_ ? highest_idle_ : lowest_active_;
  }

 private:
  Timestamp lowest_active_ = Timestamp::max();
  Timestamp highest_idle_ = Timestamp::min();
  bool all_idle_ = true;
  bool all_ended_ = true;
};

}  // namespace tidemark::detail

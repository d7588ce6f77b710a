// The watermark of one split whose records lag behind its newest one by a bounded delay. One owner, no threads.
#pragma once

#include <algorithm>

#include "tidemark/time.h"

namespace tidemark::detail {

class BoundedOutOfOrderness {
 public:
  /// `delay` is not negative: a record exactly that much older than the newest one is still in time. `restored` is
  /// where the split's watermark had come; it does not go back.
  explicit BoundedOutOfOrderness(Duration delay, Timestamp restored = Timestamp::min())
      : delay_{delay}, watermark_{restored} {}

  /// `newest` is the largest timestamp of a batch. No record makes the watermark +infinity: that is the end of input.
  void observe(Timestamp newest) { watermark_ = std::max(watermark_, newest - delay_ - Duration{1}); }

  /// The source itself promises that no record up to `watermark`, inclusive, follows. Nor does this make it +infinity.
  void promise(Timestamp watermark) { watermark_ = std::max(watermark_, std::min(watermark, Timestamp::max() - Duration{1})); }

  /// No record up to this moment, inclusive, is expected any more.
  Timestamp watermark() const { return watermark_; }

 private:
  Duration delay_;
  Timestamp watermark_;
};

}  // namespace tidemark::detail

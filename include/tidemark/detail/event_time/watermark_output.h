// What a task has told downstream about event time, and what there is new to tell. One owner, no threads.
#pragma once

#include <optional>

#include "tidemark/time.h"

namespace tidemark::detail {

/// What downstream does not know yet; nothing at all, mostly. The watermark goes first.
struct WatermarkChange {
  std::optional<Timestamp> watermark;
  std::optional<bool> idle;

  bool empty() const { return !watermark && !idle; }
  friend bool operator==(const WatermarkChange&, const WatermarkChange&) = default;
};

class WatermarkOutput {
 public:
  /// The watermark never goes back; an earlier one leaves it where it is.
  WatermarkChange advance(Timestamp watermark, bool idle) {
    WatermarkChange change;
    if (watermark > watermark_) change.watermark = watermark_ = watermark;
    if (idle != idle_) change.idle = idle_ = idle;
    return change;
  }

  Timestamp watermark() const { return watermark_; }
  bool idle() const { return idle_; }

 private:
  Timestamp watermark_ = Timestamp::min();
  bool idle_ = false;
};

}  // namespace tidemark::detail

// The watermark of a task with several inputs: the lowest of its active ones. An idle input does not hold it; one that
// returns behind the others does not move it back, but holds it until it has caught up. One owner, no threads.
#pragma once

#include <cstddef>
#include <vector>

#include "tidemark/detail/event_time/watermark_output.h"
#include "tidemark/time.h"

namespace tidemark::detail {

class WatermarkMerger {
 public:
  /// All inputs are active at first, at -infinity.
  explicit WatermarkMerger(std::size_t inputs);

  /// Each returns what is to be passed on. An input's watermark that goes back is ignored; that of an idle input counts
  /// once it is active. +infinity is the end of the input.
  WatermarkChange on_watermark(std::size_t input, Timestamp watermark);
  WatermarkChange on_idle(std::size_t input) { return set_idle(input, true); }
  WatermarkChange on_active(std::size_t input) { return set_idle(input, false); }

  /// Of one input, active or not.
  Timestamp watermark_of(std::size_t input) const { return inputs_[input].watermark; }
  bool is_idle(std::size_t input) const { return inputs_[input].idle; }

  Timestamp watermark() const { return output_.watermark(); }
  bool idle() const { return output_.idle(); }

 private:
  struct Input {
    Timestamp watermark = Timestamp::min();
    bool idle = false;
  };

  WatermarkChange set_idle(std::size_t input, bool idle);
  WatermarkChange merge();

  std::vector<Input> inputs_;
  WatermarkOutput output_;
};

}  // namespace tidemark::detail

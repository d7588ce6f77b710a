#include "tidemark/detail/event_time/watermark_merger.h"

#include "tidemark/detail/base/check.h"
#include "tidemark/detail/event_time/watermark_minimum.h"

namespace tidemark::detail {

WatermarkMerger::WatermarkMerger(std::size_t inputs) : inputs_(inputs) {
  TIDEMARK_CHECK(inputs > 0, "watermarks of no input");
}

WatermarkChange WatermarkMerger::on_watermark(std::size_t input, Timestamp watermark) {
  TIDEMARK_CHECK(input < inputs_.size(), "a watermark of an unknown input");
  if (watermark <= inputs_[input].watermark) return {};
  inputs_[input].watermark = watermark;
  return merge();
}

WatermarkChange WatermarkMerger::set_idle(std::size_t input, bool idle) {
  TIDEMARK_CHECK(input < inputs_.size(), "a watermark status of an unknown input");
  if (inputs_[input].idle == idle) return {};
  inputs_[input].idle = idle;
  return merge();
}

WatermarkChange WatermarkMerger::merge() {
  WatermarkMinimum minimum;
  for (const Input& input : inputs_) minimum.add(input.watermark, input.idle);
  return output_.advance(minimum.watermark(), minimum.idle());
}

}  // namespace tidemark::detail

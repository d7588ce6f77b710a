#include "tidemark/detail/event_time/split_watermarks.h"

#include <algorithm>

#include "tidemark/detail/base/check.h"
#include "tidemark/detail/event_time/watermark_minimum.h"

namespace tidemark::detail {

SplitWatermarks::SplitWatermarks(Duration delay, std::optional<std::int64_t> idle_after_ns)
    : delay_{delay}, idle_after_ns_{idle_after_ns} {
  TIDEMARK_CHECK(delay >= Duration{0}, "the delay of the watermark was not validated");
}

SplitWatermarks::Split SplitWatermarks::add(Timestamp restored) {
  TIDEMARK_CHECK(!no_more_splits_, "a split after the last one");
  const State state{BoundedOutOfOrderness{delay_, restored}};
  const auto free = std::find_if(splits_.begin(), splits_.end(), [](const State& s) { return !s.open; });
  const auto split = static_cast<Split>(free - splits_.begin());
  if (free == splits_.end()) {
    splits_.push_back(state);
  } else {
    *free = state;
  }
  ++open_;
  idle_without_splits_ = false;
  return split;
}

void SplitWatermarks::finish(Split split) {
  TIDEMARK_CHECK(split < splits_.size() && splits_[split].open, "an unknown split finished");
  splits_[split].open = false;
  --open_;
}

void SplitWatermarks::found_nothing(Split split, std::int64_t asked_ns) {
  State& state = splits_[split];
  if (!state.silent_since_ns) state.silent_since_ns = asked_ns;
  state.idle = idle_after_ns_ && asked_ns - *state.silent_since_ns >= *idle_after_ns_;
  state.is_asked_again = true;
}

WatermarkChange SplitWatermarks::update() {
  if (open_ == 0) {
    return output_.advance(no_more_splits_ ? Timestamp::max() : output_.watermark(), idle_without_splits_ && !no_more_splits_);
  }
  WatermarkMinimum minimum;
  for (const State& state : splits_) {
    if (state.open) minimum.add(state.generator.watermark(), state.idle || state.is_declared_idle);
  }
  return output_.advance(minimum.watermark(), minimum.idle());
}

std::optional<std::int64_t> SplitWatermarks::idle_deadline_ns() const {
  if (!idle_after_ns_) return std::nullopt;
  std::optional<std::int64_t> earliest;
  for (const State& state : splits_) {
    if (!state.open || !state.is_asked_again || state.idle || state.is_declared_idle) continue;
    const std::int64_t deadline_ns = *state.silent_since_ns + *idle_after_ns_;
    earliest = std::min(earliest.value_or(deadline_ns), deadline_ns);
  }
  return earliest;
}

}  // namespace tidemark::detail

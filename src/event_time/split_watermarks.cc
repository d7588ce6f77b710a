#include "tidemark/detail/event_time/split_watermarks.h"

#include <algorithm>

#include "tidemark/detail/base/check.h"
#include "tidemark/detail/event_time/watermark_minimum.h"

namespace tidemark::detail {

SplitWatermarks::SplitWatermarks(Duration delay, std::optional<std::int64_t> idle_after_ns, std::int64_t now_ns)
    : delay_{delay}, idle_after_ns_{idle_after_ns}, without_splits_ns_{now_ns} {
  TIDEMARK_CHECK(delay >= Duration{0}, "the delay of the watermark was not validated");
}

SplitWatermarks::Split SplitWatermarks::add(Timestamp restored, std::int64_t now_ns) {
  TIDEMARK_CHECK(!no_more_splits_, "a split after the last one");
  const State state{BoundedOutOfOrderness{delay_, restored}, now_ns};
  const auto free = std::find_if(splits_.begin(), splits_.end(), [](const State& s) { return !s.open; });
  const auto split = static_cast<Split>(free - splits_.begin());
  if (free == splits_.end()) {
    splits_.push_back(state);
  } else {
    *free = state;
  }
  ++open_;
  return split;
}

void SplitWatermarks::finish(Split split, std::int64_t now_ns) {
  TIDEMARK_CHECK(split < splits_.size() && splits_[split].open, "an unknown split finished");
  splits_[split].open = false;
  if (--open_ == 0) without_splits_ns_ = now_ns;
}

void SplitWatermarks::on_blocked(std::int64_t now_ns) {
  if (!blocked_since_ns_) blocked_since_ns_ = now_ns;
}

void SplitWatermarks::on_unblocked(std::int64_t now_ns) {
  if (!blocked_since_ns_) return;
  const std::int64_t since_ns = *blocked_since_ns_;
  for (State& state : splits_) state.active_ns += now_ns - std::max(since_ns, state.active_ns);
  without_splits_ns_ += now_ns - std::max(since_ns, without_splits_ns_);
  blocked_since_ns_.reset();
}

WatermarkChange SplitWatermarks::update(std::int64_t now_ns) {
  if (open_ == 0) {
    if (no_more_splits_) return output_.advance(Timestamp::max(), false);
    return output_.advance(output_.watermark(), output_.idle() || is_idle(without_splits_ns_, now_ns));
  }
  WatermarkMinimum minimum;
  for (State& state : splits_) {
    if (!state.open) continue;
    state.idle = is_idle(state.active_ns, now_ns);
    minimum.add(state.generator.watermark(), state.idle);
  }
  return output_.advance(minimum.watermark(), minimum.idle());
}

std::optional<std::int64_t> SplitWatermarks::idle_deadline_ns() const {
  if (!idle_after_ns_ || blocked_since_ns_) return std::nullopt;
  std::optional<std::int64_t> earliest;
  const auto consider = [&](std::int64_t active_ns) {
    const std::int64_t deadline_ns = active_ns + *idle_after_ns_;
    if (!earliest || deadline_ns < *earliest) earliest = deadline_ns;
  };
  if (open_ == 0 && !no_more_splits_ && !output_.idle()) consider(without_splits_ns_);
  for (const State& state : splits_) {
    if (state.open && !state.idle) consider(state.active_ns);
  }
  return earliest;
}

}  // namespace tidemark::detail

#include "tidemark/detail/event_time/key_group_watermarks.h"

#include <algorithm>

namespace tidemark::detail {

KeyGroupWatermarks::KeyGroupWatermarks(KeyGroupRange own, std::span<const KeyGroupWatermark> restored)
    : own_{own}, floors_(own.size(), Timestamp::min()) {
  for (const KeyGroupWatermark& range : restored) {
    const std::uint32_t end = std::min(range.key_groups.end, own.end);
    for (std::uint32_t group = std::max(range.key_groups.begin, own.begin); group < end; ++group) {
      Timestamp& floor = floors_[group - own.begin];
      floor = std::max(floor, range.watermark);
    }
  }
  if (floors_.empty()) return;
  const auto [lowest, highest] = std::minmax_element(floors_.begin(), floors_.end());
  lowest_ = *lowest;
  highest_ = *highest;
  if (lowest_ == highest_) floors_ = {};
}

std::vector<KeyGroupWatermark> KeyGroupWatermarks::at(Timestamp watermark) const {
  std::vector<KeyGroupWatermark> ranges;
  if (own_.size() == 0) return ranges;
  if (floors_.empty() || reached_by(watermark)) return {{own_, std::max(watermark, highest_)}};
  for (std::uint32_t group = own_.begin; group < own_.end; ++group) {
    const Timestamp here = std::max(watermark, floor_for(group));
    if (ranges.empty() || ranges.back().watermark != here) ranges.push_back({{group, group}, here});
    ranges.back().key_groups.end = group + 1;
  }
  return ranges;
}

}  // namespace tidemark::detail

#include "tidemark/detail/task/watermark_group.h"

#include <algorithm>
#include <utility>

#include "tidemark/detail/base/probe.h"

namespace tidemark::detail {

WatermarkGroup::Membership::Membership(std::shared_ptr<WatermarkGroup> group) : group_{std::move(group)} {
  const std::lock_guard lock{group_->mutex_};
  number_ = group_->next_number_++;
  group_->watermarks_[number_] = Timestamp::min();
}

WatermarkGroup::Membership::~Membership() {
  const std::lock_guard lock{group_->mutex_};
  group_->watermarks_.erase(number_);
}

void WatermarkGroup::Membership::tell(Timestamp watermark, bool idle) {
  const std::lock_guard lock{group_->mutex_};
  if (idle) {
    group_->watermarks_.erase(number_);
  } else {
    group_->watermarks_[number_] = watermark;
  }
}

Timestamp WatermarkGroup::Membership::slowest() const {
  const Timestamp lowest = group_->lowest();
  const std::lock_guard lock{group_->mutex_};
  if (group_->lowest_of_others_ < lowest) TIDEMARK_PROBE("watermark group: the slowest reader is another process's");
  return std::min(lowest, group_->lowest_of_others_);
}

Timestamp WatermarkGroup::lowest() const {
  const std::lock_guard lock{mutex_};
  Timestamp lowest = Timestamp::max();
  for (const auto& [number, watermark] : watermarks_) lowest = std::min(lowest, watermark);
  return lowest;
}

void WatermarkGroup::hear(Timestamp lowest_of_others) {
  const std::lock_guard lock{mutex_};
  lowest_of_others_ = lowest_of_others;
}

}  // namespace tidemark::detail

#include "tidemark/detail/connectors/watermark_group.h"

#include <algorithm>
#include <utility>

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

Timestamp WatermarkGroup::Membership::limit() const {
  const std::lock_guard lock{group_->mutex_};
  Timestamp lowest = Timestamp::max();
  for (const auto& [number, watermark] : group_->watermarks_) lowest = std::min(lowest, watermark);
  return lowest + group_->max_drift_;
}

}  // namespace tidemark::detail

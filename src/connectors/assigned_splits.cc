#include "tidemark/detail/connectors/assigned_splits.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "connectors/list_state.h"
#include "env/env.h"
#include "tidemark/detail/base/check.h"

namespace tidemark::detail {

AssignedSplits::AssignedSplits(Duration delay, std::optional<std::int64_t> idle_after_ns, const OperatorContext& context)
    : env_{context.env}, name_{context.name}, watermarks_{delay, idle_after_ns} {
  for (SplitState& state : list_items<SplitState>(context.restore, kSplitsList, name_)) add(std::move(state));
  update_watermark();
}

std::int64_t AssignedSplits::now_ns() const { return env_->clock->steady_ns(); }

void AssignedSplits::assign(const SplitRecord& record) {
  after_others_ = record.kind == SplitRecord::Kind::kAfterOthers;
  switch (record.kind) {
    case SplitRecord::Kind::kSplit:
      add({record.split, {}, Timestamp::min()});
      return;
    case SplitRecord::Kind::kNoneYet:
      watermarks_.idle_without_splits(true);
      return;
    case SplitRecord::Kind::kAfterOthers:
      watermarks_.idle_without_splits(false);
      return;
    case SplitRecord::Kind::kNoMore:
      if (!no_more_) watermarks_.no_more_splits();
      no_more_ = true;
      return;
  }
}

void AssignedSplits::add(SplitState state) {
  const SplitWatermarks::Split watermark = watermarks_.add(state.watermark);
  splits_.push_back({std::move(state), watermark});
}

bool AssignedSplits::begin_next() {
  TIDEMARK_CHECK(!is_reading_, "a reader reads one split at a time");
  is_reading_ = !splits_.empty();
  return is_reading_;
}

void AssignedSplits::finish_current() {
  TIDEMARK_CHECK(is_reading_, "no split is being read");
  update_watermark();  // a finished split counts no more, so what it reached is told before
  watermarks_.finish(splits_.front().watermark);
  splits_.pop_front();
  is_reading_ = false;
}

void AssignedSplits::park_current(std::string position) {
  TIDEMARK_CHECK(is_reading_, "no split is being read");
  splits_.front().state.position = std::move(position);
  std::rotate(splits_.begin(), splits_.begin() + 1, splits_.end());
  is_reading_ = false;
}

void AssignedSplits::observe(Timestamp newest) {
  watermarks_.declare_idle(splits_.front().watermark, false);
  watermarks_.observe(splits_.front().watermark, newest);
}

bool AssignedSplits::update_watermark() { return !watermarks_.update().empty(); }

std::int64_t AssignedSplits::idle_in_ns() const {
  const std::optional<std::int64_t> deadline_ns = watermarks_.idle_deadline_ns();
  return deadline_ns ? std::max<std::int64_t>(*deadline_ns - now_ns(), 1) : 0;
}

std::unique_ptr<SnapshotWork> AssignedSplits::snapshot(const std::string& position) const {
  std::vector<SplitState> states;
  for (const Held& held : splits_) {
    SplitState state = held.state;
    if (is_reading_ && &held == &splits_.front()) state.position = position;
    state.watermark = watermarks_.watermark_of(held.watermark);
    states.push_back(std::move(state));
  }
  return list_snapshot(name_, kSplitsList, states);
}

}  // namespace tidemark::detail

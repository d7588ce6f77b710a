#include "protocol/alignment.h"

#include <algorithm>

#include "tidemark/detail/base/check.h"
#include "tidemark/detail/base/planted_bug.h"
#include "tidemark/detail/base/probe.h"

namespace tidemark {

using detail::planted;
using detail::PlantedBug;

namespace {

// Far above what can be under way at once: by then nothing of the oldest can still arrive.
constexpr std::size_t kMostAbortedRemembered = 1024;

}  // namespace

BarrierAlignment::BarrierAlignment(CheckpointMode mode, std::size_t channels) : mode_{mode}, blocked_(channels, false) {
  TIDEMARK_CHECK(channels > 0, "a task without inputs has one channel, its trigger");
}

AlignmentDecision BarrierAlignment::on_barrier(std::size_t channel, const Barrier& barrier, std::int64_t now_ns) {
  TIDEMARK_CHECK(!blocked_[channel], "a blocked channel was read");
  TIDEMARK_CHECK(barrier.mode == mode_, "a barrier of another mode than the job's");
  AlignmentDecision decision;
  if (is_over(barrier.id)) {
    TIDEMARK_PROBE("alignment: a barrier comes when its checkpoint is over");
    return decision;
  }
  if (planted(PlantedBug::kCancelMarkerIgnored)) count_for_the_one_under_way(barrier);
  if (mode_ == CheckpointMode::kExactlyOnce) give_up_older_than(barrier.id, decision);
  if (told_aborted_.contains(barrier.id)) {
    TIDEMARK_PROBE("alignment: a barrier comes that the coordinator gave up before");
    give_up(barrier.id, AlignmentAbort::kToldByCoordinator, decision);
    return decision;
  }
  Pending& pending = pending_of(barrier, now_ns);
  if (pending.delivered[channel]) {
    TIDEMARK_PROBE("alignment: a channel repeats its barrier");
    return decision;
  }
  pending.delivered[channel] = true;
  if (--pending.missing == 0) {
    complete(pending, now_ns, decision);
  } else if (mode_ == CheckpointMode::kExactlyOnce && !planted(PlantedBug::kSkipAlignment)) {
    TIDEMARK_PROBE("alignment: a channel waits for the others");
    blocked_[channel] = true;
    decision.block_channel = true;
  }
  return decision;
}

AlignmentDecision BarrierAlignment::on_cancel_marker(std::size_t channel, CheckpointId id) {
  TIDEMARK_CHECK(!blocked_[channel], "a blocked channel was read");
  AlignmentDecision decision;
  if (is_over(id)) {
    TIDEMARK_PROBE("alignment: a cancel marker comes when its checkpoint is over");
    return decision;
  }
  if (planted(PlantedBug::kCancelMarkerIgnored)) return decision;
  if (pending_.contains(id)) {
    TIDEMARK_PROBE("alignment: a cancel marker ends what aligns");
  } else {
    TIDEMARK_PROBE("alignment: a cancel marker comes before any barrier");
  }
  if (mode_ == CheckpointMode::kExactlyOnce) give_up_older_than(id, decision);
  const bool told = told_aborted_.contains(id);
  give_up(id, told ? AlignmentAbort::kToldByCoordinator : AlignmentAbort::kCancelMarker, decision);
  return decision;
}

AlignmentDecision BarrierAlignment::on_abort_notification(CheckpointId id) {
  AlignmentDecision decision;
  if (pending_.contains(id)) {
    if (planted(PlantedBug::kCancelMarkerIgnored)) return decision;
    TIDEMARK_PROBE("alignment: the coordinator ends what aligns");
    give_up(id, AlignmentAbort::kToldByCoordinator, decision);
  } else if (!is_over(id)) {
    TIDEMARK_PROBE("alignment: the coordinator gives up what has not begun");
    told_aborted_.insert(id);
  }
  return decision;
}

// The planted bug: a barrier counts for whatever aligns, as if each id came on all channels.
void BarrierAlignment::count_for_the_one_under_way(const Barrier& barrier) {
  if (pending_.empty() || pending_.begin()->first >= barrier.id) return;
  Pending older = std::move(pending_.begin()->second);
  pending_.clear();
  older.barrier = barrier;
  pending_.emplace(barrier.id, std::move(older));
  all_over_up_to(barrier.id);
}

bool BarrierAlignment::is_over(CheckpointId id) const {
  return !pending_.contains(id) && (id <= newest_over_ || aborted_.contains(id));
}

BarrierAlignment::Pending& BarrierAlignment::pending_of(const Barrier& barrier, std::int64_t now_ns) {
  const auto [at, is_new] = pending_.try_emplace(barrier.id);
  if (is_new) {
    at->second = {barrier, std::vector<bool>(blocked_.size(), false), blocked_.size(), now_ns};
    // With blocking channels an older one can't come any more on the channel that delivered this barrier.
    if (mode_ == CheckpointMode::kExactlyOnce) all_over_up_to(barrier.id);
  }
  return at->second;
}

void BarrierAlignment::complete(const Pending& pending, std::int64_t now_ns, AlignmentDecision& decision) {
  TIDEMARK_PROBE("alignment: all channels have delivered");
  decision.snapshot = pending.barrier;
  decision.alignment_ns = now_ns - pending.first_ns;
  const CheckpointId id = pending.barrier.id;
  pending_.erase(id);
  give_up_older_than(id, decision);
  all_over_up_to(id);
  unblock_all(decision);
}

void BarrierAlignment::give_up_older_than(CheckpointId id, AlignmentDecision& decision) {
  while (!pending_.empty() && pending_.begin()->first < id) {
    TIDEMARK_PROBE("alignment: a newer barrier ends an older one");
    give_up(pending_.begin()->first, AlignmentAbort::kNewerBarrier, decision);
  }
}

void BarrierAlignment::give_up(CheckpointId id, AlignmentAbort cause, AlignmentDecision& decision) {
  decision.aborted.push_back({id, cause});
  if (pending_.erase(id) > 0) unblock_all(decision);
  if (mode_ == CheckpointMode::kExactlyOnce) {
    all_over_up_to(id);
    return;
  }
  told_aborted_.erase(id);
  aborted_.insert(id);
  TIDEMARK_PROBE("alignment: a checkpoint ends without blocking");
  if (aborted_.size() > kMostAbortedRemembered) all_over_up_to(*aborted_.begin());
}

void BarrierAlignment::all_over_up_to(CheckpointId id) {
  newest_over_ = std::max(newest_over_, id);
  aborted_.erase(aborted_.begin(), aborted_.upper_bound(newest_over_));
  told_aborted_.erase(told_aborted_.begin(), told_aborted_.upper_bound(newest_over_));
}

void BarrierAlignment::unblock_all(AlignmentDecision& decision) {
  const auto blocked = std::ranges::find(blocked_, true);
  if (blocked == blocked_.end()) return;
  std::fill(blocked, blocked_.end(), false);
  TIDEMARK_PROBE("alignment: waiting channels go on");
  decision.resume_all = true;
}

}  // namespace tidemark

#include "protocol/retention.h"

#include <algorithm>

#include "tidemark/detail/base/check.h"
#include "tidemark/detail/base/probe.h"

namespace tidemark {

CheckpointRetention::CheckpointRetention(std::size_t num_retained, std::span<const CompletedCheckpoint> found)
    : num_retained_{std::max<std::size_t>(num_retained, 1)} {
  for (const CompletedCheckpoint& checkpoint : found) {
    TIDEMARK_CHECK(checkpoint.id > latest(), "found checkpoints must ascend");
    kept_.push_back({checkpoint, false});
  }
}

std::vector<CheckpointId> CheckpointRetention::on_completed(CompletedCheckpoint checkpoint) {
  TIDEMARK_CHECK(checkpoint.id > latest(), "checkpoints must complete in the order of their ids");
  kept_.push_back({checkpoint, is_stop(checkpoint.kind)});
  if (is_stop(checkpoint.kind)) TIDEMARK_PROBE("retention: keeps the checkpoint of a stop");
  std::size_t newer = 0;
  std::vector<CheckpointId> expendable;
  for (auto at = kept_.rbegin(); at != kept_.rend(); ++at, ++newer) {
    if (newer >= num_retained_ && !at->for_good) expendable.push_back(at->checkpoint.id);
  }
  if (!expendable.empty()) TIDEMARK_PROBE("retention: an old checkpoint goes");
  if (expendable.size() > 1) TIDEMARK_PROBE("retention: several old checkpoints go at once");
  std::ranges::reverse(expendable);
  std::erase_if(kept_, [&](const Kept& kept) { return std::ranges::binary_search(expendable, kept.checkpoint.id); });
  return expendable;
}

std::vector<CompletedCheckpoint> CheckpointRetention::retained() const {
  std::vector<CompletedCheckpoint> result;
  for (const Kept& kept : kept_) result.push_back(kept.checkpoint);
  return result;
}

}  // namespace tidemark

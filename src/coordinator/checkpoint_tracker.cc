#include "coordinator/checkpoint_tracker.h"

#include <fmt/format.h>

#include <utility>

#include "base/log.h"
#include "tidemark/detail/base/probe.h"

namespace tidemark {

CheckpointStats CheckpointTracker::stats() const {
  const std::lock_guard guard{mutex_};
  return stats_;
}

void CheckpointTracker::on_triggered(const Barrier& barrier, Moment now) {
  in_progress_.emplace(barrier.id, InProgress{barrier, now.steady_ns, 0, 0, {}, {}});
  const std::lock_guard guard{mutex_};
  stats_.in_progress = static_cast<std::uint32_t>(in_progress_.size());
}

void CheckpointTracker::on_ack(TaskId task, CheckpointId id, const TaskSnapshot& snapshot) {
  const auto which = in_progress_.find(id);
  if (which == in_progress_.end() || !which->second.acknowledged.insert(task).second) return;
  which->second.bytes += snapshot.bytes;
  for (const OperatorSnapshot& of_operator : snapshot.operators) {
    std::uint64_t bytes = 0;
    for (const SnapshotFile& file : of_operator.keyed_files) bytes += file.size;
    for (const StoreFile& file : of_operator.store.files) bytes += file.file.size;
    which->second.state_bytes += bytes;
    which->second.bytes_by_uid[of_operator.uid] += bytes;
  }
}

void CheckpointTracker::on_completed(CheckpointId id, std::string path, Moment now) {
  const auto which = in_progress_.find(id);
  if (which == in_progress_.end()) return;
  const InProgress& it = which->second;
  CheckpointStats::Completed completed{.id = id,
                                       .kind = it.barrier.kind,
                                       .bytes = it.bytes,
                                       .state_bytes = it.state_bytes,
                                       .duration_ms = (now.steady_ns - it.triggered_ns) / 1'000'000,
                                       .completed_wall_ms = now.wall_ms,
                                       .path = std::move(path)};
  if (log_enabled(LogLevel::kDebug)) {
    log_debug(fmt::format("checkpoint {}: completed: {} bytes in {} ms", id, completed.bytes, completed.duration_ms));
  }
  if (is_savepoint(completed.kind)) {
    log_info(fmt::format("savepoint {} completed in {} ms: {}", id, completed.duration_ms, completed.path));
  }
  if (growth_ && !is_savepoint(completed.kind)) {
    for (const std::string& warning : growth_->on_completed(it.bytes_by_uid)) log_warning(warning);
  }
  forget(id);
  const std::lock_guard guard{mutex_};
  if (completed.kind == CheckpointKind::kSavepoint) {
    ++stats_.savepoints;
    return;
  }
  ++stats_.completed;
  stats_.last_completed = std::move(completed);
}

void CheckpointTracker::on_aborted(CheckpointId id, AbortReason reason, const std::string& cause) {
  forget(id);
  switch (reason) {
    case AbortReason::kDeclined:
    case AbortReason::kTriggerFailed:
    case AbortReason::kExpired:
    case AbortReason::kFinalizeFailed:
      return count_failure(cause);
    case AbortReason::kTaskFailed:
      return count_failure(fmt::format("checkpoint {}: given up: {}", id, cause));
    case AbortReason::kSubsumed:
    case AbortReason::kShutdown:
      return log_debug(fmt::format("checkpoint {}: given up: {}", id, cause));
  }
}

void CheckpointTracker::on_lost(CheckpointId id, const std::string& cause) {
  TIDEMARK_PROBE("tracker: a checkpoint is lost");
  forget(id);
  count_failure(fmt::format("checkpoint {}: finalising: {}", id, cause));
}

std::vector<TaskId> CheckpointTracker::missing(CheckpointId id, const std::vector<TaskId>& tasks) const {
  std::vector<TaskId> result;
  const auto which = in_progress_.find(id);
  if (which == in_progress_.end()) return result;
  for (const TaskId task : tasks) {
    if (!which->second.acknowledged.contains(task)) result.push_back(task);
  }
  return result;
}

void CheckpointTracker::count_failure(const std::string& cause) {
  log_warning(cause);
  const std::lock_guard guard{mutex_};
  ++stats_.failed;
  stats_.last_failure = cause;
}

void CheckpointTracker::forget(CheckpointId id) {
  in_progress_.erase(id);
  const std::lock_guard guard{mutex_};
  stats_.in_progress = static_cast<std::uint32_t>(in_progress_.size());
}

}  // namespace tidemark

#include "coordinator/checkpoint_tracker.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <ranges>
#include <utility>

#include "base/log.h"
#include "tidemark/detail/base/probe.h"

namespace tidemark {
namespace {

// As many as Flink tells of.
constexpr std::size_t kMostEnded = 10;
constexpr std::int64_t kNsPerMs = 1'000'000;

std::uint64_t state_bytes_of(const OperatorSnapshot& of_operator) {
  std::uint64_t bytes = 0;
  for (const SnapshotFile& file : of_operator.keyed_files) bytes += file.size;
  for (const StoreFile& file : of_operator.store.files) bytes += file.file.size;
  return bytes;
}

// What the task has not said is the way there and back.
TaskAcknowledgement acknowledgement_of(TaskId task, const TaskSnapshot& snapshot, std::int64_t duration_ns, std::int64_t now_ms) {
  const std::int64_t told_ns = snapshot.alignment_ns + snapshot.sync_ns + snapshot.async_ns;
  return {.task = task,
          .acknowledged_ms = now_ms,
          .duration_ms = duration_ns / kNsPerMs,
          .start_delay_ms = std::max<std::int64_t>(duration_ns - told_ns, 0) / kNsPerMs,
          .alignment_ms = snapshot.alignment_ns / kNsPerMs,
          .sync_ms = snapshot.sync_ns / kNsPerMs,
          .async_ms = snapshot.async_ns / kNsPerMs,
          .written_bytes = snapshot.bytes};
}

std::size_t kind_of(const CheckpointGlance& ended) {
  return ended.status == CheckpointStatus::kFailed ? 2 : ended.is_savepoint ? 1 : 0;
}

}  // namespace

CheckpointStats CheckpointTracker::stats() const {
  const std::lock_guard guard{mutex_};
  return stats_;
}

std::vector<CheckpointReport> CheckpointTracker::checkpoints() const {
  const std::lock_guard guard{mutex_};
  std::vector<CheckpointReport> all;
  for (const auto& [id, it] : std::views::reverse(in_progress_)) {
    all.push_back({it.glance, std::make_shared<std::vector<TaskAcknowledgement>>(it.acknowledgements)});
  }
  all.insert(all.end(), ended_.begin(), ended_.end());
  return all;
}

void CheckpointTracker::begin_behind(const std::vector<CheckpointGlance>& earlier) {
  for (const CheckpointGlance& each : earlier) ended_.push_back({each});
}

void CheckpointTracker::on_triggered(const Barrier& barrier, std::size_t tasks, Moment now) {
  const std::lock_guard guard{mutex_};
  in_progress_.emplace(barrier.id, InProgress{.barrier = barrier,
                                              .glance = {.id = barrier.id,
                                                         .is_savepoint = is_savepoint(barrier.kind),
                                                         .status = CheckpointStatus::kInProgress,
                                                         .triggered_ms = now.wall_ms,
                                                         .tasks = static_cast<std::uint32_t>(tasks)},
                                              .triggered_ns = now.steady_ns});
  stats_.in_progress = static_cast<std::uint32_t>(in_progress_.size());
}

void CheckpointTracker::on_ack(TaskId task, CheckpointId id, const TaskSnapshot& snapshot, Moment now) {
  const std::lock_guard guard{mutex_};
  const auto which = in_progress_.find(id);
  if (which == in_progress_.end() || !which->second.acknowledged.insert(task).second) return;
  InProgress& it = which->second;
  TaskAcknowledgement acknowledgement = acknowledgement_of(task, snapshot, now.steady_ns - it.triggered_ns, now.wall_ms);
  for (const OperatorSnapshot& of_operator : snapshot.operators) {
    const std::uint64_t bytes = state_bytes_of(of_operator);
    acknowledgement.state_bytes += bytes;
    it.bytes_by_uid[of_operator.uid] += bytes;
  }
  it.glance.written_bytes += acknowledgement.written_bytes;
  it.glance.state_bytes += acknowledgement.state_bytes;
  it.glance.duration_ms = acknowledgement.duration_ms;
  it.glance.acknowledged_ms = now.wall_ms;
  ++it.glance.acknowledged;
  it.acknowledgements.push_back(acknowledgement);
}

void CheckpointTracker::on_completed(CheckpointId id, std::string path, Moment now) {
  auto taken = take(id);
  if (!taken) return;
  InProgress& it = *taken;
  it.glance.status = CheckpointStatus::kCompleted;
  it.glance.duration_ms = (now.steady_ns - it.triggered_ns) / kNsPerMs;
  it.glance.completed_ms = now.wall_ms;
  it.glance.path = std::move(path);
  const CheckpointStats::Completed completed{.id = id,
                                             .kind = it.barrier.kind,
                                             .bytes = it.glance.written_bytes,
                                             .state_bytes = it.glance.state_bytes,
                                             .duration_ms = it.glance.duration_ms,
                                             .completed_wall_ms = now.wall_ms,
                                             .path = it.glance.path};
  if (log_enabled(LogLevel::kDebug)) {
    log_debug(fmt::format("checkpoint {}: completed: {} bytes in {} ms", id, completed.bytes, completed.duration_ms));
  }
  if (is_savepoint(completed.kind)) {
    log_info(fmt::format("savepoint {} completed in {} ms: {}", id, completed.duration_ms, completed.path));
  }
  if (growth_ && !is_savepoint(completed.kind)) {
    for (const std::string& warning : growth_->on_completed(it.bytes_by_uid)) log_warning(warning);
  }
  const std::lock_guard guard{mutex_};
  remember(std::move(it));
  if (completed.kind == CheckpointKind::kSavepoint) {
    ++stats_.savepoints;
    return;
  }
  ++stats_.completed;
  stats_.last_completed = completed;
}

void CheckpointTracker::on_deleted(CheckpointId id) {
  const std::lock_guard guard{mutex_};
  for (CheckpointReport& each : ended_) {
    if (each.glance.id == id && each.glance.status == CheckpointStatus::kCompleted) each.glance.is_deleted = true;
  }
}

void CheckpointTracker::on_aborted(CheckpointId id, AbortReason reason, const std::string& cause, Moment now) {
  switch (reason) {
    case AbortReason::kDeclined:
    case AbortReason::kTriggerFailed:
    case AbortReason::kExpired:
    case AbortReason::kFinalizeFailed:
      return fail(id, cause, now);
    case AbortReason::kTaskFailed:
      return fail(id, fmt::format("checkpoint {}: given up: {}", id, cause), now);
    case AbortReason::kSubsumed:
    case AbortReason::kShutdown:
      take(id);
      return log_debug(fmt::format("checkpoint {}: given up: {}", id, cause));
  }
}

void CheckpointTracker::on_lost(CheckpointId id, const std::string& cause, Moment now) {
  TIDEMARK_PROBE("tracker: a checkpoint is lost");
  fail(id, fmt::format("checkpoint {}: finalising: {}", id, cause), now);
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

void CheckpointTracker::fail(CheckpointId id, const std::string& cause, Moment now) {
  auto failed = take(id);
  log_warning(cause);
  const std::lock_guard guard{mutex_};
  ++stats_.failed;
  stats_.last_failure = cause;
  if (!failed) return;
  failed->glance.status = CheckpointStatus::kFailed;
  failed->glance.duration_ms = (now.steady_ns - failed->triggered_ns) / kNsPerMs;
  failed->glance.completed_ms = now.wall_ms;
  failed->glance.failure = cause;
  remember(*std::move(failed));
}

/// With the lock.
void CheckpointTracker::remember(InProgress ended) {
  ended_.insert(ended_.begin(),
                {std::move(ended.glance), std::make_shared<const std::vector<TaskAcknowledgement>>(std::move(ended.acknowledgements))});
  std::array<bool, 3> has_newest{};
  std::vector<CheckpointReport> kept;
  for (CheckpointReport& each : ended_) {
    const bool is_newest = !std::exchange(has_newest[kind_of(each.glance)], true);
    if (kept.size() < kMostEnded || is_newest) kept.push_back(std::move(each));
  }
  ended_ = std::move(kept);
}

std::optional<CheckpointTracker::InProgress> CheckpointTracker::take(CheckpointId id) {
  const std::lock_guard guard{mutex_};
  auto taken = in_progress_.extract(id);
  stats_.in_progress = static_cast<std::uint32_t>(in_progress_.size());
  if (taken.empty()) return std::nullopt;
  return std::move(taken.mapped());
}

}  // namespace tidemark

#include "coordinator/job_glance.h"

#include <utility>

namespace tidemark {

CheckpointGlance glance_at(const CheckpointStats::Completed& checkpoint) {
  return CheckpointGlance{.id = checkpoint.id,
                          .is_savepoint = is_savepoint(checkpoint.kind),
                          .written_bytes = checkpoint.bytes,
                          .state_bytes = checkpoint.state_bytes,
                          .duration_ms = checkpoint.duration_ms,
                          .completed_ms = checkpoint.completed_wall_ms,
                          .path = checkpoint.path};
}

JobGlance glance_at(const JobNames& names, const JobMaster& master, std::int64_t start_ms, std::int64_t now_ms, std::vector<VertexMetrics> vertices) {
  const CheckpointStats checkpoints = master.checkpoint_stats();
  const JobStatus status = master.status();
  const auto since = [&](std::int64_t begin_ms) { return is_over(status.state) ? -1 : begin_ms < 0 ? 0 : now_ms - begin_ms; };
  return {.id = names.id,
          .name = names.name,
          .state = in_flinks_words(status.state),
          .start_ms = start_ms,
          .now_ms = now_ms,
          .restarts = status.restarts,
          .uptime_ms = since(status.running_since_ms),
          .downtime_ms = since(status.down_since_ms),
          .completed_checkpoints = checkpoints.completed,
          .savepoints = checkpoints.savepoints,
          .failed_checkpoints = checkpoints.failed,
          .checkpoints_in_progress = checkpoints.in_progress,
          .newest_checkpoint = checkpoints.last_completed ? std::optional{glance_at(*checkpoints.last_completed)} : std::nullopt,
          .restored = status.restored,
          .restores = status.restores,
          .vertices = std::move(vertices),
          .attempt = master.tasks(),
          .state_times = status.state_times};
}

}  // namespace tidemark

#include "control/job_metrics.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "control/plan_answer.h"

namespace tidemark {
namespace {

using enum MetricKind;

double share_of(const EdgeUse& edges) { return edges.capacity == 0 ? 0 : static_cast<double>(edges.elements) / static_cast<double>(edges.capacity); }

/// None: it has not begun, or has come to its end.
bool has_event_time(const SubtaskMetrics& subtask) {
  return subtask.watermark_ms != std::numeric_limits<std::int64_t>::min() && subtask.watermark_ms != std::numeric_limits<std::int64_t>::max();
}

}  // namespace

// Gauges, as Flink has them: a JobManager that was killed comes back with somewhat less.
std::vector<Metric> metrics_of(const JobGlance& job) {
  const auto completed = job.completed_checkpoints + job.savepoints;
  const auto all = completed + job.failed_checkpoints + job.checkpoints_in_progress;
  std::vector<Metric> metrics{{"numRestarts", static_cast<double>(job.restarts)},
                              {"uptime", static_cast<double>(job.uptime_ms)},
                              {"downtime", static_cast<double>(job.downtime_ms)},
                              {"numberOfCompletedCheckpoints", static_cast<double>(completed)},
                              {"numberOfFailedCheckpoints", static_cast<double>(job.failed_checkpoints)},
                              {"numberOfInProgressCheckpoints", static_cast<double>(job.checkpoints_in_progress)},
                              {"totalNumberOfCheckpoints", static_cast<double>(all)}};
  if (const auto& newest = job.newest_checkpoint) {
    metrics.push_back({"lastCheckpointDuration", static_cast<double>(newest->duration_ms)});
    metrics.push_back({"lastCheckpointSize", static_cast<double>(newest->written_bytes)});
    metrics.push_back({"lastCheckpointFullSize", static_cast<double>(newest->state_bytes)});
    metrics.push_back({"lastCompletedCheckpointId", static_cast<double>(newest->id)});
    metrics.push_back({"lastCheckpointCompletedTimestamp", static_cast<double>(newest->completed_ms)});
  }
  if (job.restored) metrics.push_back({"lastCheckpointRestoreTimestamp", static_cast<double>(job.restored->restored_ms)});
  return metrics;
}

std::vector<Metric> metrics_of(const SubtaskMetrics& subtask, std::int64_t now_ms) {
  std::vector<Metric> metrics{{"numRecordsIn", static_cast<double>(subtask.records_in), kCounter},
                              {"numRecordsOut", static_cast<double>(subtask.records_out), kCounter},
                              {"numBytesIn", static_cast<double>(subtask.bytes_in), kCounter},
                              {"numBytesOut", static_cast<double>(subtask.bytes_sent), kCounter},
                              {"numBuffersOut", static_cast<double>(subtask.elements_out), kCounter},
                              {"buffers.inputQueueLength", static_cast<double>(subtask.input.elements)},
                              {"buffers.outputQueueLength", static_cast<double>(subtask.output.elements)},
                              {"buffers.inPoolUsage", share_of(subtask.input)},
                              {"buffers.outPoolUsage", share_of(subtask.output)},
                              {"mailboxLatencyMs", static_cast<double>(subtask.mail_latency_ns) / 1e6},
                              {"numRecordsInPerSecond", subtask.rates.records_in},
                              {"numRecordsOutPerSecond", subtask.rates.records_out},
                              {"busyTimeMsPerSecond", subtask.rates.busy_ms},
                              {"idleTimeMsPerSecond", subtask.rates.idle_ms},
                              {"backPressuredTimeMsPerSecond", subtask.rates.backpressured_ms},
                              {"accumulateBusyTimeMs", static_cast<double>(subtask.busy_ms), kCounter},
                              {"accumulateIdleTimeMs", static_cast<double>(subtask.idle_ms), kCounter},
                              {"accumulateBackPressuredTimeMs", static_cast<double>(subtask.backpressured_ms), kCounter},
                              {"numLateRecordsDropped", static_cast<double>(subtask.late_dropped), kCounter},
                              {"numRecordsInErrors", static_cast<double>(subtask.skipped), kCounter},
                              {"checkpointAlignmentTime", static_cast<double>(subtask.alignment_ns)},
                              {"checkpointStartDelayNanos", static_cast<double>(subtask.start_delay_ns)},
                              {"currentInputWatermark", static_cast<double>(subtask.watermark_ms)}};
  if (has_event_time(subtask)) metrics.push_back({"watermarkLag", static_cast<double>(now_ms - subtask.watermark_ms)});
  return metrics;
}

std::vector<Metric> metrics_of(const OperatorMetrics& one) {
  std::vector<Metric> metrics{{"numRecordsOut", static_cast<double>(one.records_out), kCounter},
                              {"numLateRecordsDropped", static_cast<double>(one.late_dropped), kCounter},
                              {"numRecordsInErrors", static_cast<double>(one.skipped), kCounter},
                              {"numFiredTimers", static_cast<double>(one.fired_timers), kCounter},
                              {"currentInputWatermark", static_cast<double>(one.watermark_in_ms)},
                              {"currentOutputWatermark", static_cast<double>(one.watermark_out_ms)}};
  for (std::size_t i = 0; i < one.watermarks_in_ms.size(); ++i) {
    metrics.push_back({"currentInput" + std::to_string(i + 1) + "Watermark", static_cast<double>(one.watermarks_in_ms[i])});
  }
  if (one.pending_records) metrics.push_back({"pendingRecords", static_cast<double>(*one.pending_records)});
  if (one.pending_bytes) metrics.push_back({"pendingBytes", static_cast<double>(*one.pending_bytes)});
  if (one.alignment_drift_ms) metrics.push_back({"watermarkAlignmentDrift", static_cast<double>(*one.alignment_drift_ms)});
  return metrics;
}

MetricGroup metric_group_of(const JobGlance& job) {
  return {.scope = "jobmanager_job", .labels = {{"job_id", job.id}, {"job_name", job.name}}, .metrics = metrics_of(job)};
}

std::vector<MetricGroup> metric_groups_of(const TasksOf& whose, const std::vector<VertexMetrics>& vertices, std::int64_t now_ms) {
  std::vector<MetricGroup> groups;
  for (const VertexMetrics& vertex : vertices) {
    for (const SubtaskMetrics& subtask : vertex.subtasks) {
      std::vector<MetricLabel> labels{{"job_id", whose.job_id},
                                      {"job_name", whose.job_name},
                                      {"task_id", vertex_name(vertex.id)},
                                      {"task_name", vertex.name},
                                      {"task_attempt_num", std::to_string(whose.attempt)},
                                      {"subtask_index", std::to_string(subtask.number)}};
      labels.insert(labels.end(), whose.process.begin(), whose.process.end());
      groups.push_back({.scope = "taskmanager_job_task", .labels = labels, .metrics = metrics_of(subtask, now_ms)});
      for (std::size_t op = 0; op < std::min(subtask.operators.size(), vertex.operators.size()); ++op) {
        groups.push_back({.scope = "taskmanager_job_task_operator", .labels = labels, .metrics = metrics_of(subtask.operators[op])});
        groups.back().labels.push_back({"operator_name", vertex.operators[op]});
        groups.back().labels.push_back({"operator_index", std::to_string(op)});
      }
    }
  }
  return groups;
}

}  // namespace tidemark

// Which metrics there are of jobs, their tasks and operators, in Flink's names and scopes. Pure, any thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "control/job_control.h"
#include "control/metric.h"
#include "control/vertex_metrics.h"

namespace tidemark {

std::vector<Metric> metrics_of(const JobGlance& job);
/// `now_ms`: since 1970 UTC, for how far event time is behind.
std::vector<Metric> metrics_of(const SubtaskMetrics& subtask, std::int64_t now_ms);
std::vector<Metric> metrics_of(const OperatorMetrics& one);

/// Of a job's master.
MetricGroup metric_group_of(const JobGlance& job);

/// Whose tasks they are.
struct TasksOf {
  std::string job_id;
  std::string job_name;
  std::uint64_t attempt = 0;
  std::vector<MetricLabel> process;  ///< labels of the process that runs them
};
/// Of the subtasks that are here, and of their operators.
std::vector<MetricGroup> metric_groups_of(const TasksOf& whose, const std::vector<VertexMetrics>& vertices, std::int64_t now_ms);

}  // namespace tidemark

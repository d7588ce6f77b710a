// What is answered to requests about a job's vertices and metrics, in the fields of Flink's REST interface.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "control/http.h"
#include "control/jobs_control.h"
#include "control/plan_answer.h"

namespace tidemark {

/// The "metrics" of a vertex, in JSON: all its subtasks together. None: of one that has none yet.
std::string io_metrics(const VertexMetrics& vertex);

/// GET /jobs/:id/metrics, by `get` of its query.
HttpResponse answer_job_metrics(const ClusterJob& job, const std::map<std::string, std::string>& query);
/// GET /jobs/:id/vertices/:v, and below it subtasks/:i, subtasktimes, taskmanagers. `metrics`: null where no subtask has told any.
HttpResponse answer_vertex(const ClusterJob& job, const PlannedVertex& vertex, const VertexMetrics* metrics);
HttpResponse answer_subtask(const ClusterJob& job, const PlannedVertex& vertex, std::string_view subtask, const VertexMetrics* metrics);
HttpResponse answer_subtask_times(const ClusterJob& job, const PlannedVertex& vertex);
HttpResponse answer_task_managers_of(const ClusterJob& job, const PlannedVertex& vertex, const VertexMetrics* metrics);
/// Below GET /jobs/:id/vertices/:v metrics, subtasks/metrics and subtasks/:i/metrics by `get`, `agg` and `subtasks`, watermarks.
HttpResponse answer_vertex_metrics(const ClusterJob& job, const VertexMetrics& vertex, const std::map<std::string, std::string>& query);
HttpResponse answer_subtasks_metrics(const ClusterJob& job, const VertexMetrics& vertex, const std::map<std::string, std::string>& query);
HttpResponse answer_subtask_metrics(const ClusterJob& job, const VertexMetrics& vertex, std::string_view subtask,
                                    const std::map<std::string, std::string>& query);
HttpResponse answer_watermarks(const VertexMetrics& vertex);
/// GET /jobs/:id/vertices/:v/backpressure: in the last seconds. "deprecated", Flink's word, while nothing is known: ask again.
HttpResponse answer_backpressure(const ClusterJob& job, const VertexMetrics& vertex);
/// GET /jobs/metrics, by `get`, `agg` and `jobs`.
HttpResponse answer_metrics_of_jobs(const std::vector<JobGlance>& jobs, const std::map<std::string, std::string>& query);

}  // namespace tidemark

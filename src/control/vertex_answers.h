// What is answered to requests about a job's vertices and metrics, in the fields of Flink's REST interface.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <string_view>

#include "control/http.h"
#include "control/jobs_control.h"

namespace tidemark {

/// The state of a job's tasks, in Flink's words, while the job is in `job_state`.
std::string_view task_state_of(std::string_view job_state);
/// The "metrics" of a vertex, in JSON: all its subtasks together. None: of one that has none yet.
std::string io_metrics(const VertexMetrics& vertex);

/// GET /jobs/:id/metrics, by `get` of its query.
HttpResponse answer_job_metrics(const ClusterJob& job, const std::map<std::string, std::string>& query);
/// GET /jobs/:id/vertices/:v, and below it metrics, subtasks/metrics and subtasks/:i/metrics by `get`, `agg` and `subtasks`.
HttpResponse answer_vertex(const ClusterJob& job, const VertexMetrics& vertex);
HttpResponse answer_vertex_metrics(const VertexMetrics& vertex, const std::map<std::string, std::string>& query);
HttpResponse answer_subtasks_metrics(const VertexMetrics& vertex, const std::map<std::string, std::string>& query);
HttpResponse answer_subtask_metrics(const VertexMetrics& vertex, std::string_view subtask, const std::map<std::string, std::string>& query);

/// How busy subtasks are now, which is by how much their times have grown since somebody asked before. Any thread.
class BackpressureSamples {
 public:
  /// GET /jobs/:id/vertices/:v/backpressure. "deprecated", Flink's word, where nobody has asked within the last minute: ask again.
  HttpResponse answer(const ClusterJob& job, const VertexMetrics& vertex);

 private:
  struct Sample {
    std::int64_t at_ms = 0;
    std::uint32_t restarts = 0;
    VertexMetrics vertex;
  };

  std::mutex mutex_;  // guards all below
  std::map<std::string, Sample> by_vertex_;
};

}  // namespace tidemark

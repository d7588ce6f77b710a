#include "control/vertex_answers.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>
#include <vector>

#include "control/http_answer.h"
#include "control/job_metrics.h"
#include "control/metric_answers.h"
#include "control/plan_answer.h"

namespace tidemark {
namespace {

using Json = nlohmann::json;
using Query = std::map<std::string, std::string>;

/// Of the subtask and, as "window.numRecordsOut", of its operators.
MetricValues values_of(const VertexMetrics& vertex, const SubtaskMetrics& subtask, const std::string& before, std::int64_t now_ms) {
  MetricValues values;
  append(before, metrics_of(subtask, now_ms), values);
  for (std::size_t i = 0; i < std::min(subtask.operators.size(), vertex.operators.size()); ++i) {
    append(fmt::format("{}{}.", before, vertex.operators[i]), metrics_of(subtask.operators[i]), values);
  }
  return values;
}

SubtaskMetrics sum_of(const VertexMetrics& vertex) {
  SubtaskMetrics sum;
  for (const SubtaskMetrics& each : vertex.subtasks) sum += each;
  return sum;
}

Json io_metrics_of(const SubtaskMetrics& metrics, bool known) {
  return {{"read-bytes", -1},  // nobody counts them
          {"read-bytes-complete", false},
          {"write-bytes", -1},
          {"write-bytes-complete", false},
          {"read-records", metrics.records_in},
          {"read-records-complete", known},
          {"write-records", metrics.records_out},
          {"write-records-complete", known},
          {"numLateRecordsDropped", metrics.late_dropped},
          {"numRecordsInErrors", metrics.skipped},
          {"accumulated-busy-time", metrics.busy_ms},
          {"accumulated-idle-time", metrics.idle_ms},
          {"accumulated-backpressured-time", metrics.backpressured_ms}};
}

std::optional<std::size_t> number_in(std::string_view text) {
  std::size_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return number;
}

/// Of the subtasks that `subtasks` of the query names, or all. Nothing: it names one that there is not.
std::optional<std::vector<SubtaskMetrics>> subtasks_in(const VertexMetrics& vertex, const Query& query) {
  if (!query.contains("subtasks")) return vertex.subtasks;
  std::vector<SubtaskMetrics> result;
  for (const std::string& word : words_of(query, "subtasks")) {
    const auto number = number_in(word);
    if (!number || *number >= vertex.subtasks.size()) return std::nullopt;
    result.push_back(vertex.subtasks[*number]);
  }
  return result;
}

std::string_view level_of(double ratio) { return ratio <= 0.1 ? "ok" : ratio <= 0.5 ? "low" : "high"; }

double time_in(const SubtaskRates& rates) { return rates.busy_ms + rates.idle_ms + rates.backpressured_ms; }

}  // namespace

std::string_view task_state_of(std::string_view job_state) {
  if (job_state == "CANCELLING") return "CANCELING";
  if (job_state == "FAILING") return "CANCELING";
  if (job_state == "RESTARTING") return "CREATED";
  return job_state;
}

std::string io_metrics(const VertexMetrics& vertex) {
  Json metrics = io_metrics_of(sum_of(vertex), !vertex.subtasks.empty());
  metrics["skew"] = skew(vertex);
  return metrics.dump();
}

HttpResponse answer_job_metrics(const ClusterJob& job, const Query& query) {
  MetricValues values;
  append({}, metrics_of(job.glance), values);
  if (const auto& newest = job.glance.newest_checkpoint) values.emplace_back("lastCheckpointExternalPath", newest->path);
  return answer_values(values, query);
}

HttpResponse answer_vertex(const ClusterJob& job, const VertexMetrics& vertex) {
  Json subtasks = Json::array();
  for (std::size_t i = 0; i < vertex.subtasks.size(); ++i) {
    subtasks.push_back({{"subtask", i},
                        {"status", task_state_of(job.glance.state)},
                        {"attempt", job.glance.restarts},
                        {"metrics", io_metrics_of(vertex.subtasks[i], true)}});
  }
  return answer_with(200, Json{{"id", vertex_name(vertex.id)},
                               {"name", vertex.name},
                               {"parallelism", vertex.subtasks.size()},
                               {"maxParallelism", job.max_parallelism == 0 ? Json(-1) : Json(job.max_parallelism)},
                               {"now", job.glance.now_ms},
                               {"skew", skew(vertex)},
                               {"subtasks", std::move(subtasks)}});
}

HttpResponse answer_vertex_metrics(const ClusterJob& job, const VertexMetrics& vertex, const Query& query) {
  MetricValues values;
  for (std::size_t i = 0; i < vertex.subtasks.size(); ++i) {
    for (auto& value : values_of(vertex, vertex.subtasks[i], fmt::format("{}.", i), job.glance.now_ms)) values.push_back(std::move(value));
  }
  return answer_values(values, query);
}

HttpResponse answer_subtasks_metrics(const ClusterJob& job, const VertexMetrics& vertex, const Query& query) {
  const auto subtasks = subtasks_in(vertex, query);
  if (!subtasks) return refuse(400, fmt::format("subtasks must be numbers below {}, with commas between", vertex.subtasks.size()));
  std::vector<std::vector<Metric>> of_subtasks;
  for (const SubtaskMetrics& each : *subtasks) of_subtasks.push_back(metrics_of(each, job.glance.now_ms));
  return answer_aggregates(of_subtasks, query);
}

HttpResponse answer_subtask_metrics(const ClusterJob& job, const VertexMetrics& vertex, std::string_view subtask, const Query& query) {
  const auto number = number_in(subtask);
  if (!number || *number >= vertex.subtasks.size()) {
    return refuse(404, fmt::format("vertex '{}' has no subtask '{}'", vertex_name(vertex.id), subtask));
  }
  return answer_values(values_of(vertex, vertex.subtasks[*number], {}, job.glance.now_ms), query);
}

HttpResponse answer_metrics_of_jobs(const std::vector<JobGlance>& jobs, const Query& query) {
  const std::vector<std::string> wanted = words_of(query, "jobs");
  std::vector<std::vector<Metric>> of_jobs;
  for (const JobGlance& job : jobs) {
    if (!query.contains("jobs") || std::ranges::find(wanted, job.id) != wanted.end()) of_jobs.push_back(metrics_of(job));
  }
  return answer_aggregates(of_jobs, query);
}

HttpResponse answer_watermarks(const VertexMetrics& vertex) {
  Json watermarks = Json::array();
  for (std::size_t i = 0; i < vertex.subtasks.size(); ++i) {
    watermarks.push_back({{"id", fmt::format("{}.currentInputWatermark", i)}, {"value", fmt::format("{}", vertex.subtasks[i].watermark_ms)}});
  }
  return answer_with(200, watermarks);
}

HttpResponse answer_backpressure(const ClusterJob& job, const VertexMetrics& vertex) {
  const bool is_known = std::ranges::any_of(vertex.subtasks, [](const SubtaskMetrics& each) { return time_in(each.rates) > 0; });
  if (!is_known) return answer_with(200, Json{{"status", "deprecated"}});
  double worst = 0;
  Json subtasks = Json::array();
  for (std::size_t i = 0; i < vertex.subtasks.size(); ++i) {
    const SubtaskRates& rates = vertex.subtasks[i].rates;
    const double all = std::max(time_in(rates), 1.0);
    const double ratio = rates.backpressured_ms / all;
    worst = std::max(worst, ratio);
    subtasks.push_back({{"subtask", i},
                        {"attempt-number", job.glance.restarts},
                        {"backpressureLevel", level_of(ratio)},
                        {"backpressure-level", level_of(ratio)},
                        {"ratio", ratio},
                        {"idleRatio", rates.idle_ms / all},
                        {"busyRatio", rates.busy_ms / all}});
  }
  return answer_with(200, Json{{"status", "ok"},
                               {"backpressureLevel", level_of(worst)},
                               {"backpressure-level", level_of(worst)},
                               {"end-timestamp", job.glance.now_ms},
                               {"subtasks", std::move(subtasks)}});
}

}  // namespace tidemark

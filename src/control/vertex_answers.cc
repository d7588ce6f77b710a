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
#include "control/task_states.h"

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

HttpResponse no_subtask(std::uint32_t vertex, std::string_view subtask) {
  return refuse(404, fmt::format("vertex '{}' has no subtask '{}'", vertex_name(vertex), subtask));
}

Json head_of(const ClusterJob& job, const PlannedVertex& vertex) {
  return {{"id", vertex_name(vertex.id)}, {"name", vertex.name}, {"now", job.glance.now_ms}};
}

/// None: nobody has told.
const SubtaskMetrics* metrics_of(const VertexMetrics* vertex, std::uint32_t subtask) {
  return vertex != nullptr && subtask < vertex->subtasks.size() ? &vertex->subtasks[subtask] : nullptr;
}

// Flink's word.
std::string or_unassigned(const std::string& place) { return place.empty() ? "(unassigned)" : place; }

/// How long it was in each state that it has been in.
Json time_in_states(const std::vector<TaskMove>& moves, std::int64_t now_ms) {
  Json result = Json::object();
  for (std::size_t i = 0; i < moves.size(); ++i) {
    result[std::string{to_string(moves[i].to)}] = (i + 1 < moves.size() ? moves[i + 1].at_ms : now_ms) - moves[i].at_ms;
  }
  return result;
}

Json subtask_of(const ClusterJob& job, TaskId task, const VertexMetrics* vertex) {
  const TaskStanding standing = standing_of(job, task);
  const TaskPlace place = place_of(job.glance.attempt, task);
  const SubtaskMetrics* const metrics = metrics_of(vertex, task.subtask);
  return {{"subtask", task.subtask},
          {"status", to_string(standing.state)},
          {"attempt", job.glance.attempt.number},
          {"endpoint", or_unassigned(place.host)},
          {"taskmanager-id", or_unassigned(place.task_manager)},
          {"start-time", standing.times.start_ms},
          {"end-time", standing.times.end_ms},
          {"duration", duration_ms(standing.times, job.glance.now_ms)},
          {"status-duration", time_in_states(moves_of(job.glance.attempt, task), job.glance.now_ms)},
          {"metrics", metrics == nullptr ? io_metrics_of({}, false) : io_metrics_of(*metrics, true)}};
}

}  // namespace

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

HttpResponse answer_vertex(const ClusterJob& job, const PlannedVertex& vertex, const VertexMetrics* metrics) {
  Json json = head_of(job, vertex);
  json["parallelism"] = vertex.parallelism;
  json["maxParallelism"] = job.max_parallelism == 0 ? Json(-1) : Json(job.max_parallelism);
  json["skew"] = metrics == nullptr ? Json(-1) : Json(skew(*metrics));
  json["subtasks"] = Json::array();
  for (std::uint32_t i = 0; i < vertex.parallelism; ++i) json["subtasks"].push_back(subtask_of(job, {vertex.id, i}, metrics));
  return answer_with(200, json);
}

HttpResponse answer_subtask(const ClusterJob& job, const PlannedVertex& vertex, std::string_view subtask, const VertexMetrics* metrics) {
  const auto number = number_in(subtask);
  if (!number || *number >= vertex.parallelism) return no_subtask(vertex.id, subtask);
  return answer_with(200, subtask_of(job, {vertex.id, static_cast<std::uint32_t>(*number)}, metrics));
}

HttpResponse answer_subtask_times(const ClusterJob& job, const PlannedVertex& vertex) {
  Json json = head_of(job, vertex);
  json["subtasks"] = Json::array();
  for (std::uint32_t i = 0; i < vertex.parallelism; ++i) {
    const TaskId task{vertex.id, i};
    Json timestamps = by_name({});  // 0 is Flink's: it was never in it
    for (const TaskMove& move : moves_of(job.glance.attempt, task)) timestamps[std::string{to_string(move.to)}] = move.at_ms;
    json["subtasks"].push_back({{"subtask", i},
                                {"endpoint", or_unassigned(place_of(job.glance.attempt, task).host)},
                                {"duration", duration_ms(standing_of(job, task).times, job.glance.now_ms)},
                                {"timestamps", std::move(timestamps)}});
  }
  return answer_with(200, json);
}

HttpResponse answer_task_managers_of(const ClusterJob& job, const PlannedVertex& vertex, const VertexMetrics* metrics) {
  std::map<std::string, std::vector<std::uint32_t>> subtasks_at;
  for (std::uint32_t i = 0; i < vertex.parallelism; ++i) subtasks_at[place_of(job.glance.attempt, {vertex.id, i}).task_manager].push_back(i);
  Json all = Json::array();
  for (const auto& [task_manager, subtasks] : subtasks_at) {
    const VertexStanding standing = standing_of(job, vertex, subtasks);
    SubtaskMetrics sum;
    for (const std::uint32_t subtask : subtasks) {
      if (const SubtaskMetrics* const one = metrics_of(metrics, subtask)) sum += *one;
    }
    all.push_back({{"taskmanager-id", or_unassigned(task_manager)},
                   {"endpoint", or_unassigned(place_of(job.glance.attempt, {vertex.id, subtasks.front()}).host)},
                   {"status", to_string(standing.state)},
                   {"start-time", standing.times.start_ms},
                   {"end-time", standing.times.end_ms},
                   {"duration", duration_ms(standing.times, job.glance.now_ms)},
                   {"metrics", io_metrics_of(sum, metrics != nullptr)},
                   {"status-counts", by_name(standing.tasks)}});
  }
  Json json = head_of(job, vertex);
  json["taskmanagers"] = std::move(all);
  return answer_with(200, json);
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
    return no_subtask(vertex.id, subtask);
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
                        {"attempt-number", job.glance.attempt.number},
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

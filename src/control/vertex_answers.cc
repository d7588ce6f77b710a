#include "control/vertex_answers.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <nlohmann/json.hpp>
#include <optional>
#include <ranges>
#include <utility>
#include <vector>

#include "control/http_answer.h"
#include "control/plan_answer.h"

namespace tidemark {
namespace {

using Json = nlohmann::json;
using Query = std::map<std::string, std::string>;
using Values = std::vector<std::pair<std::string, std::string>>;

constexpr std::int64_t kOldSample_ms = 60'000;
constexpr std::int64_t kSamplePeriod_ms = 1'000;
constexpr std::size_t kMostSamples = 10'000;

struct Metric {
  std::string_view name;
  double (*value)(const SubtaskMetrics&);
};
constexpr std::array<Metric, 7> kMetrics = {{
    {"numRecordsIn", [](const SubtaskMetrics& of) { return static_cast<double>(of.records_in); }},
    {"numRecordsOut", [](const SubtaskMetrics& of) { return static_cast<double>(of.records_out); }},
    {"numLateRecordsDropped", [](const SubtaskMetrics& of) { return static_cast<double>(of.late_dropped); }},
    {"numRecordsInErrors", [](const SubtaskMetrics& of) { return static_cast<double>(of.skipped); }},
    {"accumulateBusyTimeMs", [](const SubtaskMetrics& of) { return static_cast<double>(of.busy_ms); }},
    {"accumulateIdleTimeMs", [](const SubtaskMetrics& of) { return static_cast<double>(of.idle_ms); }},
    {"accumulateBackPressuredTimeMs", [](const SubtaskMetrics& of) { return static_cast<double>(of.backpressured_ms); }},
}};

/// Whole numbers without a point.
std::string in_words(double value) {
  return value == static_cast<double>(static_cast<std::int64_t>(value)) ? fmt::format("{}", static_cast<std::int64_t>(value))
                                                                        : fmt::format("{}", value);
}

bool contains(const std::vector<std::string>& words, std::string_view word) { return std::ranges::find(words, word) != words.end(); }

std::vector<std::string> words_of(const Query& query, const std::string& name) {
  std::vector<std::string> words;
  const auto found = query.find(name);
  if (found == query.end()) return words;
  for (const auto word : std::views::split(found->second, ',')) words.emplace_back(word.begin(), word.end());
  return words;
}

/// As Flink has it: without `get` the names, with it the values, as text, of those that there are.
HttpResponse answer_values(const Values& values, const Query& query) {
  Json metrics = Json::array();
  const std::vector<std::string> wanted = words_of(query, "get");
  for (const auto& [name, value] : values) {
    if (!query.contains("get")) {
      metrics.push_back({{"id", name}});
    } else if (contains(wanted, name)) {
      metrics.push_back({{"id", name}, {"value", value}});
    }
  }
  return answer_with(200, metrics);
}

Values values_of(const SubtaskMetrics& subtask, const std::string& before) {
  Values values;
  for (const Metric& metric : kMetrics) values.emplace_back(before + std::string{metric.name}, in_words(metric.value(subtask)));
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

Json aggregates(const std::vector<double>& values, const std::vector<std::string>& wanted) {
  double sum = 0;
  for (const double value : values) sum += value;
  const double most = std::ranges::max(values);
  const double mean = sum / static_cast<double>(values.size());
  const std::vector<std::pair<std::string, double>> all{{"min", std::ranges::min(values)},
                                                        {"max", most},
                                                        {"avg", mean},
                                                        {"sum", sum},
                                                        {"skew", mean == 0 ? 1 : most / mean}};
  Json result = Json::object();
  for (const auto& [name, value] : all) {
    if (wanted.empty() || contains(wanted, name)) result[name] = value;
  }
  return result;
}

std::string_view level_of(double ratio) { return ratio <= 0.1 ? "ok" : ratio <= 0.5 ? "low" : "high"; }

/// How a subtask has spent its time between two samples, which may be older than who asks: workers tell now and then.
struct Ratios {
  double busy = 0;
  double idle = 0;
  double backpressured = 0;
};
Ratios ratios_of(const SubtaskMetrics& before, const SubtaskMetrics& after) {
  const auto busy = static_cast<double>(after.busy_ms - before.busy_ms);
  const auto idle = static_cast<double>(after.idle_ms - before.idle_ms);
  const auto backpressured = static_cast<double>(after.backpressured_ms - before.backpressured_ms);
  const double all = busy + idle + backpressured;
  if (all <= 0) return {};
  return {busy / all, idle / all, backpressured / all};
}
std::int64_t time_in(const VertexMetrics& vertex) {
  const SubtaskMetrics sum = sum_of(vertex);
  return sum.busy_ms + sum.idle_ms + sum.backpressured_ms;
}

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
  const JobGlance& glance = job.glance;
  Values values{{"numRestarts", fmt::format("{}", glance.restarts)},
                {"numberOfCompletedCheckpoints", fmt::format("{}", glance.completed_checkpoints)},
                {"numberOfFailedCheckpoints", fmt::format("{}", glance.failed_checkpoints)},
                {"numberOfInProgressCheckpoints", fmt::format("{}", glance.checkpoints_in_progress)},
                {"totalNumberOfCheckpoints",
                 fmt::format("{}", glance.completed_checkpoints + glance.failed_checkpoints + glance.checkpoints_in_progress)}};
  if (const auto& newest = glance.newest_checkpoint) {
    values.emplace_back("lastCheckpointDuration", fmt::format("{}", newest->duration_ms));
    values.emplace_back("lastCheckpointSize", fmt::format("{}", newest->written_bytes));
    values.emplace_back("lastCheckpointFullSize", fmt::format("{}", newest->state_bytes));
    values.emplace_back("lastCompletedCheckpointId", fmt::format("{}", newest->id));
    values.emplace_back("lastCheckpointCompletedTimestamp", fmt::format("{}", newest->completed_ms));
    values.emplace_back("lastCheckpointExternalPath", newest->path);
  }
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

HttpResponse answer_vertex_metrics(const VertexMetrics& vertex, const Query& query) {
  Values values;
  for (std::size_t i = 0; i < vertex.subtasks.size(); ++i) {
    for (auto& value : values_of(vertex.subtasks[i], fmt::format("{}.", i))) values.push_back(std::move(value));
  }
  return answer_values(values, query);
}

HttpResponse answer_subtasks_metrics(const VertexMetrics& vertex, const Query& query) {
  if (!query.contains("get")) return answer_values(values_of({}, {}), query);
  const auto subtasks = subtasks_in(vertex, query);
  if (!subtasks) return refuse(400, fmt::format("subtasks must be numbers below {}, with commas between", vertex.subtasks.size()));
  const std::vector<std::string> wanted = words_of(query, "get");
  Json metrics = Json::array();
  for (const Metric& metric : kMetrics) {
    if (subtasks->empty() || !contains(wanted, metric.name)) continue;
    std::vector<double> values;
    for (const SubtaskMetrics& each : *subtasks) values.push_back(metric.value(each));
    Json entry = aggregates(values, words_of(query, "agg"));
    entry["id"] = metric.name;
    metrics.push_back(std::move(entry));
  }
  return answer_with(200, metrics);
}

HttpResponse answer_subtask_metrics(const VertexMetrics& vertex, std::string_view subtask, const Query& query) {
  const auto number = number_in(subtask);
  if (!number || *number >= vertex.subtasks.size()) {
    return refuse(404, fmt::format("vertex '{}' has no subtask '{}'", vertex_name(vertex.id), subtask));
  }
  return answer_values(values_of(vertex.subtasks[*number], {}), query);
}

HttpResponse BackpressureSamples::answer(const ClusterJob& job, const VertexMetrics& vertex) {
  const std::lock_guard guard{mutex_};
  const std::string key = fmt::format("{} {}", job.glance.id, vertex.id);
  if (by_vertex_.size() > kMostSamples && !by_vertex_.contains(key)) by_vertex_.clear();
  const std::int64_t now = job.glance.now_ms;
  const auto [at, added] = by_vertex_.try_emplace(key, Sample{now, job.glance.restarts, vertex});
  Sample& sample = at->second;
  const std::int64_t time = now - sample.at_ms;
  // A restart begins at nothing.
  const bool same = sample.restarts == job.glance.restarts && sample.vertex.subtasks.size() == vertex.subtasks.size();
  const bool is_new = time_in(sample.vertex) < time_in(vertex);
  if (added || !is_new || time > kOldSample_ms || !same) {
    if (time > kOldSample_ms || !same) sample = {now, job.glance.restarts, vertex};
    return answer_with(200, Json{{"status", "deprecated"}});
  }
  double worst = 0;
  Json subtasks = Json::array();
  for (std::size_t i = 0; i < vertex.subtasks.size(); ++i) {
    const SubtaskMetrics& before = sample.vertex.subtasks[i];
    const SubtaskMetrics& after = vertex.subtasks[i];
    const Ratios ratios = ratios_of(before, after);
    const double ratio = ratios.backpressured;
    worst = std::max(worst, ratio);
    subtasks.push_back({{"subtask", i},
                        {"attempt-number", job.glance.restarts},
                        {"backpressureLevel", level_of(ratio)},
                        {"backpressure-level", level_of(ratio)},
                        {"ratio", ratio},
                        {"idleRatio", ratios.idle},
                        {"busyRatio", ratios.busy}});
  }
  if (time >= kSamplePeriod_ms) sample = {now, job.glance.restarts, vertex};
  return answer_with(200, Json{{"status", "ok"},
                               {"backpressureLevel", level_of(worst)},
                               {"backpressure-level", level_of(worst)},
                               {"end-timestamp", now},
                               {"subtasks", std::move(subtasks)}});
}

}  // namespace tidemark

#include "control/job_answers.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <numeric>

#include "base/secret.h"
#include "control/failure_cause.h"
#include "control/http_answer.h"
#include "control/plan_answer.h"
#include "control/task_states.h"
#include "control/vertex_answers.h"

namespace tidemark {
namespace {

using Json = nlohmann::json;

// Of jobs, as Flink names them all.
constexpr std::array<std::string_view, 11> kJobStates = {"INITIALIZING", "CREATED",  "RUNNING",    "FAILING",   "FAILED",     "CANCELLING",
                                                        "CANCELED",     "FINISHED", "RESTARTING", "SUSPENDED", "RECONCILING"};

std::string lower(std::string_view text) {
  std::string result{text};
  for (char& c : result) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return result;
}

std::int64_t duration_of(const ClusterJob& job) {
  return (job.end_ms >= 0 ? job.end_ms : job.glance.now_ms) - job.glance.start_ms;
}

std::int64_t last_change_of(const ClusterJob& job) {
  std::int64_t newest_ms = job.glance.start_ms;
  for (const auto& [state, at_ms] : job.glance.state_times) newest_ms = std::max(newest_ms, at_ms);
  for (const SlotReport& slot : job.glance.attempt.slots) newest_ms = std::max(newest_ms, slot.moves.back().at_ms);
  return newest_ms;
}

Json text_or_null(const std::string& text) { return text.empty() ? Json{} : Json(text); }

Json overview_of(const ClusterJob& job) {
  return {{"jid", job.glance.id},
          {"name", job.glance.name},
          {"jobType", "STREAMING"},
          {"schedulerType", "Default"},
          {"start-time", job.glance.start_ms},
          {"end-time", job.end_ms},
          {"duration", duration_of(job)},
          {"state", job.glance.state},
          {"last-modification", last_change_of(job)},
          {"pending-operators", 0},
          {"waits-for", text_or_null(job.glance.waits_for)}};
}

Json vertex_of(const ClusterJob& job, const PlannedVertex& vertex, const VertexStanding& standing) {
  const auto found = std::ranges::find(job.glance.vertices, vertex.id, &VertexMetrics::id);
  return {{"id", vertex_name(vertex.id)},
          {"slotSharingGroupId", vertex_name(0)},
          {"name", vertex.name},
          {"maxParallelism", job.max_parallelism == 0 ? Json(-1) : Json(job.max_parallelism)},
          {"parallelism", vertex.parallelism},
          {"status", to_string(standing.state)},
          {"start-time", standing.times.start_ms},
          {"end-time", standing.times.end_ms},
          {"duration", duration_ms(standing.times, job.glance.now_ms)},
          {"tasks", by_name(standing.tasks)},
          {"metrics", Json::parse(found == job.glance.vertices.end() ? io_metrics({}) : io_metrics(*found))}};
}

Json failure_of(const JobFailure& failure) {
  return {{"exceptionName", "tidemark.Error"},
          {"stacktrace", failure.message},
          {"timestamp", failure.at_ms},
          {"failureLabels", Json::object()},
          {"taskName", text_or_null(failure.task)},
          {"endpoint", text_or_null(failure.place.host)},
          {"taskManagerId", text_or_null(failure.place.task_manager)},
          {"concurrentExceptions", Json::array()}};
}

HttpResponse not_known(const ClusterJob& job, std::string_view what) {
  return refuse(404, fmt::format("the {} of job '{}' is not known here", what, job.glance.id));
}

}  // namespace

std::vector<PlannedVertex> vertices_of(const ClusterJob& job) {
  if (auto planned = planned_vertices(job.plan_json)) return *std::move(planned);
  std::vector<PlannedVertex> result;
  for (const VertexMetrics& vertex : job.glance.vertices) {
    result.push_back({vertex.id, vertex.name, static_cast<std::uint32_t>(vertex.subtasks.size()), {}});
  }
  return result;
}

HttpResponse answer_jobs(const std::vector<JobGlance>& jobs) {
  Json all = Json::array();
  for (const JobGlance& job : jobs) all.push_back({{"id", job.id}, {"status", job.state}});
  return answer_with(200, Json{{"jobs", std::move(all)}});
}

HttpResponse answer_jobs_overview(const std::vector<ClusterJob>& jobs) {
  Json all = Json::array();
  for (const ClusterJob& job : jobs) {
    TaskCounts tasks{};
    for (const PlannedVertex& vertex : vertices_of(job)) {
      const TaskCounts more = standing_of(job, vertex).tasks;
      for (std::size_t i = 0; i < tasks.size(); ++i) tasks[i] += more[i];
    }
    Json counts{{"total", std::accumulate(tasks.begin(), tasks.end(), std::uint64_t{0})}};
    for (const auto& [state, number] : by_name(tasks)) counts[lower(state)] = number;
    Json overview = overview_of(job);
    overview["tasks"] = std::move(counts);
    all.push_back(std::move(overview));
  }
  return answer_with(200, Json{{"jobs", std::move(all)}});
}

HttpResponse answer_job(const ClusterJob& job) {
  Json json = overview_of(job);
  json["job-type"] = "STREAMING";
  json["now"] = job.glance.now_ms;
  json["isStoppable"] = job.end_ms < 0;
  json["maxParallelism"] = job.max_parallelism == 0 ? Json(-1) : Json(job.max_parallelism);
  json["numRestarts"] = job.glance.restarts;
  for (const std::string_view state : kJobStates) json["timestamps"][std::string{state}] = 0;  // Flink's: it was never in it
  for (const auto& [state, at_ms] : job.glance.state_times) json["timestamps"][state] = at_ms;
  const std::vector<PlannedVertex> vertices = vertices_of(job);
  json["vertices"] = Json::array();
  TaskCounts vertices_in_state{};
  for (const PlannedVertex& vertex : vertices) {
    const VertexStanding standing = standing_of(job, vertex);
    json["vertices"].push_back(vertex_of(job, vertex, standing));
    ++vertices_in_state[static_cast<std::size_t>(standing.state)];
  }
  json["status-counts"] = by_name(vertices_in_state);
  json["plan"] = Json::parse(plan_for_clients(vertices, job.glance.id, job.glance.name));
  return answer_with(200, json);
}

HttpResponse answer_plan(const ClusterJob& job) {
  const auto vertices = planned_vertices(job.plan_json);
  if (!vertices) return not_known(job, "plan");
  return {200, fmt::format(R"({{"plan":{}}})", plan_for_clients(*vertices, job.glance.id, job.glance.name))};
}

HttpResponse answer_config(const ClusterJob& job) {
  if (job.plan_json.empty()) return not_known(job, "configuration");
  Json options = Json::object();
  for (const auto& [key, value] : job.configuration) options[key] = shown_value(key, value);
  return answer_with(200, Json{{"jid", job.glance.id},
                               {"name", job.glance.name},
                               {"execution-config",
                                {{"job-parallelism", job.parallelism},
                                 {"object-reuse-mode", true},
                                 {"user-config", std::move(options)}}}});
}

HttpResponse answer_exceptions(const ClusterJob& job) {
  Json entries = Json::array();
  for (const JobFailure& failure : job.failures) entries.push_back(failure_of(failure));
  return answer_with(200, Json{{"root-exception", job.failures.empty() ? Json{} : Json(job.failures.front().message)},
                               {"timestamp", job.failures.empty() ? Json{} : Json(job.failures.front().at_ms)},
                               {"all-exceptions", Json::array()},
                               {"truncated", false},
                               {"exceptionHistory", {{"entries", std::move(entries)}, {"truncated", false}}}});
}

HttpResponse answer_resource_requirements(const ClusterJob& job) {
  Json json = Json::object();
  for (const PlannedVertex& vertex : vertices_of(job)) {
    json[vertex_name(vertex.id)] = {{"parallelism", {{"lowerBound", vertex.parallelism}, {"upperBound", vertex.parallelism}}}};
  }
  return answer_with(200, json);
}

HttpResponse answer_accumulators() {
  return answer_with(200, Json{{"job-accumulators", Json::array()},
                               {"user-task-accumulators", Json::array()},
                               {"serialized-user-task-accumulators", Json::object()}});
}

HttpResponse answer_result(const ClusterJob& job) {
  if (job.end_ms < 0) return answer_with(200, Json{{"status", {{"id", "IN_PROGRESS"}}}});
  const bool failed = job.glance.state == "FAILED";
  Json result{{"id", job.glance.id},
              {"application-status", failed ? "FAILED" : job.glance.state == "CANCELED" ? "CANCELED" : "SUCCEEDED"},
              {"accumulator-results", Json::object()},
              {"net-runtime", duration_of(job)}};
  if (failed) {
    result["failure-cause"] = failure_cause<Json>(job.failures.empty() ? "the job failed; its log says why" : job.failures.front().message);
  }
  return answer_with(200, Json{{"status", {{"id", "COMPLETED"}}}, {"job-execution-result", std::move(result)}});
}

HttpResponse answer_status(const ClusterJob& job) { return answer_with(200, Json{{"status", job.glance.state}}); }

}  // namespace tidemark

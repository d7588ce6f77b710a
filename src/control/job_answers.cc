#include "control/job_answers.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "control/http_answer.h"
#include "control/plan_answer.h"
#include "control/vertex_answers.h"

namespace tidemark {
namespace {

using Json = nlohmann::json;

constexpr std::array<std::string_view, 10> kTaskStates = {"CREATED",  "SCHEDULED", "DEPLOYING", "INITIALIZING", "RUNNING",
                                                         "FINISHED", "CANCELING", "CANCELED",  "FAILED",       "RECONCILING"};

std::string lower(std::string_view text) {
  std::string result{text};
  for (char& c : result) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return result;
}

Json task_counts(std::string_view state, std::uint64_t tasks) {
  Json counts = Json::object();
  for (const std::string_view each : kTaskStates) counts[std::string{each}] = each == state ? tasks : 0;
  return counts;
}

std::int64_t duration_of(const ClusterJob& job) {
  return (job.end_ms >= 0 ? job.end_ms : job.glance.now_ms) - job.glance.start_ms;
}

Json overview_of(const ClusterJob& job) {
  return {{"jid", job.glance.id},
          {"name", job.glance.name},
          {"jobType", "STREAMING"},
          {"schedulerType", "Default"},
          {"start-time", job.glance.start_ms},
          {"end-time", job.end_ms},
          {"duration", duration_of(job)},
          {"state", job.glance.state},
          {"last-modification", job.end_ms >= 0 ? job.end_ms : job.glance.now_ms},
          {"pending-operators", 0},
          {"waits-for", job.glance.waits_for.empty() ? Json{} : Json(job.glance.waits_for)}};
}

Json vertex_of(const ClusterJob& job, const PlannedVertex& vertex) {
  const auto found = std::ranges::find(job.glance.vertices, vertex.id, &VertexMetrics::id);
  const std::string_view state = task_state_of(job.glance.state);
  return {{"id", vertex_name(vertex.id)},
          {"slotSharingGroupId", vertex_name(0)},
          {"name", vertex.name},
          {"maxParallelism", job.max_parallelism == 0 ? Json(-1) : Json(job.max_parallelism)},
          {"parallelism", vertex.parallelism},
          {"status", state},
          {"start-time", -1},
          {"end-time", -1},
          {"duration", -1},
          {"tasks", task_counts(state, vertex.parallelism)},
          {"metrics", Json::parse(found == job.glance.vertices.end() ? io_metrics({}) : io_metrics(*found))}};
}

Json failure_of(const JobFailure& failure) {
  return {{"exceptionName", "tidemark.Error"},
          {"stacktrace", failure.message},
          {"timestamp", failure.at_ms},
          {"failureLabels", Json::object()},
          {"taskName", nullptr},
          {"endpoint", nullptr},
          {"taskManagerId", nullptr},
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
    std::uint64_t tasks = 0;
    for (const PlannedVertex& vertex : vertices_of(job)) tasks += vertex.parallelism;
    Json counts{{"total", tasks}};
    for (const std::string_view state : kTaskStates) counts[lower(state)] = state == task_state_of(job.glance.state) ? tasks : 0;
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
  json["timestamps"] = {{"INITIALIZING", job.glance.start_ms}};
  if (job.end_ms >= 0) json["timestamps"][std::string{job.glance.state}] = job.end_ms;
  const std::vector<PlannedVertex> vertices = vertices_of(job);
  json["vertices"] = Json::array();
  for (const PlannedVertex& vertex : vertices) json["vertices"].push_back(vertex_of(job, vertex));
  json["status-counts"] = task_counts(task_state_of(job.glance.state), vertices.size());
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
  for (const auto& [key, value] : job.configuration) options[key] = value;
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

HttpResponse answer_result(const ClusterJob& job) {
  if (job.end_ms < 0) return answer_with(200, Json{{"status", {{"id", "IN_PROGRESS"}}}});
  const bool failed = job.glance.state == "FAILED";
  Json result{{"id", job.glance.id},
              {"application-status", failed ? "FAILED" : job.glance.state == "CANCELED" ? "CANCELED" : "SUCCEEDED"},
              {"accumulator-results", Json::object()},
              {"net-runtime", duration_of(job)}};
  if (failed) {
    const std::string why = job.failures.empty() ? "the job failed; its log says why" : job.failures.front().message;
    result["failure-cause"] = {{"class", "tidemark.Error"}, {"stack-trace", why}, {"serialized-throwable", ""}};
  }
  return answer_with(200, Json{{"status", {{"id", "COMPLETED"}}}, {"job-execution-result", std::move(result)}});
}

HttpResponse answer_status(const ClusterJob& job) { return answer_with(200, Json{{"status", job.glance.state}}); }

}  // namespace tidemark

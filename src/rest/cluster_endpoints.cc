#include "rest/cluster_endpoints.h"

#include <fmt/format.h>

#include <algorithm>
#include <future>
#include <nlohmann/json.hpp>
#include <utility>

#include "control/http_answer.h"
#include "control/job_metrics.h"
#include "control/metric_answers.h"
#include "env/local_host.h"
#include "env/posix_file_system.h"
#include "rest/cluster_answers.h"
#include "rest/run_request.h"

namespace tidemark {
namespace {

using Json = nlohmann::json;

const Operations::Scope kDisposals = "disposals";

bool shows_logs(const std::vector<std::string>& parts) {
  const auto is_log = [&parts](std::size_t at) {
    return parts.size() > at && (parts[at] == "log" || parts[at] == "logs" || parts[at] == "thread-dump");
  };
  return parts.size() > 1 && ((parts[0] == "jobmanager" && is_log(1)) || (parts[0] == "taskmanagers" && is_log(2)));
}

}  // namespace

ClusterEndpoints::ClusterEndpoints(ClusterControl& cluster)
    : cluster_{cluster},
      jobs_{cluster},
      jars_{cluster},
      logs_{posix_file_system(), {}, "jobmanager.log"} {}

bool ClusterEndpoints::changes(const std::string& method, const std::string& path) {
  const std::vector<std::string> parts = parts_of_path(path);
  const bool plans = parts.size() == 3 && parts[0] == "jars" && parts[2] == "plan";
  return plans || shows_logs(parts) || (method != "GET" && method != "HEAD");
}

bool ClusterEndpoints::takes_upload(const std::string& path) {
  const std::vector<std::string> parts = parts_of_path(path);
  return parts.size() == 2 && parts[0] == "jars" && parts[1] == "upload";
}

HttpResponse ClusterEndpoints::handle(const HttpRequest& request) {
  const std::vector<std::string> parts = parts_of_path(request.path);
  const bool get = request.method == "GET";
  const bool is_one = parts.size() == 1;
  if (is_deeply_nested(request.body)) return refuse(400, "the body is nested too deeply");
  if (parts.empty()) return refuse(404, "there is nothing at /: GET /overview says what the cluster has");
  if (parts[0] == "jobs" && parts.size() >= 3 && parts[2] == "upgrade") return upgrade(request, parts);
  if (parts[0] == "jobs") return jobs_.handle(request);
  if (parts[0] == "jars") return jars_.handle(request, parts);
  if (get && is_one && parts[0] == "config") return answer_config_of_cluster();
  if (get && is_one && parts[0] == "overview") return answer_overview_of_cluster(cluster_.task_managers(), cluster_.jobs());
  if (get && is_one && parts[0] == "metrics") return answer_prometheus(metrics());
  if (get && parts[0] == "jobmanager") return of_job_manager(request, parts);
  if (get && parts[0] == "taskmanagers") return of_task_managers(request, parts);
  if (parts[0] == "savepoint-disposal" && is_one && request.method == "POST") return dispose(request);
  if (parts[0] == "savepoint-disposal" && parts.size() == 2 && get) return disposals_->poll(kDisposals, parts[1]);
  return refuse(404, fmt::format("there is nothing at {} {}", request.method, request.path));
}

HttpResponse ClusterEndpoints::of_job_manager(const HttpRequest& request, const std::vector<std::string>& parts) {
  const std::string part = parts.size() < 2 ? "" : parts[1];
  if (parts.size() == 3 && part == "logs") return logs_.read(parts[2], request);
  if (parts.size() != 2) return refuse(404, fmt::format("there is nothing at {} {}", request.method, request.path));
  if (part == "metrics") {
    MetricValues values;
    append({}, metrics_of_cluster(cluster_.task_managers(), cluster_.jobs()), values);
    append({}, metrics_of_this_process(posix_file_system()), values);
    return answer_values(values, request.query);
  }
  if (part == "config") return answer_configuration(cluster_.configuration());
  if (part == "thread-dump") return answer_threads(thread_reports_of_this_process(posix_file_system()));
  if (part == "logs") return logs_.list();
  if (part == "log") return logs_.read_own(request);
  if (part == "stdout") return logs_.refuse_stdout();
  return refuse(404, fmt::format("there is nothing at {} {}", request.method, request.path));
}

HttpResponse ClusterEndpoints::of_task_managers(const HttpRequest& request, const std::vector<std::string>& parts) {
  if (parts.size() == 1) return answer_task_managers(cluster_.task_managers());
  if (parts.size() == 2 && parts[1] == "metrics") return metrics_of_task_managers(request);
  if (parts.size() == 2) return task_manager(parts[1]);
  std::string path;
  for (std::size_t i = 2; i < parts.size(); ++i) path += "/" + parts[i];
  auto answer = ask(parts[1], {.path = path, .query = request.query, .body = {}});
  return answer ? *std::move(answer) : refuse_for(answer.error());
}

/// Waits for its answer.
Result<HttpResponse> ClusterEndpoints::ask(const std::string& task_manager, HttpRequest request) {
  std::promise<Result<HttpResponse>> promise;
  auto answer = promise.get_future();
  cluster_.ask_task_manager(task_manager, std::move(request),
                            [promise = std::move(promise)](Result<HttpResponse> response) mutable { promise.set_value(std::move(response)); });
  try {
    return answer.get();
  } catch (const std::future_error&) {
    return fail(ErrorCode::kCancelled, "the JobManager ends");
  }
}

/// Of each TaskManager those that the query asks for, and then over all of them.
HttpResponse ClusterEndpoints::metrics_of_task_managers(const HttpRequest& request) {
  const std::vector<std::string> wanted = words_of(request.query, "taskmanagers");
  std::vector<std::vector<Metric>> of_each;
  std::string names;
  if (const auto get = request.query.find("get"); get != request.query.end()) names = get->second;
  for (const TaskManagerGlance& each : cluster_.task_managers()) {
    if (!wanted.empty() && std::ranges::find(wanted, each.id) == wanted.end()) continue;
    std::map<std::string, std::string> query;
    if (!names.empty()) query.emplace("get", names);
    const auto answer = ask(each.id, {.path = "/metrics", .query = std::move(query), .body = {}});
    if (!answer) continue;  // it has just gone, or is slow: the others can still be told of
    of_each.push_back(metrics_in(answer->body));
  }
  return answer_aggregates(of_each, request.query);
}

std::vector<MetricGroup> ClusterEndpoints::metrics() {
  const std::vector<JobGlance> jobs = cluster_.jobs();
  const std::vector<MetricLabel> host{{"host", host_name()}};
  std::vector<MetricGroup> groups{{.scope = "jobmanager", .labels = host, .metrics = metrics_of_cluster(cluster_.task_managers(), jobs)},
                                  {.scope = "jobmanager", .labels = host, .metrics = metrics_of_this_process(posix_file_system())}};
  for (const JobGlance& job : jobs) {
    if (is_over(job)) continue;
    groups.push_back(metric_group_of(job));
    groups.back().labels.push_back(host.front());
  }
  return groups;
}

HttpResponse ClusterEndpoints::task_manager(const std::string& id) {
  const std::vector<TaskManagerGlance> all = cluster_.task_managers();
  const auto found = std::ranges::find(all, id, &TaskManagerGlance::id);
  if (found == all.end()) return refuse(404, fmt::format("there is no TaskManager '{}': GET /taskmanagers names those that there are", id));
  return answer_task_manager(*found);
}

HttpResponse ClusterEndpoints::upgrade(const HttpRequest& request, const std::vector<std::string>& parts) {
  const std::string& job = parts[1];
  const Operations::Scope scope = "upgrade of " + job;
  if (parts.size() == 4 && request.method == "GET") return upgrades_->poll(scope, parts[3]);
  if (parts.size() != 3 || request.method != "POST") return refuse(404, fmt::format("there is nothing at {} {}", request.method, request.path));
  if (!cluster_.job(job)) return refuse(404, fmt::format("there is no job '{}' here: GET /jobs names those that there are", job));
  auto asked = upgrade_request_of(request);
  if (!asked) return refuse_for(asked.error());
  if (const auto found = cluster_.executables().find(asked->order.run.executable); !found) return refuse_for(found.error());
  const Operations::Begun begun = upgrades_->begin(scope, asked->trigger_id, request.body);
  if (!begun.is_new) return begun.answer;
  cluster_.upgrade(job, std::move(asked->order), [upgrades = upgrades_, scope, own = begun.id](const Result<Upgraded>& outcome) {
    upgrades->conclude(scope, own, outcome ? answer_with(200, Json{{"jobid", outcome->job}, {"location", outcome->savepoint}}).body
                                           : failed_operation("failure-cause", outcome.error().message()));
  });
  return begun.answer;
}

HttpResponse ClusterEndpoints::dispose(const HttpRequest& request) {
  const Json body = Json::parse(request.body, nullptr, false);
  if (!body.is_object()) return refuse(400, "the body must be a JSON object");
  std::string path;
  std::string id;
  for (const auto& [name, value] : body.items()) {
    std::string* to = name == "savepoint-path" ? &path : name == "triggerId" ? &id : nullptr;
    if (to == nullptr) return refuse(400, fmt::format("the field '{}' is unknown", name));
    if (value.is_null()) continue;
    if (!value.is_string()) return refuse(400, fmt::format("the field '{}' must be text", name));
    *to = value.get<std::string>();
  }
  if (path.empty()) return refuse(400, "the field 'savepoint-path' must name the savepoint's folder");
  const Operations::Begun begun = disposals_->begin(kDisposals, id, path);
  if (!begun.is_new) return begun.answer;
  cluster_.dispose_savepoint(path, [disposals = disposals_, own = begun.id](const Result<>& outcome) {
    disposals->conclude(kDisposals, own, outcome ? "{}" : failed_operation("failure-cause", outcome.error().message()));
  });
  return begun.answer;
}

}  // namespace tidemark

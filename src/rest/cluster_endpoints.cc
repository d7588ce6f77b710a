#include "rest/cluster_endpoints.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "control/http_answer.h"
#include "rest/cluster_answers.h"
#include "rest/run_request.h"

namespace tidemark {
namespace {

using Json = nlohmann::json;

const Operations::Scope kDisposals = "disposals";

}  // namespace

ClusterEndpoints::ClusterEndpoints(ClusterControl& cluster) : cluster_{cluster}, jobs_{cluster}, jars_{cluster} {}

bool ClusterEndpoints::changes(const std::string& method, const std::string& path) {
  const std::vector<std::string> parts = parts_of_path(path);
  const bool plans = parts.size() == 3 && parts[0] == "jars" && parts[2] == "plan";
  return plans || (method != "GET" && method != "HEAD");
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
  if (get && is_one && parts[0] == "taskmanagers") return answer_task_managers(cluster_.task_managers());
  if (get && parts.size() == 2 && parts[0] == "taskmanagers") return task_manager(parts[1]);
  if (parts[0] == "savepoint-disposal" && is_one && request.method == "POST") return dispose(request);
  if (parts[0] == "savepoint-disposal" && parts.size() == 2 && get) return disposals_->poll(kDisposals, parts[1]);
  return refuse(404, fmt::format("there is nothing at {} {}", request.method, request.path));
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

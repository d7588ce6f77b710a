#include "control/job_endpoints.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "control/checkpoint_answers.h"
#include "control/http_answer.h"
#include "control/job_answers.h"
#include "control/plan_answer.h"

namespace tidemark {
namespace {

using Json = nlohmann::json;

/// The only job that there is.
class OneJob final : public JobsControl {
 public:
  explicit OneJob(JobControl& job) : job_{job} {}

  std::vector<JobGlance> jobs() override { return {job_.glance()}; }
  std::optional<ClusterJob> job(std::string_view id) override {
    ClusterJob job{.glance = job_.glance()};
    if (job.glance.id != id) return std::nullopt;
    job.checkpoints = job_.checkpoints();
    return job;
  }
  void take_snapshot(std::string_view, SnapshotOrder order, SnapshotAnswer answer) override {
    job_.take_snapshot(std::move(order), std::move(answer));
  }
  Result<> cancel(std::string_view) override {
    job_.cancel();
    return {};
  }

 private:
  JobControl& job_;
};

enum class Kind { kSavepoint, kCheckpoint };

Operations::Scope scope_of(Kind kind, const std::string& job) {
  return fmt::format("{} of {}", kind == Kind::kSavepoint ? "savepoint" : "checkpoint", job);
}

std::string operation_of(Kind kind, const Result<SnapshotTaken>& outcome) {
  if (!outcome) return failed_operation(kind == Kind::kSavepoint ? "failure-cause" : "failureCause", outcome.error().message());
  if (kind == Kind::kCheckpoint) return Json{{"checkpointId", outcome->id}}.dump();
  return answer_with(200, Json{{"location", outcome->path}}).body;
}

}  // namespace

std::vector<std::string> parts_of_path(std::string_view path) {
  std::vector<std::string> parts;
  while (!path.empty()) {
    const std::size_t slash = path.find('/');
    if (slash != 0) parts.emplace_back(path.substr(0, slash));
    path = slash == std::string_view::npos ? std::string_view{} : path.substr(slash + 1);
  }
  if (!parts.empty() && parts.front() == "v1") parts.erase(parts.begin());
  return parts;
}

/// One request.
class JobEndpoints::Call {
 public:
  Call(JobEndpoints& endpoints, const HttpRequest& request)
      : jobs_{endpoints.jobs_},
        operations_{endpoints.operations_},
        request_{request},
        get_{request.method == "GET"},
        post_{request.method == "POST"},
        parts_{parts_of_path(request.path)} {}

  HttpResponse run() {
    if (parts_.empty() || parts_[0] != "jobs") return not_found();
    if (parts_.size() == 1) return get_ ? answer_jobs(jobs_.jobs()) : not_found();
    if (parts_.size() == 2 && parts_[1] == "overview") return get_ ? overview() : not_found();
    if (parts_.size() == 2 && parts_[1] == "metrics") return get_ ? answer_metrics_of_jobs(jobs_.jobs(), request_.query) : not_found();
    auto job = jobs_.job(parts_[1]);
    if (!job) return refuse(404, fmt::format("there is no job '{}' here: GET /jobs names those that there are", parts_[1]));
    job_ = *std::move(job);
    if (parts_.size() == 2) return get_ ? answer_job(job_) : request_.method == "PATCH" ? cancel() : not_found();
    if (parts_.size() == 3) return get_ ? part_of_job() : post_ ? asked_for() : not_found();
    if (!get_) return not_found();
    if (parts_[2] == "vertices") return vertex();
    if (parts_[2] == "checkpoints" && parts_.size() >= 5 && parts_[3] == "details") return checkpoint_details();
    if (parts_.size() != 4) return not_found();
    if (parts_[2] == "checkpoints" && parts_[3] == "config") return answer_checkpoint_config(job_);
    if (parts_[2] == "checkpoints") return poll(Kind::kCheckpoint);
    if (parts_[2] == "savepoints") return poll(Kind::kSavepoint);
    return not_found();
  }

 private:
  HttpResponse not_found() const {
    return refuse(404, fmt::format("there is nothing at {} {}", request_.method, request_.path));
  }

  HttpResponse overview() const {
    std::vector<ClusterJob> all;
    for (const JobGlance& glance : jobs_.jobs()) {
      if (auto job = jobs_.job(glance.id)) all.push_back(*std::move(job));
    }
    return answer_jobs_overview(all);
  }

  HttpResponse part_of_job() const {
    const std::string& part = parts_[2];
    if (part == "checkpoints") return answer_checkpoints(job_);
    if (part == "accumulators") return answer_accumulators();
    if (part == "resource-requirements") return answer_resource_requirements(job_);
    if (part == "config") return answer_config(job_);
    if (part == "exceptions") return answer_exceptions(job_);
    if (part == "execution-result") return answer_result(job_);
    if (part == "metrics") return answer_job_metrics(job_, request_.query);
    if (part == "plan") return answer_plan(job_);
    if (part == "status") return answer_status(job_);
    return not_found();
  }

  HttpResponse vertex() const {
    const std::vector<PlannedVertex> planned = vertices_of(job_);
    const auto vertex = std::ranges::find(planned, parts_[3], [](const PlannedVertex& each) { return vertex_name(each.id); });
    if (vertex == planned.end()) return refuse(404, fmt::format("job '{}' has no vertex '{}'", parts_[1], parts_[3]));
    const auto found = std::ranges::find(job_.glance.vertices, vertex->id, &VertexMetrics::id);
    const VertexMetrics* const metrics = found == job_.glance.vertices.end() ? nullptr : &*found;
    if (parts_.size() == 4) return answer_vertex(job_, *vertex, metrics);
    if (parts_.size() == 5 && parts_[4] == "subtasktimes") return answer_subtask_times(job_, *vertex);
    if (parts_.size() == 5 && parts_[4] == "taskmanagers") return answer_task_managers_of(job_, *vertex, metrics);
    if (parts_.size() == 6 && parts_[4] == "subtasks" && parts_[5] != "metrics") return answer_subtask(job_, *vertex, parts_[5], metrics);
    if (metrics == nullptr) return refuse(404, fmt::format("of vertex '{}' of job '{}' no metrics are known yet", parts_[3], parts_[1]));
    if (parts_.size() == 5 && parts_[4] == "metrics") return answer_vertex_metrics(job_, *found, request_.query);
    if (parts_.size() == 5 && parts_[4] == "backpressure") return answer_backpressure(job_, *found);
    if (parts_.size() == 5 && parts_[4] == "watermarks") return answer_watermarks(*found);
    if (parts_[4] != "subtasks") return not_found();
    if (parts_.size() == 6 && parts_[5] == "metrics") return answer_subtasks_metrics(job_, *found, request_.query);
    if (parts_.size() == 7 && parts_[6] == "metrics") return answer_subtask_metrics(job_, *found, parts_[5], request_.query);
    return not_found();
  }

  HttpResponse checkpoint_details() const {
    if (parts_.size() == 5) return answer_checkpoint(job_, parts_[4]);
    if (parts_.size() == 7 && parts_[5] == "subtasks") return answer_checkpoint_subtasks(job_, parts_[4], parts_[6]);
    return not_found();
  }

  HttpResponse cancel() {
    const auto mode = request_.query.find("mode");
    if (mode != request_.query.end() && mode->second != "cancel") {
      return refuse(400, fmt::format("mode '{}' is unknown: it must be cancel", mode->second));
    }
    const auto cancelled = jobs_.cancel(parts_[1]);
    return cancelled ? answer_with(202, Json::object()) : refuse_for(cancelled.error());
  }

  HttpResponse asked_for() {
    if (parts_[2] == "savepoints") return with_body(&Call::savepoint);
    if (parts_[2] == "stop") return with_body(&Call::stop);
    if (parts_[2] == "checkpoints") return with_body(&Call::checkpoint);
    return not_found();
  }

  HttpResponse with_body(HttpResponse (Call::*what)(const Json&)) {
    const Json body = request_.body.empty() ? Json::object() : Json::parse(request_.body, nullptr, false);
    if (!body.is_object()) return refuse(400, "the body must be a JSON object");
    return (this->*what)(body);
  }

  HttpResponse savepoint(const Json& body) {
    if (auto refused = read_fields(body, "target-directory", "cancel-job")) return *std::move(refused);
    return start(Kind::kSavepoint, {.what = SnapshotOrder::What::kSavepoint,
                                    .then = flag_ ? SnapshotOrder::Then::kCancel : SnapshotOrder::Then::kGoOn,
                                    .dir = text_});
  }

  HttpResponse stop(const Json& body) {
    if (auto refused = read_fields(body, "targetDirectory", "drain")) return *std::move(refused);
    return start(Kind::kSavepoint, {.what = SnapshotOrder::What::kSavepoint,
                                    .then = flag_ ? SnapshotOrder::Then::kDrain : SnapshotOrder::Then::kStop,
                                    .dir = text_});
  }

  HttpResponse checkpoint(const Json& body) {
    if (auto refused = read_fields(body, "checkpointType", "")) return *std::move(refused);
    if (!text_.empty() && text_ != "CONFIGURED" && text_ != "FULL") {
      return refuse(400, fmt::format("checkpointType '{}' is unknown: it must be CONFIGURED or FULL", text_));
    }
    return start(Kind::kCheckpoint,
                 {.what = SnapshotOrder::What::kCheckpoint, .then = SnapshotOrder::Then::kGoOn, .dir = {}, .is_full = text_ == "FULL"});
  }

  /// Into text_, flag_ and trigger_id_; what is wrong with them, if anything.
  std::optional<HttpResponse> read_fields(const Json& body, std::string_view text, std::string_view flag) {
    std::string format;
    for (const auto& [name, value] : body.items()) {
      std::string* to = name == text ? &text_ : name == "triggerId" ? &trigger_id_ : name == "formatType" ? &format : nullptr;
      if (to == nullptr && (flag.empty() || name != flag)) return refuse(400, fmt::format("the field '{}' is unknown", name));
      if (value.is_null()) continue;
      if (to != nullptr ? !value.is_string() : !value.is_boolean()) {
        return refuse(400, fmt::format("the field '{}' must be {}", name, to != nullptr ? "text" : "true or false"));
      }
      if (to != nullptr) {
        *to = value.get<std::string>();
      } else {
        flag_ = value.get<bool>();
      }
    }
    if (!format.empty() && format != "CANONICAL") return refuse(400, "savepoints have the format CANONICAL");
    return std::nullopt;
  }

  /// What was asked under that id, and has ended, of whatever JobManager; null: the job's record says nothing of it.
  const TriggeredSnapshot* on_record(Kind kind, const std::string& id) const {
    const auto found = std::ranges::find_if(job_.triggered, [&](const TriggeredSnapshot& each) {
      return each.is_over && each.trigger_id == id && each.is_savepoint == (kind == Kind::kSavepoint);
    });
    return found == job_.triggered.end() ? nullptr : &*found;
  }

  HttpResponse poll(Kind kind) const {
    const TriggeredSnapshot* const known = on_record(kind, parts_[3]);
    if (known == nullptr) return operations_->poll(scope_of(kind, parts_[1]), parts_[3]);
    return answer_concluded(operation_of(kind, known->failure.empty() ? Result<SnapshotTaken>{known->taken} : fail(ErrorCode::kFailedPrecondition, known->failure)));
  }

  HttpResponse start(Kind kind, SnapshotOrder order) {
    if (const TriggeredSnapshot* const known = on_record(kind, trigger_id_)) return answer_begun(known->trigger_id, known->asked == text_of(order));
    const Operations::Scope scope = scope_of(kind, parts_[1]);
    Operations::Begun begun = operations_->begin(scope, trigger_id_, text_of(order));
    if (!begun.is_new) return begun.answer;
    order.trigger_id = begun.id;
    jobs_.take_snapshot(parts_[1], std::move(order),
                        [operations = operations_, scope, kind, id = begun.id](const Result<SnapshotTaken>& outcome) {
                          operations->conclude(scope, id, operation_of(kind, outcome));
                        });
    return begun.answer;
  }

  JobsControl& jobs_;
  const std::shared_ptr<Operations>& operations_;
  const HttpRequest& request_;
  const bool get_;
  const bool post_;
  const std::vector<std::string> parts_;
  ClusterJob job_;
  std::string text_;
  bool flag_ = false;
  std::string trigger_id_;
};

JobEndpoints::JobEndpoints(JobsControl& jobs) : jobs_{jobs}, operations_{std::make_shared<Operations>()} {}

JobEndpoints::JobEndpoints(JobControl& job)
    : own_{std::make_unique<OneJob>(job)}, jobs_{*own_}, operations_{std::make_shared<Operations>()} {}

JobEndpoints::~JobEndpoints() = default;

HttpResponse JobEndpoints::handle(const HttpRequest& request) {
  if (is_deeply_nested(request.body)) return refuse(400, "the body is nested too deeply");
  return Call{*this, request}.run();
}

}  // namespace tidemark

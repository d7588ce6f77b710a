#include "control/job_endpoints.h"

#include <fmt/format.h>

#include <map>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

namespace tidemark {
namespace {

using Json = nlohmann::json;

constexpr std::size_t kLongestTriggerId = 128;
constexpr std::string_view kRestarts = "numRestarts";

HttpResponse answer_with(int status, const Json& body) {
  return {status, body.dump(-1, ' ', false, Json::error_handler_t::replace)};
}

HttpResponse refuse(int status, std::string_view why) { return answer_with(status, {{"errors", {std::string{why}}}}); }

std::vector<std::string> parts_of(std::string_view path) {
  std::vector<std::string> parts;
  while (!path.empty()) {
    const std::size_t slash = path.find('/');
    if (slash != 0) parts.emplace_back(path.substr(0, slash));
    path = slash == std::string_view::npos ? std::string_view{} : path.substr(slash + 1);
  }
  if (!parts.empty() && parts.front() == "v1") parts.erase(parts.begin());
  return parts;
}

bool is_trigger_id(std::string_view id) {
  return !id.empty() && id.size() <= kLongestTriggerId &&
         id.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") == std::string_view::npos;
}

}  // namespace

/// What was asked for. Shared with the answers that are still to come.
class JobEndpoints::Operations {
 public:
  enum class Kind { kSavepoint, kCheckpoint };
  struct Operation {
    Kind kind = Kind::kSavepoint;
    std::string asked;  // the request, to tell a repetition from another request of the same id
    std::optional<Result<SnapshotTaken>> outcome;
    bool fetched = false;
  };

  mutable std::mutex mutex;  // guards all below
  std::map<std::string, Operation, std::less<>> by_id;
  std::uint64_t newest = 0;
};

/// One request.
class JobEndpoints::Call {
 public:
  Call(JobControl& job, const std::shared_ptr<Operations>& operations, const HttpRequest& request)
      : job_{job}, operations_{operations}, request_{request}, parts_{parts_of(request.path)} {}

  HttpResponse run() {
    const bool get = request_.method == "GET";
    if (parts_.empty() || parts_[0] != "jobs") return not_found();
    if (parts_.size() == 1) return get ? jobs() : not_found();
    if (parts_.size() == 2 && parts_[1] == "overview") return get ? overview() : not_found();
    if (parts_[1] != job_.glance().id) {
      return refuse(404, fmt::format("there is no job '{}' here, this is job '{}'", parts_[1], job_.glance().id));
    }
    if (parts_.size() == 2) return get ? overview_of_job() : request_.method == "PATCH" ? cancel() : not_found();
    if (parts_.size() == 3 && get && parts_[2] == "checkpoints") return checkpoints();
    if (parts_.size() == 3 && get && parts_[2] == "metrics") return metrics_of_job();
    if (parts_.size() == 4 && get && parts_[2] == "vertices") return vertex();
    const bool post = request_.method == "POST";
    if (parts_.size() == 3 && post) {
      if (parts_[2] == "savepoints") return with_body(&Call::savepoint);
      if (parts_[2] == "stop") return with_body(&Call::stop);
      if (parts_[2] == "checkpoints") return with_body(&Call::checkpoint);
    }
    if (parts_.size() == 4 && get) {
      if (parts_[2] == "savepoints") return outcome(Operations::Kind::kSavepoint);
      if (parts_[2] == "checkpoints") return outcome(Operations::Kind::kCheckpoint);
    }
    return not_found();
  }

 private:
  using Kind = Operations::Kind;

  HttpResponse not_found() const {
    return refuse(404, fmt::format("there is nothing at {} {}", request_.method, request_.path));
  }

  HttpResponse jobs() const {
    const JobGlance glance = job_.glance();
    return answer_with(200, {{"jobs", {{{"id", glance.id}, {"status", glance.state}}}}});
  }

  Json overview_json() const {
    const JobGlance glance = job_.glance();
    return {{"jid", glance.id},
            {"name", glance.name},
            {"state", glance.state},
            {"start-time", glance.start_ms},
            {"end-time", -1},
            {"duration", glance.now_ms - glance.start_ms},
            {"last-modification", glance.now_ms}};
  }
  HttpResponse overview() const { return answer_with(200, {{"jobs", {overview_json()}}}); }
  HttpResponse overview_of_job() const {
    Json json = overview_json();
    const JobGlance glance = job_.glance();
    json["now"] = glance.now_ms;
    json[std::string{kRestarts}] = glance.restarts;
    json["isStoppable"] = true;
    json["vertices"] = Json::array();
    for (const VertexMetrics& vertex : glance.vertices) {
      Json metrics = metrics_json(sum_of(vertex.subtasks));
      metrics["skew"] = skew(vertex);
      json["vertices"].push_back({{"id", std::to_string(vertex.id)},
                                  {"name", vertex.name},
                                  {"parallelism", vertex.subtasks.size()},
                                  {"metrics", std::move(metrics)}});
    }
    return answer_with(200, json);
  }
  /// As Flink has it: without `get` the names, with it the values, as text, of those that there are.
  HttpResponse metrics_of_job() const {
    const std::map<std::string_view, std::string> all{{kRestarts, std::to_string(job_.glance().restarts)}};
    const auto wanted = request_.query.find("get");
    Json metrics = Json::array();
    for (const auto& [name, value] : all) {
      if (wanted == request_.query.end()) {
        metrics.push_back({{"id", name}});
      } else if ((',' + wanted->second + ',').contains(fmt::format(",{},", name))) {
        metrics.push_back({{"id", name}, {"value", value}});
      }
    }
    return answer_with(200, metrics);
  }
  HttpResponse vertex() const {
    const JobGlance glance = job_.glance();
    for (const VertexMetrics& vertex : glance.vertices) {
      if (std::to_string(vertex.id) != parts_[3]) continue;
      Json subtasks = Json::array();
      for (std::size_t i = 0; i < vertex.subtasks.size(); ++i) {
        subtasks.push_back({{"subtask", i}, {"metrics", metrics_json(vertex.subtasks[i])}});
      }
      return answer_with(200, {{"id", parts_[3]},
                               {"name", vertex.name},
                               {"parallelism", vertex.subtasks.size()},
                               {"now", glance.now_ms},
                               {"skew", skew(vertex)},
                               {"subtasks", std::move(subtasks)}});
    }
    return refuse(404, fmt::format("job '{}' has no vertex '{}'", glance.id, parts_[3]));
  }
  static SubtaskMetrics sum_of(const std::vector<SubtaskMetrics>& subtasks) {
    SubtaskMetrics sum;
    for (const SubtaskMetrics& each : subtasks) {
      sum.records_in += each.records_in;
      sum.records_out += each.records_out;
      sum.late_dropped += each.late_dropped;
      sum.skipped += each.skipped;
      sum.busy_ms += each.busy_ms;
      sum.idle_ms += each.idle_ms;
      sum.backpressured_ms += each.backpressured_ms;
    }
    return sum;
  }
  static Json metrics_json(const SubtaskMetrics& metrics) {
    return {{"read-records", metrics.records_in},
            {"write-records", metrics.records_out},
            {"numLateRecordsDropped", metrics.late_dropped},
            {"numRecordsInErrors", metrics.skipped},
            {"accumulated-busy-time", metrics.busy_ms},
            {"accumulated-idle-time", metrics.idle_ms},
            {"accumulated-backpressured-time", metrics.backpressured_ms}};
  }

  HttpResponse checkpoints() const {
    const JobGlance glance = job_.glance();
    Json newest;
    if (const auto& checkpoint = glance.newest_checkpoint) {
      newest = {{"id", checkpoint->id},
                {"status", "COMPLETED"},
                {"is_savepoint", checkpoint->is_savepoint},
                {"trigger_timestamp", checkpoint->completed_ms - checkpoint->duration_ms},
                {"end_to_end_duration", checkpoint->duration_ms},
                {"checkpointed_size", checkpoint->written_bytes},
                {"state_size", checkpoint->state_bytes},
                {"external_path", checkpoint->path}};
    }
    const std::uint64_t total =
        glance.completed_checkpoints + glance.failed_checkpoints + glance.checkpoints_in_progress;
    return answer_with(200, {{"counts",
                              {{"total", total},
                               {"completed", glance.completed_checkpoints},
                               {"failed", glance.failed_checkpoints},
                               {"in_progress", glance.checkpoints_in_progress}}},
                             {"latest", {{"completed", newest}}}});
  }

  HttpResponse cancel() {
    const auto mode = request_.query.find("mode");
    if (mode != request_.query.end() && mode->second != "cancel") {
      return refuse(400, fmt::format("mode '{}' is unknown: it must be cancel", mode->second));
    }
    job_.cancel();
    return answer_with(202, Json::object());
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
                 {.what = SnapshotOrder::What::kCheckpoint, .then = SnapshotOrder::Then::kGoOn, .dir = {}});
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
    if (trigger_id_.empty() || is_trigger_id(trigger_id_)) return std::nullopt;
    return refuse(400, "a triggerId has 1 to 128 letters, digits, - and _");
  }

  HttpResponse start(Kind kind, SnapshotOrder order) {
    std::string id = trigger_id_;
    {
      const std::lock_guard guard{operations_->mutex};
      if (id.empty()) id = fmt::format("{:032x}", ++operations_->newest);
      const std::string asked =
          fmt::format("{} {} {}", static_cast<int>(order.what), static_cast<int>(order.then), order.dir);
      const auto [at, added] =
          operations_->by_id.try_emplace(id, Operations::Operation{kind, asked, std::nullopt, false});
      if (!added && at->second.asked != asked) return refuse(409, fmt::format("'{}' names another request", id));
      if (!added) return answer_with(202, {{"request-id", id}});
    }
    job_.take_snapshot(std::move(order), [operations = operations_, id](Result<SnapshotTaken> outcome) {
      const std::lock_guard guard{operations->mutex};
      operations->by_id.at(id).outcome = std::move(outcome);
    });
    return answer_with(202, {{"request-id", id}});
  }

  HttpResponse outcome(Kind kind) {
    const std::lock_guard guard{operations_->mutex};
    const auto found = operations_->by_id.find(parts_[3]);
    if (found == operations_->by_id.end() || found->second.kind != kind) {
      return refuse(404, fmt::format("nothing was asked for under the id '{}'", parts_[3]));
    }
    Operations::Operation& operation = found->second;
    if (!operation.outcome) return answer_with(200, {{"status", {{"id", "IN_PROGRESS"}}}});
    operation.fetched = true;
    return answer_with(200, {{"status", {{"id", "COMPLETED"}}}, {"operation", operation_json(kind, *operation.outcome)}});
  }

  static Json operation_json(Kind kind, const Result<SnapshotTaken>& outcome) {
    if (!outcome) {
      const Json cause{{"class", "tidemark.Error"}, {"stack-trace", outcome.error().message()}, {"serialized-throwable", ""}};
      return {{kind == Kind::kSavepoint ? "failure-cause" : "failureCause", cause}};
    }
    if (kind == Kind::kCheckpoint) return {{"checkpointId", outcome->id}};
    return {{"location", outcome->path}};
  }

  JobControl& job_;
  const std::shared_ptr<Operations>& operations_;
  const HttpRequest& request_;
  const std::vector<std::string> parts_;
  std::string text_;
  bool flag_ = false;
  std::string trigger_id_;
};

JobEndpoints::JobEndpoints(JobControl& job) : job_{job}, operations_{std::make_shared<Operations>()} {}

JobEndpoints::~JobEndpoints() = default;

HttpResponse JobEndpoints::handle(const HttpRequest& request) { return Call{job_, operations_, request}.run(); }

bool JobEndpoints::all_outcomes_fetched() const {
  const std::lock_guard guard{operations_->mutex};
  for (const auto& [id, operation] : operations_->by_id) {
    if (operation.outcome && !operation.fetched) return false;
  }
  return true;
}

}  // namespace tidemark

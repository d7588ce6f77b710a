#include "cli/job_client.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <nlohmann/json.hpp>
#include <thread>
#include <utility>

#include "cli/job_manager.h"
#include "codec/utf8.h"
#include "control/control_folder.h"
#include "env/file_urls.h"

namespace tidemark {
namespace {

using Json = nlohmann::json;

constexpr auto kFirstPause = std::chrono::milliseconds{10};
constexpr auto kLongestPause = std::chrono::milliseconds{100};
constexpr int kTries = 3;

const Json* at(const Json& json, const char* name) {
  const auto found = json.is_object() ? json.find(name) : json.end();
  return found == json.end() ? nullptr : &*found;
}

std::string text_at(const Json& json, const char* name) {
  const Json* text = at(json, name);
  return text != nullptr && text->is_string() ? text->get<std::string>() : std::string{};
}

std::unexpected<Error> strange_answer() {
  return fail(ErrorCode::kInternal, "the job's answer is not understood: is it of another version of Tidemark?");
}

}  // namespace

Result<JobClient> JobClient::find(const Env& env, const std::string& path) {
  TIDEMARK_ASSIGN(place, job_place(*env.files, control_root(), path));
  return reach(env, std::move(place));
}

Result<JobClient> JobClient::reach(const Env& env, JobPlace place) {
  TIDEMARK_ASSIGN(name, UnixSocketName::in(place.socket_folder, kControlSocket));
  const auto socket = std::make_shared<UnixSocketName>(std::move(name));
  JobClient client{env,
                   {.call = [socket](const HttpRequest& request) { return http_call(*socket, request); },
                    .where = place.folder,
                    .has_own_storage = place.is_on_storage()}};
  if (!socket->exists()) return std::unexpected{client.nobody_there()};
  TIDEMARK_TRY(client.introduce());
  return client;
}

Result<JobClient> JobClient::in_cluster(const Env& env, HttpPeer job_manager, std::string id) {
  std::string where = to_string(job_manager.address);
  JobClient client{env,
                   {.call = [peer = std::move(job_manager)](const HttpRequest& request) { return ask_patiently([&] { return http_call(peer, request); }); },
                    .where = std::move(where),
                    .is_cluster = true}};
  TIDEMARK_TRY(client.introduce_as(id));
  return client;
}

/// The only job that there is.
Result<> JobClient::introduce() {
  TIDEMARK_ASSIGN(answer, call({.path = "/v1/jobs/overview"}));
  const Json json = Json::parse(answer, nullptr, false);
  const Json* jobs = at(json, "jobs");
  if (jobs == nullptr || !jobs->is_array() || jobs->size() != 1) return strange_answer();
  return learn((*jobs)[0].dump());
}

Result<> JobClient::introduce_as(const std::string& id) {
  id_ = id;
  TIDEMARK_ASSIGN(answer, call({.path = job_path()}));
  return learn(answer);
}

Result<> JobClient::learn(const std::string& overview) {
  const Json json = Json::parse(overview, nullptr, false);
  id_ = text_at(json, "jid");
  state_ = text_at(json, "state");
  const Json* start = at(json, "start-time");
  if (start != nullptr && start->is_number_integer()) start_ms_ = start->get<std::int64_t>();
  return id_.empty() ? strange_answer() : Result<>{};
}

std::string JobClient::job_path() const { return "/v1/jobs/" + id_; }

Error JobClient::nobody_there() const {
  if (link_.is_cluster) return no_job_manager_at(link_.where);
  return Error{ErrorCode::kNotFound, fmt::format("no job is running in '{}': start it, or look with `tidemark list` at what is there",
                                                 link_.where)};
}

/// The body of an answer that is no refusal.
Result<std::string> JobClient::call(const HttpRequest& request) {
  const Result<HttpResponse> response = link_.call(request);
  if (!response && response.error().code() == ErrorCode::kNotFound) return std::unexpected{nobody_there()};
  if (!response) return std::unexpected{response.error().within(fmt::format("the job in '{}' does not answer", link_.where))};
  return accepted(*response);
}

Result<> JobClient::cancel() {
  TIDEMARK_ASSIGN(answer, call({.method = "PATCH", .path = job_path(), .query = {{"mode", "cancel"}}, .body = {}}));
  return {};
}

Result<std::string> JobClient::checkpoint_history() {
  TIDEMARK_ASSIGN(answer, call({.path = job_path() + "/checkpoints"}));
  const Json json = Json::parse(answer, nullptr, false);
  const Json* history = at(json, "history");
  if (history == nullptr || !history->is_array()) return strange_answer();
  return history->dump();
}

Error JobClient::no_answer(const Error& error) const {
  return Error{ErrorCode::kTimeout,
               fmt::format("{}; what was asked for may yet be done: `tidemark list` shows whether the job runs, its log says "
                           "what became of the request",
                           error.message())};
}

Error JobClient::ended_unheard() const {
  if (!link_.is_cluster) {
    return Error{ErrorCode::kCancelled, fmt::format("the job in '{}' ended before it had answered; its log says how", link_.where)};
  }
  return Error{ErrorCode::kCancelled, fmt::format("the JobManager at {} ended before it had answered; when it is back, `tidemark list -a` "
                                                  "shows what became of the job",
                                                  link_.where)};
}

/// The path under which it can be asked for. Asked again under the same id when the connection broke.
Result<std::string> JobClient::ask(const SnapshotOrder& order) {
  using Then = SnapshotOrder::Then;
  const bool checkpoint = order.what == SnapshotOrder::What::kCheckpoint;
  const bool stops = order.then == Then::kStop || order.then == Then::kDrain;
  const std::string id = fmt::format("{:016x}{:016x}", env_.random->next(), env_.random->next());
  Json body{{"triggerId", id}};
  const std::string dir = link_.has_own_storage ? order.dir : path_for_jobs(*env_.files, order.dir);
  if (find_invalid_utf8(dir) != std::string_view::npos) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("'{}' can't be the folder of savepoints: its name is no UTF-8", order.dir));
  }
  if (!dir.empty()) body[stops ? "targetDirectory" : "target-directory"] = dir;
  if (stops) body["drain"] = order.then == Then::kDrain;
  if (order.then == Then::kCancel) body["cancel-job"] = true;
  if (order.is_full) body["checkpointType"] = "FULL";
  const std::string kind = checkpoint ? "checkpoints" : "savepoints";
  const HttpRequest request{.method = "POST",
                            .path = fmt::format("{}/{}", job_path(), stops ? "stop" : kind),
                            .query = {},
                            .body = body.dump(-1, ' ', false, Json::error_handler_t::replace)};
  for (int tried = 1;; ++tried) {
    const auto answer = call(request);
    if (answer) return fmt::format("{}/{}/{}", job_path(), kind, id);
    if (answer.error().code() != ErrorCode::kIo || tried == kTries) return std::unexpected{answer.error()};
  }
}

Result<SnapshotTaken> JobClient::wait(const std::string& path) {
  int unanswered = 0;
  for (auto pause = kFirstPause;; pause = std::min(pause * 2, kLongestPause)) {
    auto answer = call({.path = path});
    if (!answer && answer.error().code() == ErrorCode::kNotFound) {
      return std::unexpected{ended_unheard()};
    }
    // It may have ended, and then nobody listens the next time; or it is only slow.
    if (!answer && answer.error().code() == ErrorCode::kIo && ++unanswered < kTries) {
      std::this_thread::sleep_for(pause);
      continue;
    }
    if (!answer && answer.error().code() == ErrorCode::kIo) return std::unexpected{no_answer(answer.error())};
    if (!answer) return std::unexpected{answer.error()};
    unanswered = 0;
    const Json json = Json::parse(*answer, nullptr, false);
    const Json* status = at(json, "status");
    if (status == nullptr) return strange_answer();
    const Json* operation = at(json, "operation");
    if (operation == nullptr) {
      std::this_thread::sleep_for(pause);
      continue;
    }
    const Json* cause = at(*operation, "failure-cause");
    if (cause == nullptr) cause = at(*operation, "failureCause");
    if (cause != nullptr) return fail(ErrorCode::kFailedPrecondition, text_at(*cause, "stack-trace"));
    const Json* id = at(*operation, "checkpointId");
    return SnapshotTaken{id != nullptr && id->is_number_unsigned() ? id->get<CheckpointId>() : 0,
                         text_at(*operation, "location")};
  }
}

std::string path_for_jobs(FileSystem& files, const std::string& path) {
  const std::string local = without_file_scheme(path);
  return local.empty() || local.contains("://") ? local : files.absolute_path(local);
}

Result<SnapshotTaken> JobClient::take_snapshot(SnapshotOrder order) {
  TIDEMARK_ASSIGN(path, ask(order));
  return wait(path);
}

Result<std::string> JobClient::trigger_snapshot(const SnapshotOrder& order) {
  TIDEMARK_ASSIGN(path, ask(order));
  return path.substr(path.rfind('/') + 1);
}

}  // namespace tidemark

#include "cli/job_client.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <nlohmann/json.hpp>
#include <thread>
#include <utility>

#include "api/control_socket.h"
#include "cli/job_folders.h"
#include "codec/utf8.h"

namespace tidemark {
namespace {

using Json = nlohmann::json;

constexpr auto kFirstPause = std::chrono::milliseconds{10};
constexpr auto kLongestPause = std::chrono::milliseconds{100};
constexpr int kTries = 3;

std::unexpected<Error> not_running(const std::string& folder) {
  return fail(ErrorCode::kNotFound,
              fmt::format("no job is running in '{}': start it, or look with `tidemark list` at what is there", folder));
}

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
  TIDEMARK_ASSIGN(folder, job_folder(*env.files, path));
  TIDEMARK_ASSIGN(socket, UnixSocketName::in(folder, kControlSocket));
  if (!socket.exists()) return not_running(folder);
  JobClient client{env, std::move(folder), std::move(socket)};
  TIDEMARK_TRY(client.introduce());
  return client;
}

JobClient::JobClient(const Env& env, std::string folder, UnixSocketName socket)
    : env_{env}, folder_{std::move(folder)}, socket_{std::move(socket)} {}

Result<> JobClient::introduce() {
  TIDEMARK_ASSIGN(answer, call({.path = "/v1/jobs/overview"}));
  const Json json = Json::parse(answer, nullptr, false);
  const Json* jobs = at(json, "jobs");
  if (jobs == nullptr || !jobs->is_array() || jobs->size() != 1) return strange_answer();
  id_ = text_at((*jobs)[0], "jid");
  state_ = text_at((*jobs)[0], "state");
  const Json* start = at((*jobs)[0], "start-time");
  if (start != nullptr && start->is_number_integer()) start_ms_ = start->get<std::int64_t>();
  return id_.empty() ? strange_answer() : Result<>{};
}

std::string JobClient::job_path() const { return "/v1/jobs/" + id_; }

/// The body of an answer that is no refusal.
Result<std::string> JobClient::call(const HttpRequest& request) {
  Result<HttpResponse> response = http_call(socket_, request);
  if (!response && response.error().code() == ErrorCode::kNotFound) return not_running(folder_);
  if (!response) {
    return std::unexpected{response.error().within(fmt::format("the job in '{}' does not answer", folder_))};
  }
  if (response->status >= 200 && response->status < 300) return std::move(response->body);
  const Json json = Json::parse(response->body, nullptr, false);
  const Json* errors = at(json, "errors");
  if (errors == nullptr || !errors->is_array() || errors->empty() || !(*errors)[0].is_string()) return strange_answer();
  return fail(ErrorCode::kFailedPrecondition, (*errors)[0].get<std::string>());
}

Result<> JobClient::cancel() {
  TIDEMARK_ASSIGN(answer, call({.method = "PATCH", .path = job_path(), .query = {{"mode", "cancel"}}, .body = {}}));
  return {};
}

Error JobClient::no_answer(const Error& error) const {
  return Error{ErrorCode::kTimeout,
               fmt::format("{}; what was asked for may yet be done: `tidemark list` shows whether the job runs, its log says "
                           "what became of the request",
                           error.message())};
}

/// The path under which it can be asked for. Asked again under the same id when the connection broke.
Result<std::string> JobClient::ask(const SnapshotOrder& order) {
  using Then = SnapshotOrder::Then;
  const bool checkpoint = order.what == SnapshotOrder::What::kCheckpoint;
  const bool stops = order.then == Then::kStop || order.then == Then::kDrain;
  const std::string id = fmt::format("{:016x}{:016x}", env_.random->next(), env_.random->next());
  Json body{{"triggerId", id}};
  const std::string dir = order.dir.empty() ? std::string{} : env_.files->absolute_path(order.dir);
  if (find_invalid_utf8(dir) != std::string_view::npos) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("'{}' can't be the folder of savepoints: its name is no UTF-8", order.dir));
  }
  if (!dir.empty()) body[stops ? "targetDirectory" : "target-directory"] = dir;
  if (stops) body["drain"] = order.then == Then::kDrain;
  if (order.then == Then::kCancel) body["cancel-job"] = true;
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
      return fail(ErrorCode::kCancelled,
                  fmt::format("the job in '{}' ended before it had answered; its log says how", folder_));
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

Result<SnapshotTaken> JobClient::take_snapshot(SnapshotOrder order) {
  TIDEMARK_ASSIGN(path, ask(order));
  return wait(path);
}

}  // namespace tidemark

#include "cli/job_manager.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <iterator>
#include <nlohmann/json.hpp>
#include <thread>
#include <utility>

#include "cli/daemon.h"
#include "env/kernel_random.h"
#include "env/sha256.h"

namespace tidemark {
namespace {

using Json = nlohmann::json;

constexpr std::size_t kReadAtOnce = 1u << 20;
// Planning may take as long as the JobManager lets it.
constexpr std::int64_t kLongestAnswer_ms = 200'000;
constexpr int kTooBusy = 503;
constexpr int kBusyTries = 20;
constexpr auto kBusyPause = std::chrono::milliseconds{250};
constexpr auto kPause = std::chrono::milliseconds{100};
constexpr auto kLongestAbsence = std::chrono::minutes{1};

std::string variable(const char* name) {
  const char* const value = std::getenv(name);
  return value == nullptr ? std::string{} : value;
}

std::unexpected<Error> strange_answer() {
  return fail(ErrorCode::kInternal, "the JobManager's answer is not understood: is it one of Tidemark, and of this version?");
}

/// The value at a path of names, or null.
Json at(const Json& json, std::initializer_list<const char*> names) {
  const Json* found = &json;
  for (const char* const name : names) {
    if (!found->is_object() || !found->contains(name)) return {};
    found = &(*found)[name];
  }
  return *found;
}

std::string text_at(const Json& json, std::initializer_list<const char*> names) {
  const Json found = at(json, names);
  return found.is_string() ? found.get<std::string>() : std::string{};
}

Result<std::string> hash_of(ReadableFile& file, std::uint64_t bytes) {
  Sha256 hash;
  std::string part(kReadAtOnce, '\0');
  for (std::uint64_t at = 0; at < bytes;) {
    TIDEMARK_ASSIGN(count, file.read(at, part));
    if (count == 0) break;
    hash.append(std::string_view{part}.substr(0, count));
    at += count;
  }
  return hash.finish_hex();
}

Json body_of(const SubmittedJob& job) {
  Json body{{"programArgsList", job.arguments}, {"allowNonRestoredState", job.allow_non_restored_state}};
  if (job.parallelism) body["parallelism"] = *job.parallelism;
  return body;
}

bool is_gone(const Error& error) { return error.code() == ErrorCode::kNotFound || error.code() == ErrorCode::kIo; }

std::string in_text(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

}  // namespace

std::vector<std::string> job_words(const std::vector<std::string>& options, std::vector<std::string> arguments) {
  std::vector<std::string> words;
  for (const std::string& option : options) words.insert(words.end(), {"-D", option});
  std::ranges::move(arguments, std::back_inserter(words));
  return words;
}

Result<HttpPeer> job_manager_peer(const std::string& named) {
  std::string address = named.empty() ? variable("TIDEMARK_JOBMANAGER") : named;
  const bool tls = address.starts_with("https://");
  if (address.starts_with("http://") || tls) address.erase(0, address.find("//") + 2);
  while (address.ends_with('/')) address.pop_back();
  if (address.empty()) address = "localhost";
  if (!address.contains(':') || address.ends_with(']')) address = fmt::format("{}:{}", address, kRestPort);
  auto parsed = parse_network_address(address);
  if (!parsed) return std::unexpected{parsed.error().within("the JobManager's address")};
  if (parsed->is_unix()) return fail(ErrorCode::kInvalidArgument, "the JobManager's address must be HOST:PORT");
  return HttpPeer{.address = *std::move(parsed),
                  .token = variable(kTokenVariable),
                  .tls = tls,
                  .authority = variable("TIDEMARK_REST_AUTHORITY"),
                  .timeout_ms = kLongestAnswer_ms};
}

Result<HttpResponse> ask_patiently(const std::function<Result<HttpResponse>()>& ask) {
  auto response = ask();
  for (int tried = 1; response && response->status == kTooBusy && tried < kBusyTries; ++tried) {
    std::this_thread::sleep_for(kBusyPause);
    response = ask();
  }
  return response;
}

Error no_job_manager_at(const std::string& address) {
  return Error{ErrorCode::kNotFound, fmt::format("no JobManager listens at {}: start a cluster with `tidemark local`, or name the JobManager with "
                                                 "-m HOST:PORT or the variable TIDEMARK_JOBMANAGER",
                                                 address)};
}

Result<std::string> accepted(const HttpResponse& response) {
  if (response.status >= 200 && response.status < 300) return response.body;
  const Json json = Json::parse(response.body, nullptr, false);
  const Json errors = at(json, {"errors"});
  if (!errors.is_array() || errors.empty() || !errors[0].is_string()) return strange_answer();
  return fail(ErrorCode::kFailedPrecondition, errors[0].get<std::string>());
}

Result<std::string> JobManagerClient::call(const HttpRequest& request) const {
  const auto response = ask_patiently([&] { return http_call(peer_, request); });
  if (!response && response.error().code() == ErrorCode::kNotFound) return std::unexpected{no_job_manager_at(to_string(peer_.address))};
  if (!response) return std::unexpected{response.error()};
  return accepted(*response);
}

Result<std::string> JobManagerClient::post(const std::string& path, const std::string& body) const {
  return call({.method = "POST", .path = path, .query = {}, .body = body});
}

Result<std::string> JobManagerClient::post_until_answered(const std::string& path, const std::string& body) const {
  std::optional<std::chrono::steady_clock::time_point> lost_since;
  bool was_reached = false;
  const auto ask = [&] {
    auto response = http_call(peer_, {.method = "POST", .path = path, .query = {}, .body = body});
    was_reached = was_reached || response || response.error().code() != ErrorCode::kNotFound;
    if (response) lost_since.reset();
    return response;
  };
  for (;; std::this_thread::sleep_for(kPause)) {
    const auto response = ask_patiently(ask);
    if (response) return accepted(*response);
    const auto now = std::chrono::steady_clock::now();
    if (!lost_since) lost_since = now;
    const bool is_lost = was_reached && is_gone(response.error());
    if (is_lost && now - *lost_since < kLongestAbsence) continue;
    return std::unexpected{was_reached ? response.error() : no_job_manager_at(to_string(peer_.address))};
  }
}

Result<std::vector<ListedJob>> JobManagerClient::jobs() const {
  TIDEMARK_ASSIGN(answer, call({.path = "/v1/jobs/overview"}));
  const Json jobs = at(Json::parse(answer, nullptr, false), {"jobs"});
  if (!jobs.is_array()) return strange_answer();
  std::vector<ListedJob> result;
  for (const Json& job : jobs) {
    const Json start = at(job, {"start-time"});
    result.push_back({text_at(job, {"jid"}), text_at(job, {"name"}), text_at(job, {"state"}),
                      start.is_number_integer() ? start.get<std::int64_t>() : 0});
  }
  return result;
}

Result<bool> JobManagerClient::has(const std::string& hash) const {
  TIDEMARK_ASSIGN(answer, call({.path = "/v1/jars"}));
  const Json files = at(Json::parse(answer, nullptr, false), {"files"});
  if (!files.is_array()) return strange_answer();
  return std::ranges::any_of(files, [&hash](const Json& file) { return text_at(file, {"id"}) == hash; });
}

Result<std::string> JobManagerClient::upload(FileSystem& files, const std::string& path) const {
  TIDEMARK_ASSIGN(file, files.open(path));
  TIDEMARK_ASSIGN(bytes, file->size());
  TIDEMARK_ASSIGN(hash, hash_of(*file, bytes));
  TIDEMARK_ASSIGN(there, has(hash));
  if (there) return hash;
  const HttpFile sent{.name = path.substr(path.rfind('/') + 1),
                      .bytes = bytes,
                      .read = [&file](std::uint64_t offset, std::size_t most) -> Result<std::string> {
                        std::string part(most, '\0');
                        TIDEMARK_ASSIGN(count, file->read(offset, part));
                        part.resize(count);
                        return part;
                      }};
  const auto response = ask_patiently([&] { return http_upload(peer_, "/v1/jars/upload", "jarfile", sent); });
  if (!response) return std::unexpected{response.error().within(fmt::format("sending '{}'", path))};
  TIDEMARK_ASSIGN(answer, accepted(*response));
  const std::string stored = text_at(Json::parse(answer, nullptr, false), {"filename"});
  if (stored.empty()) return strange_answer();
  return stored.substr(stored.rfind('/') + 1);
}

Result<std::string> JobManagerClient::run(const std::string& executable, const SubmittedJob& job) const {
  Json body = body_of(job);
  if (!job.savepoint.empty()) body["savepointPath"] = job.savepoint;
  if (job.claim) body["claimMode"] = "CLAIM";
  KernelRandom random;
  body["jobId"] = fmt::format("{:016x}{:016x}", random.next(), random.next());
  TIDEMARK_ASSIGN(answer, post_until_answered(fmt::format("/v1/jars/{}/run", executable), in_text(body)));
  const std::string id = text_at(Json::parse(answer, nullptr, false), {"jobid"});
  if (id.empty()) return strange_answer();
  return id;
}

Result<UpgradedJob> JobManagerClient::upgrade(const std::string& old, const std::string& executable, const SubmittedJob& job,
                                              const std::string& savepoint_dir, std::int64_t timeout_ms) const {
  Json body = body_of(job);
  body["jarId"] = executable;
  body["checkpointTimeout"] = timeout_ms;
  if (!savepoint_dir.empty()) body["targetDirectory"] = savepoint_dir;
  const std::string path = fmt::format("/v1/jobs/{}/upgrade", old);
  TIDEMARK_ASSIGN(answer, post(path, in_text(body)));
  const std::string id = text_at(Json::parse(answer, nullptr, false), {"request-id"});
  auto heard = std::chrono::steady_clock::now();
  for (;; std::this_thread::sleep_for(kPause)) {
    const auto state = call({.path = path + "/" + id});
    const auto now = std::chrono::steady_clock::now();
    if (!state && is_gone(state.error()) && now - heard < kLongestAbsence) continue;
    if (!state) {
      return fail(ErrorCode::kCancelled, fmt::format("the JobManager does not say what became of the upgrade, as one that was started anew: `tidemark "
                                                     "list -a` shows which of the two jobs runs ({})",
                                                     state.error().message()));
    }
    heard = now;
    const Json json = Json::parse(*state, nullptr, false);
    if (text_at(json, {"status", "id"}) != "COMPLETED") continue;
    const std::string cause = text_at(json, {"operation", "failure-cause", "stack-trace"});
    if (!cause.empty()) return fail(ErrorCode::kFailedPrecondition, cause);
    return UpgradedJob{text_at(json, {"operation", "jobid"}), text_at(json, {"operation", "location"})};
  }
}

Result<JobEnd> JobManagerClient::wait_for_end(const std::string& job) const {
  auto heard = std::chrono::steady_clock::now();
  for (;; std::this_thread::sleep_for(kPause)) {
    const auto answer = call({.path = fmt::format("/v1/jobs/{}/execution-result", job)});
    const auto now = std::chrono::steady_clock::now();
    if (!answer && is_gone(answer.error()) && now - heard < kLongestAbsence) continue;
    if (!answer) return std::unexpected{answer.error()};
    heard = now;
    const Json json = Json::parse(*answer, nullptr, false);
    if (text_at(json, {"status", "id"}) != "COMPLETED") continue;
    const Json time = at(json, {"job-execution-result", "net-runtime"});
    return JobEnd{.state = text_at(json, {"job-execution-result", "application-status"}),
                  .cause = text_at(json, {"job-execution-result", "failure-cause", "stack-trace"}),
                  .duration_ms = time.is_number_integer() ? time.get<std::int64_t>() : 0};
  }
}

Result<> JobManagerClient::dispose(const std::string& path) const {
  const Json body{{"savepoint-path", path}};
  TIDEMARK_ASSIGN(answer, post("/v1/savepoint-disposal", in_text(body)));
  const std::string id = text_at(Json::parse(answer, nullptr, false), {"request-id"});
  for (;; std::this_thread::sleep_for(kPause)) {
    TIDEMARK_ASSIGN(state, call({.path = "/v1/savepoint-disposal/" + id}));
    const Json json = Json::parse(state, nullptr, false);
    if (text_at(json, {"status", "id"}) != "COMPLETED") continue;
    const std::string cause = text_at(json, {"operation", "failure-cause", "stack-trace"});
    if (!cause.empty()) return fail(ErrorCode::kFailedPrecondition, cause);
    return {};
  }
}

}  // namespace tidemark

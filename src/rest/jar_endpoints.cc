#include "rest/jar_endpoints.h"

#include <fmt/format.h>

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "control/http_answer.h"
#include "control/plan_answer.h"
#include "rest/run_request.h"

namespace tidemark {
namespace {

using Json = nlohmann::json;

constexpr int kMostWaiting = 8;
constexpr std::string_view kFileField = "jarfile";
// An executable has a minute to say what it is, and may have to wait for others that are planned.
constexpr auto kLongestPlan = std::chrono::seconds{150};

class StoredUpload final : public HttpUpload {
 public:
  explicit StoredUpload(ExecutableStore::Upload upload) : upload_{std::move(upload)} {}

  Result<> append(std::string_view bytes) override { return upload_.append(bytes); }
  HttpResponse finish() override {
    const auto stored = upload_.finish();
    if (!stored) return refuse_for(stored.error());
    return answer_with(200, Json{{"filename", stored->hash}, {"status", "success"}});
  }

 private:
  ExecutableStore::Upload upload_;
};

std::unexpected<Error> no_answer() {
  return fail(ErrorCode::kCancelled, "the JobManager ends, and may have accepted the job: `tidemark list` shows it when the JobManager is back");
}

}  // namespace

/// Requests that wait for answers.
struct JarEndpoints::Waits {
  std::mutex mutex;  // guards all below, and all answers
  std::condition_variable changed;
  bool ends = false;
  int count = 0;
};

namespace {

/// Takes an answer, on whatever thread; one that never comes is one, too.
template <class Waits>
class Reply {
 public:
  using Answer = std::optional<Result<std::string>>;

  explicit Reply(std::shared_ptr<Waits> waits) : waits_{std::move(waits)}, answer_{std::make_shared<Answer>()} {}
  Reply(Reply&&) noexcept = default;
  Reply& operator=(Reply&&) = delete;
  ~Reply() {
    if (waits_ != nullptr) set(no_answer());
  }

  const std::shared_ptr<Answer>& answer() const { return answer_; }
  void operator()(Result<std::string> result) { set(std::move(result)); }

 private:
  void set(Result<std::string> result) {
    const std::shared_ptr<Waits> waits = std::move(waits_);
    const std::lock_guard guard{waits->mutex};
    *answer_ = std::move(result);
    waits->changed.notify_all();
  }

  std::shared_ptr<Waits> waits_;  // null: answered, or moved from
  std::shared_ptr<Answer> answer_;
};

template <class Waits, class Ask>
Result<std::string> wait_for(const std::shared_ptr<Waits>& waits, Ask&& ask) {
  Reply reply{waits};
  const auto answer = reply.answer();
  ask(std::move(reply));
  std::unique_lock lock{waits->mutex};
  waits->changed.wait_for(lock, kLongestPlan, [&] { return answer->has_value() || waits->ends; });
  if (answer->has_value()) return **answer;
  if (waits->ends) return no_answer();
  return fail(ErrorCode::kTimeout, "the executable has not yet said what it runs: GET /jobs shows whether it does later");
}

}  // namespace

JarEndpoints::JarEndpoints(ClusterControl& cluster) : cluster_{cluster}, waits_{std::make_shared<Waits>()} {}

void JarEndpoints::end_waits() {
  const std::lock_guard guard{waits_->mutex};
  waits_->ends = true;
  waits_->changed.notify_all();
}

HttpResponse JarEndpoints::handle(const HttpRequest& request, const std::vector<std::string>& parts) {
  const bool get = request.method == "GET";
  const bool post = request.method == "POST";
  if (parts.size() == 1 && get) return list();
  if (parts.size() == 2 && parts[1] == "upload" && post) {
    return refuse(400, fmt::format("an executable is uploaded as a form, multipart/form-data, in the field {}", kFileField));
  }
  if (parts.size() == 2 && request.method == "DELETE") return remove(parts[1]);
  if (parts.size() == 3 && parts[2] == "plan" && (get || post)) return plan(request, parts[1]);
  if (parts.size() == 3 && parts[2] == "run" && post) return run(request, parts[1]);
  return refuse(404, fmt::format("there is nothing at {} {}", request.method, request.path));
}

Result<std::unique_ptr<HttpUpload>> JarEndpoints::begin_upload(const std::string& field, const std::string& name) {
  if (field != kFileField) return fail(ErrorCode::kInvalidArgument, fmt::format("the form's field is '{}': it must be {}", field, kFileField));
  TIDEMARK_ASSIGN(upload, cluster_.executables().begin(name));
  return std::make_unique<StoredUpload>(std::move(upload));
}

HttpResponse JarEndpoints::list() {
  const auto all = cluster_.executables().list();
  if (!all) return refuse_for(all.error());
  Json files = Json::array();
  for (const Executable& each : *all) {
    files.push_back({{"id", each.hash}, {"name", each.name}, {"uploaded", each.uploaded_ms}, {"entry", Json::array()}});
  }
  return answer_with(200, Json{{"address", ""}, {"files", std::move(files)}});
}

HttpResponse JarEndpoints::remove(const std::string& id) {
  if (const auto found = cluster_.executables().find(id); !found) return refuse_for(found.error());
  const auto removed = cluster_.remove_executable(id);
  return removed ? answer_with(200, Json::object()) : refuse_for(removed.error());
}

/// One of the few requests that may wait at a time.
class JarEndpoints::Place {
 public:
  explicit Place(Waits& waits) : waits_{waits} {
    const std::lock_guard guard{waits_.mutex};
    is_free_ = ++waits_.count <= kMostWaiting;
  }
  ~Place() {
    const std::lock_guard guard{waits_.mutex};
    --waits_.count;
  }
  Place(const Place&) = delete;
  Place& operator=(const Place&) = delete;
  bool is_free() const { return is_free_; }

 private:
  Waits& waits_;
  bool is_free_ = false;
};

HttpResponse JarEndpoints::plan(const HttpRequest& request, const std::string& id) {
  if (const auto found = cluster_.executables().find(id); !found) return refuse_for(found.error());
  auto order = run_order_of(request, id);
  if (!order) return refuse_for(order.error());
  const Place place{*waits_};
  if (!place.is_free()) return refuse(503, "too many executables are asked at once what they run: try again in a moment");
  const auto json = wait_for(waits_, [&](PlanAnswer answer) { cluster_.plan(*std::move(order), std::move(answer)); });
  if (!json) return refuse_for(json.error());
  const auto vertices = planned_vertices(*json);
  if (!vertices) return refuse_for(vertices.error());
  return {200, fmt::format(R"({{"plan":{}}})", plan_for_clients(*vertices, "", job_of_plan(*json)))};
}

HttpResponse JarEndpoints::run(const HttpRequest& request, const std::string& id) {
  if (const auto found = cluster_.executables().find(id); !found) return refuse_for(found.error());
  auto order = run_order_of(request, id);
  if (!order) return refuse_for(order.error());
  const Place place{*waits_};
  if (!place.is_free()) return refuse(503, "too many executables are asked at once what they run: try again in a moment");
  const auto job = wait_for(waits_, [&](RunAnswer answer) { cluster_.run(*std::move(order), std::move(answer)); });
  return job ? answer_with(200, Json{{"jobid", *job}}) : refuse_for(job.error());
}

}  // namespace tidemark

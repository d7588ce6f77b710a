// Requests about jobs: whatever is asked, the answer is JSON, refusals say why, and nothing is asked of the job but by a request that
// was accepted. Requests are blocks of lines with a line "---" between: "METHOD PATH?NAME=VALUE&...", then the body. The first block is the job's plan.
#include <fmt/format.h>

#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "control/job_endpoints.h"
#include "fuzz/requests.h"
#include "fuzz/target.h"
#include "tidemark/detail/base/check.h"

namespace tidemark::fuzz {
namespace {

using Json = nlohmann::json;

constexpr std::size_t kMostRequests = 64;

/// One job, 0123...: every second snapshot succeeds.
class Jobs final : public JobsControl {
 public:
  explicit Jobs(std::string_view plan) {
    job_.glance = {.id = "0123456789abcdef0123456789abcdef", .name = "orders", .state = "RUNNING", .start_ms = 1, .now_ms = 2};
    job_.glance.vertices = {{.id = 1, .name = "count", .subtasks = {{.records_in = 3}, {}}}};
    job_.plan_json = plan;
  }

  std::vector<JobGlance> jobs() override { return {job_.glance}; }
  std::optional<ClusterJob> job(std::string_view id) override {
    job_.glance.now_ms += 200;
    if (id != job_.glance.id) return std::nullopt;
    return job_;
  }
  void take_snapshot(std::string_view, SnapshotOrder, SnapshotAnswer answer) override {
    ++asked;
    if (asked % 2 == 0) return answer(fail(ErrorCode::kIo, "the disk \xff burns"));
    answer(SnapshotTaken{asked, "/sp/\xfe"});
  }
  Result<> cancel(std::string_view) override {
    ++asked;
    return {};
  }

  std::uint64_t asked = 0;

 private:
  ClusterJob job_;
};

void check(std::string_view input) {
  Jobs jobs{cut(input, "\n---\n")};
  JobEndpoints endpoints{jobs};
  for (std::size_t i = 0; i < kMostRequests && !input.empty(); ++i) {
    const HttpRequest request = request_of(cut(input, "\n---\n"));
    const std::uint64_t asked_before = jobs.asked;
    const HttpResponse response = endpoints.handle(request);
    const Json answer = Json::parse(response.body, nullptr, false);
    TIDEMARK_CHECK(!answer.is_discarded(), "an answer is JSON");
    if (response.status >= 300) {
      TIDEMARK_CHECK(answer.is_object() && answer.contains("errors") && answer["errors"].size() == 1, "a refusal says why");
      TIDEMARK_CHECK(jobs.asked == asked_before, "what is refused does nothing");
    }
    if (request.method == "GET") TIDEMARK_CHECK(jobs.asked == asked_before, "who looks changes nothing");
  }
}

const Registration kTarget{"job_requests", check};

}  // namespace
}  // namespace tidemark::fuzz

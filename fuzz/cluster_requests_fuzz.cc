// Requests to a JobManager: whatever is asked, the answer is JSON or text, refusals say why, and nothing is done but by a request that was accepted
// and may change something. Requests stand as in job_requests_fuzz.cc, without a plan before them.
#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "fuzz/requests.h"
#include "fuzz/target.h"
#include "rest/cluster_endpoints.h"
#include "rest/fake_cluster_test.h"
#include "tidemark/detail/base/check.h"

namespace tidemark::fuzz {
namespace {

using Json = nlohmann::json;

constexpr std::size_t kMostRequests = 32;

std::size_t done_by(const FakeCluster& cluster) {
  return cluster.runs.size() + cluster.upgrades.size() + cluster.orders.size() + cluster.disposed.size() + static_cast<std::size_t>(cluster.cancelled);
}

void check(std::string_view input) {
  FakeCluster cluster;
  cluster.upgrade_answer = fail(ErrorCode::kFailedPrecondition, "it \xff doesn't fit");
  ClusterEndpoints endpoints{cluster};
  // An executable under an id that inputs can have.
  const auto upload = endpoints.begin_upload("jarfile", "job");
  TIDEMARK_CHECK(upload.has_value(), "a program may be uploaded");
  static_cast<void>((*upload)->append(program_of_fake("")));
  const std::string jar = Json::parse((*upload)->finish().body).at("filename").get<std::string>();
  for (std::size_t i = 0; i < kMostRequests && !input.empty(); ++i) {
    HttpRequest request = request_of(cut(input, "\n---\n"));
    for (std::string* text : {&request.path, &request.body}) {
      if (const std::size_t at = text->find("JAR"); at != std::string::npos) text->replace(at, 3, jar);
    }
    if (request.path.contains("thread-dump")) continue;  // it stops this process' threads
    const std::size_t before = done_by(cluster);
    const HttpResponse response = endpoints.handle(request);
    if (response.status >= 300) {
      const Json answer = Json::parse(response.body, nullptr, false);
      TIDEMARK_CHECK(answer.is_object() && answer.contains("errors") && answer["errors"].size() == 1, "a refusal says why");
      TIDEMARK_CHECK(done_by(cluster) == before, "what is refused does nothing");
    }
    TIDEMARK_CHECK(done_by(cluster) == before || ClusterEndpoints::changes(request.method, request.path), "who looks changes nothing");
  }
}

const Registration kTarget{"cluster_requests", check};

}  // namespace
}  // namespace tidemark::fuzz

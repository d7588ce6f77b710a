// The command `flink` of Flink's own distribution against this REST interface: what was written for Flink works here. Skipped unless FLINK_HOME
// names one: tools/flink_client_test fetches it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <string>
#include <vector>

#include "env/child_process.h"
#include "env/network_address.h"
#include "rest/fake_cluster_test.h"
#include "rest/rest_server.h"

namespace tidemark {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr std::int64_t kLongestCall_ms = 120'000;

class FlinkClient : public testing::Test {
 protected:
  void SetUp() override {
    const char* const home = std::getenv("FLINK_HOME");
    if (home == nullptr) GTEST_SKIP() << "FLINK_HOME names no distribution of Flink";
    flink_ = std::string{home} + "/bin/flink";
  }
  /// What `flink WORDS` prints, with the JobManager's address as the option that follows the command.
  std::string run(std::vector<std::string> words, bool succeeds = true) {
    words.insert(words.begin() + 1, {"-m", to_string(server_->address())});
    words.insert(words.begin(), flink_);
    const auto end = value_or_throw(run_child(words, kLongestCall_ms, {.keep_errors = true}));
    EXPECT_EQ(end.exit_code == 0, succeeds) << end.output << end.errors;
    return end.output + end.errors;
  }

  FakeCluster cluster_;
  std::unique_ptr<RestServer> server_ = value_or_throw(RestServer::start(cluster_, {.port = 0}));
  std::string flink_;
};

TEST_F(FlinkClient, ListsSavepointsChecksCancelsStopsAndDisposes) {
  EXPECT_THAT(run({"list"}), HasSubstr(std::string{kFakeJob} + " : orders (RUNNING)"));
  EXPECT_THAT(run({"savepoint", kFakeJob, "/sp"}), HasSubstr("Savepoint completed. Path: /sp/savepoint-8"));
  EXPECT_THAT(run({"checkpoint", kFakeJob}), HasSubstr("Checkpoint 8 for job"));
  EXPECT_THAT(run({"stop", "-p", "/sp", kFakeJob}), HasSubstr("Savepoint completed. Path: /sp/savepoint-8"));
  EXPECT_THAT(run({"stop", "--drain", "-p", "/sp", kFakeJob}), HasSubstr("Savepoint completed. Path: /sp/savepoint-8"));
  EXPECT_THAT(run({"cancel", kFakeJob}), HasSubstr("Cancelled job"));
  EXPECT_THAT(run({"savepoint", "-d", "/sp/savepoint-1"}), HasSubstr("disposed"));
  EXPECT_THAT(cluster_.disposed, ElementsAre("/sp/savepoint-1"));
  ASSERT_EQ(cluster_.orders.size(), 4U);
  EXPECT_EQ(cluster_.orders[0].dir, "/sp");
  EXPECT_EQ(cluster_.orders[1].what, SnapshotOrder::What::kCheckpoint);
  EXPECT_EQ(cluster_.orders[2].then, SnapshotOrder::Then::kStop);
  EXPECT_EQ(cluster_.orders[3].then, SnapshotOrder::Then::kDrain);
  EXPECT_EQ(cluster_.cancelled, 1);
}

TEST_F(FlinkClient, ItsOtherOptionsAreUnderstoodOrRefusedWithTheReason) {
  EXPECT_THAT(run({"checkpoint", "-full", kFakeJob}), HasSubstr("Checkpoint 8 for job"));
  EXPECT_TRUE(cluster_.orders.back().is_full);
  EXPECT_THAT(run({"savepoint", "-type", "canonical", "-detached", kFakeJob, "/sp"}), HasSubstr("triggerId"));
  EXPECT_THAT(run({"savepoint", "-type", "native", kFakeJob, "/sp"}, false), HasSubstr("savepoints have the format CANONICAL"));
  EXPECT_THAT(run({"stop", "-type", "canonical", "-p", "/sp", kFakeJob}), HasSubstr("Savepoint completed. Path: /sp/savepoint-8"));
  EXPECT_THAT(run({"cancel", "-s", "/sp", kFakeJob}), HasSubstr("Savepoint stored in /sp/savepoint-8"));
  EXPECT_EQ(cluster_.orders.back().then, SnapshotOrder::Then::kCancel);
}

}  // namespace
}  // namespace tidemark

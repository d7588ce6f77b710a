// The command `flink` of Flink's own distribution, with a cluster of ours and a job that runs in it. Skipped unless FLINK_HOME names one:
// tools/flink_client_test fetches it.
#include <cstdlib>
#include <fstream>

#include "tests/cluster/cluster.h"

namespace tidemark {
namespace {

using ::testing::HasSubstr;

class FlinkCommandTest : public ClusterTest {
 protected:
  void SetUp() override {
    const char* const home = std::getenv("FLINK_HOME");
    if (home == nullptr) GTEST_SKIP() << "FLINK_HOME names no distribution of Flink";
    flink_ = std::string{home} + "/bin/flink";
    start_cluster(1, 2);
  }
  Ran flink(Words words) const {
    words.insert(words.begin() + 1, {"-m", "127.0.0.1:" + rest_});
    ChildProcess command{flink_, words, folder_, "flink.out"};
    const int status = command.wait();
    return {status, command.output()};
  }
  std::string does(const Words& words) const {
    const Ran ran = flink(words);
    EXPECT_EQ(ran.status, 0) << ran.output;
    return ran.output;
  }
  std::string fails(const Words& words) const {
    const Ran ran = flink(words);
    EXPECT_NE(ran.status, 0) << ran.output;
    return ran.output;
  }
  std::string submit_long(const std::string& name) {
    const std::string job = submit(name, {"--count", "100000000", "--rate", "2000"}, {"-p", "2"});
    EXPECT_TRUE(comes_true([&] { return runs_with_a_checkpoint(job); })) << job_manager_->output();
    return job;
  }
  bool ends_as(const std::string& job, const std::string& state) const {
    return comes_true([&] { return state_of(job) == state; });
  }

  std::string flink_;
};

TEST_F(FlinkCommandTest, ListsAJobSavesChecksAndStopsIt) {
  const std::string job = submit_long("job");
  EXPECT_THAT(does({"list"}), HasSubstr(job + " : all-round (RUNNING)"));
  const std::string savepoint = word_after(does({"savepoint", job, path("sp")}), "Savepoint completed. Path: ");
  EXPECT_TRUE(fs::exists(savepoint + "/_metadata")) << savepoint;
  EXPECT_THAT(does({"savepoint", "-d", savepoint}), HasSubstr("disposed"));
  EXPECT_FALSE(fs::exists(savepoint));
  EXPECT_THAT(does({"checkpoint", job}), HasSubstr("completed"));
  EXPECT_THAT(does({"checkpoint", "-full", job}), HasSubstr("Checkpoint(FULL)"));
  const std::string last = word_after(does({"stop", "-p", path("sp"), job}), "Savepoint completed. Path: ");
  EXPECT_TRUE(fs::exists(last + "/_metadata")) << last;
  EXPECT_TRUE(ends_as(job, "FINISHED")) << state_of(job);
  EXPECT_THAT(does({"list", "-a"}), HasSubstr(job + " : all-round (FINISHED)"));
}

TEST_F(FlinkCommandTest, CancelsWithASavepointAndWithout) {
  const std::string saved = submit_long("saved");
  const std::string savepoint = word_after(does({"cancel", "-s", path("sp"), saved}), "Savepoint stored in ");
  EXPECT_TRUE(fs::exists(savepoint.substr(0, savepoint.size() - 1) + "/_metadata")) << savepoint << " ends with a full stop";
  EXPECT_TRUE(ends_as(saved, "CANCELED")) << state_of(saved);
  const std::string job = submit_long("job");
  EXPECT_THAT(does({"cancel", job}), HasSubstr("Cancelled job " + job));
  EXPECT_TRUE(ends_as(job, "CANCELED")) << state_of(job);
}

TEST_F(FlinkCommandTest, DoesNotWaitWhereItIsDetached) {
  const std::string job = submit_long("job");
  EXPECT_THAT(does({"savepoint", "-type", "canonical", "-detached", job, path("sp")}), HasSubstr("triggerId"));
  EXPECT_THAT(does({"stop", "--drain", "-type", "canonical", "-detached", "-p", path("sp"), job}), HasSubstr("triggerId"));
  EXPECT_TRUE(ends_as(job, "FINISHED")) << state_of(job);
}

// It can tell only what comes as a Java object.
TEST_F(FlinkCommandTest, SaysWhyItCannot) {
  const std::string job = submit_long("job");
  std::ofstream{path("file")} << "no folder";
  EXPECT_THAT(fails({"savepoint", job, path("file")}), HasSubstr(path("file")));
  EXPECT_THAT(fails({"stop", "-p", path("file"), job}), HasSubstr(path("file")));
  EXPECT_THAT(fails({"savepoint", "-d", path("nowhere")}), HasSubstr("tidemark.Error: '" + path("nowhere") + "' is no savepoint"));
  EXPECT_THAT(fails({"savepoint", "-type", "native", job, path("sp")}), HasSubstr("savepoints have the format CANONICAL"));
  EXPECT_THAT(fails({"cancel", std::string(32, '0')}), HasSubstr("there is no job"));
  EXPECT_EQ(state_of(job), "RUNNING");
}

}  // namespace
}  // namespace tidemark

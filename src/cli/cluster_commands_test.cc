// The commands against a JobManager's REST interface, over a real network of this machine.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cctype>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "cli/command_line.h"
#include "cli/job_manager.h"
#include "control/http_service.h"
#include "env/memory_file_system.h"
#include "env/posix_env.h"
#include "rest/fake_cluster_test.h"
#include "rest/rest_server.h"

namespace tidemark {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;
using Json = nlohmann::json;

const std::string kJob = kFakeJob;

class ClusterCommands : public testing::Test {
 protected:
  ClusterCommands() {
    ::unsetenv("TIDEMARK_JOBMANAGER");
    ::unsetenv("TIDEMARK_TOKEN");
    value_or_throw(files_.make_directories("/home"));
    value_or_throw(replace_file(files_, "/home/orders", program_of_fake(std::string(3'000'000, 'j'))));
  }
  ~ClusterCommands() override {
    ::unsetenv("TIDEMARK_JOBMANAGER");
    ::unsetenv("TIDEMARK_TOKEN");
  }

  ExitStatus run(std::vector<std::string> words, bool names_job_manager = true) {
    out_.clear();
    err_.clear();
    words.insert(words.begin(), "tidemark");
    if (names_job_manager) words.insert(words.begin() + 2, {"-m", address()});
    Cli cli{.env = posix_.env(),
            .out = [this](std::string_view line) { out_.emplace_back(line); },
            .err = [this](std::string_view line) { err_ += line; },
            .chosen = {}};
    cli.env.files = &files_;
    std::vector<const char*> arguments;
    for (const std::string& word : words) arguments.push_back(word.c_str());
    return run_command_line(cli, static_cast<int>(arguments.size()), arguments.data());
  }
  std::string address() const { return to_string(server_->address()); }
  Json json() const { return Json::parse(out_.at(0)); }

  PosixEnv posix_{1};
  MemoryFileSystem files_;
  FakeCluster cluster_;
  std::unique_ptr<RestServer> server_ = value_or_throw(RestServer::start(cluster_, {.port = 0}));
  std::vector<std::string> out_;
  std::string err_;
};

TEST_F(ClusterCommands, ListShowsWhatRunsWhatWaitsAndWhatIsOver) {
  ClusterJob waits = FakeCluster::running_job();
  waits.glance.id = std::string(32, 'b');
  waits.glance.name = "bids";
  waits.glance.state = "CREATED";
  cluster_.add(waits);
  ASSERT_EQ(run({"list"}), ExitStatus::kDone) << err_;
  EXPECT_THAT(out_, ElementsAre("Waiting for response...",
                                "------------------ Running/Restarting Jobs -------------------",
                                "01.01.1970 00:00:01 : " + kJob + " : orders (RUNNING)",
                                "--------------------------------------------------------------",
                                "----------------------- Scheduled Jobs -----------------------",
                                "01.01.1970 00:00:01 : " + std::string(32, 'b') + " : bids (CREATED)",
                                "--------------------------------------------------------------"));
  cluster_.end("FAILED");
  ASSERT_EQ(run({"list", "-r"}), ExitStatus::kDone);
  EXPECT_THAT(out_, ElementsAre("Waiting for response...", "No running jobs."));
  ASSERT_EQ(run({"list", "-a"}), ExitStatus::kDone);
  EXPECT_THAT(out_, testing::Contains("01.01.1970 00:00:01 : " + kJob + " : orders (FAILED)"));
  ASSERT_EQ(run({"list", "--json"}), ExitStatus::kDone);
  ASSERT_THAT(json()["jobs"], SizeIs(1));
  EXPECT_EQ(json()["jobs"][0]["name"], "bids");
}

TEST_F(ClusterCommands, ASavepointOfAJobIdIsTheClusters) {
  ASSERT_EQ(run({"savepoint", kJob, "/sp"}), ExitStatus::kDone) << err_;
  EXPECT_THAT(out_, ElementsAre("Triggering savepoint for job " + kJob + ".", "Waiting for response...",
                                "Savepoint completed. Path: /sp/savepoint-8",
                                "You can resume your program from this savepoint with the run command: -s /sp/savepoint-8"));
  ASSERT_THAT(cluster_.orders, SizeIs(1));
  EXPECT_EQ(cluster_.orders[0].dir, "/sp");
  ASSERT_EQ(run({"savepoint", "--json", kJob}), ExitStatus::kDone) << err_;
  EXPECT_EQ(json(), Json::parse(R"({"job":")" + kJob + R"(","savepoint":"/sp/savepoint-8"})"));
  EXPECT_THAT(out_, SizeIs(1));
}

TEST_F(ClusterCommands, StopCancelAndCheckpointSpeakAsFlinksDo) {
  ASSERT_EQ(run({"stop", "-p", "box://bucket/sp", "--drain", kJob}), ExitStatus::kDone) << err_;
  EXPECT_THAT(out_, ElementsAre("Suspending job \"" + kJob + "\" with a savepoint.", "Savepoint completed. Path: /sp/savepoint-8"));
  EXPECT_EQ(cluster_.orders.at(0).then, SnapshotOrder::Then::kDrain);
  EXPECT_EQ(cluster_.orders[0].dir, "box://bucket/sp") << "a storage that only the job knows";
  ASSERT_EQ(run({"checkpoint", kJob}), ExitStatus::kDone) << err_;
  EXPECT_EQ(out_.back(), "Checkpoint(CONFIGURED) 8 for job " + kJob + " completed.");
  ASSERT_EQ(run({"checkpoint", "--json", kJob}), ExitStatus::kDone) << err_;
  EXPECT_EQ(json()["checkpoint"], 8);
  ASSERT_EQ(run({"cancel", kJob}), ExitStatus::kDone) << err_;
  EXPECT_THAT(out_, ElementsAre("Cancelling job " + kJob + ".", "Cancelled job " + kJob + "."));
  EXPECT_EQ(cluster_.cancelled, 1);
  ASSERT_EQ(run({"cancel", "-s", "/sp", kJob}), ExitStatus::kDone) << err_;
  EXPECT_EQ(out_.back(), "Cancelled job " + kJob + ". Savepoint stored in /sp/savepoint-8.");
}

TEST_F(ClusterCommands, OptionsOfFlinkWithOneDashSayWhatTheyDoThere) {
  ASSERT_EQ(run({"checkpoint", "-full", kJob}), ExitStatus::kDone) << err_;
  EXPECT_EQ(out_.back(), "Checkpoint(FULL) 8 for job " + kJob + " completed.");
  EXPECT_TRUE(cluster_.orders.back().is_full);
  ASSERT_EQ(run({"savepoint", "-type", "canonical", "-detached", kJob, "/sp"}), ExitStatus::kDone) << err_;
  EXPECT_EQ(out_.back(), "Successfully trigger manual savepoint, triggerId: " + cluster_.orders.back().trigger_id);
  EXPECT_FALSE(cluster_.orders.back().trigger_id.empty());
  ASSERT_EQ(run({"stop", "-type", "CANONICAL", kJob}), ExitStatus::kDone) << err_;
  EXPECT_EQ(run({"stop", "-type", "native", kJob}), ExitStatus::kUsage);
  EXPECT_THAT(err_, HasSubstr("they are canonical"));
}

TEST_F(ClusterCommands, AJobWhoseAnswerIsLostIsRunOnce) {
  cluster_.lost_answers = 2;
  ASSERT_EQ(run({"run", "-d", "/home/orders"}), ExitStatus::kDone) << err_;
  ASSERT_THAT(cluster_.runs, SizeIs(3));
  EXPECT_THAT(cluster_.runs[0].job_id, SizeIs(32));
  for (const RunOrder& asked : cluster_.runs) EXPECT_EQ(asked.job_id, cluster_.runs[0].job_id) << "so the JobManager knows that it is the same";
  ASSERT_EQ(run({"run", "-d", "/home/orders"}), ExitStatus::kDone) << err_;
  EXPECT_NE(cluster_.runs[3].job_id, cluster_.runs[0].job_id);
}

TEST_F(ClusterCommands, TheHistoryOfCheckpointsSaysWhereTheyAreOrWhyTheyFailed) {
  ASSERT_EQ(run({"checkpoint", "--history", kJob}), ExitStatus::kDone) << err_;
  EXPECT_THAT(out_, ElementsAre("01.01.1970 00:00:03 : CHECKPOINT 7 (COMPLETED) : 20 ms : 10 bytes : /state/orders/chk-7-1",
                                "01.01.1970 00:00:02 : SAVEPOINT 6 (COMPLETED) : 40 ms : 30 bytes : /sp/savepoint-6",
                                "01.01.1970 00:00:02 : CHECKPOINT 5 (FAILED) : 10 ms : 0 bytes : checkpoint 5: declined by subtask 0 of vertex 1 (io): the disk is full",
                                "01.01.1970 00:00:02 : CHECKPOINT 4 (COMPLETED) : 10 ms : 0 bytes : deleted, as newer ones are complete"));
  ASSERT_EQ(run({"checkpoint", "--json", "--history", kJob}), ExitStatus::kDone) << err_;
  EXPECT_EQ(json()["job"], kJob);
  ASSERT_THAT(json()["checkpoints"], SizeIs(4));
  EXPECT_EQ(json()["checkpoints"][2]["status"], "FAILED");
  EXPECT_THAT(cluster_.orders, IsEmpty()) << "none is taken";
}

TEST_F(ClusterCommands, AnUpgradeSendsTheExecutableAndSaysWhichJobRuns) {
  ASSERT_EQ(run({"upgrade", "-p", "3", "-n", "--timeout", "90s", "--savepointPath", "/sp", "-D", "a.b=c", kJob, "/home/orders", "--in", "x y", "-p", "7"}),
            ExitStatus::kDone)
      << err_;
  EXPECT_THAT(out_, ElementsAre("Upgrading job " + kJob + ".", "Waiting for response...",
                                "Job " + std::string(32, 'c') + " has taken its place, from /sp/savepoint-9"));
  ASSERT_THAT(cluster_.upgrades, SizeIs(1));
  const UpgradeOrder& order = cluster_.upgrades[0];
  EXPECT_THAT(order.run.arguments, ElementsAre("-D", "a.b=c", "--in", "x y", "-p", "7")) << "what follows the job is the job's";
  EXPECT_EQ(order.run.parallelism, 3u);
  EXPECT_TRUE(order.run.allow_non_restored_state);
  EXPECT_EQ(order.savepoint_dir, "/sp");
  EXPECT_EQ(order.trial_ms, 90'000);
  ASSERT_EQ(run({"upgrade", "--json", kJob, "/home/orders"}), ExitStatus::kDone) << err_;
  EXPECT_EQ(json(), Json::parse(R"({"job":")" + std::string(32, 'c') + R"(","replaces":")" + kJob + R"(","savepoint":"/sp/savepoint-9"})"));
  EXPECT_EQ(cluster_.upgrades[1].trial_ms, 600'000);
  cluster_.upgrade_answer = fail(ErrorCode::kFailedPrecondition, "the saved state doesn't fit the job");
  EXPECT_EQ(run({"upgrade", kJob, "/home/orders"}), ExitStatus::kFailed);
  EXPECT_THAT(err_, HasSubstr("doesn't fit"));
  EXPECT_EQ(run({"upgrade", "--timeout", "soon", kJob, "/home/orders"}), ExitStatus::kUsage);
  EXPECT_EQ(run({"upgrade", kJob}), ExitStatus::kUsage);
  EXPECT_EQ(run({"upgrade"}), ExitStatus::kUsage);
  EXPECT_EQ(run({"upgrade", "state/orders", "/home/orders"}), ExitStatus::kFailed);
  EXPECT_THAT(err_, HasSubstr("One that runs alone is upgraded by hand"));
  EXPECT_THAT(cluster_.upgrades, SizeIs(3));
}

TEST_F(ClusterCommands, WhatFailsIsToldAndTheStatusSaysSo) {
  cluster_.snapshot_answer = fail(ErrorCode::kIo, "operator 'count', subtask 1 of 2: the disk is full");
  EXPECT_EQ(run({"savepoint", kJob}), ExitStatus::kFailed);
  EXPECT_THAT(err_, HasSubstr("the disk is full"));
  EXPECT_EQ(run({"savepoint", std::string(32, 'e')}), ExitStatus::kFailed);
  EXPECT_THAT(err_, HasSubstr("there is no job 'eeee"));
  EXPECT_EQ(run({"stop", "state/orders"}), ExitStatus::kFailed);
  EXPECT_THAT(err_, HasSubstr("is no id of a job of a cluster"));
}

TEST_F(ClusterCommands, AnExecutableIsSentOnceAndRun) {
  ASSERT_EQ(run({"run", "-d", "-p", "3", "-s", "/sp/1", "-n", "--claim-mode", "claim", "/home/orders", "--in", "x y", "-p", "7"}), ExitStatus::kDone) << err_;
  EXPECT_THAT(out_, ElementsAre("Job has been submitted with JobID " + kJob));
  ASSERT_THAT(cluster_.runs, SizeIs(1));
  EXPECT_THAT(cluster_.runs[0].arguments, ElementsAre("--in", "x y", "-p", "7")) << "what follows the job is the job's";
  EXPECT_EQ(cluster_.runs[0].parallelism, 3U);
  EXPECT_EQ(cluster_.runs[0].savepoint, "/sp/1");
  EXPECT_TRUE(cluster_.runs[0].allow_non_restored_state);
  EXPECT_TRUE(cluster_.runs[0].claim);
  const auto stored = value_or_throw(cluster_.executables().list());
  ASSERT_THAT(stored, SizeIs(1));
  EXPECT_EQ(stored[0].name, "orders");
  EXPECT_EQ(stored[0].bytes, 3'000'064U);
  ASSERT_EQ(run({"run", "-d", "--json", "/home/orders"}), ExitStatus::kDone) << err_;
  EXPECT_EQ(json()["job"], kJob);
  EXPECT_EQ(cluster_.runs[1].executable, stored[0].hash);
  EXPECT_EQ(value_or_throw(cluster_.executables().list())[0].uploaded_ms, stored[0].uploaded_ms) << "it was there";
}

TEST_F(ClusterCommands, RunWaitsForTheEndAndSaysHowItWas) {
  cluster_.end("FINISHED");
  ASSERT_EQ(run({"run", "/home/orders"}), ExitStatus::kDone) << err_;
  EXPECT_THAT(out_, ElementsAre("Job has been submitted with JobID " + kJob, "Program execution finished",
                                "Job with JobID " + kJob + " has finished.", "Job Runtime: 3500 ms"));
  cluster_.end("FAILED", "operator 'count' threw: no such currency");
  EXPECT_EQ(run({"run", "/home/orders"}), ExitStatus::kFailed);
  EXPECT_THAT(err_, HasSubstr("failed: operator 'count' threw: no such currency"));
  EXPECT_EQ(run({"run", "--json", "/home/orders"}), ExitStatus::kFailed);
  EXPECT_EQ(json()["state"], "FAILED");
  EXPECT_THAT(json()["cause"].get<std::string>(), HasSubstr("no such currency"));
  cluster_.end("CANCELED");
  EXPECT_EQ(run({"run", "/home/orders"}), ExitStatus::kFailed);
  EXPECT_THAT(err_, HasSubstr("was cancelled"));
}

TEST_F(ClusterCommands, RunTakesFlinksWords) {
  ASSERT_EQ(run({"run", "-t", "remote", "-d", "-cm", "CLAIM", "-D", "state.backend.type=rocksdb", "-Dparallelism.default=2", "/home/orders", "-cm", "x"}),
            ExitStatus::kDone)
      << err_;
  EXPECT_TRUE(cluster_.runs.at(0).claim);
  EXPECT_THAT(cluster_.runs[0].arguments, testing::IsSupersetOf({"-D", "state.backend.type=rocksdb", "parallelism.default=2"}));
  EXPECT_EQ(cluster_.runs[0].arguments[4], "-cm") << "the job's own";
  EXPECT_EQ(run({"run", "-d", "-p3", "/home/orders", "-cm"}), ExitStatus::kDone) << err_;
  EXPECT_THAT(cluster_.runs.at(1).arguments, ElementsAre("-cm"));
  EXPECT_EQ(run({"run", "-d", "--detatch", "/home/orders"}), ExitStatus::kUsage);
  EXPECT_THAT(err_, HasSubstr("there is no option '--detatch'"));
  EXPECT_EQ(run({"run", "-s", "", "/home/orders"}), ExitStatus::kUsage);
  EXPECT_EQ(run({"run", "-p", "0", "/home/orders"}), ExitStatus::kUsage);
  EXPECT_EQ(run({"run", "-p", "40000", "/home/orders"}), ExitStatus::kUsage);
  EXPECT_EQ(run({"run", "-t", "yarn", "/home/orders"}), ExitStatus::kUsage);
  EXPECT_EQ(run({"info", "--jsn", "/home/orders"}, false), ExitStatus::kUsage);
  EXPECT_THAT(cluster_.runs, SizeIs(2));
}

TEST_F(ClusterCommands, AnIdMayBeWrittenLarge) {
  std::string large = kJob;
  for (char& c : large) c = static_cast<char>(std::toupper(c));
  EXPECT_EQ(run({"savepoint", large, "/sp"}), ExitStatus::kDone) << err_;
}

TEST_F(ClusterCommands, AWordThatIsNeitherAFolderNorAnIdIsToldSo) {
  EXPECT_EQ(run({"savepoint", "orders"}, false), ExitStatus::kFailed);
  EXPECT_THAT(err_, HasSubstr("'orders'"));
  EXPECT_THAT(err_, HasSubstr("nor is it the id of a job of a cluster"));
}

TEST_F(ClusterCommands, WhatIsNoJobIsNotRun) {
  value_or_throw(replace_file(files_, "/home/script", "#!/bin/sh\n"));
  EXPECT_EQ(run({"run", "/home/script"}), ExitStatus::kFailed);
  EXPECT_THAT(err_, HasSubstr("no executable"));
  EXPECT_EQ(run({"run", "/home/none"}), ExitStatus::kFailed);
  EXPECT_THAT(err_, HasSubstr("/home/none"));
  EXPECT_EQ(run({"run"}), ExitStatus::kUsage);
  cluster_.run_answer = fail(ErrorCode::kInvalidArgument, "operator 'count' has no uid");
  EXPECT_EQ(run({"run", "-d", "/home/orders"}), ExitStatus::kFailed);
  EXPECT_THAT(err_, HasSubstr("has no uid"));
  EXPECT_THAT(out_, IsEmpty());
}

TEST_F(ClusterCommands, WithTheJobManagerNamedItDisposesOfSavepoints) {
  ASSERT_EQ(run({"savepoint", "-d", "/sp/savepoint-1"}), ExitStatus::kDone) << err_;
  EXPECT_THAT(out_, ElementsAre("Disposing savepoint '/sp/savepoint-1'.", "Savepoint '/sp/savepoint-1' disposed."));
  EXPECT_THAT(cluster_.disposed, ElementsAre("/sp/savepoint-1"));
  cluster_.dispose_answer = fail(ErrorCode::kInvalidArgument, "'/home' is no savepoint");
  EXPECT_EQ(run({"savepoint", "-d", "/home"}), ExitStatus::kFailed);
  EXPECT_THAT(err_, HasSubstr("is no savepoint"));
}

TEST_F(ClusterCommands, TheEnvironmentNamesTheJobManagerAndItsToken) {
  server_.reset();
  server_ = value_or_throw(RestServer::start(cluster_, {.port = 0, .token = "s3cret"}));
  EXPECT_EQ(run({"list"}), ExitStatus::kFailed);
  EXPECT_THAT(err_, HasSubstr("TIDEMARK_TOKEN"));
  ::setenv("TIDEMARK_TOKEN", "s3cret", 1);
  ::setenv("TIDEMARK_JOBMANAGER", address().c_str(), 1);
  EXPECT_EQ(run({"list"}, false), ExitStatus::kDone) << err_;
  EXPECT_EQ(run({"run", "-d", "/home/orders"}, false), ExitStatus::kDone) << err_;
}

TEST_F(ClusterCommands, WithoutAJobManagerItIsSaidHowToStartOne) {
  const std::string gone = address();
  server_.reset();
  for (const std::vector<std::string>& words : {std::vector<std::string>{"list", "-m", gone}, {"savepoint", "-m", gone, kJob}, {"run", "-m", gone, "/home/orders"}}) {
    EXPECT_EQ(run(words, false), ExitStatus::kFailed) << words[0];
    EXPECT_THAT(err_, HasSubstr("no JobManager listens at " + gone + ": start a cluster with `tidemark local`")) << words[0];
  }
}

TEST_F(ClusterCommands, ACommandThatThereIsNotIsNamed) {
  EXPECT_EQ(run({"savpoint", kJob}, false), ExitStatus::kUsage);
  EXPECT_THAT(err_, HasSubstr("unknown command 'savpoint'; did you mean 'savepoint'?"));
  EXPECT_EQ(run({}, false), ExitStatus::kUsage);
  EXPECT_THAT(err_, HasSubstr("subcommand is required"));
}

TEST(JobManagerPeer, IsNamedByHostAndPortOrHostAlone) {
  ::unsetenv("TIDEMARK_JOBMANAGER");
  EXPECT_EQ(value_or_throw(job_manager_peer("")).address, (NetworkAddress{"localhost", 8081, {}}));
  EXPECT_EQ(value_or_throw(job_manager_peer("box")).address, (NetworkAddress{"box", 8081, {}}));
  EXPECT_EQ(value_or_throw(job_manager_peer("box:7")).address, (NetworkAddress{"box", 7, {}}));
  EXPECT_EQ(value_or_throw(job_manager_peer("[::1]:7")).address, (NetworkAddress{"::1", 7, {}}));
  EXPECT_FALSE(job_manager_peer("unix:/tmp/x"));
  EXPECT_FALSE(job_manager_peer("box:port"));
  EXPECT_TRUE(is_job_id(kFakeJob));
  EXPECT_FALSE(is_job_id("state/orders"));
  EXPECT_FALSE(is_job_id(std::string(32, 'G')));
}

}  // namespace
}  // namespace tidemark

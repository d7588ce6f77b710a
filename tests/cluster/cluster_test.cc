// Whole clusters of real processes on this machine, as a person uses them by the command `tidemark`; what goes wrong here is done to processes
// from outside. The rows of a job are always those of the job run alone.
#include <cstdlib>
#include <fstream>

#include "env/authority_test.h"
#include "tests/cluster/cluster.h"

namespace tidemark {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

// For 10 s and 20 s, so that they still run when something is done to them.
const Words kShort{"--count", "40000", "--rate", "4000"};
const Words kLong{"--count", "60000", "--rate", "3000"};
const Words kRestarts{"-D", "restart-strategy.type=fixed-delay", "-D", "restart-strategy.fixed-delay.attempts=100", "-D",
                      "restart-strategy.fixed-delay.delay=100ms"};

TEST_F(ClusterTest, AJobThatIsShippedGivesTheRowsOfTheJobAlone) {
  const auto expected = rows_alone({"--count", "40000"});
  start_cluster(2, 2);
  const std::string job = submit("job", with(kShort, {"-D", "restart-strategy.type=none"}));
  EXPECT_TRUE(comes_true([&] { return state_of(job) == "RUNNING"; }));
  EXPECT_EQ(workers().size(), 2u);
  EXPECT_THAT(in_cluster("list", {}).output, HasSubstr(job));
  expect_finished(job, "job", expected);
  EXPECT_TRUE(comes_true([&] { return free_slots() == slots_ && workers().empty(); }));
  EXPECT_GT(checkpoints_of(job), 0);
}

TEST_F(ClusterTest, ShowsNobodyASecret) {
  const std::string argument = "secret-of-the-command-line";
  const std::string variable = "secret-of-the-environment";
  ::setenv("DB_PASSWORD", variable.c_str(), 1);
  start_cluster(1, 2);
  const std::string job = submit("job", {"--count", "4000000", "--rate", "20000", "--api-token", argument}, {"-p", "2"});
  EXPECT_THAT(run_in_cluster(job_words({"--api-token", argument, "--count", "many"}, "wrong")).output, HasSubstr("'many'"));
  ASSERT_TRUE(comes_true([&] { return runs_with_a_checkpoint(job); }));
  ::kill(workers().at(0), SIGKILL);  // its last lines are told of
  ASSERT_TRUE(comes_true([&] { return restarts_of(job) >= 1 && state_of(job) == "RUNNING"; }));
  std::string told;
  const std::string of_job = "/jobs/" + job;
  for (const std::string& path : {std::string{"/jobs"}, std::string{"/jobs/overview"}, of_job, of_job + "/config", of_job + "/plan", of_job + "/exceptions",
                                  of_job + "/checkpoints", of_job + "/checkpoints/config", std::string{"/jobmanager/config"}, std::string{"/jobmanager/log"},
                                  std::string{"/jobmanager/thread-dump"}, std::string{"/taskmanagers"}, std::string{"/metrics"}, std::string{"/jars"}}) {
    const std::string answer = ask(path);
    EXPECT_FALSE(answer.empty()) << path;
    told += answer;
  }
  std::size_t logs = 0;
  for (const fs::path& folder : {folder_, folder_ / "tm0" / "logs"}) {
    for (const auto& entry : fs::directory_iterator{folder}) {
      if (!entry.path().filename().string().contains(".log")) continue;
      told += text_of(entry.path());
      ++logs;
    }
  }
  EXPECT_GE(logs, 2u) << "of the JobManager and the TaskManager; a worker has one when it has said something";
  EXPECT_THAT(told, HasSubstr(job));
  for (const std::string& secret : {argument, variable}) EXPECT_FALSE(told.contains(secret)) << secret;
}

TEST_F(ClusterTest, TellsHowItsProcessesAndJobsAre) {
  start_cluster(1, 2);
  const std::string job = submit("job", {"--count", "4000000", "--rate", "20000"}, {"-p", "2"});
  ASSERT_TRUE(comes_true([&] { return runs_with_a_checkpoint(job); }));
  EXPECT_THAT(ask("/metrics"), HasSubstr("flink_jobmanager_job_numberOfCompletedCheckpoints{job_id=\"" + job + "\""));
  EXPECT_THAT(ask("/metrics"), HasSubstr("flink_jobmanager_taskSlotsTotal{"));
  const std::string list = ask("/taskmanagers");
  const std::size_t at = list.find("\"id\":\"") + 6;
  const std::string task_manager = "/taskmanagers/" + list.substr(at, list.find('"', at) - at);
  EXPECT_TRUE(comes_true([&] { return ask(task_manager + "/metrics").contains("-w1.Status.Flink.Memory.Managed.Used"); }));
  EXPECT_TRUE(comes_true([&] {
    const std::string threads = ask(task_manager + "/thread-dump");
    return threads.contains("\"taskmanager\"") && threads.contains("-w1: tasks-0\"") && threads.contains("at tidemark::ThreadedExecution::run(");
  }));
  EXPECT_THAT(ask(task_manager + "/log"), HasSubstr("is registered with the JobManager"));
  EXPECT_THAT(ask("/jobmanager/log"), HasSubstr("is submitted"));
  EXPECT_EQ(in_cluster("cancel", {job}).status, 0);
}

TEST_F(ClusterTest, AJobThatRunsAloneTellsPrometheusHowItIs) {
  const std::string address = "127.0.0.1:" + rest_;
  ChildProcess job{TIDEMARK_ALL_ROUND_JOB,
              with({"--out", path("out"), "--checkpoint-dir", path("state"), "--checkpoint-interval", "100ms", "-D", "metrics.address=" + address},
                   {"--count", "4000000", "--rate", "20000"}),
              folder_, "job.log"};
  EXPECT_TRUE(comes_true([&] { return ask("/metrics").contains("flink_jobmanager_job_lastCompletedCheckpointId{"); })) << job.output();
  const std::string metrics = ask("/metrics");
  EXPECT_THAT(metrics, HasSubstr("flink_taskmanager_job_task_busyTimeMsPerSecond{"));
  EXPECT_THAT(metrics, HasSubstr("flink_taskmanager_job_task_operator_numRecordsOut{"));
  EXPECT_THAT(metrics, HasSubstr("flink_taskmanager_job_task_operator_currentOutputWatermark{"));
  EXPECT_THAT(metrics, HasSubstr("flink_taskmanager_job_task_buffers_outPoolUsage{"));
  EXPECT_THAT(metrics, HasSubstr("flink_taskmanager_Status_Process_Memory_State{"));
  EXPECT_THAT(ask("/jobs"), HasSubstr("there is only GET /metrics here")) << "what changes a job is asked for at its control socket";
  job.kill();
}

TEST_F(ClusterTest, RunWaitsForTheEndAndSaysHowItWas) {
  start_cluster(1, 2);
  EXPECT_EQ(run_in_cluster(with({"-p", "2"}, job_words({"--count", "2000"}, "good"))).status, 0);
  Ran bad;
  for (int i = 0; i < 3 && !bad.output.contains("SIGABRT"); ++i) {  // a TaskManager that is slow to tell how it ended is not waited for
    const std::string name = "bad-" + std::to_string(i);
    bad = run_in_cluster(with({"-p", "2"}, job_words({"--count", "2000", "--crash-at", "500", "-D", "restart-strategy.type=none"}, name)));
    EXPECT_EQ(bad.status, 1) << bad.output;
  }
  EXPECT_THAT(bad.output, HasSubstr("SIGABRT"));
}

TEST_F(ClusterTest, AWorkerThatIsKilledCostsARestartAndNoRow) {
  const auto expected = rows_alone({"--count", "60000"});
  start_cluster(2, 2);
  const std::string job = submit("job", with(kLong, kRestarts));
  for (int kills = 0; kills < 3; ++kills) {
    ASSERT_TRUE(comes_true([&] { return runs_with_a_checkpoint(job) && workers().size() == 2; }));
    ::kill(workers().at(static_cast<std::size_t>(kills % 2)), SIGKILL);
    ASSERT_TRUE(comes_true([&] { return restarts_of(job) > kills; }));
  }
  EXPECT_THAT(ask("/jobs/" + job + "/exceptions"), HasSubstr("SIGKILL"));
  expect_finished(job, "job", expected);
}

// What lies in the storage can't be read back: only copies are right.
void damage_files_in(const fs::path& folder) {
  for (const auto& entry : fs::recursive_directory_iterator{folder}) {
    if (!entry.is_regular_file() || entry.path().filename().string().starts_with('_') || entry.file_size() < 256) continue;
    std::fstream file{entry.path(), std::ios::in | std::ios::out | std::ios::binary};
    file.seekp(16);
    file << std::string(100, '!');
  }
}

TEST_F(ClusterTest, WorkersReadTheirStateFromCopiesOnTheirTaskManagersDisk) {
  const auto expected = rows_alone({"--count", "40000"});
  start_cluster(2, 2);  // no slots but those where the copies lie
  for (const std::string backend : {"hashmap", "rocksdb"}) {
    SCOPED_TRACE(backend);
    // Checkpoints are taken when they are asked for, so that the one that is damaged is the newest.
    const Words more{"--checkpoint-interval", "1h", "-D", "execution.checkpointing.local-backup.enabled=true", "-D", "state.backend.type=" + backend};
    const std::string job = submit(backend, with(with(kShort, kRestarts), more));
    ASSERT_TRUE(comes_true([&] { return state_of(job) == "RUNNING"; }));
    const Ran taken = in_cluster("checkpoint", {job});
    ASSERT_EQ(taken.status, 0) << taken.output;
    damage_files_in(path(backend + "-state"));
    ::kill(workers().at(0), SIGKILL);
    expect_finished(job, backend, expected);
    EXPECT_GE(restarts_of(job), 1);
    EXPECT_EQ(ask("/jobs/" + job + "/exceptions").find("checksum"), std::string::npos) << ask("/jobs/" + job + "/exceptions");
  }
}

TEST_F(ClusterTest, StateInRocksdbOutlivesWorkersAndMovesToAnotherParallelismAndBackend) {
  const Words size{"--count", "60000", "--keys", "20000"};
  const auto expected = rows_alone(size);
  start_cluster(2, 2);
  const Words words = with(with(size, {"-D", "execution.checkpointing.incremental=true"}), kRestarts);
  const std::string job = submit("job", with(words, {"--rate", "1000", "-D", "state.backend.type=rocksdb", "-D", "memory.state=8MB"}));
  for (int kills = 0; kills < 2; ++kills) {
    ASSERT_TRUE(comes_true([&] { return runs_with_a_checkpoint(job) && workers().size() == 2; }));
    ::kill(workers().at(static_cast<std::size_t>(kills)), SIGKILL);
    ASSERT_TRUE(comes_true([&] { return restarts_of(job) > kills; }));
  }
  ASSERT_TRUE(comes_true([&] { return runs_with_a_checkpoint(job); }));
  const Ran stopped = in_cluster("stop", {"-p", path("savepoints"), job});
  ASSERT_EQ(stopped.status, 0) << stopped.output;
  const std::string second = submit("job", with(words, {"--checkpoint-dir", path("job-state-2")}), {"-p", "3", "-s", word_after(stopped.output, "Path: ")});
  expect_finished(second, "job", expected);
}

TEST_F(ClusterTest, AJobThatCrashesTouchesNoOther) {
  const auto expected = rows_alone({"--count", "40000"});
  start_cluster(1, 4);
  const std::string good = submit("good", kShort, {"-p", "2"});
  const std::string bad = submit("bad", {"--crash-at", "700", "-D", "restart-strategy.type=none"}, {"-p", "2"});
  EXPECT_TRUE(comes_true([&] { return state_of(bad) == "FAILED"; }));
  expect_finished(good, "good", expected);
  EXPECT_THAT(ask("/jobs/" + good + "/exceptions"), Not(HasSubstr("SIGABRT")));
}

TEST_F(ClusterTest, ATaskManagerThatIsLostIsReplacedByFreeSlots) {
  const auto expected = rows_alone({"--count", "60000"});
  start_cluster(3, 2);
  const std::string job = submit("job", with(kLong, kRestarts));
  ASSERT_TRUE(comes_true([&] { return runs_with_a_checkpoint(job); }));
  for (auto& task_manager : task_managers_) {
    if (children_of(task_manager->pid()).empty()) continue;
    const auto orphans = children_of(task_manager->pid());
    task_manager->kill();
    EXPECT_TRUE(comes_true([&] { return std::ranges::all_of(orphans, [](pid_t pid) { return ::kill(pid, 0) != 0; }); })) << "workers outlive it";
    break;
  }
  expect_finished(job, "job", expected);
  EXPECT_GE(restarts_of(job), 1) << "nothing was killed";
}

TEST_F(ClusterTest, AJobManagerThatIsKilledGoesOnWithItsJobs) {
  const auto expected = rows_alone({"--count", "60000"});
  start_cluster(2, 2);
  const std::string job = submit("job", with(kLong, kRestarts));
  const std::string over = submit("over", {"--count", "100"}, {"-p", "1"});
  ASSERT_TRUE(comes_true([&] { return runs_with_a_checkpoint(job); }));
  for (int kills = 0; kills < 2; ++kills) {
    job_manager_->kill();
    start_job_manager();
    ASSERT_TRUE(comes_true([&] { return state_of(job) == "RUNNING"; })) << job_manager_->output();
  }
  expect_finished(job, "job", expected);
  EXPECT_TRUE(comes_true([&] { return state_of(over) == "FINISHED"; })) << "it waited for slots, or ended before";
}

TEST_F(ClusterTest, ASecondJobManagerOnTheFolderIsRefused) {
  start_cluster(1, 1);
  ChildProcess second{TIDEMARK_COMMAND, {"jobmanager", "--dir", "jm", "--bind", "127.0.0.1:0", "--rest", "127.0.0.1:0"}, folder_, "second.log"};
  EXPECT_NE(second.wait(), 0);
  EXPECT_THAT(second.output(), HasSubstr("jm"));
  EXPECT_TRUE(job_manager_->runs());
}

TEST_F(ClusterTest, StopWithASavepointAndRunFromItAtAnotherParallelism) {
  const auto expected = rows_alone({"--count", "60000"});
  start_cluster(2, 2);
  const Words words{"--count", "60000"};
  const std::string job = submit("job", with(words, {"--rate", "1000"}));
  ASSERT_TRUE(comes_true([&] { return runs_with_a_checkpoint(job); }));
  const Ran savepoint = in_cluster("savepoint", {job, path("savepoints")});
  EXPECT_EQ(savepoint.status, 0) << savepoint.output;
  EXPECT_THAT(savepoint.output, HasSubstr("Savepoint completed. Path: "));
  const Ran stopped = in_cluster("stop", {"-p", path("savepoints"), job});
  ASSERT_EQ(stopped.status, 0) << stopped.output;
  EXPECT_TRUE(comes_true([&] { return state_of(job) == "FINISHED"; })) << state_of(job);
  const std::string second = submit("job", with(words, {"--checkpoint-dir", path("job-state-2")}), {"-p", "3", "-s", word_after(stopped.output, "Path: ")});
  expect_finished(second, "job", expected);
  const Ran disposed = in_cluster("savepoint", {"-d", word_after(savepoint.output, "Path: ")});
  EXPECT_EQ(disposed.status, 0) << disposed.output;
  EXPECT_FALSE(fs::exists(word_after(savepoint.output, "Path: ")));
}

TEST_F(ClusterTest, AnUpgradeKeepsEveryRowAndGivesThePlaceBackWhereTheNewJobDoesNotRun) {
  const auto expected = rows_alone({"--count", "60000"});
  start_cluster(2, 2);
  const std::string old = submit("job", {"--count", "60000", "--rate", "1000"});
  ASSERT_TRUE(comes_true([&] { return runs_with_a_checkpoint(old); }));
  const Ran other = in_cluster("upgrade", {old, TIDEMARK_SAVEPOINT_JOB, "--checkpoint-dir", path("job-state")});
  EXPECT_EQ(other.status, 1) << other.output;
  EXPECT_THAT(other.output, HasSubstr("the old job is called 'all-round' and the new one 'savepoint-test'"));
  EXPECT_EQ(state_of(old), "RUNNING");
  const Words next = job_words({"--count", "60000"}, "job");
  const Ran too_large = in_cluster("upgrade", with({"-p", "9", "--timeout", "2s", old}, next));
  EXPECT_EQ(too_large.status, 1) << too_large.output;
  EXPECT_THAT(too_large.output, HasSubstr("did not take the place of job " + old + ", which goes on: no checkpoint was complete within 2000 ms"));
  ASSERT_TRUE(comes_true([&] { return state_of(old) == "RUNNING"; })) << ask("/jobs/" + old + "/exceptions");
  const Ran upgraded = in_cluster("upgrade", with({"-p", "3", old}, next));
  ASSERT_EQ(upgraded.status, 0) << upgraded.output;
  EXPECT_EQ(state_of(old), "FINISHED");
  expect_finished(word_after(upgraded.output, "\nJob "), "job", expected);
}

TEST_F(ClusterTest, CancelEndsAJobAndItsWorkers) {
  start_cluster(1, 4);
  const std::string job = submit("job", {"--count", "10000000", "--rate", "1000"});
  ASSERT_TRUE(comes_true([&] { return state_of(job) == "RUNNING"; }));
  const Ran ran = in_cluster("cancel", {job});
  EXPECT_EQ(ran.status, 0) << ran.output;
  EXPECT_TRUE(comes_true([&] { return state_of(job) == "CANCELED"; })) << state_of(job);
  EXPECT_TRUE(comes_true([&] { return workers().empty() && free_slots() == slots_; }));
}

TEST_F(ClusterTest, WhatCannotRunIsRefusedWithItsReason) {
  start_cluster(1, 1);
  std::ofstream{folder_ / "no-job"} << "#!/bin/sh\nexit 3\n";
  fs::permissions(folder_ / "no-job", fs::perms::owner_all);
  const Ran script = run_in_cluster({"-d", path("no-job")});
  EXPECT_EQ(script.status, 1);
  EXPECT_THAT(script.output, HasSubstr("no-job"));
  const Ran other = run_in_cluster({"-d", "/bin/true"});
  EXPECT_EQ(other.status, 1);
  const Ran unknown = run_in_cluster({"-d", TIDEMARK_ALL_ROUND_JOB, "--cuont", "3"});
  EXPECT_EQ(unknown.status, 1);
  EXPECT_THAT(unknown.output, HasSubstr("--cuont"));
  const Ran nowhere = tidemark({"list", "-m", "127.0.0.1:1"});
  EXPECT_NE(nowhere.status, 0);
  EXPECT_THAT(nowhere.output, HasSubstr("127.0.0.1:1"));
}

/// All of whose connections have TLS.
class ClusterWithTlsTest : public ClusterTest {
 protected:
  ClusterWithTlsTest() {
    const Tls tls = authority_.issue("node", "DNS:tidemark,IP:127.0.0.1");
    std::ofstream{path("tls.yaml")} << "security.ssl.internal: {certificate: " << tls.certificate << ", key: " << tls.key << ", authority: " << tls.authority
                                    << ", peer-name: tidemark}\nsecurity.ssl.rest: {certificate: " << tls.certificate << ", key: " << tls.key << "}\n";
    ::setenv("TIDEMARK_REST_AUTHORITY", tls.authority.c_str(), 1);
  }
  ~ClusterWithTlsTest() override { ::unsetenv("TIDEMARK_REST_AUTHORITY"); }

  Authority authority_{"authority"};
};

TEST_F(ClusterWithTlsTest, AJobGivesTheRowsOfTheJobAloneAndStrangersAreKeptOut) {
  const auto expected = rows_alone({"--count", "20000"});
  const ChildProcess job_manager{TIDEMARK_COMMAND,
                            {"jobmanager", "--dir", "jm", "--bind", "127.0.0.1:" + rpc_, "--rest", rest_, "--config", "tls.yaml"},
                            folder_, "jobmanager.log"};
  const auto task_manager = [&](const std::string& name, const Words& more) {
    return std::make_unique<ChildProcess>(
        TIDEMARK_COMMAND,
        with({"taskmanager", "--jobmanager", "127.0.0.1:" + rpc_, "--slots", "1", "--dir", name, "--id", name, "--data-host", "127.0.0.1"}, more), folder_,
        name + ".log");
  };
  const auto stranger = task_manager("stranger", {});
  const auto one = task_manager("one", {"--config", "tls.yaml"});
  const auto two = task_manager("two", {"--config", "tls.yaml"});
  const std::string at = "https://127.0.0.1:" + rest_;
  EXPECT_TRUE(comes_true([&] { return one->output().contains("registered") && two->output().contains("registered"); }))
      << one->output() << job_manager.output();
  const Ran ran = tidemark(with({"run", "-m", at, "-p", "2"}, job_words({"--count", "20000"}, "job")));
  EXPECT_EQ(ran.status, 0) << ran.output << job_manager.output();
  EXPECT_TRUE(all_rows("job-out") == expected);
  EXPECT_THAT(tidemark({"list", "-a", "-m", at}).output, HasSubstr("(FINISHED)"));
  EXPECT_THAT(tidemark({"list", "-m", "127.0.0.1:" + rest_}).output, HasSubstr("https://"));
  EXPECT_TRUE(comes_true([&] { return stranger->output().contains("TLS"); })) << stranger->output();
  EXPECT_THAT(stranger->output(), Not(HasSubstr("registered")));
  EXPECT_THAT(job_manager.output(), Not(HasSubstr("'stranger'")));
}

TEST_F(ClusterTest, LocalIsAClusterInOneCommand) {
  const auto expected = rows_alone({"--count", "20000"});
  const ChildProcess local{TIDEMARK_COMMAND, {"local", "--dir", "local", "--slots", "2", "--bind", "127.0.0.1:" + rpc_, "--rest", "127.0.0.1:" + rest_}, folder_, "local.log"};
  ASSERT_TRUE(comes_true([&] { return free_slots() == 2; })) << local.output();
  EXPECT_EQ(run_in_cluster(with({"-p", "2"}, job_words({"--count", "20000"}, "job"))).status, 0) << local.output();
  EXPECT_TRUE(all_rows("job-out") == expected);
}

}  // namespace
}  // namespace tidemark

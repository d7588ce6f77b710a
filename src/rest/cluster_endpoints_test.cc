#include "rest/cluster_endpoints.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <tuple>
#include <utility>
#include <vector>

#include "control/plan_answer.h"
#include "rest/fake_cluster_test.h"

namespace tidemark {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;
using Json = nlohmann::json;

const std::string kJob = std::string{"/v1/jobs/"} + kFakeJob;

class ClusterEndpointsTest : public testing::Test {
 protected:
  HttpResponse call(std::string method, std::string path, std::string body = {}, std::map<std::string, std::string> query = {}) {
    return endpoints_.handle({.method = std::move(method), .path = std::move(path), .query = std::move(query), .body = std::move(body)});
  }
  Json get(std::string path) {
    const HttpResponse response = call("GET", std::move(path));
    EXPECT_EQ(response.status, 200) << response.body;
    return Json::parse(response.body);
  }
  std::string upload(const std::string& content = "a job") {
    auto upload = value_or_throw(endpoints_.begin_upload("jarfile", "orders"));
    value_or_throw(upload->append(program_of_fake(content)));
    const HttpResponse response = upload->finish();
    EXPECT_EQ(response.status, 200) << response.body;
    return Json::parse(response.body).at("filename").get<std::string>();
  }

  FakeCluster cluster_;
  ClusterEndpoints endpoints_{cluster_};
};

TEST_F(ClusterEndpointsTest, TheOverviewCountsSlotsAndJobsByState) {
  ClusterJob over = FakeCluster::running_job();
  over.glance.id = std::string(32, 'f');
  over.glance.state = "CANCELED";
  over.end_ms = 9;
  cluster_.add(over);
  const Json overview = get("/overview");
  EXPECT_EQ(overview["taskmanagers"], 1);
  EXPECT_EQ(overview["slots-total"], 4);
  EXPECT_EQ(overview["slots-available"], 3);
  EXPECT_EQ(overview["jobs-running"], 1);
  EXPECT_EQ(overview["jobs-cancelled"], 1);
  EXPECT_EQ(overview["jobs-failed"], 0);
  EXPECT_EQ(get("/v1/overview"), overview) << "with and without the version";
}

TEST_F(ClusterEndpointsTest, TaskManagersAreListedWithTheirShareOfMemory) {
  const Json entry = get("/taskmanagers")["taskmanagers"][0];
  EXPECT_EQ(entry["id"], "tm-1");
  EXPECT_EQ(entry["freeSlots"], 3);
  EXPECT_EQ(entry["totalResource"]["managedMemory"], 4096);
  EXPECT_EQ(entry["freeResource"]["managedMemory"], 3072);
  EXPECT_EQ(entry["timeSinceLastHeartbeat"], -1) << "nobody knows";
  EXPECT_EQ(get("/taskmanagers/tm-1"), entry);
  EXPECT_EQ(call("GET", "/taskmanagers/tm-2").status, 404);
}

TEST_F(ClusterEndpointsTest, AJobIsShownWithItsVerticesAndPlan) {
  const Json job = get(kJob);
  EXPECT_EQ(job["jid"], kFakeJob);
  EXPECT_EQ(job["maxParallelism"], 128);
  EXPECT_EQ(job["end-time"], -1);
  ASSERT_THAT(job["vertices"], SizeIs(2));
  EXPECT_EQ(job["vertices"][1]["id"], vertex_name(1));
  EXPECT_EQ(job["vertices"][1]["tasks"]["RUNNING"], 2);
  EXPECT_EQ(job["vertices"][1]["metrics"]["read-records"], 50);
  EXPECT_EQ(job["vertices"][1]["metrics"]["read-bytes-complete"], false);
  const Json inputs = job["plan"]["nodes"][1]["inputs"];
  ASSERT_THAT(inputs, SizeIs(1)) << "what is chained is no input";
  EXPECT_EQ(inputs[0]["id"], vertex_name(0));
  EXPECT_EQ(inputs[0]["ship_strategy"], "HASH");
  EXPECT_EQ(get(kJob + "/plan")["plan"], job["plan"]);
  const Json listed = get("/jobs/overview")["jobs"][0];
  EXPECT_EQ(listed["tasks"]["running"], 3);
  EXPECT_EQ(listed["tasks"]["total"], 3);
}

TEST_F(ClusterEndpointsTest, AJobThatHasFailedSaysWhy) {
  EXPECT_EQ(get(kJob + "/execution-result")["status"]["id"], "IN_PROGRESS");
  cluster_.end("FAILED", "operator 'window' threw: no such currency");
  const Json result = get(kJob + "/execution-result")["job-execution-result"];
  EXPECT_EQ(result["application-status"], "FAILED");
  EXPECT_EQ(result["net-runtime"], 3'500);
  EXPECT_THAT(result["failure-cause"]["stack-trace"].get<std::string>(), HasSubstr("no such currency"));
  const Json exceptions = get(kJob + "/exceptions");
  EXPECT_THAT(exceptions["root-exception"].get<std::string>(), HasSubstr("no such currency"));
  ASSERT_THAT(exceptions["exceptionHistory"]["entries"], SizeIs(2));
  EXPECT_THAT(exceptions["exceptionHistory"]["entries"][1]["stacktrace"].get<std::string>(), HasSubstr("SIGKILL"));
  EXPECT_EQ(exceptions["exceptionHistory"]["entries"][1]["taskName"], "window -> files (1/2)");
  EXPECT_EQ(exceptions["exceptionHistory"]["entries"][1]["taskManagerId"], "tm-1");
  EXPECT_TRUE(exceptions["exceptionHistory"]["entries"][0]["taskName"].is_null()) << "it is no single task's";
  EXPECT_EQ(get(kJob)["timestamps"]["FAILED"], 4'500);
}

TEST_F(ClusterEndpointsTest, AJobThatWasStoppedHasSucceeded) {
  cluster_.end("FINISHED");
  EXPECT_EQ(get(kJob + "/execution-result")["job-execution-result"]["application-status"], "SUCCEEDED");
}

TEST_F(ClusterEndpointsTest, CheckpointsAreCountedSummedUpAndShownOneByOne) {
  const Json checkpoints = get(kJob + "/checkpoints");
  EXPECT_EQ(checkpoints["counts"]["completed"], 6);
  EXPECT_EQ(checkpoints["counts"]["failed"], 1);
  EXPECT_EQ(checkpoints["latest"]["completed"]["id"], 7);
  EXPECT_EQ(checkpoints["latest"]["savepoint"]["external_path"], "/sp/savepoint-6");
  EXPECT_EQ(checkpoints["summary"]["end_to_end_duration"]["max"], 40);
  EXPECT_EQ(checkpoints["summary"]["end_to_end_duration"]["min"], 10);
  EXPECT_EQ(checkpoints["summary"]["processed_data"]["max"], -1);
  ASSERT_THAT(checkpoints["history"], SizeIs(4));
  EXPECT_EQ(checkpoints["history"][0]["discarded"], false);
  EXPECT_EQ(checkpoints["history"][3]["discarded"], true);
  EXPECT_THAT(checkpoints["latest"]["failed"]["failure_message"].get<std::string>(), HasSubstr("the disk is full"));
  EXPECT_EQ(checkpoints["history"][1]["checkpoint_type"], "SAVEPOINT");
  EXPECT_EQ(get(kJob + "/checkpoints/details/7")["num_subtasks"], 3);
  EXPECT_EQ(call("GET", kJob + "/checkpoints/details/8").status, 404);
}

TEST_F(ClusterEndpointsTest, TheConfigurationIsWhatWasSetWithWhatFollowsFromIt) {
  EXPECT_EQ(get(kJob + "/config")["execution-config"]["user-config"]["execution.checkpointing.interval"], "5s");
  const Json config = get(kJob + "/checkpoints/config");
  EXPECT_EQ(config["interval"], 5'000);
  EXPECT_EQ(config["timeout"], 600'000);
  EXPECT_EQ(config["mode"], "exactly_once");
  EXPECT_EQ(config["externalization"]["enabled"], true);
}

TEST_F(ClusterEndpointsTest, AnUploadIsListedPlannedRunAndDeleted) {
  const std::string id = upload();
  EXPECT_TRUE(is_executable_hash(id));
  EXPECT_EQ(upload(), id) << "the same content";
  ASSERT_THAT(get("/jars")["files"], SizeIs(1));
  EXPECT_EQ(get("/jars")["files"][0]["name"], "orders");
  EXPECT_EQ(get("/jars/" + id + "/plan")["plan"]["nodes"][1]["description"], "window -> files");
  const HttpResponse run = call("POST", "/jars/" + id + "/run",
                                R"({"programArgsList":["--in=a b","x"],"parallelism":3,"savepointPath":"/sp/1","allowNonRestoredState":true,"claimMode":"CLAIM"})");
  EXPECT_EQ(Json::parse(run.body)["jobid"], kFakeJob);
  ASSERT_THAT(cluster_.runs, SizeIs(2));
  EXPECT_EQ(cluster_.runs[1].executable, id);
  EXPECT_THAT(cluster_.runs[1].arguments, ElementsAre("--in=a b", "x"));
  EXPECT_EQ(cluster_.runs[1].parallelism, 3U);
  EXPECT_EQ(cluster_.runs[1].savepoint, "/sp/1");
  EXPECT_TRUE(cluster_.runs[1].allow_non_restored_state);
  EXPECT_TRUE(cluster_.runs[1].claim);
  EXPECT_EQ(call("DELETE", "/jars/" + id).status, 200);
  EXPECT_EQ(call("DELETE", "/jars/" + id).status, 404);
  EXPECT_THAT(get("/jars")["files"], IsEmpty());
}

TEST_F(ClusterEndpointsTest, WhatToRunMayStandInTheQuery) {
  const std::string id = upload();
  EXPECT_EQ(call("POST", "/jars/" + id + "/run", "", {{"parallelism", "4"}, {"programArg", "--in 'a b' \"c\\\"d\" e\\ f"}, {"allowNonRestoredState", "true"}}).status, 200);
  EXPECT_EQ(cluster_.runs.at(0).parallelism, 4U);
  EXPECT_THAT(cluster_.runs[0].arguments, ElementsAre("--in", "a b", "c\"d", "e f"));
  EXPECT_TRUE(cluster_.runs[0].allow_non_restored_state);
}

TEST_F(ClusterEndpointsTest, WhyAJobCannotRunIsTheAnswer) {
  const std::string id = upload();
  cluster_.run_answer = fail(ErrorCode::kInvalidArgument, "operator 'count' has no uid");
  const HttpResponse refused = call("POST", "/jars/" + id + "/run", "{}");
  EXPECT_EQ(refused.status, 400);
  EXPECT_THAT(refused.body, HasSubstr("has no uid"));
  cluster_.plan_answer = fail(ErrorCode::kTimeout, "it has not said what it is within 60 s");
  EXPECT_EQ(call("GET", "/jars/" + id + "/plan").status, 504);
}

TEST_F(ClusterEndpointsTest, FewWaitAtATime) {
  const std::string id = upload();
  cluster_.keeps_answers = true;
  std::vector<std::thread> callers;
  std::atomic<int> turned_away{0};
  for (int i = 0; i < 12; ++i) {
    callers.emplace_back([&] {
      if (!call("POST", "/jars/" + id + "/run", "{}").body.contains("too many executables")) return;
      if (++turned_away == 4) endpoints_.end_waits();
    });
  }
  for (std::thread& caller : callers) caller.join();
  EXPECT_EQ(turned_away, 4);
  cluster_.drop_answers();
}

TEST_F(ClusterEndpointsTest, ToPlanAnExecutableIsNoMereLook) {
  EXPECT_TRUE(ClusterEndpoints::changes("GET", "/v1/jars/abc/plan"));
  EXPECT_TRUE(ClusterEndpoints::changes("PATCH", "/jobs/abc"));
  EXPECT_FALSE(ClusterEndpoints::changes("GET", "/jobs/abc/plan"));
  for (const char* const log : {"/jobmanager/log", "/v1/jobmanager/logs", "/jobmanager/logs/x", "/taskmanagers/a/thread-dump", "/taskmanagers/a/log", "//v1//taskmanagers/a/logs/x"}) {
    EXPECT_TRUE(ClusterEndpoints::changes("GET", log)) << log;
  }
  EXPECT_FALSE(ClusterEndpoints::changes("GET", "/taskmanagers/a/metrics"));
  EXPECT_FALSE(ClusterEndpoints::changes("GET", "/metrics"));
}

TEST_F(ClusterEndpointsTest, PrometheusGetsTheClusterItsJobsAndTheProcess) {
  const HttpResponse response = call("GET", "/metrics");
  EXPECT_THAT(response.content_type, HasSubstr("text/plain; version=0.0.4"));
  EXPECT_THAT(response.body, HasSubstr("flink_jobmanager_taskSlotsAvailable{host="));
  EXPECT_THAT(response.body, testing::ContainsRegex("flink_jobmanager_numFailedJobs[{]host=[^}]*[}] 0\n"));
  EXPECT_THAT(response.body, HasSubstr("flink_jobmanager_Status_Process_Memory_Used{host="));
  EXPECT_THAT(response.body, HasSubstr("flink_jobmanager_job_numRestarts{job_id=\"" + std::string{kFakeJob} + "\",job_name=\"orders\",host="));
  cluster_.end("FAILED", "the disk is full");
  EXPECT_THAT(call("GET", "/metrics").body, testing::ContainsRegex("flink_jobmanager_numFailedJobs[{]host=[^}]*[}] 1\n"));
  cluster_.end("FINISHED");
  EXPECT_THAT(call("GET", "/metrics").body, Not(HasSubstr("job_name=")));
}

TEST_F(ClusterEndpointsTest, ATaskManagerIsAskedForWhatItAloneKnows) {
  EXPECT_EQ(call("GET", "/taskmanagers/tm-1/logs").status, 200);
  EXPECT_EQ(call("GET", "/taskmanagers/tm-1/log").content_type, "text/plain; charset=utf-8");
  EXPECT_EQ(call("GET", "/taskmanagers/tm-1/logs/../LOCK").status, 404);
  EXPECT_EQ(call("GET", "/taskmanagers/tm-1/nothing").status, 404);
  EXPECT_EQ(call("GET", "/taskmanagers/tm-2/logs").status, 404);
  EXPECT_THAT(call("GET", "/taskmanagers/tm-1/stdout").body, HasSubstr("not kept"));
  EXPECT_THAT(call("GET", "/jobmanager/stdout").body, HasSubstr("jobmanager.log"));
  cluster_.drops_answers = true;
  EXPECT_THAT(call("GET", "/taskmanagers/tm-1/logs").body, HasSubstr("the JobManager ends"));
  EXPECT_EQ(call("GET", "/taskmanagers/metrics").body, "[]") << "who does not answer is left out";
}

TEST_F(ClusterEndpointsTest, WhoWaitsForAnAnswerIsToldThatTheJobManagerEnds) {
  const std::string id = upload();
  cluster_.keeps_answers = true;
  std::thread caller{[&] { EXPECT_THAT(call("POST", "/jars/" + id + "/run", "{}").body, HasSubstr("the JobManager ends")); }};
  endpoints_.end_waits();
  caller.join();
  cluster_.drop_answers();
}

TEST_F(ClusterEndpointsTest, AnAnswerThatNeverComesIsOneToo) {
  const std::string id = upload();
  cluster_.drops_answers = true;
  EXPECT_THAT(call("POST", "/jars/" + id + "/run", "{}").body, HasSubstr("the JobManager ends"));
}

TEST_F(ClusterEndpointsTest, WhatIsNoExecutableIsRefused) {
  auto upload = value_or_throw(endpoints_.begin_upload("jarfile", "../../etc/passwd"));
  value_or_throw(upload->append("#!/bin/sh\nrm -rf /\n"));
  EXPECT_EQ(upload->finish().status, 400);
  EXPECT_THAT(get("/jars")["files"], IsEmpty());
  EXPECT_FALSE(endpoints_.begin_upload("file", "x"));
}

TEST_F(ClusterEndpointsTest, ASavepointIsAskedForOnceHoweverOftenAndPolled) {
  cluster_.snapshot_answer.reset();
  const std::string body = R"({"target-directory":"/sp","triggerId":"monday"})";
  for (int i = 0; i < 3; ++i) EXPECT_EQ(call("POST", kJob + "/savepoints", body).status, 202);
  EXPECT_THAT(cluster_.orders, SizeIs(1));
  EXPECT_EQ(get(kJob + "/savepoints/monday")["status"]["id"], "IN_PROGRESS");
  cluster_.waiting[0](SnapshotTaken{9, "/sp/savepoint-9"});
  EXPECT_EQ(get(kJob + "/savepoints/monday")["operation"]["location"], "/sp/savepoint-9");
  const std::string other = "/jobs/" + std::string(32, 'e');
  EXPECT_EQ(call("POST", other + "/savepoints", body).status, 404);
  EXPECT_EQ(call("GET", other + "/savepoints/monday").status, 404);
}

TEST_F(ClusterEndpointsTest, AnUpgradeIsAskedForOnceAndPolled) {
  const std::string jar = upload();
  const std::string body = R"({"jarId":")" + jar +
                           R"(","programArgsList":["--x"],"parallelism":3,"targetDirectory":"/sp","checkpointTimeout":5000,"triggerId":"monday"})";
  for (int i = 0; i < 2; ++i) EXPECT_EQ(call("POST", kJob + "/upgrade", body).status, 202);
  ASSERT_THAT(cluster_.upgrades, SizeIs(1));
  EXPECT_EQ(cluster_.upgrades[0].run.executable, jar);
  EXPECT_THAT(cluster_.upgrades[0].run.arguments, ElementsAre("--x"));
  EXPECT_EQ(cluster_.upgrades[0].run.parallelism, 3u);
  EXPECT_EQ(cluster_.upgrades[0].savepoint_dir, "/sp");
  EXPECT_EQ(cluster_.upgrades[0].trial_ms, 5'000);
  EXPECT_EQ(get(kJob + "/upgrade/monday")["operation"]["jobid"], std::string(32, 'c'));
  EXPECT_EQ(get(kJob + "/upgrade/monday")["operation"]["location"], "/sp/savepoint-9");
  cluster_.upgrade_answer = fail(ErrorCode::kFailedPrecondition, "the saved state doesn't fit the job");
  call("POST", kJob + "/upgrade", R"({"jarId":")" + jar + R"(","triggerId":"tuesday"})");
  EXPECT_THAT(get(kJob + "/upgrade/tuesday")["operation"]["failure-cause"]["stack-trace"].get<std::string>(), HasSubstr("doesn't fit"));
  const std::vector<std::pair<std::string, int>> wrong = {{"", 400},
                                                          {"{}", 400},
                                                          {R"({"jarId":7})", 400},
                                                          {R"({"jarId":"none"})", 404},
                                                          {R"({"jarId":"JAR","checkpointTimeout":0})", 400},
                                                          {R"({"jarId":"JAR","checkpointTimeout":"5s"})", 400},
                                                          {R"({"jarId":"JAR","savepointPath":"/sp/1"})", 400},
                                                          {R"({"jarId":"JAR","claimMode":"CLAIM"})", 400},
                                                          {R"({"jarId":"JAR","entryClass":"Main"})", 400}};
  for (auto [text, status] : wrong) {
    if (const std::size_t at = text.find("JAR"); at != std::string::npos) text.replace(at, 3, jar);
    EXPECT_EQ(call("POST", kJob + "/upgrade", text).status, status) << text;
  }
  EXPECT_EQ(call("POST", "/jobs/" + std::string(32, 'e') + "/upgrade", body).status, 404);
  EXPECT_EQ(call("GET", kJob + "/upgrade/none").status, 404);
  EXPECT_EQ(call("GET", kJob + "/upgrade").status, 404);
  EXPECT_THAT(cluster_.upgrades, SizeIs(2));
}

TEST_F(ClusterEndpointsTest, ASavepointIsDisposedOf) {
  const HttpResponse asked = call("POST", "/savepoint-disposal", R"({"savepoint-path":"/sp/savepoint-1"})");
  EXPECT_EQ(asked.status, 202);
  const std::string id = Json::parse(asked.body).at("request-id").get<std::string>();
  EXPECT_EQ(get("/savepoint-disposal/" + id), Json::parse(R"({"status":{"id":"COMPLETED"},"operation":{}})"));
  EXPECT_THAT(cluster_.disposed, ElementsAre("/sp/savepoint-1"));
  cluster_.dispose_answer = fail(ErrorCode::kInvalidArgument, "'/home' is no savepoint");
  call("POST", "/savepoint-disposal", R"({"savepoint-path":"/home","triggerId":"t"})");
  EXPECT_THAT(get("/savepoint-disposal/t")["operation"]["failure-cause"]["stack-trace"].get<std::string>(), HasSubstr("no savepoint"));
}

TEST_F(ClusterEndpointsTest, ACancelThatIsRefusedSaysWhy) {
  EXPECT_EQ(call("PATCH", kJob, "", {{"mode", "cancel"}}).status, 202);
  EXPECT_EQ(cluster_.cancelled, 1);
  EXPECT_EQ(call("PATCH", kJob, "", {{"mode", "stop"}}).status, 400);
  cluster_.cancel_answer = fail(ErrorCode::kFailedPrecondition, "the job is over");
  EXPECT_EQ(call("PATCH", kJob).status, 409);
}

TEST_F(ClusterEndpointsTest, WhatIsWrongIsRefusedInFlinksShapeAndDoesNothing) {
  const std::string id = upload();
  const std::vector<std::tuple<std::string, std::string, std::string, int>> wrong = {
      {"GET", "/", "", 404},
      {"GET", "/v1", "", 404},
      {"GET", "/v2/jobs", "", 404},
      {"POST", "/overview", "", 404},
      {"DELETE", "/jobs", "", 404},
      {"GET", "/overview/more", "", 404},
      {"GET", "/jobs/../../etc/passwd", "", 404},
      {"GET", "/jobs/" + std::string(5000, 'a'), "", 404},
      {"GET", kJob + "/nothing", "", 404},
      {"GET", kJob + "/vertices", "", 404},
      {"GET", kJob + "/vertices/1", "", 404},
      {"GET", kJob + "/vertices/" + vertex_name(1) + "/flamegraph", "", 404},
      {"GET", kJob + "/checkpoints/none", "", 404},
      {"GET", "/jars/upload", "", 404},
      {"POST", "/jars/upload", "{}", 400},
      {"DELETE", "/jars/..", "", 404},
      {"POST", "/jars/" + std::string(64, 'a') + "/run", "{}", 404},
      {"POST", "/jars/../run", "{}", 404},
      {"GET", "/jars/" + id + "/run", "", 404},
      {"POST", "/jars/" + id + "/run", "[]", 400},
      {"POST", "/jars/" + id + "/run", "{", 400},
      {"POST", "/jars/" + id + "/run", R"({"entryClass":"Main"})", 400},
      {"POST", "/jars/" + id + "/run", R"({"parallelism":0})", 400},
      {"POST", "/jars/" + id + "/run", R"({"parallelism":-3})", 400},
      {"POST", "/jars/" + id + "/run", R"({"parallelism":2.5})", 400},
      {"POST", "/jars/" + id + "/run", R"({"parallelism":[[1]]})", 400},
      {"POST", "/jars/" + id + "/run", R"({"parallelism":)" + std::string(100'000, '[') + std::string(100'000, ']') + "}", 400},
      {"POST", "/jars/" + id + "/run", R"({"programArgsList":"x"})", 400},
      {"POST", "/jars/" + id + "/run", R"({"programArgsList":[1]})", 400},
      {"POST", "/jars/" + id + "/run", R"({"programArgs":"'x"})", 400},
      {"POST", "/jars/" + id + "/run", R"({"claimMode":"LEGACY"})", 400},
      {"POST", "/savepoint-disposal", "{}", 400},
      {"POST", "/savepoint-disposal", "", 400},
      {"POST", "/savepoint-disposal", R"({"savepoint-path":7})", 400},
      {"GET", "/savepoint-disposal/none", "", 404}};
  for (const auto& [method, path, body, status] : wrong) {
    const HttpResponse response = call(method, path, body);
    EXPECT_EQ(response.status, status) << method << " " << path << " " << body << "\n" << response.body;
    EXPECT_THAT(Json::parse(response.body).at("errors"), SizeIs(1)) << response.body;
  }
  EXPECT_THAT(cluster_.runs, IsEmpty());
  EXPECT_THAT(cluster_.disposed, IsEmpty());
}

TEST_F(ClusterEndpointsTest, FieldsOfFlinkThatSayNothingAreTaken) {
  const std::string id = upload();
  EXPECT_EQ(call("POST", "/jars/" + id + "/run",
                 R"({"entryClass":null,"programArgs":null,"programArgsList":null,"parallelism":null,"jobId":null,"savepointPath":null,"flinkConfiguration":{}})")
                .status,
            200);
}

TEST_F(ClusterEndpointsTest, AJobsIdMayBeChosenByWhoRunsIt) {
  const std::string run = "/jars/" + upload() + "/run";
  EXPECT_EQ(call("POST", run, R"({"jobId":"ABCDEFABCDEFABCDEFABCDEFABCDEF01"})").status, 200);
  EXPECT_EQ(cluster_.runs.back().job_id, "abcdefabcdefabcdefabcdefabcdef01");
  EXPECT_EQ(call("POST", run, R"({"jobId":"monday"})").status, 400);
  cluster_.run_answer = fail(ErrorCode::kAlreadyExists, "another job has the id");
  EXPECT_EQ(call("POST", run, R"({"jobId":"abcdefabcdefabcdefabcdefabcdef01"})").status, 409);
}

TEST_F(ClusterEndpointsTest, WhatAnEarlierJobManagerWasAskedForIsToldOfAndNotDoneAgain) {
  const std::string asked = text_of({.dir = "/sp"});
  cluster_.recall({.trigger_id = "taken", .is_savepoint = true, .asked = asked, .is_over = true, .taken = {6, "/sp/savepoint-6"}});
  cluster_.recall({.trigger_id = "lost", .is_savepoint = true, .asked = asked, .is_over = true, .failure = "nobody knows"});
  cluster_.recall({.trigger_id = "taken", .asked = text_of({.what = SnapshotOrder::What::kCheckpoint}), .is_over = true, .taken = {7, "/state/chk-7"}});
  for (const std::string id : {"taken", "lost"}) {
    EXPECT_EQ(call("POST", kJob + "/savepoints", R"({"target-directory":"/sp","triggerId":")" + id + "\"}").status, 202);
    EXPECT_EQ(call("POST", kJob + "/savepoints", R"({"target-directory":"/other","triggerId":")" + id + "\"}").status, 409);
  }
  EXPECT_THAT(cluster_.orders, IsEmpty());
  EXPECT_EQ(get(kJob + "/savepoints/taken")["operation"]["location"], "/sp/savepoint-6");
  EXPECT_EQ(get(kJob + "/savepoints/lost")["operation"]["failure-cause"]["stack-trace"], "nobody knows");
  EXPECT_EQ(get(kJob + "/checkpoints/taken")["operation"]["checkpointId"], 7);
}

TEST_F(ClusterEndpointsTest, TheTasksOfAJobOfWhichNobodyKnowsMoreEndedAsItDid) {
  for (const auto& [state, tasks] : {std::pair{"FINISHED", "FINISHED"}, {"FAILED", "FAILED"}, {"CANCELED", "CANCELED"}}) {
    ClusterJob job = FakeCluster::running_job();
    job.glance.id = std::string(31, 'b') + state[0] + state[1];
    job.glance.state = state;
    job.glance.attempt = {};
    job.end_ms = 4'000;
    const std::string path = "/jobs/" + job.glance.id;
    cluster_.add(std::move(job));
    EXPECT_EQ(get(path)["vertices"][1]["status"], tasks);
    EXPECT_EQ(get(path)["status-counts"][tasks], 2);
  }
}

TEST_F(ClusterEndpointsTest, SecretsAmongTheOptionsOfAJobAreNotShown) {
  ClusterJob job = FakeCluster::running_job();
  job.glance.id = std::string(32, 'b');
  job.configuration = {{"s3.secret-key", kSecretOfFake}, {"parallelism.default", "2"}};
  cluster_.add(std::move(job));
  const Json options = get("/jobs/" + std::string(32, 'b') + "/config")["execution-config"]["user-config"];
  EXPECT_EQ(options["s3.secret-key"], "******");
  EXPECT_EQ(options["parallelism.default"], "2");
}

TEST_F(ClusterEndpointsTest, ManyPollAtOnce) {
  std::vector<std::thread> callers;
  for (int i = 0; i < 8; ++i) {
    callers.emplace_back([&, i] {
      for (int n = 0; n < 50; ++n) {
        const std::string id = "t" + std::to_string((i + n) % 10);
        call("POST", kJob + "/savepoints", R"({"triggerId":")" + id + "\"}");
        EXPECT_EQ(call("GET", kJob + "/savepoints/" + id).status, 200);  // another's may be in progress
        call("GET", kJob + "/vertices/" + vertex_name(1) + "/backpressure");
      }
    });
  }
  for (std::thread& caller : callers) caller.join();
  EXPECT_THAT(cluster_.orders, SizeIs(10));
  for (int i = 0; i < 10; ++i) EXPECT_EQ(get(kJob + "/savepoints/t" + std::to_string(i))["operation"]["location"], "/sp/savepoint-8");
}

}  // namespace
}  // namespace tidemark

#include "control/job_endpoints.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "control/failure_cause.h"
#include "control/plan_answer.h"

namespace tidemark {
namespace {

using testing::HasSubstr;
using testing::SizeIs;
using Json = nlohmann::json;

/// A job that answers when it is told to.
class FakeJob final : public JobControl {
 public:
  void take_snapshot(SnapshotOrder order, SnapshotAnswer answer) override {
    orders.push_back(std::move(order));
    answers.push_back(std::move(answer));
  }
  void cancel() override { ++cancelled; }
  JobGlance glance() const override {
    return {.id = "orders",
            .name = "orders",
            .state = "RUNNING",
            .start_ms = 1000,
            .now_ms = now_ms,
            .restarts = restarts,
            .completed_checkpoints = completed,
            .savepoints = savepoints,
            .newest_checkpoint = newest,
            .restored = restored,
            .restores = restored ? 1u : 0u,
            .vertices = vertices,
            .attempt = attempt,
            .state_times = {{"INITIALIZING", 1000}, {"RUNNING", 2000}}};
  }
  std::vector<CheckpointReport> checkpoints() const override { return history; }

  std::int64_t now_ms = 5000;
  std::uint32_t restarts = 0;
  std::uint64_t completed = 0;
  std::uint64_t savepoints = 0;
  std::optional<CheckpointGlance> newest;
  std::optional<RestoredGlance> restored;
  std::vector<CheckpointReport> history;
  std::vector<VertexMetrics> vertices;
  AttemptReport attempt;

  std::vector<SnapshotOrder> orders;
  std::vector<SnapshotAnswer> answers;
  int cancelled = 0;
};

class JobEndpointsTest : public testing::Test {
 protected:
  HttpResponse call(std::string method, std::string path, std::string body = {}) {
    return endpoints_.handle({.method = std::move(method), .path = std::move(path), .query = {}, .body = std::move(body)});
  }
  HttpResponse metrics(std::map<std::string, std::string> query) {
    return endpoints_.handle({.method = "GET", .path = "/v1/jobs/orders/metrics", .query = std::move(query), .body = {}});
  }
  Json json(const HttpResponse& response) { return Json::parse(response.body); }
  std::string request_id(const HttpResponse& response) { return json(response).at("request-id").get<std::string>(); }

  FakeJob job_;
  JobEndpoints endpoints_{job_};
};

TEST_F(JobEndpointsTest, CheckpointsSayWhatWasWrittenAndHowLargeTheStateIs) {
  EXPECT_TRUE(json(call("GET", "/v1/jobs/orders/checkpoints"))["latest"]["completed"].is_null());
  job_.completed = 3;
  job_.history = {{.glance = {.id = 3,
                              .is_savepoint = false,
                              .written_bytes = 10,
                              .state_bytes = 700,
                              .duration_ms = 20,
                              .completed_ms = 5000,
                              .path = "/state/orders/chk-3-1"}}};
  const Json answer = json(call("GET", "/v1/jobs/orders/checkpoints"));
  EXPECT_EQ(answer["counts"]["completed"], 3);
  EXPECT_EQ(answer["latest"]["completed"]["checkpointed_size"], 10);
  EXPECT_EQ(answer["latest"]["completed"]["state_size"], 700);
  EXPECT_EQ(answer["latest"]["completed"]["trigger_timestamp"], 4980);
  EXPECT_EQ(answer["latest"]["completed"]["external_path"], "/state/orders/chk-3-1");
  EXPECT_EQ(answer["latest"]["completed"]["num_subtasks"], -1) << "as a record of before has it";
  EXPECT_EQ(call("GET", "/jobs/orders/checkpoints/details/3/subtasks/" + vertex_name(1)).status, 404);
  job_.history[0].glance.is_savepoint = true;
  const Json savepoint = json(call("GET", "/v1/jobs/orders/checkpoints"));
  EXPECT_TRUE(savepoint["latest"]["completed"].is_null());
  EXPECT_EQ(savepoint["latest"]["savepoint"]["id"], 3);
}

TEST_F(JobEndpointsTest, SavepointsAreCountedAndWhatTheJobWentOnFromIsTold) {
  EXPECT_TRUE(json(call("GET", "/jobs/orders/checkpoints"))["latest"]["restored"].is_null());
  job_.completed = 3;
  job_.savepoints = 2;
  job_.restored = RestoredGlance{.id = 9, .is_savepoint = true, .restored_ms = 1'500, .path = "/savepoints/savepoint-1"};
  const Json answer = json(call("GET", "/jobs/orders/checkpoints"));
  EXPECT_EQ(answer["counts"]["completed"], 5);
  EXPECT_EQ(answer["counts"]["total"], 5);
  EXPECT_EQ(answer["counts"]["restored"], 1);
  EXPECT_EQ(answer["latest"]["restored"],
            Json::parse(R"({"id":9,"restore_timestamp":1500,"is_savepoint":true,"external_path":"/savepoints/savepoint-1"})"));
  EXPECT_EQ(json(metrics({{"get", "lastCheckpointRestoreTimestamp"}}))[0]["value"], "1500");
}

TEST_F(JobEndpointsTest, AFailedCheckpointSaysWhy) {
  job_.history = {{.glance = {.id = 5, .status = CheckpointStatus::kInProgress, .triggered_ms = 4'900, .tasks = 3}},
                  {.glance = {.id = 4,
                              .duration_ms = 600,
                              .completed_ms = 4'600,
                              .status = CheckpointStatus::kFailed,
                              .triggered_ms = 4'000,
                              .acknowledged_ms = 4'100,
                              .tasks = 3,
                              .acknowledged = 1,
                              .failure = "checkpoint 4: the disk is full"}},
                  {.glance = {.id = 3, .path = "/state/orders/chk-3-1"}}};
  const Json answer = json(call("GET", "/jobs/orders/checkpoints"));
  ASSERT_THAT(answer["history"], SizeIs(3));
  EXPECT_EQ(answer["history"][0]["status"], "IN_PROGRESS");
  EXPECT_FALSE(answer["history"][0].contains("external_path"));
  EXPECT_EQ(answer["history"][1]["status"], "FAILED");
  EXPECT_EQ(answer["latest"]["failed"]["failure_message"], "checkpoint 4: the disk is full");
  EXPECT_EQ(answer["latest"]["failed"]["failure_timestamp"], 4'600);
  EXPECT_EQ(answer["latest"]["failed"]["num_acknowledged_subtasks"], 1);
  EXPECT_EQ(answer["latest"]["completed"]["id"], 3);
}

TEST_F(JobEndpointsTest, TheDetailsOfACheckpointSayWhatEachTaskDid) {
  job_.vertices = {{.id = 0, .name = "lines", .subtasks = {{}}}, {.id = 1, .name = "count", .subtasks = {{}, {}}}};
  const auto acknowledgements = std::make_shared<std::vector<TaskAcknowledgement>>();
  acknowledgements->push_back({.task = {.vertex = 1, .subtask = 1},
                               .acknowledged_ms = 4'090,
                               .duration_ms = 90,
                               .start_delay_ms = 20,
                               .alignment_ms = 30,
                               .sync_ms = 5,
                               .async_ms = 35,
                               .written_bytes = 100,
                               .state_bytes = 400});
  acknowledgements->push_back({.task = {.vertex = 0, .subtask = 0}, .acknowledged_ms = 4'010, .duration_ms = 10});
  job_.history = {{.glance = {.id = 4, .status = CheckpointStatus::kInProgress, .triggered_ms = 4'000, .tasks = 3, .acknowledged = 2},
                   .acknowledgements = acknowledgements}};
  const Json tasks = json(call("GET", "/jobs/orders/checkpoints/details/4"))["tasks"];
  ASSERT_THAT(tasks, SizeIs(2));
  EXPECT_EQ(tasks[vertex_name(0)]["num_acknowledged_subtasks"], 1);
  EXPECT_EQ(tasks[vertex_name(1)]["num_subtasks"], 2);
  EXPECT_EQ(tasks[vertex_name(1)]["state_size"], 400);
  EXPECT_EQ(tasks[vertex_name(1)]["latest_ack_timestamp"], 4'090);
  const Json count = json(call("GET", "/jobs/orders/checkpoints/details/4/subtasks/" + vertex_name(1)));
  ASSERT_THAT(count["subtasks"], SizeIs(2));
  EXPECT_EQ(count["subtasks"][0]["status"], "pending_or_failed");
  EXPECT_EQ(count["subtasks"][1]["status"], "completed");
  EXPECT_EQ(count["subtasks"][1]["checkpoint"]["async"], 35);
  EXPECT_EQ(count["subtasks"][1]["alignment"]["duration"], 30);
  EXPECT_EQ(count["subtasks"][1]["start_delay"], 20);
  EXPECT_EQ(count["summary"]["checkpoint_duration"]["sync"]["max"], 5);
  EXPECT_EQ(call("GET", "/jobs/orders/checkpoints/details/4/subtasks/" + vertex_name(2)).status, 404);
  EXPECT_EQ(call("GET", "/jobs/orders/checkpoints/details/9/subtasks/" + vertex_name(1)).status, 404);
  EXPECT_EQ(call("GET", "/jobs/orders/checkpoints/details/4/subtasks").status, 404);
}

TEST_F(JobEndpointsTest, VerticesSayWhatEachSubtaskDidAndHowUnevenlyTheyShareTheWork) {
  job_.vertices = {{.id = 1, .name = "bids", .subtasks = {{.records_in = 10, .records_out = 10}}},
                   {.id = 2,
                    .name = "count -> files",
                    .subtasks = {{.records_in = 900, .records_out = 9, .busy_ms = 80, .idle_ms = 15, .backpressured_ms = 5}, {.records_in = 100}, {}}}};
  const Json job = json(call("GET", "/v1/jobs/orders"));
  ASSERT_THAT(job["vertices"], SizeIs(2));
  EXPECT_EQ(job["vertices"][0]["metrics"]["skew"], 1.0);
  EXPECT_EQ(job["vertices"][1]["id"], vertex_name(2)) << "32 hexadecimal digits, as clients of Flink expect";
  EXPECT_EQ(job["vertices"][1]["name"], "count -> files");
  EXPECT_EQ(job["vertices"][1]["parallelism"], 3);
  EXPECT_EQ(job["vertices"][1]["metrics"]["read-records"], 1000);
  EXPECT_EQ(job["vertices"][1]["metrics"]["write-records"], 9);
  EXPECT_DOUBLE_EQ(job["vertices"][1]["metrics"]["skew"].get<double>(), 2.7);

  const Json vertex = json(call("GET", "/v1/jobs/orders/vertices/" + vertex_name(2)));
  EXPECT_DOUBLE_EQ(vertex["skew"].get<double>(), 2.7);
  ASSERT_THAT(vertex["subtasks"], SizeIs(3));
  EXPECT_EQ(vertex["subtasks"][0]["metrics"]["read-records"], 900);
  EXPECT_EQ(vertex["subtasks"][0]["metrics"]["accumulated-backpressured-time"], 5);
  EXPECT_EQ(vertex["subtasks"][1]["subtask"], 1);
  EXPECT_EQ(vertex["subtasks"][1]["metrics"]["accumulated-busy-time"], 0);

  const HttpResponse none = call("GET", "/v1/jobs/orders/vertices/" + vertex_name(7));
  EXPECT_EQ(none.status, 404);
  EXPECT_THAT(none.body, HasSubstr("no vertex '00000000000000000000000000000007'"));
}

TEST_F(JobEndpointsTest, EachTaskHasAStateOfItsOwnAndAVertexThatOfAll) {
  job_.vertices = {{.id = 1, .name = "lines", .subtasks = {{}}}, {.id = 2, .name = "count", .subtasks = {{}, {}}}};
  job_.attempt = {.number = 3,
                  .slots = {{.place = {"tm-1", "host-1"},
                             .moves = {{TaskState::kCreated, 1'000}, {TaskState::kDeploying, 1'200}, {TaskState::kInitializing, 1'500}, {TaskState::kRunning, 2'000}}},
                            {.place = {"tm-2", "host-2"}, .moves = {{TaskState::kCreated, 1'000}, {TaskState::kDeploying, 1'300}, {TaskState::kInitializing, 2'500}}}}};
  const std::string vertex = "/jobs/orders/vertices/" + vertex_name(2);
  const Json job = json(call("GET", "/jobs/orders"));
  EXPECT_EQ(job["vertices"][0]["status"], "RUNNING");
  EXPECT_EQ(job["vertices"][0]["start-time"], 1'200);
  EXPECT_EQ(job["vertices"][0]["duration"], 3'800);
  EXPECT_EQ(job["vertices"][0]["end-time"], -1);
  EXPECT_EQ(job["vertices"][1]["status"], "INITIALIZING");
  EXPECT_EQ(job["vertices"][1]["tasks"]["RUNNING"], 1);
  EXPECT_EQ(job["vertices"][1]["tasks"]["INITIALIZING"], 1);
  EXPECT_EQ(job["status-counts"]["RUNNING"], 1);
  EXPECT_EQ(job["timestamps"]["RUNNING"], 2'000);
  EXPECT_EQ(job["timestamps"]["FAILED"], 0);
  EXPECT_EQ(job["last-modification"], 2'500);
  EXPECT_EQ(json(call("GET", "/jobs/overview"))["jobs"][0]["tasks"]["running"], 2);

  const Json subtask = json(call("GET", vertex))["subtasks"][1];
  EXPECT_EQ(subtask["status"], "INITIALIZING");
  EXPECT_EQ(subtask["attempt"], 3);
  EXPECT_EQ(subtask["taskmanager-id"], "tm-2");
  EXPECT_EQ(subtask["endpoint"], "host-2");
  EXPECT_EQ(subtask["status-duration"], Json::parse(R"({"CREATED":300,"DEPLOYING":1200,"INITIALIZING":2500})"));
  EXPECT_EQ(json(call("GET", vertex + "/subtasks/1")), subtask);
  EXPECT_EQ(call("GET", vertex + "/subtasks/2").status, 404);
  EXPECT_EQ(json(call("GET", vertex + "/subtasktimes"))["subtasks"][0]["timestamps"]["INITIALIZING"], 1'500);
  const Json places = json(call("GET", vertex + "/taskmanagers"))["taskmanagers"];
  ASSERT_THAT(places, SizeIs(2));
  EXPECT_EQ(places[0]["taskmanager-id"], "tm-1");
  EXPECT_EQ(places[0]["status"], "RUNNING");
  EXPECT_EQ(places[1]["start-time"], 1'300);
  EXPECT_EQ(json(call("GET", "/jobs/orders/resource-requirements"))[vertex_name(2)]["parallelism"]["upperBound"], 2);
  EXPECT_EQ(json(call("GET", "/jobs/orders/accumulators"))["job-accumulators"], Json::array());

  job_.attempt.failed = TaskId{2, 1};
  job_.attempt.failed_ms = 3'000;
  for (SlotReport& slot : job_.attempt.slots) slot.moves.push_back({TaskState::kCanceling, 3'000});
  const Json failed = json(call("GET", "/jobs/orders"))["vertices"];
  EXPECT_EQ(failed[0]["status"], "CANCELING");
  EXPECT_EQ(failed[1]["status"], "FAILED");
  EXPECT_EQ(failed[1]["tasks"]["CANCELING"], 1);
  EXPECT_EQ(json(call("GET", vertex + "/subtasks/1"))["end-time"], 3'000);
  for (SlotReport& slot : job_.attempt.slots) slot.moves = {{TaskState::kRunning, 2'000}, {TaskState::kFinished, 4'000}};
  job_.attempt.failed.reset();
  const Json finished = json(call("GET", "/jobs/orders"))["vertices"];
  EXPECT_EQ(finished[1]["status"], "FINISHED");
  EXPECT_EQ(finished[1]["end-time"], 4'000);
  EXPECT_EQ(finished[1]["duration"], 2'000);
}

TEST_F(JobEndpointsTest, RecordsThatWereDroppedAreCountedByVertexAndSubtask) {
  job_.vertices = {{.id = 1, .name = "bids", .subtasks = {{.skipped = 4}}},
                   {.id = 2, .name = "windows", .subtasks = {{.late_dropped = 5}, {.late_dropped = 7}}}};
  const Json job = json(call("GET", "/v1/jobs/orders"));
  EXPECT_EQ(job["vertices"][0]["metrics"]["numLateRecordsDropped"], 0);
  EXPECT_EQ(job["vertices"][0]["metrics"]["numRecordsInErrors"], 4);
  EXPECT_EQ(job["vertices"][1]["metrics"]["numLateRecordsDropped"], 12);
  EXPECT_EQ(json(call("GET", "/v1/jobs/orders/vertices/" + vertex_name(2)))["subtasks"][1]["metrics"]["numLateRecordsDropped"], 7);
}

TEST_F(JobEndpointsTest, RestartsAreAMetricOfTheJobAndStandInItsOverview) {
  job_.restarts = 3;
  EXPECT_EQ(json(call("GET", "/v1/jobs/orders"))["numRestarts"], 3);
  EXPECT_THAT(metrics({}).body, HasSubstr(R"({"id":"numRestarts"})"));
  EXPECT_EQ(json(metrics({{"get", "numRescales,numRestarts"}})), Json::parse(R"([{"id":"numRestarts","value":"3"}])"));
  EXPECT_EQ(json(metrics({{"get", "numRestart"}})), Json::array());
}

TEST(VertexMetrics, SkewOfNothingAndOfOneSubtaskIsEven) {
  EXPECT_EQ(skew({}), 1);
  EXPECT_EQ(skew({.id = 0, .name = {}, .subtasks = {{}, {}}}), 1);
  EXPECT_EQ(skew({.id = 0, .name = {}, .subtasks = {{.records_in = 5}}}), 1);
  EXPECT_EQ(skew({.id = 0, .name = {}, .subtasks = {{.records_in = 5}, {.records_in = 5}}}), 1);
  EXPECT_EQ(skew({.id = 0, .name = {}, .subtasks = {{.records_in = 5}, {}, {}, {}}}), 4);
}

TEST_F(JobEndpointsTest, ASavepointIsAskedForAndThenAskedAfter) {
  const HttpResponse started = call("POST", "/v1/jobs/orders/savepoints", R"({"target-directory":"/sp","cancel-job":false})");
  EXPECT_EQ(started.status, 202);
  ASSERT_THAT(job_.orders, SizeIs(1));
  EXPECT_EQ(job_.orders[0].dir, "/sp");
  EXPECT_EQ(job_.orders[0].then, SnapshotOrder::Then::kGoOn);
  const std::string path = "/jobs/orders/savepoints/" + request_id(started);
  EXPECT_EQ(json(call("GET", path)), Json::parse(R"({"status":{"id":"IN_PROGRESS"}})"));
  EXPECT_TRUE(endpoints_.all_outcomes_fetched());
  job_.answers[0](SnapshotTaken{7, "/sp/savepoint-orders-1"});
  EXPECT_FALSE(endpoints_.all_outcomes_fetched());
  EXPECT_EQ(json(call("GET", path)),
            Json::parse(R"({"status":{"id":"COMPLETED"},"operation":{"location":"/sp/savepoint-orders-1"}})"));
  EXPECT_TRUE(endpoints_.all_outcomes_fetched());
}

TEST_F(JobEndpointsTest, AFailureIsTheCauseInFlinksShape) {
  const std::string id = request_id(call("POST", "/jobs/orders/savepoints", "{}"));
  job_.answers[0](fail(ErrorCode::kIo, "the disk \xff burns"));
  const Json cause = json(call("GET", "/jobs/orders/savepoints/" + id)).at("operation").at("failure-cause");
  EXPECT_THAT(cause.at("stack-trace").get<std::string>(), HasSubstr("burns"));
  EXPECT_EQ(cause.at("serialized-throwable"), serialized_throwable("the disk ? burns"));
}

TEST_F(JobEndpointsTest, EachRequestSaysWhatIsToFollow) {
  call("POST", "/v1/jobs/orders/savepoints", R"({"cancel-job":true})");
  call("POST", "/v1/jobs/orders/stop", R"({"targetDirectory":"/sp"})");
  call("POST", "/v1/jobs/orders/stop", R"({"drain":true,"targetDirectory":null})");
  call("POST", "/v1/jobs/orders/checkpoints", R"({"checkpointType":"CONFIGURED"})");
  ASSERT_THAT(job_.orders, SizeIs(4));
  EXPECT_EQ(job_.orders[0].then, SnapshotOrder::Then::kCancel);
  EXPECT_EQ(job_.orders[1].then, SnapshotOrder::Then::kStop);
  EXPECT_EQ(job_.orders[1].dir, "/sp");
  EXPECT_EQ(job_.orders[2].then, SnapshotOrder::Then::kDrain);
  EXPECT_EQ(job_.orders[3].what, SnapshotOrder::What::kCheckpoint);
}

TEST_F(JobEndpointsTest, ACheckpointAnswersWithItsId) {
  const std::string id = request_id(call("POST", "/jobs/orders/checkpoints"));
  job_.answers[0](SnapshotTaken{26, "/state/chk-26-1"});
  EXPECT_EQ(json(call("GET", "/jobs/orders/checkpoints/" + id)).at("operation"), Json::parse(R"({"checkpointId":26})"));
  EXPECT_EQ(call("GET", "/jobs/orders/savepoints/" + id).status, 404) << "it is no savepoint";
}

TEST_F(JobEndpointsTest, ARepeatedTriggerIdAsksOnce) {
  const std::string body = R"({"triggerId":"abc-1","target-directory":"/sp"})";
  EXPECT_EQ(request_id(call("POST", "/jobs/orders/savepoints", body)), "abc-1");
  EXPECT_EQ(request_id(call("POST", "/jobs/orders/savepoints", body)), "abc-1");
  EXPECT_THAT(job_.orders, SizeIs(1));
  EXPECT_EQ(call("POST", "/jobs/orders/savepoints", R"({"triggerId":"abc-1","target-directory":"/other"})").status, 409);
  EXPECT_EQ(call("POST", "/jobs/orders/stop", R"({"triggerId":"abc-1","targetDirectory":"/sp"})").status, 409);
}

TEST_F(JobEndpointsTest, TheJobIsShownAndCancelled) {
  const Json jobs = json(call("GET", "/v1/jobs/overview")).at("jobs");
  EXPECT_EQ(jobs.at(0).at("jid"), "orders");
  EXPECT_EQ(jobs.at(0).at("state"), "RUNNING");
  EXPECT_EQ(jobs.at(0).at("duration"), 4000);
  EXPECT_EQ(json(call("GET", "/jobs")).at("jobs").at(0).at("status"), "RUNNING");
  EXPECT_EQ(json(call("GET", "/jobs/orders")).at("state"), "RUNNING");
  EXPECT_EQ(call("PATCH", "/jobs/orders").status, 202);
  EXPECT_EQ(job_.cancelled, 1);
}

TEST_F(JobEndpointsTest, WhatIsWrongIsRefusedWithFlinksShapeAndDoesNothing) {
  const std::vector<std::tuple<std::string, std::string, std::string, int>> wrong = {
      {"GET", "/", "", 404},
      {"GET", "/v1/taskmanagers", "", 404},
      {"GET", "/v1/jobs/other", "", 404},
      {"DELETE", "/v1/jobs/orders", "", 404},
      {"GET", "/v1/jobs/orders/savepoints/none", "", 404},
      {"POST", "/v1/jobs/orders/savepoints", "[]", 400},
      {"POST", "/v1/jobs/orders/savepoints", "{", 400},
      {"POST", "/v1/jobs/orders/savepoints", R"({"triggerId":)" + std::string(100'000, '[') + std::string(100'000, ']') + "}", 400},
      {"POST", "/v1/jobs/orders/savepoints", R"({"targetDirectory":"/sp"})", 400},
      {"POST", "/v1/jobs/orders/savepoints", R"({"target-directory":7})", 400},
      {"POST", "/v1/jobs/orders/savepoints", R"({"formatType":"NATIVE"})", 400},
      {"POST", "/v1/jobs/orders/savepoints", R"({"triggerId":"../etc"})", 400},
      {"POST", "/v1/jobs/orders/stop", R"({"drain":"yes"})", 400},
      {"POST", "/v1/jobs/orders/checkpoints", R"({"checkpointType":"INCREMENTAL"})", 400},
      {"POST", "/v1/jobs/orders/checkpoints", R"({"drain":true})", 400}};
  for (const auto& [method, path, body, status] : wrong) {
    const HttpResponse response = call(method, path, body);
    EXPECT_EQ(response.status, status) << method << " " << path << " " << body;
    EXPECT_THAT(json(response).at("errors"), SizeIs(1)) << response.body;
  }
  EXPECT_THAT(job_.orders, testing::IsEmpty());
}

TEST_F(JobEndpointsTest, MetricsOfSubtasksAreSummedUpAsIsAskedFor) {
  job_.vertices = {{.id = 2, .name = "count", .subtasks = {{.records_in = 10}, {.records_in = 30}, {.records_in = 20}}}};
  const std::string vertex = "/jobs/orders/vertices/" + vertex_name(2);
  const auto get = [&](const std::string& path, std::map<std::string, std::string> query) {
    return endpoints_.handle({.method = "GET", .path = path, .query = std::move(query), .body = {}});
  };
  EXPECT_EQ(json(get(vertex + "/subtasks/metrics", {{"get", "numRecordsIn"}})),
            Json::parse(R"([{"id":"numRecordsIn","min":10.0,"max":30.0,"avg":20.0,"sum":60.0,"skew":1.5}])"));
  EXPECT_EQ(json(get(vertex + "/subtasks/metrics", {{"get", "numRecordsIn,none"}, {"agg", "sum,max"}, {"subtasks", "0,2"}})),
            Json::parse(R"([{"id":"numRecordsIn","max":20.0,"sum":30.0}])"));
  EXPECT_EQ(get(vertex + "/subtasks/metrics", {{"get", "numRecordsIn"}, {"subtasks", "3"}}).status, 400);
  EXPECT_EQ(get(vertex + "/subtasks/metrics", {{"get", "numRecordsIn"}, {"subtasks", "-1"}}).status, 400);
  EXPECT_THAT(get(vertex + "/subtasks/metrics", {}).body, HasSubstr(R"({"id":"numRecordsOut"})"));
  EXPECT_EQ(json(get(vertex + "/metrics", {{"get", "1.numRecordsIn"}})), Json::parse(R"([{"id":"1.numRecordsIn","value":"30"}])"));
  EXPECT_EQ(json(get(vertex + "/subtasks/2/metrics", {{"get", "numRecordsIn"}})), Json::parse(R"([{"id":"numRecordsIn","value":"20"}])"));
  EXPECT_EQ(get(vertex + "/subtasks/3/metrics", {}).status, 404);
}

TEST_F(JobEndpointsTest, BackpressureIsThatOfTheLastSeconds) {
  const auto look = [&](SubtaskRates first, SubtaskRates second) {
    job_.vertices = {{.id = 1, .name = "map", .subtasks = {{.busy_ms = 9'000, .rates = first}, {.busy_ms = 9'000, .rates = second}}}};
    return json(call("GET", "/jobs/orders/vertices/" + vertex_name(1) + "/backpressure"));
  };
  EXPECT_EQ(look({}, {})["status"], "deprecated") << "nothing is known yet";
  const Json high = look({.busy_ms = 100, .idle_ms = 100, .backpressured_ms = 800}, {.idle_ms = 1'000});
  EXPECT_EQ(high["status"], "ok");
  EXPECT_EQ(high["backpressureLevel"], "high");
  EXPECT_DOUBLE_EQ(high["subtasks"][0]["ratio"].get<double>(), 0.8);
  EXPECT_DOUBLE_EQ(high["subtasks"][0]["busyRatio"].get<double>(), 0.1);
  EXPECT_DOUBLE_EQ(high["subtasks"][1]["idleRatio"].get<double>(), 1);
  EXPECT_EQ(high["subtasks"][1]["backpressureLevel"], "ok");
  EXPECT_EQ(look({.busy_ms = 600, .backpressured_ms = 400}, {.idle_ms = 1'000})["backpressureLevel"], "low");
  EXPECT_EQ(look({.busy_ms = 950, .backpressured_ms = 50}, {.idle_ms = 1'000})["backpressureLevel"], "ok");
}

TEST_F(JobEndpointsTest, MetricsOfOperatorsHaveTheirNames) {
  job_.vertices = {{.id = 2,
                    .name = "count -> files",
                    .subtasks = {{.operators = {{.records_out = 7, .late_dropped = 2}, {.records_out = 5}}}},
                    .operators = {"count", "files"}}};
  const auto get = [&](const std::string& path, const std::string& names) {
    return json(endpoints_.handle({.method = "GET", .path = "/jobs/orders/vertices/" + vertex_name(2) + path, .query = {{"get", names}}, .body = {}}));
  };
  EXPECT_EQ(get("/metrics", "0.count.numRecordsOut"), Json::parse(R"([{"id":"0.count.numRecordsOut","value":"7"}])"));
  EXPECT_EQ(get("/subtasks/0/metrics", "count.numLateRecordsDropped,files.numRecordsOut"),
            Json::parse(R"([{"id":"count.numLateRecordsDropped","value":"2"},{"id":"files.numRecordsOut","value":"5"}])"));
}

TEST_F(JobEndpointsTest, WatermarksAreThoseOfTheSubtasks) {
  job_.vertices = {{.id = 2, .name = "count", .subtasks = {{.watermark_ms = 4'000}, {}}}};
  EXPECT_EQ(json(call("GET", "/jobs/orders/vertices/" + vertex_name(2) + "/watermarks")),
            Json::parse(R"([{"id":"0.currentInputWatermark","value":"4000"},{"id":"1.currentInputWatermark","value":"-9223372036854775808"}])"));
  const auto lag = [&](const std::string& subtask) {
    return json(endpoints_.handle({.method = "GET", .path = "/jobs/orders/vertices/" + vertex_name(2) + "/subtasks/" + subtask + "/metrics", .query = {{"get", "watermarkLag"}}, .body = {}}));
  };
  EXPECT_EQ(lag("0"), Json::parse(R"([{"id":"watermarkLag","value":"1000"}])"));
  EXPECT_EQ(lag("1"), Json::array()) << "it has no event time yet";
}

TEST_F(JobEndpointsTest, MetricsOfJobsAreSummedUp) {
  job_.restarts = 3;
  const auto get = [&](std::map<std::string, std::string> query) {
    return json(endpoints_.handle({.method = "GET", .path = "/jobs/metrics", .query = std::move(query), .body = {}}));
  };
  EXPECT_EQ(get({{"get", "numRestarts"}, {"agg", "sum"}}), Json::parse(R"([{"id":"numRestarts","sum":3.0}])"));
  EXPECT_EQ(get({{"get", "numRestarts"}, {"jobs", "another"}}), Json::array());
  EXPECT_THAT(get({}).dump(), HasSubstr(R"({"id":"totalNumberOfCheckpoints"})"));
}

TEST_F(JobEndpointsTest, WhatIsNotKnownOfAnEmbeddedJobIsNotMadeUp) {
  for (const std::string part : {"plan", "config", "checkpoints/config"}) {
    const HttpResponse response = call("GET", "/jobs/orders/" + part);
    EXPECT_EQ(response.status, 404) << part;
    EXPECT_THAT(response.body, HasSubstr("is not known here"));
  }
  EXPECT_EQ(json(call("GET", "/jobs/orders/status"))["status"], "RUNNING");
  EXPECT_EQ(json(call("GET", "/jobs/orders/execution-result"))["status"]["id"], "IN_PROGRESS");
  EXPECT_EQ(json(call("GET", "/jobs/orders"))["maxParallelism"], -1);
}

TEST(OperationsTest, OutcomesAreKeptUntilManyOthersHaveCome) {
  Operations operations;
  operations.begin("s", "running", "x");
  std::string first;
  for (int i = 0; i < 1500; ++i) {
    const std::string id = operations.begin("s", "", "x").id;
    if (first.empty()) first = id;
    operations.conclude("s", id, "{}");
    EXPECT_EQ(operations.poll("s", id).status, 200);
  }
  EXPECT_EQ(operations.poll("s", first).status, 404);
  EXPECT_EQ(operations.poll("s", "running").status, 200) << "what has not ended is never forgotten";
  EXPECT_TRUE(operations.begin("t", "running", "y").is_new) << "another scope";
  EXPECT_FALSE(operations.begin("s", "running", "x").is_new);
}

TEST_F(JobEndpointsTest, AnAnswerMayComeWhenNobodyListensAnyMore) {
  SnapshotAnswer late;
  {
    JobEndpoints gone{job_};
    gone.handle({.method = "POST", .path = "/jobs/orders/savepoints", .query = {}, .body = {}});
    late = std::move(job_.answers.back());
  }
  late(SnapshotTaken{1, "/sp/x"});
}

}  // namespace
}  // namespace tidemark

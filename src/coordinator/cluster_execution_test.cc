#include "coordinator/cluster_execution.h"

#include <gmock/gmock.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace tidemark {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

/// Writes down what it is told.
class FakeWorker final : public WorkerAttempt {
 public:
  FakeWorker(std::vector<std::string>& calls, WorkerListener& to) : listener{to}, calls_{calls} {}
  void start(WorkerStart start) override {
    started = std::move(start);
    note("start");
  }
  void open() override { note("open"); }
  void trigger(const Barrier& barrier, const std::string& folder) override { note("trigger " + std::to_string(barrier.id) + " " + folder); }
  void notify_complete(CheckpointId id) override { note("complete " + std::to_string(id)); }
  void notify_aborted(CheckpointId id) override { note("aborted " + std::to_string(id)); }
  void hear_group_watermarks(std::vector<GroupWatermark> others) override {
    for (const GroupWatermark& each : others) note("others of " + std::to_string(each.group) + " at " + std::to_string(each.watermark_ms));
  }
  void drain() override { note("drain"); }
  void finish() override { note("finish"); }
  void cancel() override { note("cancel"); }

  WorkerListener& listener;
  WorkerStart started;

 private:
  void note(const std::string& call) { calls_.push_back(call); }
  std::vector<std::string>& calls_;
};

class Told final : public ExecutionListener {
 public:
  void on_sinks_agreed() override { told.push_back("agreed"); }
  void on_running() override { told.push_back("running"); }
  void on_ack(TaskId task, CheckpointId id, TaskSnapshot) override { told.push_back("ack " + std::to_string(task.subtask) + " of " + std::to_string(id)); }
  void on_decline(TaskId, CheckpointId id, DeclineReason, Error cause) override { told.push_back("declined " + std::to_string(id) + ": " + cause.message()); }
  void on_end_of_data(TaskId) override { told.push_back("end of data"); }
  void on_task_failed(TaskId, Error error) override { told.push_back("failed: " + error.message()); }
  void on_ended() override { told.push_back("ended"); }
  std::vector<std::string> told;
};

/// Slots 0 and 2 in worker 0, slot 1 in worker 1.
class ClusterExecutionTest : public testing::Test {
 protected:
  ~ClusterExecutionTest() override {
    while (ended_ < workers_.size()) end(ended_);
  }
  WorkerListener& from(std::size_t worker) { return workers_[worker]->listener; }
  void end(std::size_t worker) {
    ++ended_;
    from(worker).on_ended();
  }
  const std::vector<std::string>& told() const { return listener_.told; }
  std::vector<std::string> take_calls() { return std::exchange(calls_, {}); }

  std::vector<std::string> calls_;
  Told listener_;
  std::vector<FakeWorker*> workers_;
  std::size_t ended_ = 0;
  ClusterExecution execution_{{.worker_of_slot = {0, 1, 0}, .data_addresses = {"one:1", "two:1"}, .secret = "theirs"},
                              [this](std::uint32_t, WorkerListener& to) {
                                auto worker = std::make_unique<FakeWorker>(calls_, to);
                                workers_.push_back(worker.get());
                                return worker;
                              },
                              listener_};
};

TEST_F(ClusterExecutionTest, AWorkerThatTellsHowFarItsReadersAreHearsOfTheOthers) {
  execution_.start({.attempt = 1});
  EXPECT_TRUE(workers_[0]->started.aligns_groups);
  take_calls();
  from(0).on_group_watermarks({{.group = 3, .watermark_ms = 50}, {.group = 8, .watermark_ms = 7}});
  const std::string never = std::to_string(Timestamp::min().ms());
  EXPECT_THAT(take_calls(), ElementsAre("others of 3 at " + never, "others of 8 at " + never)) << "the other has told nothing and so holds it";
  from(1).on_group_watermarks({{.group = 3, .watermark_ms = 90}, {.group = 8, .watermark_ms = Timestamp::max().ms()}});
  EXPECT_THAT(take_calls(), ElementsAre("others of 3 at 50", "others of 8 at 7"));
  from(0).on_group_watermarks({{.group = 3, .watermark_ms = 60}, {.group = 8, .watermark_ms = 8}});
  EXPECT_THAT(take_calls(), ElementsAre("others of 3 at 90", "others of 8 at " + std::to_string(Timestamp::max().ms())));
}

TEST_F(ClusterExecutionTest, EachWorkerGetsTheStateOfItsTasksAndTheOneOfTheSinksWhatTheirRecoveryNeeds) {
  AttemptStart start{.attempt = 4, .restored = true, .committables = {{"a", "b"}}};
  start.restores.resize(1);
  for (const char* subtask : {"0", "1", "2"}) {
    start.restores[0].push_back({.keyed_files = {{.path = subtask}}, .list_states = {{.name = subtask}}});
  }
  execution_.start(start);
  const auto files_of = [&](std::size_t worker) {
    std::string files;
    for (const OperatorRestore& restore : workers_[worker]->started.attempt.restores[0]) {
      files += restore.keyed_files.empty() ? "-" : restore.keyed_files[0].path;
      files += restore.list_states.empty() ? "-" : restore.list_states[0].name;
    }
    return files;
  };
  EXPECT_EQ(files_of(0), "00-122");
  EXPECT_EQ(files_of(1), "--11--");
  EXPECT_TRUE(workers_[0]->started.recovers_sinks);
  EXPECT_FALSE(workers_[1]->started.recovers_sinks);
  EXPECT_THAT(workers_[0]->started.attempt.committables, ElementsAre(ElementsAre("a", "b")));
  EXPECT_THAT(workers_[1]->started.attempt.committables, IsEmpty());
  EXPECT_EQ(workers_[1]->started.worker, 1u);
  EXPECT_THAT(workers_[1]->started.data_addresses, ElementsAre("one:1", "two:1"));
  for (const auto& worker : workers_) EXPECT_EQ(worker->started.secret, "theirs");
}

TEST_F(ClusterExecutionTest, TasksOpenWhenTheSinksAreRecoveredAndRunWhenAllDo) {
  execution_.start({.attempt = 1});
  EXPECT_THAT(take_calls(), ElementsAre("start", "start"));
  from(0).on_sinks_agreed();
  EXPECT_THAT(take_calls(), IsEmpty());
  from(0).on_recovered();
  EXPECT_THAT(take_calls(), ElementsAre("open", "open"));
  from(1).on_running();
  EXPECT_THAT(told(), ElementsAre("agreed"));
  from(0).on_running();
  EXPECT_THAT(told(), ElementsAre("agreed", "running"));
}

TEST_F(ClusterExecutionTest, WhatTheMasterSaysAllHearAndWhatAnyTaskSaysItHears) {
  execution_.start({.attempt = 1});
  take_calls();
  execution_.trigger({.id = 5}, "/chk-5");
  execution_.notify_complete(5);
  execution_.notify_aborted(6);
  execution_.drain();
  execution_.finish();
  EXPECT_THAT(take_calls(), ElementsAre("trigger 5 /chk-5", "trigger 5 /chk-5", "complete 5", "complete 5", "aborted 6", "aborted 6", "drain", "drain",
                                        "finish", "finish"));
  from(0).on_ack({0, 2}, 5, {});
  from(1).on_decline({0, 1}, 5, DeclineReason::kIo, Error{ErrorCode::kIo, "disk"});
  from(1).on_end_of_data({0, 1});
  EXPECT_THAT(told(), ElementsAre("ack 2 of 5", "declined 5: disk", "end of data"));
  from(0).on_progress({.records = 10, .bytes = 100});
  from(1).on_progress({.records = 5, .bytes = 50});
  EXPECT_EQ(execution_.input_progress(), (InputProgress{15, 150}));
}

TEST_F(ClusterExecutionTest, ItHasEndedWhenAllHave) {
  execution_.start({.attempt = 1});
  execution_.cancel();
  end(1);
  EXPECT_THAT(told(), IsEmpty());
  end(0);
  EXPECT_THAT(told(), ElementsAre("ended"));
}

TEST_F(ClusterExecutionTest, ALostWorkerFailsTheAttemptOnceAndHasEnded) {
  execution_.start({.attempt = 1});
  ++ended_;
  from(1).on_lost(Error{ErrorCode::kIo, "its process was killed"});
  from(0).on_task_failed({0, 0}, Error{ErrorCode::kIo, "the connection to worker 1"});
  ASSERT_EQ(told().size(), 1u) << "others fail by it";
  EXPECT_THAT(told().front(), testing::AllOf(HasSubstr("worker 2 of 2"), HasSubstr("its process was killed")));
  execution_.cancel();
  ++ended_;
  from(0).on_ended();
  EXPECT_EQ(told().back(), "ended");
}

TEST_F(ClusterExecutionTest, AWorkerMayBeLostBeforeItIsStarted) {
  ++ended_;
  from(0).on_lost(Error{ErrorCode::kIo, "its machine is gone"});
  execution_.start({.attempt = 1});
  execution_.cancel();
  EXPECT_EQ(told().size(), 1u);
  ++ended_;
  from(1).on_ended();
  EXPECT_EQ(told().back(), "ended");
}

}  // namespace
}  // namespace tidemark

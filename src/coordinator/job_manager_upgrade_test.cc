// A job takes another's place, whatever goes wrong: at any moment one of the two is there to go on.
#include <gmock/gmock.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "coordinator/simulated_cluster.h"

namespace tidemark {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

constexpr const char* kBad = "--bad";  // a job with this argument completes no checkpoint

/// Both jobs have one checkpoint folder, as with the same arguments, and delete it when they are cancelled.
const JobOptions kSharedFolder = {{"execution.checkpointing.dir", "/state"},
                                  {"execution.checkpointing.externalized-checkpoint-retention", "DELETE_ON_CANCELLATION"}};

/// Each test runs by several seeds: what comes first differs.
class JobManagerUpgradeTest : public testing::TestWithParam<std::uint64_t> {
 protected:
  JobManagerUpgradeTest() { start(); }

  void start() {
    cluster_.start_manager();
    if (cluster_.task_managers.empty()) *cluster_.add_task_manager("one", 2).how.declines_with = kBad;
    EXPECT_TRUE(cluster_.run_until([&] { return one().is_registered; }));
  }
  SimulatedTaskManager& one() { return *cluster_.task_managers.front(); }
  std::string run_old() {
    const std::string job = value_or_throw(cluster_.run());
    EXPECT_TRUE(cluster_.runs(job));
    return job;
  }
  UpgradeOrder order(std::vector<std::string> arguments = {}) {
    return {.run = {.executable = cluster_.upload(), .arguments = std::move(arguments)}, .savepoint_dir = "/savepoints", .trial_ms = 20'000};
  }
  void ask(const std::string& job, UpgradeOrder order) {
    answer_.reset();
    cluster_.manager->upgrade(job, std::move(order), [this](Result<Upgraded> outcome) { answer_ = std::move(outcome); });
  }
  Result<Upgraded> upgrade(const std::string& job, UpgradeOrder order) {
    ask(job, std::move(order));
    EXPECT_TRUE(cluster_.run_until([&] { return answer_.has_value(); }));
    return answer_.value_or(fail(ErrorCode::kInternal, "nobody answers"));
  }
  std::string refusal(const std::string& job, UpgradeOrder order) {
    const auto outcome = upgrade(job, std::move(order));
    return outcome ? "none" : outcome.error().message();
  }
  const AttemptStart& newest_start() { return one().workers.begin()->second->started->attempt; }
  std::vector<std::string> jobs_that_go_on() {
    std::vector<std::string> ids;
    for (const JobGlance& job : cluster_.manager->jobs()) {
      const std::string state{job.state};
      if (state != "FINISHED" && state != "FAILED" && state != "CANCELED") ids.push_back(job.id);
    }
    return ids;
  }

  SimulatedCluster cluster_{GetParam()};
  std::optional<Result<Upgraded>> answer_;
};

INSTANTIATE_TEST_SUITE_P(Seeds, JobManagerUpgradeTest, testing::Range<std::uint64_t>(1, 7));

TEST_P(JobManagerUpgradeTest, TheNewJobGoesOnFromWhatTheOldOneStoppedWith) {
  const std::string old = run_old();
  const auto upgraded = upgrade(old, order({"--new"}));
  ASSERT_TRUE(upgraded) << upgraded.error().message();
  EXPECT_THAT(upgraded->savepoint, HasSubstr("/savepoints/savepoint-"));
  EXPECT_EQ(cluster_.state_of(old), "FINISHED");
  EXPECT_EQ(cluster_.state_of(upgraded->job), "RUNNING");
  EXPECT_THAT(jobs_that_go_on(), testing::ElementsAre(upgraded->job));
  EXPECT_TRUE(newest_start().restored);
  EXPECT_EQ(one().started.back().arguments.back(), "--new");
  EXPECT_THAT(cluster_.manager->job(upgraded->job)->checkpoints, testing::Not(IsEmpty()));
  EXPECT_TRUE(upgrade(upgraded->job, order())) << "it has taken the place, and may be replaced itself";
}

TEST_P(JobManagerUpgradeTest, AJobWithoutAnIntervalIsAskedForItsFirstCheckpoint) {
  cluster_.planner->next.options["execution.checkpointing.interval"] = "0";
  const std::string old = run_old();
  EXPECT_EQ(cluster_.manager->job(old)->glance.completed_checkpoints, 0u);
  EXPECT_TRUE(upgrade(old, order()));
}

TEST_P(JobManagerUpgradeTest, WithoutAFolderTheSavepointLiesBelowThatOfTheCheckpoints) {
  cluster_.planner->next.options["execution.checkpointing.dir"] = "/state";
  const std::string old = run_old();
  UpgradeOrder without = order();
  without.savepoint_dir = {};
  EXPECT_THAT(value_or_throw(upgrade(old, without)).savepoint, HasSubstr("/state/savepoints/savepoint-"));
}

TEST_P(JobManagerUpgradeTest, AMisfitIsRefusedBeforeTheOldJobIsStopped) {
  const std::string old = run_old();
  PhysicalPlan other = counting_job();
  other.logical.nodes[0].uid = "figures";
  cluster_.planner->next.plan = other;
  EXPECT_THAT(refusal(old, order()), AllOf(HasSubstr("the saved state doesn't fit the job"), HasSubstr("'numbers'")));
  EXPECT_EQ(cluster_.state_of(old), "RUNNING");
  EXPECT_THAT(cluster_.manager->jobs(), SizeIs(1));
  EXPECT_FALSE(cluster_.world.files.stat("/savepoints"));
  UpgradeOrder dropping = order();
  dropping.run.allow_non_restored_state = true;
  EXPECT_EQ(refusal(old, dropping), "none");
}

TEST_P(JobManagerUpgradeTest, WhatCanBeNoUpgradeIsRefused) {
  EXPECT_THAT(refusal("none", order()), HasSubstr("there is no job none"));
  const std::string old = run_old();
  cluster_.planner->next.resume = true;
  EXPECT_THAT(refusal(old, order()), HasSubstr("what it is to start from"));
  cluster_.planner->next.resume = false;
  cluster_.planner->job = "another";
  EXPECT_THAT(refusal(old, order()), HasSubstr("'count' and the new one 'another'"));
  cluster_.planner->job = {};
  cluster_.planner->refusal = Error{ErrorCode::kInvalidArgument, "operator 'count' has no uid"};
  EXPECT_THAT(refusal(old, order()), HasSubstr("has no uid"));
  cluster_.planner->refusal.reset();
  EXPECT_THAT(cluster_.manager->jobs(), SizeIs(1));

  ask(old, order({kBad}));
  ASSERT_TRUE(cluster_.run_until([&] { return cluster_.manager->jobs().size() == 2; }));
  std::optional<Result<Upgraded>> second;
  cluster_.manager->upgrade(old, order(), [&](Result<Upgraded> outcome) { second = std::move(outcome); });
  EXPECT_THAT(second->error().message(), HasSubstr("is about to take the place of job " + old));
  ASSERT_TRUE(cluster_.comes_to(old, "FINISHED"));
  EXPECT_THAT(cluster_.manager->refuse_if_run(cluster_.upload()).error().message(), HasSubstr("runs it"));
  const std::string next = jobs_that_go_on().at(0);
  cluster_.manager->upgrade(next, order(), [&](Result<Upgraded> outcome) { second = std::move(outcome); });
  EXPECT_THAT(second->error().message(), HasSubstr("has yet to complete its first checkpoint"));
}

TEST_P(JobManagerUpgradeTest, WhereTheNewJobCompletesNoCheckpointInTimeTheOldOneGoesOn) {
  const std::string old = run_old();
  EXPECT_THAT(refusal(old, order({kBad})), AllOf(HasSubstr("did not take the place of job " + old + ", which goes on"),
                                                 HasSubstr("no checkpoint was complete within 20000 ms")));
  ASSERT_TRUE(cluster_.runs(old));
  EXPECT_THAT(jobs_that_go_on(), testing::ElementsAre(old));
  EXPECT_TRUE(newest_start().restored);
  EXPECT_THAT(cluster_.manager->job(old)->failures.front().message, HasSubstr("did not take the place"));
  EXPECT_TRUE(upgrade(old, order())) << "and may be upgraded again";
}

TEST_P(JobManagerUpgradeTest, WhereTheNewJobFailsTheOldOneGoesOnAtOnce) {
  const std::string old = run_old();
  cluster_.planner->next.options = {{"restart-strategy.type", "none"}};
  ask(old, order({kBad}));
  ASSERT_TRUE(cluster_.run_until([&] { return one().started.size() == 2 && !one().workers.empty() && one().workers.begin()->second->is_open; }));
  one().workers.begin()->second->fail(Error{ErrorCode::kUserCode, ErrorDomain::kUser, Retry::kNone, "no such currency"});
  ASSERT_TRUE(cluster_.run_until([&] { return answer_.has_value(); }));
  EXPECT_THAT(answer_->error().message(), AllOf(HasSubstr("which goes on"), HasSubstr("no such currency")));
  EXPECT_TRUE(cluster_.runs(old));
}

TEST_P(JobManagerUpgradeTest, WhoCancelsTheNewJobBeforeItsFirstCheckpointGetsTheOldOneBack) {
  const std::string old = run_old();
  ask(old, order({kBad}));
  ASSERT_TRUE(cluster_.run_until([&] { return cluster_.manager->jobs().size() == 2; }));
  const auto jobs = jobs_that_go_on();
  const std::string next = jobs[0] == old ? jobs[1] : jobs[0];
  cluster_.run_for_ms(static_cast<std::int64_t>(GetParam() % 3) * 1'000);  // before or behind the stop
  ASSERT_TRUE(cluster_.manager->cancel(next));
  ASSERT_TRUE(cluster_.run_until([&] { return answer_.has_value(); }));
  EXPECT_FALSE(*answer_);
  ASSERT_TRUE(cluster_.comes_to(next, "CANCELED"));
  EXPECT_TRUE(cluster_.runs(old));
}

TEST_P(JobManagerUpgradeTest, AnOldJobThatCannotBeStoppedGoesOn) {
  const std::string old = value_or_throw(cluster_.run({.arguments = {kBad}}));
  ASSERT_TRUE(cluster_.runs(old));
  EXPECT_THAT(refusal(old, order()), AllOf(HasSubstr("which goes on"), HasSubstr("stopping job " + old + " with a savepoint"), HasSubstr("the disk is full")));
  EXPECT_EQ(cluster_.state_of(old), "RUNNING");
  EXPECT_THAT(jobs_that_go_on(), testing::ElementsAre(old));
}

TEST_P(JobManagerUpgradeTest, InASharedFolderATrialThatFailsLeavesWhatTheOldJobNeeds) {
  cluster_.planner->next.options = kSharedFolder;
  const std::string old = run_old();
  EXPECT_THAT(refusal(old, order({kBad})), HasSubstr("which goes on"));
  ASSERT_TRUE(cluster_.runs(old));
  EXPECT_TRUE(newest_start().restored) << "the cancelled one would have deleted all";
  const auto upgraded = upgrade(old, order());
  ASSERT_TRUE(upgraded) << upgraded.error().message();
  ASSERT_TRUE(cluster_.manager->cancel(upgraded->job));
  ASSERT_TRUE(cluster_.comes_to(upgraded->job, "CANCELED"));
  for (const DirectoryEntry& entry : value_or_throw(cluster_.world.files.list("/state/count"))) {
    EXPECT_FALSE(entry.name.starts_with("chk-")) << entry.name << ": it deletes its own, as its options say";
  }
}

TEST_P(JobManagerUpgradeTest, DuringATrialNobodyElseTakesTheOldJobsFolder) {
  cluster_.planner->next.options = kSharedFolder;
  const std::string old = run_old();
  UpgradeOrder elsewhere = order({kBad});
  cluster_.planner->next.options["execution.checkpointing.dir"] = "/state-2";
  ask(old, elsewhere);
  ASSERT_TRUE(cluster_.comes_to(old, "FINISHED"));
  cluster_.run_for_ms(1'000);
  cluster_.planner->next.options = kSharedFolder;
  const auto other = cluster_.run();
  ASSERT_FALSE(other);
  EXPECT_THAT(other.error().message(), HasSubstr("is about to take the place of job " + old));
  ASSERT_TRUE(cluster_.run_until([&] { return answer_.has_value(); }));
  EXPECT_TRUE(cluster_.runs(old));
}

TEST_P(JobManagerUpgradeTest, AJobThatItsUserStopsMeanwhileStaysStopped) {
  const std::string old = run_old();
  std::optional<Result<SnapshotTaken>> stopped;
  cluster_.manager->take_snapshot(old, {.then = SnapshotOrder::Then::kStop, .dir = "/savepoints"}, [&](Result<SnapshotTaken> taken) { stopped = std::move(taken); });
  EXPECT_NE(refusal(old, order()), "none");
  ASSERT_TRUE(cluster_.run_until([&] { return stopped.has_value(); }));
  cluster_.run_for_ms(5'000);
  EXPECT_EQ(cluster_.state_of(old), "FINISHED");
  EXPECT_THAT(jobs_that_go_on(), IsEmpty());
}

TEST_P(JobManagerUpgradeTest, ANewJobThatIsCancelledBehindItsFirstCheckpointStaysCancelled) {
  const std::string old = run_old();
  const auto upgraded = upgrade(old, order());
  ASSERT_TRUE(upgraded);
  ASSERT_TRUE(cluster_.manager->cancel(upgraded->job));
  ASSERT_TRUE(cluster_.comes_to(upgraded->job, "CANCELED"));
  cluster_.run_for_ms(5'000);
  EXPECT_THAT(jobs_that_go_on(), IsEmpty());
}

/// When the JobManager is killed: so long after the upgrade was asked for, and then so many steps.
struct Kill {
  std::int64_t ms = 0;
  int steps = 0;
};

std::vector<Kill> kills() {
  std::vector<Kill> all;
  for (int steps = 0; steps < 300; steps += 7) all.push_back({0, steps});
  // The trial's end is behind two seconds.
  for (const std::int64_t ms : {500, 1'000, 1'990, 2'000, 2'010, 2'500}) {
    for (int steps = 0; steps < 60; steps += 9) all.push_back({ms, steps});
  }
  return all;
}

TEST_P(JobManagerUpgradeTest, AJobManagerThatIsKilledAtAnyMomentLosesNoJob) {
  int seen_old_stopped = 0;
  int seen_old_back = 0;
  int seen_new_in_place = 0;
  for (const bool is_bad : {false, true}) {
    for (const Kill& kill : kills()) {
      SCOPED_TRACE(testing::Message() << (is_bad ? "bad, " : "good, ") << "killed after " << kill.ms << " ms and " << kill.steps << " steps");
      SimulatedCluster cluster{GetParam() * 1'000 + static_cast<std::uint64_t>(kill.steps)};
      if (kill.steps % 2 == 0) cluster.planner->next.options = kSharedFolder;
      cluster.start_manager();
      SimulatedTaskManager& one = cluster.add_task_manager("one", 2);
      *one.how.declines_with = kBad;
      const std::string old = value_or_throw(cluster.run());
      ASSERT_TRUE(cluster.run_until([&] { return cluster.manager->job(old)->glance.completed_checkpoints > 0; }));
      const UpgradeOrder order{.run = {.executable = cluster.upload(), .arguments = {is_bad ? kBad : "--new"}}, .savepoint_dir = "/savepoints", .trial_ms = 2'000};
      std::optional<Result<Upgraded>> answer;
      cluster.manager->upgrade(old, order, [&](Result<Upgraded> outcome) { answer = std::move(outcome); });
      cluster.run_for_ms(kill.ms);
      int left = kill.steps;
      cluster.run_until([&] { return left-- == 0; });
      const bool is_in_place = answer && *answer;
      seen_old_stopped += cluster.state_of(old) == "FINISHED" && !answer ? 1 : 0;
      seen_old_back += answer && !*answer ? 1 : 0;
      seen_new_in_place += is_in_place ? 1 : 0;
      cluster.kill_manager();
      ASSERT_TRUE(cluster.run_until([&] { return one.is_gone && one.workers.empty(); }));
      one.die();
      cluster.start_manager();
      one.come(1);
      cluster.run_for_ms(10'000);  // the trial is over
      std::vector<std::string> running;
      for (const JobGlance& job : cluster.manager->jobs()) {
        if (job.state == "RUNNING") running.push_back(job.id);
      }
      ASSERT_THAT(running, SizeIs(1));
      EXPECT_TRUE(!is_bad || running[0] == old);
      EXPECT_TRUE(!is_in_place || running[0] == (*answer)->job);
      EXPECT_TRUE(one.workers.begin()->second->started->attempt.restored);
      const std::uint64_t before = cluster.manager->job(running[0])->glance.completed_checkpoints;
      EXPECT_TRUE(cluster.run_until([&] { return cluster.manager->job(running[0])->glance.completed_checkpoints > before; }));
    }
  }
  EXPECT_GT(seen_old_stopped, 0);
  EXPECT_GT(seen_old_back, 0);
  EXPECT_GT(seen_new_in_place, 0);
}

}  // namespace
}  // namespace tidemark

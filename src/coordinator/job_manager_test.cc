#include "coordinator/job_manager.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "coordinator/simulated_cluster.h"

namespace tidemark {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;

/// Each test runs by several seeds: what comes first differs.
class JobManagerTest : public testing::TestWithParam<std::uint64_t> {
 protected:
  JobManagerTest() { cluster_.start_manager(); }

  SimulatedTaskManager& task_manager(const std::string& id, std::uint32_t slots) {
    SimulatedTaskManager& added = cluster_.add_task_manager(id, slots);
    EXPECT_TRUE(cluster_.run_until([&] { return added.is_registered; }));
    return added;
  }
  std::uint32_t free_slots(const std::string& id) {
    for (const TaskManagerGlance& glance : cluster_.manager->task_managers()) {
      if (glance.id == id) return glance.free_slots;
    }
    return 0;
  }
  std::vector<std::string> failures(const std::string& job) {
    std::vector<std::string> messages;
    const ClusterJob told = *cluster_.manager->job(job);
    for (const JobFailure& failure : told.failures) messages.push_back(failure.message);
    return messages;
  }
  bool fails_with(const std::string& job, const std::string& text) {
    return cluster_.run_until([&] {
      const auto all = failures(job);
      return !all.empty() && all.front().find(text) != std::string::npos;
    });
  }
  static std::uint64_t only_worker(const SimulatedTaskManager& at) { return at.workers.begin()->first; }
  std::optional<Result<SnapshotTaken>> savepoint(const std::string& job, SnapshotOrder order) {
    std::optional<Result<SnapshotTaken>> answer;
    cluster_.manager->take_snapshot(job, std::move(order), [&](Result<SnapshotTaken> taken) { answer = std::move(taken); });
    EXPECT_TRUE(cluster_.run_until([&] { return answer.has_value(); }));
    return answer;
  }

  SimulatedCluster cluster_{GetParam()};
};

INSTANTIATE_TEST_SUITE_P(Seeds, JobManagerTest, testing::Range<std::uint64_t>(1, 9));

TEST_P(JobManagerTest, WhatATaskManagerIsAskedItAnswersOrIsNotWaitedForForever) {
  SimulatedTaskManager& one = task_manager("one", 1);
  SimulatedTaskManager& two = task_manager("two", 1);
  std::optional<Result<HttpResponse>> answer;
  const auto ask = [&](const std::string& id) {
    answer.reset();
    cluster_.manager->ask_task_manager(id, {.path = "/logs/a.log", .query = {{"offset", "7"}}, .body = {}},
                                       [&](Result<HttpResponse> response) { answer = std::move(response); });
  };
  const auto is_answered = [&] { return answer.has_value(); };
  ask("three");
  ASSERT_TRUE(is_answered());
  EXPECT_EQ(answer->error().code(), ErrorCode::kNotFound);

  ask("one");
  ASSERT_TRUE(cluster_.run_until([&] { return !one.asked.empty(); }));
  EXPECT_EQ(one.asked[0].path, "/logs/a.log");
  EXPECT_EQ(one.asked[0].query.at("offset"), "7");
  const TaskManagerAnswered said{.number = one.asked[0].number, .status = 404, .body = "no log", .content_type = "text/plain"};
  two.say(MessageKind::kTaskManagerAnswered, said);  // not its question
  one.say(MessageKind::kTaskManagerAnswered, said);
  ASSERT_TRUE(cluster_.run_until(is_answered));
  EXPECT_EQ((*answer)->status, 404);
  EXPECT_EQ((*answer)->body, "no log");
  EXPECT_EQ((*answer)->content_type, "text/plain");
  one.say(MessageKind::kTaskManagerAnswered, said);  // a second time

  ask("one");
  ASSERT_TRUE(cluster_.run_until(is_answered));
  EXPECT_EQ(answer->error().code(), ErrorCode::kTimeout);
  EXPECT_FALSE(one.is_gone);

  ask("two");
  ASSERT_TRUE(cluster_.run_until([&] { return !two.asked.empty(); }));
  two.die();
  ASSERT_TRUE(cluster_.run_until(is_answered));
  EXPECT_THAT(answer->error().message(), HasSubstr("TaskManager 'two'"));
}

TEST_P(JobManagerTest, ATaskManagerOfTheVersionBeforeIsNotAskedWhatItDoesNotKnow) {
  SimulatedTaskManager& old = cluster_.add_task_manager("old", 1);
  old.is_older = true;
  ASSERT_TRUE(cluster_.run_until([&] { return old.is_registered; }));
  std::optional<Result<HttpResponse>> answer;
  cluster_.manager->ask_task_manager("old", {.path = "/metrics"}, [&](Result<HttpResponse> response) { answer = std::move(response); });
  ASSERT_TRUE(answer.has_value());
  EXPECT_EQ(answer->error().code(), ErrorCode::kUnsupportedVersion);
  EXPECT_FALSE(cluster_.run_until([&] { return old.is_gone; }));
}

TEST_P(JobManagerTest, AJobIsPlannedDeployedAndRuns) {
  SimulatedTaskManager& one = task_manager("one", 1);
  SimulatedTaskManager& two = task_manager("two", 1);
  const std::string job = value_or_throw(cluster_.run({.arguments = {"--input=a"}, .parallelism = 2}));
  EXPECT_THAT(job, testing::MatchesRegex("[0-9a-f]+"));
  EXPECT_THAT(job, SizeIs(32));
  ASSERT_TRUE(cluster_.runs(job));
  EXPECT_THAT(cluster_.planner->asked, ElementsAre("--input=a", "--parallelism=2"));
  ASSERT_THAT(one.started, SizeIs(1));
  ASSERT_THAT(two.started, SizeIs(1));
  EXPECT_THAT(one.started[0].arguments, ElementsAre("--input=a", "--parallelism=2"));
  EXPECT_THAT(one.started[0].name, testing::MatchesRegex("count-[0-9a-f]+-1-w[12]"));
  EXPECT_EQ(one.started[0].job, "count");
  EXPECT_EQ(one.started[0].executable, cluster_.upload());
  EXPECT_NE(one.started[0].token, two.started[0].token);
  EXPECT_THAT(one.started[0].token, SizeIs(32));
  const WorkerStart& start = *one.workers.begin()->second->started;
  EXPECT_THAT(start.worker_of_slot, ElementsAre(0, 1));
  EXPECT_THAT(start.data_addresses, SizeIs(2));
  EXPECT_NE(one.workers.begin()->second->started->recovers_sinks, two.workers.begin()->second->started->recovers_sinks);
  EXPECT_EQ(free_slots("one") + free_slots("two"), 0u);
  EXPECT_TRUE(cluster_.run_until([&] { return cluster_.manager->job(job)->glance.completed_checkpoints >= 2; }));
  EXPECT_THAT(cluster_.manager->job(job)->checkpoints, Not(IsEmpty()));
}

TEST_P(JobManagerTest, TasksAreToldOfWhereTheyAreAndHowFarTheyHaveCome) {
  const std::string job = value_or_throw(cluster_.run({.parallelism = 2}));
  const auto attempt = [&] { return cluster_.manager->job(job)->glance.attempt; };
  const auto state_of = [&](TaskId task) {
    const auto moves = moves_of(attempt(), task);
    return moves.empty() ? "none" : std::string{to_string(moves.back().to)};
  };
  ASSERT_TRUE(cluster_.run_until([&] { return state_of({0, 0}) == "SCHEDULED"; }));
  SimulatedTaskManager& one = cluster_.add_task_manager("one", 1);
  SimulatedTaskManager& two = cluster_.add_task_manager("two", 1);
  one.how.worker_comes_late = two.how.worker_comes_late = true;
  ASSERT_TRUE(cluster_.run_until([&] { return one.workers.size() == 1 && two.workers.size() == 1; }));
  EXPECT_EQ(state_of({0, 1}), "DEPLOYING");
  one.workers.begin()->second->come();
  two.workers.begin()->second->come();
  ASSERT_TRUE(cluster_.runs(job));
  EXPECT_EQ(state_of({0, 0}), "RUNNING");
  EXPECT_EQ(attempt().number, 0u);
  std::vector<TaskState> path;
  for (const TaskMove& move : moves_of(attempt(), {1, 0})) path.push_back(move.to);
  EXPECT_THAT(path, ElementsAre(TaskState::kCreated, TaskState::kScheduled, TaskState::kDeploying, TaskState::kInitializing, TaskState::kRunning));
  const TaskPlace first = place_of(attempt(), {0, 0});
  EXPECT_EQ(first.host, "host of " + first.task_manager);
  EXPECT_NE(first.task_manager, place_of(attempt(), {0, 1}).task_manager);
  EXPECT_GT(cluster_.manager->job(job)->glance.state_times.at("RUNNING"), 0);

  one.how.worker_comes_late = two.how.worker_comes_late = false;
  SimulatedTaskManager& with_first = first.task_manager == "one" ? one : two;
  with_first.workers.begin()->second->fail(Error{ErrorCode::kUserCode, "bad luck"});
  ASSERT_TRUE(cluster_.comes_to(job, "FAILING"));
  EXPECT_EQ(state_of({0, 0}), "FAILED");
  EXPECT_EQ(state_of({1, 0}), "CANCELING");
  ASSERT_TRUE(cluster_.run_until([&] { return attempt().number == 1; }));
  const JobFailure failure = cluster_.manager->job(job)->failures.front();
  EXPECT_EQ(failure.task, "numbers -> files (1/2)");
  EXPECT_EQ(failure.place.task_manager, first.task_manager);
  ASSERT_TRUE(cluster_.runs(job));

  const std::string lost = place_of(attempt(), {0, 1}).task_manager;
  (lost == "one" ? one : two).die();
  ASSERT_TRUE(cluster_.comes_to(job, "FAILING"));
  EXPECT_EQ(state_of({0, 1}), "FAILED");
  EXPECT_EQ(state_of({0, 0}), "CANCELING");
  ASSERT_TRUE(cluster_.run_until([&] { return attempt().number == 2; }));
  EXPECT_EQ(cluster_.manager->job(job)->failures.front().task, "");
  EXPECT_EQ(cluster_.manager->job(job)->failures.front().place.task_manager, lost);
}

TEST_P(JobManagerTest, HowTheTasksOfAJobEndedIsKeptOverARestart) {
  task_manager("one", 2);
  const std::string job = value_or_throw(cluster_.run());
  ASSERT_TRUE(cluster_.runs(job));
  EXPECT_TRUE(cluster_.manager->cancel(job));
  ASSERT_TRUE(cluster_.comes_to(job, "CANCELED"));
  cluster_.run_for_ms(100);
  cluster_.kill_manager();
  cluster_.start_manager();
  const JobGlance told = cluster_.manager->job(job)->glance;
  EXPECT_EQ(moves_of(told.attempt, {1, 0}).back().to, TaskState::kCanceled);
  EXPECT_EQ(place_of(told.attempt, {1, 0}).task_manager, "one");
  EXPECT_GT(told.state_times.at("RUNNING"), 0);
  EXPECT_GE(told.state_times.at("CANCELED"), told.state_times.at("RUNNING"));
}

TEST_P(JobManagerTest, AJobWhoseIdWasChosenIsRunOnceHoweverOftenItIsAskedForAndByWhichJobManager) {
  task_manager("one", 4);
  const RunOrder order{.executable = cluster_.upload(), .arguments = {"x"}, .parallelism = 2, .job_id = std::string(32, 'a')};
  std::vector<Result<std::string>> answers;
  for (int i = 0; i < 2; ++i) cluster_.manager->run(order, [&](Result<std::string> job) { answers.push_back(std::move(job)); });
  RunOrder other = order;
  other.arguments = {"y"};
  EXPECT_EQ(cluster_.run(other).error().code(), ErrorCode::kAlreadyExists) << "while the first is planned";
  ASSERT_TRUE(cluster_.run_until([&] { return answers.size() == 2; }));
  EXPECT_EQ(value_or_throw(answers[0]), order.job_id);
  EXPECT_EQ(value_or_throw(answers[1]), order.job_id);
  ASSERT_TRUE(cluster_.runs(order.job_id));
  cluster_.kill_manager();
  cluster_.start_manager();
  EXPECT_EQ(value_or_throw(cluster_.run(order)), order.job_id);
  EXPECT_EQ(cluster_.run(other).error().code(), ErrorCode::kAlreadyExists);
  EXPECT_THAT(cluster_.manager->jobs(), SizeIs(1));
}

TEST_P(JobManagerTest, AnOrderUnderAChosenIdThatWasRefusedMayBeRepeated) {
  cluster_.planner->refusal = Error{ErrorCode::kUserCode, "no such file"};
  const RunOrder order{.executable = cluster_.upload(), .job_id = std::string(32, 'b')};
  EXPECT_FALSE(cluster_.run(order));
  cluster_.planner->refusal.reset();
  EXPECT_EQ(value_or_throw(cluster_.run(order)), order.job_id);
}

TEST_P(JobManagerTest, WhatBecameOfASavepointIsKnownToTheNextJobManager) {
  task_manager("one", 2);
  const std::string job = value_or_throw(cluster_.run());
  ASSERT_TRUE(cluster_.runs(job));
  const auto triggered = [&] { return cluster_.manager->job(job)->triggered; };
  const auto taken = value_or_throw(*savepoint(job, {.dir = "/sp", .trigger_id = "monday"}));
  ASSERT_THAT(triggered(), SizeIs(1));
  EXPECT_TRUE(triggered()[0].is_over);
  // Of the second nobody knows the end.
  bool is_taken = false;
  cluster_.manager->take_snapshot(job, {.dir = "/sp", .trigger_id = "tuesday"}, [&](const Result<SnapshotTaken>& second) { is_taken = second.has_value(); });
  const auto is_under_way = [&] {
    const auto checkpoints = cluster_.manager->job(job)->checkpoints;
    return !checkpoints.empty() && checkpoints.front().glance.is_savepoint && checkpoints.front().glance.status == CheckpointStatus::kInProgress;
  };
  ASSERT_TRUE(cluster_.run_until(is_under_way));
  cluster_.kill_manager();
  EXPECT_FALSE(is_taken);
  cluster_.start_manager();
  ASSERT_THAT(triggered(), SizeIs(2));
  EXPECT_EQ(triggered()[0].trigger_id, "monday");
  EXPECT_EQ(triggered()[0].taken.path, taken.path);
  EXPECT_EQ(triggered()[0].failure, "");
  EXPECT_EQ(triggered()[1].trigger_id, "tuesday");
  EXPECT_TRUE(triggered()[1].is_over);
  EXPECT_THAT(triggered()[1].failure, HasSubstr("the JobManager ended before"));
}

TEST_P(JobManagerTest, AJobThatWasStoppedUnderATriggerIdSaysWithWhat) {
  task_manager("one", 2);
  const std::string job = value_or_throw(cluster_.run());
  ASSERT_TRUE(cluster_.runs(job));
  const auto taken = value_or_throw(*savepoint(job, {.then = SnapshotOrder::Then::kStop, .dir = "/sp", .trigger_id = "last"}));
  cluster_.kill_manager();
  cluster_.start_manager();
  EXPECT_EQ(cluster_.state_of(job), "FINISHED");
  ASSERT_THAT(cluster_.manager->job(job)->triggered, SizeIs(1));
  EXPECT_EQ(cluster_.manager->job(job)->triggered[0].taken.path, taken.path);
}

TEST_P(JobManagerTest, OfManyTriggersTheNewestAreKept) {
  task_manager("one", 2);
  const std::string job = value_or_throw(cluster_.run());
  ASSERT_TRUE(cluster_.runs(job));
  for (int i = 0; i < 40; ++i) value_or_throw(*savepoint(job, {.what = SnapshotOrder::What::kCheckpoint, .trigger_id = std::to_string(i)}));
  const auto kept = cluster_.manager->job(job)->triggered;
  ASSERT_THAT(kept, SizeIs(32));
  EXPECT_EQ(kept.front().trigger_id, "8");
  EXPECT_EQ(kept.back().trigger_id, "39");
}

TEST_P(JobManagerTest, ExecutablesThatNoJobNamesGoButForTheNewest) {
  cluster_.kill_manager();
  cluster_.settings.kept_executables = 2;
  cluster_.settings.most_ended_jobs = 1;
  cluster_.start_manager();
  task_manager("one", 2);
  const auto upload = [&](const std::string& content) {
    cluster_.world.clock.advance_ns(kMs);
    return cluster_.upload(content);
  };
  const auto kept = [&] {
    std::vector<std::string> hashes;
    for (const Executable& each : value_or_throw(cluster_.manager->executables().list())) hashes.push_back(each.hash);
    return hashes;
  };
  const std::string runs = upload("runs");
  const std::string unused = upload("unused");
  const std::string job = value_or_throw(cluster_.run({.executable = runs, .arguments = {"runs"}}));
  EXPECT_THAT(kept(), ElementsAre(runs, unused)) << "they are the newest";
  const std::string newer = upload("newer");
  const std::string newest = upload("newest");
  cluster_.planner->job = "other";
  const std::string second = value_or_throw(cluster_.run({.executable = newer}));
  ASSERT_TRUE(cluster_.run_until([&] { return kept().size() == 3; }));
  EXPECT_THAT(kept(), ElementsAre(runs, newer, newest));
  cluster_.planner->job = "third";
  const std::string third = value_or_throw(cluster_.run({.executable = newest}));
  for (const std::string& each : {job, second, third}) {
    EXPECT_TRUE(cluster_.manager->cancel(each));
    ASSERT_TRUE(cluster_.comes_to(each, "CANCELED"));
    cluster_.run_for_ms(100);
  }
  EXPECT_TRUE(cluster_.run_until([&] { return kept().size() == 2; })) << "the first job is forgotten";
  EXPECT_THAT(kept(), ElementsAre(newer, newest));
}

TEST_P(JobManagerTest, AJobThatEndsIsToldOfAndGivesItsSlotsBack) {
  SimulatedTaskManager& one = task_manager("one", 2);
  const std::string job = value_or_throw(cluster_.run());
  ASSERT_TRUE(cluster_.runs(job));
  one.workers.begin()->second->end_of_data();
  ASSERT_TRUE(cluster_.comes_to(job, "FINISHED"));
  EXPECT_TRUE(cluster_.run_until([&] { return free_slots("one") == 2; }));
  const ClusterJob told = *cluster_.manager->job(job);
  EXPECT_GE(told.end_ms, told.glance.start_ms);
  EXPECT_EQ(told.glance.name, "count");
  EXPECT_EQ(told.parallelism, 2u);
  EXPECT_THAT(told.plan_json, HasSubstr("numbers"));
  EXPECT_EQ(cluster_.manager->cancel(job).error().code(), ErrorCode::kFailedPrecondition);
}

TEST_P(JobManagerTest, AJobWaitsForSlots) {
  task_manager("one", 1);
  const std::string job = value_or_throw(cluster_.run());
  cluster_.run_for_ms(1'000);
  EXPECT_EQ(cluster_.state_of(job), "CREATED");
  EXPECT_THAT(cluster_.manager->job(job)->glance.waits_for, HasSubstr("the job needs 2 slots, and of 1 TaskManager 1 of 1 is free"));
  EXPECT_EQ(free_slots("one"), 1u);
  task_manager("two", 1);
  EXPECT_TRUE(cluster_.runs(job));
  EXPECT_EQ(cluster_.manager->job(job)->glance.waits_for, "");
}

TEST_P(JobManagerTest, OneThatWaitsTooLongIsToldWhatThereIs) {
  task_manager("one", 1);
  const std::string job = value_or_throw(cluster_.run());
  ASSERT_TRUE(fails_with(job, "no slots within 300 s (slot.request.timeout): the job needs 2 slots, and of 1 TaskManager 1 of 1 is free"));
  task_manager("two", 1);
  EXPECT_TRUE(cluster_.runs(job));
}

TEST_P(JobManagerTest, AWorkerThatEndsBeforeItIsReadyFailsTheAttemptWithWhatItsTaskManagerSays) {
  SimulatedTaskManager& one = task_manager("one", 2);
  one.how.worker_comes_late = true;
  const std::string job = value_or_throw(cluster_.run());
  ASSERT_TRUE(cluster_.run_until([&] { return one.workers.size() == 1; }));
  one.how = {};
  one.kill(only_worker(one), "ended with status 3; its last lines: no such file");
  ASSERT_TRUE(fails_with(job, "ended with status 3; its last lines: no such file"));
  EXPECT_THAT(failures(job).front(), AllOf(HasSubstr("-1-w1 ("), HasSubstr("TaskManager 'one' on host of one")));
  EXPECT_TRUE(cluster_.runs(job));
}

TEST_P(JobManagerTest, AWorkerThatNeverComesFailsTheAttemptInTime) {
  SimulatedTaskManager& one = task_manager("one", 2);
  one.how.worker_comes_late = true;
  const std::string job = value_or_throw(cluster_.run());
  ASSERT_TRUE(cluster_.run_until([&] { return one.workers.size() == 1; }));
  one.how = {};
  ASSERT_TRUE(fails_with(job, "-1-w1 (TaskManager 'one' on host of one)"));
  EXPECT_TRUE(cluster_.runs(job));
}

TEST_P(JobManagerTest, WhatIsTooLongForTheMessageThatStartsAWorkerFailsTheAttemptWithTheReason) {
  SimulatedTaskManager& one = task_manager("one", 2);
  one.how.takes_no_long_start = true;
  const std::string job = value_or_throw(cluster_.run());
  ASSERT_TRUE(cluster_.run_until([&] { return !failures(job).empty(); }));
  EXPECT_THAT(failures(job).front(), AllOf(HasSubstr("keep what is large by key"), HasSubstr("and it takes 50000")));
  one.how.takes_no_long_start = false;
  EXPECT_TRUE(cluster_.runs(job));
}

TEST_P(JobManagerTest, AWorkerThatPlansAnotherJobEndsTheJob) {
  task_manager("one", 2).how.plans_otherwise = true;
  const std::string job = value_or_throw(cluster_.run());
  ASSERT_TRUE(cluster_.comes_to(job, "FAILED"));
  EXPECT_THAT(failures(job).front(), HasSubstr("plans another job than was submitted"));
  EXPECT_TRUE(cluster_.run_until([&] { return free_slots("one") == 2; }));
}

TEST_P(JobManagerTest, AKilledWorkerCostsARestartFromTheNewestCheckpointAndIsToldWithTheReason) {
  SimulatedTaskManager& one = task_manager("one", 1);
  task_manager("two", 1);
  const std::string job = value_or_throw(cluster_.run());
  ASSERT_TRUE(cluster_.run_until([&] { return cluster_.manager->job(job)->glance.completed_checkpoints == 1; }));
  one.kill(only_worker(one), "ended by signal 9 (SIGKILL)");
  ASSERT_TRUE(fails_with(job, "ended by signal 9 (SIGKILL)"));
  ASSERT_TRUE(cluster_.runs(job));
  EXPECT_EQ(cluster_.manager->job(job)->glance.restarts, 1u);
  const WorkerStart& again = *one.workers.begin()->second->started;
  EXPECT_EQ(again.attempt.attempt, 2u);
  EXPECT_TRUE(again.attempt.restored);
}

TEST_P(JobManagerTest, TheReasonIsToldToWhereTheConnectionBreaksFirstAndNeighboursComplain) {
  SimulatedTaskManager& one = task_manager("one", 1);
  SimulatedTaskManager& two = task_manager("two", 1);
  const std::string job = value_or_throw(cluster_.run());
  ASSERT_TRUE(cluster_.runs(job));
  const std::uint64_t killed = only_worker(one);
  one.kill_without_a_word(killed);
  two.workers.begin()->second->fail(Error{ErrorCode::kIo, ErrorDomain::kExternal, Retry::kRestart, "the connection to worker 1 broke"});
  cluster_.run_for_ms(50);
  EXPECT_THAT(failures(job), IsEmpty());
  one.say_ended(killed, "ended by signal 11 (SIGSEGV)");
  ASSERT_TRUE(fails_with(job, "ended by signal 11 (SIGSEGV)"));
  EXPECT_THAT(failures(job), SizeIs(1));
}

TEST_P(JobManagerTest, WithoutAWordFromItsTaskManagerTheLossIsToldAfterAMoment) {
  SimulatedTaskManager& one = task_manager("one", 2);
  const std::string job = value_or_throw(cluster_.run());
  ASSERT_TRUE(cluster_.runs(job));
  const std::int64_t killed_ns = cluster_.world.clock.steady_ns();
  one.kill_without_a_word(only_worker(one));
  ASSERT_TRUE(fails_with(job, "worker 1 of 1"));
  EXPECT_LT(cluster_.world.clock.steady_ns() - killed_ns, 3'000 * kMs);
  EXPECT_EQ(free_slots("one"), 0u) << "its process may live";
}

TEST_P(JobManagerTest, ALostTaskManagerTakesItsWorkersWithIt) {
  SimulatedTaskManager& one = task_manager("one", 2);
  const std::string job = value_or_throw(cluster_.run());
  ASSERT_TRUE(cluster_.runs(job));
  one.die();
  ASSERT_TRUE(fails_with(job, "TaskManager 'one' on host of one is gone"));
  EXPECT_THAT(cluster_.manager->task_managers(), IsEmpty());
  task_manager("two", 2);
  EXPECT_TRUE(cluster_.runs(job));
}

TEST_P(JobManagerTest, WithoutASpareSlotAJobWaitsForATaskManagerFromItsNewestCheckpoint) {
  SimulatedTaskManager& one = task_manager("one", 1);
  SimulatedTaskManager& two = task_manager("two", 1);
  const std::string job = value_or_throw(cluster_.run());
  ASSERT_TRUE(cluster_.runs(job));
  ASSERT_TRUE(cluster_.run_until([&] { return cluster_.manager->job(job)->glance.completed_checkpoints >= 1; }));
  two.die();
  ASSERT_TRUE(cluster_.comes_to(job, "CREATED"));
  cluster_.run_for_ms(60'000);
  const JobGlance waiting = cluster_.manager->job(job)->glance;
  EXPECT_EQ(waiting.state, "CREATED");
  EXPECT_EQ(waiting.restarts, 1u) << "to wait costs no restarts";
  EXPECT_THAT(waiting.waits_for, HasSubstr("1 of 1 is free: start another `tidemark taskmanager`"));
  SimulatedTaskManager& spare = task_manager("three", 2);
  ASSERT_TRUE(cluster_.runs(job));
  EXPECT_THAT(one.workers, IsEmpty()) << "all fit into one";
  EXPECT_TRUE(spare.workers.begin()->second->started->attempt.restored);
}

TEST_P(JobManagerTest, WithASpareSlotAJobGoesOnAtOnce) {
  task_manager("one", 1);
  SimulatedTaskManager& two = task_manager("two", 1);
  SimulatedTaskManager& spare = task_manager("three", 1);
  const std::string job = value_or_throw(cluster_.run());
  ASSERT_TRUE(cluster_.runs(job));
  SimulatedTaskManager& lost = two.workers.empty() ? spare : two;
  const std::int64_t before_ns = cluster_.world.clock.steady_ns();
  lost.die();
  ASSERT_TRUE(cluster_.run_until([&] { return cluster_.manager->job(job)->glance.restarts == 1; }));
  ASSERT_TRUE(cluster_.runs(job));
  EXPECT_LT(cluster_.world.clock.steady_ns() - before_ns, 3'000'000'000);
}

TEST_P(JobManagerTest, AJobThatKeepsCopiesComesBackToWhereTheyLie) {
  cluster_.planner->next.options = {{"execution.checkpointing.dir", "/shared"}, {"execution.checkpointing.local-backup.enabled", "true"}};
  SimulatedTaskManager& one = task_manager("one", 1);
  SimulatedTaskManager& two = task_manager("two", 1);
  const std::string job = value_or_throw(cluster_.run());
  ASSERT_TRUE(cluster_.runs(job));
  const std::uint32_t before = one.workers.begin()->second->started->worker;
  task_manager("large", 4);
  one.kill(one.workers.begin()->first, "ended by signal 9");
  ASSERT_TRUE(cluster_.run_until([&] { return cluster_.manager->job(job)->glance.restarts == 1; }));
  ASSERT_TRUE(cluster_.runs(job));
  ASSERT_THAT(one.started, SizeIs(2));
  ASSERT_THAT(two.started, SizeIs(2));
  EXPECT_EQ(one.started[1].copies_of, "/shared/count");
  EXPECT_EQ(one.workers.begin()->second->started->worker, before) << "the same subtasks";
}

TEST_P(JobManagerTest, AJobWithoutCopiesComesBackAnywhere) {
  SimulatedTaskManager& one = task_manager("one", 1);
  task_manager("two", 1);
  const std::string job = value_or_throw(cluster_.run());
  ASSERT_TRUE(cluster_.runs(job));
  SimulatedTaskManager& large = task_manager("large", 2);
  one.kill(one.workers.begin()->first, "ended by signal 9");
  ASSERT_TRUE(cluster_.run_until([&] { return cluster_.manager->job(job)->glance.restarts == 1; }));
  ASSERT_TRUE(cluster_.runs(job));
  ASSERT_THAT(large.started, SizeIs(1));
  EXPECT_EQ(large.started[0].copies_of, "");
}

TEST_P(JobManagerTest, OneThatIsLostWhileItsWorkersComeFailsTheAttempt) {
  SimulatedTaskManager& one = task_manager("one", 2);
  one.how.worker_comes_late = true;
  const std::string job = value_or_throw(cluster_.run());
  ASSERT_TRUE(cluster_.run_until([&] { return one.workers.size() == 1; }));
  one.die();
  ASSERT_TRUE(fails_with(job, "TaskManager 'one' on host of one is gone"));
}

TEST_P(JobManagerTest, AJobIsCancelledWhereverItStands) {
  const std::string waiting = value_or_throw(cluster_.run());
  ASSERT_TRUE(cluster_.manager->cancel(waiting));
  ASSERT_TRUE(cluster_.comes_to(waiting, "CANCELED"));

  SimulatedTaskManager& one = task_manager("one", 2);
  one.how.worker_comes_late = true;
  const std::string deploying = value_or_throw(cluster_.run());
  ASSERT_TRUE(cluster_.run_until([&] { return one.workers.size() == 1; }));
  ASSERT_TRUE(cluster_.manager->cancel(deploying));
  ASSERT_TRUE(cluster_.comes_to(deploying, "CANCELED"));
  ASSERT_TRUE(cluster_.run_until([&] { return free_slots("one") == 2; }));
  EXPECT_THAT(one.workers, IsEmpty());

  one.how = {};
  const std::string running = value_or_throw(cluster_.run());
  ASSERT_TRUE(cluster_.runs(running));
  ASSERT_TRUE(cluster_.manager->cancel(running));
  ASSERT_TRUE(cluster_.comes_to(running, "CANCELED"));
  EXPECT_TRUE(cluster_.run_until([&] { return free_slots("one") == 2; }));
  EXPECT_THAT(failures(running), IsEmpty());
}

TEST_P(JobManagerTest, TasksThatDoNotHearACancelAreEndedWithTheirProcess) {
  SimulatedTaskManager& one = task_manager("one", 2);
  one.how.ignores_cancel = true;
  const std::string job = value_or_throw(cluster_.run());
  ASSERT_TRUE(cluster_.runs(job));
  ASSERT_TRUE(cluster_.manager->cancel(job));
  const std::int64_t cancelled_ns = cluster_.world.clock.steady_ns();
  ASSERT_TRUE(cluster_.comes_to(job, "CANCELED"));
  EXPECT_GE(cluster_.world.clock.steady_ns() - cancelled_ns, 30'000 * kMs);
  EXPECT_THAT(one.workers, IsEmpty());
}

TEST_P(JobManagerTest, TwoJobsShareATaskManagerAndEndApart) {
  SimulatedTaskManager& one = task_manager("one", 4);
  const std::string first = value_or_throw(cluster_.run());
  cluster_.planner->job = "other";
  const std::string second = value_or_throw(cluster_.run());
  ASSERT_TRUE(cluster_.runs(first));
  ASSERT_TRUE(cluster_.runs(second));
  ASSERT_THAT(one.workers, SizeIs(2));
  one.kill(only_worker(one), "ended by signal 9 (SIGKILL)");
  ASSERT_TRUE(cluster_.run_until([&] { return failures(first).size() + failures(second).size() == 1; }));
  ASSERT_TRUE(cluster_.runs(first));
  ASSERT_TRUE(cluster_.runs(second));
  ASSERT_TRUE(cluster_.manager->cancel(first));
  ASSERT_TRUE(cluster_.comes_to(first, "CANCELED"));
  EXPECT_EQ(cluster_.state_of(second), "RUNNING");
  const auto jobs = cluster_.manager->jobs();
  ASSERT_THAT(jobs, SizeIs(2));
  EXPECT_EQ(jobs[0].id, second) << "those that run come first";
}

TEST_P(JobManagerTest, ATokenThatNobodyWaitsForEndsTheLine) {
  SimulatedTaskManager& one = task_manager("one", 2);
  const std::string job = value_or_throw(cluster_.run());
  ASSERT_TRUE(cluster_.runs(job));
  StartWorker twice = one.started[0];
  SimulatedWorker again{cluster_.network, "elsewhere", twice, {}};
  twice.token = "guessed";
  SimulatedWorker guessed{cluster_.network, "elsewhere", twice, {}};
  ASSERT_TRUE(cluster_.run_until([&] {
    again.step();
    guessed.step();
    return again.is_over() && guessed.is_over();
  }));
  EXPECT_EQ(cluster_.state_of(job), "RUNNING");
  EXPECT_FALSE(again.started);
}

TEST_P(JobManagerTest, ASecondTaskManagerOfOneIdIsRefused) {
  task_manager("one", 2);
  SimulatedTaskManager& again = cluster_.add_task_manager("one", 8);
  ASSERT_TRUE(cluster_.run_until([&] { return again.is_gone; }));
  EXPECT_THAT(again.refusal, HasSubstr("TaskManager 'one' on host of one has that id"));
  EXPECT_THAT(cluster_.manager->task_managers(), SizeIs(1));
  EXPECT_EQ(free_slots("one"), 2u);
}

TEST_P(JobManagerTest, WorkersThatCouldNotReachOneAnotherAreNotLetIn) {
  task_manager("127.0.0.1", 2);  // where its workers listen, too
  SimulatedTaskManager& other = cluster_.add_task_manager("two", 2);
  ASSERT_TRUE(cluster_.run_until([&] { return other.is_gone; }));
  EXPECT_THAT(other.refusal, AllOf(HasSubstr("'two'"), HasSubstr("'127.0.0.1'"), HasSubstr("--data-host")));
}

TEST_P(JobManagerTest, WhoHasBeenWithANewerJobManagerIsRefused) {
  SimulatedTaskManager& one = task_manager("one", 2);
  one.die();
  one.come(7);
  ASSERT_TRUE(cluster_.run_until([&] { return one.is_gone; }));
  EXPECT_THAT(one.refusal, HasSubstr("it has been with a JobManager of epoch 7, and this one is of epoch 1"));
}

TEST_P(JobManagerTest, AMessageOfAnotherEpochEndsTheLine) {
  SimulatedTaskManager& one = task_manager("one", 2);
  one.use_epoch(0);
  one.say_ended(3, "");
  EXPECT_TRUE(cluster_.run_until([&] { return one.is_gone; }));
  EXPECT_THAT(cluster_.manager->task_managers(), IsEmpty());
}

TEST_P(JobManagerTest, ATaskManagerThatSpeaksOfAnothersWorkerIsSentAway) {
  SimulatedTaskManager& one = task_manager("one", 2);
  const std::string job = value_or_throw(cluster_.run());
  ASSERT_TRUE(cluster_.runs(job));
  SimulatedTaskManager& two = task_manager("two", 2);
  two.say_ended(only_worker(one), "lie");
  EXPECT_TRUE(cluster_.run_until([&] { return two.is_gone; }));
  EXPECT_EQ(cluster_.state_of(job), "RUNNING");
}

TEST_P(JobManagerTest, AnExecutableIsFetchedInParts) {
  const std::string content(3u << 20, 'x');
  const std::string hash = cluster_.upload(content);
  SimulatedTaskManager& one = task_manager("one", 1);
  std::string fetched;
  do {
    const std::size_t parts = one.parts.size();
    one.ask_for(hash, fetched.size());
    ASSERT_TRUE(cluster_.run_until([&] { return one.parts.size() > parts; }));
    ASSERT_THAT(one.parts.back().bytes, Not(IsEmpty()));
    fetched += one.parts.back().bytes;
  } while (fetched.size() < one.parts.back().size);
  EXPECT_EQ(fetched.size(), content.size() + 64);
  EXPECT_THAT(one.parts, SizeIs(4));
  one.ask_for("../../etc/passwd", 0);
  ASSERT_TRUE(cluster_.run_until([&] { return one.parts.size() == 5; }));
  EXPECT_THAT(one.parts.back().bytes, IsEmpty());
}

TEST_P(JobManagerTest, AJobManagerThatWasKilledGoesOnWithItsJobs) {
  SimulatedTaskManager& one = task_manager("one", 2);
  const std::string job = value_or_throw(cluster_.run());
  ASSERT_TRUE(cluster_.run_until([&] { return cluster_.manager->job(job)->glance.completed_checkpoints == 2; }));
  cluster_.run_for_ms(10'000);  // the history is written behind
  cluster_.kill_manager();
  ASSERT_TRUE(cluster_.run_until([&] { return one.is_gone && one.workers.empty(); }));
  one.die();
  cluster_.start_manager();
  EXPECT_EQ(cluster_.manager->epoch(), 2u);
  EXPECT_THAT(cluster_.manager->job(job)->checkpoints, Not(IsEmpty()));
  EXPECT_GE(cluster_.manager->job(job)->glance.completed_checkpoints, 2u);
  one.come(1);
  ASSERT_TRUE(cluster_.runs(job));
  EXPECT_THAT(failures(job), IsEmpty()) << "its own death is no failure of the job's";
  const WorkerStart& start = *one.workers.begin()->second->started;
  EXPECT_TRUE(start.attempt.restored);
  EXPECT_EQ(start.attempt.attempt, 2u);
  const JobGlance glance = cluster_.manager->job(job)->glance;
  EXPECT_EQ(glance.restores, 1u);
  ASSERT_TRUE(glance.restored);
  EXPECT_GE(glance.restored->id, 2u);
  EXPECT_GE(glance.uptime_ms, 0);
  EXPECT_EQ(glance.downtime_ms, 0);
}

TEST_P(JobManagerTest, AFailedCheckpointNamesTheHostAndIsToldOfAfterARestart) {
  SimulatedTaskManager& one = task_manager("one", 1);
  SimulatedTaskManager& two = task_manager("two", 1);
  const std::string job = value_or_throw(cluster_.run({.arguments = {"--orders"}}));
  ASSERT_TRUE(cluster_.run_until([&] { return cluster_.manager->job(job)->glance.completed_checkpoints == 1; }));
  *two.how.declines_with = "--orders";
  ASSERT_TRUE(cluster_.run_until([&] { return cluster_.manager->job(job)->glance.failed_checkpoints == 1; }));
  const CheckpointGlance failed = cluster_.manager->job(job)->checkpoints.front().glance;
  EXPECT_EQ(failed.status, CheckpointStatus::kFailed);
  EXPECT_THAT(failed.failure, AllOf(HasSubstr("checkpoint 2"), HasSubstr("numbers -> files ("), HasSubstr("at TaskManager 'two' on host of two"),
                                    HasSubstr("declined"), HasSubstr("(input/output)"), HasSubstr("the disk is full")));
  const auto asked = savepoint(job, {.dir = "/savepoints"});
  ASSERT_FALSE(*asked);
  EXPECT_THAT((*asked).error().message(), AllOf(HasSubstr("on host of two"), HasSubstr("the disk is full")));
  *two.how.declines_with = {};
  ASSERT_TRUE(*savepoint(job, {.dir = "/savepoints"}));
  const ClusterJob before = *cluster_.manager->job(job);
  cluster_.run_for_ms(100);  // the history is written behind
  cluster_.kill_manager();
  ASSERT_TRUE(cluster_.run_until([&] { return one.is_gone && two.is_gone && one.workers.empty() && two.workers.empty(); }));
  one.die();
  two.die();
  cluster_.start_manager();
  const ClusterJob after = *cluster_.manager->job(job);
  EXPECT_GE(after.glance.failed_checkpoints, 2u);
  EXPECT_GE(after.glance.completed_checkpoints, 1u);
  EXPECT_EQ(after.glance.savepoints, 1u);
  const auto is_failed = [&](const CheckpointReport& each) { return each.glance.failure == failed.failure; };
  EXPECT_TRUE(std::ranges::any_of(after.checkpoints, is_failed));
  one.come(1);
  two.come(1);
  ASSERT_TRUE(cluster_.run_until([&] { return cluster_.manager->job(job)->glance.completed_checkpoints > before.glance.completed_checkpoints; }));
  EXPECT_TRUE(std::ranges::any_of(cluster_.manager->job(job)->checkpoints, is_failed)) << "while it runs again";
}

TEST_P(JobManagerTest, WhatIsOverIsToldOfAfterARestartAndDoesNotRun) {
  SimulatedTaskManager& one = task_manager("one", 2);
  const std::string job = value_or_throw(cluster_.run());
  ASSERT_TRUE(cluster_.runs(job));
  ASSERT_TRUE(cluster_.manager->cancel(job));
  ASSERT_TRUE(cluster_.comes_to(job, "CANCELED"));
  cluster_.run_for_ms(100);
  cluster_.kill_manager();
  one.die();
  cluster_.start_manager();
  one.come();
  cluster_.run_for_ms(1'000);
  EXPECT_EQ(cluster_.state_of(job), "CANCELED");
  EXPECT_THAT(one.started, SizeIs(1));
}

TEST_P(JobManagerTest, AJobThatStartedFromASavepointAndHasNothingElseStartsThereAgain) {
  SimulatedTaskManager& one = task_manager("one", 2);
  const std::string first = value_or_throw(cluster_.run());
  ASSERT_TRUE(cluster_.runs(first));
  const auto taken = savepoint(first, {.then = SnapshotOrder::Then::kStop, .dir = "/savepoints"});
  ASSERT_TRUE(taken && *taken) << (*taken).error().message();
  ASSERT_TRUE(cluster_.comes_to(first, "FINISHED"));

  // No slot: the job does not come so far as to write anything.
  one.die();
  const std::string second = value_or_throw(cluster_.run({.savepoint = (*taken)->path}));
  cluster_.run_for_ms(100);
  cluster_.kill_manager();
  cluster_.start_manager();
  one.come();
  ASSERT_TRUE(cluster_.runs(second));
  EXPECT_TRUE(one.workers.begin()->second->started->attempt.restored);
}

TEST_P(JobManagerTest, OneThatKeepsNothingIsNotRunTwice) {
  SimulatedTaskManager& one = task_manager("one", 2);
  cluster_.planner->next.options = {{"execution.checkpointing.mode", "NONE"}};
  const std::string job = value_or_throw(cluster_.run());
  ASSERT_TRUE(cluster_.runs(job));
  cluster_.kill_manager();
  one.die();
  cluster_.start_manager();
  one.come();
  ASSERT_TRUE(cluster_.comes_to(job, "FAILED"));
  EXPECT_THAT(failures(job).front(), HasSubstr("mode NONE nothing is kept"));
  EXPECT_THAT(one.started, SizeIs(1));
}

TEST_P(JobManagerTest, AStorageThatIsNotThereIsWaitedForAndNothingBeginsAnew) {
  SimulatedTaskManager& one = task_manager("one", 2);
  cluster_.planner->next.options = {{"execution.checkpointing.dir", "/shared"}};
  const std::string job = value_or_throw(cluster_.run());
  ASSERT_TRUE(cluster_.run_until([&] { return cluster_.manager->job(job)->glance.completed_checkpoints == 1; }));
  cluster_.run_for_ms(100);
  cluster_.kill_manager();
  one.die();
  ASSERT_TRUE(cluster_.world.files.rename("/shared/count/CURRENT", "/shared/count/away"));
  cluster_.start_manager();
  one.come();
  cluster_.run_for_ms(10'000);
  EXPECT_EQ(cluster_.state_of(job), "INITIALIZING");
  EXPECT_THAT(failures(job), ElementsAre(HasSubstr("the newest attempt is 0, and the job has come to attempt 1: is its storage mounted")));
  ASSERT_TRUE(cluster_.world.files.rename("/shared/count/away", "/shared/count/CURRENT"));
  ASSERT_TRUE(cluster_.runs(job));
  EXPECT_TRUE(one.workers.begin()->second->started->attempt.restored);
}

TEST_P(JobManagerTest, WhatWasToBeCancelledIsNotGoneOnWith) {
  SimulatedTaskManager& one = task_manager("one", 2);
  one.how.ignores_cancel = true;
  const std::string job = value_or_throw(cluster_.run());
  ASSERT_TRUE(cluster_.runs(job));
  ASSERT_TRUE(cluster_.manager->cancel(job));
  ASSERT_TRUE(cluster_.comes_to(job, "CANCELLING"));
  cluster_.kill_manager();
  one.die();
  cluster_.start_manager();
  one.come();
  ASSERT_TRUE(cluster_.comes_to(job, "CANCELED"));
  EXPECT_THAT(one.started, SizeIs(1));
}

TEST_P(JobManagerTest, AStopIsAnsweredWhenItIsWrittenDown) {
  SimulatedTaskManager& one = task_manager("one", 2);
  const std::string job = value_or_throw(cluster_.run());
  ASSERT_TRUE(cluster_.runs(job));
  const auto taken = savepoint(job, {.then = SnapshotOrder::Then::kStop, .dir = "/savepoints"});
  ASSERT_TRUE(taken && *taken) << (*taken).error().message();
  cluster_.kill_manager();
  one.die();
  cluster_.start_manager();
  EXPECT_EQ(cluster_.state_of(job), "FINISHED");
}

TEST_P(JobManagerTest, AnExecutableIsKeptWhileAJobRunsIt) {
  task_manager("one", 2);
  const std::string job = value_or_throw(cluster_.run());
  ASSERT_TRUE(cluster_.runs(job));
  const auto refused = cluster_.manager->refuse_if_run(cluster_.upload());
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message(), HasSubstr(job));
  ASSERT_TRUE(cluster_.manager->cancel(job));
  ASSERT_TRUE(cluster_.comes_to(job, "CANCELED"));
  EXPECT_TRUE(cluster_.manager->refuse_if_run(cluster_.upload()));
}

TEST_P(JobManagerTest, AKillAtAnyMomentLosesNoJob) {
  SimulatedTaskManager& one = task_manager("one", 2);
  const std::string job = value_or_throw(cluster_.run());
  for (std::uint64_t i = 0; i < 6; ++i) {
    cluster_.run_for_ms(static_cast<std::int64_t>(cluster_.world.random.next() % 30'000));
    cluster_.kill_manager();
    ASSERT_TRUE(cluster_.run_until([&] { return one.is_gone && one.workers.empty(); }));
    one.die();
    cluster_.start_manager();
    one.come();
  }
  ASSERT_TRUE(cluster_.runs(job));
  one.workers.begin()->second->end_of_data();
  EXPECT_TRUE(cluster_.comes_to(job, "FINISHED"));
}

TEST_P(JobManagerTest, WhatDoesNotFitIsRefusedBeforeAnythingIsStarted) {
  SimulatedTaskManager& one = task_manager("one", 2);
  const std::string first = value_or_throw(cluster_.run());
  ASSERT_TRUE(cluster_.runs(first));
  const auto taken = savepoint(first, {.dir = "/savepoints"});
  ASSERT_TRUE(taken && *taken);
  cluster_.planner->job = "renamed";
  const auto refused = cluster_.run({.savepoint = (*taken)->path});
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message(), HasSubstr("belongs to job 'count', not to 'renamed'"));
  const auto missing = cluster_.run({.savepoint = "/savepoints/none"});
  ASSERT_FALSE(missing);
  const auto relative = cluster_.run({.savepoint = "savepoints/none"});
  ASSERT_FALSE(relative);
  EXPECT_THAT(relative.error().message(), HasSubstr("no absolute path"));
  EXPECT_THAT(cluster_.manager->jobs(), SizeIs(1));
  EXPECT_THAT(one.started, SizeIs(1));
}

TEST_P(JobManagerTest, TwoJobsOfOneNameInOneFolderAreRefusedWithTheOthersId) {
  task_manager("one", 4);
  cluster_.planner->next.options = {{"execution.checkpointing.dir", "/shared"}};
  const std::string first = value_or_throw(cluster_.run());
  const auto second = cluster_.run();
  ASSERT_FALSE(second);
  EXPECT_THAT(second.error().message(), AllOf(HasSubstr(first), HasSubstr("'/shared/count'")));
  cluster_.planner->next.options = {};
  EXPECT_TRUE(cluster_.run());
}

TEST_P(JobManagerTest, WhatCanNotBePlannedIsAnsweredWithTheReason) {
  cluster_.planner->refusal = Error{ErrorCode::kInvalidArgument, "'orders' can't be planned: it ended with status 2: unknown option --x"};
  EXPECT_THAT(cluster_.run().error().message(), HasSubstr("unknown option --x"));
  EXPECT_EQ(cluster_.run({.executable = std::string(64, '0')}).error().code(), ErrorCode::kNotFound);
  cluster_.planner->refusal.reset();
  cluster_.planner->next.has_own_storage = true;
  EXPECT_THAT(cluster_.run().error().message(), HasSubstr("a storage of its own"));
  EXPECT_THAT(cluster_.manager->jobs(), IsEmpty());
}

TEST_P(JobManagerTest, ASnapshotIsAnsweredWhateverBecomesOfTheJob) {
  EXPECT_EQ(savepoint("none", {}).value().error().code(), ErrorCode::kNotFound);
  SimulatedTaskManager& one = task_manager("one", 2);
  const std::string job = value_or_throw(cluster_.run());
  ASSERT_TRUE(cluster_.runs(job));
  EXPECT_THAT(savepoint(job, {.dir = "savepoints"}).value().error().message(), HasSubstr("no absolute path"));
  std::optional<Result<SnapshotTaken>> answer;
  cluster_.manager->take_snapshot(job, {.dir = "/savepoints"}, [&](Result<SnapshotTaken> taken) { answer = std::move(taken); });
  one.die();
  ASSERT_TRUE(cluster_.manager->cancel(job));
  ASSERT_TRUE(cluster_.run_until([&] { return answer.has_value(); }));
  EXPECT_FALSE(*answer);
  ASSERT_TRUE(cluster_.comes_to(job, "CANCELED"));
  EXPECT_EQ(savepoint(job, {}).value().error().code(), ErrorCode::kFailedPrecondition);
}

TEST_P(JobManagerTest, ASavepointIsDeletedWhenAsked) {
  task_manager("one", 2);
  const std::string job = value_or_throw(cluster_.run());
  ASSERT_TRUE(cluster_.runs(job));
  const auto taken = savepoint(job, {.dir = "/savepoints"});
  ASSERT_TRUE(taken && *taken);
  std::vector<Result<>> answers;
  const auto dispose = [&](const std::string& path) {
    const std::size_t before = answers.size();
    cluster_.manager->dispose_savepoint(path, [&](Result<> done) { answers.push_back(std::move(done)); });
    EXPECT_TRUE(cluster_.run_until([&] { return answers.size() > before; }));
    return answers.back().has_value();
  };
  EXPECT_TRUE(dispose((*taken)->path));
  EXPECT_FALSE(dispose((*taken)->path));
  EXPECT_FALSE(dispose("/jm"));
  EXPECT_FALSE(dispose("relative"));
}

TEST_P(JobManagerTest, OldRecordsOfEndedJobsGo) {
  cluster_.kill_manager();
  cluster_.settings.most_ended_jobs = 2;
  cluster_.start_manager();
  for (int i = 0; i < 4; ++i) {
    const std::string job = value_or_throw(cluster_.run());
    ASSERT_TRUE(cluster_.manager->cancel(job));
    ASSERT_TRUE(cluster_.comes_to(job, "CANCELED"));
    cluster_.run_for_ms(100);
  }
  EXPECT_LE(cluster_.manager->jobs().size(), 3u);
  EXPECT_LE(value_or_throw(cluster_.world.files.list("/jm/jobs")).size(), 3u);
  EXPECT_LE(value_or_throw(cluster_.world.files.list("/jm/checkpoints")).size(), 3u);
}

TEST_P(JobManagerTest, AJobWhoseRecordIsDamagedIsToldOfAsFailedAndItsCheckpointsStay) {
  task_manager("one", 2);
  const std::string job = value_or_throw(cluster_.run());
  ASSERT_TRUE(cluster_.runs(job));
  cluster_.kill_manager();
  const std::string record = "/jm/jobs/" + job;
  ASSERT_TRUE(replace_file(cluster_.world.files, record, "TMDV0001 and no more"));
  const std::string checkpoints = "/jm/checkpoints/" + job;
  ASSERT_TRUE(cluster_.world.files.stat(checkpoints));
  cluster_.settings.most_ended_jobs = 1;
  cluster_.start_manager();
  const ClusterJob told = *cluster_.manager->job(job);
  EXPECT_EQ(told.glance.state, "FAILED");
  EXPECT_THAT(told.failures.at(0).message, AllOf(HasSubstr("is damaged"), HasSubstr(record + ".damaged")));
  EXPECT_THAT(told.plan_json, HasSubstr("vertices"));
  for (int i = 0; i < 3; ++i) {  // others are forgotten
    const std::string other = value_or_throw(cluster_.run());
    ASSERT_TRUE(cluster_.manager->cancel(other));
    ASSERT_TRUE(cluster_.comes_to(other, "CANCELED"));
    cluster_.run_for_ms(100);
  }
  EXPECT_TRUE(cluster_.manager->job(job));
  EXPECT_TRUE(cluster_.world.files.stat(checkpoints));
}

TEST_P(JobManagerTest, AFullDiskDoesNotLoseHowAJobEnded) {
  task_manager("one", 2);
  const std::string job = value_or_throw(cluster_.run());
  ASSERT_TRUE(cluster_.runs(job));
  bool is_full = true;
  cluster_.world.files.set_hook([&](FileOperation operation, const std::string& path) -> std::optional<Error> {
    if (is_full && operation == FileOperation::kAppend && path.starts_with("/jm/jobs")) return Error{ErrorCode::kResourceExhausted, "disk full"};
    return std::nullopt;
  });
  ASSERT_TRUE(cluster_.manager->cancel(job));
  ASSERT_TRUE(cluster_.comes_to(job, "CANCELED"));
  cluster_.run_for_ms(3'000);
  is_full = false;
  cluster_.run_for_ms(3'000);
  cluster_.kill_manager();
  cluster_.start_manager();
  EXPECT_EQ(cluster_.state_of(job), "CANCELED");
}

TEST_P(JobManagerTest, AFullDiskKeepsNobodyFromASavepoint) {
  task_manager("one", 2);
  const std::string job = value_or_throw(cluster_.run());
  ASSERT_TRUE(cluster_.runs(job));
  cluster_.world.files.set_hook([&](FileOperation operation, const std::string& path) -> std::optional<Error> {
    if (operation == FileOperation::kAppend && path.starts_with("/jm/jobs")) return Error{ErrorCode::kResourceExhausted, "disk full"};
    return std::nullopt;
  });
  EXPECT_TRUE(savepoint(job, {.dir = "/sp", .trigger_id = "monday"}).value());
  EXPECT_TRUE(savepoint(job, {.then = SnapshotOrder::Then::kStop, .dir = "/sp", .trigger_id = "last"}).value());
}

TEST_P(JobManagerTest, AJobThatWasRefusedDoesNotComeBack) {
  RunOrder order{.executable = cluster_.upload()};
  bool fails = true;
  cluster_.world.files.set_hook([&](FileOperation operation, const std::string& path) -> std::optional<Error> {
    if (operation != FileOperation::kSyncDirectory || path != "/jm/jobs" || !std::exchange(fails, false)) return std::nullopt;
    return Error{ErrorCode::kIo, "bad sector"};
  });
  const auto refused = cluster_.run(order);
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message(), HasSubstr("bad sector"));
  cluster_.kill_manager();
  cluster_.start_manager();
  EXPECT_TRUE(cluster_.manager->jobs().empty());
}

TEST_P(JobManagerTest, NoJobFollowsOneThatWasRefusedWhoseRecordMayStillBeThere) {
  cluster_.planner->next.options["execution.checkpointing.dir"] = "/shared";
  cluster_.planner->next.resume = true;
  const RunOrder order{.executable = cluster_.upload()};
  bool fails = true;
  cluster_.world.files.set_hook([&](FileOperation operation, const std::string& path) -> std::optional<Error> {
    const bool is_change = operation == FileOperation::kSyncDirectory || operation == FileOperation::kRemove;
    if (fails && is_change && path.starts_with("/jm/jobs")) return Error{ErrorCode::kIo, "bad sector"};
    return std::nullopt;
  });
  ASSERT_FALSE(cluster_.run(order));
  const auto second = cluster_.run(order);
  ASSERT_FALSE(second);
  EXPECT_THAT(second.error().message(), HasSubstr("(count) has ended, and that could not be written down in '/jm' yet"));
  ASSERT_EQ(cluster_.manager->jobs().size(), 1u) << "the next JobManager would run as many";
  EXPECT_EQ(cluster_.manager->jobs().front().state, "FAILED");
  fails = false;
  cluster_.run_for_ms(3'000);
  ASSERT_TRUE(cluster_.run(order));
  cluster_.kill_manager();
  cluster_.start_manager();
  std::vector<std::string> states;
  for (const JobGlance& job : cluster_.manager->jobs()) states.emplace_back(job.state);
  EXPECT_THAT(states, testing::UnorderedElementsAre("FAILED", testing::Ne("FAILED")));
}

TEST_P(JobManagerTest, NoJobFollowsOneOfItsNameWhoseEndIsNotWrittenDown) {
  task_manager("one", 2);
  cluster_.planner->next.options["execution.checkpointing.dir"] = "/shared";
  const RunOrder order{.executable = cluster_.upload(), .arguments = {"--resume"}};
  cluster_.planner->next.resume = true;
  const std::string job = value_or_throw(cluster_.run(order));
  ASSERT_TRUE(cluster_.runs(job));
  bool is_full = true;
  cluster_.world.files.set_hook([&](FileOperation operation, const std::string& path) -> std::optional<Error> {
    if (is_full && operation == FileOperation::kAppend && path.starts_with("/jm/jobs")) return Error{ErrorCode::kResourceExhausted, "disk full"};
    return std::nullopt;
  });
  ASSERT_TRUE(cluster_.manager->cancel(job));
  ASSERT_TRUE(cluster_.comes_to(job, "CANCELED"));
  const auto refused = cluster_.run(order);
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message(), HasSubstr(job + " (count) has ended, and that could not be written down in '/jm' yet"));
  cluster_.planner->next.options["execution.checkpointing.dir"] = "/elsewhere";
  EXPECT_FALSE(cluster_.run(order)) << "the next JobManager would run both, and both would write to one output";
  is_full = false;
  cluster_.run_for_ms(3'000);
  const std::string next = value_or_throw(cluster_.run(order));
  EXPECT_TRUE(cluster_.runs(next));
}

TEST_P(JobManagerTest, ASecondJobManagerOnTheFolderIsRefused) {
  const auto transport = cluster_.network.join("jm2", {.name = "jobmanager", .library = "test"});
  JobManagerSettings settings = cluster_.settings;
  settings.address = "jm2:6123";
  const auto second = JobManager::open(cluster_.world.env(), cluster_.world.random, *transport, settings, cluster_.planner);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code(), ErrorCode::kFailedPrecondition);
}

TEST_P(JobManagerTest, WhoDoesNotSayWhoItIsIsSentAway) {
  const auto transport = cluster_.network.join("stranger", {.name = "stranger", .library = "test"});
  Mailbox mailbox;
  std::unique_ptr<MessageLine> silent;
  bool is_closed = false;
  const auto dial = transport->connect(kJobManagerAddress, {}, mailbox, [&](auto connection) {
    silent = std::make_unique<MessageLine>(std::move(*connection), words_to_job_managers(), words_to_task_managers(), mailbox,
                                           MessageLine::Callbacks{.on_message = [](const IncomingMessage&) -> Result<> { return {}; },
                                                                  .on_closed = [&](const Closed&) { is_closed = true; }});
  });
  EXPECT_TRUE(cluster_.run_until([&] {
    mailbox.run_all();
    return is_closed;
  }));
}

}  // namespace
}  // namespace tidemark

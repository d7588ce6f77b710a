// Savepoints of a running job: what is asked for is answered once, and nothing is lost or doubled whatever fails.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/log.h"
#include "coordinator/job_master.h"
#include "coordinator/simulated_job.h"
#include "snapshot/snapshot_folder.h"

namespace tidemark {
namespace {

using testing::HasSubstr;
using What = SnapshotOrder::What;
using Then = SnapshotOrder::Then;

/// What became of a request.
struct Asked {
  std::shared_ptr<std::optional<Result<SnapshotTaken>>> answer = std::make_shared<std::optional<Result<SnapshotTaken>>>();

  bool answered() const { return answer->has_value(); }
  const Result<SnapshotTaken>& result() const { return answer->value(); }
  std::string path() const { return answered() && result() ? result()->path : std::string{}; }
};

Asked ask(SimulatedRun& run, Then then, What what = What::kSavepoint, std::string dir = "/sp") {
  Asked asked;
  run.master.request_snapshot({.what = what, .then = then, .dir = std::move(dir)},
                              [answer = asked.answer](Result<SnapshotTaken> result) {
                                EXPECT_FALSE(answer->has_value()) << "answered twice";
                                *answer = std::move(result);
                              });
  return asked;
}

std::vector<std::string> folders_in(World& world, const std::string& path) {
  std::vector<std::string> result;
  if (const auto entries = world.files.list(path)) {
    for (const DirectoryEntry& entry : *entries) result.push_back(entry.name);
  }
  return result;
}

JobMasterOptions without_interval() {
  JobMasterOptions options = SimulatedRun::restarting(1000);
  options.checkpoints.interval_ns = 0;
  return options;
}

class JobMasterSavepointTest : public testing::Test {
 protected:
  void SetUp() override {
    set_log_sink([](std::string_view) {});
  }
  void TearDown() override { set_log_sink({}); }

  static void run_steps(SimulatedRun& run, std::uint64_t steps) {
    for (std::uint64_t i = 0; i < steps && run.step(); ++i) {
    }
  }
  /// After so many steps the process dies, at every other number with the machine. False if the job was over before.
  static bool die_after(SimulatedRun& run, World& world, int steps) {
    int i = 0;
    while (i < steps && run.step()) ++i;
    steps % 2 == 0 ? world.files.crash_machine(world.random) : world.files.crash_process();
    return i == steps;
  }
};

TEST_F(JobMasterSavepointTest, ARunningJobGoesOnAndItsPointerDoesNotNameTheSavepoint) {
  World world{1};
  SimulatedRun run{world};
  run.run_until([&] { return run.master.checkpoint_stats().completed == 1; });
  const Asked first = ask(run, Then::kGoOn);
  const Asked second = ask(run, Then::kGoOn);
  EXPECT_EQ(run.run().state, JobState::kFinished);
  EXPECT_EQ(output_fault(world), "");
  ASSERT_TRUE(first.result()) << first.result().error().message();
  ASSERT_TRUE(second.result());
  EXPECT_NE(first.path(), second.path());
  EXPECT_EQ(value_or_throw(load_checkpoint(world.files, first.path())).kind, CheckpointKind::kSavepoint);
  EXPECT_EQ(std::ranges::count(run.factory.completed, first.result()->id), 0) << "the sinks commit nothing with it";
  EXPECT_EQ(folders_in(world, "/sp").size(), 2U);
}

TEST_F(JobMasterSavepointTest, WhoAskedForASavepointThatFailsIsToldOperatorSubtaskPhaseAndCause) {
  World world{1};
  SimulatedRun run{world};
  run.run_until([&] { return run.master.checkpoint_stats().completed == 1; });
  world.faults.decline_one_in = 1;
  const Asked declined = ask(run, Then::kGoOn);
  run.run_until([&] { return declined.answered(); });
  EXPECT_THAT(declined.result().error().message(), testing::AllOf(HasSubstr("declined"), HasSubstr("numbers -> files ("),
                                                                   HasSubstr("no mood")));
  world.faults = {.ignore_one_in = 1};
  const Asked expired = ask(run, Then::kGoOn);
  run.run_until([&] { return expired.answered(); });
  EXPECT_THAT(expired.result().error().message(), testing::AllOf(HasSubstr("expired"), HasSubstr("waited for numbers -> files (")));
  const std::vector<CheckpointReport> told = run.master.checkpoints();
  EXPECT_TRUE(std::ranges::any_of(told, [&](const CheckpointReport& each) {
    return each.glance.is_savepoint && each.glance.failure == expired.result().error().message();
  })) << "and so is everybody else";
}

TEST_F(JobMasterSavepointTest, ACancelledJobGoesOnFromItsSavepoint) {
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    SCOPED_TRACE(seed);
    World world{seed};
    Asked asked;
    {
      SimulatedRun run{world, without_interval()};
      run.run_until([&] { return run.master.status().state == JobState::kRunning; });
      run_steps(run, seed * 3);
      asked = ask(run, Then::kCancel);
      EXPECT_EQ(run.run().state, JobState::kCancelled);
      EXPECT_TRUE(world.committed.empty());
    }
    ASSERT_TRUE(asked.result()) << asked.result().error().message();
    SimulatedRun again{world, without_interval(), {Resume::Kind::kPath, asked.path()}};
    EXPECT_EQ(again.run().state, JobState::kFinished);
    EXPECT_EQ(output_fault(world), "");
    EXPECT_TRUE(load_checkpoint(world.files, asked.path()));
  }
}

TEST_F(JobMasterSavepointTest, NothingCommitsBehindTheSavepointThatAJobIsCancelledWith) {
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    SCOPED_TRACE(seed);
    World world{seed};
    SimulatedRun run{world};
    run.run_until([&] { return run.master.checkpoint_stats().completed == 1; });
    run_steps(run, seed * 3);
    const Asked asked = ask(run, Then::kCancel);
    ASSERT_EQ(run.run().state, JobState::kCancelled);
    ASSERT_TRUE(asked.result()) << asked.result().error().message();
    EXPECT_EQ(run.master.outcome().cancelled_savepoint, asked.path());
    for (const CheckpointId id : run.factory.completed) EXPECT_LT(id, asked.result()->id);
  }
}

// Whatever else happens to it meanwhile: who cancels it is told of a savepoint to go on from, or that it goes on.
TEST_F(JobMasterSavepointTest, AFailureNeverTakesTheSavepointFromACancelledJob) {
  int cancelled = 0;
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    SCOPED_TRACE(seed);
    World world{seed};
    world.faults = {.decline_one_in = 0, .ignore_one_in = 0, .fail_one_in = 20, .fail_commit_one_in = 0, .fail_at_start = {}};
    SimulatedRun run{world, SimulatedRun::restarting(100'000)};
    run.run_until([&] { return run.master.status().state == JobState::kRunning; });
    run_steps(run, seed % 50);
    const Asked asked = ask(run, Then::kCancel);
    const JobOutcome& outcome = run.run();
    ASSERT_TRUE(asked.answered());
    ASSERT_EQ(outcome.state == JobState::kCancelled, asked.result().has_value());
    if (outcome.state != JobState::kCancelled) continue;
    ++cancelled;
    EXPECT_EQ(outcome.cancelled_savepoint, asked.path());
  }
  EXPECT_GT(cancelled, 20);
}

TEST_F(JobMasterSavepointTest, AStoppedOrDrainedJobGoesOnFromItsSavepoint) {
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    SCOPED_TRACE(seed);
    World world{seed};
    Asked asked;
    {
      SimulatedRun run{world};
      run.run_until([&] { return run.master.status().state == JobState::kRunning; });
      run_steps(run, seed * 5);
      asked = ask(run, seed % 2 == 0 ? Then::kStop : Then::kDrain);
      EXPECT_EQ(run.run().state, JobState::kStopped);
      EXPECT_EQ(run.master.outcome().stopped_checkpoint, asked.path());
      EXPECT_EQ(run.master.outcome().kept, asked.path());
    }
    ASSERT_TRUE(asked.result()) << asked.result().error().message();
    EXPECT_EQ(value_or_throw(load_checkpoint(world.files, asked.path())).kind, CheckpointKind::kStopSavepoint);
    SimulatedRun again{world};
    EXPECT_EQ(again.run().state, JobState::kFinished);
    EXPECT_EQ(again.factory.last_start.drained, seed % 2 != 0);
    EXPECT_EQ(output_fault(world, again.factory.last_start), "") << "a drained one reads nothing more";
    EXPECT_TRUE(load_checkpoint(world.files, asked.path())) << "it belongs to the user";
  }
}

TEST_F(JobMasterSavepointTest, ACheckpointOutOfTurnIsCompleteWhenItIsAnswered) {
  World world{3};
  SimulatedRun run{world, without_interval()};
  run.run_until([&] { return run.master.status().state == JobState::kRunning; });
  const Asked asked = ask(run, Then::kGoOn, What::kCheckpoint);
  run.run_until([&] { return asked.answered(); });
  ASSERT_TRUE(asked.result());
  EXPECT_EQ(run.master.checkpoint_stats().last_completed->id, asked.result()->id);
}

TEST_F(JobMasterSavepointTest, AResumeThatDoesNotFitThePlanLeavesEverythingAsItWas) {
  World world{1};
  value_or_throw(world.files.make_directories("/sp"));
  CheckpointMetadata foreign{.job = "count", .id = 7, .attempt = 3, .kind = CheckpointKind::kSavepoint, .operators = {}};
  foreign.operators.push_back({.uid = "gone", .name = "gone", .parallelism = 1, .max_parallelism = 4096, .states = {}, .subtasks = {}});
  foreign.operators[0].subtasks.push_back({.uid = "gone", .subtask = 0});
  foreign.operators[0].subtasks[0].list_states.push_back({"position", Redistribution::kSplit, "\"string\"", {"1"}});
  value_or_throw(write_metadata_file(world.files, "/sp", foreign));
  SimulatedRun run{world, SimulatedRun::restarting(1000), {Resume::Kind::kPath, "/sp", 5}};
  EXPECT_EQ(run.run().state, JobState::kFailed);
  EXPECT_THAT(run.master.outcome().error->message(), HasSubstr("restoring '/sp'"));
  EXPECT_EQ(run.factory.attempts, 0);
  EXPECT_FALSE(world.files.stat("/state/count/CURRENT"));
  EXPECT_FALSE(world.files.stat("/sp/_claim"));
}

TEST_F(JobMasterSavepointTest, WithoutAFolderOrAStoreItIsRefused) {
  World world{1};
  SimulatedRun run{world};
  run.run_until([&] { return run.master.status().state == JobState::kRunning; });
  const Asked nowhere = ask(run, Then::kGoOn, What::kSavepoint, "");
  run.run_until([&] { return nowhere.answered(); });
  EXPECT_THAT(nowhere.result().error().message(), HasSubstr("execution.checkpointing.savepoint-dir"));

  World bare{1};
  SimulatedRun without_store{bare, without_interval(), {}, false};
  without_store.run_until([&] { return without_store.master.status().state == JobState::kRunning; });
  for (const Then then : {Then::kGoOn, Then::kStop, Then::kCancel}) {
    const Asked asked = ask(without_store, then);
    without_store.run_until([&] { return asked.answered(); });
    EXPECT_THAT(asked.result().error().message(), HasSubstr("--checkpoint-dir"));
  }
  EXPECT_EQ(without_store.run().state, JobState::kFinished);
}

TEST_F(JobMasterSavepointTest, BeforeTheTasksRunItIsRefused) {
  World world{1};
  SimulatedRun run{world};
  const Asked asked = ask(run, Then::kGoOn);
  EXPECT_EQ(run.run().state, JobState::kFinished);
  EXPECT_THAT(asked.result().error().message(), HasSubstr("ask again when it is running"));
}

TEST_F(JobMasterSavepointTest, TheDefaultFolderIsThatOfTheOptions) {
  World world{1};
  JobMasterOptions options = without_interval();
  options.savepoint_dir = "/default";
  SimulatedRun run{world, options};
  run.run_until([&] { return run.master.status().state == JobState::kRunning; });
  const Asked asked = ask(run, Then::kGoOn, What::kSavepoint, "");
  run.run();
  EXPECT_EQ(folders_in(world, "/default").size(), 1U);
}

// A full disk under the savepoints, from the n-th operation there on, and then free again.
TEST_F(JobMasterSavepointTest, AFailureAtAnyOperationFailsTheRequestAloneAndLeavesNothing) {
  for (const Then then : {Then::kGoOn, Then::kStop, Then::kCancel, Then::kDrain}) {
    bool reached = true;
    for (int at = 0; reached; ++at) {
      SCOPED_TRACE(std::to_string(static_cast<int>(then)) + ", operation " + std::to_string(at));
      World world{static_cast<std::uint64_t>(at) + 1};
      SimulatedRun run{world, SimulatedRun::restarting(1000)};
      run.run_until([&] { return run.master.checkpoint_stats().completed == 1; });
      int seen = 0;
      world.files.set_hook([&](FileOperation operation, const std::string& path) -> std::optional<Error> {
        if (!path.starts_with("/sp") || !changes_files(operation) || seen++ != at) return std::nullopt;
        return Error{ErrorCode::kResourceExhausted, "no space left on device"};
      });
      const Asked asked = ask(run, then);
      const JobState end = run.run().state;
      reached = seen > at;
      ASSERT_TRUE(asked.answered());
      if (asked.result()) {
        EXPECT_TRUE(load_checkpoint(world.files, asked.path()));
        continue;
      }
      EXPECT_EQ(end, JobState::kFinished);
      EXPECT_THAT(asked.result().error().message(), HasSubstr("no space left on device"));
      EXPECT_EQ(output_fault(world), "");
      EXPECT_THAT(folders_in(world, "/sp"), testing::IsEmpty());
      ASSERT_FALSE(HasFailure());
    }
  }
}

TEST_F(JobMasterSavepointTest, AllFaultsTogetherAnswerEveryRequestAndStillCommitExactlyOnce) {
  std::size_t succeeded = 0;
  std::size_t failed = 0;
  for (std::uint64_t seed = 1; seed <= 120; ++seed) {
    SCOPED_TRACE(seed);
    World world{seed};
    world.faults = {
        .decline_one_in = 15, .ignore_one_in = 25, .fail_one_in = 200, .fail_commit_one_in = 25, .fail_at_start = {}};
    std::vector<Asked> all;
    bool over = false;
    AttemptStart last_start;
    for (int life = 0; !over; ++life) {
      ASSERT_LT(life, 100);
      JobMasterOptions options = SimulatedRun::restarting(100'000);
      options.checkpoints.max_concurrent = 1 + seed % 3;
      SimulatedRun run{world, options};
      world.files.set_hook([&](FileOperation operation, const std::string&) -> std::optional<Error> {
        if (!changes_files(operation) || !world.one_in(150)) return std::nullopt;
        return Error{ErrorCode::kIo, "a bad sector"};
      });
      while (run.step()) {
        if (world.one_in(60)) all.push_back(ask(run, Then::kGoOn, world.one_in(3) ? What::kCheckpoint : What::kSavepoint));
        if (world.one_in(400)) all.push_back(ask(run, world.one_in(2) ? Then::kStop : Then::kDrain));
      }
      world.files.set_hook(nullptr);
      last_start = run.factory.last_start;
      over = run.master.outcome().state == JobState::kFinished;
      ASSERT_TRUE(over || run.master.outcome().state == JobState::kStopped) << run.master.outcome().error->message();
    }
    EXPECT_EQ(output_fault(world, last_start), "");
    for (const Asked& asked : all) {
      ASSERT_TRUE(asked.answered());
      asked.result() ? ++succeeded : ++failed;
      if (asked.path().starts_with("/sp")) {
        EXPECT_TRUE(load_checkpoint(world.files, asked.path()));
      }
    }
    if (HasFailure()) break;
  }
  EXPECT_GT(succeeded, 100U);
  EXPECT_GT(failed, 100U);
}

// Its sinks may not have committed what the savepoint holds, and time is over for its operators.
TEST_F(JobMasterSavepointTest, ADrainedJobThatDiesAtAnyStepCommitsTheRestAndReadsNothingMore) {
  bool over = false;
  int drained = 0;
  for (int steps = 0; !over; ++steps) {
    SCOPED_TRACE(steps);
    World world{static_cast<std::uint64_t>(steps) + 1};
    world.records = 400;
    {
      SimulatedRun run{world, SimulatedRun::restarting(1000)};
      run.run_until([&] { return run.master.checkpoint_stats().completed == 1; });
      ask(run, Then::kDrain);
      over = !die_after(run, world, steps);
    }
    world.pool.lose_all();
    SimulatedRun again{world, SimulatedRun::restarting(1000)};
    ASSERT_EQ(again.run().state, JobState::kFinished);
    const AttemptStart& start = again.factory.last_start;
    EXPECT_EQ(output_fault(world, start), "");
    drained += start.drained;
    if (!start.drained) continue;
    const auto kept = value_or_throw(load_checkpoint(world.files, again.master.outcome().kept));
    EXPECT_EQ(kept.kind, CheckpointKind::kFinal);
    EXPECT_TRUE(kept.drained) << "whoever goes on from there must not read on either";
    if (HasFailure()) break;
  }
  EXPECT_GT(drained, 0);
}

TEST_F(JobMasterSavepointTest, AJobThatDiesAtAnyStepOfItsStopGoesOnExactlyOnce) {
  bool over = false;
  for (int steps = 0; !over; ++steps) {
    SCOPED_TRACE(steps);
    World world{static_cast<std::uint64_t>(steps) + 1};
    world.records = 60;
    {
      SimulatedRun run{world, SimulatedRun::restarting(1000)};
      run.run_until([&] { return run.master.status().state == JobState::kRunning; });
      ask(run, Then::kStop);
      over = !die_after(run, world, steps);
    }
    world.pool.lose_all();
    SimulatedRun again{world, SimulatedRun::restarting(1000)};
    ASSERT_EQ(again.run().state, JobState::kFinished);
    EXPECT_EQ(output_fault(world), "");
    ASSERT_FALSE(HasFailure());
  }
}

TEST_F(JobMasterSavepointTest, ACancelledJobDeletesItsCheckpointsWhereItShould) {
  for (const bool retain : {true, false}) {
    World world{1};
    JobMasterOptions options = SimulatedRun::default_options();
    options.retain_on_cancellation = retain;
    SimulatedRun run{world, options};
    run.run_until([&] { return run.master.checkpoint_stats().completed == 1; });
    run.master.request_cancel();
    EXPECT_EQ(run.run().state, JobState::kCancelled);
    EXPECT_EQ(checkpoint_folders(world).size(), retain ? 1U : 0U);
    EXPECT_EQ(run.master.outcome().kept.empty(), !retain);
  }
}

}  // namespace
}  // namespace tidemark

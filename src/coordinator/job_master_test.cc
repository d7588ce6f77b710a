#include "coordinator/job_master.h"

#include <gtest/gtest.h>

#include "base/log.h"
#include "coordinator/simulated_job.h"

namespace tidemark {
namespace {

constexpr Resume kLatest{Resume::Kind::kLatest, {}};

class JobMasterTest : public testing::Test {
 protected:
  void SetUp() override {
    set_log_sink([this](std::string_view line) { log.append(line).append("\n"); });
  }
  void TearDown() override { set_log_sink({}); }
  std::string log;
};

TEST_F(JobMasterTest, AJobTakesCheckpointsAndFinishesWithItsOutputCommitted) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    World world{seed};
    SimulatedRun run{world, SimulatedRun::default_options(), {}};
    const JobOutcome& outcome = run.run();
    EXPECT_EQ(outcome.state, JobState::kFinished) << to_string(outcome.state);
    EXPECT_FALSE(outcome.error);
    EXPECT_EQ(output_fault(world), "");

    const CheckpointStats stats = run.master.checkpoint_stats();
    EXPECT_GE(stats.completed, 3u);
    EXPECT_EQ(stats.failed, 0u) << stats.last_failure;
    EXPECT_EQ(stats.in_progress, 0u);
    ASSERT_TRUE(stats.last_completed);
    EXPECT_EQ(stats.last_completed->kind, CheckpointKind::kFinal);
    EXPECT_EQ(stats.last_completed->bytes, 10u);
    EXPECT_GT(stats.last_completed->duration_ms, 0);
    EXPECT_EQ(stats.last_completed->path, outcome.kept);
    EXPECT_EQ(run.factory.completed.size(), stats.completed);
    EXPECT_EQ(checkpoint_folders(world).size(), 1u) << "older ones are deleted";
    EXPECT_TRUE(load_checkpoint(world.files, outcome.kept));
    EXPECT_TRUE(SimulatedRun::open_store(world)) << "the folder is free for the next run";
  }
}

TEST_F(JobMasterTest, KeepsAsManyCheckpointsAsItShould) {
  World world{1};
  JobMasterOptions options = SimulatedRun::default_options();
  options.checkpoints.num_retained = 3;
  SimulatedRun run{world, options};
  run.run();
  EXPECT_GT(run.master.checkpoint_stats().completed, 3u);
  EXPECT_EQ(checkpoint_folders(world).size(), 3u);
  EXPECT_EQ(value_or_throw(SimulatedRun::open_store(world))->retained().size(), 3u);
}

TEST_F(JobMasterTest, StateThatOnlyGrowsIsToldOfOnceAndItsOperatorIsNamed) {
  for (const bool expires : {false, true}) {
    log.clear();
    World world{1};
    world.records = 2000;
    world.states = {{.name = "ids", .has_ttl = expires}};
    world.state_bytes_per_checkpoint = 1'000'000;
    JobMasterOptions options = SimulatedRun::default_options();
    options.checkpoints.interval_ns = 5 * kMs;
    SimulatedRun run{world, options, {}};
    run.run();
    ASSERT_GE(run.master.checkpoint_stats().completed, 64u);
    const std::string warning = "operator 'numbers' (job.cc:1): its state has grown from 2.0 MB to 128.0 MB over 64 checkpoints";
    const std::size_t first = log.find(warning);
    EXPECT_EQ(first != std::string::npos, !expires) << log.substr(0, 2000);
    EXPECT_EQ(log.find("its state has grown", expires ? 0 : first + warning.size()), std::string::npos);
  }
}

TEST_F(JobMasterTest, RecordsReadCallForCheckpoints) {
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    World world{seed};
    JobMasterOptions options = SimulatedRun::default_options();
    options.checkpoints.interval_ns = 0;
    options.checkpoints.interval_records = 100;
    options.checkpoints.progress_period_ns = 5 * kMs;
    SimulatedRun run{world, options};
    EXPECT_EQ(run.run().state, JobState::kFinished);
    EXPECT_EQ(output_fault(world), "");
    EXPECT_GE(run.master.checkpoint_stats().completed, 3u);
    EXPECT_LE(run.master.checkpoint_stats().completed, 5u) << "400 records, and the last one";
  }
}

TEST_F(JobMasterTest, AtMostOnceCommitsAtTheIntervalAndKeepsNothing) {
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    World world{seed};
    JobMasterOptions options = SimulatedRun::default_options();
    options.checkpoints.mode = CheckpointMode::kNone;
    SimulatedRun run{world, options, {}, false};
    run.run_until([&] { return run.master.checkpoint_stats().completed == 2; });
    EXPECT_EQ(run.run().state, JobState::kFinished);
    EXPECT_EQ(output_fault(world), "");
    EXPECT_GE(run.master.checkpoint_stats().completed, 3u);
    EXPECT_FALSE(world.files.stat("/state").has_value());
    EXPECT_EQ(run.master.outcome().kept, "");
  }
}

TEST_F(JobMasterTest, AtMostOnceNeverRestartsAndLeavesWhatWasCommitted) {
  World world{1};
  JobMasterOptions options = SimulatedRun::restarting(1000);
  options.checkpoints.mode = CheckpointMode::kNone;
  SimulatedRun run{world, options, {}, false};
  run.run_until([&] { return world.committed.size() >= 2; });
  const auto committed = world.committed;
  world.faults.fail_one_in = 1;
  const JobOutcome& outcome = run.run();
  EXPECT_EQ(outcome.state, JobState::kFailed);
  EXPECT_EQ(outcome.restarts, 0u);
  EXPECT_EQ(run.factory.attempts, 1);
  EXPECT_NE(outcome.error->message().find("with execution.checkpointing.mode NONE a failed job is not restarted"),
            std::string::npos)
      << outcome.error->message();
  EXPECT_TRUE(std::ranges::includes(world.committed, committed));
}

TEST_F(JobMasterTest, TasksThatCannotBeStartedFailTheAttemptWithTheReason) {
  World world{1};
  world.faults.no_threads = 1;
  SimulatedRun run{world};
  const JobOutcome& outcome = run.run();
  EXPECT_EQ(outcome.state, JobState::kFailed);
  EXPECT_EQ(outcome.error->message(), "starting the job's tasks: the system gives no thread");

  World again{1};
  again.faults.no_threads = 2;
  SimulatedRun restarted{again, SimulatedRun::restarting(2)};
  EXPECT_EQ(restarted.run().state, JobState::kFinished);
  EXPECT_EQ(restarted.master.outcome().restarts, 2u);
  EXPECT_EQ(output_fault(again), "");
}

TEST_F(JobMasterTest, AFirstStartThatASinkRefusesLeavesTheFolderUnused) {
  const Resume anew{};
  for (const std::uint32_t restarts : {0, 2}) {
    World world{1};
    world.faults.sink_refuses = Error{ErrorCode::kIo, "sink 'files': that folder is another job's"};
    SimulatedRun refused{world, SimulatedRun::restarting(restarts), anew};
    EXPECT_EQ(refused.run().state, JobState::kFailed);
    EXPECT_EQ(refused.factory.attempts, static_cast<int>(restarts) + 1);
    world.faults.sink_refuses.reset();
    SimulatedRun again{world, SimulatedRun::default_options(), anew};
    EXPECT_EQ(again.run().state, JobState::kFinished);
    EXPECT_EQ(again.factory.last_start.attempt, restarts + 2) << "numbers are not used twice";
    EXPECT_EQ(output_fault(world), "");
  }
}

TEST_F(JobMasterTest, AStartThatFailsWhenTheSinksHadAgreedHasUsedTheFolder) {
  World world{1};
  world.faults.fail_at_start = Error{ErrorCode::kUserCode, "open(): no connection"};
  SimulatedRun run{world, SimulatedRun::default_options(), Resume{}};
  EXPECT_EQ(run.run().state, JobState::kFailed);
  const auto again = SimulatedRun::open_store(world, Resume{});
  ASSERT_FALSE(again);
  EXPECT_NE(again.error().message().find("--resume"), std::string::npos);
}

TEST_F(JobMasterTest, ARunThatIsRefusedAtARestartHasUsedTheFolder) {
  World world{1};
  SimulatedRun run{world, SimulatedRun::restarting(1), Resume{}};
  run.run_until([&] { return run.master.status().state == JobState::kRunning; });
  world.faults.sink_refuses = Error{ErrorCode::kIo, "sink 'files': the disk is gone"};
  world.faults.fail_one_in = 1;
  EXPECT_EQ(run.run().state, JobState::kFailed);
  EXPECT_FALSE(SimulatedRun::open_store(world, Resume{}));
}

TEST_F(JobMasterTest, WithoutAStoreOnlyTheLastCheckpointRunsAndCommits) {
  World world{1};
  SimulatedRun run{world, SimulatedRun::default_options(), {}, false};
  EXPECT_EQ(run.run().state, JobState::kFinished);
  EXPECT_EQ(output_fault(world), "");
  EXPECT_EQ(run.master.checkpoint_stats().completed, 1u);
  EXPECT_EQ(run.master.outcome().kept, "");
}

TEST_F(JobMasterTest, WithoutAStoreARestartBeginsAnew) {
  World world{1};
  world.faults.fail_one_in = 150;
  SimulatedRun run{world, SimulatedRun::restarting(1000), {}, false};
  EXPECT_EQ(run.run().state, JobState::kFinished);
  EXPECT_GT(run.factory.attempts, 1);
  EXPECT_FALSE(run.factory.last_start.restored);
  EXPECT_EQ(output_fault(world), "");
}

TEST_F(JobMasterTest, WithoutAStoreAFailedCommitIsNotRepeatedFromTheBeginning) {
  World world{3};
  world.faults.fail_commit_one_in = 1;
  SimulatedRun run{world, SimulatedRun::restarting(1000), {}, false};
  const JobOutcome& outcome = run.run();
  EXPECT_EQ(outcome.state, JobState::kFailed);
  EXPECT_EQ(run.factory.attempts, 1);
  ASSERT_TRUE(outcome.error);
  EXPECT_NE(outcome.error->message().find("--checkpoint-dir"), std::string::npos) << outcome.error->message();
}

TEST_F(JobMasterTest, ADeclinedCheckpointIsCountedAndNamesOperatorPhaseAndCause) {
  World world{1};
  world.faults.decline_one_in = 4;
  SimulatedRun run{world};
  EXPECT_EQ(run.run().state, JobState::kFinished);
  EXPECT_EQ(output_fault(world), "");
  const CheckpointStats stats = run.master.checkpoint_stats();
  EXPECT_GT(stats.failed, 0u);
  EXPECT_EQ(stats.in_progress, 0u);
  EXPECT_NE(stats.last_failure.find("declined"), std::string::npos) << stats.last_failure;
  EXPECT_NE(stats.last_failure.find("numbers -> files ("), std::string::npos) << stats.last_failure;
  EXPECT_NE(stats.last_failure.find("no mood"), std::string::npos) << stats.last_failure;
  EXPECT_NE(log.find(stats.last_failure), std::string::npos) << "it stands in the log";
  EXPECT_EQ(run.factory.aborted.size(), stats.failed);
  EXPECT_EQ(checkpoint_folders(world).size(), 1u) << "what aborted ones left is discarded";
}

TEST_F(JobMasterTest, TheHistorySaysWhichCheckpointsAreThereStill) {
  World world{1};
  SimulatedRun run{world};
  ASSERT_EQ(run.run().state, JobState::kFinished);
  const std::vector<CheckpointReport> told = run.master.checkpoints();
  ASSERT_GT(told.size(), 2u);
  for (const CheckpointReport& each : told) {
    EXPECT_EQ(each.glance.is_deleted, !world.files.stat(each.glance.path)) << each.glance.path;
    EXPECT_EQ(each.glance.acknowledged, each.glance.tasks);
  }
  EXPECT_FALSE(told.front().glance.is_deleted);
}

TEST_F(JobMasterTest, ACheckpointThatATaskIgnoresExpiresAndNamesTheTask) {
  World world{1};
  world.faults.ignore_one_in = 3;
  SimulatedRun run{world};
  EXPECT_EQ(run.run().state, JobState::kFinished);
  EXPECT_EQ(output_fault(world), "");
  const CheckpointStats stats = run.master.checkpoint_stats();
  EXPECT_GT(stats.failed, 0u);
  EXPECT_NE(stats.last_failure.find("expired"), std::string::npos) << stats.last_failure;
  EXPECT_NE(stats.last_failure.find("waited for numbers -> files ("), std::string::npos) << stats.last_failure;
}

TEST_F(JobMasterTest, MoreFailuresThanToleratedFailTheJob) {
  World world{1};
  world.faults.decline_one_in = 1;
  JobMasterOptions options = SimulatedRun::default_options();
  options.checkpoints.tolerable_failures = 2;
  SimulatedRun run{world, options};
  EXPECT_EQ(run.run().state, JobState::kFailed);
  EXPECT_EQ(run.master.checkpoint_stats().failed, 3u);
  EXPECT_NE(run.master.outcome().error->message().find("no mood"), std::string::npos);
}

TEST_F(JobMasterTest, AFullDiskFailsCheckpointsAndTheJobGoesOn) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    World world{seed};
    world.records = 400;
    SimulatedRun run{world};
    run.run_until([&] { return run.master.checkpoint_stats().completed == 2; });
    const std::string before = run.master.checkpoint_stats().last_completed->path;
    world.files.set_hook([](FileOperation operation, const std::string& path) -> std::optional<Error> {
      if (operation != FileOperation::kAppend && operation != FileOperation::kMakeDirectories) return std::nullopt;
      return Error{ErrorCode::kResourceExhausted, "'" + path + "': no space left on the device; free some"};
    });
    run.run_until([&] { return run.master.checkpoint_stats().failed >= 3; });
    EXPECT_EQ(run.master.status().state, JobState::kRunning);
    EXPECT_EQ(run.master.checkpoint_stats().last_completed->path, before);
    EXPECT_TRUE(load_checkpoint(world.files, before));
    EXPECT_NE(run.master.checkpoint_stats().last_failure.find("no space left"), std::string::npos);
    world.files.set_hook(nullptr);
    EXPECT_EQ(run.run().state, JobState::kFinished);
    EXPECT_EQ(output_fault(world), "");
    EXPECT_EQ(checkpoint_folders(world).size(), 1u);
  }
}

TEST_F(JobMasterTest, AFailedTaskRestartsTheJobFromItsNewestCheckpoint) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    World world{seed};
    SimulatedRun run{world, SimulatedRun::restarting(1000)};
    run.run_until([&] { return run.master.checkpoint_stats().completed == 2; });
    world.faults.fail_one_in = 1;
    run.run_until([&] { return run.master.status().restarts == 1; });
    world.faults.fail_one_in = 0;
    const std::string newest = run.master.checkpoint_stats().last_completed->path;
    run.run_until([&] { return run.master.status().attempt == 2; });
    EXPECT_EQ(run.master.status().resumed_path, newest);
    EXPECT_TRUE(run.factory.last_start.restored);
    ASSERT_TRUE(run.master.status().restored);
    EXPECT_EQ(run.master.status().restored->path, newest);
    EXPECT_EQ(run.master.status().restores, 1u);
    EXPECT_LT(run.master.status().running_since_ms, 0);
    EXPECT_GE(run.master.status().down_since_ms, 0) << "it is down since it failed";
    EXPECT_EQ(run.factory.last_start.attempt, 2u);
    EXPECT_EQ(run.run().state, JobState::kFinished);
    EXPECT_EQ(run.master.outcome().restarts, 1u);
    EXPECT_EQ(output_fault(world), "");
    EXPECT_NE(log.find("attempt 1 failed; restarting at once: restart 1 of 1000: operator 'numbers': bad luck"), std::string::npos)
        << log;
    EXPECT_NE(log.find("resumed from checkpoint"), std::string::npos) << log;
  }
}

TEST_F(JobMasterTest, TheFirstFailureEndsAJobThatDoesNotRestartWithTheOriginalError) {
  World world{1};
  world.faults.fail_one_in = 50;
  SimulatedRun run{world};
  const JobOutcome& outcome = run.run();
  EXPECT_EQ(outcome.state, JobState::kFailed);
  EXPECT_EQ(outcome.error->message(), "operator 'numbers': bad luck");
  EXPECT_EQ(outcome.error->code(), ErrorCode::kUserCode);
}

TEST_F(JobMasterTest, WhenTheRestartsAreUsedUpTheErrorSaysHowMany) {
  World world{1};
  world.faults.fail_one_in = 1;
  SimulatedRun run{world, SimulatedRun::restarting(2)};
  const JobOutcome& outcome = run.run();
  EXPECT_EQ(outcome.state, JobState::kFailed);
  EXPECT_EQ(outcome.error->message(), "operator 'numbers': bad luck (after 2 restarts)");
  EXPECT_EQ(run.factory.attempts, 3);
}

TEST_F(JobMasterTest, AStoppedJobKeepsItsCheckpointAndGoesOnFromIt) {
  World world{1};
  std::string stopped;
  {
    SimulatedRun run{world};
    run.run_until([&] { return run.master.checkpoint_stats().completed == 1; });
    run.master.request_stop();
    run.master.request_stop();
    const JobOutcome& outcome = run.run();
    EXPECT_EQ(outcome.state, JobState::kStopped);
    stopped = outcome.stopped_checkpoint;
    EXPECT_EQ(outcome.kept, stopped);
    EXPECT_EQ(value_or_throw(load_checkpoint(world.files, stopped)).kind, CheckpointKind::kStop);
  }
  SimulatedRun again{world};
  EXPECT_EQ(again.run().state, JobState::kFinished);
  EXPECT_EQ(again.master.status().resumed_path, stopped);
  EXPECT_EQ(output_fault(world), "");
}

TEST_F(JobMasterTest, AStopAtAnyMomentEndsTheJobInOrder) {
  for (int at = 0; at < 400; at += 2) {
    World world{static_cast<std::uint64_t>(at)};
    world.records = 60;
    world.faults.fail_one_in = 100;
    {
      SimulatedRun run{world, SimulatedRun::restarting(1000)};
      for (int i = 0; i < at && run.step(); ++i) {
      }
      run.master.request_stop();
      const JobState end = run.run().state;
      EXPECT_TRUE(end == JobState::kStopped || end == JobState::kFinished) << to_string(end);
    }
    SimulatedRun again{world, SimulatedRun::restarting(1000)};
    EXPECT_EQ(again.run().state, JobState::kFinished);
    EXPECT_EQ(output_fault(world), "");
  }
}

TEST_F(JobMasterTest, ACancelInEveryStateEndsTheJobAndLosesNothing) {
  std::set<JobState> cancelled_in;
  for (int at = 0; at < 500; ++at) {
    World world{static_cast<std::uint64_t>(at / 4)};
    world.records = 60;
    world.faults.fail_one_in = 30;
    {
      SimulatedRun run{world, SimulatedRun::restarting(1000)};
      for (int i = 0; i < at && run.step(); ++i) {
      }
      if (at % 2 == 0) {
        run.master.request_stop();
        for (int i = 0; i < 5 && run.step(); ++i) {
        }
      }
      const JobState before = run.master.status().state;
      run.master.request_cancel();
      const JobState end = run.run().state;
      if (!is_over(before)) {
        EXPECT_EQ(end, JobState::kCancelled) << "in state " << to_string(before);
        cancelled_in.insert(before);
      }
    }
    SimulatedRun again{world, SimulatedRun::restarting(1000)};
    EXPECT_EQ(again.run().state, JobState::kFinished);
    EXPECT_EQ(output_fault(world), "");
  }
  for (const JobState state : {JobState::kInitializing, JobState::kStarting, JobState::kRunning, JobState::kStopping,
                               JobState::kFinishing, JobState::kFailing, JobState::kRestarting}) {
    EXPECT_TRUE(cancelled_in.contains(state)) << to_string(state);
  }
}

TEST_F(JobMasterTest, ASecondProcessOnTheFolderIsRefused) {
  World world{1};
  SimulatedRun run{world};
  run.run_until([&] { return run.master.checkpoint_stats().completed == 1; });
  const auto second = SimulatedRun::open_store(world);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code(), ErrorCode::kFailedPrecondition);
  EXPECT_EQ(run.run().state, JobState::kFinished);
}

TEST_F(JobMasterTest, AZombieFailsAndTouchesNothing) {
  World world{1};
  SimulatedRun run{world, SimulatedRun::restarting(1000)};
  run.run_until([&] { return run.master.checkpoint_stats().completed == 1; });
  const std::string kept = run.master.checkpoint_stats().last_completed->path;
  const std::string path = "/state/count/CURRENT";
  CheckpointPointer pointer = value_or_throw(decode_pointer(value_or_throw(read_file(world.files, path)), path));
  ++pointer.attempt;
  value_or_throw(replace_file(world.files, path, encode_pointer(pointer)));

  const JobOutcome& outcome = run.run();
  EXPECT_EQ(outcome.state, JobState::kFailed);
  EXPECT_NE(outcome.error->message().find("taken over"), std::string::npos) << outcome.error->message();
  EXPECT_EQ(run.factory.attempts, 1) << "it doesn't start again";
  EXPECT_EQ(value_or_throw(decode_pointer(value_or_throw(read_file(world.files, path)), path)), pointer);
  EXPECT_TRUE(load_checkpoint(world.files, kept));
}

TEST_F(JobMasterTest, WhetherThePointerMovedIsReadAgainByTheNextAttempt) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    World world{seed};
    SimulatedRun run{world, SimulatedRun::restarting(1000)};
    run.run_until([&] { return run.master.checkpoint_stats().completed == 1; });
    bool renamed = false;
    bool refused = false;
    world.files.set_hook([&](FileOperation operation, const std::string& path) -> std::optional<Error> {
      if (operation == FileOperation::kRename && path.find("CURRENT") != std::string::npos) renamed = true;
      if (operation != FileOperation::kSyncDirectory || !renamed || refused) return std::nullopt;
      refused = true;
      return Error{ErrorCode::kIo, "the device is gone for a moment"};
    });
    run.run_until([&] { return refused && run.master.status().attempt == 2; });
    world.files.set_hook(nullptr);
    EXPECT_TRUE(refused);
    EXPECT_EQ(run.run().state, JobState::kFinished);
    EXPECT_EQ(output_fault(world), "");
  }
}

TEST_F(JobMasterTest, ADamagedCheckpointFailsTheStartAndAnOlderOneIsOffered) {
  World world{1};
  JobMasterOptions options = SimulatedRun::default_options();
  options.checkpoints.num_retained = 2;
  options.restart = FixedDelayRestart{1000, 50 * kMs};
  {
    SimulatedRun run{world, options};
    run.run_until([&] { return run.master.checkpoint_stats().completed == 3; });
    run.master.request_stop();
    run.run();
  }
  world.faults.fail_at_start = Error{ErrorCode::kDataLoss, "block 3 of 'numbers-0' is damaged"};
  SimulatedRun run{world, options};
  const JobOutcome& outcome = run.run();
  EXPECT_EQ(outcome.state, JobState::kFailed);
  const std::string& message = outcome.error->message();
  EXPECT_NE(message.find("block 3 of 'numbers-0' is damaged"), std::string::npos) << message;
  EXPECT_NE(message.find("--resume=/state/count/chk-"), std::string::npos) << message;
  EXPECT_EQ(run.factory.attempts, 1) << "trying again doesn't help";
}

TEST_F(JobMasterTest, IdsGoOnOverRestartsAndRuns) {
  World world{1};
  world.faults.fail_one_in = 100;
  SimulatedRun run{world, SimulatedRun::restarting(1000)};
  run.run();
  EXPECT_GT(run.factory.attempts, 2);
  EXPECT_TRUE(std::ranges::is_sorted(run.factory.completed));
  EXPECT_EQ(std::ranges::adjacent_find(run.factory.completed), run.factory.completed.end());
}

TEST_F(JobMasterTest, AllFaultsTogetherStillCommitExactlyOnce) {
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    SCOPED_TRACE(seed);
    World world{seed};
    world.faults = {
        .decline_one_in = 9, .ignore_one_in = 11, .fail_one_in = 200, .fail_commit_one_in = 15, .fail_at_start = {}};
    JobMasterOptions options = SimulatedRun::restarting(100'000);
    options.checkpoints.max_concurrent = 1 + seed % 3;
    options.checkpoints.num_retained = 1 + seed % 2;
    world.files.set_hook([&](FileOperation operation, const std::string&) -> std::optional<Error> {
      if (!changes_files(operation) || !world.one_in(60)) return std::nullopt;
      return Error{ErrorCode::kIo, "a bad sector"};
    });
    std::optional<SimulatedRun> run;
    try {
      run.emplace(world, options);
    } catch (const Error&) {
      continue;  // the folder could not be opened
    }
    const JobOutcome& outcome = run->run();
    EXPECT_EQ(outcome.state, JobState::kFinished) << (outcome.error ? outcome.error->message() : "");
    EXPECT_EQ(output_fault(world), "");
    if (HasFailure()) break;
  }
}

}  // namespace
}  // namespace tidemark

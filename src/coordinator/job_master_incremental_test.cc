// Incremental checkpoints of a whole job: whatever fails, what is restored is whole, and a clean end leaves of the shared
// files those that the kept checkpoints list, and no other.
#include <gtest/gtest.h>

#include "base/log.h"
#include "coordinator/simulated_job.h"
#include "snapshot/snapshot_folder.h"

namespace tidemark {
namespace {

class JobMasterIncrementalTest : public testing::Test {
 protected:
  void SetUp() override {
    set_log_sink([](std::string_view) {});
  }
  void TearDown() override { set_log_sink({}); }
};

std::uint64_t kept_files(World& world, const std::string& checkpoint) {
  std::uint64_t count = 0;
  const CheckpointMetadata metadata = value_or_throw(load_checkpoint(world.files, checkpoint));
  for (const auto& op : metadata.operators) {
    for (const OperatorSnapshot& subtask : op.subtasks) count += subtask.keyed_files.size();
  }
  return count;
}

TEST_F(JobMasterIncrementalTest, ACleanEndLeavesTheFilesThatAreListed) {
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    SCOPED_TRACE(seed);
    World world{seed};
    world.records = 300;
    world.faults = {.decline_one_in = 9, .ignore_one_in = 25, .fail_one_in = 300, .fail_at_start = std::nullopt};
    JobMasterOptions options = SimulatedRun::incremental(SimulatedRun::restarting(1000));
    options.checkpoints.num_retained = 1 + seed % 3;
    options.checkpoints.max_concurrent = 1 + seed % 4;
    SimulatedRun run{world, options};
    ASSERT_EQ(run.run().state, JobState::kFinished);
    EXPECT_EQ(output_fault(world), "");
    EXPECT_TRUE(load_checkpoint(world.files, run.master.outcome().kept));
    EXPECT_EQ(shared_files_fault(world), "");
    EXPECT_GT(run.master.checkpoint_stats().completed, 2U);
    const auto newest = run.master.checkpoint_stats().last_completed;
    EXPECT_EQ(newest->bytes, 10U);
    EXPECT_EQ(newest->state_bytes, 5 * kept_files(world, newest->path));
  }
}

TEST_F(JobMasterIncrementalTest, SavepointsShareNothing) {
  World world{5};
  SimulatedRun run{world, SimulatedRun::incremental(SimulatedRun::default_options())};
  run.run_until([&] { return run.master.checkpoint_stats().completed == 2; });
  std::string path;
  run.master.request_snapshot(
      {.what = SnapshotOrder::What::kSavepoint, .then = SnapshotOrder::Then::kStop, .dir = "/sp"},
      [&](Result<SnapshotTaken> taken) { path = value_or_throw(std::move(taken)).path; });
  EXPECT_EQ(run.run().state, JobState::kStopped);
  EXPECT_TRUE(shared_files_of(value_or_throw(read_metadata_file(world.files, path))).empty());
  EXPECT_EQ(shared_files_fault(world), "");
}

TEST_F(JobMasterIncrementalTest, ACancelledJobThatKeepsNothingLeavesNoFiles) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE(seed);
    World world{seed};
    JobMasterOptions options = SimulatedRun::incremental(SimulatedRun::default_options());
    options.retain_on_cancellation = false;
    SimulatedRun run{world, options};
    run.run_until([&] { return run.master.checkpoint_stats().completed == 2; });
    run.master.request_cancel();
    EXPECT_EQ(run.run().state, JobState::kCancelled);
    EXPECT_TRUE(value_or_throw(world.files.list("/state/count/shared")).empty());
  }
}

TEST_F(JobMasterIncrementalTest, TheOptionCanBeTurnedOnAndOff) {
  World world{2};
  world.records = 2000;
  for (const bool on : {true, false, true, false}) {
    SimulatedRun run{world, SimulatedRun::incremental(SimulatedRun::default_options(), on)};
    run.run_until([&] { return run.master.checkpoint_stats().completed == 3; });
    run.master.request_stop();
    ASSERT_EQ(run.run().state, JobState::kStopped);
    EXPECT_EQ(run.factory.last_start.shared_folder, on ? "/state/count/shared" : "");
    EXPECT_EQ(shared_files_fault(world), "");
  }
  EXPECT_TRUE(value_or_throw(world.files.list("/state/count/shared")).empty());
}

TEST_F(JobMasterIncrementalTest, AFullCheckpointIsRefusedWhereTheyAreIncremental) {
  for (const bool incremental : {true, false}) {
    World world{1};
    SimulatedRun run{world, SimulatedRun::incremental(SimulatedRun::default_options(), incremental)};
    run.run_until([&] { return run.master.status().state == JobState::kRunning; });
    std::optional<Result<SnapshotTaken>> answer;
    run.master.request_snapshot({.what = SnapshotOrder::What::kCheckpoint, .is_full = true}, [&](Result<SnapshotTaken> taken) { answer = std::move(taken); });
    run.run_until([&] { return answer.has_value(); });
    EXPECT_EQ(answer->has_value(), !incremental);
    if (incremental) {
      EXPECT_NE(answer->error().message().find("take a savepoint"), std::string::npos);
    }
  }
}

}  // namespace
}  // namespace tidemark

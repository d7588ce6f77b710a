// The process or the machine dies after every single step of a job; a second run on the same files ends it.
#include <gtest/gtest.h>

#include <algorithm>

#include "base/log.h"
#include "coordinator/simulated_job.h"

namespace tidemark {
namespace {

enum class Death { kProcess, kMachine };

struct Known {
  CheckpointId newest_complete = 0;  // that the tasks were told of
  bool over = false;                 // the run ended before its death
};

/// Every other seed with incremental checkpoints.
JobMasterOptions options_of(std::uint64_t seed) {
  return SimulatedRun::incremental(SimulatedRun::restarting(1000), seed % 2 == 0);
}

/// Runs `steps` steps, then dies.
Known run_and_die(World& world, std::uint64_t seed, int steps, Death death) {
  Known known;
  {
    SimulatedRun run{world, options_of(seed)};
    for (int i = 0; i < steps && !known.over; ++i) known.over = !run.step();
    if (const auto last = run.master.checkpoint_stats().last_completed) known.newest_complete = last->id;
    // The files die first: nothing that the destructors do reaches them.
    if (death == Death::kMachine) {
      world.files.crash_machine(world.random);
    } else {
      world.files.crash_process();
    }
  }
  world.pool.lose_all();
  return known;
}

void die_at_every_step(std::uint64_t seed, Death death, int stride) {
  bool over = false;
  for (int steps = 0; !over; steps += stride) {
    SCOPED_TRACE(steps);
    World world{seed};
    world.records = 60;
    world.faults.fail_one_in = 150;
    world.faults.decline_one_in = 12;
    const Known known = run_and_die(world, seed, steps, death);
    over = known.over;
    {
      auto store = SimulatedRun::open_store(world);
      ASSERT_TRUE(store) << store.error().message();
      const auto restorable = (*store)->restorable();
      ASSERT_TRUE(restorable) << restorable.error().message();
      ASSERT_GE(*restorable ? (*restorable)->id : 0, known.newest_complete);
    }
    SimulatedRun again{world, options_of(seed)};
    ASSERT_EQ(again.run().state, JobState::kFinished);
    EXPECT_EQ(output_fault(world), "");
    ASSERT_EQ(checkpoint_folders(world).size(), 1u);
    ASSERT_EQ(shared_files_fault(world), "");
    ASSERT_FALSE(testing::Test::HasFailure());
  }
}

class JobMasterCrashTest : public testing::Test {
 protected:
  void SetUp() override {
    set_log_sink([](std::string_view) {});
  }
  void TearDown() override { set_log_sink({}); }
};

TEST_F(JobMasterCrashTest, TheProcessDiesAfterEveryStep) {
  for (const std::uint64_t seed : {1, 2}) die_at_every_step(seed, Death::kProcess, 1);
  for (std::uint64_t seed = 3; seed <= 12; ++seed) die_at_every_step(seed, Death::kProcess, 5);
}

TEST_F(JobMasterCrashTest, TheMachineDiesAfterEveryStep) {
  for (const std::uint64_t seed : {1, 2}) die_at_every_step(seed, Death::kMachine, 1);
  for (std::uint64_t seed = 3; seed <= 12; ++seed) die_at_every_step(seed, Death::kMachine, 5);
}

TEST_F(JobMasterCrashTest, ItDiesAgainAndAgain) {
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    SCOPED_TRACE(seed);
    World world{seed};
    for (int death = 0; death < 10; ++death) {
      const int steps = static_cast<int>(world.random.next() % 400);
      if (run_and_die(world, seed, steps, world.one_in(2) ? Death::kMachine : Death::kProcess).over) break;
    }
    SimulatedRun last{world, options_of(seed)};
    ASSERT_EQ(last.run().state, JobState::kFinished);
    EXPECT_EQ(output_fault(world), "");
    ASSERT_EQ(shared_files_fault(world), "");
  }
}

}  // namespace
}  // namespace tidemark

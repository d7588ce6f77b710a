#include "coordinator/master_options.h"

#include <gtest/gtest.h>

#include <chrono>

namespace tidemark {
namespace {

using std::chrono::seconds;

TEST(MasterOptionsTest, DefaultsAreThoseOfAJobWithoutACheckpointFolder) {
  const JobMasterOptions options = master_options({});
  EXPECT_EQ(options.checkpoints.interval_ns, 0);
  EXPECT_EQ(options.checkpoints.timeout_ns, 600'000'000'000);
  EXPECT_FALSE(options.checkpoints.tolerable_failures);
  EXPECT_TRUE(std::holds_alternative<NoRestart>(options.restart));
}

TEST(MasterOptionsTest, EachOptionArrives) {
  Options from;
  from.checkpointing.interval = seconds{5};
  from.checkpointing.min_pause = seconds{2};
  from.checkpointing.timeout = seconds{30};
  from.checkpointing.max_concurrent = 3;
  from.checkpointing.tolerable_failures = 4;
  from.checkpointing.mode = Options::CheckpointMode::kAtLeastOnce;
  from.checkpointing.num_retained = 6;
  from.restart = {Options::Restart::Strategy::kFixedDelay, 7, seconds{8}};
  const JobMasterOptions options = master_options(from);
  EXPECT_EQ(options.checkpoints.interval_ns, 5'000'000'000);
  EXPECT_EQ(options.checkpoints.min_pause_ns, 2'000'000'000);
  EXPECT_EQ(options.checkpoints.timeout_ns, 30'000'000'000);
  EXPECT_EQ(options.checkpoints.max_concurrent, 3u);
  EXPECT_EQ(options.checkpoints.tolerable_failures, 4u);
  EXPECT_EQ(options.checkpoints.mode, CheckpointMode::kAtLeastOnce);
  EXPECT_EQ(options.checkpoints.num_retained, 6u);
  const auto* restart = std::get_if<FixedDelayRestart>(&options.restart);
  ASSERT_NE(restart, nullptr);
  EXPECT_EQ(restart->attempts, 7u);
  EXPECT_EQ(restart->delay_ns, 8'000'000'000);
}

TEST(MasterOptionsTest, AnEndlessDurationStaysLong) {
  Options from;
  from.checkpointing.timeout = Duration::max();
  EXPECT_GT(master_options(from).checkpoints.timeout_ns, 9'000'000'000'000'000'000);
}

}  // namespace
}  // namespace tidemark

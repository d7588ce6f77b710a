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
  from.checkpointing.interval_records = 1000;
  from.checkpointing.interval_bytes = 2000;
  from.checkpointing.incremental = true;
  from.checkpointing.savepoint_dir = "/savepoints";
  from.checkpointing.retain_on_cancellation = false;
  from.lazy_recovery = false;
  from.restart.strategy = Options::Restart::Strategy::kFixedDelay;
  from.restart.fixed_delay = {7, seconds{8}};
  const JobMasterOptions options = master_options(from);
  EXPECT_EQ(options.checkpoints.interval_ns, 5'000'000'000);
  EXPECT_EQ(options.checkpoints.min_pause_ns, 2'000'000'000);
  EXPECT_EQ(options.checkpoints.timeout_ns, 30'000'000'000);
  EXPECT_EQ(options.checkpoints.max_concurrent, 3u);
  EXPECT_EQ(options.checkpoints.tolerable_failures, 4u);
  EXPECT_EQ(options.checkpoints.mode, CheckpointMode::kAtLeastOnce);
  EXPECT_EQ(options.checkpoints.num_retained, 6u);
  EXPECT_TRUE(options.incremental_checkpoints);
  EXPECT_EQ(options.savepoint_dir, "/savepoints");
  EXPECT_FALSE(options.retain_on_cancellation);
  EXPECT_FALSE(options.lazy_restore.on);
  const auto* restart = std::get_if<FixedDelayRestart>(&options.restart);
  ASSERT_NE(restart, nullptr);
  EXPECT_EQ(restart->attempts, 7u);
  EXPECT_EQ(restart->delay_ns, 8'000'000'000);
  EXPECT_EQ(options.checkpoints.interval_records, 1000u);
  EXPECT_EQ(options.checkpoints.interval_bytes, 2000u);
  from.checkpointing.mode = Options::CheckpointMode::kNone;
  EXPECT_EQ(master_options(from).checkpoints.mode, CheckpointMode::kNone);
}

TEST(MasterOptionsTest, EachRestartStrategyArrives) {
  Options from;
  from.restart.strategy = Options::Restart::Strategy::kFailureRate;
  from.restart.failure_rate = {5, seconds{20}, seconds{3}};
  const auto rate = std::get<FailureRateRestart>(master_options(from).restart);
  EXPECT_EQ(rate.max_failures, 5u);
  EXPECT_EQ(rate.interval_ns, 20'000'000'000);
  EXPECT_EQ(rate.delay_ns, 3'000'000'000);

  from.restart.strategy = Options::Restart::Strategy::kExponentialDelay;
  from.restart.exponential_delay = {seconds{2}, seconds{30}, 3.0, 0.2, seconds{100}, 9};
  const auto growing = std::get<ExponentialDelayRestart>(master_options(from).restart);
  EXPECT_EQ(growing.initial_ns, 2'000'000'000);
  EXPECT_EQ(growing.max_ns, 30'000'000'000);
  EXPECT_EQ(growing.multiplier, 3.0);
  EXPECT_EQ(growing.jitter, 0.2);
  EXPECT_EQ(growing.reset_after_ns, 100'000'000'000);
  EXPECT_EQ(growing.attempts, 9u);
  from.restart.exponential_delay.attempts.reset();
  EXPECT_FALSE(std::get<ExponentialDelayRestart>(master_options(from).restart).attempts);
}

TEST(MasterOptionsTest, AnEndlessDurationStaysLong) {
  Options from;
  from.checkpointing.timeout = Duration::max();
  EXPECT_GT(master_options(from).checkpoints.timeout_ns, 9'000'000'000'000'000'000);
}

}  // namespace
}  // namespace tidemark

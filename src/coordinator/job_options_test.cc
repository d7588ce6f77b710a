#include "coordinator/job_options.h"

#include <gmock/gmock.h>

#include <string>

namespace tidemark {
namespace {

using testing::HasSubstr;

class JobOptionsTest : public testing::Test {
 protected:
  Result<Options> options() {
    TIDEMARK_TRY(set_options(record_, order_, defaults_, "/jm/checkpoints"));
    return options_of(record_);
  }
  std::string refusal() {
    const auto result = options();
    return result ? "" : result.error().message();
  }
  JobOptions& own() { return record_.description.options; }

  JobRecord record_{.id = "77"};
  RunOrder order_;
  JobOptions defaults_;
};

TEST_F(JobOptionsTest, AJobThatSaysNothingHasCheckpointsOfItsOwnAndRestartsWithoutLimit) {
  const Options made = value_or_throw(options());
  EXPECT_EQ(made.checkpointing.dir, "/jm/checkpoints/77");
  EXPECT_EQ(made.checkpointing.interval, std::chrono::seconds{10});
  EXPECT_EQ(made.restart.strategy, Options::Restart::Strategy::kExponentialDelay);
  EXPECT_EQ(made.restart.exponential_delay.attempts, std::nullopt);
}

TEST_F(JobOptionsTest, ItsOwnWordIsStrongerThanTheClusters) {
  defaults_ = {{"execution.checkpointing.interval", "30s"}, {"execution.checkpointing.num-retained", "3"}};
  own() = {{"execution.checkpointing.interval", "1s"}, {"execution.checkpointing.dir", "file:///shared/state"},
           {"restart-strategy.exponential-delay.attempts-before-reset-backoff", "2"}};
  const Options made = value_or_throw(options());
  EXPECT_EQ(made.checkpointing.interval, std::chrono::seconds{1});
  EXPECT_EQ(made.checkpointing.num_retained, 3);
  EXPECT_EQ(made.checkpointing.dir, "/shared/state");
  EXPECT_EQ(made.restart.exponential_delay.attempts, 2);
}

TEST_F(JobOptionsTest, TheClustersFolderHasOneForEachJob) {
  defaults_ = {{"execution.checkpointing.dir", "file:///shared"}};
  EXPECT_EQ(value_or_throw(options()).checkpointing.dir, "/shared/77");
}

TEST_F(JobOptionsTest, AJobThatKeepsNothingHasNoFolder) {
  defaults_ = {{"execution.checkpointing.dir", "/shared"}, {"restart-strategy.type", "fixed-delay"}};
  own() = {{"execution.checkpointing.mode", "none"}};
  const Options made = value_or_throw(options());
  EXPECT_EQ(made.checkpointing.dir, "");
  EXPECT_EQ(made.checkpointing.mode, Options::CheckpointMode::kNone);
}

TEST_F(JobOptionsTest, WhatTheJobsProcessesGoByStandsInFrontOfItsArguments) {
  defaults_ = {{"state.backend.type", "rocksdb"}, {"execution.checkpointing.interval", "1s"}, {"restart-strategy.type", "none"}};
  EXPECT_THAT(with_defaults(defaults_, {"--input=a"}), testing::ElementsAre("--cluster-default=state.backend.type=rocksdb", "--input=a"));
  EXPECT_EQ(value_or_throw(options()).state_backend, Options::StateBackend::kHashmap) << "its processes have not said so";
}

TEST_F(JobOptionsTest, WhatAJobStartsFromIsNoDefault) {
  EXPECT_TRUE(check_defaults({{"state.backend.type", "rocksdb"}}));
  EXPECT_THAT(check_defaults({{"execution.state-recovery.path", "/s"}}).error().message(), HasSubstr("execution.state-recovery.path"));
}

TEST_F(JobOptionsTest, TheOrderSaysWhatItStartsFrom) {
  record_.description.resume = true;
  record_.description.restore_path = "/older";
  order_ = {.savepoint = "file:///savepoints/one", .allow_non_restored_state = true, .claim = true};
  const Options made = value_or_throw(options());
  EXPECT_EQ(made.restore_path, "/savepoints/one");
  EXPECT_TRUE(made.resume);
  EXPECT_TRUE(made.ignore_unclaimed_state);
  EXPECT_TRUE(made.claim);
  EXPECT_TRUE(record_.claim);
  EXPECT_EQ(record_.restore_path, "/savepoints/one");
}

TEST_F(JobOptionsTest, PathsOfTheProcessThatWasGivenThemAreRefusedByTheirKey) {
  own() = {{"execution.checkpointing.dir", "state"}};
  EXPECT_THAT(refusal(), HasSubstr("execution.checkpointing.dir: 'state' is no absolute path: name one that the JobManager"));
  own() = {{"execution.checkpointing.savepoint-dir", "./savepoints"}};
  EXPECT_THAT(refusal(), HasSubstr("execution.checkpointing.savepoint-dir: './savepoints'"));
  own() = {};
  order_.savepoint = "savepoint-1";
  EXPECT_THAT(refusal(), HasSubstr("what the job is to start from: 'savepoint-1'"));
}

TEST_F(JobOptionsTest, AnOptionThatThisVersionDoesNotKnowIsNamed) {
  own() = {{"execution.checkpointing.intervall", "1s"}};
  EXPECT_THAT(refusal(), HasSubstr("execution.checkpointing.intervall"));
}

}  // namespace
}  // namespace tidemark

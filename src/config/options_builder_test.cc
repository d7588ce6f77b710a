#include "config/options_builder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tidemark {
namespace {

using namespace std::chrono_literals;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;
using Strategy = Options::Restart::Strategy;

Result<Options> from_yaml(const std::string& text) {
  OptionsBuilder builder;
  TIDEMARK_TRY(builder.add_yaml(text, "conf.yaml"));
  return builder.finish();
}

std::string error_of(const std::string& yaml) {
  const auto options = from_yaml(yaml);
  EXPECT_FALSE(options) << yaml;
  return options ? "" : options.error().message();
}

TEST(OptionsBuilderTest, WithoutAFolderThereAreNoCheckpointsAndNoRestarts) {
  const Options options = value_or_throw(OptionsBuilder{}.finish());
  EXPECT_EQ(options.parallelism, 1);
  EXPECT_EQ(options.max_parallelism, 4096);
  EXPECT_EQ(options.checkpointing.interval, 0ms);
  EXPECT_EQ(options.checkpointing.timeout, 10min);
  EXPECT_EQ(options.checkpointing.tolerable_failures, std::nullopt);
  EXPECT_EQ(options.checkpointing.num_retained, 1);
  EXPECT_FALSE(options.checkpointing.incremental);
  EXPECT_EQ(options.restart.strategy, Strategy::kNone);
  EXPECT_FALSE(options.resume);
  EXPECT_FALSE(options.cpu_pinning);
}

TEST(OptionsBuilderTest, AFolderBringsAnIntervalAndRestartsUnlessTheyAreSet) {
  const Options with_folder = value_or_throw(from_yaml("execution.checkpointing.dir: state"));
  EXPECT_EQ(with_folder.checkpointing.interval, 10s);
  EXPECT_EQ(with_folder.restart.strategy, Strategy::kExponentialDelay);
  EXPECT_EQ(with_folder.restart.exponential_delay.attempts, 5);
  EXPECT_EQ(with_folder.restart.exponential_delay.initial, 1s);

  const Options set = value_or_throw(from_yaml(
      "execution.checkpointing.dir: state\nexecution.checkpointing.interval: 0\nrestart-strategy.type: none"));
  EXPECT_EQ(set.checkpointing.interval, 0s);
  EXPECT_EQ(set.restart.strategy, Strategy::kNone);
}

TEST(OptionsBuilderTest, EveryKeyIsRead) {
  const Options options = value_or_throw(from_yaml(R"(
parallelism.default: 8
pipeline:
  max-parallelism: 128
execution:
  checkpointing:
    dir: /state
    interval: 1 min
    min-pause: 500ms
    max-concurrent-checkpoints: 2
    timeout: 30s
    tolerable-failed-checkpoints: 4
    mode: AT_LEAST_ONCE
  checkpointing.num-retained: 3
  checkpointing.incremental: true
  checkpointing.externalized-checkpoint-retention: DELETE_ON_CANCELLATION
  checkpointing.savepoint-dir: /savepoints
  state-recovery.claim-mode: CLAIM
  checkpointing.interval-records: 1000000
  checkpointing.interval-bytes: 5000000000
  state-recovery.path: /state/chk-7
  state-recovery.lazy: false
restart-strategy:
  type: fixed-delay
  fixed-delay: {attempts: 9, delay: 2s}
  failure-rate: {max-failures-per-interval: 4, failure-rate-interval: 2min, delay: 3s}
  exponential-delay:
    initial-backoff: 2s
    max-backoff: 2min
    backoff-multiplier: 2.5
    jitter-factor: 0.3
    reset-backoff-threshold: 2h
    attempts-before-reset-backoff: unlimited
worker:
  threads: 4
  cpu-pinning: true
memory.state: 3gb
state.backend:
  type: rocksdb
  rocksdb.localdir: /mnt/fast
log.level: debug
)"));
  EXPECT_EQ(options.parallelism, 8);
  EXPECT_EQ(options.max_parallelism, 128);
  EXPECT_EQ(options.checkpointing.dir, "/state");
  EXPECT_EQ(options.checkpointing.interval, 1min);
  EXPECT_EQ(options.checkpointing.min_pause, 500ms);
  EXPECT_EQ(options.checkpointing.max_concurrent, 2);
  EXPECT_EQ(options.checkpointing.timeout, 30s);
  EXPECT_EQ(options.checkpointing.tolerable_failures, 4);
  EXPECT_EQ(options.checkpointing.mode, Options::CheckpointMode::kAtLeastOnce);
  EXPECT_EQ(options.checkpointing.num_retained, 3);
  EXPECT_TRUE(options.checkpointing.incremental);
  EXPECT_EQ(options.state_backend, Options::StateBackend::kRocksdb);
  EXPECT_EQ(options.rocksdb_folder, "/mnt/fast");
  EXPECT_FALSE(options.checkpointing.retain_on_cancellation);
  EXPECT_EQ(options.checkpointing.savepoint_dir, "/savepoints");
  EXPECT_TRUE(options.resume);
  EXPECT_EQ(options.restore_path, "/state/chk-7");
  EXPECT_TRUE(options.claim);
  EXPECT_FALSE(options.lazy_recovery);
  EXPECT_EQ(options.restart.strategy, Strategy::kFixedDelay);
  EXPECT_EQ(options.checkpointing.interval_records, 1'000'000);
  EXPECT_EQ(options.checkpointing.interval_bytes, 5'000'000'000);
  EXPECT_EQ(options.restart.fixed_delay.attempts, 9);
  EXPECT_EQ(options.restart.fixed_delay.delay, 2s);
  EXPECT_EQ(options.restart.failure_rate.max_failures, 4);
  EXPECT_EQ(options.restart.failure_rate.interval, 2min);
  EXPECT_EQ(options.restart.failure_rate.delay, 3s);
  EXPECT_EQ(options.restart.exponential_delay.initial, 2s);
  EXPECT_EQ(options.restart.exponential_delay.max, 2min);
  EXPECT_EQ(options.restart.exponential_delay.multiplier, 2.5);
  EXPECT_EQ(options.restart.exponential_delay.jitter, 0.3);
  EXPECT_EQ(options.restart.exponential_delay.reset_after, 2h);
  EXPECT_EQ(options.restart.exponential_delay.attempts, std::nullopt);
  EXPECT_EQ(options.worker_threads, 4);
  EXPECT_TRUE(options.cpu_pinning);
  EXPECT_EQ(options.state_memory, std::int64_t{3} << 30);
  EXPECT_EQ(options.log_level, LogLevel::kDebug);
}

TEST(OptionsBuilderTest, AnUnknownKeyNamesItsLineAndTheNearest) {
  EXPECT_EQ(error_of("\nparalelism.default: 2\n"),
            "conf.yaml:2: there is no option 'paralelism.default'; did you mean 'parallelism.default'?");
  EXPECT_THAT(error_of("execution:\n  chekpointing:\n    dir: x\n"),
              AllOf(StartsWith("conf.yaml:2: "), HasSubstr("'execution.chekpointing'"),
                    HasSubstr("did you mean 'execution.checkpointing'")));
  EXPECT_EQ(error_of("xyzzy: 1"), "conf.yaml:1: there is no option 'xyzzy'");
}

TEST(OptionsBuilderTest, AWrongValueNamesLineKeyValueAndTheExpectedForm) {
  EXPECT_EQ(error_of("\n\nparallelism.default: two"),
            "conf.yaml:3: parallelism.default: 'two' is not a whole number from 1 to 32768");
  EXPECT_THAT(error_of("execution.checkpointing.interval: 10"), HasSubstr("'10' is not a duration such as 500ms, 10s"));
  EXPECT_THAT(error_of("execution.checkpointing.mode: twice"), HasSubstr("one of EXACTLY_ONCE, AT_LEAST_ONCE, NONE"));
  EXPECT_THAT(error_of("execution.checkpointing.timeout: 1ms"), HasSubstr("at least 10ms"));
  EXPECT_THAT(error_of("execution.checkpointing.num-retained: 0"), HasSubstr("at least 1"));
  EXPECT_THAT(error_of("execution.checkpointing.tolerable-failed-checkpoints: -1"), HasSubstr("or unlimited"));
  EXPECT_THAT(error_of("execution.checkpointing.dir: ''"), HasSubstr("'' is not a path"));
}

TEST(OptionsBuilderTest, AFileOfTheWrongShapeIsRefusedWithItsLine) {
  EXPECT_THAT(error_of("a: [b\nc: d: e\n"), AllOf(StartsWith("conf.yaml:"), HasSubstr("not valid YAML")));
  EXPECT_THAT(error_of("- a\n- b\n"), HasSubstr("conf.yaml:1: expected lines of the form key: value"));
  EXPECT_THAT(error_of("parallelism.default: [1, 2]"),
              HasSubstr("conf.yaml:1: parallelism.default: expected one value"));
  EXPECT_THAT(error_of("parallelism.default:"), HasSubstr("expected one value"));
  EXPECT_THAT(error_of("restart-strategy: none"), HasSubstr("restart-strategy: expected options below it"));
  EXPECT_THAT(error_of("parallelism.default: 1\nparallelism:\n  default: 2\n"),
              HasSubstr("conf.yaml:3: parallelism.default is already set at conf.yaml:1"));
  EXPECT_THAT(error_of("parallelism.default: 1\n---\nparallelism.default: 2\n"),
              HasSubstr("expected one YAML document, found 2"));
  EXPECT_THAT(error_of("? [a]\n: b\n"), HasSubstr("expected a key"));
  EXPECT_FALSE(from_yaml("execution: &a\n  checkpointing: *a\n"));
  EXPECT_FALSE(from_yaml(std::string(100'000, '[')));
  EXPECT_THAT(error_of("# a job\n, x"), HasSubstr("conf.yaml:2: not valid YAML")) << "and comes to an end";
}

TEST(OptionsBuilderTest, AnEmptyFileIsFine) {
  EXPECT_TRUE(from_yaml(""));
  EXPECT_TRUE(from_yaml("# nothing\n"));
  EXPECT_TRUE(from_yaml("execution:\n"));
}

TEST(OptionsBuilderTest, OptionsThatContradictEachOtherAreRefusedWithBothPlaces) {
  EXPECT_THAT(
      error_of("pipeline.max-parallelism: 4\nparallelism.default: 8\n"),
      AllOf(StartsWith(
          "conf.yaml:2: parallelism.default: 8 is more than pipeline.max-parallelism, which is 4 (conf.yaml:1)")));
  EXPECT_THAT(error_of("parallelism.default: 5000\n"), HasSubstr("4096 (default)"));
  EXPECT_THAT(error_of("execution.checkpointing.interval: 1s\n"), HasSubstr("name one with --checkpoint-dir"));
  OptionsBuilder builder;
  builder.resume("");
  EXPECT_FALSE(builder.finish());
}

TEST(OptionsBuilderTest, AClaimNeedsSomethingToClaimAndAFolderForWhatReplacesIt) {
  const std::string claim = "execution.state-recovery.claim-mode: CLAIM\n";
  const std::string folder = "execution.checkpointing.dir: state\n";
  const std::string path = "execution.state-recovery.path: savepoint\n";
  EXPECT_TRUE(value_or_throw(from_yaml(claim + folder + path)).claim);
  EXPECT_THAT(from_yaml(claim + folder).error().message(), HasSubstr("--resume=PATH"));
  OptionsBuilder bare;
  value_or_throw(bare.add_yaml(claim + folder, "conf.yaml"));
  bare.resume("");
  EXPECT_THAT(bare.finish().error().message(),
              AllOf(StartsWith("conf.yaml:1: execution.state-recovery.claim-mode"),
                    HasSubstr("--resume alone claims nothing")));
  bare.resume("savepoint");
  EXPECT_TRUE(value_or_throw(bare.finish()).claim);
  EXPECT_THAT(from_yaml(claim + path).error().message(), HasSubstr("--checkpoint-dir"));
}

TEST(OptionsBuilderTest, RecordsOrBytesAloneTakeThePlaceOfTheInterval) {
  const Options alone =
      value_or_throw(from_yaml("execution.checkpointing: {dir: state, interval-records: 1000}"));
  EXPECT_EQ(alone.checkpointing.interval, 0s);
  const Options both =
      value_or_throw(from_yaml("execution.checkpointing: {dir: state, interval: 5s, interval-bytes: 1000}"));
  EXPECT_EQ(both.checkpointing.interval, 5s);
  EXPECT_THAT(error_of("execution.checkpointing.interval-records: 10"), HasSubstr("name one with --checkpoint-dir"));
}

TEST(OptionsBuilderTest, AtMostOnceKeepsNothingAndRefusesWhateverWouldGoOn) {
  const std::string none = "execution.checkpointing.mode: NONE\n";
  const Options options = value_or_throw(from_yaml(none));
  EXPECT_EQ(options.checkpointing.mode, Options::CheckpointMode::kNone);
  EXPECT_EQ(options.checkpointing.interval, 10s) << "at which its output is committed";
  EXPECT_EQ(options.restart.strategy, Strategy::kNone);
  EXPECT_EQ(value_or_throw(from_yaml(none + "execution.checkpointing.interval: 1s")).checkpointing.interval, 1s);
  EXPECT_THAT(error_of(none + "execution.checkpointing.dir: state"),
              AllOf(StartsWith("conf.yaml:2: execution.checkpointing.dir: "), HasSubstr("NONE (conf.yaml:1)")));
  EXPECT_THAT(error_of(none + "restart-strategy.type: fixed-delay"), HasSubstr("a failed job is not restarted"));
  EXPECT_THAT(error_of(none + "execution.state-recovery.path: old"), HasSubstr("can't be resumed"));
  OptionsBuilder resumed;
  value_or_throw(resumed.add_yaml(none, "conf.yaml"));
  resumed.resume("");
  EXPECT_THAT(resumed.finish().error().message(), AllOf(StartsWith("--resume: "), HasSubstr("begins anew")));
}

TEST(OptionsBuilderTest, ResumeFromTheNewestOverridesAPathOfTheFile) {
  OptionsBuilder builder;
  value_or_throw(builder.add_yaml("execution: {checkpointing.dir: state, state-recovery.path: old}", "conf.yaml"));
  builder.resume("");
  const Options options = value_or_throw(builder.finish());
  EXPECT_TRUE(options.resume);
  EXPECT_EQ(options.restore_path, "");
}

TEST(OptionsBuilderTest, EveryDescribedDefaultCanBeWritten) {
  for (const OptionDescription& option : describe_options()) {
    const bool is_text =
        option.default_text == "none" || option.default_text.find(" with a folder") != std::string::npos;
    OptionsBuilder builder;
    EXPECT_TRUE(is_text || builder.set(option.key, option.default_text, "test")) << option.key;
    EXPECT_FALSE(option.help.empty());
  }
}

TEST(OptionsBuilderTest, WhatAJobManagerAddsIsNotMissedBefore) {
  OptionsBuilder alone;
  ASSERT_TRUE(alone.set("execution.checkpointing.interval", "1s", "-D"));
  ASSERT_TRUE(alone.set("execution.state-recovery.claim-mode", "CLAIM", "-D"));
  alone.resume("");
  EXPECT_FALSE(alone.finish());
  alone.expect_folder();
  const auto options = alone.finish();
  ASSERT_TRUE(options) << options.error().message();
  EXPECT_EQ(options->checkpointing.interval, std::chrono::seconds{1});
}

}  // namespace
}  // namespace tidemark

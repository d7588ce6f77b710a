#include "config/command_line.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

namespace tidemark {
namespace {

using namespace std::chrono_literals;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

CommandLine line(std::vector<const char*> words) {
  words.insert(words.begin(), "./build/hot_items");
  return CommandLine{"hot-items", static_cast<int>(words.size()), words.data()};
}

Result<std::string> no_files(const std::string& path) {
  return fail(ErrorCode::kNotFound, "cannot open '" + path + "'");
}

std::string error_of(CommandLine& command_line) {
  const auto options = command_line.finish(no_files);
  EXPECT_FALSE(options);
  return options ? "" : options.error().message();
}

std::string error_of(std::vector<const char*> words) {
  CommandLine command_line = line(std::move(words));
  return error_of(command_line);
}

TEST(CommandLineTest, AnEmptyLineGivesTheDefaults) {
  CommandLine command_line = line({});
  EXPECT_EQ(command_line.string_arg("input", "bids/*.ndjson", "files"), "bids/*.ndjson");
  const Options options = value_or_throw(command_line.finish(no_files));
  EXPECT_EQ(options.parallelism, 1);
  EXPECT_FALSE(options.plan_only);
  EXPECT_FALSE(command_line.wants_help());
}

TEST(CommandLineTest, EngineOptionsAndArgumentsOfTheJobMix) {
  CommandLine command_line =
      line({"--parallelism", "4", "--input=x", "--checkpoint-dir=state", "--limit", "-5", "--checkpoint-interval",
            "1 s", "--ratio", "0.5", "--dry", "--resume", "--plan", "--gap", "2min", "--note", "--", "--loud=false"});
  EXPECT_EQ(command_line.string_arg("input", "", ""), "x");
  EXPECT_EQ(command_line.int64_arg("limit", 1, ""), -5);
  EXPECT_EQ(command_line.double_arg("ratio", 1, ""), 0.5);
  EXPECT_TRUE(command_line.bool_arg("dry", false, ""));
  EXPECT_FALSE(command_line.bool_arg("loud", true, ""));
  EXPECT_EQ(command_line.duration_arg("gap", 1s, ""), 2min);
  EXPECT_EQ(command_line.string_arg("note", "empty", ""), "empty");
  EXPECT_THAT(error_of(command_line), AllOf(HasSubstr("--note needs a value"), HasSubstr("unknown option '--'")));
}

TEST(CommandLineTest, WhatIsGivenForASecretIsNotRepeated) {
  CommandLine command_line = line({"--api-token", "hunter2", "--limit", "many", "--help"});
  EXPECT_EQ(command_line.int64_arg("api-token", 0, ""), 0);
  EXPECT_EQ(command_line.int64_arg("limit", 0, ""), 0);
  EXPECT_EQ(command_line.string_arg("password", "swordfish", ""), "swordfish");
  EXPECT_THAT(error_of(command_line), AllOf(HasSubstr("--api-token: '******' is not a whole number"), HasSubstr("--limit: 'many'")));
  EXPECT_THAT(command_line.help(), AllOf(HasSubstr("[******]"), Not(HasSubstr("swordfish"))));
}

TEST(CommandLineTest, WhatWasMeantForASecretIsNotRepeatedEither) {
  CommandLine command_line = line({"--api-token", "-s3cret", "-D", "s3.secret-key", "hunter2", "-D", "password:swordfish"});
  EXPECT_EQ(command_line.string_arg("api-token", "", ""), "");
  EXPECT_THAT(error_of(command_line), AllOf(HasSubstr("******"), Not(HasSubstr("s3cret'")), Not(HasSubstr("hunter2")), Not(HasSubstr("swordfish"))));
}

TEST(CommandLineTest, EngineOptionsReachTheOptions) {
  CommandLine command_line =
      line({"--parallelism", "4", "--checkpoint-dir=state", "--checkpoint-interval", "1 s", "--resume", "--plan"});
  const Options options = value_or_throw(command_line.finish(no_files));
  EXPECT_EQ(options.parallelism, 4);
  EXPECT_EQ(options.checkpointing.dir, "state");
  EXPECT_EQ(options.checkpointing.interval, 1s);
  EXPECT_TRUE(options.resume);
  EXPECT_EQ(options.restore_path, "");
  EXPECT_TRUE(options.plan_only);
}

TEST(CommandLineTest, ACheckIsOfAPathOrOfWhatIsNewest) {
  using Words = std::vector<const char*>;
  for (const bool as_json : {false, true}) {
    CommandLine of_path = line({as_json ? "--check-json=sp" : "--check=sp", "-n"});
    const Options named = value_or_throw(of_path.finish(no_files));
    EXPECT_TRUE(named.check_only && named.ignore_unclaimed_state);
    EXPECT_EQ(named.check_as_json, as_json);
    EXPECT_EQ(named.check_path, "sp");
  }
  CommandLine newest = line({"--check", "--checkpoint-dir", "state"});
  EXPECT_EQ(value_or_throw(newest.finish(no_files)).check_path, "");
  EXPECT_THAT(error_of(Words{"--check"}), HasSubstr("name a checkpoint or savepoint with --check=PATH"));
  EXPECT_THAT(error_of(Words{"--check", "sp"}), HasSubstr("unexpected 'sp'"));
}

TEST(CommandLineTest, UnclaimedStateIsIgnoredByEitherNameOrByItsKey) {
  using Words = std::vector<const char*>;
  for (const Words& words : {Words{"--allow-non-restored-state"}, Words{"-n"},
                             Words{"-D", "execution.state-recovery.ignore-unclaimed-state=true"}}) {
    CommandLine command_line = line(words);
    EXPECT_TRUE(value_or_throw(command_line.finish(no_files)).ignore_unclaimed_state);
  }
  CommandLine without = line({});
  EXPECT_FALSE(value_or_throw(without.finish(no_files)).ignore_unclaimed_state);
  EXPECT_THAT(error_of({"-D", "execution.state-recovery.ignore-unclaimed-state=yes"}), HasSubstr("true or false"));
}

TEST(CommandLineTest, ResumeTakesAPathOnlyAfterAnEqualsSign) {
  CommandLine with_path = line({"--resume=state/chk-3"});
  EXPECT_EQ(value_or_throw(with_path.finish(no_files)).restore_path, "state/chk-3");
  EXPECT_THAT(error_of({"--checkpoint-dir", "s", "--resume", "state/chk-3"}), HasSubstr("unexpected 'state/chk-3'"));
}

TEST(CommandLineTest, TheLastWordHoldsFromFileToKeyToOption) {
  const auto files = [](const std::string& path) -> Result<std::string> {
    EXPECT_EQ(path, "conf.yaml");
    return "parallelism.default: 2\nworker.threads: 2\npipeline.max-parallelism: 16\n";
  };
  CommandLine command_line =
      line({"--parallelism", "4", "-D", "parallelism.default=3", "-Dworker.threads=3", "--config", "conf.yaml"});
  const Options options = value_or_throw(command_line.finish(files));
  EXPECT_EQ(options.parallelism, 4);
  EXPECT_EQ(options.worker_threads, 3);
  EXPECT_EQ(options.max_parallelism, 16);
}

TEST(CommandLineTest, OfSeveralTheLastHolds) {
  CommandLine command_line = line({"--n", "1", "--parallelism=2", "--n=2", "--parallelism", "3"});
  EXPECT_EQ(command_line.int64_arg("n", 0, ""), 2);
  EXPECT_EQ(value_or_throw(command_line.finish(no_files)).parallelism, 3);
}

TEST(CommandLineTest, AnUnknownOptionSuggestsTheNearestOfBothGroups) {
  CommandLine command_line = line({"--inptu", "x", "--paralelism=3", "--xyzzy"});
  command_line.string_arg("input", "", "");
  EXPECT_EQ(error_of(command_line),
            "unknown option '--inptu'; did you mean '--input'?\n"
            "unknown option '--paralelism'; did you mean '--parallelism'?\n"
            "unknown option '--xyzzy'\n"
            "See hot_items --help.");
}

TEST(CommandLineTest, EveryWrongValueIsNamedAtOnce) {
  CommandLine command_line = line(
      {"--n", "x", "--gap", "1", "--dry=yes", "--parallelism", "0", "-D", "foo", "-D", "a=b", "--config", "no.yaml"});
  EXPECT_EQ(command_line.int64_arg("n", 7, ""), 7);
  EXPECT_EQ(command_line.duration_arg("gap", 1s, ""), 1s);
  EXPECT_FALSE(command_line.bool_arg("dry", false, ""));
  EXPECT_THAT(error_of(command_line),
              AllOf(HasSubstr("--n: 'x' is not a whole number"), HasSubstr("--gap: '1' is not a duration"),
                    HasSubstr("--dry: 'yes' is not true or false"),
                    HasSubstr("--parallelism: parallelism.default: '0' is not a whole number"),
                    HasSubstr("-D foo: expected KEY=VALUE"), HasSubstr("-D: there is no option 'a'"),
                    HasSubstr("--config: cannot open 'no.yaml'")));
}

TEST(CommandLineTest, AnOptionWithoutItsValueIsAnError) {
  EXPECT_THAT(error_of({"--parallelism"}), HasSubstr("--parallelism needs a value: --parallelism N"));
  EXPECT_THAT(error_of({"--checkpoint-dir", "--plan"}), HasSubstr("--checkpoint-dir needs a value"));
  EXPECT_THAT(error_of({"--plan=yes"}), HasSubstr("--plan takes no value"));
}

TEST(CommandLineTest, APatternThatTheShellExpandedIsExplained) {
  CommandLine command_line = line({"--input", "a.json", "b.json"});
  command_line.string_arg("input", "", "");
  EXPECT_THAT(error_of(command_line), AllOf(HasSubstr("unexpected 'b.json'"), HasSubstr("a pattern stands in quotes"),
                                            Not(HasSubstr("a.json'"))));
}

TEST(CommandLineTest, TheJobsDeclarationsAreChecked) {
  CommandLine command_line = line({});
  command_line.int64_arg("parallelism", 1, "");
  command_line.int64_arg("n", 1, "");
  command_line.int64_arg("n", 1, "");
  command_line.int64_arg("Bad name", 1, "");
  EXPECT_THAT(error_of(command_line), AllOf(HasSubstr("'parallelism', which is an option of Tidemark"),
                                            HasSubstr("'n' twice"), HasSubstr("'Bad name'")));
}

TEST(CommandLineTest, WhatAClusterHandsOnIsWeakerThanTheFile) {
  CommandLine command_line = line({"-D", "worker.threads=3", "--config", "job.yaml", "--cluster-default=worker.threads=1",
                                   "--cluster-default=pipeline.max-parallelism=64", "--cluster-default=state.backend.type=rocksdb"});
  const Options options = value_or_throw(command_line.finish([](const std::string&) -> Result<std::string> {
    return "pipeline.max-parallelism: 128\n";
  }));
  EXPECT_EQ(options.worker_threads, 3);
  EXPECT_EQ(options.max_parallelism, 128);
  EXPECT_EQ(options.state_backend, Options::StateBackend::kRocksdb);
  EXPECT_THAT(error_of({"--cluster-default=x"}), HasSubstr("--cluster-default x: expected KEY=VALUE"));
}

TEST(CommandLineTest, HelpShowsBothGroupsWithTheirDefaults) {
  CommandLine command_line = line({"-h", "--nonsense"});
  EXPECT_TRUE(command_line.wants_help());
  command_line.string_arg("input", "bids/*.ndjson", "files to read");
  command_line.bool_arg("dry", false, "write nothing");
  EXPECT_THAT(
      command_line.help(),
      AllOf(HasSubstr("Usage: hot_items [options]"), HasSubstr("Arguments of the job hot-items\n  --input TEXT"),
            HasSubstr("files to read [bids/*.ndjson]"), HasSubstr("--dry[=false]"), HasSubstr("write nothing [false]"),
            HasSubstr("--resume[=PATH]"), HasSubstr("--checkpoint-interval DURATION"),
            HasSubstr("execution.checkpointing.timeout\n      after it a checkpoint has failed [10min]")));
}

TEST(CommandLineTest, AnEmptyArgvIsFine) {
  CommandLine command_line{"job", 0, nullptr};
  EXPECT_TRUE(command_line.finish(no_files));
  EXPECT_THAT(command_line.help(), HasSubstr("Usage: job"));
}

}  // namespace
}  // namespace tidemark

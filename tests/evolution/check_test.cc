// The command `tidemark` against real jobs: what it says of a checkpoint is what a start does, and what docs/state.md
// says.
#include <gmock/gmock.h>

#include <cstdio>
#include <filesystem>
#include <sstream>
#include <string>
#include <vector>

#include "env/child_process.h"
#include "env/posix_file_system.h"
#include "evolution/page_snippets.h"
#include "page_code.h"
#include "pipelines/run_job.h"
#include "snapshot/checkpoint_pointer.h"
#include "snapshot/job_folder.h"
#include "snapshot/snapshot_claim.h"

namespace tidemark {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

class Check : public ::testing::Test {
 protected:
  /// Runs a line in a folder where the programs lie under the names that the documentation gives them.
  ChildEnd run(const std::string& line) {
    return value_or_throw(run_child({"sh", "-c", "cd '" + folder_.path() + "' && " + line}, 120'000));
  }
  void SetUp() override {
    std::filesystem::create_symlink(ACCOUNTS_V1, folder_ / "accounts_v1");
    std::filesystem::create_symlink(ACCOUNTS_V2, folder_ / "accounts_v2");
    std::filesystem::create_symlink(TIDEMARK_COMMAND, folder_ / "tidemark");
    ASSERT_EQ(run("./accounts_v1 --checkpoint-dir state -D log.level=error").exit_code, 0);
    ASSERT_TRUE(std::filesystem::exists(folder_ / "state/accounts/chk-1-1/_metadata"));
  }
  ChildEnd check(const std::string& words) { return run("./tidemark check -s state/accounts/chk-1-1 " + words); }

  TemporaryFolder folder_;
};

TEST_F(Check, TheSameJobFits) {
  const ChildEnd end = check("./accounts_v1");
  EXPECT_EQ(end.exit_code, 0);
  EXPECT_EQ(end.output,
            "payments   (generate)   same\n"
            "accounts   account      same\n"
            "accounts   timers       same\n"
            "All fits.\n");
  EXPECT_EQ(run("./tidemark check -s state/accounts ./accounts_v1").output, end.output)
      << "a job's folder means its newest";
  for (const char* path : {"state", "state/", "state/accounts/chk-1-1/", "state/accounts/chk-1-1/_metadata"}) {
    EXPECT_EQ(run("./tidemark check -s " + std::string{path} + " ./accounts_v1").output, end.output) << path;
  }
}

// It has completed nothing since it began with a snapshot that is not its own.
TEST_F(Check, AJobsFolderMeansWhatItsNextStartGoesOnFrom) {
  ASSERT_EQ(run("mkdir other && cp -r state/accounts/chk-1-1 other/narrow").exit_code, 0);
  ASSERT_EQ(run("./accounts_v2 --checkpoint-dir state --resume -D log.level=error").exit_code, 0);
  ASSERT_EQ(run("cp -r state/accounts/chk-2-2 other/wide").exit_code, 0);
  const auto stands_on = [&](const std::string& snapshot, bool claims) {
    CheckpointPointer pointer = *value_or_throw(read_pointer_file(posix_file_system(), folder_ / "state/accounts"));
    pointer.attempt = 3;
    pointer.restored.reset();
    pointer.claims.clear();
    if (claims) {
      pointer.claims.push_back({.path = folder_ / snapshot, .token = "7", .since = 3});
    } else {
      pointer.restored = RestoredSnapshot{.path = folder_ / snapshot, .since = 3};
    }
    value_or_throw(replace_file(posix_file_system(), folder_ / "state/accounts/CURRENT", encode_pointer(pointer)));
    const ChildEnd said = run("./tidemark check -s state/accounts ./accounts_v1");
    const ChildEnd started = run("./accounts_v1 --checkpoint-dir state --resume -D log.level=error 2>/dev/null");
    EXPECT_EQ(said.exit_code, started.exit_code) << said.output;
    return said.exit_code;
  };
  EXPECT_EQ(run("./tidemark check -s state/accounts ./accounts_v1").exit_code, 1) << "the newest checkpoint is of the next version";
  EXPECT_EQ(stands_on("other/wide", false), 1);
  EXPECT_EQ(stands_on("other/wide", true), 1);
  EXPECT_EQ(stands_on("other/narrow", false), 0);
}

TEST_F(Check, AFolderOfSeveralJobsNamesThem) {
  ASSERT_EQ(run("cp -r state/accounts state/bills").exit_code, 0);
  const ChildEnd end = run("./tidemark check -s state ./accounts_v1 2>&1");
  EXPECT_EQ(end.exit_code, 2);
  EXPECT_THAT(end.output, AllOf(HasSubstr("holds several jobs"), HasSubstr("state/accounts"), HasSubstr("state/bills")));
}

TEST_F(Check, AnotherVersionMigratesAndItsStartDoesAsItWasSaid) {
  const ChildEnd before = check("./accounts_v2");
  EXPECT_EQ(before.exit_code, 0);
  EXPECT_THAT(
      before.output,
      HasSubstr("migrates   payments: int32 -> int64 (widened); + limit: int64 = 100; owner_name -> owner (renamed)"));
  EXPECT_EQ(run("./accounts_v2 --checkpoint-dir state --resume -D log.level=error").exit_code, 0);
  const ChildEnd after = run("./tidemark check -s state/accounts/chk-2-2 ./accounts_v1");
  EXPECT_EQ(after.exit_code, 1) << "the way back is none";
  EXPECT_THAT(after.output, AllOf(HasSubstr("REFUSED    payments: int64 -> int32"),
                                  HasSubstr("1 of 3 can't be restored; nothing was touched.")));
  EXPECT_EQ(run("./accounts_v1 --checkpoint-dir state --resume -D log.level=error 2>/dev/null").exit_code, 1);
  EXPECT_EQ(run("./tidemark check -s state/accounts/chk-2-2 ./accounts_v2").exit_code, 0)
      << "and the refusal changed nothing";
}

TEST_F(Check, ArgumentsReachTheJobAndAnOrphanIsNamed) {
  const ChildEnd end = check("./accounts_v2 --uid acounts");
  EXPECT_EQ(end.exit_code, 1);
  EXPECT_THAT(
      end.output,
      HasSubstr("accounts   account      ORPHANED   no operator of the job has this uid; did you mean 'acounts'?\n"));
  const ChildEnd dropping = check("-n ./accounts_v2 --uid acounts");
  EXPECT_EQ(dropping.exit_code, 0);
  EXPECT_THAT(dropping.output, HasSubstr("dropped"));
  const std::string resume = "./accounts_v2 --uid acounts --checkpoint-dir state --resume -D log.level=error ";
  EXPECT_EQ(run(resume + "2>/dev/null").exit_code, 1);
  EXPECT_EQ(run(resume + "--allow-non-restored-state").exit_code, 0);
}

TEST_F(Check, JsonIsForScripts) {
  const ChildEnd end = check("--json ./accounts_v2");
  EXPECT_EQ(end.exit_code, 0);
  EXPECT_THAT(end.output, AllOf(HasSubstr(R"("fits": true)"), HasSubstr(R"("verdict": "migrates")"),
                                HasSubstr(R"("uid": "accounts")")));
  EXPECT_THAT(check("--json ./accounts_v2 --uid x").output,
              AllOf(HasSubstr(R"("fits": false)"), HasSubstr(R"("verdict": "orphaned")")));
  const ChildEnd unknown = run("./tidemark check --json -s nowhere ./accounts_v1 2>/dev/null");
  EXPECT_EQ(unknown.exit_code, 2);
  EXPECT_THAT(unknown.output,
              AllOf(HasSubstr(R"("fits": null)"), HasSubstr(R"("error": "tidemark check: )"), HasSubstr("nowhere")));
  EXPECT_THAT(run("./tidemark diff --json ./no-job ./accounts_v1 2>/dev/null").output,
              AllOf(HasSubstr(R"("fits": null)"), HasSubstr("no-job")));
}

TEST_F(Check, WhatAJobHasClaimedFitsThatJobAlone) {
  value_or_throw(write_claim(posix_file_system(), folder_ / "state/accounts/chk-1-1",
                             {.job = "accounts", .folder = folder_ / "owner/accounts", .token = "7"}));
  const ChildEnd end = check("./accounts_v1");
  EXPECT_EQ(end.exit_code, 1);
  EXPECT_THAT(end.output,
              AllOf(HasSubstr("claimed by the job 'accounts' with its checkpoints in '" + (folder_ / "owner/accounts") + "'"),
                    HasSubstr("1 of 4 can't be restored")));
  const ChildEnd start = run("./accounts_v1 --checkpoint-dir new --resume=state/accounts/chk-1-1 -D log.level=error 2>&1");
  EXPECT_EQ(start.exit_code, 1);
  EXPECT_THAT(start.output, HasSubstr("which has claimed it"));

  value_or_throw(write_claim(posix_file_system(), folder_ / "state/accounts/chk-1-1",
                             {.job = "accounts", .folder = folder_ / "state/accounts", .token = "7"}));
  EXPECT_EQ(run("./tidemark check -s state/accounts ./accounts_v1").exit_code, 0) << "it is the owner's folder";
}

TEST_F(Check, ASavepointOfAnotherJobDoesNotFit) {
  const ChildEnd end = run("./tidemark check -n -s '" TIDEMARK_SOURCE_DIR
                           "/tests/compat/v1/ledger/savepoint/savepoints/savepoint-job-35433d5f348a' ./accounts_v1");
  EXPECT_EQ(end.exit_code, 1);
  EXPECT_THAT(end.output, AllOf(HasSubstr("The checkpoint belongs to job 'job', not to 'accounts'"), HasSubstr("ledger")));
}

TEST_F(Check, AnIncrementalCheckpointFitsAsAWholeOneDoes) {
  const std::string job = "./accounts_v1 --checkpoint-dir chain -D execution.checkpointing.incremental=true -D log.level=error ";
  for (const std::string resume : {"", "--resume"}) ASSERT_EQ(run(job + resume).exit_code, 0);
  ASSERT_FALSE(std::filesystem::is_empty(folder_ / "chain/accounts/shared"));
  const ChildEnd end = run("./tidemark check -s chain/accounts ./accounts_v2");
  EXPECT_EQ(end.exit_code, 0);
  EXPECT_EQ(end.output, check("./accounts_v2").output);
  std::filesystem::remove_all(folder_ / "chain/accounts/shared");
  EXPECT_EQ(run("./tidemark check -s chain/accounts ./accounts_v2 2>/dev/null").exit_code, 2) << "what it consists of is gone";
}

TEST_F(Check, AnotherMaxParallelismIsRefused) {
  const ChildEnd end = check("./accounts_v1 -D pipeline.max-parallelism=64");
  EXPECT_EQ(end.exit_code, 1);
  EXPECT_THAT(end.output, AllOf(HasSubstr("REFUSED"), HasSubstr("max parallelism")));
  EXPECT_EQ(run("./accounts_v1 --checkpoint-dir state --resume -D pipeline.max-parallelism=64 2>/dev/null").exit_code, 1);
}

TEST_F(Check, TwoVersionsAreComparedWithoutAnyCheckpoint) {
  EXPECT_THAT(run("./tidemark diff ./accounts_v1 ./accounts_v2").output, HasSubstr("accounts   account      migrates"));
  EXPECT_EQ(run("./tidemark diff ./accounts_v1 ./accounts_v2").exit_code, 0);
  EXPECT_EQ(run("./tidemark diff ./accounts_v2 ./accounts_v1").exit_code, 1);
  EXPECT_EQ(run("./tidemark diff ./accounts_v2 ./accounts_v2 -- --uid other").exit_code, 0) << "both get the arguments";
}

TEST_F(Check, WhatCannotBeToldIsNeitherYesNorNo) {
  const auto said = [&](const std::string& line) {
    const ChildEnd end = run(line + " 2>&1");
    EXPECT_EQ(end.exit_code, 2) << line << "\n" << end.output;
    return end.output;
  };
  EXPECT_THAT(said("./tidemark check -s nowhere ./accounts_v1"), HasSubstr("nowhere"));
  EXPECT_THAT(said("./tidemark check -s state/accounts/chk-1-1 ./no-job"), HasSubstr("cannot start './no-job'"));
  EXPECT_THAT(said("./tidemark check -s state/accounts/chk-1-1 /bin/true"),
              HasSubstr("printed no verdict: is it a Tidemark job"));
  EXPECT_THAT(said("./tidemark check -s state/accounts/chk-1-1 /bin/false"), HasSubstr("exit code 1"));
  EXPECT_THAT(said("./tidemark check -s state/accounts/chk-1-1 ./accounts_v1 --nonsense"),
              AllOf(HasSubstr("unknown option '--nonsense'"), HasSubstr("exit code 2")));
  EXPECT_THAT(said("./tidemark check -s state/accounts/chk-1-1"), HasSubstr("name the job's executable"));
  EXPECT_THAT(said("./tidemark check ./accounts_v1"), HasSubstr("from-savepoint"));
  std::filesystem::resize_file(folder_ / "state/accounts/chk-1-1/_metadata", 40);
  EXPECT_THAT(said("./tidemark check -s state/accounts/chk-1-1 ./accounts_v1"), HasSubstr("_metadata"));
}

TEST_F(Check, TheTypesOfThePageHaveTheNamesThatItGivesThem) {
  EXPECT_THAT(detail::schema_json_of<Tier>(), HasSubstr(R"("names":{"none":0,"gold":1,"silver":2})"));
  EXPECT_THAT(detail::schema_json_of<Movement>(),
              AllOf(HasSubstr(R"("name":"transfer")"), HasSubstr(R"("name":"withdrawal")")));
  EXPECT_THAT(detail::schema_json_of<Balance>(), AllOf(HasSubstr(R"("name":"cents")"), HasSubstr(R"("name":"held")")));
}

TEST_F(Check, TheCodeOfThePageIsThatOfTheJobs) {
  const std::string page = slurp(TIDEMARK_SOURCE_DIR "/docs/state.md");
  const std::string code = slurp(TIDEMARK_SOURCE_DIR "/tests/evolution/accounts_v1.cc") +
                           slurp(TIDEMARK_SOURCE_DIR "/tests/evolution/accounts_v2.cc") +
                           slurp(TIDEMARK_SOURCE_DIR "/tests/evolution/page_snippets.h");
  EXPECT_GE(blocks(page, "cpp").size(), 4u);
  for (const std::string& block : blocks(page, "cpp")) EXPECT_THAT(code, HasSubstr(block));
}

// "$ command" and below it what it prints.
TEST_F(Check, TheCommandsOfThePagePrintWhatItSays) {
  int compared = 0;
  const std::string page = slurp(TIDEMARK_SOURCE_DIR "/docs/state.md");
  for (const std::string& block : blocks(page, "console")) {
    std::istringstream lines{block};
    std::string line, expected;
    std::vector<std::pair<std::string, std::string>> commands;
    while (std::getline(lines, line)) {
      if (line.starts_with("$ ")) {
        commands.emplace_back(line.substr(2), "");
      } else {
        commands.back().second += line + "\n";
      }
    }
    for (auto& [command, output] : commands) {
      if (command.starts_with("tidemark")) command = "./" + command;
      EXPECT_EQ(run(command + " 2>/dev/null").output, output) << command;
      ++compared;
    }
  }
  EXPECT_GE(compared, 3);
}

}  // namespace
}  // namespace tidemark

// The command `tidemark` against a running job, each a process of its own, on the real file system.
#include <sys/stat.h>

#include "tests/integration/command_test.h"

namespace tidemark {
namespace {

using ::testing::HasSubstr;

class SavepointCommandTest : public CommandTest {};

TEST_F(SavepointCommandTest, AJobGoesOnFromASavepointThatWasMovedAtAnyParallelism) {
  const auto expected = undisturbed_rows();
  const auto job = start_job(slow());
  const std::string path = savepoint();
  EXPECT_TRUE(job->runs());
  EXPECT_EQ(tidemark({"cancel", "state"}).status, 0);
  job->wait();
  fs::create_directories(folder_ / "elsewhere");
  fs::rename(path, folder_ / "elsewhere" / "kept");
  fs::copy(folder_ / "out", folder_ / "out-before", fs::copy_options::recursive);
  for (const int parallelism : {1, 2, 3}) {
    fs::remove_all(folder_ / "out");
    fs::copy(folder_ / "out-before", folder_ / "out", fs::copy_options::recursive);
    const Ran ran = run_job({"--resume=elsewhere/kept"}, "state-" + std::to_string(parallelism), parallelism);
    EXPECT_EQ(ran.status, 0) << ran.output;
    EXPECT_EQ(rows(), expected) << parallelism;
  }
  EXPECT_TRUE(is_there("elsewhere/kept/_metadata"));
}

TEST_F(SavepointCommandTest, AStoppedJobGoesOnWhereverItsSavepointLies) {
  const auto expected = undisturbed_rows();
  const auto job = start_job(slow());
  const Ran stopped = tidemark({"stop", "-p", "file://" + (folder_ / "sp").string(), "file://" + (folder_ / "state").string()});
  EXPECT_EQ(stopped.status, 0) << stopped.output;
  EXPECT_THAT(stopped.output, HasSubstr("Suspending job \"savepoint-test\" with a savepoint.\nSavepoint completed. Path: "));
  EXPECT_EQ(job->wait(), 0) << job->output();
  EXPECT_FALSE(is_there("state/savepoint-test/control.sock"));
  const fs::path path = word_after(stopped.output, "Path: ");
  fs::rename(path, folder_ / "moved");
  const Ran lost = run_job({"--resume"});
  EXPECT_NE(lost.status, 0);
  EXPECT_THAT(lost.output, HasSubstr("if it was moved, name its new place with --resume=PATH"));
  fs::rename(folder_ / "moved", path);
  EXPECT_EQ(run_job({"--resume"}).status, 0);
  EXPECT_EQ(rows(), expected);
  EXPECT_TRUE(fs::exists(path)) << "it belongs to the user";
}

TEST_F(SavepointCommandTest, ADrainedJobFiresItsWindowsAndAStoppedOneKeepsThem) {
  const Words day{"--size", "24h", "--slide", "24h"};
  const auto stopped = start_job(with(slow(), day), "stopped-state");
  EXPECT_EQ(tidemark({"stop", "stopped-state", "-p", "sp"}).status, 0);
  EXPECT_EQ(stopped->wait(), 0);
  EXPECT_TRUE(rows().empty());
  const auto drained = start_job(with(with(slow(), day), {"--out", "drained"}), "drained-state");
  std::this_thread::sleep_for(3s);  // all keys have come within the first quarter of a second
  const Ran ran = tidemark({"stop", "drained-state", "-p", "sp", "--drain"});
  EXPECT_EQ(ran.status, 0) << ran.output;
  EXPECT_EQ(drained->wait(), 0) << drained->output();
  EXPECT_EQ(rows("drained").size(), 101U) << "a row for each key";
}

TEST_F(SavepointCommandTest, CancelWithASavepointCommitsNothingUntilItIsRestored) {
  const auto expected = undisturbed_rows();
  const auto job = start_job(with(slow(), {"-D", "execution.checkpointing.savepoint-dir=default"}));
  const Ran ran = tidemark({"cancel", "-s", "state"});
  EXPECT_EQ(ran.status, 0) << ran.output;
  EXPECT_THAT(ran.output, HasSubstr("Cancelled job savepoint-test. Savepoint stored in "));
  job->wait();
  EXPECT_TRUE(rows().empty());
  const std::string path = fs::directory_iterator{folder_ / "default"}->path();
  const Ran resumed = run_job({"--resume=" + path}, "state-2");
  EXPECT_EQ(resumed.status, 0) << resumed.output;
  EXPECT_EQ(rows(), expected);
}

TEST_F(SavepointCommandTest, TwoSavepointsAtOnceAndACheckpointBesideThem) {
  const auto job = start_job(slow());
  ChildProcess first{TIDEMARK_COMMAND, {"savepoint", "state", "sp"}, folder_, "first.log"};
  ChildProcess second{TIDEMARK_COMMAND, {"savepoint", "state/savepoint-test", "sp"}, folder_, "second.log"};
  const Ran third = tidemark({"checkpoint", "state"});
  EXPECT_EQ(first.wait(), 0) << first.output();
  EXPECT_EQ(second.wait(), 0) << second.output();
  EXPECT_EQ(third.status, 0) << third.output;
  EXPECT_THAT(third.output, HasSubstr("for job savepoint-test completed."));
  EXPECT_EQ(std::distance(fs::directory_iterator{folder_ / "sp"}, fs::directory_iterator{}), 2);
}

TEST_F(SavepointCommandTest, WhatCannotBeDoneIsSaidAndTheJobGoesOn) {
  EXPECT_EQ(tidemark({"savepoint"}).status, 2);
  EXPECT_EQ(tidemark({"stop", "--drian", "state"}).status, 2);
  EXPECT_THAT(tidemark({"savepoint", "nowhere"}).output, HasSubstr("there is no folder 'nowhere'"));
  const auto job = start_job(slow());
  EXPECT_THAT(tidemark({"savepoint", "state"}).output, HasSubstr("execution.checkpointing.savepoint-dir"));
  std::ofstream{folder_ / "file"} << "in the way";
  for (const Words& words : {Words{"savepoint", "state", "file"}, {"stop", "-p", "file", "state"},
                             {"cancel", "-s", "file/deeper", "state"}}) {
    const Ran ran = tidemark(words);
    EXPECT_EQ(ran.status, 1);
    EXPECT_THAT(ran.output, HasSubstr("file"));
  }
  EXPECT_TRUE(job->runs());
  EXPECT_FALSE(savepoint().empty());
  job->kill();
  EXPECT_THAT(tidemark({"savepoint", "state", "sp"}).output, HasSubstr("no job is running in 'state/savepoint-test'"));
  EXPECT_THAT(tidemark({"list", "state"}).output, HasSubstr("No running jobs."));
}

TEST_F(SavepointCommandTest, TheSocketOfAKilledProcessIsReplacedAndIsTheOwnersAlone) {
  start_job(slow())->kill();
  EXPECT_TRUE(is_there("state/savepoint-test/control.sock"));
  const auto job = start_job(with(slow(), {"--resume"}));
  struct stat info {};
  ASSERT_EQ(::stat((folder_ / "state/savepoint-test/control.sock").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600U);
  EXPECT_FALSE(savepoint().empty());
}

TEST_F(SavepointCommandTest, AFolderWithALongNameIsReached) {
  const std::string deep = "state/" + std::string(100, 'a') + "/" + std::string(100, 'b');
  const auto job = start_job(slow(), deep);
  const Ran ran = tidemark({"stop", "-p", "sp", deep});
  EXPECT_EQ(ran.status, 0) << ran.output;
  EXPECT_EQ(job->wait(), 0);
}

TEST_F(SavepointCommandTest, ASavepointIsDisposedOfAndNothingElse) {
  const auto job = start_job(slow());
  const std::string path = savepoint();
  EXPECT_EQ(tidemark({"checkpoint", "state"}).status, 0);
  std::string checkpoint;
  for (const auto& entry : fs::directory_iterator{folder_ / "state/savepoint-test"}) {
    if (entry.is_directory()) checkpoint = entry.path();
  }
  const Ran refused = tidemark({"savepoint", "-d", checkpoint});
  EXPECT_EQ(refused.status, 1);
  EXPECT_THAT(refused.output, HasSubstr("is a checkpoint that job 'savepoint-test' keeps"));
  EXPECT_EQ(tidemark({"savepoint", "-d", "sp"}).status, 1);
  const Ran ran = tidemark({"savepoint", "-d", path});
  EXPECT_EQ(ran.status, 0) << ran.output;
  EXPECT_THAT(ran.output, HasSubstr("Savepoint '" + path + "' disposed."));
  EXPECT_FALSE(fs::exists(path));
  EXPECT_EQ(tidemark({"savepoint", "-d", path}).status, 1);
}

TEST_F(SavepointCommandTest, AClaimedSavepointIsDeletedInTimeAndHasOneOwner) {
  const auto expected = undisturbed_rows();
  const auto job = start_job(slow());
  const Ran stopped = tidemark({"stop", "-p", "sp", "state"});
  job->wait();
  const std::string path = word_after(stopped.output, "Path: ");
  const Words claim{"--resume=" + path, "--claim-mode=CLAIM"};
  const Words check{"check", "-s", path, TIDEMARK_SAVEPOINT_JOB};
  EXPECT_EQ(tidemark(check).status, 0);
  const auto owner = start_job(with(slow(), claim), "owner-state");
  EXPECT_TRUE(fs::exists(path + "/_claim"));
  const Ran checked = tidemark(check);
  EXPECT_EQ(checked.status, 1) << "a start would be refused, too";
  EXPECT_THAT(checked.output, HasSubstr("It has been claimed by the job 'savepoint-test'"));
  const Ran second = run_job(with(claim, {"--out", "other"}), "second-state");
  EXPECT_EQ(second.status, 1);
  EXPECT_THAT(second.output, HasSubstr("belongs to job 'savepoint-test' with its checkpoints in '"));
  EXPECT_THAT(tidemark({"savepoint", "-d", path}).output, HasSubstr("belongs to job"));
  EXPECT_TRUE(fs::exists(path + "/_metadata"));
  EXPECT_EQ(tidemark({"checkpoint", "owner-state"}).status, 0);
  while (owner->runs() && fs::exists(path)) std::this_thread::sleep_for(10ms);
  EXPECT_FALSE(fs::exists(path));
  EXPECT_EQ(tidemark({"stop", "-p", "sp", "owner-state"}).status, 0);
  EXPECT_EQ(owner->wait(), 0) << owner->output();
  const Ran rest = run_job({"--resume"}, "owner-state");
  EXPECT_EQ(rest.status, 0) << rest.output;
  EXPECT_EQ(rows(), expected);
}

TEST_F(SavepointCommandTest, ACancelledJobKeepsItsCheckpointsUnlessItShouldNot) {
  for (const bool keeps : {true, false}) {
    const std::string state = keeps ? "kept" : "deleted";
    const Words words{"-D", "execution.checkpointing.externalized-checkpoint-retention=DELETE_ON_CANCELLATION", "--out", state + "-out"};
    const auto job = start_job(with(slow(), keeps ? Words{"--out", state + "-out"} : words), state);
    EXPECT_EQ(tidemark({"checkpoint", state}).status, 0);
    EXPECT_EQ(tidemark({"cancel", state}).status, 0);
    job->wait();
    const auto is_folder = [](const fs::directory_entry& entry) { return entry.is_directory(); };
    EXPECT_EQ(std::count_if(fs::directory_iterator{folder_ / state / "savepoint-test"}, {}, is_folder), keeps ? 1 : 0);
  }
}

}  // namespace
}  // namespace tidemark

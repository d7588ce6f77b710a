// The command `tidemark` against a running job whose snapshots lie on a storage that only the job knows.
#include <sys/stat.h>

#include <cstdlib>

#include "tests/integration/command_test.h"

namespace tidemark {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

const std::string kDir = "box://bucket/state";
const std::string kJob = kDir + "/savepoint-test";

class StorageCommandTest : public CommandTest {
 protected:
  StorageCommandTest() {
    fs::create_directory(folder_ / "box");
    ::setenv("TIDEMARK_CONTROL_DIR", folder_.c_str(), 1);
  }
  ~StorageCommandTest() override { ::unsetenv("TIDEMARK_CONTROL_DIR"); }

  static Words boxed(const Words& more) { return with({"--box", "box"}, more); }
  std::string box_path(const std::string& url) const { return "box/" + url.substr(url.find("://") + 3); }
  std::string path_in(const Ran& ran) const {
    EXPECT_EQ(ran.status, 0) << ran.output;
    return word_after(ran.output, "Path: ");
  }
  Ran job_alone(const Words& words) const {
    ChildProcess job{TIDEMARK_SAVEPOINT_JOB, words, folder_, "alone.log"};
    const int status = job.wait();
    return {status, job.output()};
  }
  /// Where the running job's socket lies.
  fs::path socket() const {
    for (const auto& entry : fs::recursive_directory_iterator{folder_ / ("tidemark-" + std::to_string(::geteuid()))}) {
      if (entry.path().filename() == "control.sock") return entry.path();
    }
    return {};
  }
};

TEST_F(StorageCommandTest, AJobIsStoppedWithASavepointThereAndGoesOnFromIt) {
  const auto expected = undisturbed_rows();
  const auto job = start_job(boxed(slow()), kDir);
  EXPECT_THAT(tidemark({"list", kDir + "/"}).output, HasSubstr(" : savepoint-test : " + kJob + " (RUNNING)"));
  EXPECT_EQ(tidemark({"checkpoint", kJob}).status, 0);
  const std::string kept = path_in(tidemark({"savepoint", kJob, "box://other/sp"}));
  EXPECT_THAT(kept, StartsWith("box://other/sp/savepoint-savepo-"));
  EXPECT_TRUE(job->runs());
  const Ran stopped = tidemark({"stop", "-p", "box://other/sp", kDir});
  const std::string path = path_in(stopped);
  EXPECT_EQ(job->wait(), 0) << job->output();
  for (const std::string& savepoint : {kept, path}) EXPECT_TRUE(is_there(box_path(savepoint) + "/_metadata")) << savepoint;
  EXPECT_THAT(tidemark({"savepoint", kJob, "box://other/sp"}).output, HasSubstr("there is no folder '" + kJob + "'"));
  EXPECT_EQ(run_job(boxed({"--resume=" + path}), "box://bucket/next", 3).status, 0);
  EXPECT_EQ(rows(), expected);
}

TEST_F(StorageCommandTest, ASavepointMayGoToALocalFolderAndBeGoneOnFromWithoutTheStorage) {
  const auto expected = undisturbed_rows();
  const auto job = start_job(boxed(slow()), kDir);
  const std::string local = folder_ / "local";
  const std::string path = path_in(tidemark({"stop", "-p", "file://" + local, kDir}));
  EXPECT_THAT(path, StartsWith("file://" + local + "/savepoint-"));
  EXPECT_EQ(job->wait(), 0) << job->output();
  const std::string folder = path.substr(7);
  ASSERT_TRUE(fs::exists(folder + "/_metadata"));
  fs::copy(folder_ / "out", folder_ / "out-before", fs::copy_options::recursive);
  const Ran newest = run_job(boxed({"--resume"}), kDir);
  EXPECT_EQ(newest.status, 0) << newest.output;
  EXPECT_EQ(rows(), expected) << "the job's folder says that it stopped with that one";
  for (const Words& words : {boxed({"--resume=" + path}), Words{"--resume=" + folder}, Words{"--resume=" + path}}) {
    fs::remove_all(folder_ / "out");
    fs::copy(folder_ / "out-before", folder_ / "out", fs::copy_options::recursive);
    const bool on_storage = words.front() == "--box";
    const Ran ran = run_job(words, on_storage ? "box://bucket/next" : "local-state-" + std::to_string(words.front().size()));
    EXPECT_EQ(ran.status, 0) << ran.output;
    EXPECT_EQ(rows(), expected);
  }
  EXPECT_THAT(tidemark({"savepoint", "-d", kDir}).output, HasSubstr("lies on a storage that only jobs know"));
  EXPECT_EQ(tidemark({"savepoint", "-d", path}).status, 0);
  EXPECT_FALSE(fs::exists(folder));
}

TEST_F(StorageCommandTest, AJobIsCancelledWithASavepointWhereItsOptionSays) {
  const auto expected = undisturbed_rows();
  const auto job = start_job(boxed(with(slow(), {"-D", "execution.checkpointing.savepoint-dir=box://bucket/sp"})), kDir);
  const Ran ran = tidemark({"cancel", "-s", kJob});
  EXPECT_EQ(ran.status, 0) << ran.output;
  EXPECT_EQ(job->wait(), 1);
  EXPECT_TRUE(rows().empty());
  std::string path = word_after(ran.output, "Savepoint stored in ");
  path.pop_back();  // the full stop
  EXPECT_EQ(run_job(boxed({"--resume=" + path}), "box://bucket/next").status, 0);
  EXPECT_EQ(rows(), expected);
}

TEST_F(StorageCommandTest, TheSocketIsTheUsersAloneAndThatOfAKilledJobIsReplaced) {
  const auto killed = start_job(boxed(slow()), kDir);
  const fs::path at = socket();
  ASSERT_FALSE(at.empty());
  struct stat info {};
  ASSERT_EQ(::stat(at.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600U);
  ASSERT_EQ(::stat(at.parent_path().parent_path().parent_path().c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0700U);
  const Ran second = run_job(boxed({"--resume", "--out", "other"}), kDir);
  EXPECT_EQ(second.status, 1);
  EXPECT_THAT(second.output, HasSubstr("another job has it"));
  EXPECT_EQ(tidemark({"checkpoint", kDir}).status, 0) << "the first one is reached as before";
  killed->kill();
  EXPECT_TRUE(fs::exists(at));
  EXPECT_THAT(tidemark({"list", kDir}).output, HasSubstr("No running jobs."));
  EXPECT_THAT(tidemark({"savepoint", kDir, "box://sp"}).output, HasSubstr("no job is running in '" + kJob + "'"));
  const auto job = start_job(boxed(with(slow(), {"--resume"})), kDir);
  EXPECT_EQ(tidemark({"cancel", kJob}).status, 0);
  EXPECT_EQ(job->wait(), 1);
  EXPECT_FALSE(fs::exists(at.parent_path())) << "it goes with its job";
}

TEST_F(StorageCommandTest, AnotherJobUnderTheSameNameOnAnotherStorageRunsUnreached) {
  const auto first = start_job(boxed(slow()), kDir);
  fs::create_directory(folder_ / "box-2");
  const Ran second = run_job({"--box", "box-2", "--out", "other"}, kDir);
  EXPECT_EQ(second.status, 0) << second.output;
  EXPECT_THAT(second.output, HasSubstr("the job can't be reached by the command tidemark: "));
  EXPECT_EQ(tidemark({"checkpoint", kDir}).status, 0) << first->output();
}

TEST_F(StorageCommandTest, AFolderThatOthersMayChangeIsNotTrusted) {
  const auto job = start_job(boxed(slow()), kDir);
  const fs::path root = socket().parent_path().parent_path().parent_path();
  fs::permissions(root, fs::perms::all);
  const Ran ran = tidemark({"stop", "-p", "box://sp", kDir});
  EXPECT_EQ(ran.status, 1);
  EXPECT_THAT(ran.output, AllOf(HasSubstr(root.string()), HasSubstr("is no folder of this user's alone")));
  EXPECT_TRUE(job->runs());
}

TEST_F(StorageCommandTest, AFolderThatTheStorageRefusesFailsTheRequestAlone) {
  const auto job = start_job(boxed(slow()), kDir);
  for (const char* dir : {"/somewhere", "sp"}) {
    const Ran ran = tidemark({"stop", "-p", dir, kDir});
    EXPECT_EQ(ran.status, 1);
    EXPECT_THAT(ran.output, HasSubstr("a path of this storage begins with box://"));
  }
  EXPECT_TRUE(job->runs());
  EXPECT_FALSE(is_there("sp"));
}

TEST_F(StorageCommandTest, ASignalStopsWithACheckpointThere) {
  const auto expected = undisturbed_rows();
  const auto job = start_job(boxed(slow()), kDir);
  job->signal(SIGTERM);
  EXPECT_EQ(job->wait(), 0) << job->output();
  EXPECT_THAT(job->output(), HasSubstr("savepoint-test: stopped; kept: " + kJob + "/chk-"));
  EXPECT_EQ(run_job(boxed({"--resume"}), kDir).status, 0);
  EXPECT_EQ(rows(), expected);
}

TEST_F(StorageCommandTest, TheJobItselfJudgesWhatLiesThereAndTheCommandAsksIt) {
  const auto job = start_job(boxed(slow()), kDir);
  const std::string savepoint = path_in(tidemark({"stop", "-p", "box://bucket/sp", kDir}));
  job->wait();
  for (const std::string& path : {savepoint, savepoint + "/_metadata", kJob, kDir}) {
    const Ran fits = tidemark({"check", "-s", path, TIDEMARK_SAVEPOINT_JOB, "--box", "box"});
    EXPECT_EQ(fits.status, 0) << path << "\n" << fits.output;
    EXPECT_THAT(fits.output, AllOf(HasSubstr("sums   window-"), HasSubstr("same\n"), HasSubstr("All fits.\n")));
    const Ran alone = job_alone({"--check=" + path, "--box", "box"});
    EXPECT_EQ(alone.status, 0);
    EXPECT_EQ(alone.output, fits.output);
  }
  EXPECT_EQ(job_alone({"--check", "--checkpoint-dir", kDir, "--box", "box"}).status, 0) << "what --resume would take";

  const Words renamed{"--box", "box", "--uid", "totals"};
  const Ran orphaned = tidemark(with({"check", "-s", savepoint, TIDEMARK_SAVEPOINT_JOB}, renamed));
  EXPECT_EQ(orphaned.status, 1);
  EXPECT_THAT(orphaned.output, HasSubstr("ORPHANED"));
  EXPECT_EQ(job_alone(with({"--check=" + savepoint}, renamed)).status, 1);
  EXPECT_EQ(job_alone(with({"-n", "--check=" + savepoint}, renamed)).status, 0);
  const Ran json = tidemark(with({"check", "-n", "--json", "-s", savepoint, TIDEMARK_SAVEPOINT_JOB}, renamed));
  EXPECT_EQ(json.status, 0);
  EXPECT_THAT(json.output, AllOf(StartsWith("{"), HasSubstr(R"("fits": true)"), HasSubstr(R"("verdict": "orphaned")")));
  EXPECT_EQ(job_alone(with({"-n", "--check-json=" + savepoint}, renamed)).output, json.output);

  for (const Words& words : {Words{"--box", "box", "--check=box://nowhere"}, Words{"--check=" + savepoint}}) {
    const Ran unknown = job_alone(words);
    EXPECT_EQ(unknown.status, 2) << unknown.output;
    EXPECT_THAT(unknown.output, AllOf(StartsWith("savepoint-test: "), HasSubstr("box://"), Not(HasSubstr("fits"))));
  }
  const Ran untold = tidemark({"check", "--json", "-s", savepoint, TIDEMARK_SAVEPOINT_JOB});
  EXPECT_EQ(untold.status, 2);
  EXPECT_THAT(untold.output, AllOf(HasSubstr(R"("fits": null)"), HasSubstr("tidemark check: ")));
}

}  // namespace
}  // namespace tidemark

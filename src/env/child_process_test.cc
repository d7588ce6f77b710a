#include "env/child_process.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>

namespace tidemark {
namespace {

using ::testing::HasSubstr;

ChildEnd run_shell(const std::string& script) { return value_or_throw(run_child({"sh", "-c", script}, 60'000)); }

TEST(ChildProcess, GivesItsOutputAndItsExitCode) {
  const ChildEnd end = run_shell("printf 'a b'; exit 3");
  EXPECT_EQ(end.output, "a b");
  EXPECT_EQ(end.exit_code, 3);
  EXPECT_EQ(end.signal, 0);
}

TEST(ChildProcess, WordsReachItAsTheyAre) {
  EXPECT_EQ(value_or_throw(run_child({"printf", "%s|", "a b", "", "$HOME", "*"}, 60'000)).output, "a b||$HOME|*|");
}

TEST(ChildProcess, OutputLargerThanAPipeComesWhole) {
  EXPECT_EQ(run_shell("head -c 3000000 /dev/zero").output, std::string(3'000'000, '\0'));
}

TEST(ChildProcess, ItsInputIsEmpty) { EXPECT_EQ(run_shell("cat; echo end").output, "end\n"); }

TEST(ChildProcess, ASignalIsToldFromAnExitCode) { EXPECT_EQ(run_shell("kill -9 $$").signal, 9); }

TEST(ChildProcess, WhatClosesItsOutputIsStillWaitedFor) { EXPECT_EQ(run_shell("exec >&-; exit 4").exit_code, 4); }

TEST(ChildProcess, AProgramThatIsNotThereIsNamed) {
  const auto end = run_child({"./no-such-job"}, 1000);
  ASSERT_FALSE(end);
  EXPECT_EQ(end.error().code(), ErrorCode::kNotFound);
  EXPECT_THAT(end.error().message(), HasSubstr("'./no-such-job'"));
}

TEST(ChildProcess, WhereChildrenAreNotWaitedForItSaysSoAtOnce) {
  const auto before = std::signal(SIGCHLD, SIG_IGN);
  const auto end = run_child({"sh", "-c", "exit 0"}, 60'000);
  std::signal(SIGCHLD, before);
  ASSERT_FALSE(end);
  EXPECT_EQ(end.error().code(), ErrorCode::kIo) << end.error().message();
  EXPECT_THAT(end.error().message(), HasSubstr("SIGCHLD"));
}

TEST(ChildProcess, OneThatNeverEndsIsEnded) {
  const auto end = run_child({"sh", "-c", "while :; do :; done"}, 50);
  ASSERT_FALSE(end);
  EXPECT_EQ(end.error().code(), ErrorCode::kTimeout);
}

TEST(ChildProcess, OneThatNeverStopsPrintingIsEnded) {
  const auto end = run_child({"cat", "/dev/zero"}, 60'000);
  ASSERT_FALSE(end);
  EXPECT_THAT(end.error().message(), HasSubstr("64 MiB"));
}

ChildEnd run_shell_with(const std::string& script, const ChildSettings& settings) {
  return value_or_throw(run_child({"sh", "-c", script}, 60'000, settings));
}

TEST(ChildProcess, VariablesAreAddedToOursAndReplaceThem) {
  ::setenv("TIDEMARK_TEST_OURS", "ours", 1);
  ::setenv("TIDEMARK_TEST_BOTH", "ours", 1);
  const ChildEnd end = run_shell_with("printf '%s %s %s' $TIDEMARK_TEST_OURS $TIDEMARK_TEST_BOTH $TIDEMARK_TEST_ITS",
                                      {.environment = {{"TIDEMARK_TEST_BOTH", "its"}, {"TIDEMARK_TEST_ITS", "too"}}});
  EXPECT_EQ(end.output, "ours its too");
  EXPECT_STREQ(std::getenv("TIDEMARK_TEST_BOTH"), "ours");
}

TEST(ChildProcess, TheEndOfItsErrorsIsInTheAnswerWhereItIsAskedFor) {
  const ChildEnd end = run_shell_with("head -c 3000000 /dev/zero >&2; echo out; echo why >&2; exit 3", {.keep_errors = true});
  EXPECT_EQ(end.exit_code, 3);
  EXPECT_EQ(end.output, "out\n");
  EXPECT_EQ(end.errors.size(), 64u << 10);
  EXPECT_TRUE(end.errors.ends_with("why\n"));
}

TEST(ChildProcess, OneThatTakesMoreMemoryThanItMayGetsNone) {
  const ChildEnd end = run_shell_with("head -c 300000000 /dev/zero | tail -c 299999999 | wc -c",
                                      {.memory_bytes = 100u << 20, .keep_errors = true});
  EXPECT_THAT(end.errors, HasSubstr("memory"));
}

TEST(ChildProcess, OneThatComputesLongerThanItMayIsEnded) {
  EXPECT_EQ(run_shell_with("while :; do :; done", {.cpu_s = 1}).signal, SIGXCPU);
}

// Whether the process is gone, or only waits to be asked how it ended by whoever has it now.
bool is_gone(const std::string& pid) {
  return run_shell("grep -q '^State:.*Z' /proc/" + pid + "/status 2>/dev/null || ! test -e /proc/" + pid).exit_code == 0;
}
void expect_gone(const std::string& pid) {
  while (!is_gone(pid)) continue;  // a killed one goes when the kernel comes to it; one that is not killed never
}

TEST(ChildProcess, WhatItHasStartedEndsWithIt) {
  const ChildEnd end = run_shell("sleep 1000 >&- 2>&- & printf $!");
  EXPECT_EQ(end.exit_code, 0);
  expect_gone(end.output);
}

TEST(ChildProcess, WhatItHasStartedEndsWhenItsTimeIsUp) {
  const std::string file = ::testing::TempDir() + "tidemark_child_pid-" + std::to_string(::getpid());
  ::unlink(file.c_str());
  std::string pid;
  for (std::int64_t limit_ms = 500; pid.empty(); limit_ms *= 2) {  // a slow machine may not come to it within the first
    const auto end = run_child({"sh", "-c", "sleep 1000 & printf $! > " + file + "; wait"}, limit_ms);
    ASSERT_FALSE(end);
    EXPECT_EQ(end.error().code(), ErrorCode::kTimeout);
    pid = run_shell("cat " + file).output;
  }
  expect_gone(pid);
  ::unlink(file.c_str());
}

TEST(ChildProcess, OfOurFilesItHasOnlyWhatItNeeds) {
  const int pipe_end = ::dup(STDERR_FILENO);  // one that would be inherited
  EXPECT_EQ(run_shell("ls /proc/self/fd").output, "0\n1\n2\n3\n") << "3 is the folder that ls reads";
  ::close(pipe_end);
}

TEST(ChildProcess, SignalsThatWeIgnoreItDoesNot) {
  const auto before = std::signal(SIGPIPE, SIG_IGN);
  const ChildEnd end = run_shell("kill -PIPE $$; exit 5");
  std::signal(SIGPIPE, before);
  EXPECT_EQ(end.signal, SIGPIPE);
}

}  // namespace
}  // namespace tidemark

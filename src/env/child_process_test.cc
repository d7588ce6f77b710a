#include "env/child_process.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>

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

}  // namespace
}  // namespace tidemark

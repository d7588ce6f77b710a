#include "env/posix_processes.h"

#include <gmock/gmock.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "env/posix_env.h"
#include "env/posix_file_system.h"
#include "env/transport_harness.h"

namespace tidemark {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;

constexpr std::int64_t kLongMs = 1'000'000;

/// What has become of a process.
struct Watched {
  std::unique_ptr<StartedProcess> process;
  std::optional<std::uint32_t> pid;
  std::optional<ProcessEnd> end;
};

class PosixProcessesTest : public testing::Test {
 protected:
  PosixProcessesTest() {
    value_or_throw(remove_tree(files_, folder_));
    value_or_throw(files_.make_directories(folder_));
  }
  ~PosixProcessesTest() override {
    watched_.clear();
    processes_.reset();
    value_or_throw(remove_tree(files_, folder_));
  }

  Watched& start(std::vector<std::string> words, const std::string& log = "/log") {
    Watched& one = watched_.emplace_back();
    one.process = processes_->start(
        {.words = std::move(words), .environment = {{"TIDEMARK_TEST", "given"}}, .folder = folder_, .log = folder_ + log},
        owner_,
        {.on_started = [&one](std::uint32_t pid) { one.pid = pid; },
         .on_ended = [&one](const ProcessEnd& end) { one.end = end; }});
    return one;
  }
  Watched& shell(const std::string& script) { return start({"sh", "-c", script}); }
  ProcessEnd end_of(Watched& one) {
    EXPECT_TRUE(world_.run_until([&] { return one.end.has_value(); }));
    return one.end.value_or(ProcessEnd{});
  }
  // Until it says so in its log.
  bool has_printed(const std::string& text) {
    return world_.run_until([&] { return read_file(files_, folder_ + "/log").value_or("").find(text) != std::string::npos; });
  }
  std::string log(const std::string& suffix = {}) { return value_or_throw(read_file(files_, folder_ + "/log" + suffix)); }
  // Or has ended, and waits for whoever has it now.
  bool is_gone(pid_t pid) {
    const auto stat = read_file(files_, "/proc/" + std::to_string(pid) + "/stat");
    return !stat || stat->find(") Z ") != std::string::npos;
  }

  FileSystem& files_ = posix_file_system();
  PosixClock clock_;
  const std::string folder_ = testing::TempDir() + "tidemark_processes";
  test::RealWorld world_;
  Mailbox& owner_ = world_.make_mailbox();
  std::optional<PosixProcesses> processes_{std::in_place, files_, clock_, RollingLogLimits{.file_bytes = 100'000, .files = 3}};
  std::list<Watched> watched_;
};

TEST_F(PosixProcessesTest, WhatOnePrintsIsInItsLogAndHowItEndedIsTold) {
  Watched& one = shell("echo $TIDEMARK_TEST in $PWD; echo wrong >&2; exit 3");
  const ProcessEnd end = end_of(one);
  EXPECT_TRUE(one.pid);
  EXPECT_FALSE(end.in_order);
  EXPECT_EQ(end.how, "ended with status 3");
  EXPECT_EQ(end.last_lines, "given in " + folder_ + "\nwrong");
  EXPECT_EQ(log(), "given in " + folder_ + "\nwrong\n");
}

TEST_F(PosixProcessesTest, OneThatEndsByItselfHasEndedInOrder) { EXPECT_TRUE(end_of(shell("exit 0")).in_order); }

TEST_F(PosixProcessesTest, AStopThatComesTooLateIsNotWhyItEnded) {
  Watched& one = shell("exec sleep 1000");
  ASSERT_TRUE(world_.run_until([&] { return one.pid.has_value(); }));
  const auto pid = static_cast<pid_t>(*one.pid);
  ASSERT_GT(pid, 1);
  ::kill(pid, SIGKILL);
  while (!is_gone(pid)) continue;
  one.process->stop(kLongMs);
  EXPECT_FALSE(end_of(one).was_stopped);
}

TEST_F(PosixProcessesTest, AStopThatComesWithAnotherSignalIsNotWhyItEnded) {
  Watched& one = shell("trap 'kill -9 $$' TERM; echo ready; while :; do sleep 0.01; done");
  ASSERT_TRUE(has_printed("ready"));
  one.process->stop(kLongMs);
  EXPECT_FALSE(end_of(one).was_stopped);
}

TEST_F(PosixProcessesTest, ASignalIsToldByItsNumberAndName) {
  const ProcessEnd end = end_of(shell("kill -9 $$"));
  EXPECT_FALSE(end.in_order);
  EXPECT_EQ(end.how, "was ended by signal 9 (SIGKILL)");
}

TEST_F(PosixProcessesTest, OneThatCanNotBeStartedIsToldAsEnded) {
  Watched& one = start({folder_ + "/nothing"});
  EXPECT_THAT(end_of(one).how, testing::AllOf(StartsWith("could not be started: "), HasSubstr("/nothing")));
  EXPECT_FALSE(one.pid);
}

TEST_F(PosixProcessesTest, OnlyTheLastLinesAreTold) {
  const std::string lines = end_of(shell("for i in $(seq 1000); do echo line $i; done; exit 1")).last_lines;
  EXPECT_THAT(lines, StartsWith("line 991\n"));
  EXPECT_THAT(lines, EndsWith("line 1000"));
}

TEST_F(PosixProcessesTest, OneThatPrintsWithoutEndFillsNoMoreThanItsFiles) {
  end_of(shell("head -c 5000000 /dev/zero; echo; echo done"));
  EXPECT_THAT(log(), EndsWith("done\n"));
  EXPECT_LE(log().size(), 100'000u);
  EXPECT_LE(log(".1").size(), 100'000u);
  EXPECT_LE(log(".2").size(), 100'000u);
  EXPECT_EQ(value_or_throw(files_.list(folder_)).size(), 3u);
}

TEST_F(PosixProcessesTest, OneThatIsStoppedMayEndInOrder) {
  Watched& one = shell("trap 'echo stopped; exit 0' TERM; echo ready; while :; do sleep 0.01; done");
  ASSERT_TRUE(has_printed("ready"));
  one.process->stop(kLongMs);
  EXPECT_TRUE(end_of(one).in_order);
  EXPECT_TRUE(one.end->was_stopped);
  EXPECT_THAT(log(), EndsWith("stopped\n"));
}

TEST_F(PosixProcessesTest, OneThatDoesNotEndInItsGraceIsKilled) {
  Watched& one = shell("trap '' TERM; echo ready; while :; do sleep 0.01; done");
  ASSERT_TRUE(has_printed("ready"));
  one.process->stop(50);
  EXPECT_EQ(end_of(one).how, "was ended by signal 9 (SIGKILL)");
  EXPECT_TRUE(one.end->was_stopped);
}

TEST_F(PosixProcessesTest, ASecondStopMayShortenTheGrace) {
  Watched& one = shell("trap '' TERM; echo ready; while :; do sleep 0.01; done");
  ASSERT_TRUE(has_printed("ready"));
  one.process->stop(kLongMs);
  one.process->stop(0);
  EXPECT_EQ(end_of(one).how, "was ended by signal 9 (SIGKILL)");
}

TEST_F(PosixProcessesTest, WhatOneHasStartedEndsWithIt) {
  Watched& one = shell("sleep 1000 & echo $!; exit 0");
  EXPECT_TRUE(end_of(one).in_order);
  const pid_t started = std::stoi(log());
  EXPECT_TRUE(world_.run_until([&] { return is_gone(started); }));
}

TEST_F(PosixProcessesTest, OneThatNobodyHoldsIsKilledAndTellsNothing) {
  Watched& one = shell("sleep 1000");
  ASSERT_TRUE(world_.run_until([&] { return one.pid.has_value(); }));
  one.process.reset();
  EXPECT_TRUE(world_.run_until([&] { return is_gone(static_cast<pid_t>(*one.pid)); }));
  EXPECT_FALSE(one.end);
}

TEST_F(PosixProcessesTest, OneMayBeLetGoInTheCallOfItsEnd) {
  int ends = 0;
  std::unique_ptr<StartedProcess> one;
  one = processes_->start({.words = {"true"}, .folder = folder_, .log = folder_ + "/log"}, owner_,
                          {.on_started = [](std::uint32_t) {},
                           .on_ended =
                               [&](const ProcessEnd&) {
                                 one.reset();
                                 ++ends;
                               }});
  EXPECT_TRUE(world_.run_until([&] { return ends == 1; }));
}

TEST_F(PosixProcessesTest, ManyRunSideBySide) {
  for (int i = 0; i < 50; ++i) shell("sleep 0.05; exit " + std::to_string(i % 2));
  for (Watched& one : watched_) end_of(one);
  EXPECT_EQ(std::ranges::count_if(watched_, [](const Watched& one) { return one.end->in_order; }), 25);
}

TEST_F(PosixProcessesTest, ADiskThatTakesNothingDoesNotEndIt) {
  Watched& one = start({"sh", "-c", "for i in $(seq 20000); do echo line $i; done; echo last; exit 0"}, "/no such folder/log");
  EXPECT_TRUE(end_of(one).in_order);
  EXPECT_THAT(one.end->last_lines, EndsWith("last"));
}

// The thread that starts processes belongs to this program: what kills it, as here, kills them.
TEST_F(PosixProcessesTest, TheyDieWithTheProgramThatStartedThem) {
  processes_.reset();  // who forks has no other thread
  const std::string file = folder_ + "/pid";
  ASSERT_EQ(::prctl(PR_SET_CHILD_SUBREAPER, 1), 0);  // so that the orphan is ours to wait for
  const pid_t program = ::fork();
  if (program == 0) {
    PosixProcesses own{files_, clock_};
    Mailbox mailbox;
    const auto one =
        own.start({.words = {"sh", "-c", "echo $$ > " + file + ".tmp; mv " + file + ".tmp " + file + "; exec sleep 1000"},
                   .folder = folder_,
                   .log = folder_ + "/log"},
                  mailbox, {.on_started = [](std::uint32_t) {}, .on_ended = [](const ProcessEnd&) {}});
    while (true) ::pause();
  }
  ASSERT_TRUE(world_.run_until([&] { return files_.stat(file).has_value(); }));
  const pid_t worker = std::stoi(value_or_throw(read_file(files_, file)));
  ASSERT_EQ(::kill(worker, 0), 0);
  ::kill(program, SIGKILL);
  EXPECT_EQ(::waitpid(program, nullptr, 0), program);
  int status = 0;
  EXPECT_EQ(::waitpid(worker, &status, 0), worker);
  EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
  ::prctl(PR_SET_CHILD_SUBREAPER, 0);
}

}  // namespace
}  // namespace tidemark

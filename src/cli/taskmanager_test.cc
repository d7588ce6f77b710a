#include <gmock/gmock.h>

#include <csignal>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "cli/command_line.h"
#include "env/posix_env.h"
#include "env/posix_file_system.h"

namespace tidemark {
namespace {

using testing::AllOf;
using testing::HasSubstr;

/// `tidemark taskmanager`, whose JobManager nobody is.
class TaskManagerCommand : public testing::Test {
 protected:
  TaskManagerCommand() {
    value_or_throw(remove_tree(posix_file_system(), folder_));
    value_or_throw(posix_file_system().make_directories(folder_));
  }
  ~TaskManagerCommand() override { value_or_throw(remove_tree(posix_file_system(), folder_)); }

  ExitStatus run(std::vector<std::string> options) {
    const auto keep = [this](std::string_view line) {
      const std::lock_guard lock{mutex_};
      said_ += line;
    };
    Cli cli{.env = posix_.env(), .out = keep, .err = keep, .chosen = {}};
    options.insert(options.begin(), {"tidemark", "taskmanager"});
    std::vector<const char*> words;
    for (const std::string& word : options) words.push_back(word.c_str());
    return run_command_line(cli, static_cast<int>(words.size()), words.data());
  }
  std::string said() {
    const std::lock_guard lock{mutex_};
    return said_;
  }
  std::string config(const std::string& text) {
    const std::string path = folder_ + "/conf.yaml";
    value_or_throw(replace_file(posix_file_system(), path, text));
    return path;
  }

  const std::string folder_ = testing::TempDir() + "tidemark_taskmanager_command";
  PosixEnv posix_{1};
  std::mutex mutex_;
  std::string said_;
};

TEST_F(TaskManagerCommand, RunsUntilASignalWithTheCommandLinesWordBeforeTheFiles) {
  const std::string file = config(
      "jobmanager.rpc: {address: 127.0.0.1, port: 1}\ntaskmanager.numberOfTaskSlots: 3\ntaskmanager.resource-id: "
      "of-the-file\n");
  ExitStatus status = ExitStatus::kFailed;
  std::thread command{[&] { status = run({"--config", file, "--id", "of-the-line", "--dir", folder_ + "/tm"}); }};
  while (said().find("Ctrl-C") == std::string::npos) std::this_thread::yield();
  std::raise(SIGTERM);
  command.join();
  EXPECT_EQ(status, ExitStatus::kDone);
  EXPECT_THAT(said(),
              AllOf(HasSubstr("TaskManager of-the-line with 3 slots"), HasSubstr(folder_ + "/tm"), HasSubstr("127.0.0.1:1")));
}

TEST_F(TaskManagerCommand, WhatIsWrongIsSaidBeforeAnythingIsStarted) {
  const std::string file = config("taskmanager.numberOfSlots: 3\n");
  const std::pair<std::vector<std::string>, std::string> wrong[] = {
      {{"--config", file}, "conf.yaml:1: there is no option 'taskmanager.numberOfSlots'; did you mean"},
      {{"--config", folder_ + "/none"}, "none"},
      {{"--jobmanager", "somewhere"}, "the port is missing"},
      {{"--memory", "much"}, "--memory: 'much' is not a size"},
      {{"--slots", "0"}, "--slots"},
  };
  for (const auto& [options, expected] : wrong) {
    said_.clear();
    EXPECT_EQ(run(options), ExitStatus::kUsage) << expected;
    EXPECT_THAT(said(), HasSubstr(expected));
  }
}

}  // namespace
}  // namespace tidemark

// The job of savepoint_job.cc and the command `tidemark` as processes of their own.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <thread>

#include "tests/integration/process.h"

namespace tidemark {

using namespace std::chrono_literals;

struct Ran {
  int status = -1;
  std::string output;
};

class CommandTest : public ::testing::Test {
 protected:
  CommandTest() {
    std::string name = (fs::temp_directory_path() / "tidemark-command-XXXXXX").string();
    folder_ = ::mkdtemp(name.data());
  }
  ~CommandTest() override {
    std::error_code in_use;  // by a process that is on its way out
    fs::remove_all(folder_, in_use);
  }

  /// A job that ends long after any test has ended it, and takes no checkpoint by itself.
  static Words slow() { return {"--rate", "400", "--checkpoint-interval", "10min"}; }
  static Words with(Words words, const Words& more) {
    words.insert(words.end(), more.begin(), more.end());
    return words;
  }
  Words job_words(const Words& more, const std::string& checkpoints, int parallelism) const {
    return with({"--checkpoint-dir", checkpoints, "--parallelism", std::to_string(parallelism)}, more);
  }

  std::unique_ptr<ChildProcess> start_job(const Words& more, const std::string& checkpoints = "state", int parallelism = 2) {
    auto job = std::make_unique<ChildProcess>(TIDEMARK_SAVEPOINT_JOB, job_words(more, checkpoints, parallelism), folder_,
                                         "job.log");
    while (job->runs() && tidemark({"list", checkpoints}).output.find("(RUNNING)") == std::string::npos) {
      std::this_thread::sleep_for(10ms);
    }
    std::this_thread::sleep_for(300ms);  // some records; nothing depends on how many
    return job;
  }
  Ran run_job(const Words& more, const std::string& checkpoints = "state", int parallelism = 2) const {
    ChildProcess job{TIDEMARK_SAVEPOINT_JOB, job_words(more, checkpoints, parallelism), folder_, "job.log"};
    const int status = job.wait();
    return {status, job.output()};
  }
  Ran tidemark(const Words& words) const {
    ChildProcess command{TIDEMARK_COMMAND, words, folder_, "command.log"};
    const int status = command.wait();
    return {status, command.output()};
  }

  /// The word behind `before` in the output.
  static std::string word_after(const std::string& output, const std::string& before) {
    const std::size_t at = output.find(before);
    if (at == std::string::npos) return {};
    const std::size_t begin = at + before.size();
    return output.substr(begin, output.find_first_of(" \n", begin) - begin);
  }
  std::string savepoint(const Words& more = {"sp"}) const {
    const Ran ran = tidemark(with({"savepoint", "state"}, more));
    EXPECT_EQ(ran.status, 0) << ran.output;
    return word_after(ran.output, "Path: ");
  }

  std::vector<std::string> rows(const std::string& out = "out") const {
    std::vector<std::string> lines;
    for (const auto& entry : fs::directory_iterator{folder_ / out}) {
      if (!entry.path().filename().string().starts_with("part-")) continue;
      std::ifstream file{entry.path()};
      for (std::string line; std::getline(file, line);) lines.push_back(line);
    }
    std::ranges::sort(lines);
    return lines;
  }
  std::vector<std::string> undisturbed_rows() const {
    EXPECT_EQ(run_job({"--out", "undisturbed"}, "undisturbed-state").status, 0);
    return rows("undisturbed");
  }
  bool is_there(const fs::path& path) const { return fs::exists(folder_ / path); }

  fs::path folder_;
};

}  // namespace tidemark

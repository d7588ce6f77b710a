// Programs as processes of their own on the real file system: the job of savepoint_job.cc, and the command `tidemark`.
#pragma once

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace tidemark {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using Words = std::vector<std::string>;

inline std::string text_of(const fs::path& path) {
  std::ifstream file{path};
  return {std::istreambuf_iterator<char>{file}, {}};
}

/// A program that runs, its output in a file.
class Process {
 public:
  Process(const std::string& program, Words words, const fs::path& folder, const std::string& log)
      : log_{folder / log} {
    pid_ = ::fork();
    if (pid_ != 0) return;
    const int out = ::open(log_.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0644);
    ::dup2(out, STDOUT_FILENO);
    ::dup2(out, STDERR_FILENO);
    if (::chdir(folder.c_str()) != 0) ::_exit(126);
    std::vector<char*> argv{const_cast<char*>(program.c_str())};
    for (std::string& word : words) argv.push_back(word.data());
    argv.push_back(nullptr);
    ::execv(program.c_str(), argv.data());
    ::_exit(127);
  }
  ~Process() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    wait();
  }
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  /// Its exit status; 128 and the signal if one killed it.
  int wait() {
    int status = 0;
    if (pid_ <= 0 || ::waitpid(pid_, &status, 0) != pid_) return -1;
    pid_ = -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }
  bool runs() const {
    siginfo_t ended{};  // left as it is while the process runs
    return pid_ > 0 && ::waitid(P_PID, static_cast<id_t>(pid_), &ended, WEXITED | WNOHANG | WNOWAIT) == 0 && ended.si_pid == 0;
  }
  void kill() {
    signal(SIGKILL);
    wait();
  }
  void signal(int number) const { ::kill(pid_, number); }
  pid_t pid() const { return pid_; }
  std::string output() const { return text_of(log_); }

 private:
  fs::path log_;
  pid_t pid_ = -1;
};

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

  std::unique_ptr<Process> start_job(const Words& more, const std::string& checkpoints = "state", int parallelism = 2) {
    auto job = std::make_unique<Process>(TIDEMARK_SAVEPOINT_JOB, job_words(more, checkpoints, parallelism), folder_,
                                         "job.log");
    while (job->runs() && tidemark({"list", checkpoints}).output.find("(RUNNING)") == std::string::npos) {
      std::this_thread::sleep_for(10ms);
    }
    std::this_thread::sleep_for(300ms);  // some records; nothing depends on how many
    return job;
  }
  Ran run_job(const Words& more, const std::string& checkpoints = "state", int parallelism = 2) const {
    Process job{TIDEMARK_SAVEPOINT_JOB, job_words(more, checkpoints, parallelism), folder_, "job.log"};
    const int status = job.wait();
    return {status, job.output()};
  }
  Ran tidemark(const Words& words) const {
    Process command{TIDEMARK_COMMAND, words, folder_, "command.log"};
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

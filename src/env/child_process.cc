#include "env/child_process.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <optional>

extern char** environ;

namespace tidemark {
namespace {

constexpr std::size_t kMostOutput = 64u << 20;
constexpr int kPollMs = 10;

std::string cause_of(int error) { return std::strerror(error); }

class FileActions {
 public:
  FileActions() { posix_spawn_file_actions_init(&actions_); }
  ~FileActions() { posix_spawn_file_actions_destroy(&actions_); }
  FileActions(const FileActions&) = delete;
  FileActions& operator=(const FileActions&) = delete;
  posix_spawn_file_actions_t* get() { return &actions_; }

 private:
  posix_spawn_file_actions_t actions_;
};

/// A started child; killed and waited for if it is given up.
class Child {
 public:
  Child(pid_t pid, int output) : pid_{pid}, output_{output} {}
  ~Child() {
    if (!has_ended()) {
      ::kill(pid_, SIGKILL);
      while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) continue;
    }
    ::close(output_);
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  /// Waits a moment for output or the end, and takes what there is.
  void step() {
    pollfd readable{.fd = output_, .events = POLLIN, .revents = 0};
    ::poll(&readable, open_ ? 1 : 0, kPollMs);
    int status = 0;
    const pid_t ended = ::waitpid(pid_, &status, WNOHANG);
    if (ended == pid_) status_ = status;
    if (ended < 0 && errno == ECHILD) status_lost_ = true;
    drain();
  }
  bool has_ended() const { return status_.has_value() || status_lost_; }
  bool says_too_much() const { return text_.size() > kMostOutput; }

  Result<ChildEnd> end(const std::string& program) && {
    if (status_lost_) {
      return fail(ErrorCode::kIo, fmt::format("'{}' has ended, but the system does not tell how: it must not be called with "
                                              "the signal SIGCHLD ignored",
                                              program));
    }
    if (WIFSIGNALED(*status_)) return ChildEnd{.signal = WTERMSIG(*status_), .output = std::move(text_)};
    return ChildEnd{.exit_code = WEXITSTATUS(*status_), .output = std::move(text_)};
  }

 private:
  void drain() {
    char buffer[65536];
    while (open_ && !says_too_much()) {
      const ssize_t count = ::read(output_, buffer, sizeof buffer);
      if (count > 0) {
        text_.append(buffer, static_cast<std::size_t>(count));
      } else {
        open_ = count < 0 && (errno == EAGAIN || errno == EINTR);
        return;
      }
    }
  }

  pid_t pid_;
  int output_;
  bool open_ = true;
  std::string text_;
  std::optional<int> status_;
  bool status_lost_ = false;  // somebody else has waited for the child
};

Result<pid_t> spawn(const std::vector<std::string>& words, int output) {
  FileActions actions;
  posix_spawn_file_actions_addopen(actions.get(), STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(actions.get(), output, STDOUT_FILENO);
  std::vector<char*> argv;
  for (const std::string& word : words) argv.push_back(const_cast<char*>(word.c_str()));
  argv.push_back(nullptr);
  pid_t pid = 0;
  const int error = ::posix_spawnp(&pid, argv[0], actions.get(), nullptr, argv.data(), environ);
  if (error == 0) return pid;
  return fail(error == ENOENT ? ErrorCode::kNotFound : ErrorCode::kIo,
              fmt::format("cannot start '{}': {}", words[0], cause_of(error)));
}

}  // namespace

Result<ChildEnd> run_child(const std::vector<std::string>& words, std::int64_t timeout_ms) {
  using Clock = std::chrono::steady_clock;
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return fail(ErrorCode::kIo, "cannot make a pipe: " + cause_of(errno));
  ::fcntl(ends[0], F_SETFL, O_NONBLOCK);
  const auto pid = spawn(words, ends[1]);
  ::close(ends[1]);
  if (!pid) {
    ::close(ends[0]);
    return std::unexpected{pid.error()};
  }
  Child child{*pid, ends[0]};
  const Clock::time_point deadline = Clock::now() + std::chrono::milliseconds{timeout_ms};
  while (!child.has_ended()) {
    child.step();
    if (child.says_too_much()) {
      return fail(ErrorCode::kIo, fmt::format("'{}' printed more than 64 MiB; it was ended", words[0]));
    }
    if (!child.has_ended() && Clock::now() > deadline) {
      return fail(ErrorCode::kTimeout,
                  fmt::format("'{}' has not ended in {} s; it was ended", words[0], timeout_ms / 1000));
    }
  }
  return std::move(child).end(words[0]);
}

}  // namespace tidemark

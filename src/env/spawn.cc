#include "env/spawn.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/close_range.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <optional>
#include <string_view>
#include <tuple>

#include "env/descriptor.h"

extern char** environ;

namespace tidemark {
namespace {

constexpr int kMostBusyMs = 200;

std::string cause_of(int error) { return std::strerror(error); }

/// What execve() takes, made before the fork: behind it nothing may be allocated, as another thread may have held the lock.
class ExecArguments {
 public:
  explicit ExecArguments(const SpawnOrder& order) {
    for (const std::string& word : order.words) argv_.push_back(const_cast<char*>(word.c_str()));
    argv_.push_back(nullptr);
    for (const auto& [name, value] : order.environment) added_.push_back(name + "=" + value);
    for (std::string& variable : added_) environment_.push_back(variable.data());
    for (char** variable = environ; *variable != nullptr; ++variable) {
      if (!is_added(*variable)) environment_.push_back(*variable);
    }
    environment_.push_back(nullptr);
  }
  char* const* argv() const { return argv_.data(); }
  char* const* environment() const { return environment_.data(); }

 private:
  bool is_added(std::string_view variable) const {
    const std::string_view name = variable.substr(0, variable.find('=') + 1);
    return std::ranges::any_of(added_, [&](const std::string& one) { return one.starts_with(name); });
  }

  std::vector<char*> argv_;
  std::vector<std::string> added_;
  std::vector<char*> environment_;
};

/// Which call of the child failed, for its parent.
struct ChildFailure {
  enum class Step : int { kFolder, kLimits, kFiles, kProgram };
  Step step = Step::kProgram;
  int error = 0;
};

/// In the child, between fork and exec: system calls and nothing else.
class ChildSide {
 public:
  ChildSide(const SpawnOrder& order, const ExecArguments& arguments, int failures, pid_t parent)
      : order_{order}, arguments_{arguments}, failures_{failures}, parent_{parent} {}

  [[noreturn]] void run() {
    ::setpgid(0, 0);
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != parent_) ::_exit(127);  // it died before it was asked for
    redirect();
    if (!order_.folder.empty() && ::chdir(order_.folder.c_str()) != 0) fail_at(ChildFailure::Step::kFolder);
    limit();
    reset_signals();
    ::execvpe(arguments_.argv()[0], arguments_.argv(), arguments_.environment());
    fail_at(ChildFailure::Step::kProgram);
  }

 private:
  [[noreturn]] void fail_at(ChildFailure::Step step) {
    const ChildFailure failure{step, errno};
    std::ignore = ::write(failures_, &failure, sizeof failure);
    ::_exit(127);
  }
  void redirect() {
    const int empty = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (empty < 0 || ::dup2(empty, STDIN_FILENO) < 0) fail_at(ChildFailure::Step::kFiles);
    if (order_.output >= 0 && ::dup2(order_.output, STDOUT_FILENO) < 0) fail_at(ChildFailure::Step::kFiles);
    if (order_.errors >= 0 && ::dup2(order_.errors, STDERR_FILENO) < 0) fail_at(ChildFailure::Step::kFiles);
    ::close_range(3, ~0u, CLOSE_RANGE_CLOEXEC);
  }
  void limit() {
    if (order_.memory_bytes > 0) set_limit(RLIMIT_AS, order_.memory_bytes, order_.memory_bytes);
    const auto cpu_s = static_cast<rlim_t>(order_.cpu_s);
    if (order_.cpu_s > 0) set_limit(RLIMIT_CPU, cpu_s, cpu_s + 1);
  }
  template <class Resource>
  void set_limit(Resource resource, rlim_t soft, rlim_t hard) {
    rlimit now{};
    if (::getrlimit(resource, &now) != 0) fail_at(ChildFailure::Step::kLimits);
    const rlimit wanted{.rlim_cur = std::min(soft, now.rlim_max), .rlim_max = std::min(hard, now.rlim_max)};
    if (::setrlimit(resource, &wanted) != 0) fail_at(ChildFailure::Step::kLimits);
  }
  // What is ignored stays so in a program that is started.
  static void reset_signals() {
    for (const int number : {SIGPIPE, SIGINT, SIGTERM, SIGHUP, SIGCHLD}) ::signal(number, SIG_DFL);
    sigset_t none;
    ::sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
  }

  const SpawnOrder& order_;
  const ExecArguments& arguments_;
  const int failures_;
  const pid_t parent_;
};

/// No signal is handled in this thread, and so not in a child before it has a program of its own.
class BlockedSignals {
 public:
  BlockedSignals() {
    sigset_t all;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  ~BlockedSignals() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  BlockedSignals(const BlockedSignals&) = delete;
  BlockedSignals& operator=(const BlockedSignals&) = delete;

 private:
  sigset_t before_;
};

std::unexpected<Error> not_started(const SpawnOrder& order, const ChildFailure& failure) {
  const std::string& program = order.words[0];
  const std::string cause = cause_of(failure.error);
  switch (failure.step) {
    case ChildFailure::Step::kFolder:
      return fail(ErrorCode::kIo, fmt::format("cannot start '{}' in '{}': {}", program, order.folder, cause));
    case ChildFailure::Step::kLimits:
      return fail(ErrorCode::kIo, fmt::format("cannot start '{}': its limits: {}", program, cause));
    case ChildFailure::Step::kFiles:
      return fail(ErrorCode::kIo, fmt::format("cannot start '{}': its output: {}", program, cause));
    case ChildFailure::Step::kProgram:
      break;
  }
  return fail(failure.error == ENOENT ? ErrorCode::kNotFound : ErrorCode::kIo,
              fmt::format("cannot start '{}': {}", program, cause));
}

}  // namespace

namespace {

/// A child that has become the program, or why it has not.
struct Attempt {
  pid_t pid = -1;
  std::optional<ChildFailure> failure;
};

Result<Attempt> try_to_spawn(const SpawnOrder& order, const ExecArguments& arguments) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return fail(ErrorCode::kIo, "cannot make a pipe: " + cause_of(errno));
  const Descriptor failures{ends[0]};
  pid_t pid = -1;
  int error = 0;
  {
    const Descriptor told{ends[1]};
    const pid_t parent = ::getpid();
    const BlockedSignals blocked;
    pid = ::fork();
    error = errno;
    if (pid == 0) ChildSide{order, arguments, told.get(), parent}.run();
  }
  if (pid < 0) return fail(ErrorCode::kIo, fmt::format("cannot start '{}': {}", order.words[0], cause_of(error)));
  // Nothing comes, and the pipe ends, when the child has become the program.
  ChildFailure failure;
  ssize_t count = 0;
  do {
    count = ::read(failures.get(), &failure, sizeof failure);
  } while (count < 0 && errno == EINTR);
  if (count == 0) return Attempt{.pid = pid};
  kill_and_reap(pid);
  return Attempt{.failure = failure};
}

}  // namespace

// A file that was just written may still be open in a child that another thread forked meanwhile, until that has become its
// program: a moment.
Result<pid_t> spawn(const SpawnOrder& order) {
  const ExecArguments arguments{order};
  for (int waited_ms = 0;; ++waited_ms) {
    TIDEMARK_ASSIGN(attempt, try_to_spawn(order, arguments));
    if (!attempt.failure) return attempt.pid;
    if (attempt.failure->error != ETXTBSY || waited_ms == kMostBusyMs) return not_started(order, *attempt.failure);
    ::poll(nullptr, 0, 1);
  }
}

std::string to_string(const ExitReason& reason) {
  if (reason.signal == 0) return fmt::format("ended with status {}", reason.exit_code);
  const char* const name = ::sigabbrev_np(reason.signal);
  return fmt::format("was ended by signal {} ({}{})", reason.signal, name == nullptr ? "" : "SIG",
                     name == nullptr ? "unknown" : name);
}

ChildState state_of_child(pid_t pid) {
  siginfo_t info{};
  if (::waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOHANG | WNOWAIT) != 0) {
    return errno == ECHILD ? ChildState::kUnknown : ChildState::kRuns;
  }
  return info.si_pid == pid ? ChildState::kHasEnded : ChildState::kRuns;
}

// The group first: until its leader is waited for nobody else can have its number.
ExitReason kill_and_reap(pid_t pid) {
  ::kill(-pid, SIGKILL);
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0) {
    if (errno != EINTR) return {.signal = SIGKILL};
  }
  if (WIFSIGNALED(status)) return {.signal = WTERMSIG(status)};
  return {.exit_code = WEXITSTATUS(status)};
}

}  // namespace tidemark

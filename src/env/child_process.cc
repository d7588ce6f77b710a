#include "env/child_process.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <optional>

#include "env/descriptor.h"
#include "env/spawn.h"

namespace tidemark {
namespace {

constexpr std::size_t kMostOutput = 64u << 20;
constexpr std::size_t kKeptErrors = 64u << 10;
constexpr int kPollMs = 10;

struct Pipe {
  Descriptor out;
  Descriptor in;
};

Result<Pipe> make_pipe() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return fail(ErrorCode::kIo, fmt::format("cannot make a pipe: {}", std::strerror(errno)));
  ::fcntl(ends[0], F_SETFL, O_NONBLOCK);
  return Pipe{Descriptor{ends[0]}, Descriptor{ends[1]}};
}

/// What comes out of a pipe, without waiting for it.
class Outlet {
 public:
  explicit Outlet(Descriptor pipe) : pipe_{std::move(pipe)}, open_{pipe_.get() >= 0} {}

  pollfd readable() const { return {.fd = open_ ? pipe_.get() : -1, .events = POLLIN, .revents = 0}; }
  /// Takes what there is, until the text has more than `most`.
  void drain(std::size_t most) {
    std::array<char, 65536> buffer;
    while (open_ && text.size() <= most) {
      const ssize_t count = ::read(pipe_.get(), buffer.data(), buffer.size());
      if (count > 0) {
        text.append(buffer.data(), static_cast<std::size_t>(count));
      } else {
        open_ = count < 0 && (errno == EAGAIN || errno == EINTR);
        return;
      }
    }
  }

  std::string text;

 private:
  const Descriptor pipe_;
  bool open_;
};

/// A started child; killed and waited for if it is given up.
class Child {
 public:
  Child(pid_t pid, Descriptor output, Descriptor errors) : pid_{pid}, output_{std::move(output)}, errors_{std::move(errors)} {}
  ~Child() {
    if (!has_ended()) kill_and_reap(pid_);
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  /// Waits a moment for output or the end, and takes what there is.
  void step() {
    std::array readable{output_.readable(), errors_.readable()};
    ::poll(readable.data(), readable.size(), kPollMs);
    const ChildState state = state_of_child(pid_);
    if (state == ChildState::kHasEnded) reason_ = kill_and_reap(pid_);
    if (state == ChildState::kUnknown) status_lost_ = true;
    output_.drain(kMostOutput);
    drain_errors();
  }
  bool has_ended() const { return reason_.has_value() || status_lost_; }
  bool says_too_much() const { return output_.text.size() > kMostOutput; }

  Result<ChildEnd> end(const std::string& program) && {
    if (status_lost_) {
      return fail(ErrorCode::kIo, fmt::format("'{}' has ended, but the system does not tell how: it must not be called with "
                                              "the signal SIGCHLD ignored",
                                              program));
    }
    return ChildEnd{.exit_code = reason_->exit_code,
                    .signal = reason_->signal,
                    .output = std::move(output_.text),
                    .errors = std::move(errors_.text)};
  }

 private:
  // Never all at once: a child that has no end of them must not keep this from looking at the time.
  void drain_errors() {
    errors_.drain(2 * kKeptErrors);
    if (errors_.text.size() > kKeptErrors) errors_.text.erase(0, errors_.text.size() - kKeptErrors);
  }

  const pid_t pid_;
  Outlet output_;
  Outlet errors_;
  std::optional<ExitReason> reason_;
  bool status_lost_ = false;  // the system keeps none
};

}  // namespace

Result<ChildEnd> run_child(const std::vector<std::string>& words, std::int64_t timeout_ms, const ChildSettings& settings) {
  using Clock = std::chrono::steady_clock;
  SpawnOrder order{
      .words = words, .environment = settings.environment, .memory_bytes = settings.memory_bytes, .cpu_s = settings.cpu_s};
  std::optional<Child> child;
  {
    TIDEMARK_ASSIGN(output, make_pipe());
    order.output = output.in.get();
    std::optional<Pipe> errors;
    if (settings.keep_errors) {
      TIDEMARK_ASSIGN(made, make_pipe());
      errors.emplace(std::move(made));
      order.errors = errors->in.get();
    }
    TIDEMARK_ASSIGN(pid, spawn(order));
    child.emplace(pid, std::move(output.out), errors ? std::move(errors->out) : Descriptor{-1});
  }
  const Clock::time_point deadline = Clock::now() + std::chrono::milliseconds{timeout_ms};
  while (!child->has_ended()) {
    child->step();
    if (child->says_too_much()) {
      return fail(ErrorCode::kIo, fmt::format("'{}' printed more than 64 MiB; it was ended", words[0]));
    }
    if (!child->has_ended() && Clock::now() > deadline) {
      return fail(ErrorCode::kTimeout, fmt::format("'{}' has not ended in {} s; it was ended", words[0], timeout_ms / 1000));
    }
  }
  return std::move(*child).end(words[0]);
}

}  // namespace tidemark

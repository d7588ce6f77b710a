#include "env/posix_processes.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <list>
#include <string_view>
#include <thread>
#include <tuple>

#include "base/thread_name.h"
#include "env/descriptor.h"
#include "env/owner_link.h"
#include "env/spawn.h"
#include "tidemark/detail/base/check.h"

namespace tidemark {
namespace {

constexpr std::size_t kReadBytes = 64u << 10;
constexpr int kMostReadsAtItsEnd = 64;  // what it started and let go of may print for ever
constexpr std::size_t kKeptBytes = 4u << 10;
constexpr int kKeptLines = 10;

std::string_view last_lines(std::string_view text) {
  while (text.ends_with('\n')) text.remove_suffix(1);
  std::size_t begin = text.size();
  for (int lines = 0; lines < kKeptLines && begin != std::string_view::npos; ++lines) {
    begin = begin == 0 ? std::string_view::npos : text.rfind('\n', begin - 1);
  }
  return begin == std::string_view::npos ? text : text.substr(begin + 1);
}

/// The way to whoever has ordered a process. The callbacks are the owner's thread's.
struct Report {
  OwnerLink link;
  std::optional<ProcessCallbacks> callbacks;  // none: nobody listens any more
};

void tell_started(const std::shared_ptr<Report>& report, std::uint32_t pid) {
  report->link.post([report, pid] {
    if (report->callbacks) report->callbacks->on_started(pid);
  });
}

void tell_ended(const std::shared_ptr<Report>& report, ProcessEnd end) {
  report->link.post([report, end = std::move(end)] {
    if (!report->callbacks) return;
    ProcessCallbacks callbacks = *std::exchange(report->callbacks, std::nullopt);
    callbacks.on_ended(end);  // which may destroy the Process
  });
}

/// A process that runs.
class Running {
 public:
  Running(pid_t pid, Descriptor end, Descriptor output, RollingLog log, std::shared_ptr<Report> report)
      : pid_{pid}, end_{std::move(end)}, output_{std::move(output)}, log_{std::move(log)}, report_{std::move(report)} {}

  const Report* report() const { return report_.get(); }
  pollfd end() const { return {.fd = end_.get(), .events = POLLIN, .revents = 0}; }
  pollfd output() const { return {.fd = has_output_ ? output_.get() : -1, .events = POLLIN, .revents = 0}; }
  std::optional<std::int64_t> kill_at_ns() const { return kill_at_ns_; }

  void stop(std::int64_t kill_at_ns) {
    was_asked_ = was_asked_ || state_of_child(pid_) == ChildState::kRuns;
    ::kill(pid_, SIGTERM);
    kill_at_ns_ = std::min(kill_at_ns, kill_at_ns_.value_or(kill_at_ns));
  }
  void kill() {
    was_killed_ = was_killed_ || state_of_child(pid_) == ChildState::kRuns;
    ::kill(-pid_, SIGKILL);
    kill_at_ns_.reset();
  }
  /// Takes some of what it has printed; false if there is none.
  bool drain() {
    std::array<char, kReadBytes> buffer;
    const ssize_t count = ::read(output_.get(), buffer.data(), buffer.size());
    if (count <= 0) {
      has_output_ = count < 0 && (errno == EAGAIN || errno == EINTR);
      return false;
    }
    const std::string_view bytes{buffer.data(), static_cast<std::size_t>(count)};
    log_.append(bytes);
    tail_ += bytes;
    if (tail_.size() > kKeptBytes) tail_.erase(0, tail_.size() - kKeptBytes);
    return true;
  }
  /// It has ended, or does now.
  void reap() {
    const ExitReason reason = kill_and_reap(pid_);
    for (int reads = 0; reads < kMostReadsAtItsEnd && drain(); ++reads) continue;
    tell_ended(report_, {.in_order = reason.signal == 0 && reason.exit_code == 0,
                         .was_stopped = was_stopped(reason),
                         .how = to_string(reason),
                         .last_lines = std::string{last_lines(tail_)}});
  }

 private:
  // One that is being ended by somebody else still runs for a moment, when its connections are already seen to break: then it
  // is the signal that tells.
  bool was_stopped(const ExitReason& reason) const {
    if (was_killed_ && reason.signal == SIGKILL) return true;
    return was_asked_ && (reason.signal == 0 || reason.signal == SIGTERM);
  }

  const pid_t pid_;
  bool was_asked_ = false;   // to end, while it ran
  bool was_killed_ = false;  // likewise
  const Descriptor end_;     // readable when it has ended
  const Descriptor output_;
  bool has_output_ = true;
  RollingLog log_;
  std::string tail_;
  const std::shared_ptr<Report> report_;
  std::optional<std::int64_t> kill_at_ns_;
};

std::unexpected<Error> failed(std::string_view what) {
  return fail(ErrorCode::kIo, fmt::format("{}: {}", what, std::strerror(errno)));
}

}  // namespace

/// The thread, and what it has. Orders are mail.
class PosixProcesses::Keeper {
 public:
  Keeper(FileSystem& files, const Clock& clock, RollingLogLimits logs)
      : files_{files}, clock_{clock}, logs_{logs}, called_{::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)} {
    TIDEMARK_CHECK(called_.get() >= 0, "the system gives an eventfd");
    thread_ = std::thread{[this] { run(); }};
  }
  ~Keeper() {
    call([this] { is_ending_ = true; });
    thread_.join();
  }
  Keeper(const Keeper&) = delete;
  Keeper& operator=(const Keeper&) = delete;

  /// Any thread.
  void call(Mailbox::Mail order) {
    orders_.post(std::move(order));
    const std::uint64_t one = 1;
    std::ignore = ::write(called_.get(), &one, sizeof one);
  }

  // Orders: this thread's.
  void start(const ProcessOrder& order, std::shared_ptr<Report> report) {
    if (const auto started = try_to_start(order, report); !started) {
      tell_ended(report, {.how = "could not be started: " + started.error().message()});
    }
  }
  void stop(const Report& which, std::int64_t grace_ms) {
    const auto found = find(which);
    if (found == running_.end()) return;
    if (grace_ms > 0) {
      found->stop(clock_.steady_ns() + grace_ms * 1'000'000);
    } else {
      found->kill();
    }
  }

 private:
  void run() {
    name_this_thread("processes");
    while (!is_ending_) {
      wait_and_handle();
      std::uint64_t calls = 0;
      std::ignore = ::read(called_.get(), &calls, sizeof calls);
      orders_.run_all();
      kill_those_out_of_time();
    }
    for (Running& one : running_) one.kill();
    for (Running& one : running_) one.reap();
  }

  void wait_and_handle() {
    std::vector<pollfd> polled{{.fd = called_.get(), .events = POLLIN, .revents = 0}};
    for (const Running& one : running_) polled.insert(polled.end(), {one.end(), one.output()});
    ::poll(polled.data(), polled.size(), timeout_ms());
    auto at = polled.begin() + 1;
    for (auto one = running_.begin(); one != running_.end(); at += 2) {
      if (at[1].revents != 0) one->drain();
      if (at[0].revents != 0) {
        one->reap();
        one = running_.erase(one);
      } else {
        ++one;
      }
    }
  }

  int timeout_ms() const {
    std::optional<std::int64_t> first;
    for (const Running& one : running_) {
      if (const auto at = one.kill_at_ns()) first = std::min(*at, first.value_or(*at));
    }
    if (!first) return -1;
    return static_cast<int>(std::clamp<std::int64_t>((*first - clock_.steady_ns()) / 1'000'000 + 1, 0, 60'000));
  }
  void kill_those_out_of_time() {
    const std::int64_t now = clock_.steady_ns();
    for (Running& one : running_) {
      if (one.kill_at_ns().value_or(now + 1) <= now) one.kill();
    }
  }

  Result<> try_to_start(const ProcessOrder& order, const std::shared_ptr<Report>& report) {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) return failed("cannot make a pipe");
    Descriptor output{ends[0]};
    const Descriptor printed{ends[1]};
    ::fcntl(output.get(), F_SETFL, O_NONBLOCK);
    TIDEMARK_ASSIGN(pid, spawn({.words = order.words,
                                .environment = order.environment,
                                .folder = order.folder,
                                .output = printed.get(),
                                .errors = printed.get()}));
    Descriptor end{static_cast<int>(::syscall(SYS_pidfd_open, pid, 0))};  // glibc 2.36 declares pidfd_open() for C only
    if (end.get() < 0) {
      const auto error = failed("cannot watch the process");
      kill_and_reap(pid);
      return error;
    }
    tell_started(report, static_cast<std::uint32_t>(pid));
    running_.emplace_back(pid, std::move(end), std::move(output), RollingLog{files_, clock_, order.log, logs_}, report);
    return {};
  }

  std::list<Running>::iterator find(const Report& which) {
    return std::ranges::find(running_, &which, [](const Running& one) { return one.report(); });
  }

  FileSystem& files_;
  const Clock& clock_;
  const RollingLogLimits logs_;
  const Descriptor called_;
  Mailbox orders_;
  bool is_ending_ = false;  // the thread's, as running_
  std::list<Running> running_;
  std::thread thread_;
};

class PosixProcesses::Handle final : public StartedProcess {
 public:
  Handle(Keeper& keeper, std::shared_ptr<Report> report) : keeper_{keeper}, report_{std::move(report)} {}
  ~Handle() override {
    report_->link.cut();
    report_->callbacks.reset();
    stop(0);
  }
  void stop(std::int64_t grace_ms) override {
    keeper_.call([keeper = &keeper_, report = report_, grace_ms] { keeper->stop(*report, grace_ms); });
  }

 private:
  Keeper& keeper_;
  const std::shared_ptr<Report> report_;
};

PosixProcesses::PosixProcesses(FileSystem& files, const Clock& clock, RollingLogLimits logs)
    : keeper_{std::make_unique<Keeper>(files, clock, logs)} {}

PosixProcesses::~PosixProcesses() = default;

std::unique_ptr<StartedProcess> PosixProcesses::start(ProcessOrder order, Mailbox& owner, ProcessCallbacks callbacks) {
  auto report = std::make_shared<Report>();
  report->link.bind(owner);
  report->callbacks = std::move(callbacks);
  keeper_->call([keeper = keeper_.get(), order = std::move(order), report] { keeper->start(order, report); });
  return std::make_unique<Handle>(*keeper_, std::move(report));
}

}  // namespace tidemark

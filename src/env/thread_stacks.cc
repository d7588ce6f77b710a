#include "env/thread_stacks.h"

#include <errno.h>
#include <fmt/format.h>
#include <semaphore.h>
#include <signal.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#include <unwind.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <mutex>
#include <optional>
#include <utility>

namespace tidemark {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kMostFrames = 128;
constexpr auto kHandlerTakes = std::chrono::seconds{2};  // at the most, once it has begun, on any machine
constexpr pid_t kNobody = 0;
constexpr pid_t kIsAnswered = -1;

/// What one thread is asked. Never freed, as a signal may come at any time.
struct Question {
  std::atomic<pid_t> to{kNobody};  // whoever changes that number to kIsAnswered writes the rest, and posts
  std::array<std::uintptr_t, kMostFrames> addresses{};
  std::size_t count = 0;
  sem_t answered{};
};
Question question;


_Unwind_Reason_Code take_frame(_Unwind_Context* context, void*) {
  int is_at_instruction = 0;  // else at the one behind the call, which may be another function's
  const std::uintptr_t address = _Unwind_GetIPInfo(context, &is_at_instruction);
  if (address == 0 || question.count == kMostFrames) return _URC_END_OF_STACK;
  question.addresses[question.count++] = is_at_instruction != 0 ? address : address - 1;
  return _URC_NO_REASON;
}

void answer(int) {
  const int error = errno;
  auto me = static_cast<pid_t>(::syscall(SYS_gettid));
  if (question.to.compare_exchange_strong(me, kIsAnswered)) {
    question.count = 0;
    _Unwind_Backtrace(&take_frame, nullptr);
    ::sem_post(&question.answered);
  }
  errno = error;
}

_Unwind_Reason_Code pass_frame(_Unwind_Context*, void*) { return _URC_NO_REASON; }

/// What is wrong, if anything.
std::string install() {
  struct sigaction before {};
  ::sigaction(stack_signal(), nullptr, &before);
  if (before.sa_handler != SIG_DFL) return fmt::format("the program handles signal {} itself", stack_signal());
  _Unwind_Backtrace(&pass_frame, nullptr);  // what the first walk makes must not be made in a handler
  ::sem_init(&question.answered, 0, 0);
  struct sigaction action {};
  action.sa_handler = &answer;
  action.sa_flags = SA_RESTART | SA_ONSTACK;
  ::sigfillset(&action.sa_mask);
  ::sigaction(stack_signal(), &action, nullptr);
  return {};
}

bool wait_until(Clock::time_point until) {
  const auto left = std::max<std::chrono::nanoseconds>(until - Clock::now(), std::chrono::nanoseconds{0}).count();
  timespec at{};
  ::clock_gettime(CLOCK_REALTIME, &at);
  at.tv_sec += left / 1'000'000'000;
  at.tv_nsec += left % 1'000'000'000;
  if (at.tv_nsec >= 1'000'000'000) ++at.tv_sec, at.tv_nsec -= 1'000'000'000;
  int result = 0;
  while ((result = ::sem_timedwait(&question.answered, &at)) != 0 && errno == EINTR) {
  }
  return result == 0;
}

/// Asks one thread after the other.
class Asker {
 public:
  ThreadStack ask(std::uint32_t thread, Clock::time_point until) {
    if (!wrong_) wrong_ = install();
    if (!wrong_->empty()) return {.addresses = {}, .missing = *wrong_};
    auto to = static_cast<pid_t>(thread);
    question.to.store(to);
    if (::syscall(SYS_tgkill, ::getpid(), to, stack_signal()) != 0) return withdrawn(errno == ESRCH ? "it has ended" : "the system sends it no signal");
    if (!wait_until(until)) {
      if (question.to.compare_exchange_strong(to, kNobody)) return {.addresses = {}, .missing = "it does not answer"};
      if (!wait_until(Clock::now() + kHandlerTakes)) {
        wrong_ = "a thread has not come back from telling where it stands";
        return {.addresses = {}, .missing = *wrong_};
      }
    }
    // The first is the handler, the second what the kernel returns to behind it.
    const std::size_t skipped = std::min<std::size_t>(2, question.count);
    return {.addresses = {question.addresses.begin() + skipped, question.addresses.begin() + question.count}, .missing = {}};
  }

  std::mutex mutex;

 private:
  static ThreadStack withdrawn(const char* why) {
    question.to.store(kNobody);
    return {.addresses = {}, .missing = why};
  }

  std::optional<std::string> wrong_;  // nothing: the handler is not installed yet
};

}  // namespace

int stack_signal() { return SIGRTMIN + 6; }

std::vector<ThreadStack> stacks_of_threads(const std::vector<std::uint32_t>& threads, const StackPatience& patience) {
  static Asker asker;
  const std::lock_guard guard{asker.mutex};
  const auto until = Clock::now() + patience.all;
  std::vector<ThreadStack> stacks;
  for (const std::uint32_t thread : threads) {
    const auto now = Clock::now();
    if (now >= until) {
      stacks.push_back({.addresses = {}, .missing = "there was no time left to ask it"});
    } else {
      stacks.push_back(asker.ask(thread, std::min(now + patience.each, until)));
    }
  }
  return stacks;
}

}  // namespace tidemark

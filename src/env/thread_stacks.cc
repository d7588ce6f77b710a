#include "env/thread_stacks.h"

#include <dlfcn.h>
#include <errno.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <unwind.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

namespace tidemark {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kMostFrames = 128;
constexpr auto kHandlerTakes = std::chrono::seconds{2};  // at the most, once it has begun, on any machine
constexpr const char* kStillAnswers = "a thread has not come back from telling where it stands";
constexpr auto kLookAgain = std::chrono::microseconds{20};

// In place of a thread's number.
constexpr pid_t kNobody = 0;
constexpr pid_t kIsAnswering = -1;
constexpr pid_t kHasAnswered = -2;

/// What one thread is asked. Never freed, as a signal may come at any time.
struct Question {
  std::atomic<pid_t> to{kNobody};  // that thread alone changes it to kIsAnswering, writes the rest, and says when it has
  std::array<std::uintptr_t, kMostFrames> addresses{};
  std::size_t count = 0;
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
  if (question.to.compare_exchange_strong(me, kIsAnswering)) {
    question.count = 0;
    _Unwind_Backtrace(&take_frame, nullptr);
    question.to.store(kHasAnswered, std::memory_order_release);
  }
  errno = error;
}

_Unwind_Reason_Code pass_frame(_Unwind_Context*, void*) { return _URC_NO_REASON; }

/// What is wrong, if anything.
std::string install() {
  // Without it the unwinder takes a lock, which the interrupted thread may hold.
  if (::dlsym(RTLD_DEFAULT, "_dl_find_object") == nullptr) return "that needs glibc 2.35 or newer, and no program linked with -static";
  struct sigaction before {};
  ::sigaction(stack_signal(), nullptr, &before);
  if (before.sa_handler != SIG_DFL) return fmt::format("the program handles signal {} itself", stack_signal());
  _Unwind_Backtrace(&pass_frame, nullptr);  // what the first walk makes must not be made in a handler
  struct sigaction action {};
  action.sa_handler = &answer;
  action.sa_flags = SA_RESTART | SA_ONSTACK;
  ::sigfillset(&action.sa_mask);
  ::sigaction(stack_signal(), &action, nullptr);
  return {};
}

// By looking again and again, so that the handler need wake nobody.
bool wait_until(Clock::time_point until) {
  while (question.to.load(std::memory_order_acquire) != kHasAnswered) {
    if (Clock::now() >= until) return false;
    std::this_thread::sleep_for(kLookAgain);
  }
  return true;
}

/// Asks one thread after the other.
class Asker {
 public:
  ThreadStack ask(std::uint32_t thread, Clock::time_point until) {
    if (!wrong_) wrong_ = install();
    if (!wrong_->empty()) return without(*wrong_);
    if (question.to.load() == kIsAnswering) return without(kStillAnswers);
    auto to = static_cast<pid_t>(thread);
    question.to.store(to);
    const int error = ::syscall(SYS_tgkill, ::getpid(), to, stack_signal()) == 0 ? 0 : errno;
    if (error != 0 || !wait_until(until)) {
      if (question.to.compare_exchange_strong(to, kNobody)) return without(why(error));
      // It has just begun to, be it by a signal of before.
      if (!wait_until(Clock::now() + kHandlerTakes)) return without(kStillAnswers);
    }
    // The first is the handler, the second what the kernel returns to behind it.
    constexpr std::size_t kSkipped = 2;
    if (question.count <= kSkipped) return without("nobody knows what called the code in which it is");
    return {.addresses = {question.addresses.begin() + kSkipped, question.addresses.begin() + question.count}, .missing = {}};
  }

  std::mutex mutex;

 private:
  static ThreadStack without(std::string why) { return {.addresses = {}, .missing = std::move(why)}; }
  static const char* why(int error) {
    return error == 0 ? "it does not answer" : error == ESRCH ? "it has ended" : "the system sends it no signal";
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

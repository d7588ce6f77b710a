#include "env/thread_stacks.h"

#include <gmock/gmock.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <condition_variable>
#include <latch>
#include <mutex>
#include <string>
#include <thread>

#include "env/symbols.h"

namespace tidemark {

/// With a name that can be looked for.
[[gnu::noinline]] void wait_where_a_test_can_find_it(std::condition_variable& wakeup, std::unique_lock<std::mutex>& lock, const bool& over) {
  wakeup.wait(lock, [&] { return over; });
}

namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

constexpr StackPatience kPatient{.each = std::chrono::seconds{60}, .all = std::chrono::seconds{60}};

std::uint32_t this_thread() { return static_cast<std::uint32_t>(::syscall(SYS_gettid)); }

std::string text_of(const ThreadStack& stack) {
  Symbols symbols;
  std::string text = stack.missing;
  for (const std::uintptr_t address : stack.addresses) text += symbols.describe(address) + "\n";
  return text;
}

/// A thread that waits until the test is over.
class Waiting {
 public:
  Waiting() {
    is_ready_.wait();
    const std::lock_guard guard{mutex_};  // free when it waits in the function that is looked for
  }
  ~Waiting() {
    {
      const std::lock_guard guard{mutex_};
      over_ = true;
    }
    wakeup_.notify_all();
  }
  std::uint32_t id() const { return id_; }

 private:
  std::mutex mutex_;
  std::condition_variable wakeup_;
  bool over_ = false;
  std::uint32_t id_ = 0;
  std::latch is_ready_{1};
  std::jthread thread_{[this] {
    std::unique_lock lock{mutex_};
    id_ = this_thread();
    is_ready_.count_down();
    wait_where_a_test_can_find_it(wakeup_, lock, over_);
  }};
};

TEST(ThreadStacksTest, AThreadThatWaitsAndTheOneThatLooksSayWhereTheyStand) {
  const Waiting waiting;
  const auto stacks = stacks_of_threads({waiting.id(), this_thread()}, kPatient);
  ASSERT_EQ(stacks.size(), 2u);
  EXPECT_THAT(text_of(stacks[0]), HasSubstr("wait_where_a_test_can_find_it"));
  EXPECT_THAT(text_of(stacks[1]), HasSubstr("AThreadThatWaitsAndTheOneThatLooksSayWhereTheyStand"));
}

TEST(ThreadStacksTest, AThreadThatIsBusyDoesToo) {
  std::atomic<std::uint32_t> id{0};
  std::atomic<bool> over{false};
  std::jthread busy{[&] {
    id = this_thread();
    while (!over) ::sched_yield();
  }};
  while (id == 0) ::sched_yield();
  const auto stacks = stacks_of_threads({id}, kPatient);
  over = true;
  EXPECT_THAT(stacks[0].addresses, Not(IsEmpty())) << stacks[0].missing;
}

TEST(ThreadStacksTest, OneThatHasEndedOrTakesNoSignalIsPassedOver) {
  std::uint32_t ended = 0;
  std::thread{[&] { ended = this_thread(); }}.join();
  while (::syscall(SYS_tgkill, ::getpid(), ended, 0) == 0) ::sched_yield();  // the system may know of it for a moment longer
  std::atomic<std::uint32_t> deaf{0};
  std::latch over{1};
  std::jthread blocking{[&] {
    sigset_t all;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_BLOCK, &all, nullptr);
    deaf = this_thread();
    over.wait();
    ::pthread_sigmask(SIG_UNBLOCK, &all, nullptr);  // the signal comes now, and nobody wants to know any more
  }};
  while (deaf == 0) ::sched_yield();
  const Waiting waiting;
  const auto stacks = stacks_of_threads({ended, deaf}, {.each = std::chrono::milliseconds{1}, .all = std::chrono::seconds{60}});
  EXPECT_EQ(stacks[0].missing, "it has ended");
  EXPECT_EQ(stacks[1].missing, "it does not answer");
  over.count_down();
  blocking.join();
  EXPECT_THAT(text_of(stacks_of_threads({waiting.id()}, kPatient)[0]), HasSubstr("wait_where_a_test_can_find_it"));
}

TEST(ThreadStacksTest, WhoIsNotAskedInTimeIsSaidToBe) {
  const auto stacks = stacks_of_threads({this_thread()}, {.each = std::chrono::seconds{1}, .all = std::chrono::milliseconds{0}});
  EXPECT_EQ(stacks[0].missing, "there was no time left to ask it");
}

TEST(ThreadStacksTest, MayBeLookedAtBySeveralAtOnceWhileThreadsComeAndGo) {
  std::atomic<bool> over{false};
  std::jthread making{[&] {
    while (!over) std::thread{[] {}}.join();
  }};
  const Waiting waiting;
  std::vector<std::jthread> lookers;
  for (int i = 0; i < 3; ++i) {
    lookers.emplace_back([&] {
      for (int look = 0; look < 20; ++look) {
        const auto stacks = stacks_of_threads({waiting.id(), this_thread()}, kPatient);
        EXPECT_THAT(stacks[0].addresses, Not(IsEmpty()));
        EXPECT_THAT(stacks[1].addresses, Not(IsEmpty()));
      }
    });
  }
  lookers.clear();
  over = true;
}

}  // namespace
}  // namespace tidemark

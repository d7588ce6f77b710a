// Where the threads of this process stand: each is interrupted for a moment by a signal, whose handler writes down its return addresses.
//
// The handler allocates nothing, takes no lock and waits for nobody; where glibc is older than 2.35, or linked in with -static, the unwinder would,
// and no thread is asked. (It does, too, in a program that makes code while it runs and registers its unwind tables. And it believes tables: where
// those of a piece of assembler are wrong, it may read what it must not, as an exception would there.) A thread that has ended, blocks the signal or does not answer in
// time has no stack, and an answer that comes too late harms nobody. The first look installs the handler, for good. A signal ends some calls
// of the system with EINTR, as a debugger or a profiler does: code that waits in poll(), epoll_wait() or a sleep must bear that.
//
// Any thread; one look at a time, others wait for it.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace tidemark {

struct ThreadStack {
  std::vector<std::uintptr_t> addresses;  ///< in each call that it is in, the innermost first
  std::string missing;                    ///< where there are none: why
};

struct StackPatience {
  std::chrono::milliseconds each{100};   ///< for one thread's answer
  std::chrono::milliseconds all{1'000};  ///< for all of them; those that are not asked by then have none
};

/// By the system's numbers of the threads, in their order.
std::vector<ThreadStack> stacks_of_threads(const std::vector<std::uint32_t>& threads, const StackPatience& patience = {});

/// Of the signal that it sends: threads that block it have no stack.
int stack_signal();

}  // namespace tidemark

#include "env/posix_env.h"

#include <chrono>

#include "env/kernel_random.h"
#include "env/posix_file_system.h"

namespace tidemark {

std::int64_t PosixClock::wall_ms() const {
  using namespace std::chrono;
  return duration_cast<milliseconds>(system_clock::now().time_since_epoch()).count();
}

std::int64_t PosixClock::steady_ns() const {
  using namespace std::chrono;
  return duration_cast<nanoseconds>(steady_clock::now().time_since_epoch()).count();
}

PosixEnv::PosixEnv(int pool_threads)
    : random_{KernelRandom{}.next()}, pool_{pool_threads, ThreadPool::Growth::kNone, ThreadPool::Priority::kBackground} {}

Env PosixEnv::env() {
  return {.clock = &clock_, .random = &random_, .files = &posix_file_system(), .pool = &pool_, .calls = &calls_};
}

}  // namespace tidemark

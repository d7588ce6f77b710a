#include "env/posix_env.h"

#include <sys/random.h>

#include <cerrno>
#include <chrono>

#include "env/posix_file_system.h"
#include "tidemark/detail/base/check.h"

namespace tidemark {
namespace {

std::uint64_t seed_from_kernel() {
  std::uint64_t seed = 0;
  ssize_t n = 0;
  do {
    n = ::getrandom(&seed, sizeof seed, 0);
  } while (n < 0 && errno == EINTR);
  TIDEMARK_CHECK(n == sizeof seed, "the kernel gives no random numbers");
  return seed;
}

}  // namespace

std::int64_t PosixClock::wall_ms() const {
  using namespace std::chrono;
  return duration_cast<milliseconds>(system_clock::now().time_since_epoch()).count();
}

std::int64_t PosixClock::steady_ns() const {
  using namespace std::chrono;
  return duration_cast<nanoseconds>(steady_clock::now().time_since_epoch()).count();
}

PosixEnv::PosixEnv(int pool_threads) : random_{seed_from_kernel()}, pool_{pool_threads} {}

Env PosixEnv::env() {
  return {.clock = &clock_, .random = &random_, .files = &posix_file_system(), .pool = &pool_, .calls = &calls_};
}

}  // namespace tidemark

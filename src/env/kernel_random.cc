#include "env/kernel_random.h"

#include <sys/random.h>

#include <cerrno>

#include "tidemark/detail/base/check.h"

namespace tidemark {

std::uint64_t KernelRandom::next() {
  std::uint64_t number = 0;
  ssize_t n = 0;
  do {
    n = ::getrandom(&number, sizeof number, 0);
  } while (n < 0 && errno == EINTR);
  TIDEMARK_CHECK(n == sizeof number, "the kernel gives no random numbers");
  return number;
}

}  // namespace tidemark

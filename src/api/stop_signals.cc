#include "api/stop_signals.h"

#include <atomic>
#include <csignal>

namespace tidemark {
namespace {

std::atomic<int> signals{0};
static_assert(std::atomic<int>::is_always_lock_free, "a signal handler may touch it");

extern "C" void count_signal(int signal) {
  if (signals.fetch_add(1, std::memory_order_relaxed) >= 1) std::signal(signal, SIG_DFL);
}

}  // namespace

StopSignals::StopSignals() {
  signals.store(0, std::memory_order_relaxed);
  interrupt_before_ = std::signal(SIGINT, count_signal);
  terminate_before_ = std::signal(SIGTERM, count_signal);
}

StopSignals::~StopSignals() {
  std::signal(SIGINT, interrupt_before_);
  std::signal(SIGTERM, terminate_before_);
}

int StopSignals::count() const noexcept { return signals.load(std::memory_order_relaxed); }

}  // namespace tidemark

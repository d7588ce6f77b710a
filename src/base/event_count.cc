#include "base/event_count.h"

namespace tidemark {

void EventCount::commit() {
  std::unique_lock lock{mutex_};
  changed_.wait(lock, [this] { return state_.load(std::memory_order_seq_cst) != State::kParked; });
  state_.exchange(State::kAwake, std::memory_order_seq_cst);
}

bool EventCount::commit(std::chrono::nanoseconds timeout) {
  // Farther away than this the deadline would overflow the clock.
  constexpr std::chrono::nanoseconds kLongest = std::chrono::hours{24};
  std::unique_lock lock{mutex_};
  changed_.wait_for(lock, timeout < kLongest ? timeout : kLongest,
                    [this] { return state_.load(std::memory_order_seq_cst) != State::kParked; });
  return state_.exchange(State::kAwake, std::memory_order_seq_cst) == State::kWoken;
}

void EventCount::notify() noexcept {
  // Under the mutex, so that the owner is either asleep or has not yet looked at state_; and so that it can't return
  // and destroy this object before notify_one has.
  const std::lock_guard lock{mutex_};
  changed_.notify_one();
}

}  // namespace tidemark

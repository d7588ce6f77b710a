// What a task's time goes by with: work, waiting for input, or waiting for those behind it. A task that waits for its turn on
// its thread counts as busy.
//
// The task's thread changes it; any reads it, each number right by itself.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

namespace tidemark {

class Occupancy {
 public:
  enum class State : std::uint8_t {
    kIdle,           ///< has nothing to do
    kBusy,           ///< has something to do
    kBackpressured,  ///< can't hand on what it has done
  };

  State state() const { return state_.load(std::memory_order_relaxed); }

  void change(State to, std::int64_t now_ns) {
    auto& passed = passed_ns_[index(state())];
    const std::int64_t since = since_ns_.load(std::memory_order_relaxed);
    if (since != kNever) passed.store(passed.load(std::memory_order_relaxed) + now_ns - since, std::memory_order_relaxed);
    since_ns_.store(now_ns, std::memory_order_relaxed);
    state_.store(to, std::memory_order_relaxed);
  }

  /// Since the first change.
  std::int64_t ns_in(State state, std::int64_t now_ns) const {
    const std::int64_t since = since_ns_.load(std::memory_order_relaxed);
    const std::int64_t passed = passed_ns_[index(state)].load(std::memory_order_relaxed);
    return since == kNever || this->state() != state || now_ns < since ? passed : passed + now_ns - since;
  }

 private:
  static constexpr std::int64_t kNever = -1;
  static std::size_t index(State state) { return static_cast<std::size_t>(state); }

  std::array<std::atomic<std::int64_t>, 3> passed_ns_{};
  std::atomic<std::int64_t> since_ns_{kNever};
  std::atomic<State> state_{State::kIdle};
};

}  // namespace tidemark

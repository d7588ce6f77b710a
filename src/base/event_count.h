// How one thread sleeps until another has something for it, without missing it and without costing the others a lock.
//
// Threads: one owner parks; any thread wakes. The owner says that it is about to sleep (prepare), looks once more for
// work, and only then sleeps (commit). A waker first publishes its work, then calls wake(). Both sides begin with a
// read-modify-write of the one word, so either the owner's second look sees the work or the waker sees that the owner
// is about to sleep. wake() is one such operation when the owner is awake; the mutex is taken only to wake a sleeper.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>

namespace tidemark {

class EventCount {
 public:
  EventCount() = default;
  EventCount(const EventCount&) = delete;
  EventCount& operator=(const EventCount&) = delete;

  /// Any thread, after publishing work. Must return before the EventCount is destroyed.
  void wake() noexcept {
    if (state_.exchange(State::kWoken, std::memory_order_seq_cst) == State::kParked) [[unlikely]]
      notify();
  }

  /// The owner: from here on a wake() ends the coming commit(). Follow it by a look for work, then cancel() or
  /// commit().
  void prepare() noexcept { state_.exchange(State::kParked, std::memory_order_seq_cst); }
  void cancel() noexcept { state_.exchange(State::kAwake, std::memory_order_seq_cst); }
  /// Sleeps until wake(). There may have been nothing to it: look for work again.
  void commit();
  /// The same, no longer than `timeout`; false if that has passed.
  bool commit(std::chrono::nanoseconds timeout);

  /// The three together: sleeps unless `has_work()`; false if it slept for the whole timeout.
  template <class HasWork>
  bool park(HasWork&& has_work, std::chrono::nanoseconds timeout) {
    prepare();
    if (has_work()) {
      cancel();
      return true;
    }
    return commit(timeout);
  }
  template <class HasWork>
  void park(HasWork&& has_work) {
    prepare();
    if (has_work()) {
      cancel();
    } else {
      commit();
    }
  }

 private:
  enum class State : int {
    kAwake,   // the owner works; nobody has called since it last woke
    kWoken,   // somebody has called
    kParked,  // the owner sleeps or is about to
  };

  void notify() noexcept;

  std::atomic<State> state_{State::kAwake};
  std::mutex mutex_;  // held by the owner between its look at state_ and its sleep
  std::condition_variable changed_;
};

}  // namespace tidemark

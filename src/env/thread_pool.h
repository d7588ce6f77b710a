// A BlockingPool on threads of its own.
//
// Threads: submit() from any, works themselves included. Ownership: owns the works it was given. Invariant: every
// submitted work is stepped until kDone, by one thread; the destructor waits for all of them, the queued ones included,
// and for the works that these submit. A pool that gives each work a thread never lets one wait for another, unless the
// system gives no more threads: then it waits for the next that is free. All threads run on the cores of the one that made
// the pool, also those that are made later by one that keeps to a core of its own.
//
// Threads in the background get a core where the others leave it one, and a share of it where they do not: decision 0011.
#pragma once

#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "env/env.h"

namespace tidemark {

class ThreadPool final : public BlockingPool {
 public:
  enum class Growth {
    kNone,        ///< as many threads as it begins with, one at least
    kThreadEach,  ///< another one whenever none is free
  };

  enum class Priority {
    kSame,        ///< as whoever makes a thread
    kBackground,  ///< a tenth of that, where both want a core
  };

  /// Throws Error if the system gives no thread.
  explicit ThreadPool(int threads, Growth growth = Growth::kNone, Priority priority = Priority::kSame);
  ~ThreadPool() override;
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  /// Throws Error if the pool has no thread and the system gives none.
  void submit(std::unique_ptr<BackgroundWork> work) override;

 private:
  void add_thread();
  void grow();
  void run();
  void stop();

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::unique_ptr<BackgroundWork>> queue_;  // guarded by mutex_
  bool stopping_ = false;                              // guarded by mutex_
  std::size_t idle_ = 0;                               // threads that wait for work; guarded by mutex_
  const Growth growth_;
  const Priority priority_;
  const std::vector<int> cores_;
  std::vector<std::jthread> threads_;                  // grows under mutex_ until stopping_; last, so that the threads end before what they use
};

}  // namespace tidemark

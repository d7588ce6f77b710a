// A BlockingPool on threads of its own.
//
// Threads: submit() from any, works themselves included. Ownership: owns the works it was given. Invariant: every
// submitted work is stepped until kDone, by one thread; the destructor waits for all of them, the queued ones included,
// and for the works that these submit.
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
  /// At least one thread is started. Throws Error if the system gives none.
  explicit ThreadPool(int threads);
  ~ThreadPool() override;
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  void submit(std::unique_ptr<BackgroundWork> work) override;

 private:
  void run();
  void stop();

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::unique_ptr<BackgroundWork>> queue_;  // guarded by mutex_
  bool stopping_ = false;                              // guarded by mutex_
  std::vector<std::jthread> threads_;                  // last, so that the threads end before what they use
};

}  // namespace tidemark

#include "env/thread_pool.h"

#include <algorithm>

#include "tidemark/detail/base/check.h"

namespace tidemark {

ThreadPool::ThreadPool(int threads) {
  const int count = std::max(threads, 1);
  threads_.reserve(static_cast<std::size_t>(count));
  for (int i = 0; i < count; ++i) threads_.emplace_back([this] { run(); });
}

ThreadPool::~ThreadPool() {
  {
    const std::lock_guard lock{mutex_};
    stopping_ = true;
  }
  changed_.notify_all();
}

void ThreadPool::submit(std::unique_ptr<BackgroundWork> work) {
  {
    const std::lock_guard lock{mutex_};
    queue_.push_back(std::move(work));
  }
  changed_.notify_one();
}

void ThreadPool::run() {
  std::unique_lock lock{mutex_};
  while (true) {
    changed_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
    if (queue_.empty()) return;
    std::unique_ptr<BackgroundWork> work = std::move(queue_.front());
    queue_.pop_front();
    lock.unlock();
    Progress progress;
    do {
      progress = work->step();
      TIDEMARK_CHECK(progress != Progress::kBlocked, "a background work waits by itself and never returns kBlocked");
    } while (progress != Progress::kDone);
    work.reset();
    lock.lock();
  }
}

}  // namespace tidemark

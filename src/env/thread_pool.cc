#include "env/thread_pool.h"

#include <fmt/format.h>
#include <sys/resource.h>

#include <algorithm>
#include <system_error>

#include "base/thread_name.h"
#include "env/cpu_cores.h"
#include "tidemark/detail/base/check.h"
#include "tidemark/error.h"

namespace tidemark {
namespace {

// Ten steps are a factor of 9.3 in the kernel's weights.
constexpr int kBackgroundNice = 10;

// Linux counts niceness by thread, and lets each raise its own.
void yield_to_others() { setpriority(PRIO_PROCESS, 0, getpriority(PRIO_PROCESS, 0) + kBackgroundNice); }

}  // namespace

ThreadPool::ThreadPool(int threads, Growth growth, Priority priority)
    : growth_{growth}, priority_{priority}, cores_{cores_of_this_thread()} {
  const int count = growth == Growth::kNone ? std::max(threads, 1) : threads;
  threads_.reserve(static_cast<std::size_t>(count));
  try {
    for (int i = 0; i < count; ++i) add_thread();
  } catch (const Error&) {
    stop();  // else those that were made would wait for ever
    throw;
  }
}

ThreadPool::~ThreadPool() { stop(); }

void ThreadPool::stop() {
  {
    const std::lock_guard lock{mutex_};
    stopping_ = true;
  }
  changed_.notify_all();
}

void ThreadPool::submit(std::unique_ptr<BackgroundWork> work) {
  {
    const std::lock_guard lock{mutex_};
    if (growth_ == Growth::kThreadEach && !stopping_ && queue_.size() >= idle_) grow();
    queue_.push_back(std::move(work));
  }
  changed_.notify_one();
}

void ThreadPool::grow() {
  try {
    add_thread();
  } catch (const Error&) {
    if (threads_.empty()) throw;
  }
}

void ThreadPool::add_thread() {
  try {
    threads_.emplace_back([this] { run(); });
  } catch (const std::system_error& error) {
    throw Error{ErrorCode::kResourceExhausted,
                fmt::format("the system gives no thread for blocking work ({}): raise its limit on threads (ulimit -u, or "
                            "the container's)",
                            error.code().message())};
  }
}

void ThreadPool::run() {
  name_this_thread(priority_ == Priority::kBackground ? "background" : "blocking");
  // Refused, it runs where the thread does that made it, which costs time and does no harm.
  static_cast<void>(run_this_thread_on(cores_));
  if (priority_ == Priority::kBackground) yield_to_others();
  std::unique_lock lock{mutex_};
  while (true) {
    ++idle_;
    changed_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
    --idle_;
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

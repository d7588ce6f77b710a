#include "worker/threaded_execution.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <optional>
#include <system_error>
#include <utility>

#include "base/thread_name.h"

namespace tidemark {

ThreadedExecution::ThreadedExecution(const Env& env, CheckpointMode mode, const PhysicalPlan& plan,
                                     const detail::JobFactories& factories, ExecutionListener& listener, std::size_t threads,
                                     const MakeThread& make_thread, std::function<void()> on_destroyed,
                                     std::optional<TaskShare> share)
    : env_{env},
      on_destroyed_{std::move(on_destroyed)},
      make_thread_{make_thread},
      tasks_{env,      mode, plan, factories, listener, [this](std::size_t task) { return wakers_[task % wakers_.size()]; }, detail::Edge::kCapacity,
             std::move(share)} {
  for (std::size_t i = 0; i < threads; ++i) wakers_.push_back(std::make_shared<EventCount>());
}

ThreadedExecution::~ThreadedExecution() { on_destroyed_(); }

void ThreadedExecution::start(AttemptStart start) {
  try {
    make_threads();
    tasks_.start(std::move(start));
  } catch (const Error&) {
    set_gate(Gate::kAbandoned);
    throw;
  } catch (...) {
    set_gate(Gate::kAbandoned);
    throw Error{ErrorCode::kInternal, detail::current_exception_text()};
  }
  set_gate(Gate::kOpen);
}

std::vector<VertexMetrics> ThreadedExecution::vertex_metrics() const {
  return gate_.load(std::memory_order_acquire) == Gate::kOpen ? tasks_.vertex_metrics() : std::vector<VertexMetrics>{};
}

void ThreadedExecution::make_threads() {
  for (std::size_t i = 0; i < wakers_.size(); ++i) {
    try {
      threads_.push_back(make_thread_([this, i] { run(i); }));
    } catch (const std::system_error& error) {
      throw Error{ErrorCode::kResourceExhausted,
                  fmt::format("the system gives no thread {} of {} ({}): raise its limit on threads (ulimit -u, or the "
                              "container's), or lower worker.threads",
                              i + 1, wakers_.size(), error.code().message())};
    }
  }
}

void ThreadedExecution::set_gate(Gate gate) {
  gate_.store(gate, std::memory_order_release);
  gate_.notify_all();
}

void ThreadedExecution::run(std::size_t thread) {
  name_this_thread(fmt::format("tasks-{}", thread).c_str());
  gate_.wait(Gate::kClosed, std::memory_order_acquire);
  if (gate_.load(std::memory_order_acquire) == Gate::kAbandoned) return;
  std::vector<Task*> mine;
  for (std::size_t i = thread; i < tasks_.tasks().size(); i += wakers_.size()) mine.push_back(tasks_.tasks()[i].get());
  EventCount& waker = *wakers_[thread];

  const auto step_all = [&] {
    bool progressed = false;
    std::erase_if(mine, [&](Task* task) {
      const Progress progress = task->step();
      progressed = progressed || progress != Progress::kBlocked;
      return progress == Progress::kDone;
    });
    return progressed;
  };
  while (!mine.empty()) {
    if (step_all()) continue;
    std::optional<std::int64_t> deadline_ns;
    for (const Task* task : mine) {
      if (const auto next = task->next_deadline_ns()) deadline_ns = std::min(deadline_ns.value_or(*next), *next);
    }
    if (deadline_ns) {
      waker.park(step_all, std::chrono::nanoseconds{std::max<std::int64_t>(*deadline_ns - env_.clock->steady_ns(), 0)});
    } else {
      waker.park(step_all);
    }
  }
}

ThreadedExecutionFactory::ThreadedExecutionFactory(const Env& env, CheckpointMode mode, const PhysicalPlan& plan,
                                                   const detail::JobFactories& factories, std::size_t threads,
                                                   MakeThread make_thread)
    : env_{env},
      mode_{mode},
      plan_{plan},
      factories_{factories},
      threads_{threads != 0 ? threads : std::max(1u, std::thread::hardware_concurrency())},
      make_thread_{std::move(make_thread)} {}

std::unique_ptr<Execution> ThreadedExecutionFactory::make(ExecutionListener& listener) {
  std::size_t tasks = 0;
  for (const PhysicalVertex& vertex : plan_.vertices) tasks += vertex.parallelism;
  const auto on_destroyed = [this] {
    const std::lock_guard lock{mutex_};
    last_ = running_->metrics();
    last_vertices_ = running_->vertex_metrics();
    running_ = nullptr;
  };
  auto execution = std::make_unique<ThreadedExecution>(env_, mode_, plan_, factories_, listener, std::min(threads_, tasks), make_thread_, on_destroyed);
  const std::lock_guard lock{mutex_};
  running_ = execution.get();
  return execution;
}

WorkerMetrics ThreadedExecutionFactory::metrics() const { return running_ != nullptr ? running_->metrics() : last_; }

std::vector<VertexMetrics> ThreadedExecutionFactory::vertex_metrics() const {
  const std::lock_guard lock{mutex_};
  return running_ != nullptr ? running_->vertex_metrics() : last_vertices_;
}

}  // namespace tidemark

// Runs the tasks of an attempt on threads: a fixed share of the tasks each, stepped in turn; a thread whose tasks can all
// do nothing sleeps until one of them is woken or its time has come.
//
// Threads: as Execution; the destructor joins.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <thread>
#include <vector>

#include "worker/task_set.h"

namespace tidemark {

class ThreadedExecution final : public Execution {
 public:
  /// `on_destroyed` is called first thing of the destructor.
  ThreadedExecution(const Env& env, CheckpointMode mode, const PhysicalPlan& plan, const detail::JobFactories& factories,
                    ExecutionListener& listener, std::size_t threads, std::function<void()> on_destroyed);
  ~ThreadedExecution() override;

  void start(AttemptStart start) override;
  void trigger(const Barrier& barrier, const std::string& folder) override { tasks_.trigger(barrier, folder); }
  void notify_complete(CheckpointId id) override { tasks_.notify_complete(id); }
  void notify_aborted(CheckpointId id) override { tasks_.notify_aborted(id); }
  void finish() override { tasks_.finish(); }
  void cancel() override { tasks_.cancel(); }

  WorkerMetrics metrics() const { return tasks_.metrics(); }

 private:
  void run(std::size_t thread);

  Env env_;
  std::function<void()> on_destroyed_;
  std::vector<std::shared_ptr<EventCount>> wakers_;
  TaskSet tasks_;
  std::vector<std::jthread> threads_;
};

/// Makes one for each attempt of a job. Owned and used by the master's thread, as are the executions it makes.
class ThreadedExecutionFactory final : public ExecutionFactory {
 public:
  /// `threads` of 0: one a core. Plan and factories outlive the factory.
  ThreadedExecutionFactory(const Env& env, CheckpointMode mode, const PhysicalPlan& plan, const detail::JobFactories& factories,
                           std::size_t threads);

  std::unique_ptr<Execution> make(ExecutionListener& listener) override;

  /// Of the running attempt; between two attempts, of the last one at its end.
  WorkerMetrics metrics() const;

 private:
  Env env_;
  CheckpointMode mode_;
  const PhysicalPlan& plan_;
  const detail::JobFactories& factories_;
  std::size_t threads_;
  const ThreadedExecution* running_ = nullptr;
  WorkerMetrics last_;
};

}  // namespace tidemark

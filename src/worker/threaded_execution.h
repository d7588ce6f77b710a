// Runs the tasks of an attempt on threads: a fixed share of the tasks each, stepped in turn; a thread whose tasks can all
// do nothing sleeps until one of them is woken or its time has come.
//
// All threads are there before the first task starts, so that a machine that has none left fails the attempt and leaves
// nothing behind that waits for its turn.
//
// Threads: as Execution; the destructor joins.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "worker/task_set.h"

namespace tidemark {

/// A new thread that runs the function; throws std::system_error if there can't be one.
using MakeThread = std::function<std::jthread(std::function<void()>)>;

class ThreadedExecution final : public ShareExecution {
 public:
  /// `on_destroyed` is called first thing of the destructor.
  ThreadedExecution(const Env& env, CheckpointMode mode, const PhysicalPlan& plan, const detail::JobFactories& factories,
                    ExecutionListener& listener, std::size_t threads, const MakeThread& make_thread,
                    std::function<void()> on_destroyed, std::optional<TaskShare> share = std::nullopt);
  ~ThreadedExecution() override;

  void start(AttemptStart start) override;
  void open() override { tasks_.open(); }
  void put_question(NodeId enumerator, const detail::SplitQuestion& question) override { tasks_.put_question(enumerator, question); }
  std::string folder_of(CheckpointId id) override { return tasks_.folder_of(id); }
  void set_folder(CheckpointId id, std::string folder) override { tasks_.set_folder(id, std::move(folder)); }
  void trigger(const Barrier& barrier, const std::string& folder) override { tasks_.trigger(barrier, folder); }
  void notify_complete(CheckpointId id) override { tasks_.notify_complete(id); }
  void notify_aborted(CheckpointId id) override { tasks_.notify_aborted(id); }
  void drain() override { tasks_.drain(); }
  void finish() override { tasks_.finish(); }
  void cancel() override { tasks_.cancel(); }
  InputProgress input_progress() const override { return tasks_.input_progress(); }

  WorkerMetrics metrics() const { return tasks_.metrics(); }
  std::vector<VertexMetrics> vertex_metrics() const override;
  std::vector<GroupWatermark> group_watermarks() const override { return tasks_.group_watermarks(); }
  void hear_group_watermarks(const std::vector<GroupWatermark>& others) override { tasks_.hear_group_watermarks(others); }

 private:
  enum class Gate {
    kClosed,     // threads wait for the tasks
    kOpen,       // the tasks are there
    kAbandoned,  // there will be none
  };

  void make_threads();
  void set_gate(Gate gate);
  void run(std::size_t thread);

  Env env_;
  std::function<void()> on_destroyed_;
  MakeThread make_thread_;
  std::vector<std::shared_ptr<EventCount>> wakers_;
  TaskSet tasks_;
  std::atomic<Gate> gate_{Gate::kClosed};
  std::vector<std::jthread> threads_;
};

/// Makes one for each attempt of a job. Owned and used by the master's thread, but for what says otherwise, as are the
/// executions it makes.
class ThreadedExecutionFactory final : public ExecutionFactory {
 public:
  /// `threads` of 0: one a core. Plan and factories outlive the factory.
  ThreadedExecutionFactory(const Env& env, CheckpointMode mode, const PhysicalPlan& plan, const detail::JobFactories& factories,
                           std::size_t threads, MakeThread make_thread = [](auto run) { return std::jthread{std::move(run)}; });

  std::unique_ptr<Execution> make(ExecutionListener& listener) override;

  /// Of the running attempt; between two attempts, of the last one at its end.
  WorkerMetrics metrics() const;
  /// Likewise, from any thread.
  std::vector<VertexMetrics> vertex_metrics() const;

 private:
  Env env_;
  CheckpointMode mode_;
  const PhysicalPlan& plan_;
  const detail::JobFactories& factories_;
  std::size_t threads_;
  MakeThread make_thread_;
  mutable std::mutex mutex_;  // guards whatever changes, against vertex_metrics() of other threads
  const ThreadedExecution* running_ = nullptr;
  WorkerMetrics last_;
  std::vector<VertexMetrics> last_vertices_;
};

}  // namespace tidemark

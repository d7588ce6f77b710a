// An attempt whose tasks are in several workers, to the master an Execution like any other: each call becomes one to every worker, and
// what they say is gathered until it is true of all.
//
// A worker that is lost has ended, and the attempt has failed: the master cancels the others. Threads: as Execution and
// WorkerAttempt say. Ownership: owns the workers, which the factory gave; they are destroyed with it, after on_ended().
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "control/execution.h"
#include "control/worker_attempt.h"

namespace tidemark {

/// Where the tasks of an attempt are.
struct WorkerPlaces {
  std::vector<std::uint32_t> worker_of_slot;  ///< as many slots as the job's highest parallelism
  std::vector<std::string> data_addresses;    ///< by worker
  std::string secret = {};                    ///< by which the attempt's workers know each other
};

class ClusterExecution final : public Execution {
 public:
  /// A worker of an attempt that tells `listener`.
  using MakeWorker = std::function<std::unique_ptr<WorkerAttempt>(std::uint32_t worker, WorkerListener& listener)>;

  ClusterExecution(WorkerPlaces places, const MakeWorker& make_worker, ExecutionListener& listener);
  ~ClusterExecution() override;

  void start(AttemptStart start) override;
  void trigger(const Barrier& barrier, const std::string& folder) override;
  void notify_complete(CheckpointId id) override;
  void notify_aborted(CheckpointId id) override;
  void drain() override;
  void finish() override;
  void cancel() override;
  InputProgress input_progress() const override;
  /// As the workers last said. Any thread.
  std::vector<VertexMetrics> vertex_metrics() const;

 private:
  class Worker;

  bool recovers_sinks(std::uint32_t worker) const;
  AttemptStart share_of(const AttemptStart& start, std::uint32_t worker) const;
  void sinks_recovered();
  std::vector<GroupWatermark> lowest_of_others(const Worker& worker, std::vector<GroupWatermark> of_worker) const;
  void worker_runs(std::uint32_t worker);
  void worker_ended();
  void tell_moved(std::uint32_t worker, TaskState to);
  void fail(TaskId task, Error error);

  const WorkerPlaces places_;
  ExecutionListener& listener_;
  std::vector<std::unique_ptr<Worker>> workers_;

  bool has_started_ = false;
  std::mutex mutex_;  // guards what follows
  std::size_t not_running_ = 0;
  std::size_t not_ended_ = 0;
  bool has_failed_ = false;
};

}  // namespace tidemark

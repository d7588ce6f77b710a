// The execution of an attempt in a cluster: leases workers, waits until all of them are ready, and hands their lines to a ClusterExecution.
//
// Threads: the owner's of TaskManagers and timers, where the master is stepped, too. Cancelled before its tasks were started it has ended at
// once, as processes that were told nothing do nothing. Destroyed while it runs, as when the JobManager ends, it gives its workers up:
// they end by themselves without a master. Ownership: all references outlive it.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "control/execution.h"
#include "coordinator/cluster_execution.h"
#include "coordinator/deployed_worker.h"
#include "coordinator/task_managers.h"
#include "coordinator/timers.h"
#include "env/env.h"

namespace tidemark {

/// What all attempts of a job run.
struct Deployment {
  std::string job;  ///< its name
  std::string id;   ///< its first digits tell its workers' names from those of another job of that name
  std::string executable;
  std::vector<std::string> arguments;
  std::uint32_t slots = 1;
  std::string copies_of = {};               ///< its folder of checkpoints, if its workers keep copies of those
  std::vector<WorkerSite> before = {};      ///< where these lie; empty: nowhere yet
  std::uint64_t fingerprint = 0;  ///< of the plan; a worker's own must be the same
  std::uint64_t epoch = 1;
  std::int64_t ready_timeout_ns = 120'000'000'000;  ///< for workers to come, once there are slots
  std::int64_t cancel_timeout_ns = 30'000'000'000;  ///< for cancelled tasks to end before their processes are ended by force
};

class DeployingExecution final : public Execution, private TaskManagers::Tenant {
 public:
  using Metrics = std::vector<VertexMetrics>;

  /// What it leaves to the next attempt.
  struct Left {
    Metrics metrics;
    std::vector<WorkerSite> sites;  ///< of its workers, in the order of their slots; empty if it got none
  };

  /// `leave`: told as it is destroyed.
  DeployingExecution(const Deployment& what, TaskManagers& task_managers, const Clock& clock, Timers& timers, ExecutionListener& listener,
                     std::function<void(Left)> leave);
  ~DeployingExecution() override;

  void start(AttemptStart start) override;
  void trigger(const Barrier& barrier, const std::string& folder) override;
  void notify_complete(CheckpointId id) override;
  void notify_aborted(CheckpointId id) override;
  void drain() override;
  void finish() override;
  void cancel() override;
  InputProgress input_progress() const override;
  std::string place_of(TaskId task) const override;
  /// Empty until a worker has told some.
  Metrics vertex_metrics() const;
  /// Why it waits for slots; empty where it does not.
  std::string shortage() const { return state_ == State::kWaiting ? lease_->shortage() : std::string{}; }

 private:
  enum class State : std::uint8_t {
    kNew,
    kWaiting,    ///< for slots
    kDeploying,  ///< for workers to be ready
    kRunning,    ///< the ClusterExecution has them, until all have ended
    kFailed,     ///< before it ran: the master knows, and will cancel
    kCancelled,  ///< before it ran
  };
  struct Site {
    PlacedWorker place;
    std::unique_ptr<MessageLine> line;  // ready, until it runs
    std::optional<Error> broken = {};   // the line
    std::string data_address;
    bool is_gone = false;
    DeployedWorker* worker = nullptr;  // from then on
  };

  void on_workers_placed(std::vector<PlacedWorker> workers) override;
  void on_no_slots(Error error) override;
  void on_worker_ready(std::uint64_t worker, std::unique_ptr<MessageLine>& line, const WorkerReady& ready) override;
  void on_worker_gone(std::uint64_t worker, std::optional<Error> cause) override;

  Site& site(std::uint64_t worker);
  void tell_moved(const Site& site, TaskState to);
  bool all_ready() const;
  void wait_with(Site& site);
  void run();
  std::unique_ptr<WorkerAttempt> make_worker(std::uint32_t index, WorkerListener& listener);
  void too_late();
  void fail(Error error);
  void stop_all();

  const Deployment what_;
  TaskManagers& task_managers_;
  const Clock& clock_;
  Timers& timers_;
  ExecutionListener& listener_;
  const std::function<void(Left)> leave_;
  State state_ = State::kNew;
  AttemptStart start_;
  std::vector<Site> sites_;  // in the order of their slots
  std::unique_ptr<ClusterExecution> cluster_;
  Timers::Timer deadline_;
  std::unique_ptr<TaskManagers::Lease> lease_;
};

}  // namespace tidemark

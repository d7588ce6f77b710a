// The workers that one TaskManager of a simulated cluster has started, as processes of its machine.
//
// One thread. What ends a worker while somebody is stepped takes effect in reap(): nothing is destroyed under its own feet. It outlives the
// TaskManager, and makes the workers through `start`, which outlives it.
#pragma once

#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <string>

#include "env/processes.h"
#include "sim/simulated_env.h"
#include "sim/simulated_worker.h"

namespace tidemark {

class SimulatedProcesses final : public Processes {
 public:
  using Start = std::function<std::unique_ptr<SimulatedWorker>(const ProcessOrder& order)>;

  SimulatedProcesses(SimulatedEnv& env, Start start) : env_{env}, start_{std::move(start)} {}

  std::unique_ptr<StartedProcess> start(ProcessOrder order, Mailbox& owner, ProcessCallbacks callbacks) override;

  /// Those that run.
  std::size_t size() const { return children_.size(); }
  SimulatedWorker& worker(std::size_t which) const;
  /// kill -9, by somebody. Its TaskManager will know.
  void kill(std::size_t which);
  /// With the TaskManager, which hears nothing of it any more.
  void kill_all();
  /// Buries who has ended, or was stopped and does not end; true if there was one.
  bool reap();
  std::optional<std::int64_t> next_deadline_ns() const;

 private:
  class Handle;
  struct Child {
    std::unique_ptr<SimulatedWorker> worker;
    Mailbox* owner = nullptr;  // null: nobody wants to know
    ProcessCallbacks callbacks;
    bool was_stopped = false;
    std::optional<std::int64_t> dies_at_ns;
  };
  using Children = std::list<std::shared_ptr<Child>>;

  bool is_dying(const Child& child) const;
  void bury(const std::shared_ptr<Child>& child);

  SimulatedEnv& env_;
  const Start start_;
  Children children_;
};

}  // namespace tidemark

// One process that runs a job: the real master and the real tasks, stepped in an order that the seed picks.
//
// Each step() is one decision: the master, one task, one work in the background, or time leaping to the next deadline.
// Every actor that can do something may be next; how eager each kind is differs from process to process, so that some
// seeds starve the tasks and some the disk.
//
// One thread. The env outlives it. A process that dies (env.die()) is destroyed soon: what is left of it is cancelled
// and run to its end without reaching any file, so that its memory is freed; that it comes to an end is checked.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "coordinator/job_master.h"
#include "graph/plan.h"
#include "sim/simulated_env.h"
#include "tidemark/detail/task/factories.h"

namespace tidemark {

/// What main() builds.
struct SimulatedJob {
  PhysicalPlan plan;
  detail::JobFactories factories;
};

struct ProcessOptions {
  JobMasterOptions master;
  std::string checkpoint_dir = "/checkpoints";
  Resume resume = {Resume::Kind::kLatest, {}};
};

class SimulatedProcess final : private ExecutionFactory {
 public:
  /// An error where the job can't even start. The env must be alive.
  static Result<std::unique_ptr<SimulatedProcess>> start(SimulatedEnv& env, SimulatedJob job,
                                                         const ProcessOptions& options);
  ~SimulatedProcess();
  SimulatedProcess(const SimulatedProcess&) = delete;
  SimulatedProcess& operator=(const SimulatedProcess&) = delete;

  /// False when nothing is left to do: the job is over, the process is dead, or stuck().
  bool step();
  bool over() const { return over_; }
  /// Nobody can do anything, no deadline lies ahead, and the job is not over: a fault.
  bool stuck() const { return stuck_; }
  JobMaster& master() { return *master_; }

 private:
  class Attempt;
  enum class Kind { kMaster, kTask, kWork };
  struct Actor {
    Kind kind;
    std::size_t index;
  };

  SimulatedProcess(SimulatedEnv& env, SimulatedJob job, const ProcessOptions& options,
                   std::unique_ptr<CheckpointStore> store);
  std::unique_ptr<Execution> make(ExecutionListener& listener) override;

  std::vector<Actor> actors() const;
  bool step_somebody();
  bool step(const Actor& actor);
  bool step_master();
  bool step_task(std::size_t index);
  bool step_work(std::size_t index);
  bool leap();
  std::optional<std::int64_t> next_deadline_ns() const;
  void bury();

  SimulatedEnv& env_;
  const SimulatedJob job_;
  const CheckpointMode mode_;
  std::uint64_t steps_to_act_[3];  // by Kind: one time in so many that it could act, it does
  Attempt* attempt_ = nullptr;
  bool over_ = false;
  bool stuck_ = false;
  std::unique_ptr<JobMaster> master_;
};

}  // namespace tidemark

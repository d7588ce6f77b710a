// One process that runs a job: the real master and the real tasks, stepped in an order that the seed picks.
//
// Each step() is one decision: the master, one task, one work in the background, or time leaping to the next deadline.
// Every actor that can do something may be next; how eager each one is changes while it runs, so that now a task, now
// the disk is starved. The env's Pace says how much of that there is.
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
  JobMasterOptions master;  ///< CheckpointMode::kNone: no checkpoint folder is opened
  std::string checkpoint_dir = kSimulatedCheckpointDir;
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
  /// The last step() was the master's.
  bool master_stepped() const { return master_stepped_; }
  JobMaster& master() { return *master_; }
  /// An attempt of the job has begun and is not over.
  bool has_tasks() const { return attempt_ != nullptr; }

 private:
  class Attempt;

  SimulatedProcess(SimulatedEnv& env, SimulatedJob job, const ProcessOptions& options,
                   std::unique_ptr<CheckpointStore> store);
  std::unique_ptr<Execution> make(ExecutionListener& listener) override;

  std::size_t tasks() const;
  std::size_t actors() const { return 1 + tasks() + pool_.size(); }
  Mood& mood_of(std::size_t actor);
  void change_moods();
  bool acts_now(std::size_t actor);
  bool step_somebody();
  bool step(std::size_t actor);
  bool step_master();
  bool step_task(std::size_t index);
  bool step_work(std::size_t index);
  bool leap();
  std::optional<std::int64_t> next_deadline_ns() const;
  void bury();

  SimulatedEnv& env_;
  SimulatedPool pool_;
  const SimulatedJob job_;
  const CheckpointMode mode_;
  std::vector<Mood> moods_;  // of the master and the tasks; a work has its own
  Attempt* attempt_ = nullptr;
  JobState told_state_ = JobState::kInitializing;  // to the trace
  bool over_ = false;
  bool stuck_ = false;
  bool master_stepped_ = false;
  std::unique_ptr<JobMaster> master_;
};

}  // namespace tidemark

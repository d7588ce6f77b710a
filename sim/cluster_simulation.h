// One seed of a scenario with a cluster: jobs in it, the first of them of a given workload, with everything that the scenario leaves open
// drawn from the seed.
//
// First faults happen, to processes, machines, connections and files, while the jobs' users ask for this and that. Then the faults end: from
// there all jobs must finish within a bounded number of steps, with all their output and nothing else.
// One thread, one run() each. The same seed, scenario and workload give the same digest().
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sim/cluster_story.h"
#include "sim/cluster_world.h"
#include "sim/scenario.h"
#include "sim/scenario_draws.h"
#include "sim/simulated_env.h"
#include "sim/simulated_programs.h"
#include "sim/workload.h"

namespace tidemark {

class ClusterSimulation {
 public:
  ClusterSimulation(std::uint64_t seed, const Scenario& scenario, const WorkloadKind& workload);
  ClusterSimulation(const ClusterSimulation&) = delete;
  ClusterSimulation& operator=(const ClusterSimulation&) = delete;

  /// Gets the trace, line by line, each with the simulated time; before run().
  void listen(std::function<void(std::string_view line)> listener);
  /// What is wrong; nothing if all is well.
  std::optional<std::string> run();
  /// After run(): of all that happened and of the files that it left.
  std::uint64_t digest() const { return digest_; }

 private:
  struct Faults {
    std::uint64_t process_death = 0;
    std::uint64_t machine_death = 0;
    std::uint64_t user_error = 0;
    std::uint64_t savepoint = 0;
    std::uint64_t stop_with_savepoint = 0;
    std::uint64_t drain = 0;
    std::uint64_t cancel_with_savepoint = 0;
    std::uint64_t cancel = 0;
    std::uint64_t clock_set = 0;
    std::uint64_t cut = 0;
    std::uint64_t connections_break = 0;
    std::uint64_t freeze = 0;
    std::uint64_t upgrade = 0;
    std::uint64_t disposal = 0;
    std::uint64_t repeat = 0;
  };

  WorkloadOptions draw_workload();
  std::map<std::string, std::string> draw_options(CheckpointMode mode, std::size_t num_retained);
  void draw_faults();
  void make_program(const WorkloadKind& kind);
  void make_world();

  bool all_finished() const;
  void live();
  void step();
  void disturb();
  void ask(ClusterStory& story);
  void calm_down();

  const Scenario& scenario_;
  ScenarioDraws draws_;
  SimulatedEnv env_;
  Faults faults_;
  std::uint64_t fault_steps_ = 0;
  bool disturbed_ = false;
  std::uint64_t steps_ = 0;
  std::uint64_t calm_steps_ = 0;
  std::uint64_t digest_ = 0;
  std::vector<std::unique_ptr<Workload>> workloads_;      // of the programs
  std::vector<std::unique_ptr<FileSystem>> job_files_;    // of those but the first
  std::vector<ClusterStory::Settings> settings_;
  const std::shared_ptr<SimulatedPrograms> programs_ = std::make_shared<SimulatedPrograms>();
  std::unique_ptr<ClusterWorld> world_;
  std::vector<std::unique_ptr<ClusterStory>> stories_;
};

}  // namespace tidemark

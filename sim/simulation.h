// One seed: a scenario and a workload, with everything that the scenario leaves open drawn from the seed.
//
// First faults happen, process follows process, and after each one the files must make sense. Then the faults end: from
// there the job must finish within a bounded number of steps, with all its output and nothing else.
// One thread, one run() each. The same seed, scenario and workload give the same digest().
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "sim/scenario.h"
#include "sim/scenario_draws.h"
#include "sim/story.h"
#include "sim/workload.h"

namespace tidemark {

class Simulation {
 public:
  Simulation(std::uint64_t seed, const Scenario& scenario, const WorkloadKind& workload);
  Simulation(const Simulation&) = delete;
  Simulation& operator=(const Simulation&) = delete;

  /// Gets the trace, line by line, each with the simulated time; before run().
  void listen(std::function<void(std::string_view line)> listener);
  /// What is wrong; nothing if all is well.
  std::optional<std::string> run();
  /// After run(): of all that happened and of the files that it left.
  std::uint64_t digest() const { return digest_; }

 private:
  WorkloadOptions draw_workload();
  void draw_options();
  RestartPolicy draw_restart();
  RestartKind draw_restart_kind();
  void draw_faults();

  void live();
  void live_without_checkpoints();
  void check_finished(const JobOutcome& outcome);
  std::optional<JobOutcome> run_process();
  bool after_step(SimulatedProcess& process);
  void disturb(SimulatedProcess& process);
  void ask_to_end(SimulatedProcess& process);
  void choose_version();
  void choose_backend();
  void choose_resume(const std::optional<JobOutcome>& outcome);
  void calm_down();
  void check_end(const JobOutcome& outcome);
  bool was_rightly_refused(ErrorCode code);
  std::uint64_t faults_so_far();

  const Scenario& scenario_;
  ScenarioDraws draws_;  // of what is decided before anything runs
  Story story_;

  bool disturbed_ = false;  // the faults have not ended
  std::uint64_t steps_ = 0;
  std::uint64_t calm_steps_ = 0;
  std::uint64_t calm_processes_ = 0;
  std::uint64_t fault_steps_ = 0;
  std::uint64_t process_death_one_in_ = 0;
  std::uint64_t machine_death_one_in_ = 0;
  std::uint64_t user_error_one_in_ = 0;
  std::uint64_t stop_one_in_ = 0;
  std::uint64_t cancel_one_in_ = 0;
  std::uint64_t savepoint_one_in_ = 0;
  std::uint64_t stop_with_savepoint_one_in_ = 0;
  std::uint64_t drain_one_in_ = 0;
  std::uint64_t cancel_with_savepoint_one_in_ = 0;
  std::uint64_t disposal_one_in_ = 0;
  std::uint64_t rival_one_in_ = 0;
  std::uint64_t clock_set_one_in_ = 0;
  std::uint64_t claim_one_in_ = 0;
  std::uint64_t move_one_in_ = 0;
  std::uint64_t older_one_in_ = 0;
  std::uint64_t spill_one_in_ = 0;      // processes
  bool incremental_ = false;            // most processes' checkpoints
  std::uint64_t user_errors_ = 0;
  std::uint64_t faults_before_ = 0;  // when the last process started
  bool stop_requested_ = false;      // of the last process
  bool cancel_requested_ = false;
  std::uint64_t digest_ = 0;
};

}  // namespace tidemark

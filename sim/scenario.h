// What a simulated job goes through, as a small file says it: faults and how often, how the job is run, for how long.
// Most values are ranges, [lowest, highest]; each seed draws its own. They lie in sim/scenarios/.
//
// Plain data. Parsing is strict: an unknown key, a value out of bounds or of the wrong kind is an error that says where
// and what is allowed.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "tidemark/detail/model/checkpoint.h"

namespace tidemark {

struct ScenarioRange {
  std::uint64_t low = 0;
  std::uint64_t high = 0;
};

/// How a process restarts a job that failed; the delays are drawn.
enum class RestartKind : std::uint8_t { kFixedDelay, kFailureRate, kExponentialDelay };

struct Scenario {
  std::string name;   ///< the file's, without ".yaml"
  std::string about;  ///< one line
  std::vector<std::string> workloads;  ///< empty: all
  std::vector<CheckpointMode> modes = {CheckpointMode::kExactlyOnce};
  std::vector<RestartKind> restart_kinds = {RestartKind::kFixedDelay};
  bool swarm = false;    ///< each seed has only some of the faults
  bool rescale = false;  ///< each process may run the job at another parallelism and retain another number of checkpoints
  ScenarioRange parallelism{1, 4};
  ScenarioRange records{30, 150};
  ScenarioRange fault_steps{0, 0};  ///< after so many steps all faults end, and the job must finish

  struct Checkpoints {
    ScenarioRange interval_ms{2, 10};      ///< 0: none by time
    ScenarioRange interval_records{0, 0};  ///< likewise
    ScenarioRange interval_bytes{0, 0};
    ScenarioRange timeout_ms{100, 400};
    ScenarioRange min_pause_ms{0, 0};
    ScenarioRange in_flight{1, 3};
    ScenarioRange retained{1, 2};
    ScenarioRange tolerable_failures{0, 0};  ///< 0: any number
    ScenarioRange closing_attempts{0, 0};    ///< 0: until one succeeds
  };
  Checkpoints checkpoints;
  ScenarioRange restarts{0, 3};  ///< that a process tries before the job has failed

  /// Jobs run in a cluster. Then a process that dies is one of its: the JobManager, a TaskManager with all its workers, a worker.
  struct Cluster {
    ScenarioRange task_managers{0, 0};  ///< 0: there is none
    ScenarioRange slots{1, 3};          ///< of each
    ScenarioRange jobs{1, 1};           ///< at once; those but the first of any workload
    ScenarioRange delay_ms{0, 0};       ///< of bytes between two machines, at most
  };
  Cluster cluster;
  bool has_cluster() const { return cluster.task_managers.high > 0; }

  struct Pace {
    ScenarioRange step_us{20, 200};
    ScenarioRange laziness{1, 32};
    ScenarioRange stall_ms{0, 0};
    ScenarioRange io_latency_ms{0, 0};
  };
  Pace pace;

  /// Each: one time in so many; 0: never.
  struct Faults {
    ScenarioRange process_death;        ///< steps
    ScenarioRange machine_death;        ///< steps
    ScenarioRange death_in_file_change;  ///< operations that change files
    ScenarioRange io_error;             ///< operations that change files
    ScenarioRange read_error;           ///< operations that read files
    ScenarioRange disk_full;            ///< operations that need space
    ScenarioRange output_error;         ///< operations that change the sinks' files
    ScenarioRange user_error;           ///< calls of the job's functions
    ScenarioRange stop;                 ///< steps: the job is asked to stop with a checkpoint
    ScenarioRange cancel;               ///< steps: the job is cancelled
    ScenarioRange savepoint;            ///< steps: the job is asked for a savepoint
    ScenarioRange stop_with_savepoint;  ///< steps: the job is asked to stop with one
    ScenarioRange drain;                ///< steps: likewise, with its sources ended first, if the workload may be drained
    ScenarioRange cancel_with_savepoint;  ///< steps: the job is asked for a savepoint and is cancelled behind it
    ScenarioRange disposal;             ///< steps: somebody wants to delete a snapshot
    ScenarioRange rival;                ///< steps: somebody else claims what the job has claimed; also before it starts
    ScenarioRange stall;                ///< steps: a task stands still for a while
    ScenarioRange time_leap;            ///< steps: time leaps to the next deadline
    ScenarioRange clock_set;            ///< steps: the wall clock is set forward, by up to two seconds
    ScenarioRange cut;                  ///< steps: nothing arrives between two machines of a cluster, one way or both
    ScenarioRange connections_break;    ///< steps: all those between two of its machines
    ScenarioRange freeze;               ///< steps: one of its machines stands still, and nobody hears of it
    ScenarioRange upgrade;              ///< steps: another job is to take the place of one in a cluster
    ScenarioRange repeat;               ///< steps: somebody asks a second time for what was asked before
  };
  Faults faults;

  /// How a process goes on from one that has ended. Each: one time in so many of those where it can be; 0: never.
  struct Resumes {
    ScenarioRange claim;  ///< CLAIM of the savepoint with which the job ended
    ScenarioRange move;   ///< to another folder, from the snapshot with which the job ended
    ScenarioRange older;  ///< from an older retained checkpoint, or any savepoint; that may be refused
  };
  Resumes resumes;
};

/// `file` names it in messages.
Result<Scenario> parse_scenario(std::string_view name, std::string_view yaml, std::string_view file);
/// All of `directory`/*.yaml, by name.
Result<std::vector<Scenario>> load_scenarios(const std::string& directory);

}  // namespace tidemark

// Every option of the engine, typed and with its default: what a job runs with. Plain data; threads may share it
// unchanged.
//
// The defaults here are those of a job without a checkpoint folder; OptionsBuilder (options_builder.h) adds what
// follows from having one. Keys stand in options_builder.cc, in Flink's names where the meaning is Flink's.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "base/log.h"
#include "tidemark/time.h"

namespace tidemark {

struct Options {
  enum class CheckpointMode {
    kExactlyOnce,  ///< a task aligns its inputs at a barrier
    kAtLeastOnce,  ///< it doesn't: records may be counted twice after a restart
    kNone,         ///< at most once: nothing is kept and a failure ends the job; checkpoints only commit its output
  };

  struct Checkpointing {
    std::string dir;       ///< empty: no checkpoints, nothing to resume from
    Duration interval{0};  ///< 0: none by time; there is always one at the end or on a stop
    std::int64_t interval_records = 0;  ///< read by all sources since the one before; 0: none by records
    std::int64_t interval_bytes = 0;    ///< likewise, of sources that know them (files do); 0: none by bytes
    Duration min_pause{0};
    Duration timeout{std::chrono::minutes{10}};
    int max_concurrent = 1;
    /// In a row, before the job fails; none: any number. Flink's default is 0; here a full disk does not end a job.
    std::optional<std::int64_t> tolerable_failures;
    CheckpointMode mode = CheckpointMode::kExactlyOnce;
    int num_retained = 1;
    bool incremental = false;  ///< write only what has changed since earlier checkpoints; savepoints are always whole
    bool retain_on_cancellation = true;  ///< false: a cancelled job deletes its checkpoints
    bool local_backup = false;           ///< keep copies of the files of checkpoints on a local disk, and restore from these
    std::string local_backup_dir;        ///< below it; empty: the system's folder of temporary files
    std::string savepoint_dir;           ///< of savepoints that are asked for without a folder; empty: none
  };

  bool lazy_recovery = true;  ///< process records before all restored state is in memory

  /// Under every strategy the first restart follows at once.
  struct Restart {
    enum class Strategy {
      kNone,              ///< the first failure fails the job
      kFixedDelay,        ///< so many restarts, each after the same delay
      kFailureRate,       ///< restarts as long as there are few failures in an interval
      kExponentialDelay,  ///< restarts after delays that grow, and begin anew after a quiet time
    };
    struct FixedDelay {
      std::int64_t attempts = 3;
      Duration delay{std::chrono::seconds{1}};
    };
    struct FailureRate {
      std::int64_t max_failures = 1;  ///< in any interval
      Duration interval{std::chrono::minutes{1}};
      Duration delay{std::chrono::seconds{1}};
    };
    struct ExponentialDelay {
      Duration initial{std::chrono::seconds{1}};
      Duration max{std::chrono::minutes{1}};
      double multiplier = 1.5;
      double jitter = 0.1;  ///< share of a delay by which it is made longer or shorter
      Duration reset_after{std::chrono::hours{1}};
      /// Without a reset between; none: any number. Flink's default is none; see docs/decisions/0005.
      std::optional<std::int64_t> attempts = 5;
    };
    Strategy strategy = Strategy::kNone;
    FixedDelay fixed_delay;
    FailureRate failure_rate;
    ExponentialDelay exponential_delay;
  };

  enum class StateBackend {
    kHashmap,  ///< state of keys lies in memory, all of it
    kRocksdb,  ///< in databases on local disk, and in memory what is in use
  };

  int parallelism = 1;         ///< 1 .. max_parallelism
  int max_parallelism = 4096;  ///< 1 .. 32768; fixed for the life of a job's state
  Checkpointing checkpointing;
  Restart restart;
  bool resume = false;       ///< go on from a checkpoint, or begin anew in a folder that is not used
  std::string restore_path;  ///< from this one; empty: from the newest of the job
  bool claim = false;        ///< what restore_path names belongs to the job from then on, which deletes it in time
  bool ignore_unclaimed_state = false;  ///< drop what the checkpoint holds and no operator takes; else refuse to start
  int worker_threads = 0;    ///< 0: one for each core
  bool cpu_pinning = false;  ///< each of them keeps to a core of its own
  std::int64_t state_memory = 0;  ///< bytes that keyed state may take; 0: 70 % of what the machine or the container has
  StateBackend state_backend = StateBackend::kHashmap;
  std::string rocksdb_folder;  ///< below which a process keeps its databases; empty: the system's folder of temporary files
  std::string metrics_address;  ///< "host:port" where a job that runs alone answers GET /metrics; empty: at its control socket alone
  LogLevel log_level = LogLevel::kInfo;
  bool plan_only = false;  ///< print the plan and end
  bool check_only = false;   ///< say whether the job could start from check_path, and end
  bool check_as_json = false;
  std::string check_path;  ///< empty: from what the newest of the job is
  std::map<std::string, std::string> given = {};  ///< what was set, by key, in the words in which it was
};

}  // namespace tidemark

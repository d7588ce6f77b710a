// What a worker's process is told by the TaskManager that starts it, in its environment: an executable that finds it there runs
// a share of its job instead of all of it.
//
// In the environment and not on the command line, as the token is nobody else's to see. Plain data.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "env/transport.h"

namespace tidemark {

/// How processes of a cluster know that the others are still there.
struct Heartbeat {
  std::int64_t interval_ms = 2'000;  ///< no process is silent for longer
  std::int64_t timeout_ms = 10'000;  ///< whoever is silent for so long is given up; at least two intervals
  friend bool operator==(const Heartbeat&, const Heartbeat&) = default;
};

struct WorkerOrder {
  std::string name;       ///< for messages: "worker 2 of orders, attempt 3"
  std::string master;     ///< where the JobManager listens for workers
  std::string token;      ///< by which the JobManager knows it; of this process alone
  std::string data_host;  ///< it listens there for other workers, at a port of the system's choice
  std::uint64_t memory_bytes = 0;  ///< for its state, where the job does not say; 0: as a job that runs alone
  std::uint32_t threads = 0;       ///< of its tasks, where the job does not say; 0: one a core
  std::optional<Tls> tls;          ///< of all its connections
  Heartbeat heartbeat;             ///< likewise
  std::string job_id;
  std::string task_manager;  ///< its id
  std::string host;          ///< of people's names
  std::string copies_of;     ///< folder of checkpoints of whose files it keeps copies; empty: it keeps none
  std::string copies_in;     ///< where, unless the job says
  std::string socket;        ///< in whose folder and under whose name it is asked how it is (process_report.h); empty: nowhere
};

/// Names of the environment.
inline constexpr std::string_view kWorkerOrderVariable = "TIDEMARK_WORKER";
/// Set: the executable writes what it is (coordinator/job_description.h) to this file, and ends without running anything.
inline constexpr std::string_view kDescribeToVariable = "TIDEMARK_DESCRIBE_TO";

std::string to_text(const WorkerOrder& order);
/// kParse for what is none.
Result<WorkerOrder> parse_worker_order(std::string_view text);

}  // namespace tidemark

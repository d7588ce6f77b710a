// The configuration file of a cluster's processes, JobManager and TaskManagers alike: one file may serve all machines, with
// Flink's keys where the meaning is Flink's, and options of jobs for those that do not set them.
//
// Pure; any thread.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "tidemark/time.h"

namespace tidemark {

/// Where a JobManager listens unless it is told otherwise: for TaskManagers and workers, and for REST.
constexpr std::uint16_t kJobManagerPort = 6123;
constexpr std::uint16_t kRestPort = 8081;

/// Empty and 0: not set, so that a command line or a default decides.
struct ClusterOptions {
  struct JobManager {
    std::string host;          ///< jobmanager.rpc.address: where the others reach it
    std::uint16_t port = 0;    ///< jobmanager.rpc.port
    std::string bind_host;     ///< jobmanager.bind-host: where it listens
    std::string folder;        ///< high-availability.storageDir: of its jobs, from which it goes on after its end
    Duration slot_timeout{0};  ///< slot.request.timeout: for a job to get its slots
  };
  struct Rest {
    std::string host;        ///< rest.address: where clients reach it
    std::string bind_host;   ///< rest.bind-address: where it listens
    std::uint16_t port = 0;  ///< rest.port
  };
  struct TaskManager {
    std::string id;                  ///< taskmanager.resource-id
    std::string host;                ///< taskmanager.host: where its workers are reached
    std::uint32_t slots = 0;         ///< taskmanager.numberOfTaskSlots
    std::uint64_t process_bytes = 0;  ///< taskmanager.memory.process.size: of all that its workers take
    std::uint64_t state_bytes = 0;    ///< taskmanager.memory.managed.size: of their state
    std::string tmp_folder;          ///< io.tmp.dirs, of which there is one: a TaskManager makes its own folder below it
  };

  struct Heartbeat {
    Duration interval{0};  ///< heartbeat.interval: no process is silent for longer
    Duration timeout{0};   ///< heartbeat.timeout: whoever is silent for so long is given up
  };

  /// Files in PEM; empty: no TLS.
  struct Tls {
    std::string certificate;  ///< ssl.certificate
    std::string key;          ///< ssl.key
    std::string authority;    ///< ssl.authority: whoever signed the others' certificates
    std::string peer_name;    ///< ssl.peer-name: in the others' certificates; empty: the host that is called
    bool is_set() const { return !certificate.empty(); }
    friend bool operator==(const Tls&, const Tls&) = default;
  };

  JobManager job_manager;
  Heartbeat heartbeat;
  Tls internal_tls;  ///< security.ssl.internal.*: between JobManager, TaskManagers and workers, which show one another certificates
  Tls rest_tls;      ///< security.ssl.rest.*: what REST shows its clients; of these, certificate and key
  Rest rest;
  TaskManager task_manager;
  std::vector<std::pair<std::string, std::string>>
      jobs;  ///< options of jobs as they stand there, in their order; each is sound
};

/// `text` of the file called `name`. Errors as those of jobs' options (options_builder.h).
Result<ClusterOptions> read_cluster_options(const std::string& text, const std::string& name);

}  // namespace tidemark

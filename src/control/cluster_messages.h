// What JobManagers, TaskManagers and workers' processes say to each other besides what concerns an attempt's tasks (messages.h).
//
// Whoever comes to a JobManager says first who it is: a TaskManager, which stays, or a worker, which from then on is spoken to by its
// job's master. Plain data, any thread by value.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "control/worker_order.h"
#include "control/message_line.h"
#include "control/messages.h"

namespace tidemark {

struct RegisterTaskManager {
  std::string id;         ///< chosen by it, or its user; unique in the cluster
  std::string host;       ///< for people
  std::string data_host;  ///< where its workers listen for others
  std::uint32_t slots = 1;
  std::uint32_t cores = 1;
  std::uint64_t memory_bytes = 0;  ///< for state, of all its slots together
  std::string folder;              ///< of its workers' files and logs, for people
};
/// Answered with kTaskManagerRegistered, or with kTaskManagerRefused and the end of the line.
struct TaskManagerRefused {
  ErrorReport cause;
};

/// Which worker: names are given by the JobManager, and never again.
struct WorkerNumber {
  std::uint64_t number = 0;
};
struct StartWorker {
  std::uint64_t number = 0;
  std::string name;             ///< for people and for the names of logs: "orders-3-w1"
  std::string job;              ///< its name: all its workers on a TaskManager work in one folder
  std::string job_id;
  std::string executable;       ///< its content hash (control/executable_store.h)
  std::vector<std::string> arguments;
  std::string token;
  std::uint32_t slots = 1;      ///< it has so many of the TaskManager's, and their part of its memory
  std::string copies_of = {};   ///< folder of checkpoints of whose files it keeps copies on its TaskManager's disk; empty: it keeps none
};
/// A worker's process has ended, or never began. Behind it, its slots are free.
struct WorkerEnded {
  std::uint64_t number = 0;
  bool in_order = false;  ///< by itself, with status 0
  ErrorReport cause;      ///< else: "worker orders-3-w1 was ended by signal 9 (SIGKILL); its last lines: ..."
};

/// A part of an executable is asked for, and answered with kExecutablePart, one at a time.
struct ExecutableWanted {
  std::string hash;
  std::uint64_t offset = 0;
};
struct ExecutablePart {
  std::string hash;
  std::uint64_t offset = 0;
  std::uint64_t size = 0;  ///< of the whole
  std::string bytes;       ///< at most kLargestPart; empty where the JobManager has it no longer
};
inline constexpr std::size_t kLargestPart = 1u << 20;

/// A TaskManager is asked something about itself, as by GET below /taskmanagers/ID, and answers it once, in any order.
struct TaskManagerAsked {
  std::uint64_t number = 0;
  std::string path;
  std::map<std::string, std::string> query;
};
struct TaskManagerAnswered {
  std::uint64_t number = 0;
  std::uint16_t status = 200;
  std::string body;
  std::string content_type;
};

/// First of all that a worker's process says.
struct WorkerReady {
  std::string token;
  std::string data_address;  ///< where it listens for other workers: "host:port"
  std::uint64_t fingerprint = 0;  ///< of the plan that it would run
};

/// How these processes connect: what an attempt starts from may be long.
ConnectionOptions control_connection(const std::optional<Tls>& tls = std::nullopt, const Heartbeat& heartbeat = {});
/// Workers among each other: records go in parts of a few MiB.
ConnectionOptions data_connection(const std::optional<Tls>& tls = std::nullopt, const Heartbeat& heartbeat = {});

/// All that a JobManager takes on a line, whoever is at its other end; and all that it says.
Vocabulary words_to_job_managers();
Vocabulary words_of_job_managers();
/// What a TaskManager takes; it sends what job managers take.
Vocabulary words_to_task_managers();

}  // namespace tidemark

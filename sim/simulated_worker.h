// The process of a worker in a simulated cluster: the real server and the real tasks of its share, stepped by whoever simulates.
//
// It does what run_worker() does (api/worker_run.h): listens for other workers, goes to the JobManager, serves one attempt and ends.
// One thread. Env, network and programs outlive it. Destroyed while it runs it dies as by kill -9: what is left of it is cancelled and run to its
// end without reaching any file or connection, so that its memory is freed; that it comes to an end is checked.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "base/mailbox.h"
#include "control/worker_order.h"
#include "env/local_copies.h"
#include "env/memory_network.h"
#include "sim/simulated_env.h"
#include "sim/simulated_process.h"
#include "sim/simulated_programs.h"
#include "worker/worker_server.h"

namespace tidemark {

class SimulatedWorker {
 public:
  SimulatedWorker(SimulatedEnv& env, MemoryNetwork& network, const std::string& host, WorkerOrder order, SimulatedPrograms& programs,
                  const ProgramArguments& arguments);
  ~SimulatedWorker();
  SimulatedWorker(const SimulatedWorker&) = delete;
  SimulatedWorker& operator=(const SimulatedWorker&) = delete;

  /// Of the thread that serves; false if nothing can be done now.
  bool step();
  /// By itself. Never step it again.
  bool has_ended() const { return has_ended_; }
  /// Why it ended with another status than 0.
  const std::optional<Error>& error() const { return error_; }

  std::size_t tasks() const;
  bool step_task(std::size_t index);
  std::size_t works() const { return pool_.size(); }
  bool step_work(std::size_t index);

  std::optional<std::int64_t> next_deadline_ns() const;
  const std::string& name() const { return order_.name; }
  Mood& mood() { return mood_; }
  std::uint64_t memory_bytes() const { return order_.memory_bytes; }

 private:
  class Attempt;

  Env env();
  void serve(std::unique_ptr<Connection> master);
  void end(std::optional<Error> error);
  bool let_end();

  SimulatedEnv& env_;
  const std::string host_;
  const WorkerOrder order_;
  SimulatedPrograms& programs_;
  const ProgramArguments arguments_;
  const SimulatedJob job_;
  const std::unique_ptr<LocalStores> stores_;
  std::optional<LocalCopies> copies_;
  Mood mood_;
  SimulatedPool pool_;
  Mailbox mailbox_;
  std::unique_ptr<Transport> transport_;
  Attempt* attempt_ = nullptr;  // while it has tasks
  std::unique_ptr<WorkerServer> server_;
  std::unique_ptr<Listener> listener_;
  std::unique_ptr<Dial> dial_;
  bool has_ended_ = false;
  std::optional<Error> error_;
};

}  // namespace tidemark

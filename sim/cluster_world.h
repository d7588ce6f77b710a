// A whole cluster on one seed: a JobManager, TaskManagers and the workers that they start, each with the code of the real one, over a
// network in memory and one disk that all share.
//
// Each step() is one decision: one process, one task, one work in the background, one event of the network, or time leaping to the next
// deadline. Who dies takes down what a kernel takes down with it, and is started again after a while. heal() ends all that.
// One thread. Env and programs outlive it. What must hold of processes at any moment is thrown as Wrong.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "agent/task_manager.h"
#include "coordinator/job_manager.h"
#include "env/memory_network.h"
#include "sim/simulated_env.h"
#include "sim/simulated_processes.h"
#include "sim/simulated_programs.h"

namespace tidemark {

class ClusterWorld {
 public:
  /// `slots`: of each TaskManager.
  ClusterWorld(SimulatedEnv& env, std::shared_ptr<SimulatedPrograms> programs, const std::vector<std::uint32_t>& slots);
  ~ClusterWorld();
  ClusterWorld(const ClusterWorld&) = delete;
  ClusterWorld& operator=(const ClusterWorld&) = delete;

  /// False: nobody can do anything, and no deadline lies ahead.
  bool step();
  /// Somebody asks the JobManager, if it runs, on its thread.
  void ask(const std::function<void(JobManager&)>& question);
  /// From now on something else than what processes do, in this time; or when heal() is called.
  using Event = std::function<void()>;
  void after(std::int64_t ns, Event event);
  /// Each power of two as often as any other.
  std::int64_t draw_ns(std::int64_t most_ns);
  /// How many JobManagers have begun: what was asked of one before is not answered any more.
  std::uint64_t managers() const { return managers_; }
  std::size_t workers() const;
  std::uint32_t slots() const;
  std::string job_of(std::size_t program) const { return programs_->build({.program = program}).plan.logical.job; }

  // Faults: who is hit, and for how long, is random.
  void kill_somebody();
  /// Of all machines at once, the disk's too.
  void fail_power();
  /// Between two machines, one way or both.
  void cut_somebody_off();
  void break_connections();
  /// A machine stands still, and nobody hears of it: it does not know that, and goes on where it was.
  void freeze_somebody();
  void stall_somebody();
  /// Bytes from one machine to another take up to that long.
  void delay_bytes(std::int64_t most_ns);
  /// All of them end: whoever died is started.
  void heal();

 private:
  struct Manager {
    Mood mood;
    std::unique_ptr<SimulatedPool> pool;
    std::unique_ptr<Transport> transport;
    std::unique_ptr<JobManager> self;
  };
  struct Agent {
    std::string host;
    std::uint32_t slots = 1;
    Mood mood;
    std::unique_ptr<SimulatedPool> pool;
    std::unique_ptr<Transport> transport;
    std::unique_ptr<SimulatedProcesses> workers;
    std::unique_ptr<TaskManager> self;
  };
  enum class Kind : std::uint8_t { kNetwork, kManager, kManagerWork, kAgent, kAgentWork, kWorker, kTask, kWorkerWork };
  struct Actor {
    Kind kind = Kind::kNetwork;
    std::size_t agent = 0;   // its TaskManager
    std::size_t worker = 0;  // of that
    std::size_t index = 0;   // of the task or the work
  };
  void start_manager();
  void start_agent(std::size_t which);
  void start_later(Event start);
  std::unique_ptr<SimulatedWorker> start_worker(const Agent& agent, const ProcessOrder& order);
  void bury_manager();
  void bury_agent(std::size_t which);
  void kill_manager();
  void kill_agent(std::size_t which);

  void gather_actors();
  bool step_somebody();
  bool step(const Actor& actor);
  bool act(const Actor& actor);
  bool settle(const Actor& actor);
  bool reap();
  Mood* mood_of(const Actor& actor);
  void change_moods();
  bool run_due_events();
  bool leap();
  std::optional<std::int64_t> next_deadline_ns() const;
  void check_slots() const;

  const std::string& draw_host();
  void cut(const std::string& from, const std::string& to, std::int64_t ns);
  void isolate(const std::string& host, std::int64_t ns);
  Agent& agent_of(const std::string& host);

  SimulatedEnv& env_;
  const std::shared_ptr<SimulatedPrograms> programs_;
  MemoryNetwork network_;
  std::vector<std::string> hosts_;  // the JobManager's first
  Manager manager_;
  std::vector<std::unique_ptr<Agent>> agents_;
  std::uint64_t managers_ = 0;
  std::multimap<std::int64_t, Event> events_;
  std::map<std::pair<std::string, std::string>, std::uint64_t> cuts_;  // by way: how many keep it cut
  std::map<std::string, std::uint64_t> freezes_;                       // by host: likewise
  std::vector<Actor> actors_;
  bool is_healed_ = false;
};

}  // namespace tidemark

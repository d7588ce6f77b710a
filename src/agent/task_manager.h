// A TaskManager: offers its slots to a JobManager, and runs workers there, each a process of a job's own executable, as it is
// told.
//
// It calls the JobManager until that answers, and again when it is lost. Workers live only as long as the connection over which
// they were ordered: their masters are gone with it, so they are killed, and only when none is left it registers again, with
// all its slots free. What workers do it does not know; it sees to it that their ends are told, with the reason. When all
// together take more memory than they may, who is furthest beyond the part of its slots is killed, before the kernel kills another.
//
// Threads: step() from one; stop() and has_work() from any. Ownership: env, transport and processes outlive it. Invariant: a
// worker that it was told to start is told to have ended exactly once, on the same connection, or the connection is lost.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "agent/executable_fetch.h"
#include "agent/task_manager_endpoints.h"
#include "agent/task_manager_folder.h"
#include "base/event_count.h"
#include "base/mailbox.h"
#include "control/cluster_messages.h"
#include "control/message_line.h"
#include "env/env.h"
#include "env/owner_link.h"
#include "env/processes.h"
#include "env/transport.h"

namespace tidemark {

struct TaskManagerSettings {
  std::string job_manager = "localhost:6123";
  std::string id;           ///< unique in the cluster; empty: the machine's name and a number by chance
  std::string host;         ///< for people; empty: the machine's name
  std::string data_host;    ///< where its workers listen for others; empty: the address from which it reaches the JobManager
  std::string folder;       ///< its own; empty: the first that no other has, below tidemark-taskmanager-UID in tmp_folder
  std::string tmp_folder;   ///< empty: the system's folder of temporary files
  std::uint32_t cores = 0;  ///< for people; 0: as the system has them
  std::uint32_t slots = 0;  ///< 0: one a core
  std::uint64_t process_bytes = 0;      ///< that all workers may take together; 0: 95 % of what the machine or the container has
  std::uint64_t memory_bytes = 0;       ///< for state, of all slots together; 0: 70 % of process_bytes, or of what the machine or the container has
  std::int64_t stop_grace_ms = 10'000;  ///< for a worker that is to end, before it is killed
  std::optional<Tls> tls;               ///< of its connection, and those of its workers
  Heartbeat heartbeat;                  ///< likewise
  std::string metrics;  ///< "host:port" where it answers GET /metrics for Prometheus; empty: nowhere
};

class TaskManager {
 public:
  /// `settings` are complete. kFailedPrecondition if another TaskManager has the folder.
  static Result<std::unique_ptr<TaskManager>> open(const Env& env, Transport& transport, Processes& processes,
                                                   TaskManagerSettings settings);
  ~TaskManager();
  TaskManager(const TaskManager&) = delete;
  TaskManager& operator=(const TaskManager&) = delete;

  /// kDone once it was stopped and no worker runs: never call again.
  Progress step();
  /// When time alone gives step() something to do.
  std::optional<std::int64_t> next_deadline_ns() const;
  EventCount& wakeup() { return wakeup_; }
  bool has_work() const { return mail_.has_mail(); }

  /// Ends its workers, then itself.
  void stop();

  const TaskManagerSettings& settings() const { return settings_; }
  /// What it answers about itself; any thread.
  const TaskManagerEndpoints& endpoints() const { return *endpoints_; }

 private:
  enum class State {
    kCalls,       ///< calls the JobManager, or waits until it does again
    kIntroduces,  ///< has said who it is, and waits for the answer
    kServes,      ///< is registered
    kClears,      ///< has lost the JobManager: its workers are being killed
    kLeaves,      ///< was told to stop: its workers are being stopped
    kEnded,       ///< does nothing any more
  };
  struct Worker {
    StartWorker order;
    std::unique_ptr<StartedProcess> process;  // none while its executable is fetched
    std::uint32_t pid = 0;                    // none before it has begun
    std::optional<Error> excess;              // of memory, for which it is being ended
  };

  TaskManager(const Env& env, Transport& transport, Processes& processes, TaskManagerSettings settings,
              TaskManagerFolder folder);

  bool waits_for_job_manager() const;
  void call();
  void introduce(std::unique_ptr<Connection> connection);
  void lose(std::string why);
  void call_later(const std::string& why);
  void leave();

  Result<> take(const IncomingMessage& message);
  Result<> registered(const Fence& fence);
  Result<> start_worker(StartWorker order);
  void stop_worker(std::uint64_t number);
  void take_part(const ExecutablePart& part);
  void answer(TaskManagerAsked asked);

  Result<> fetch(const std::string& hash);
  void fetched(const std::string& hash, const Result<Executable>& executable);
  void fetch_failed(const std::string& hash, const Error& error);
  std::vector<std::uint64_t> waiting_for(const std::string& hash) const;
  Result<> launch(std::uint64_t number, Worker& worker);
  std::string order_text(const StartWorker& order) const;
  std::uint64_t part_of(std::uint64_t bytes, const StartWorker& order) const;
  bool watches_memory() const;
  void look_at_memory();
  Error excess_of(const Worker& worker, std::int64_t beyond, std::uint64_t all) const;
  void ended(std::uint64_t number, const ProcessEnd& end);
  void clear_place(const std::string& job);
  bool has_worker_of(const std::string& job_id) const;
  void forget_copies();
  std::optional<std::int64_t> copies_due_ns() const;
  void not_started(std::uint64_t number, const Error& error);

  template <class Message>
  void say(MessageKind kind, const Message& message) {
    if (line_) line_->send(kind, {.epoch = epoch_}, message);
  }

  const Env env_;
  Transport& transport_;
  Processes& processes_;
  const TaskManagerSettings settings_;
  TaskManagerFolder folder_;
  const std::shared_ptr<const TaskManagerEndpoints> endpoints_;
  int answers_under_way_ = 0;

  EventCount wakeup_;
  Mailbox mail_{&wakeup_};
  const std::shared_ptr<OwnerLink> link_ = std::make_shared<OwnerLink>(&mail_);  // of what runs in the pool
  State state_ = State::kCalls;
  std::uint64_t epoch_ = 0;  // the newest that was heard of
  std::uint64_t lines_ = 0;  // connections so far, by which an answer that is too late is known
  std::string data_host_;
  std::int64_t due_ns_ = 0;  // kCalls: to call; kIntroduces: to have been answered
  std::int64_t look_at_memory_ns_ = 0;
  std::map<std::string, std::int64_t> idle_since_ns_;  // jobs whose copies of checkpoints lie here, and none of whose workers run
  std::int64_t pause_ns_;
  std::string last_trouble_;
  std::unique_ptr<Dial> dial_;
  std::map<std::uint64_t, Worker> workers_;
  std::map<std::string, ExecutableFetch> fetches_;  // by hash
  std::unique_ptr<MessageLine> line_;
};

}  // namespace tidemark

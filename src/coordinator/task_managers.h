// The TaskManagers of a cluster and the workers that they run: who is there, whose worker is where, and what became of it.
//
// Whoever needs workers leases them. Slots go back when the process that had them has ended, as its TaskManager says, or when that
// TaskManager is gone; a worker whose lease has ended is stopped. One thread, the owner of the mail; tenants are called from mail and
// timers only, never out of their own calls. Ownership: all references outlive this, and this outlives every lease.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/mailbox.h"
#include "base/result.h"
#include "control/cluster_control.h"
#include "control/cluster_messages.h"
#include "control/executable_store.h"
#include "control/message_line.h"
#include "coordinator/blocking_calls.h"
#include "coordinator/slot_pool.h"
#include "coordinator/timers.h"
#include "env/env.h"

namespace tidemark {

/// Slots at a TaskManager, by its id.
struct WorkerSite {
  std::string task_manager;
  std::uint32_t slots = 0;
};

/// What is to run, by whom.
struct WorkersWanted {
  std::string name;  ///< of the attempt, for people: its workers are NAME-w1, NAME-w2
  std::string job;   ///< its name
  std::string job_id;
  std::string executable;
  std::vector<std::string> arguments;
  std::uint32_t slots = 1;
  std::vector<WorkerSite> before = {};  ///< where its workers were, and would best be again; empty: anywhere
  std::string copies_of = {};           ///< as StartWorker
};

/// A worker that is being started.
struct PlacedWorker {
  std::uint64_t number = 0;
  std::string name;
  std::string place;  ///< "TaskManager 'tm-1' on host-1"
  std::uint32_t slots = 0;
  TaskPlace at = {};
};

class TaskManagers {
 public:
  struct Settings {
    std::uint64_t epoch = 1;
    std::int64_t slot_request_timeout_ns = 300'000'000'000;
    std::int64_t last_grace_ns = 5'000'000'000;  ///< for a worker to end by itself when its lease has
  };

  /// What becomes of a lease.
  class Tenant {
   public:
    /// Once, in the order of their slots: together they have as many as are wanted.
    virtual void on_workers_placed(std::vector<PlacedWorker> workers) = 0;
    /// Instead: there were too few slots for too long. Nothing follows.
    virtual void on_no_slots(Error error) = 0;
    /// Its process is there and has said so on `line`. Taken, its callbacks are the tenant's to set; left there, it ends, and so does
    /// the process.
    virtual void on_worker_ready(std::uint64_t worker, std::unique_ptr<MessageLine>& line, const WorkerReady& ready) = 0;
    /// Its process has ended, or nobody will ever know; without a cause, by itself with status 0. Nothing follows of it.
    virtual void on_worker_gone(std::uint64_t worker, std::optional<Error> cause) = 0;

   protected:
    ~Tenant() = default;
  };

  /// Workers wanted, coming or there. Ends with its destruction, and the tenant hears no more.
  class Lease {
   public:
    ~Lease() { all_.end(number_); }
    Lease(const Lease&) = delete;
    Lease& operator=(const Lease&) = delete;
    /// Its process is to be ended, by force if it does not by itself.
    void stop(std::uint64_t worker) { all_.stop(worker); }
    /// Why it waits for slots, and what to do; empty where it does not.
    std::string shortage() const { return all_.shortage(number_); }

   private:
    friend class TaskManagers;
    Lease(TaskManagers& all, std::uint64_t number) : all_{all}, number_{number} {}
    TaskManagers& all_;
    const std::uint64_t number_;
  };

  /// `secrets`: for tokens; whoever knows some numbers must not be able to tell others.
  TaskManagers(const Clock& clock, Random& secrets, Mailbox& mailbox, Timers& timers, BlockingCalls& calls,
               std::shared_ptr<const ExecutableStore> executables, Settings settings);
  ~TaskManagers();
  TaskManagers(const TaskManagers&) = delete;
  TaskManagers& operator=(const TaskManagers&) = delete;

  /// A TaskManager has said who it is. It is registered, or refused on its line, which then ends.
  void take(std::unique_ptr<MessageLine> line, const Fence& fence, RegisterTaskManager about);
  /// A worker has said that it is ready. A token that nobody waits for ends its line.
  void take(std::unique_ptr<MessageLine> line, const WorkerReady& ready);

  [[nodiscard]] std::unique_ptr<Lease> lease(WorkersWanted wanted, Tenant& tenant);

  /// That nobody guesses.
  std::string make_token();

  /// In the order in which they came.
  std::vector<TaskManagerGlance> glance() const;
  /// As ClusterControl::ask_task_manager().
  void ask(std::string_view id, HttpRequest request, HttpAnswer answer);

 private:
  struct TaskManager {
    RegisterTaskManager about;
    std::unique_ptr<MessageLine> line;
  };
  struct Worker {
    std::uint64_t lease = 0;  // 0: it has ended
    SlotPool::Share share;
    std::string name;
    std::string token;
    bool is_ready = false;
    Timers::Timer last_grace;
  };
  struct Wanted {
    WorkersWanted what;
    Tenant* tenant = nullptr;
    Timers::Timer timeout;  // until the slots are there
    bool told_short = false;
    Timers::Timer patience;  // for those that it had before
  };

  struct Question {
    std::uint64_t task_manager = 0;
    HttpAnswer answer;
    Timers::Timer timeout;
  };

  Fence fence() const { return {.epoch = settings_.epoch}; }
  std::optional<Error> refusal(const Fence& fence, const RegisterTaskManager& about) const;
  Result<> on_message(std::uint64_t task_manager, const IncomingMessage& message);
  void on_closed(std::uint64_t task_manager, const Closed& closed);
  Result<> worker_ended(std::uint64_t task_manager, const WorkerEnded& ended);
  void send_part(std::uint64_t task_manager, ExecutableWanted wanted);
  void answered(std::uint64_t question, Result<HttpResponse> response);
  void post_grants();
  void grant();
  void start_workers(std::uint64_t lease, const std::vector<SlotPool::Share>& shares);
  void gone(std::uint64_t worker, std::optional<Error> cause);
  void out_of_patience(std::uint64_t lease);
  void out_of_time(std::uint64_t lease);
  std::string shortage(std::uint64_t lease) const;
  std::vector<SlotPool::Share> shares_at(const std::vector<WorkerSite>& sites) const;
  void end(std::uint64_t lease);
  void stop(std::uint64_t worker);
  void let_go(std::unique_ptr<MessageLine> line);
  Tenant* tenant_of(const Worker& worker) const;
  std::string place_of(std::uint64_t task_manager) const;

  const Clock& clock_;
  Random& secrets_;
  Mailbox& mailbox_;
  Timers& timers_;
  BlockingCalls& calls_;
  const std::shared_ptr<const ExecutableStore> executables_;
  const Settings settings_;

  // By numbers of their own, which are never used twice, in no epoch.
  std::uint64_t last_number_;
  SlotPool slots_;
  std::map<std::uint64_t, TaskManager> task_managers_;
  std::map<std::uint64_t, Wanted> leases_;
  std::map<std::uint64_t, Worker> workers_;
  std::map<std::uint64_t, Question> questions_;
};

}  // namespace tidemark

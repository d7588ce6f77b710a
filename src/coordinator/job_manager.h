// The JobManager: takes TaskManagers and jobs, has a master for each job, and goes on with its jobs after a restart.
//
// One thread steps it, and with it all masters; nothing there waits: planning, folders and records are the pools' business. Calls of the
// thread are marked; from others they are posted (job_manager_thread.h). Ownership: env, with all it points to, secrets and transport
// outlive it. Destroyed while jobs run, it leaves them to the next JobManager on its folder.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/event_count.h"
#include "base/result.h"
#include "control/cluster_control.h"
#include "control/executable_store.h"
#include "coordinator/blocking_calls.h"
#include "coordinator/job_options.h"
#include "coordinator/job_planner.h"
#include "coordinator/job_store.h"
#include "coordinator/managed_job.h"
#include "coordinator/task_managers.h"
#include "coordinator/timers.h"
#include "env/env.h"
#include "env/transport.h"

namespace tidemark {

struct JobManagerSettings {
  std::string folder;                       ///< jobs, executables, and checkpoints of jobs that name no folder
  std::string address = "127.0.0.1:6123";   ///< for TaskManagers and workers
  JobOptions job_options;                   ///< where a job sets none
  std::int64_t slot_request_timeout_ms = 300'000;
  std::size_t most_ended_jobs = 100;        ///< that are told of; older records are deleted
  std::size_t kept_executables = 16;        ///< the newest; of older ones those stay that a job names which is told of
  PlannerLimits planning;
  std::optional<Tls> tls;                   ///< of all connections to `address`
  Heartbeat heartbeat;                      ///< likewise
};

class JobManager {
 public:
  /// Takes the folder and listens; blocks on I/O. `secrets`: for ids and tokens, as the kernel gives them. `planner`: none for child
  /// processes.
  static Result<std::unique_ptr<JobManager>> open(const Env& env, Random& secrets, Transport& transport, JobManagerSettings settings,
                                                  std::shared_ptr<JobPlanner> planner = nullptr);
  ~JobManager();
  JobManager(const JobManager&) = delete;
  JobManager& operator=(const JobManager&) = delete;

  /// The thread. Never kDone.
  Progress step();
  std::optional<std::int64_t> next_deadline_ns() const;
  bool has_work() const;
  EventCount& wakeup() { return *inbox_->wakeup; }
  /// Any thread: runs on the JobManager's.
  void post(Mailbox::Mail mail) { inbox_->mailbox.post(std::move(mail)); }
  /// Any thread. Where it listens.
  const std::string& address() const { return listener_->address(); }
  std::uint64_t epoch() const { return store_->epoch(); }
  ExecutableStore& executables() { return *executables_; }

  // As in ClusterControl; the thread.
  std::vector<TaskManagerGlance> task_managers() const { return task_managers_.glance(); }
  void ask_task_manager(std::string_view id, HttpRequest request, HttpAnswer answer) {
    task_managers_.ask(id, std::move(request), std::move(answer));
  }
  std::vector<std::pair<std::string, std::string>> configuration() const;
  std::vector<JobGlance> jobs() const;
  std::optional<ClusterJob> job(std::string_view id) const;
  void run(RunOrder order, RunAnswer answer);
  void plan(const RunOrder& order, PlanAnswer answer);
  void take_snapshot(std::string_view job, SnapshotOrder order, SnapshotAnswer answer);
  Result<> cancel(std::string_view job);
  void upgrade(const std::string& job, UpgradeOrder order, UpgradeAnswer answer);
  void dispose_savepoint(std::string path, Done done);
  /// kFailedPrecondition, naming it, if a job that is not over runs the executable.
  Result<> refuse_if_run(std::string_view executable) const;

 private:
  /// An order whose job's id was chosen, until it is answered.
  struct Submission {
    std::string request;             ///< JobRecord's
    std::vector<RunAnswer> answers;  ///< to it and to its repetitions
  };
  using Planned = std::move_only_function<void(Result<JobDescription>)>;
  struct OpenFolder {
    std::unique_ptr<CheckpointStore> checkpoints;
    AttemptId attempts_before = 0;  ///< JobRecord's
    Result<> written = {};          ///< an error: a new job's record could be neither written nor removed again
  };
  using Opened = std::move_only_function<void(Result<OpenFolder>)>;
  /// Who has connected, and has not said who it is.
  struct Newcomer {
    std::unique_ptr<MessageLine> line;
    Timers::Timer deadline;
  };

  JobManager(const Env& env, Random& secrets, JobManagerSettings settings, std::unique_ptr<JobStore> store, ExecutableStore executables,
             std::shared_ptr<JobPlanner> planner);

  Result<> listen(Transport& transport);
  void welcome(std::unique_ptr<Connection> connection);
  Result<> introduce(std::uint64_t number, const IncomingMessage& message);

  void run_once(RunOrder order, RunAnswer answer);
  void plan_and_submit(RunOrder order, RunAnswer answer);
  void describe(const std::string& executable, std::vector<std::string> arguments, Planned then);
  std::vector<std::string> arguments_of(const RunOrder& order) const;
  Result<JobRecord> make_record(const RunOrder& order, JobDescription description);
  void submit(const RunOrder& order, JobDescription description, RunAnswer answer);
  void start_snapshot(const std::string& id, SnapshotOrder order, SnapshotAnswer answer);
  SnapshotAnswer when_noted(const std::string& id, const SnapshotOrder& order, SnapshotAnswer answer);
  void open_folder(const JobRecord& record, const Options& options, bool is_new, Opened then);
  const ManagedJob* other_in_folder(const JobRecord& record, const Options& options) const;
  Error conflict_with(const ManagedJob& other, const Options& options) const;
  void refuse(ManagedJob& job, const Error& error, std::unique_ptr<CheckpointStore> checkpoints);
  void resume(const std::string& id);
  void try_again(const std::string& id, const Error& error);

  // Upgrades (job_manager_upgrade.cc). All that a restart needs to know of one is in the two jobs' records.
  struct Upgrade {
    UpgradeAnswer answer = {};          // none: who asked was gone with a JobManager before
    bool is_waiting = false;            // for the old job to stop, a folder to be read, or records to be written
    std::int64_t deadline_ns = 0;       // of the trial
    Timers::Timer next_look = {};
    bool is_checkpointing = false;      // it was asked to
  };
  Result<> refuse_upgrade(std::string_view old) const;
  Result<JobRecord> make_successor(const std::string& old, const UpgradeOrder& order, JobDescription description);
  void begin_upgrade(JobRecord record, std::string savepoint_dir, UpgradeAnswer answer);
  void stop_predecessor(const std::string& id, std::string savepoint_dir);
  void predecessor_stopped(const std::string& id, const Result<SnapshotTaken>& taken);
  void start_successor(const std::string& id);
  void resume_upgrade(const std::string& id);
  void look_into_folder(const std::string& id);
  void folder_seen(const std::string& id, bool has_checkpoint);
  void watch_trial(const std::string& id);
  void look_at_upgrade(const std::string& id);
  void look_at_trial(const std::string& id);
  void take_place(const std::string& id);
  void go_back(const std::string& id);
  void conclude_upgrade(const std::string& id, Result<Upgraded> outcome);
  void revive(const std::string& id);
  const ManagedJob* successor_of(std::string_view id) const;

  ManagedJob* find(std::string_view id) const;
  void add(JobRecord record);
  bool step(ManagedJob& job);
  void keep(const ManagedJob& job);
  void save(const std::string& id);
  void saved(const std::string& id, const Result<>& written);
  void when_saved(const std::string& id, Mailbox::Mail then);
  void when_written(const std::string& id, Mailbox::Mail then);
  void forget_oldest();
  void forget_executables();
  void remove_unneeded(const std::vector<Executable>& all);
  std::string default_checkpoints() const;
  std::string make_job_id();

  const Env env_;
  Random& secrets_;
  const JobManagerSettings settings_;
  const std::shared_ptr<JobStore> store_;
  const std::shared_ptr<ExecutableStore> executables_;
  const std::shared_ptr<JobPlanner> planner_;
  const std::shared_ptr<MasterInbox> inbox_;
  Timers timers_;
  BlockingCalls calls_;
  BlockingCalls programs_;  // which may take long
  TaskManagers task_managers_;
  std::uint64_t last_newcomer_ = 0;
  std::map<std::uint64_t, Newcomer> newcomers_;
  struct Saving {
    bool is_under_way = false;
    bool is_wanted = false;  // what is written is not the newest
    Timers::Timer pause;     // before the next try
    std::vector<Mailbox::Mail> then = {};     // what waits for the newest to be written, or to fail once
    std::vector<Mailbox::Mail> durable = {};  // until it is written
  };
  std::map<std::string, Saving> saving_;
  std::set<std::string> removed_;                  // executables that are about to go
  std::multiset<std::string> planned_;             // executables of orders that are not answered yet
  std::map<std::string, Submission> submissions_;  // by the job's id
  std::map<std::string, Timers::Timer> resuming_;
  std::map<std::string, Upgrade> upgrades_;  // by the new job
  std::map<std::string, std::unique_ptr<ManagedJob>, std::less<>> jobs_;
  std::unique_ptr<Listener> listener_;
};

}  // namespace tidemark

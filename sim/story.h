// A world, a workload, and the processes that run its job in it, one after the other; with the checks that hold whatever
// happens to them.
//
// The checks see what anybody could see who reads the files, and what the engine itself has claimed: that a checkpoint is
// complete, that the job is finished. What they find is thrown as Wrong.
// One thread. A story that went wrong leaves its process as it is: undoing it might hit the same fault again.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "sim/ownership.h"
#include "sim/rival.h"
#include "sim/simulated_env.h"
#include "sim/simulated_process.h"
#include "sim/workload.h"
#include "sim/wrong.h"

namespace tidemark {

class Story {
 public:
  /// Called after each step; true ends the process where it stands.
  using AfterStep = std::function<bool(SimulatedProcess&)>;
  static bool go_on(SimulatedProcess&) { return false; }

  Story(std::uint64_t seed, const WorkloadKind& kind, const WorkloadOptions& workload);
  ~Story();
  Story(const Story&) = delete;
  Story& operator=(const Story&) = delete;

  SimulatedEnv& env() { return env_; }
  /// How the processes to come are started.
  ProcessOptions& options() { return options_; }
  void set_parallelism(std::uint32_t parallelism) { parallelism_ = parallelism; }
  /// The processes to come keep local copies of their snapshots.
  void set_local_copies(bool on) { local_copies_ = on; }
  void set_version(std::uint32_t version) { version_ = version; }
  std::uint32_t version() const { return version_; }
  const Workload& workload() const { return *workload_; }
  /// A job that can't start, or that does not end within so many steps of one process, is wrong.
  void set_max_steps(std::uint64_t steps) { max_steps_ = steps; }

  /// Of a running process; that it comes to anything is not expected, but what was answered must hold.
  void ask_for_savepoint(SimulatedProcess& process, SnapshotOrder::Then then);
  /// Somebody asks for the deletion of a snapshot, of one at random: a savepoint that nobody needs goes, all else must stay.
  void ask_for_disposal();

  /// At random one that is not the newest: a retained checkpoint or a savepoint; empty if there is none.
  std::string draw_older();
  /// The next process resumes from this snapshot, and those that follow it until one completes a checkpoint. It may be
  /// refused if the job has gone on since that was complete.
  void resume_from(const std::string& path);
  /// With that, the job owns it.
  void claim_what_is_resumed();
  /// With that, the job goes on in a folder of its own and leaves the one it had. Only if it can't be refused.
  void move();
  /// Somebody else starts the job in another folder and claims what this one has claimed last, or one of its checkpoints: to be
  /// called at any moment. Where no process runs, it has a few steps before the next one starts. If it gets the snapshot, it
  /// is the job from then on.
  void start_rival();
  /// What was planned so has not come to a checkpoint yet.
  bool has_plan() const { return plan_.has_value(); }
  bool may_be_refused() const { return plan_ && plan_->may_be_refused; }
  /// It was: the next process goes on from the newest checkpoint, or from where the plan says if one before has run from there.
  void drop_plan();

  /// Starts a process; false if it can't start, and some file has failed or the world is dead, or it was refused what it was to
  /// be resumed from.
  bool start();
  /// Steps it until it can't go on, is dead, or `after` says so; then it is gone. How the job ended, if it did.
  std::optional<JobOutcome> step_until(const AfterStep& after);
  /// Both.
  std::optional<JobOutcome> run(const AfterStep& after = go_on);

  /// As the next process would find things now: no committed row is wrong, and the newest complete checkpoint is there.
  void check_consistent();
  /// The same of a process that still runs: each checkpoint that its pointer names is there, and none older than it says.
  void check_restorable(SimulatedProcess& process);
  /// The job has ended well, with all its rows and nothing else left behind. A job that met failing files may leave some
  /// behind: then it is resumed, and must end well again and tidy up.
  void check_finished(const std::optional<JobOutcome>& outcome);
  /// Nothing of the finished job's rows is lost or wrong; what else lies there is not looked at.
  void check_rows();
  /// Without checkpoints, after a process that did not finish: the next one finishes, with all rows and nothing else; or,
  /// where some rows are committed already, it refuses to and leaves everything as it is.
  void check_begins_anew_or_refuses();
  /// The mode keeps checkpoints to go on from.
  bool is_kept() const { return options_.master.checkpoints.mode != CheckpointMode::kNone; }
  /// Over all files there are.
  std::uint64_t hash_files() { return env_.hash_files(); }

  std::uint64_t steps() const { return steps_; }  ///< of the last process
  std::uint64_t completed() const { return completed_; }  ///< checkpoints, of all processes
  std::uint64_t failed_checkpoints() const { return failed_checkpoints_; }

 private:
  /// What is to be resumed instead of the newest checkpoint of the job's folder.
  struct Plan {
    std::string path;
    CheckpointId id = 0;
    std::optional<std::uint64_t> claim;
    bool may_be_refused = false;
    std::optional<CheckpointId> newest;  ///< of the job's folder, when this was planned
  };

  std::string folder() const;
  std::optional<CheckpointPointer> pointer();
  std::optional<CheckpointId> newest_in_folder();
  std::string draw_kept_checkpoint();
  void claim_kept_checkpoint(const std::string& path);
  bool step_somebody();
  void bury();
  bool rival_runs() const { return rival_ && rival_->runs(); }
  std::string next_checkpoint_dir();
  void forget_folder();
  void check_claim();
  void step_rival();
  void yield_to_rival();
  bool has_lost(const Error& error);
  Resume choose_resume();
  bool folder_names_plan();
  void look_at_restored();
  void look_at_checkpoints();
  void check_checkpoint(const CheckpointStats::Completed& checkpoint);
  void look_at_savepoints();
  void check_is_newest(const std::string& savepoint);
  bool is_disposable(const std::string& path);
  bool is_free_savepoint(const std::string& path);
  void finish_disposals();
  void check_retained();
  void check_outcome(const std::optional<JobOutcome>& outcome) const;
  bool files_failed() const { return env_.failed_operations() > failed_operations_before_; }

  SimulatedEnv env_;
  const std::unique_ptr<Workload> workload_;
  ProcessOptions options_;
  std::uint32_t parallelism_;
  bool local_copies_ = false;
  std::uint32_t version_ = 0;
  std::uint64_t max_steps_ = 200'000;
  std::string job_;  // its name
  // Complete ones that nobody has looked at; an answer may come as the process goes.
  std::shared_ptr<std::vector<std::string>> new_savepoints_ = std::make_shared<std::vector<std::string>>();
  Ownership ownership_;
  Ownership retained_;  // what the pointer of the job's folder names, to see that it stays as it was when it was complete
  std::optional<Plan> plan_;
  std::uint32_t folders_ = 0;  // other than the first
  bool restored_was_seen_ = false;  // of this process
  std::unique_ptr<SimulatedProcess> process_;
  std::optional<Rival> rival_;  // for what was claimed last

  std::uint64_t steps_ = 0;
  std::uint64_t completed_ = 0;
  std::uint64_t failed_checkpoints_ = 0;
  std::uint64_t completed_here_ = 0;           // of the last process
  CheckpointId newest_complete_ = 0;           // that a process knew of
  std::uint64_t failed_operations_before_ = 0;  // when the last process started
};

}  // namespace tidemark

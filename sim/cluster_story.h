// A job in a simulated cluster: its user, who submits it until it has finished, and somebody who looks at its files.
//
// The user knows what a user knows: answers, which may be lost with the JobManager that was to give them, and what that tells of its jobs.
// The checks see what anybody could see who reads the files, and what the engine itself has claimed. What they find is thrown as Wrong.
// One thread. Env and world outlive it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "coordinator/job_manager.h"
#include "sim/cluster_world.h"
#include "sim/ownership.h"
#include "sim/scenario.h"
#include "sim/simulated_env.h"
#include "sim/workload.h"

namespace tidemark {

class ClusterStory {
 public:
  struct Settings {
    std::size_t program = 0;
    ScenarioRange parallelism{1, 1};  ///< of each submission, as far as there are slots
    std::size_t num_retained = 1;
    // Each: one time in so many; 0: never.
    std::uint64_t spills = 0;  ///< state of keys, in a submission
    std::uint64_t claims = 0;  ///< what the job has ended with, where it goes on from there
    std::uint64_t moves = 0;   ///< to another folder of checkpoints, likewise
  };

  /// The program is one of the world's, by its number, and has its checkpoints in kSimulatedCheckpointDir.
  ClusterStory(SimulatedEnv& env, ClusterWorld& world, const SimulatedProgram& program, const Settings& settings);
  ClusterStory(const ClusterStory&) = delete;
  ClusterStory& operator=(const ClusterStory&) = delete;

  /// After each step of the world: the files are looked at. What the user does is an event in it.
  void look();

  // Of a job that runs; that it comes to anything is not expected, but what was answered must hold.
  void ask_for_savepoint(SnapshotOrder::Then then);
  void cancel();
  /// Another job is to take its place: one that can, one whose state does not fit, or one that completes no checkpoint.
  void upgrade();
  /// Somebody wants a savepoint deleted that nobody needs.
  void dispose();
  /// The same job again, or the same request.
  void repeat();

  /// It has ended well since it was submitted last.
  bool has_finished() const { return stage_ == Stage::kFinished; }
  /// The faults have ended: it may fail a few times more, of what they have left.
  void calm_down();
  /// One that has finished is submitted once more, from where it ended: it finishes again, and tidies up.
  void run_once_more();
  /// Of one that has finished, at any moment from then on: nothing of its rows is lost or wrong.
  void check_rows();
  /// It has finished, with all its rows and nothing else left behind.
  void check_end();

 private:
  enum class Stage : std::uint8_t {
    kIdle,       ///< to be submitted
    kSubmitted,  ///< not answered yet
    kRunning,    ///< is known to the JobManager
    kFinished,
  };
  /// What was asked, for answers that come when nobody may wait for them any more.
  struct Answers {
    std::optional<Result<std::string>> submitted;
    std::vector<SnapshotTaken> savepoints;
    std::optional<SnapshotTaken> ended_with;  ///< the savepoint with which the job ended
  };
  /// What a submission names to go on from, and those that follow it until a checkpoint is complete.
  struct Start {
    std::string path;
    CheckpointId id = 0;
    bool claims = false;
    bool was_accepted = false;  ///< some job began with it
  };
  struct UpgradeEnd {
    std::string old;
    ProgramArguments program;
    Result<Upgraded> outcome;
  };

  std::string folder() const { return join_path(checkpoint_dir(folder_), name_); }
  void act_later();
  void act(JobManager& manager);
  void submit(JobManager& manager);
  ProgramArguments draw_program();
  RunOrder draw_order(JobManager& manager);
  void draw_start();
  void move();
  void enter_folder(std::size_t folder);
  void adopt(const ClusterJob& job);
  std::optional<std::string> upload(JobManager& manager);
  void take_answer(JobManager& manager);
  std::optional<std::string> find_running(JobManager& manager) const;
  void poll(JobManager& manager);
  void ended(const ClusterJob& job);
  void finished();
  void look_at_checkpoints();
  void look_at_savepoints();
  void look_at_upgrades();
  void check_replaced(JobManager& manager) const;
  bool is_free(const std::string& savepoint);
  void choose_checkers(AttemptId attempt);
  void check_checkpoint(const RetainedCheckpoint& checkpoint);
  void tell(const std::string& what);

  SimulatedEnv& env_;
  ClusterWorld& world_;
  const SimulatedProgram& program_;
  Workload& workload_;
  FileSystem& files_;
  const Settings settings_;
  const std::string name_;
  Stage stage_ = Stage::kIdle;
  std::string id_;
  std::uint64_t manager_ = 0;  // that was asked last
  std::uint64_t steps_ = 0;
  std::uint32_t version_ = 0;  // the latest that was ever asked for: it can take what any before has left
  std::size_t folder_ = 0;
  std::size_t folders_ = 0;  // that it has moved to
  std::shared_ptr<Answers> answers_;  // of the submission that runs
  std::optional<Start> start_;
  std::shared_ptr<std::vector<UpgradeEnd>> upgrade_ends_ = std::make_shared<std::vector<UpgradeEnd>>();
  // As was said.
  std::vector<std::string> replaced_;  // jobs whose place was taken
  std::vector<std::string> promoted_;  // and those that have taken it
  bool upgrade_requested_ = false;
  bool is_on_trial_ = false;  // or may be: nobody has said that it has taken a place
  bool stop_requested_ = false;
  bool cancel_requested_ = false;
  bool is_calm_ = false;
  bool runs_once_more_ = false;
  int failures_ = 0;  // since it is calm
  int refusals_ = 0;  // likewise

  std::uint64_t file_operations_ = 0;  // when the files were looked at last
  CheckpointId newest_seen_ = 0;
  CheckpointId newest_complete_ = 0;  // that a JobManager knew of
  Ownership savepoints_;
  Ownership retained_;
};

}  // namespace tidemark

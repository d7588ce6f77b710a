// Somebody else who starts the same job in a folder of their own and claims the snapshot that the job has claimed or is about
// to. One of the two gets it. The other is told who has it, and changes nothing but what lies in its own folder.
//
// Who has it, the files say. If it is the rival, that one is the job from then on, and who was the job is the rival.
// One thread. What is found wrong is returned.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "sim/simulated_env.h"
#include "sim/simulated_process.h"

namespace tidemark {

/// Who wants the snapshot.
struct Claimant {
  std::string checkpoint_dir;
  std::uint64_t claim = 0;                    ///< the random number to claim it with
  std::uint64_t failed_operations_before = 0;  ///< when its process started
  std::unique_ptr<SimulatedProcess> process;   ///< null: none runs
};

class Rival {
 public:
  /// `snapshot`: the folder of what both claim.
  Rival(SimulatedEnv& env, std::string checkpoint_dir, std::string snapshot);

  const std::string& checkpoint_dir() const { return self_.checkpoint_dir; }
  bool runs() const { return self_.process != nullptr; }
  /// It has claimed the snapshot, as the file in that says.
  bool has_claimed() const;
  /// Its process goes on from there.
  bool has_begun() const { return runs() && self_.process->has_tasks(); }

  /// Starts a process with `options`, but for folder and claim. It may be refused at once what the job in `jobs_dir` has.
  std::optional<std::string> start(SimulatedJob job, ProcessOptions options, const std::string& jobs_dir);
  /// One step of its process, which is gone if that was its last. The env is alive.
  std::optional<std::string> step(const std::string& jobs_dir);
  /// Gone is its process; the env is dead.
  void bury() { self_.process.reset(); }
  /// Leaves its process as it is, as Story does with one that went wrong.
  void abandon() { static_cast<void>(self_.process.release()); }
  void change_places(Claimant& job) { std::swap(self_, job); }

  /// `error` is not what one is told whose rival, with its checkpoints in `owners_dir`, has the snapshot or has deleted it.
  std::optional<std::string> check_refusal(const Error& error, const std::string& owners_dir) const;

 private:
  std::uint64_t hash_of_others() const;
  std::optional<std::string> check_end(const std::string& jobs_dir) const;
  bool files_failed() const { return env_.failed_operations() > self_.failed_operations_before; }

  SimulatedEnv& env_;
  const std::string snapshot_;
  Claimant self_;
};

}  // namespace tidemark

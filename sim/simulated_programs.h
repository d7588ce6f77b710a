// The executables of a simulated cluster: jobs of workloads. What is uploaded is a name; which job, which version of it, at which
// parallelism, its arguments say, as a real program's would.
//
// One thread. Workloads outlive it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "coordinator/job_planner.h"
#include "sim/local_stores.h"
#include "sim/simulated_process.h"
#include "sim/workload.h"

namespace tidemark {

struct SimulatedProgram {
  Workload* workload = nullptr;
  CheckpointMode mode = CheckpointMode::kExactlyOnce;
  std::map<std::string, std::string> options;  ///< of the job, by key
  FileSystem* files = nullptr;                 ///< as its workers see them
  std::map<std::pair<std::size_t, AttemptId>, std::uint32_t> versions;  ///< that attempts were of, by folder and attempt
};

/// What is wrong with a program.
enum class Flaw : std::uint8_t {
  kNone,
  kOtherUids,  ///< what is saved means nothing to it
  kCrashes,    ///< at the first checkpoint
  kHangs,      ///< likewise
};

/// On its command line.
struct ProgramArguments {
  std::size_t program = 0;
  std::uint32_t version = 0;
  std::uint32_t parallelism = 1;
  std::size_t folder = 0;  ///< of its checkpoints: which of those that the job has had
  Spilling spilling = Spilling::kNone;
  Flaw flaw = Flaw::kNone;
  bool resume = false;

  std::vector<std::string> words() const;
  static ProgramArguments parse(const std::vector<std::string>& words);
};

/// In which a job has its checkpoints.
std::string checkpoint_dir(std::size_t folder);

class SimulatedPrograms final : public JobPlanner {
 public:
  std::vector<SimulatedProgram> all;

  const SimulatedProgram& program(const ProgramArguments& arguments) const { return all.at(arguments.program); }
  void note_attempt(const ProgramArguments& arguments, AttemptId attempt) {
    all.at(arguments.program).versions[{arguments.folder, attempt}] = arguments.version;
  }
  SimulatedJob build(const ProgramArguments& arguments) const;
  Result<JobDescription> plan(const std::string& path, const std::string& name, const std::vector<std::string>& words) override;
};

}  // namespace tidemark

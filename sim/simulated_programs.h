// The executables of a simulated cluster: jobs of workloads. What is uploaded is a name; which job, which version of it, at which
// parallelism, its arguments say, as a real program's would.
//
// One thread. Workloads outlive it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "coordinator/job_planner.h"
#include "sim/simulated_process.h"
#include "sim/workload.h"

namespace tidemark {

struct SimulatedProgram {
  Workload* workload = nullptr;
  CheckpointMode mode = CheckpointMode::kExactlyOnce;
  std::map<std::string, std::string> options;  ///< of the job, by key
  FileSystem* files = nullptr;                 ///< as its workers see them
};

/// On its command line.
struct ProgramArguments {
  std::size_t program = 0;
  std::uint32_t version = 0;
  std::uint32_t parallelism = 1;
  bool resume = false;

  std::vector<std::string> words() const;
  static ProgramArguments parse(const std::vector<std::string>& words);
};

class SimulatedPrograms final : public JobPlanner {
 public:
  std::vector<SimulatedProgram> all;

  const SimulatedProgram& program(const ProgramArguments& arguments) const { return all.at(arguments.program); }
  SimulatedJob build(const ProgramArguments& arguments) const;
  Result<JobDescription> plan(const std::string& path, const std::string& name, const std::vector<std::string>& words) override;
};

}  // namespace tidemark

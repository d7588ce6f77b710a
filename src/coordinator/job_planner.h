// What a job's executable is, as it says itself: run for that in a child process of limited means, which runs nothing of the job.
//
// Blocks until the child has ended; any thread. What the program does wrong - ends badly, hangs, writes nonsense - comes back as an error
// that quotes it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "coordinator/job_description.h"
#include "env/env.h"

namespace tidemark {

class JobPlanner {
 public:
  virtual ~JobPlanner() = default;
  /// `name`: of the program, for messages.
  virtual Result<JobDescription> plan(const std::string& path, const std::string& name, const std::vector<std::string>& arguments) = 0;
};

struct PlannerLimits {
  std::int64_t timeout_ms = 60'000;
  std::int64_t cpu_s = 60;
  std::uint64_t memory_bytes = std::uint64_t{16} << 30;  ///< of address space; 0: no limit
};

class ChildPlanner final : public JobPlanner {
 public:
  /// `folder`: for descriptions on their way; it is there.
  ChildPlanner(Env env, std::string folder, PlannerLimits limits = {}) : env_{env}, folder_{std::move(folder)}, limits_{limits} {}

  Result<JobDescription> plan(const std::string& path, const std::string& name, const std::vector<std::string>& arguments) override;

 private:
  Result<JobDescription> read(const std::string& description) const;

  const Env env_;
  const std::string folder_;
  const PlannerLimits limits_;
};

}  // namespace tidemark

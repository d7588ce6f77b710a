// Runs many seeds in child processes, so that a seed that aborts or hangs is one that failed, and not the end of the run.
//
// Children take seed after seed from one shared counter; the parent gets their results through pipes and hands them on
// in the order of the seeds. One thread in every process; fork before starting any other.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

namespace tidemark {

struct SeedRange {
  std::uint64_t first = 1;
  std::uint64_t last = 1;
};

struct SeedResult {
  std::uint64_t seed = 0;
  std::string wrong;  ///< empty: all is well
};

struct SeedRunnerOptions {
  SeedRange seeds;
  unsigned jobs = 1;
  unsigned watchdog_s = 600;  ///< of real time for one seed; then it hangs
};

/// What is wrong with a seed; empty if nothing is. Called in the children.
using RunSeed = std::function<std::string(std::uint64_t seed)>;
/// Called in the parent, in the order of the seeds; false: it is enough.
using OnSeed = std::function<bool(const SeedResult& result)>;

/// Throws Error where the operating system gives no processes.
void run_seeds(const SeedRunnerOptions& options, const RunSeed& run, const OnSeed& on_seed);

}  // namespace tidemark

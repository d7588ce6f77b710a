// A world in memory that one seed drives: clock, randomness, files and background work, as env offers them to a job.
//
// It outlives the processes that run in it. Time passes only when told to; work in the background is done step by step,
// by whoever simulates; files crash as MemoryFileSystem says, and fail as FileFaults ask for.
// One thread. What is random draws from random(), so one seed is one run.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "env/env.h"
#include "env/memory_file_system.h"
#include "env/split_mix_random.h"
#include "sim/trace.h"

namespace tidemark {

class SimulatedClock final : public Clock {
 public:
  std::int64_t wall_ms() const override { return kStartWallMs + now_ns_ / 1'000'000; }
  std::int64_t steady_ns() const override { return now_ns_; }
  void advance_ns(std::int64_t ns) { now_ns_ += ns; }

 private:
  static constexpr std::int64_t kStartWallMs = 1'436'918'400'000;  // 2015-07-15
  std::int64_t now_ns_ = 1'000'000'000;
};

class SimulatedPool final : public BlockingPool {
 public:
  void submit(std::unique_ptr<BackgroundWork> work) override { works_.push_back(std::move(work)); }
  std::size_t size() const { return works_.size(); }
  void step(std::size_t which);

 private:
  std::vector<std::unique_ptr<BackgroundWork>> works_;  // submitted, not done
};

enum class Death {
  kProcess,  ///< what was written stays
  kMachine,  ///< what was not synced is lost, kept or torn
};

/// How often an operation that changes files fails; 0: never.
struct FileFaults {
  std::uint64_t full_disk_one_in = 0;  ///< only what needs space
  std::uint64_t io_error_one_in = 0;
};

class SimulatedEnv {
 public:
  explicit SimulatedEnv(std::uint64_t seed);
  SimulatedEnv(const SimulatedEnv&) = delete;
  SimulatedEnv& operator=(const SimulatedEnv&) = delete;

  Env env() { return {&clock_, &random_, &files_, &pool_}; }
  SimulatedClock& clock() { return clock_; }
  SimulatedPool& pool() { return pool_; }
  MemoryFileSystem& files() { return files_; }
  Trace& trace() { return trace_; }
  Random& random() { return random_; }
  /// True one time in `n`; never for 0.
  bool one_in(std::uint64_t n) { return n != 0 && random_.next() % n == 0; }

  void set_file_faults(FileFaults faults) { faults_ = faults; }
  /// Operations that change files, so far.
  std::uint64_t file_operations() const { return file_operations_; }
  /// Dies in place of the operation after the first `operations`.
  void die_after_file_operations(std::uint64_t operations, Death death) { death_ahead_ = {operations, death}; }

  /// The process, and perhaps its machine, is gone: until revive() no file operation has any effect.
  void die(Death death);
  bool dead() const { return dead_; }
  /// A new process may start.
  void revive() { dead_ = false; }

 private:
  struct DeathAhead {
    std::uint64_t operations = 0;
    Death death = Death::kProcess;
  };

  std::optional<Error> before(FileOperation operation, const std::string& path);
  std::optional<Error> fault(FileOperation operation, const std::string& path);

  SplitMixRandom random_;
  SimulatedClock clock_;
  MemoryFileSystem files_{&clock_};
  SimulatedPool pool_;
  Trace trace_;
  FileFaults faults_;
  std::optional<DeathAhead> death_ahead_;
  std::uint64_t file_operations_ = 0;
  bool dead_ = false;
};

}  // namespace tidemark

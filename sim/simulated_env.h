// A world in memory that one seed drives: clock, randomness, files and background work, as env offers them to a job.
//
// It outlives the processes that run in it. Time passes only when told to; work in the background is done step by step,
// by whoever simulates; files crash as MemoryFileSystem says, and fail as FileFaults ask for.
// One thread. What is random draws from random(), so one seed is one run.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "env/env.h"
#include "env/local_copies.h"
#include "env/memory_file_system.h"
#include "env/split_mix_random.h"
#include "sim/local_stores.h"
#include "sim/trace.h"

namespace tidemark {

inline constexpr const char* kSimulatedCheckpointDir = "/checkpoints";
inline constexpr const char* kSimulatedSavepointDir = "/savepoints";
/// Of processes alone: what does not fit into their memory.
inline constexpr const char* kSimulatedLocalDir = "/local";
inline constexpr const char* kSimulatedCopiesDir = "/copies";
/// Where all workloads write.
inline constexpr const char* kSimulatedOutputDir = "/out";
/// And those that read files read them.
inline constexpr const char* kSimulatedInputDir = "/in";

class SimulatedClock final : public Clock {
 public:
  std::int64_t wall_ms() const override { return kStartWallMs + set_forward_ms_ + now_ns_ / 1'000'000; }
  std::int64_t steady_ns() const override { return now_ns_; }
  void advance_ns(std::int64_t ns) { now_ns_ += ns; }
  /// Somebody sets the machine's clock; no time passes.
  void set_forward_ms(std::int64_t ms) { set_forward_ms_ += ms; }
  std::int64_t since_start_ns() const { return now_ns_ - kStartNs; }

 private:
  static constexpr std::int64_t kStartWallMs = 1'436'918'400'000;  // 2015-07-15
  static constexpr std::int64_t kStartNs = 1'000'000'000;
  std::int64_t now_ns_ = kStartNs;
  std::int64_t set_forward_ms_ = 0;
};

/// How fast things go. The default is a calm world.
struct Pace {
  std::int64_t max_step_ns = 20'000;     ///< the most that passes with one step
  std::uint64_t max_laziness = 1;        ///< how rarely the laziest acts though it could: one time in so many
  std::uint64_t leap_one_in = 0;         ///< steps: time leaps to the next deadline though somebody could act
  std::uint64_t stall_one_in = 0;        ///< steps: one task stands still for a while
  std::int64_t max_stall_ns = 0;
  std::int64_t max_io_latency_ns = 0;    ///< until a step of work in the background can be done
};

/// Of one process.
class SimulatedPool final : public BlockingPool {
 public:
  SimulatedPool(const Clock& clock, Random& random, const Pace& pace) : clock_{clock}, random_{random}, pace_{pace} {}

  void submit(std::unique_ptr<BackgroundWork> work) override;
  std::size_t size() const { return works_.size(); }
  /// Its I/O is done: it may go on.
  bool ready(std::size_t which) const {
    return pace_.max_io_latency_ns == 0 || works_[which].ready_ns <= clock_.steady_ns();
  }
  std::uint64_t laziness(std::size_t which) const { return std::min(works_[which].laziness, pace_.max_laziness); }
  /// Of those that are not ready.
  std::optional<std::int64_t> next_ready_ns() const;
  void step(std::size_t which);

 private:
  struct Work {
    std::unique_ptr<BackgroundWork> work;
    std::uint64_t number = 0;
    std::int64_t ready_ns = 0;
    std::uint64_t laziness = 1;
  };
  std::int64_t draw_ready_ns();

  const Clock& clock_;
  Random& random_;
  const Pace& pace_;
  std::vector<Work> works_;  // submitted, not done
  std::uint64_t submitted_ = 0;
};

/// One draw of how lazy an actor is, at most `max`; half of them are not at all.
std::uint64_t draw_laziness(Random& random, std::uint64_t max);

/// How eager an actor is, for a while.
struct Mood {
  std::uint64_t laziness = 1;
  std::int64_t stalled_until_ns = 0;
};

enum class Death {
  kProcess,  ///< what was written stays
  kMachine,  ///< what was not synced is lost, kept or torn
};

/// How often an operation on files fails: one in so many; 0: never.
struct FileFaults {
  std::uint64_t full_disk_one_in = 0;  ///< of what needs space
  std::uint64_t io_error_one_in = 0;   ///< of what changes files
  std::uint64_t read_error_one_in = 0;
  std::uint64_t output_error_one_in = 0;  ///< of what changes the sinks' files
  std::uint64_t death_one_in = 0;         ///< of what changes files: the process or its machine dies in place of it
};

class SimulatedEnv {
 public:
  explicit SimulatedEnv(std::uint64_t seed);
  SimulatedEnv(const SimulatedEnv&) = delete;
  SimulatedEnv& operator=(const SimulatedEnv&) = delete;

  /// As the process that starts next sees it, with its own pool.
  Env env(SimulatedPool& pool) {
    Env result{.clock = &clock_, .random = &random_, .files = &files_, .storage = &snapshot_files(), .pool = &pool};
    stores_.offer_to(result, spilling_);
    return result;
  }
  /// In `folder`, for a process among several: they fail as files do.
  std::unique_ptr<LocalStores> make_stores(const std::string& folder) { return std::make_unique<LocalStores>(files_, store_hook(), folder); }
  FileSystem& snapshot_files() { return copies_ ? static_cast<FileSystem&>(*copies_) : files_; }
  /// Of the processes that start from now on, unless they have stores of their own.
  void spill_state(Spilling spilling) { spilling_ = spilling; }
  /// None but one time in `n`.
  Spilling draw_spilling(std::uint64_t n);
  /// Of the snapshots in that folder there are copies on another disk, which are read in their stead; of none if it is empty.
  /// While no process runs.
  void keep_copies_of(const std::string& folder);
  SimulatedClock& clock() { return clock_; }
  MemoryFileSystem& files() { return files_; }
  Trace& trace() { return trace_; }
  Random& random() { return random_; }
  /// True one time in `n`; never for 0.
  bool one_in(std::uint64_t n) { return n != 0 && random_.next() % n == 0; }

  const Pace& pace() const { return pace_; }
  void set_pace(const Pace& pace) { pace_ = pace; }
  void set_file_faults(FileFaults faults) { faults_ = faults; }
  /// Over all files there are, but for those whose path `leave_out` picks; of folders it picks all is left out.
  std::uint64_t hash_files(const std::function<bool(const std::string& path)>& leave_out = {});
  /// Operations that changed files, so far.
  std::uint64_t file_operations() const { return file_operations_; }
  /// Operations that a fault made fail, so far.
  std::uint64_t failed_operations() const { return failed_operations_; }
  /// Dies in place of the operation after the first `operations`.
  void die_after_file_operations(std::uint64_t operations, Death death) { death_ahead_ = {operations, death}; }

  /// The process, and perhaps its machine, is gone: until revive() no file operation has any effect.
  void die(Death death);
  bool dead() const { return dead_; }
  /// So it was with the last death.
  bool machine_died() const { return machine_died_; }
  /// A new process may start.
  void revive() { dead_ = false; }
  /// Several processes live here: when one dies, the others' handles and locks stay, and until revive() it is to be destroyed.
  void share_among_processes() { is_shared_ = true; }

  /// While one lives, a process that was killed is destroyed: whatever that does has no effect on files.
  class Burial {
   public:
    explicit Burial(SimulatedEnv& env) : env_{env}, was_dead_{std::exchange(env.dead_, true)} {}
    ~Burial() { env_.dead_ = was_dead_; }
    Burial(const Burial&) = delete;
    Burial& operator=(const Burial&) = delete;

   private:
    SimulatedEnv& env_;
    const bool was_dead_;
  };

  /// While one lives, files are looked at by nobody of this world: no fault, no trace, also after a death.
  class Observer {
   public:
    explicit Observer(SimulatedEnv& env) : env_{env} { ++env_.observers_; }
    ~Observer() { --env_.observers_; }
    Observer(const Observer&) = delete;
    Observer& operator=(const Observer&) = delete;

   private:
    SimulatedEnv& env_;
  };

 private:
  struct DeathAhead {
    std::uint64_t operations = 0;
    Death death = Death::kProcess;
  };

  std::optional<Error> before(FileOperation operation, const std::string& path);
  void maybe_die();
  std::optional<Error> fault(FileOperation operation, const std::string& path);
  std::optional<Error> before(StoreOperation operation, const std::string& store);
  MemoryStateStores::Hook store_hook() {
    return [this](StoreOperation operation, const std::string& store) { return before(operation, store); };
  }
  Error failed(ErrorCode code, const std::string& what, const char* why);

  SplitMixRandom random_;
  SimulatedClock clock_;
  MemoryFileSystem files_{&clock_};
  LocalStores stores_{files_, store_hook(), kSimulatedLocalDir};
  std::optional<LocalCopies> copies_;
  Spilling spilling_ = Spilling::kNone;
  Trace trace_;
  Pace pace_;
  FileFaults faults_;
  std::optional<DeathAhead> death_ahead_;
  std::uint64_t file_operations_ = 0;
  std::uint64_t failed_operations_ = 0;
  int observers_ = 0;
  bool is_shared_ = false;
  bool machine_died_ = false;
  bool dead_ = false;
};

}  // namespace tidemark

// What a simulation runs, and how its output is judged from outside: a job that main() could have built, and checkers that
// see only what a reader of files would see.
//
// One thread. A workload outlives the processes that run it; what it makes for one of them (build()) holds nothing of
// another. What is random in a job must hang on its records alone, so that a replay gives the same.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "env/file_system.h"
#include "sim/simulated_process.h"
#include "tidemark/detail/model/checkpoint.h"

namespace tidemark {

struct WorkloadOptions {
  std::uint32_t parallelism = 1;
  CheckpointMode mode = CheckpointMode::kExactlyOnce;
  std::uint64_t records = 100;  ///< about so many
  std::uint64_t seed = 0;       ///< shapes the input: keys, times, order
  /// Called by the job's functions for every record and timer: true asks them to throw. Never null.
  std::function<bool()> bad_luck = [] { return false; };
};

class Workload {
 public:
  virtual ~Workload() = default;

  /// Lays out the input files, if the job reads any; once, before the first process. They must be durable.
  virtual void prepare(FileSystem& files) const { static_cast<void>(files); }

  /// What main() builds; once for each process. At another parallelism than before where `parallelism` says so; of a later
  /// version, whose states have other types, where `version` does.
  virtual SimulatedJob build(std::uint32_t parallelism, std::uint32_t version) = 0;
  /// Versions of the job: from 0 on. Each goes on from what an earlier one has left.
  virtual std::uint32_t versions() const { return 1; }
  /// Uids of operators that an earlier version has and this one has not: it starts only if their state may be dropped.
  virtual std::vector<std::string> gone_in(std::uint32_t version) const {
    static_cast<void>(version);
    return {};
  }
  /// No row of it hangs on time, so that a job that was drained has put out the right rows of what it had read.
  virtual bool may_be_drained() const { return false; }

  /// What is wrong with the committed files at any moment (nothing lost yet counts as wrong only at the end); none if all
  /// is well. In at-least-once mode rows may repeat.
  virtual std::optional<std::string> check_so_far(FileSystem& files) const = 0;

  /// The same once the job has finished: nothing lost, nothing doubled, nothing left over.
  virtual std::optional<std::string> check_finished(FileSystem& files) const = 0;

  /// Whether a completed checkpoint of the job that was built last agrees with itself: what its sources had read before
  /// their barriers is what its state holds. `folder` is the checkpoint's.
  virtual std::optional<std::string> check_checkpoint(FileSystem& files, const std::string& folder,
                                                      const CheckpointMetadata& checkpoint) const {
    static_cast<void>(files);
    static_cast<void>(folder);
    static_cast<void>(checkpoint);
    return std::nullopt;
  }
};

/// A kind of workload, by the name that scenario files use.
struct WorkloadKind {
  std::string_view name;
  std::string_view what;  ///< one line for --help
  std::unique_ptr<Workload> (*make)(const WorkloadOptions& options);
};

/// All there are, in a fixed order (workloads.cc lists them).
const std::vector<WorkloadKind>& workload_kinds();

}  // namespace tidemark

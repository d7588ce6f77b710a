// What a job's tasks find on this machine, as its options say: files and the storage of its author, threads for what blocks, memory for
// state and where the rest of it goes.
//
// Threads: any, by Env's rules. Ownership: owns all that env() points to, so it outlives whatever runs in it.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "base/result.h"
#include "config/options.h"
#include "env/file_urls.h"
#include "env/local_copies.h"
#include "env/posix_env.h"
#include "env/process_folder.h"
#include "env/scratch_folder.h"
#include "state/rocksdb_stores.h"
#include "tidemark/detail/state/state_memory.h"
#include "tidemark/state_store.h"
#include "tidemark/storage.h"
#include "worker/threaded_execution.h"

namespace tidemark {

/// What the job's author puts in place of Tidemark's own.
struct UserParts {
  std::shared_ptr<Storage> storage;  ///< of snapshots; null: the machine's files
  std::shared_ptr<StateStores> state_stores;  ///< for state of keys; null: as state.backend.type says
};

class JobEnvironment {
 public:
  /// Of how much of a job this process has the tasks.
  enum class Extent {
    kWholeJob,
    kShare,  ///< other processes have the others, and its master
  };
  /// `checkpoints`: the job's folder of them; empty: it has none.
  static Result<std::unique_ptr<JobEnvironment>> make(const Options& options, const std::string& checkpoints, const UserParts& parts, Extent extent);
  JobEnvironment(const JobEnvironment&) = delete;
  JobEnvironment& operator=(const JobEnvironment&) = delete;

  const Env& env() const { return env_; }

 private:
  explicit JobEnvironment(const UserParts& parts);

  const std::unique_ptr<FileSystem> storage_;
  std::optional<FileUrls> storage_and_local_;
  PosixEnv posix_;
  Env env_;
  std::unique_ptr<LocalCopies> copies_;
  std::shared_ptr<StateStores> state_stores_;
  std::unique_ptr<ProcessFolder> scratch_folder_;
  std::optional<ScratchFolder> scratch_;
  std::optional<RocksdbStoresOnDemand> other_stores_;
  std::optional<detail::StateMemory> state_memory_;
};

/// The threads of tasks: how many (0: one a core), and how each is made.
struct TaskThreads {
  std::size_t count = 0;
  MakeThread make = [](auto run) { return std::jthread{std::move(run)}; };
};
Result<TaskThreads> make_task_threads(const Options& options, FileSystem& files);

}  // namespace tidemark

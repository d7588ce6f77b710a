#include "api/job_environment.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "env/cpu_cores.h"
#include "env/memory_limit.h"
#include "env/posix_file_system.h"
#include "env/storage_file_system.h"
#include "env/temporary_folder.h"
#include "env/user_files.h"
#include "tidemark/detail/base/hash.h"
#include "worker/pinned_threads.h"

namespace tidemark {
namespace {

// Snapshots of a few subtasks, commits and the pointer's moves at a time; all of them wait for disks.
constexpr int kBlockingThreads = 4;

std::uint64_t state_budget_bytes(const Options& options, FileSystem& files) {
  if (options.state_memory > 0) return static_cast<std::uint64_t>(options.state_memory);
  return memory_limit_bytes(files) / 10 * 7;
}

std::string rocksdb_folder(const Options& options) {
  return options.rocksdb_folder.empty() ? temporary_folder() : options.rocksdb_folder;
}

// Null: all state is in memory.
Result<std::shared_ptr<StateStores>> make_state_stores(const Options& options, const UserParts& parts, const Env& env,
                                                       std::uint64_t budget_bytes) {
  if (parts.state_stores != nullptr) return parts.state_stores;
  if (options.state_backend != Options::StateBackend::kRocksdb) return nullptr;
  // Most is for the tables: what they hold costs no look-up in the database.
  TIDEMARK_ASSIGN(stores, RocksdbStores::create(env, rocksdb_folder(options), budget_bytes / 5 * 2));
  return std::shared_ptr<StateStores>{std::move(stores)};
}

// For what stores do not keep. Null: it stays in memory.
Result<std::unique_ptr<ProcessFolder>> make_scratch_folder(const Options& options, const Env& env) {
  if (env.state_stores == nullptr) return nullptr;
  auto folder = ProcessFolder::create(env, rocksdb_folder(options));
  if (!folder) return std::unexpected{folder.error().within("state.backend.rocksdb.localdir")};
  return folder;
}

// Null: none are wanted. Below a folder of the user's own, as the name is known to everybody.
Result<std::unique_ptr<LocalCopies>> make_local_copies(const Options::Checkpointing& options, const std::string& checkpoints,
                                                       JobEnvironment::Extent extent, const Env& env) {
  if (!options.local_backup || checkpoints.empty()) return nullptr;
  FileSystem& storage = env.snapshot_files();
  const std::string within = options.local_backup_dir.empty() ? temporary_folder() : options.local_backup_dir;
  const std::string folder =
      join_path(within, fmt::format("tidemark-copies-{:016x}", detail::hash_bytes(storage.absolute_path(checkpoints))));
  const auto refuse = [](const Error& error) {
    return std::unexpected{error.within("execution.checkpointing.local-backup.dirs")};
  };
  if (const auto made = env.files->make_directories(folder); !made) return refuse(made.error());
  if (!is_user_folder(folder)) {
    return refuse(Error{ErrorCode::kPermissionDenied,
                        folder + " belongs to another user or is a link: remove it, or name another folder"});
  }
  keep_for_user(folder);
  const bool has_master = extent == JobEnvironment::Extent::kWholeJob;
  return std::make_unique<LocalCopies>(storage, checkpoints, *env.files, folder,
                                       has_master ? LocalCopies::Remover::kThisProcess : LocalCopies::Remover::kAnother);
}

}  // namespace

JobEnvironment::JobEnvironment(const UserParts& parts)
    : storage_{parts.storage != nullptr ? make_storage_file_system(parts.storage) : nullptr}, posix_{kBlockingThreads}, env_{posix_.env()} {
  if (storage_ == nullptr) return;
  storage_and_local_.emplace(*storage_, posix_file_system());
  env_.storage = &*storage_and_local_;
}

Result<std::unique_ptr<JobEnvironment>> JobEnvironment::make(const Options& options, const std::string& checkpoints, const UserParts& parts, Extent extent) {
  std::unique_ptr<JobEnvironment> made{new JobEnvironment{parts}};
  Env& env = made->env_;
  TIDEMARK_ASSIGN(copies, make_local_copies(options.checkpointing, checkpoints, extent, env));
  made->copies_ = std::move(copies);
  if (made->copies_ != nullptr) env.storage = made->copies_.get();
  const std::uint64_t budget_bytes = state_budget_bytes(options, *env.files);
  TIDEMARK_ASSIGN(state_stores, make_state_stores(options, parts, env, budget_bytes));
  made->state_stores_ = std::move(state_stores);
  env.state_stores = made->state_stores_.get();
  TIDEMARK_ASSIGN(scratch_folder, make_scratch_folder(options, env));
  made->scratch_folder_ = std::move(scratch_folder);
  if (made->scratch_folder_ != nullptr) {
    made->scratch_.emplace(*env.files, made->scratch_folder_->path(),
                           "see to the disk, or set state.backend.rocksdb.localdir to a folder on another one");
    env.scratch = &*made->scratch_;
  }
  made->other_stores_.emplace(env, rocksdb_folder(options));
  env.other_stores = &*made->other_stores_;
  made->state_memory_.emplace(budget_bytes, made->state_stores_ != nullptr ? made->state_stores_->memory_bytes() : 0);
  env.state_memory = &*made->state_memory_;
  return made;
}

Result<TaskThreads> make_task_threads(const Options& options, FileSystem& files) {
  TaskThreads threads{.count = static_cast<std::size_t>(options.worker_threads)};
  if (!options.cpu_pinning) return threads;
  std::vector<int> cores = physical_cores_first(files, cores_of_this_thread());
  if (threads.count == 0) threads.count = std::max<std::size_t>(cores.size(), 1);
  TIDEMARK_TRY(require_core_each(threads.count, cores.size()));
  threads.make = make_pinned_threads(std::move(cores));
  return threads;
}

}  // namespace tidemark

#include "api/embedded_run.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <optional>
#include <utility>

#include "api/control_socket.h"
#include "api/progress_display.h"
#include "api/progress_text.h"
#include "api/stop_signals.h"
#include "base/log.h"
#include "coordinator/job_master.h"
#include "coordinator/master_options.h"
#include "env/local_copies.h"
#include "env/memory_limit.h"
#include "env/posix_env.h"
#include "env/process_folder.h"
#include "env/scratch_folder.h"
#include "env/storage_file_system.h"
#include "env/temporary_folder.h"
#include "env/user_files.h"
#include "snapshot/checkpoint_store.h"
#include "state/rocksdb_stores.h"
#include "tidemark/detail/base/hash.h"
#include "tidemark/detail/state/state_memory.h"
#include "worker/threaded_execution.h"

namespace tidemark {
namespace {

// Snapshots of a few subtasks, commits and the pointer's moves at a time; all of them wait for disks.
constexpr int kBlockingThreads = 4;
// How soon a signal is seen: its handler may not wake anybody.
constexpr std::int64_t kSignalPollNs = 50'000'000;

Result<std::unique_ptr<CheckpointStore>> open_store(const Options& options, const std::string& job, FileSystem& files,
                                                    std::optional<std::uint64_t> claim) {
  if (options.checkpointing.dir.empty() && options.restore_path.empty()) return nullptr;
  if (options.checkpointing.dir.empty()) {
    return fail(ErrorCode::kInvalidArgument,
                "--resume=PATH needs a folder for the checkpoints that follow: name one with --checkpoint-dir");
  }
  Resume resume;
  if (!options.restore_path.empty()) {
    resume = {Resume::Kind::kPath, options.restore_path, claim};
  } else if (options.resume) {
    resume.kind = Resume::Kind::kLatest;
  }
  return CheckpointStore::open(files, options.checkpointing.dir, job, resume);
}

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
Result<std::unique_ptr<LocalCopies>> make_local_copies(const Options::Checkpointing& options, const std::string& job,
                                                       const Env& env) {
  if (!options.local_backup || options.dir.empty()) return nullptr;
  FileSystem& storage = env.snapshot_files();
  const std::string job_folder = join_path(options.dir, job);
  const std::string within = options.local_backup_dir.empty() ? temporary_folder() : options.local_backup_dir;
  const std::string folder =
      join_path(within, fmt::format("tidemark-copies-{:016x}", detail::hash_bytes(storage.absolute_path(job_folder))));
  const auto refuse = [](const Error& error) {
    return std::unexpected{error.within("execution.checkpointing.local-backup.dirs")};
  };
  if (const auto made = env.files->make_directories(folder); !made) return refuse(made.error());
  if (!is_user_folder(folder)) {
    return refuse(Error{ErrorCode::kPermissionDenied,
                        folder + " belongs to another user or is a link: remove it, or name another folder"});
  }
  keep_for_user(folder);
  return std::make_unique<LocalCopies>(storage, job_folder, *env.files, folder);
}

/// Drives the master as a program does that a person started.
class ProgramRun {
 public:
  ProgramRun(JobMaster& master, const ThreadedExecutionFactory& worker, const Clock& clock, std::string job, bool has_store)
      : master_{master}, worker_{worker}, clock_{clock}, job_{std::move(job)}, has_store_{has_store}, start_ns_{clock.steady_ns()} {}

  const JobOutcome& run() {
    {
      const StopSignals signals;
      ProgressDisplay display;
      JobSample shown = sample();
      std::int64_t next_show_ns = start_ns_ + display.period_ns();
      for (;;) {
        const Progress progress = master_.step();
        if (progress == Progress::kDone) break;
        obey(signals.count());
        const std::int64_t now_ns = clock_.steady_ns();
        if (now_ns >= next_show_ns) {
          const JobSample now = sample();
          display.show(progress_line(shown, now));
          shown = now;
          next_show_ns = now_ns + display.period_ns();
        }
        if (progress == Progress::kBlocked) sleep(std::min(next_show_ns, now_ns + kSignalPollNs) - now_ns, now_ns);
      }
    }
    log_info(summary_line(sample()));
    if (const std::string line = skew_line(worker_.vertex_metrics()); !line.empty()) log_info(line);
    return master_.outcome();
  }

 private:
  JobSample sample() const {
    const WorkerMetrics metrics = worker_.metrics();
    const JobStatus status = master_.status();
    const std::int64_t now_ns = clock_.steady_ns();
    return {.job = job_,
            .state = status.state,
            .steady_ns = now_ns,
            .wall_ms = clock_.wall_ms(),
            .running_ns = now_ns - start_ns_,
            .records_in = metrics.records_in,
            .records_out = metrics.records_out,
            .late_dropped = metrics.late_dropped,
            .skipped = metrics.skipped,
            .watermark = metrics.watermark,
            .restarts = status.restarts,
            // Without a store, barriers only tell sinks to commit: nothing is kept that anybody could resume from.
            .checkpoints = has_store_ ? master_.checkpoint_stats() : CheckpointStats{}};
  }

  void obey(int signals) {
    if (signals == obeyed_) return;
    const bool stops = obeyed_ == 0 && signals == 1 && has_store_;
    obeyed_ = signals;
    if (stops) {
      log_info("stopping with a checkpoint that is kept; a second signal ends the job at once, without one");
      master_.request_stop();
    } else {
      log_info(has_store_ ? "ending at once, without a checkpoint"
                          : "ending at once; without --checkpoint-dir there is nothing to go on from, and what is not committed is discarded");
      master_.request_cancel();
    }
  }

  void sleep(std::int64_t at_most_ns, std::int64_t now_ns) {
    if (const auto deadline = master_.next_deadline_ns()) at_most_ns = std::min(at_most_ns, *deadline - now_ns);
    if (at_most_ns <= 0) return;
    master_.wakeup().park([this] { return master_.has_mail(); }, std::chrono::nanoseconds{at_most_ns});
  }

  JobMaster& master_;
  const ThreadedExecutionFactory& worker_;
  const Clock& clock_;
  const std::string job_;
  const bool has_store_;
  const std::int64_t start_ns_;
  int obeyed_ = 0;
};

}  // namespace

Result<JobOutcome> run_embedded(const Options& options, const PhysicalPlan& plan, const detail::JobFactories& factories,
                                const UserParts& parts, RunStyle style) {
  const std::unique_ptr<FileSystem> storage = parts.storage != nullptr ? make_storage_file_system(parts.storage) : nullptr;
  PosixEnv posix{kBlockingThreads};
  Env env = posix.env();
  env.storage = storage.get();
  TIDEMARK_ASSIGN(copies, make_local_copies(options.checkpointing, plan.logical.job, env));
  if (copies != nullptr) env.storage = copies.get();
  const std::uint64_t budget_bytes = state_budget_bytes(options, *env.files);
  TIDEMARK_ASSIGN(state_stores, make_state_stores(options, parts, env, budget_bytes));
  env.state_stores = state_stores.get();
  TIDEMARK_ASSIGN(scratch_folder, make_scratch_folder(options, env));
  std::optional<ScratchFolder> scratch;
  if (scratch_folder != nullptr) {
    scratch.emplace(*env.files, scratch_folder->path(),
                    "see to the disk, or set state.backend.rocksdb.localdir to a folder on another one");
    env.scratch = &*scratch;
  }
  RocksdbStoresOnDemand other_stores{env, rocksdb_folder(options)};
  env.other_stores = &other_stores;
  detail::StateMemory state_memory{budget_bytes, state_stores != nullptr ? state_stores->memory_bytes() : 0};
  env.state_memory = &state_memory;
  TIDEMARK_ASSIGN(store, open_store(options, plan.logical.job, env.snapshot_files(),
                                    options.claim ? std::optional{env.random->next()} : std::nullopt));
  const bool has_store = store != nullptr;
  const std::string folder = has_store ? store->folder() : std::string{};
  const JobMasterOptions master = master_options(options);
  ThreadedExecutionFactory worker{env, master.checkpoints.mode, plan, factories, static_cast<std::size_t>(options.worker_threads)};
  JobMaster job{env, plan, std::move(store), worker, master};
  std::optional<ControlSocket> socket;
  // Its socket lies in the job's folder, which another storage does not have.
  if (has_store && storage == nullptr) socket.emplace(folder, plan.logical.job, job, *env.clock, [&worker] { return worker.vertex_metrics(); });
  const JobOutcome outcome = style == RunStyle::kQuiet
                                 ? job.run_until_done()
                                 : ProgramRun{job, worker, *env.clock, plan.logical.job, has_store}.run();
  if (socket) socket->linger();
  return outcome;
}

}  // namespace tidemark

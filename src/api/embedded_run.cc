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
#include "control/control_folder.h"
#include "coordinator/job_master.h"
#include "coordinator/master_options.h"
#include "env/network_address.h"
#include "snapshot/checkpoint_store.h"
#include "worker/threaded_execution.h"

namespace tidemark {
namespace {

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

// Null: the job runs, and nobody reaches it.
std::unique_ptr<ControlFolder> make_control_folder(FileSystem& files, const std::string& checkpoint_dir,
                                                   const std::string& job) {
  auto made = ControlFolder::make(files, control_root(), checkpoint_dir, job);
  if (!made) {
    log_warning(fmt::format("the job can't be reached by the command tidemark: {}", made.error().message()));
    return nullptr;
  }
  log_info(fmt::format("the checkpoints are on a storage of the job's own, so its control socket lies in '{}'",
                       (*made)->path()));
  return *std::move(made);
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
  ControlSocket::Listens where;
  if (!options.metrics_address.empty()) {
    auto address = parse_network_address(options.metrics_address);
    if (!address) return std::unexpected{address.error().within("metrics.address")};
    where.metrics = *std::move(address);
  }
  const std::string& dir = options.checkpointing.dir;
  const std::string checkpoints = dir.empty() ? dir : join_path(dir, plan.logical.job);
  TIDEMARK_ASSIGN(environment, JobEnvironment::make(options, checkpoints, parts, JobEnvironment::Extent::kWholeJob));
  const Env& env = environment->env();
  TIDEMARK_ASSIGN(threads, make_task_threads(options, *env.files));
  TIDEMARK_ASSIGN(store, open_store(options, plan.logical.job, env.snapshot_files(),
                                    options.claim ? std::optional{env.random->next()} : std::nullopt));
  const bool has_store = store != nullptr;
  const std::string folder = has_store ? store->folder() : std::string{};
  const JobMasterOptions master = master_options(options);
  ThreadedExecutionFactory worker{env, master.checkpoints.mode, plan, factories, threads.count, threads.make};
  JobMaster job{env, plan, std::move(store), worker, master};
  // Sockets are no files of a storage's.
  const std::unique_ptr<ControlFolder> control_folder =
      has_store && parts.storage != nullptr ? make_control_folder(*env.files, options.checkpointing.dir, plan.logical.job) : nullptr;
  if (has_store && parts.storage == nullptr) where.folder = folder;
  if (control_folder != nullptr) where.folder = control_folder->path();
  std::optional<ControlSocket> socket;
  if (!where.folder.empty() || where.metrics) {
    socket.emplace(where, plan.logical.job, job, env,
                   parts.storage == nullptr ? ControlSocket::Paths::kOfThisMachine : ControlSocket::Paths::kOfAStorage,
                   [&worker] { return worker.vertex_metrics(); });
  }
  const JobOutcome outcome = style == RunStyle::kQuiet
                                 ? job.run_until_done()
                                 : ProgramRun{job, worker, *env.clock, plan.logical.job, has_store}.run();
  if (socket) socket->linger();
  return outcome;
}

}  // namespace tidemark

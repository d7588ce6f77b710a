#include "sim/story.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <vector>

#include "snapshot/checkpoint_store.h"
#include "tidemark/detail/base/hash.h"

namespace tidemark {
namespace {

constexpr std::int64_t kMs = 1'000'000;
constexpr const char* kOutputs = "/out";  // where all workloads write
constexpr const char* kSavepoints = "/savepoints";

template <class T>
T expect(Result<T> result, std::string_view what) {
  if (!result) throw Wrong{fmt::format("{}: {}", what, result.error().message())};
  return std::move(*result);
}

void expect_none(const std::optional<std::string>& wrong, std::string_view when) {
  if (wrong) throw Wrong{fmt::format("{}: {}", when, *wrong)};
}

std::uint64_t hash_tree(FileSystem& files, const std::string& path, std::uint64_t hash) {
  for (const DirectoryEntry& entry : value_or_throw(files.list(path))) {
    const std::string child = join_path(path, entry.name);
    hash = (hash ^ detail::hash_bytes(child)) * 0x9e3779b97f4a7c15;
    hash = entry.is_directory ? hash_tree(files, child, hash)
                              : (hash ^ detail::hash_bytes(value_or_throw(read_file(files, child)))) * 0x9e3779b97f4a7c15;
  }
  return hash;
}

}  // namespace

Story::Story(std::uint64_t seed, const WorkloadKind& kind, const WorkloadOptions& workload)
    : env_{seed}, workload_{kind.make(workload)}, parallelism_{workload.parallelism} {
  CheckpointOptions& checkpoints = options_.master.checkpoints;
  checkpoints.mode = workload.mode;
  checkpoints.interval_ns = 4 * kMs;
  checkpoints.progress_period_ns = kMs;
  checkpoints.timeout_ns = 100 * kMs;
  // Where time leaps any checkpoint may expire: the last one is tried until it succeeds.
  checkpoints.closing_attempts = 1000;
  checkpoints.closing_retry_pause_ns = 5 * kMs;
  const SimulatedEnv::Observer observer{env_};
  workload_->prepare(env_.files());
}

Story::~Story() {
  if (process_) static_cast<void>(process_.release());
}

bool Story::start() {
  env_.revive();
  failed_operations_before_ = env_.failed_operations();
  completed_here_ = 0;
  steps_ = 0;
  SimulatedJob job = workload_->build(parallelism_);
  job_ = job.plan.logical.job;
  auto started = SimulatedProcess::start(env_, std::move(job), options_);
  if (started) {
    process_ = std::move(*started);
    return true;
  }
  if (!env_.dead() && !files_failed()) throw Wrong{fmt::format("the job can't start: {}", started.error().message())};
  return false;
}

std::optional<JobOutcome> Story::step_until(const AfterStep& after) {
  while (process_->step()) {
    if (process_->master_stepped()) look_at_checkpoints();
    if (savepoints_->size() > savepoints_seen_) look_at_savepoints();
    if (after(*process_)) break;
    if (++steps_ > max_steps_) {
      throw Wrong{fmt::format("the job does not end; it is {}", to_string(process_->master().status().state))};
    }
  }
  if (process_->stuck()) {
    throw Wrong{fmt::format("nobody can go on; the job is {}", to_string(process_->master().status().state))};
  }
  look_at_checkpoints();
  failed_checkpoints_ += process_->master().checkpoint_stats().failed;
  std::optional<JobOutcome> outcome;
  if (process_->over()) outcome = process_->master().outcome();
  process_.reset();
  return outcome;
}

std::optional<JobOutcome> Story::run(const AfterStep& after) { return start() ? step_until(after) : std::nullopt; }

std::string Story::folder() const { return join_path(options_.checkpoint_dir, job_); }

void Story::look_at_checkpoints() {
  const CheckpointStats stats = process_->master().checkpoint_stats();
  if (stats.completed == completed_here_) return;
  completed_ += stats.completed - completed_here_;
  completed_here_ = stats.completed;
  newest_complete_ = std::max(newest_complete_, stats.last_completed->id);
  if (env_.dead() || process_->over() || !is_kept()) return;
  check_checkpoint(*stats.last_completed);
  check_restorable(*process_);
}

void Story::check_checkpoint(const CheckpointStats::Completed& checkpoint) {
  if (checkpoint.path.empty()) return;
  const SimulatedEnv::Observer observer{env_};
  const CheckpointMetadata metadata =
      expect(load_checkpoint(env_.files(), checkpoint.path), fmt::format("checkpoint {} is complete", checkpoint.id));
  expect_none(workload_->check_checkpoint(env_.files(), checkpoint.path, metadata),
              fmt::format("checkpoint {}", checkpoint.id));
}

void Story::check_restorable(SimulatedProcess& process) {
  const SimulatedEnv::Observer observer{env_};
  const std::string path = join_path(folder(), "CURRENT");
  const CheckpointStats stats = process.master().checkpoint_stats();
  const auto bytes = read_file(env_.files(), path);
  if (!bytes) {
    if (stats.completed > 0) throw Wrong{fmt::format("a checkpoint is complete, but: {}", bytes.error().message())};
    return;
  }
  const CheckpointPointer pointer = expect(decode_pointer(*bytes, path), "the pointer");
  const CheckpointId newest = pointer.checkpoints.empty() ? 0 : pointer.checkpoints.back().id;
  if (stats.last_completed && newest < stats.last_completed->id) {
    throw Wrong{fmt::format("checkpoint {} is complete, but the pointer names {}", stats.last_completed->id, newest)};
  }
  for (const RetainedCheckpoint& checkpoint : pointer.checkpoints) {
    const std::string name = checkpoint.path.empty() ? fmt::format("chk-{}-{}", checkpoint.id, checkpoint.attempt)
                                                     : checkpoint.path;
    expect(load_checkpoint(env_.files(), join_path(folder(), name)), fmt::format("the pointer names '{}'", name));
  }
}

void Story::ask_for_savepoint(SimulatedProcess& process, SnapshotOrder::Then then) {
  const auto answer = [savepoints = savepoints_](const Result<SnapshotTaken>& taken) {
    if (taken) savepoints->push_back(taken->path);
  };
  process.master().request_snapshot({.what = SnapshotOrder::What::kSavepoint, .then = then, .dir = kSavepoints}, answer);
}

void Story::claim_what_is_resumed() {
  options_.resume.claim = env_.random().next();
  claimed_.insert(options_.resume.path);
}

// Now its sinks' pending files are there. A restart from an older checkpoint may discard them.
void Story::look_at_savepoints() {
  const SimulatedEnv::Observer observer{env_};
  for (; savepoints_seen_ < savepoints_->size(); ++savepoints_seen_) {
    const std::string& path = (*savepoints_)[savepoints_seen_];
    const std::string when = fmt::format("savepoint '{}' is complete", path);
    expect_none(workload_->check_checkpoint(env_.files(), path, expect(load_checkpoint(env_.files(), path), when)), when);
  }
}

void Story::check_savepoints() {
  for (const std::string& path : *savepoints_) {
    if (!claimed_.contains(path)) expect(load_checkpoint(env_.files(), path), fmt::format("savepoint '{}' was complete", path));
  }
}

void Story::check_consistent() {
  const SimulatedEnv::Observer observer{env_};
  check_savepoints();
  expect_none(workload_->check_so_far(env_.files()), "between two processes");
  if (!is_kept()) return;
  const Resume latest{Resume::Kind::kLatest, {}};
  const auto store = expect(CheckpointStore::open(env_.files(), options_.checkpoint_dir, job_, latest),
                            "between two processes the checkpoints");
  const auto restorable = expect(store->restorable(), "between two processes the newest checkpoint");
  const CheckpointId newest = restorable ? restorable->id : 0;
  if (newest < newest_complete_) {
    throw Wrong{fmt::format("checkpoint {} was complete; the newest that can be restored is {}", newest_complete_, newest)};
  }
}

void Story::check_finished(const std::optional<JobOutcome>& outcome) {
  check_outcome(outcome);
  if (files_failed()) {
    if (is_kept()) {
      check_outcome(run());
    } else {
      tidy_output();
    }
  }
  const SimulatedEnv::Observer observer{env_};
  expect_none(workload_->check_finished(env_.files()), "at the end");
  check_savepoints();
  if (is_kept()) check_nothing_left();
}

void Story::check_rows() {
  const SimulatedEnv::Observer observer{env_};
  tidy_output();
  expect_none(workload_->check_finished(env_.files()), "at the end, after a crash of the machine");
}

void Story::check_begins_anew_or_refuses() {
  const auto outcome = run();
  if (outcome && outcome->state == JobState::kFinished) return check_finished(outcome);
  const bool refuses = outcome && outcome->error && outcome->error->code() == ErrorCode::kFailedPrecondition;
  if (!refuses) check_outcome(outcome);
  const SimulatedEnv::Observer observer{env_};
  if (!glob(env_.files(), join_path(kOutputs, "**/part-*"))) {
    throw Wrong{fmt::format("nothing is committed, and a new run is refused: {}", outcome->error->message())};
  }
  expect_none(workload_->check_so_far(env_.files()), "after a refused run");
}

// What nobody else does where no run goes on from the one before: hidden files are removed, but for the sinks' names.
void Story::tidy_output() {
  const SimulatedEnv::Observer observer{env_};
  for (const char* hidden : {"**/.part-*", ".part-*"}) {
    const auto paths = glob(env_.files(), join_path(kOutputs, hidden));
    if (!paths) continue;
    for (const std::string& path : *paths) {
      if (!path.ends_with(".owner")) value_or_throw(env_.files().remove(path));
    }
  }
}

void Story::check_outcome(const std::optional<JobOutcome>& outcome) const {
  if (!outcome) throw Wrong{"the job did not finish: its process ended"};
  if (outcome->state == JobState::kFinished) return;
  throw Wrong{fmt::format("the job is {} and not finished: {}", to_string(outcome->state),
                          outcome->error ? outcome->error->message() : "nobody says why")};
}

void Story::check_nothing_left() {
  std::vector<std::string> checkpoints;
  for (const DirectoryEntry& entry : expect(env_.files().list(folder()), "the checkpoints")) {
    if (entry.is_directory) {
      checkpoints.push_back(entry.name);
    } else if (entry.name != "CURRENT" && entry.name != "LOCK") {
      throw Wrong{fmt::format("'{}' is left over among the checkpoints", entry.name)};
    }
  }
  if (checkpoints.empty()) throw Wrong{"no checkpoint is left at the end"};
  if (checkpoints.size() > options_.master.checkpoints.num_retained) {
    throw Wrong{fmt::format("{} checkpoints are left where {} are retained: {}", checkpoints.size(),
                            options_.master.checkpoints.num_retained, fmt::join(checkpoints, ", "))};
  }
}

std::uint64_t Story::hash_files() {
  const SimulatedEnv::Observer observer{env_};
  return hash_tree(env_.files(), "/", 0);
}

}  // namespace tidemark

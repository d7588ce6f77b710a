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
  checkpoints.timeout_ns = 100 * kMs;
  // Where time leaps any checkpoint may expire: the last one is tried until it succeeds.
  checkpoints.closing_attempts = 1000;
  checkpoints.closing_retry_pause_ns = 5 * kMs;
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
  if (env_.dead() || process_->over()) return;
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
    const std::string name = fmt::format("chk-{}-{}", checkpoint.id, checkpoint.attempt);
    expect(load_checkpoint(env_.files(), join_path(folder(), name)), fmt::format("the pointer names '{}'", name));
  }
}

void Story::check_consistent() {
  const SimulatedEnv::Observer observer{env_};
  expect_none(workload_->check_so_far(env_.files()), "between two processes");
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
  if (files_failed()) check_outcome(run());
  const SimulatedEnv::Observer observer{env_};
  expect_none(workload_->check_finished(env_.files()), "at the end");
  check_nothing_left();
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

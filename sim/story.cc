#include "sim/story.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <set>
#include <vector>

#include "graph/verdict.h"
#include "sim/folder_checks.h"
#include "snapshot/checkpoint_store.h"
#include "snapshot/snapshot_claim.h"
#include "snapshot/snapshot_disposal.h"

namespace tidemark {
namespace {

constexpr std::int64_t kMs = 1'000'000;
// With nothing failing, the first deletes all.
constexpr int kMaxDisposals = 3;
// Of a rival that comes before the job: now and then enough to claim.
constexpr std::uint64_t kMostStepsAhead = 12;
// Where somebody starts the job who never gets what they want.
constexpr const char* kOthersDir = "/others";
constexpr std::string_view kOfTwo = "of two who claim one snapshot";

}  // namespace

Story::Story(std::uint64_t seed, const WorkloadKind& kind, const WorkloadOptions& workload)
    : env_{seed},
      workload_{kind.make(workload)},
      parallelism_{workload.parallelism},
      ownership_{env_.files()},
      retained_{env_.files()} {
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
  if (rival_) rival_->abandon();
}

bool Story::start() {
  if (env_.dead()) bury();
  env_.revive();
  steps_ = 0;
  if (process_) return true;  // the rival came first and is the job
  failed_operations_before_ = env_.failed_operations();
  completed_here_ = 0;
  restored_was_seen_ = false;
  SimulatedJob job = workload_->build(parallelism_, version_);
  job_ = job.plan.logical.job;
  options_.resume = choose_resume();
  if (!rival_runs()) env_.keep_copies_of(local_copies_ ? folder() : "");
  if (env_.dead()) return false;
  auto started = SimulatedProcess::start(env_, std::move(job), options_);
  if (started) {
    process_ = std::move(*started);
    return true;
  }
  if (env_.dead() || files_failed() || has_lost(started.error())) return false;
  if (!may_be_refused()) throw Wrong{fmt::format("the job can't start: {}", started.error().message())};
  drop_plan();
  return false;
}

std::optional<JobOutcome> Story::step_until(const AfterStep& after) {
  while (step_somebody()) {
    if (process_->master_stepped()) {
      look_at_restored();
      look_at_checkpoints();
    }
    if (!new_savepoints_->empty()) look_at_savepoints();
    if (!process_->over() && after(*process_)) break;
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
  if (env_.dead()) bury();
  look_at_savepoints();  // also of one whose answer came with the end
  if (outcome && !outcome->cancelled_savepoint.empty()) check_is_newest(outcome->cancelled_savepoint);
  if (outcome && outcome->state == JobState::kFailed && has_lost(*outcome->error)) return std::nullopt;
  return outcome;
}

bool Story::step_somebody() {
  if (!rival_runs() || env_.dead()) return process_->step();
  if (process_->over() || env_.one_in(2)) {
    step_rival();
  } else {
    process_->step();
  }
  return true;
}

void Story::bury() {
  process_.reset();
  if (rival_) rival_->bury();
}

std::optional<JobOutcome> Story::run(const AfterStep& after) { return start() ? step_until(after) : std::nullopt; }

std::string Story::folder() const { return join_path(options_.checkpoint_dir, job_); }

std::optional<CheckpointPointer> Story::pointer() {
  return is_kept() ? expect(read_pointer_file(env_.files(), folder()), "the pointer") : std::nullopt;
}

std::optional<CheckpointId> Story::newest_in_folder() {
  const auto current = pointer();
  return current && !current->checkpoints.empty() ? std::optional{current->checkpoints.back().id} : std::nullopt;
}

// It says what its job has claimed or restored, and not replaced yet.
bool Story::folder_names_plan() {
  const auto current = pointer();
  if (!current) return false;
  if (plan_->claim) return std::ranges::count(current->claims, plan_->path, &ClaimedSnapshot::path) > 0;
  return current->restored && current->restored->path == plan_->path;
}

void Story::drop_plan() {
  const SimulatedEnv::Observer observer{env_};
  if (plan_ && folder_names_plan()) newest_complete_ = plan_->id;
  plan_.reset();
}

Resume Story::choose_resume() {
  const Resume latest{Resume::Kind::kLatest, {}};
  if (!plan_) return latest;
  const SimulatedEnv::Observer observer{env_};
  if (newest_in_folder() != plan_->newest) {  // a process before has completed one, and nobody has seen it
    plan_.reset();
    return latest;
  }
  const bool is_named = folder_names_plan();
  if (is_named && env_.one_in(2)) return latest;
  if (is_named && plan_->claim && !rival_runs() && env_.one_in(4)) {
    env_.trace().note("IT IS NOT TO BE CLAIMED AFTER ALL");
    plan_->claim.reset();
    ownership_.give_up(plan_->path);
    rival_.reset();
  }
  return {Resume::Kind::kPath, plan_->path, plan_->claim};
}

// A job may not run without state that an operator of an earlier version has left, unless it was told that it may.
void Story::look_at_restored() {
  const JobStatus status = process_->master().status();
  if (restored_was_seen_ || status.state != JobState::kRunning) return;
  restored_was_seen_ = true;
  const auto gone = workload_->gone_in(version_);
  if (gone.empty() || status.resumed_path.empty() || options_.master.unclaimed_state == UnclaimedState::kDrop) return;
  const SimulatedEnv::Observer observer{env_};
  const auto restored = expect(load_checkpoint(env_.files(), status.resumed_path), "the restored checkpoint");
  for (const SavedOperator& op : saved_operators(restored)) {
    if (std::ranges::find(gone, op.uid) == gone.end()) continue;
    throw Wrong{fmt::format("the state of '{}' was dropped, and nobody had asked for it", op.uid)};
  }
}

void Story::look_at_checkpoints() {
  const CheckpointStats stats = process_->master().checkpoint_stats();
  if (stats.completed == completed_here_) return;
  completed_ += stats.completed - completed_here_;
  completed_here_ = stats.completed;
  newest_complete_ = std::max(newest_complete_, stats.last_completed->id);
  plan_.reset();
  if (env_.dead() || process_->over() || !is_kept()) return;
  check_checkpoint(*stats.last_completed);
  check_restorable(*process_);
}

void Story::check_checkpoint(const CheckpointStats::Completed& checkpoint) {
  if (checkpoint.path.empty()) return;
  const SimulatedEnv::Observer observer{env_};
  const std::string when = fmt::format("checkpoint {} is complete", checkpoint.id);
  const CheckpointMetadata metadata = expect(load_checkpoint(env_.files(), checkpoint.path), when);
  expect_none(retained_.add(checkpoint.path), when);
  expect_none(workload_->check_checkpoint(env_.files(), checkpoint.path, metadata), when);
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
  const auto answer = [complete = new_savepoints_](const Result<SnapshotTaken>& taken) {
    if (taken) complete->push_back(taken->path);
  };
  const SnapshotOrder order{.what = SnapshotOrder::What::kSavepoint, .then = then, .dir = kSimulatedSavepointDir};
  process.master().request_snapshot(order, answer);
}

// Now its sinks' pending files are there. A restart from an older checkpoint may discard them.
void Story::look_at_savepoints() {
  const SimulatedEnv::Observer observer{env_};
  for (const std::string& path : std::exchange(*new_savepoints_, {})) {
    const std::string when = fmt::format("savepoint '{}' is complete", path);
    expect_none(ownership_.add(path), when);
    expect_whole_savepoint(env_.files(), *workload_, path);
  }
}

// Of what has committed behind it the job that goes on from there would know nothing.
void Story::check_is_newest(const std::string& savepoint) {
  const SimulatedEnv::Observer observer{env_};
  const CheckpointMetadata metadata = expect(load_checkpoint(env_.files(), savepoint), "what the job was cancelled with");
  if (newest_complete_ <= metadata.id) return;
  throw Wrong{fmt::format("the job was cancelled with savepoint {}, and checkpoint {} has completed behind it", metadata.id,
                          newest_complete_)};
}

// What the job would go on from is no savepoint that nobody needs.
bool Story::is_disposable(const std::string& path) {
  const auto current = pointer();
  const bool is_named = current && std::ranges::count(current->checkpoints, path, &RetainedCheckpoint::path) > 0;
  return is_free_savepoint(path) && !is_named && !(plan_ && plan_->path == path);
}

bool Story::is_free_savepoint(const std::string& path) {
  const auto claim = read_claim(env_.files(), path);
  return path.starts_with(kSimulatedSavepointDir) && claim && !*claim;
}

void Story::ask_for_disposal() {
  std::vector<std::string> all;
  std::size_t disposable = 0;
  {
    const SimulatedEnv::Observer observer{env_};
    all = ownership_.of_others();
    const auto needed = std::ranges::partition(all, [&](const std::string& path) { return is_disposable(path); });
    disposable = all.size() - needed.size();
    // Of a savepoint that nobody has claimed only the user knows that the job is to go on from it.
    const auto is_free = [&](const std::string& path) { return is_free_savepoint(path); };
    all.erase(std::remove_if(needed.begin(), needed.end(), is_free), needed.end());
    if (const auto current = pointer()) {
      for (const RetainedCheckpoint& c : current->checkpoints) {
        if (c.path.empty()) all.push_back(path_of(folder(), c));
      }
    }
  }
  if (all.empty()) return;
  const std::size_t drawn = env_.random().next() % all.size();
  const std::string& path = all[drawn];
  env_.trace().note("SOMEBODY WANTS TO DELETE " + path);
  if (drawn < disposable) ownership_.dispose(path);
  const auto disposed = dispose_snapshot(env_.files(), path);
  if (drawn < disposable && !disposed && !env_.dead() && !files_failed()) {
    throw Wrong{fmt::format("'{}', which nobody needs, can't be deleted: {}", path, disposed.error().message())};
  }
  if (drawn >= disposable && disposed) throw Wrong{fmt::format("'{}', which is needed, was deleted on request", path)};
}

void Story::finish_disposals() {
  for (const std::string& path : ownership_.disposed()) {
    for (int tries = 0; tries < kMaxDisposals; ++tries) {
      const auto disposed = dispose_snapshot(env_.files(), path);
      if (disposed || disposed.error().code() == ErrorCode::kNotFound) break;
    }
  }
}

std::string Story::draw_older() {
  const SimulatedEnv::Observer observer{env_};
  std::vector<std::string> all = ownership_.of_others();
  std::erase_if(all, [](const std::string& path) { return !path.starts_with(kSimulatedSavepointDir); });
  if (const auto current = pointer(); current && !current->checkpoints.empty()) {
    for (const RetainedCheckpoint& c : current->checkpoints) all.push_back(path_of(folder(), c));
    std::erase(all, path_of(folder(), current->checkpoints.back()));
  }
  return all.empty() ? "" : all[env_.random().next() % all.size()];
}

void Story::resume_from(const std::string& path) {
  const SimulatedEnv::Observer observer{env_};
  const CheckpointMetadata snapshot = expect(load_checkpoint(env_.files(), path), "what is to be resumed from");
  const auto current = pointer();
  const bool job_went_on = newest_complete_ > snapshot.id || (current && current->attempt > snapshot.attempt);
  plan_ = Plan{path, snapshot.id, std::nullopt, job_went_on, newest_in_folder()};
  rival_.reset();
}

void Story::claim_what_is_resumed() {
  plan_->claim = env_.random().next();
  ownership_.claim(plan_->path);
  rival_.emplace(env_, next_checkpoint_dir(), plan_->path);
}

void Story::start_rival() {
  // Only the user of the job knows whether it may leave state behind.
  const bool may_leave = options_.master.unclaimed_state == UnclaimedState::kDrop || workload_->gone_in(version_).empty();
  if (job_.empty() || rival_runs() || !may_leave || (process_ && env_.dead())) return;
  env_.revive();
  const std::string kept = env_.one_in(4) ? draw_kept_checkpoint() : "";
  if (!kept.empty()) return claim_kept_checkpoint(kept);
  if (!rival_) return;
  env_.trace().note("SOMEBODY ELSE CLAIMS IT, TOO");
  expect_none(rival_->start(workload_->build(parallelism_, version_), options_, options_.checkpoint_dir), kOfTwo);
  if (process_) return;
  for (std::uint64_t steps = env_.random().next() % kMostStepsAhead; steps > 0 && rival_runs() && !process_; --steps) {
    step_rival();
    if (env_.dead()) return bury();
  }
}

std::string Story::draw_kept_checkpoint() {
  const SimulatedEnv::Observer observer{env_};
  const auto current = pointer();
  if (!current || current->checkpoints.empty()) return {};
  const RetainedCheckpoint& drawn = current->checkpoints[env_.random().next() % current->checkpoints.size()];
  return drawn.path.empty() ? path_of(folder(), drawn) : std::string{};
}

// Nobody gets what the pointer of a job names, whether that runs or not.
void Story::claim_kept_checkpoint(const std::string& path) {
  env_.trace().note("SOMEBODY ELSE CLAIMS " + path);
  Rival other{env_, kOthersDir, path};
  const auto wrong = other.start(workload_->build(parallelism_, version_), options_, options_.checkpoint_dir);
  expect_none(wrong, "a job's checkpoint is claimed");
  if (other.runs()) throw Wrong{fmt::format("somebody else may claim '{}', which its job keeps", path)};
}

void Story::step_rival() {
  expect_none(rival_->step(options_.checkpoint_dir), kOfTwo);
  if (env_.dead()) return;
  const bool is_taken = process_ && process_->has_tasks();
  if (is_taken && (rival_->has_claimed() || rival_->has_begun())) {
    throw Wrong{"two jobs have claimed one snapshot"};
  }
  if (rival_->has_begun()) yield_to_rival();
}

// Who has it the files say; the job goes on there.
bool Story::has_lost(const Error& error) {
  if (!rival_ || env_.dead() || !rival_->has_claimed()) return false;
  if (!files_failed()) expect_none(rival_->check_refusal(error, rival_->checkpoint_dir()), kOfTwo);
  yield_to_rival();
  return true;
}

// The job goes on in the rival's folder and as its process, if that runs; who was the job is the rival.
void Story::yield_to_rival() {
  if (!plan_ || !plan_->claim) throw Wrong{"somebody else goes on from what the job has claimed and replaced"};
  env_.trace().note("SOMEBODY ELSE HAS IT");
  const SimulatedEnv::Observer observer{env_};
  expect_none(ownership_.leave(folder()), kOfTwo);
  Claimant job{options_.checkpoint_dir, *plan_->claim, failed_operations_before_, std::move(process_)};
  rival_->change_places(job);
  options_.checkpoint_dir = job.checkpoint_dir;
  plan_->claim = job.claim;
  failed_operations_before_ = job.failed_operations_before;
  process_ = std::move(job.process);
  ownership_.come_back(folder());
  ownership_.claim(plan_->path);
  forget_folder();
}

void Story::move() {
  const SimulatedEnv::Observer observer{env_};
  const std::string claimed = plan_->claim ? plan_->path : "";
  expect_none(ownership_.leave(folder()), "the job leaves its folder");
  if (!claimed.empty()) ownership_.claim(claimed);
  options_.checkpoint_dir = next_checkpoint_dir();
  forget_folder();
}

std::string Story::next_checkpoint_dir() { return fmt::format("{}-{}", kSimulatedCheckpointDir, ++folders_); }

// The plan begins in another one.
void Story::forget_folder() {
  newest_complete_ = 0;
  completed_here_ = 0;
  restored_was_seen_ = false;
  retained_ = Ownership{env_.files()};
  plan_->newest = newest_in_folder();
}

void Story::check_consistent() {
  const SimulatedEnv::Observer observer{env_};
  expect_none(ownership_.find_touched(), "between two processes");
  check_retained();
  expect_none(workload_->check_so_far(env_.files()), "between two processes");
  // A plan may have to do with no pointer at all.
  if (!is_kept() || plan_) return;
  const Resume latest{Resume::Kind::kLatest, {}};
  const auto store = expect(CheckpointStore::open(env_.files(), options_.checkpoint_dir, job_, latest),
                            "between two processes the checkpoints");
  const auto restorable = expect(store->restorable(), "between two processes the newest checkpoint");
  const CheckpointId newest = restorable ? restorable->id : 0;
  if (newest < newest_complete_) {
    throw Wrong{fmt::format("checkpoint {} was complete; the newest that can be restored is {}", newest_complete_, newest)};
  }
}

// Whoever goes back to one of them finds the state at its barrier.
void Story::check_retained() {
  const auto current = pointer();
  if (!current) return;
  std::vector<std::string> named;
  for (const RetainedCheckpoint& checkpoint : current->checkpoints) named.push_back(path_of(folder(), checkpoint));
  retained_.keep_only(named);
  expect_none(retained_.find_touched(), "the pointer names it");
}

void Story::check_finished(const std::optional<JobOutcome>& outcome) {
  check_outcome(outcome);
  if (files_failed()) {
    if (is_kept()) {
      check_outcome(run());
    } else {
      const SimulatedEnv::Observer observer{env_};
      tidy_output(env_.files());
    }
  }
  finish_disposals();
  check_claim();
  const SimulatedEnv::Observer observer{env_};
  expect_none(find_wrong_output(env_.files(), *workload_, folder()), "at the end");
  expect_none(ownership_.find_touched(), "at the end");
  if (!is_kept()) return;
  check_retained();
  const CheckpointPointer current = expect_no_leftover(env_.files(), folder(), options_.master.checkpoints.num_retained);
  expect_none(ownership_.find_unsettled(current), "at the end");
}

// Of a job that has finished it stays, or what was claimed is gone.
void Story::check_claim() {
  if (!rival_) return;
  expect_none(rival_->start(workload_->build(parallelism_, version_), options_, options_.checkpoint_dir), "behind the end");
  if (rival_runs()) throw Wrong{"somebody else may claim what the finished job has claimed"};
}

void Story::check_rows() {
  const SimulatedEnv::Observer observer{env_};
  tidy_output(env_.files());
  expect_none(find_wrong_output(env_.files(), *workload_, folder()), "at the end, after a crash of the machine");
}

void Story::check_begins_anew_or_refuses() {
  const auto outcome = run();
  if (outcome && outcome->state == JobState::kFinished) return check_finished(outcome);
  const bool refuses = outcome && outcome->error && outcome->error->code() == ErrorCode::kFailedPrecondition;
  if (!refuses) check_outcome(outcome);
  const SimulatedEnv::Observer observer{env_};
  if (!glob(env_.files(), join_path(kSimulatedOutputDir, "**/part-*"))) {
    throw Wrong{fmt::format("nothing is committed, and a new run is refused: {}", outcome->error->message())};
  }
  expect_none(workload_->check_so_far(env_.files()), "after a refused run");
}

void Story::check_outcome(const std::optional<JobOutcome>& outcome) const {
  if (!outcome) throw Wrong{"the job did not finish: its process ended"};
  if (outcome->state == JobState::kFinished) return;
  throw Wrong{fmt::format("the job is {} and not finished: {}", to_string(outcome->state),
                          outcome->error ? outcome->error->message() : "nobody says why")};
}

}  // namespace tidemark

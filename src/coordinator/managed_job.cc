#include "coordinator/managed_job.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "coordinator/job_glance.h"
#include "coordinator/master_options.h"
#include "tidemark/detail/base/check.h"

namespace tidemark {
namespace {

// As many as REST tells of.
constexpr std::size_t kMostFailures = 16;
// Longer than anybody asks after them.
constexpr std::size_t kMostTriggered = 32;
// A record is made durable: more often than this only what somebody waits for is worth it.
constexpr std::int64_t kHistoryPeriodNs = 10'000'000'000;

Deployment deployment_of(const JobRecord& record, const Options::Checkpointing& checkpoints, std::uint64_t epoch) {
  const bool copies = checkpoints.local_backup && !checkpoints.dir.empty();
  return {.job = record.name(),
          .id = record.id,
          .executable = record.executable,
          .arguments = record.arguments,
          .slots = slots_of(record.description.plan),
          .copies_of = copies ? join_path(checkpoints.dir, record.name()) : std::string{},
          .fingerprint = record.description.fingerprint,
          .epoch = epoch};
}

}  // namespace

/// The execution of the attempt, and what the one before has left.
class ManagedJob::Executions final : public ExecutionFactory {
 public:
  Executions(const JobServices& services, Deployment what) : services_{services}, what_{std::move(what)} {}

  std::unique_ptr<Execution> make(ExecutionListener& listener) override {
    auto execution = std::make_unique<DeployingExecution>(what_, services_.task_managers, *services_.env.clock, services_.timers, listener,
                                                          [this](DeployingExecution::Left left) {
                                                            current_ = nullptr;
                                                            if (!left.metrics.empty()) last_ = std::move(left.metrics);
                                                            if (!left.sites.empty() && !what_.copies_of.empty()) what_.before = std::move(left.sites);
                                                          });
    current_ = execution.get();
    return execution;
  }
  std::string shortage() const { return current_ != nullptr ? current_->shortage() : std::string{}; }
  DeployingExecution::Metrics metrics() const { return current_ != nullptr ? current_->vertex_metrics() : last_; }

 private:
  const JobServices services_;
  Deployment what_;
  DeployingExecution* current_ = nullptr;
  DeployingExecution::Metrics last_;
};

ManagedJob::ManagedJob(JobRecord record, const JobServices& services)
    : services_{services},
      record_{std::move(record)},
      log_origin_{fmt::format("job {} ({})", record_.name(), record_.id)},
      counted_before_{.completed = record_.completed_checkpoints,
                      .savepoints = record_.savepoints,
                      .failed = record_.failed_checkpoints,
                      .restores = record_.restores} {
  for (const CheckpointGlance& each : record_.checkpoints) checkpoints_.push_back({each});
  for (TriggeredSnapshot& each : record_.triggered) {
    if (std::exchange(each.is_over, true)) continue;
    each.failure = "the JobManager ended before it was known to be complete: look for it, or ask for another under another triggerId";
  }
  // It may go on after an end.
  if (!is_over()) std::erase_if(record_.state_times, [](const auto& entry) { return entry.first == "FINISHED" || entry.first == "CANCELED" || entry.first == "FAILED"; });
  if (record_.state_times.empty()) record_.state_times[std::string{in_flinks_words(JobState::kInitializing)}] = record_.submitted_ms;
}

ManagedJob::~ManagedJob() = default;

void ManagedJob::run(const Options& options, std::unique_ptr<CheckpointStore> store) {
  TIDEMARK_CHECK(executions_ == nullptr && !is_over(), "a job is run once");
  JobMasterOptions how = master_options(options);
  how.earlier_checkpoints = record_.checkpoints;
  // Should its trial fail, they are what the other goes on with.
  retains_on_cancellation_ = how.retain_on_cancellation;
  how.retain_on_cancellation = how.retain_on_cancellation || !record_.replaces.empty();
  executions_ = std::make_unique<Executions>(services_, deployment_of(record_, options.checkpointing, services_.epoch));
  master_ = std::make_unique<JobMaster>(services_.env, record_.description.plan, std::move(store), *executions_, std::move(how), services_.wakeup);
}

Progress ManagedJob::step() {
  if (master_ == nullptr) return Progress::kBlocked;
  const Progress progress = step_master();
  if (progress == Progress::kBlocked) return progress;
  note_progress();
  if (progress == Progress::kDone) {
    const JobOutcome outcome = master_->outcome();
    record_.stopped_with = outcome.stopped_checkpoint;
    end(outcome.state, outcome.error);
  }
  return progress;
}

Progress ManagedJob::step_master() {
  const LogOrigin origin{log_origin_};
  return master_->step();
}

std::optional<std::int64_t> ManagedJob::next_deadline_ns() const {
  std::optional<std::int64_t> earliest = master_ == nullptr ? std::nullopt : master_->next_deadline_ns();
  if (has_unwritten_history_) earliest = std::min(earliest.value_or(history_due_ns_), history_due_ns_);
  return earliest;
}

void ManagedJob::note_progress() {
  const JobStatus status = master_->status();
  if (status.attempt > record_.newest_attempt) {
    record_.newest_attempt = status.attempt;
    record_.restores = counted_before_.restores + status.restores;
    if (status.restored) record_.restored = status.restored;
    has_changed_ = true;
  }
  for (const auto& [state, at_ms] : status.state_times) record_.state_times[state] = at_ms;
  if (status.restarts != failures_seen_) {
    failures_seen_ = status.restarts;
    add_failure(status.last_failure);
  }
  note_checkpoints();
}

void ManagedJob::note_checkpoints() {
  const CheckpointStats stats = master_->checkpoint_stats();
  const std::uint64_t ended = stats.completed + stats.savepoints + stats.failed;
  if (ended == std::exchange(checkpoints_seen_, ended)) return;
  record_.completed_checkpoints = counted_before_.completed + stats.completed;
  record_.savepoints = counted_before_.savepoints + stats.savepoints;
  record_.failed_checkpoints = counted_before_.failed + stats.failed;
  if (stats.last_completed) newest_ = glance_at(*stats.last_completed);
  checkpoints_ = master_->checkpoints();
  std::erase_if(checkpoints_, [](const CheckpointReport& each) { return each.glance.status == CheckpointStatus::kInProgress; });
  record_.checkpoints.clear();
  for (const CheckpointReport& each : checkpoints_) record_.checkpoints.push_back(each.glance);
  has_unwritten_history_ = true;
  const bool is_waited_for = !record_.replaces.empty() || (!checkpoints_.empty() && checkpoints_.front().glance.is_savepoint);
  has_changed_ = has_changed_ || is_waited_for;
}

bool ManagedJob::take_change() {
  const std::int64_t now_ns = services_.env.clock->steady_ns();
  const bool is_due = has_unwritten_history_ && now_ns >= history_due_ns_;
  if (!std::exchange(has_changed_, false) && !is_due) return false;
  has_unwritten_history_ = false;
  history_due_ns_ = now_ns + kHistoryPeriodNs;
  return true;
}

void ManagedJob::note_failure(const Error& error) {
  if (!record_.failures.empty() && record_.failures.front().message == error.message()) return;
  log_warning(fmt::format("job {} ({}) can't go on yet: {}", record_.name(), record_.id, error.message()));
  add_failure({.at_ms = services_.env.clock->wall_ms(), .message = error.message()});
}

void ManagedJob::add_failure(JobFailure failure) {
  record_.failures.insert(record_.failures.begin(), std::move(failure));
  if (record_.failures.size() > kMostFailures) record_.failures.pop_back();
  has_changed_ = true;
}

void ManagedJob::end(JobState state, const std::optional<Error>& error) {
  const std::int64_t now_ms = services_.env.clock->wall_ms();
  const JobStatus status = master_ == nullptr ? JobStatus{} : master_->status();
  if (error) {
    JobFailure failure = status.last_failure;
    if (master_ == nullptr) failure.at_ms = now_ms;
    failure.message = error->message();
    add_failure(std::move(failure));
  }
  if (master_ != nullptr) {
    note_checkpoints();
    record_.restarts = status.restarts;
    record_.tasks = master_->tasks();
  }
  for (TriggeredSnapshot& each : record_.triggered) {
    if (!std::exchange(each.is_over, true)) each.failure = fmt::format("job {} is {}", record_.id, to_string(state));
  }
  record_.end = state;
  record_.end_ms = now_ms;
  record_.state_times[std::string{in_flinks_words(state)}] = now_ms;
  has_changed_ = true;
  master_.reset();
  log_info(fmt::format("job {} ({}) is {}{}", record_.name(), record_.id, to_string(state), error ? ": " + error->message() : ""));
}

void ManagedJob::take_snapshot(SnapshotOrder order, SnapshotAnswer answer) {
  if (master_ == nullptr) {
    return answer(fail(ErrorCode::kFailedPrecondition, fmt::format("job {} is {}", record_.id, is_over() ? to_string(*record_.end) : "not running yet")));
  }
  master_->request_snapshot(std::move(order), std::move(answer));
}

void ManagedJob::note_triggered(const SnapshotOrder& order) {
  std::vector<TriggeredSnapshot>& all = record_.triggered;
  all.push_back({.trigger_id = order.trigger_id, .is_savepoint = order.what == SnapshotOrder::What::kSavepoint, .asked = text_of(order)});
  const auto oldest = std::ranges::find(all, true, &TriggeredSnapshot::is_over);
  if (all.size() > kMostTriggered && oldest != all.end()) all.erase(oldest);
  has_changed_ = true;
}

void ManagedJob::note_taken(const SnapshotOrder& order, const Result<SnapshotTaken>& taken) {
  for (TriggeredSnapshot& each : record_.triggered) {
    if (each.trigger_id != order.trigger_id || each.asked != text_of(order)) continue;
    has_changed_ = true;
    each.is_over = true;
    each.failure.clear();
    if (taken) {
      each.taken = *taken;
    } else {
      each.failure = taken.error().message();
    }
  }
}

void ManagedJob::note_start(const std::string& savepoint) {
  record_.resume = true;
  record_.restore_path = savepoint;
  has_changed_ = true;
}

void ManagedJob::note_failed_trial(const Error& error) {
  record_.has_failed_trial = true;
  note_failure(error);
}

bool ManagedJob::is_stopping() const {
  if (master_ == nullptr) return false;
  const JobState state = master_->status().state;
  return record_.is_to_be_cancelled || state == JobState::kStopping || state == JobState::kFinishing || state == JobState::kCancelling;
}

void ManagedJob::note_place_taken() {
  record_.replaces.clear();
  if (master_ != nullptr) master_->retain_on_cancellation(retains_on_cancellation_);
  has_changed_ = true;
}

void ManagedJob::note_cancel() {
  record_.is_to_be_cancelled = true;
  has_changed_ = true;
}

void ManagedJob::cancel() {
  if (master_ != nullptr) return master_->request_cancel();
  if (!is_over()) end(JobState::kCancelled, std::nullopt);
}

JobGlance ManagedJob::glance() const {
  const std::int64_t now_ms = services_.env.clock->wall_ms();
  auto vertices = executions_ == nullptr ? std::vector<VertexMetrics>{} : executions_->metrics();
  if (master_ != nullptr) {
    JobGlance glance = glance_at({.id = record_.id, .name = record_.name()}, *master_, record_.submitted_ms, now_ms, std::move(vertices));
    glance.completed_checkpoints = record_.completed_checkpoints;
    glance.savepoints = record_.savepoints;
    glance.failed_checkpoints = record_.failed_checkpoints;
    for (const auto& [state, at_ms] : record_.state_times) glance.state_times.emplace(state, at_ms);
    glance.waits_for = executions_->shortage();
    if (!glance.waits_for.empty()) {
      glance.state = "CREATED";
      glance.state_times["CREATED"] = glance.attempt.slots.front().moves.back().at_ms;
    }
    glance.restored = record_.restored;
    glance.restores = record_.restores;
    return glance;
  }
  return {.id = record_.id,
          .name = record_.name(),
          .state = in_flinks_words(record_.end.value_or(JobState::kInitializing)),
          .start_ms = record_.submitted_ms,
          .now_ms = now_ms,
          .restarts = record_.restarts,
          .uptime_ms = is_over() ? -1 : 0,
          .downtime_ms = is_over() ? -1 : 0,
          .completed_checkpoints = record_.completed_checkpoints,
          .savepoints = record_.savepoints,
          .failed_checkpoints = record_.failed_checkpoints,
          .newest_checkpoint = newest_,
          .restored = record_.restored,
          .restores = record_.restores,
          .vertices = std::move(vertices),
          .attempt = record_.tasks,
          .state_times = record_.state_times};
}

ClusterJob ManagedJob::describe() const {
  const PhysicalPlan& plan = record_.description.plan;
  return {.glance = glance(),
          .end_ms = record_.end_ms,
          .max_parallelism = plan.logical.max_parallelism,
          .parallelism = plan.logical.parallelism,
          .plan_json = to_json(plan),
          .configuration = {record_.options.begin(), record_.options.end()},
          .failures = record_.failures,
          .checkpoints = master_ != nullptr ? master_->checkpoints() : checkpoints_,
          .triggered = record_.triggered};
}

}  // namespace tidemark

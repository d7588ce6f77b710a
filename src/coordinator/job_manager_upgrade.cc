// Upgrades: a job takes another's place, and gives it back unless it completes a checkpoint.
//
// The new job's record names the old one (JobRecord::replaces) from before that is stopped until a checkpoint is complete, and what is to be
// done follows from the two records alone, in a JobManager as after a restart:
//   the old one is not over:  the new one ends, if it has not yet; nothing has changed
//   it has stopped:           the new one starts from what it stopped with, or goes on
//   and the new one is over:  the old one goes on
#include <fmt/format.h>

#include <algorithm>
#include <tuple>
#include <utility>

#include "base/log.h"
#include "coordinator/job_manager.h"
#include "graph/plan.h"

namespace tidemark {
namespace {

// Between two looks at a new job that has no checkpoint yet.
constexpr std::int64_t kLookNs = 500'000'000;
constexpr const char* kSavepointsName = "savepoints";

std::string failure_of(const JobRecord& record) {
  return record.failures.empty() ? std::string{to_string(record.end.value_or(JobState::kFailed))} : record.failures.front().message;
}

}  // namespace

void JobManager::upgrade(const std::string& old, UpgradeOrder order, UpgradeAnswer answer) {
  if (const auto can = refuse_upgrade(old); !can) return answer(std::unexpected{can.error()});
  describe(order.run.executable, arguments_of(order.run), [this, old, order, answer = std::move(answer)](Result<JobDescription> description) mutable {
    if (!description) return answer(std::unexpected{description.error()});
    auto record = make_successor(old, order, *std::move(description));
    if (!record) return answer(std::unexpected{record.error()});
    begin_upgrade(*std::move(record), order.savepoint_dir, std::move(answer));
  });
}

Result<> JobManager::refuse_upgrade(std::string_view old) const {
  const ManagedJob* const job = find(old);
  if (job == nullptr) return fail(ErrorCode::kNotFound, fmt::format("there is no job {}: `tidemark list -a` says which there are", old));
  if (job->is_over()) {
    return fail(ErrorCode::kFailedPrecondition,
                fmt::format("job {} is {}: run the new one from what it has left, `tidemark run -s`", old, to_string(*job->record().end)));
  }
  if (const ManagedJob* const next = successor_of(old)) {
    return fail(ErrorCode::kFailedPrecondition, fmt::format("job {} is about to take the place of job {}", next->record().id, old));
  }
  if (!job->record().replaces.empty()) {
    return fail(ErrorCode::kFailedPrecondition, fmt::format("job {} has yet to complete its first checkpoint in the place of job {}: ask again then",
                                                            old, job->record().replaces));
  }
  return {};
}

/// Nothing has changed yet.
Result<JobRecord> JobManager::make_successor(const std::string& old, const UpgradeOrder& order, JobDescription description) {
  TIDEMARK_TRY(refuse_upgrade(old));  // much may have happened
  const JobRecord& from = find(old)->record();
  if (description.resume) {
    return fail(ErrorCode::kInvalidArgument, "the new job's arguments say what it is to start from: in an upgrade that is what the old one stops with");
  }
  TIDEMARK_ASSIGN(record, make_record(order.run, std::move(description)));
  if (record.name() != from.name()) {
    return fail(ErrorCode::kFailedPrecondition,
                fmt::format("the old job is called '{}' and the new one '{}': what one has saved the other can't take", from.name(), record.name()));
  }
  record.replaces = old;
  record.trial_ms = order.trial_ms;
  TIDEMARK_ASSIGN(options, options_of(record));
  if (const ManagedJob* const other = other_in_folder(record, options)) return std::unexpected{conflict_with(*other, options)};
  const UnclaimedState unclaimed = options.ignore_unclaimed_state ? UnclaimedState::kDrop : UnclaimedState::kRefuse;
  TIDEMARK_TRY(check_takeover(record.description.plan.logical, from.description.plan.logical, unclaimed));
  return record;
}

void JobManager::begin_upgrade(JobRecord record, std::string savepoint_dir, UpgradeAnswer answer) {
  const auto options = options_of(find(record.replaces)->record());
  if (!options) return answer(std::unexpected{options.error()});
  if (savepoint_dir.empty()) savepoint_dir = options->checkpointing.savepoint_dir;
  if (savepoint_dir.empty() && !options->checkpointing.dir.empty()) savepoint_dir = join_path(options->checkpointing.dir, kSavepointsName);
  const std::string id = record.id;
  log_info(fmt::format("job {} ({}) is to take the place of job {}", record.name(), id, record.replaces));
  add(record);
  upgrades_[id] = {.answer = std::move(answer), .is_waiting = true};
  calls_.run([this, id, record = std::move(record), dir = std::move(savepoint_dir), store = store_]() mutable -> Mailbox::Mail {
    return [this, id, dir = std::move(dir), written = store->write(record)]() mutable {
      if (!written) return predecessor_stopped(id, std::unexpected{written.error()});
      stop_predecessor(id, std::move(dir));
    };
  });
}

void JobManager::stop_predecessor(const std::string& id, std::string savepoint_dir) {
  const ManagedJob& job = *find(id);
  if (job.is_over()) return predecessor_stopped(id, fail(ErrorCode::kCancelled, "it was cancelled"));
  take_snapshot(job.record().replaces, {.what = SnapshotOrder::What::kSavepoint, .then = SnapshotOrder::Then::kStop, .dir = std::move(savepoint_dir)},
                [this, id, inbox = inbox_](Result<SnapshotTaken> taken) {
                  // As mail, which nobody reads when the JobManager ends.
                  inbox->mailbox.post([this, id, taken = std::move(taken)] { predecessor_stopped(id, taken); });
                });
}

void JobManager::predecessor_stopped(const std::string& id, const Result<SnapshotTaken>& taken) {
  ManagedJob& job = *find(id);
  upgrades_[id].is_waiting = false;
  if (job.is_over()) return look_at_upgrade(id);
  if (taken) return start_successor(id, taken->path);
  job.end(JobState::kFailed, taken.error().within(fmt::format("stopping job {} with a savepoint", job.record().replaces)));
}

/// Judged once more, by what was really saved.
void JobManager::start_successor(const std::string& id, const std::string& savepoint) {
  JobRecord record = find(id)->record();
  record.restore_path = savepoint;
  record.resume = true;
  const auto options = options_of(record);
  if (!options) return find(id)->end(JobState::kFailed, options.error());
  open_folder(record, *options, true, [this, id, record, options = *options](Result<OpenFolder> folder) mutable {
    if (find(id)->is_over()) return;
    if (!folder) return find(id)->end(JobState::kFailed, folder.error());
    record.attempts_before = folder->attempts_before;
    add(std::move(record));
    find(id)->run(options, std::move(folder->checkpoints));
    watch_trial(id);
  });
}

void JobManager::resume_upgrade(const std::string& id) {
  ManagedJob& job = *find(id);
  const ManagedJob* const old = find(job.record().replaces);
  upgrades_[id];
  if (job.is_over()) return post([this, id] { look_at_upgrade(id); });
  if (old != nullptr && !old->is_over()) {
    return job.end(JobState::kFailed, Error{ErrorCode::kFailedPrecondition, "the JobManager was started anew before it had taken the other's place"});
  }
  if (!job.record().restore_path.empty()) {
    watch_trial(id);
    return resume(id);
  }
  if (old != nullptr && !old->record().stopped_with.empty()) return start_successor(id, old->record().stopped_with);
  job.end(JobState::kFailed, Error{ErrorCode::kFailedPrecondition, fmt::format("job {} has not stopped with a savepoint", job.record().replaces)});
}

void JobManager::watch_trial(const std::string& id) {
  const std::int64_t now_ns = env_.clock->steady_ns();
  upgrades_[id].deadline_ns = now_ns + find(id)->record().trial_ms * 1'000'000;
  upgrades_[id].next_look = timers_.at(now_ns + kLookNs, [this, id] { look_at_trial(id); });
}

void JobManager::look_at_upgrade(const std::string& id) {
  ManagedJob* const job = find(id);
  const auto upgrade = upgrades_.find(id);
  if (job == nullptr || upgrade == upgrades_.end() || upgrade->second.is_waiting) return;
  if (job->record().completed_checkpoints > 0) return take_place(id);
  if (job->is_over()) go_back(id);
}

/// Now and then. Asks for the checkpoint, however long the job's own interval is.
void JobManager::look_at_trial(const std::string& id) {
  ManagedJob& job = *find(id);
  Upgrade& upgrade = upgrades_.at(id);
  if (job.is_over() || job.record().is_to_be_cancelled) return;
  const std::int64_t now_ns = env_.clock->steady_ns();
  if (now_ns >= upgrade.deadline_ns) {
    job.note_failure(Error{ErrorCode::kTimeout, fmt::format("no checkpoint was complete within {} ms; {}", job.record().trial_ms,
                                                            job.record().failures.empty() ? "nothing has failed" : failure_of(job.record()))});
    std::ignore = cancel(id);
    return;
  }
  upgrade.next_look = timers_.at(std::min(now_ns + kLookNs, upgrade.deadline_ns), [this, id] { look_at_trial(id); });
  if (std::exchange(upgrade.is_checkpointing, true)) return;
  take_snapshot(id, {.what = SnapshotOrder::What::kCheckpoint}, [this, id, inbox = inbox_](const Result<SnapshotTaken>&) {
    inbox->mailbox.post([this, id] {
      if (const auto asked = upgrades_.find(id); asked != upgrades_.end()) asked->second.is_checkpointing = false;
    });
  });
}

void JobManager::take_place(const std::string& id) {
  // The cancellation of its trial may have come when the checkpoint was on its way.
  const bool was_late = find(id)->record().end == JobState::kCancelled;
  if (was_late) revive(id);
  conclude_upgrade(id, Upgraded{id, find(id)->record().restore_path});
  if (was_late) resume(id);
}

/// The old job goes on, under its own id. That is written down before the new one's record forgets it, and done behind.
void JobManager::go_back(const std::string& id) {
  const std::string cause = failure_of(find(id)->record());
  const std::string old_id = find(id)->record().replaces;
  const ManagedJob* const old = find(old_id);
  const bool has_stopped = old != nullptr && old->record().end == JobState::kStopped;
  const bool goes_on = has_stopped || (old != nullptr && !old->is_over());
  const Error why{ErrorCode::kFailedPrecondition,
                  fmt::format("job {} did not take the place of job {}, which {}: {}", id, old_id, goes_on ? "goes on" : "is over, too", cause)};
  if (!has_stopped) return conclude_upgrade(id, std::unexpected{why});
  upgrades_[id].is_waiting = true;
  revive(old_id);
  find(old_id)->note_failure(why);
  save(old_id);
  when_saved(old_id, [this, id, old_id, why] {
    conclude_upgrade(id, std::unexpected{why});
    when_saved(id, [this, old_id] {
      if (!find(old_id)->is_over()) resume(old_id);
    });
  });
}

void JobManager::conclude_upgrade(const std::string& id, Result<Upgraded> outcome) {
  auto upgrade = upgrades_.extract(id);
  find(id)->note_place_taken();
  save(id);
  if (upgrade.empty() || !upgrade.mapped().answer) return;
  when_saved(id, [answer = std::move(upgrade.mapped().answer), outcome = std::move(outcome)]() mutable { answer(std::move(outcome)); });
}

/// As if it had not ended; resume() runs it.
void JobManager::revive(const std::string& id) {
  JobRecord record = find(id)->record();
  record.end.reset();
  record.end_ms = -1;
  record.stopped_with.clear();
  record.is_to_be_cancelled = false;
  add(std::move(record));
}

/// Who is to take its place, or has yet to give it back.
const ManagedJob* JobManager::successor_of(std::string_view id) const {
  const auto found = std::ranges::find_if(jobs_, [id](const auto& entry) { return entry.second->record().replaces == id; });
  return found == jobs_.end() ? nullptr : found->second.get();
}

}  // namespace tidemark

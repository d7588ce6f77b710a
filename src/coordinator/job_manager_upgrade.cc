// Upgrades: a job takes another's place, and gives it back unless it completes a checkpoint.
//
// The new job's record names the old one (JobRecord::replaces) from before that is stopped until a checkpoint is complete, and what is to be
// done follows from the two records alone, in a JobManager as after a restart:
//   the old one is not over:  the new one ends, if it has not yet; nothing has changed
//   it has stopped:           the new one starts from what it stopped with, or goes on
//   and the new one is over:  the old one goes on
#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <tuple>
#include <utility>

#include "base/log.h"
#include "coordinator/job_manager.h"
#include "graph/plan.h"
#include "snapshot/job_folder.h"
#include "tidemark/detail/base/planted_bug.h"
#include "tidemark/detail/base/probe.h"

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
  if (job->is_stopping()) return fail(ErrorCode::kFailedPrecondition, fmt::format("job {} is about to end", old));
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
  const auto old_options = options_of(find(record.replaces)->record());
  if (!old_options) return answer(std::unexpected{old_options.error()});
  const auto options = options_of(record);
  if (savepoint_dir.empty()) savepoint_dir = old_options->checkpointing.savepoint_dir;
  // With the new job's folder, not the old one's: it may be needed as long as that.
  if (savepoint_dir.empty() && !options->checkpointing.dir.empty()) savepoint_dir = join_path(options->checkpointing.dir, kSavepointsName);
  const std::string id = record.id;
  log_info(fmt::format("job {} ({}) is to take the place of job {}", record.name(), id, record.replaces));
  add(std::move(record));
  upgrades_[id] = {.answer = std::move(answer), .is_waiting = true};
  save(id);
  when_written(id, [this, id, dir = std::move(savepoint_dir)] { stop_predecessor(id, dir); });
}

void JobManager::stop_predecessor(const std::string& id, std::string savepoint_dir) {
  const ManagedJob& job = *find(id);
  if (job.is_over()) return predecessor_stopped(id, fail(ErrorCode::kCancelled, "it was cancelled"));
  take_snapshot(job.record().replaces, {.what = SnapshotOrder::What::kSavepoint, .then = SnapshotOrder::Then::kStop, .dir = std::move(savepoint_dir)},
                [this, id, to = std::weak_ptr{inbox_}](Result<SnapshotTaken> taken) {
                  // As mail, which nobody reads when the JobManager ends. Weak: the answer may wait in that inbox itself.
                  if (const auto inbox = to.lock()) inbox->mailbox.post([this, id, taken = std::move(taken)] { predecessor_stopped(id, taken); });
                });
}

void JobManager::predecessor_stopped(const std::string& id, const Result<SnapshotTaken>& taken) {
  ManagedJob& job = *find(id);
  if (taken) {
    job.note_start(taken->path);
    save(id);
    return when_written(job.record().replaces, [this, id] { when_written(id, [this, id] { start_successor(id); }); });
  }
  upgrades_[id].is_waiting = false;
  if (job.is_over()) return look_at_upgrade(id);
  job.end(JobState::kFailed, taken.error().within(fmt::format("stopping job {} with a savepoint", job.record().replaces)));
}

/// Judged once more, by what was really saved.
void JobManager::start_successor(const std::string& id) {
  const JobRecord& record = find(id)->record();
  const auto options = options_of(record);
  upgrades_[id].is_waiting = options.has_value();
  if (!options) return find(id)->end(JobState::kFailed, options.error());
  open_folder(record, *options, true, [this, id, options = *options](Result<OpenFolder> folder) {
    ManagedJob& job = *find(id);
    if (!folder || job.is_over()) {
      upgrades_[id].is_waiting = false;
      return job.is_over() ? look_at_upgrade(id) : job.end(JobState::kFailed, folder.error());
    }
    JobRecord next = job.record();
    next.attempts_before = folder->attempts_before;
    next.has_begun_trial = true;
    add(std::move(next));
    save(id);
    when_written(id, [this, id, options, checkpoints = std::move(folder->checkpoints)]() mutable {
      upgrades_[id].is_waiting = false;
      if (find(id)->is_over()) return look_at_upgrade(id);
      find(id)->run(options, std::move(checkpoints));
      if (find(id)->record().is_to_be_cancelled) find(id)->cancel();
      watch_trial(id);
    });
  });
}

void JobManager::resume_upgrade(const std::string& id) {
  ManagedJob& job = *find(id);
  const ManagedJob* const old = find(job.record().replaces);
  upgrades_[id];
  TIDEMARK_PROBE("upgrade: a JobManager that starts finds one under way");
  if (old != nullptr && !old->is_over()) {
    if (job.is_over()) return post([this, id] { look_at_upgrade(id); });
    return job.end(JobState::kFailed, Error{ErrorCode::kFailedPrecondition, "the JobManager was started anew before it had taken the other's place"});
  }
  if (job.record().has_begun_trial) return look_into_folder(id);
  // Nothing of it has run: what the other has stopped with is where either goes on.
  if (job.record().restore_path.empty() && old != nullptr) job.note_start(old->record().stopped_with);
  if (job.record().is_to_be_cancelled && !job.is_over()) return job.end(JobState::kCancelled, std::nullopt);
  if (job.is_over()) return post([this, id] { look_at_upgrade(id); });
  if (!job.record().restore_path.empty()) return start_successor(id);
  job.end(JobState::kFailed, Error{ErrorCode::kFailedPrecondition, fmt::format("job {} has not stopped with a savepoint", job.record().replaces)});
}

/// A checkpoint may be complete that no record tells of: then it has taken the place.
void JobManager::look_into_folder(const std::string& id) {
  upgrades_[id].is_waiting = true;
  const JobRecord& record = find(id)->record();
  const auto options = options_of(record);
  if (!options || options->checkpointing.dir.empty()) return folder_seen(id, false);
  calls_.run([this, id, storage = &env_.snapshot_files(), before = record.attempts_before,
              folder = join_path(options->checkpointing.dir, record.name())]() -> Mailbox::Mail {
    return [this, id, before, pointer = read_pointer_file(*storage, folder)] {
      if (!pointer) {  // tried again for as long as the storage is away
        find(id)->note_failure(pointer.error());
        upgrades_[id].next_look = timers_.at(env_.clock->steady_ns() + kLookNs, [this, id] { look_into_folder(id); });
        return;
      }
      folder_seen(id, *pointer && !(*pointer)->checkpoints.empty() && (*pointer)->checkpoints.back().attempt > before);
    };
  });
}

void JobManager::folder_seen(const std::string& id, bool has_checkpoint) {
  upgrades_[id].is_waiting = false;
  if (has_checkpoint) {
    TIDEMARK_PROBE("upgrade: a checkpoint is complete that no record tells of");
    return take_place(id);
  }
  ManagedJob& job = *find(id);
  if (job.record().is_to_be_cancelled && !job.is_over()) return job.end(JobState::kCancelled, std::nullopt);
  if (job.is_over()) return look_at_upgrade(id);
  watch_trial(id);
  resume(id);
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
  if (job->record().completed_checkpoints > 0 || detail::planted(detail::PlantedBug::kUpgradeOnTrust)) return take_place(id);
  if (job->is_over()) go_back(id);
}

/// Now and then. Asks for the checkpoint, however long the job's own interval is.
void JobManager::look_at_trial(const std::string& id) {
  ManagedJob& job = *find(id);
  Upgrade& upgrade = upgrades_.at(id);
  if (job.is_over() || job.record().is_to_be_cancelled) return;
  const std::int64_t now_ns = env_.clock->steady_ns();
  if (now_ns >= upgrade.deadline_ns) {
    job.note_failed_trial(Error{ErrorCode::kTimeout, fmt::format("no checkpoint was complete within {} ms; {}", job.record().trial_ms,
                                                            job.record().failures.empty() ? "nothing has failed" : failure_of(job.record()))});
    std::ignore = cancel(id);
    return;
  }
  upgrade.next_look = timers_.at(std::min(now_ns + kLookNs, upgrade.deadline_ns), [this, id] { look_at_trial(id); });
  if (std::exchange(upgrade.is_checkpointing, true)) return;
  take_snapshot(id, {.what = SnapshotOrder::What::kCheckpoint}, [this, id, to = std::weak_ptr{inbox_}](const Result<SnapshotTaken>&) {
    const auto inbox = to.lock();
    if (inbox == nullptr) return;
    inbox->mailbox.post([this, id] {
      if (const auto asked = upgrades_.find(id); asked != upgrades_.end()) asked->second.is_checkpointing = false;
    });
  });
}

void JobManager::take_place(const std::string& id) {
  const JobRecord& record = find(id)->record();
  const std::string savepoint = record.restore_path;
  // Its trial had failed when the checkpoint was on its way.
  const bool is_late = record.has_failed_trial && record.end.value_or(JobState::kCancelled) == JobState::kCancelled;
  const bool is_cancelled = record.is_to_be_cancelled && !is_late;
  const bool has_master = find(id)->has_run() && !find(id)->is_over();
  if (is_late && has_master) return;  // until it has ended
  if (is_late) {
    TIDEMARK_PROBE("upgrade: the checkpoint was complete behind the deadline");
    revive(id);
  }
  if (is_cancelled) {
    conclude_upgrade(id, fail(ErrorCode::kCancelled, fmt::format("job {} had taken the place of job {}, and was cancelled", id, record.replaces)));
  } else {
    conclude_upgrade(id, Upgraded{id, savepoint});
  }
  if (!has_master && !find(id)->is_over()) resume(id);
}

/// The old job goes on, under its own id. That is written down before the new one's record forgets it, and done behind.
void JobManager::go_back(const std::string& id) {
  const JobRecord& record = find(id)->record();
  const std::string old_id = record.replaces;
  const ManagedJob* const old = find(old_id);
  // By this upgrade: then the new one knows with what.
  const bool has_stopped = old != nullptr && old->record().end == JobState::kStopped && !record.restore_path.empty();
  const bool goes_on = has_stopped || (old != nullptr && !old->is_over() && !old->is_stopping());
  const Error why{ErrorCode::kFailedPrecondition, fmt::format("job {} did not take the place of job {}, which {}: {}", id, old_id,
                                                              goes_on ? "goes on" : "has ended or is ending", failure_of(record))};
  if (!has_stopped) return conclude_upgrade(id, std::unexpected{why});
  TIDEMARK_PROBE("upgrade: the old job goes on");
  upgrades_[id].is_waiting = true;
  revive(old_id);
  find(old_id)->note_failure(why);
  save(old_id);
  when_written(old_id, [this, id, old_id, why] {
    conclude_upgrade(id, std::unexpected{why});
    when_written(id, [this, old_id] {
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

/// As if it had not ended; resume() runs it. What it stopped with is where it goes on if its folder names nothing.
void JobManager::revive(const std::string& id) {
  JobRecord record = find(id)->record();
  if (!record.stopped_with.empty()) {
    record.resume = true;
    record.restore_path = std::exchange(record.stopped_with, {});
    record.claim = false;
  }
  record.end.reset();
  record.end_ms = -1;
  record.is_to_be_cancelled = false;
  record.has_failed_trial = false;
  add(std::move(record));
}

/// Who is to take its place, or has yet to give it back.
const ManagedJob* JobManager::successor_of(std::string_view id) const {
  const auto found = std::ranges::find_if(jobs_, [id](const auto& entry) { return entry.second->record().replaces == id; });
  return found == jobs_.end() ? nullptr : found->second.get();
}

}  // namespace tidemark

#include "coordinator/checkpoint_driver.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "coordinator/checkpoint_metadata.h"
#include "env/crash_point.h"
#include "protocol/retention.h"
#include "tidemark/detail/base/check.h"
#include "tidemark/detail/base/planted_bug.h"
#include "tidemark/detail/base/probe.h"

namespace tidemark {
namespace {

constexpr std::size_t kTasksNamed = 4;

Error no_folder() {
  return Error{ErrorCode::kFailedPrecondition, "the job keeps no checkpoints: start it with --checkpoint-dir"};
}

CheckpointOptions options_of(const JobContext& context) {
  CheckpointOptions options = context.checkpoints;
  if (context.store != nullptr || options.mode == CheckpointMode::kNone) return options;
  options.interval_ns = 0;
  options.interval_records = 0;
  options.interval_bytes = 0;
  return options;
}

std::vector<CompletedCheckpoint> as_completed(const std::vector<RetainedCheckpoint>& retained) {
  std::vector<CompletedCheckpoint> result;
  for (const RetainedCheckpoint& checkpoint : retained) result.push_back({checkpoint.id, checkpoint.kind});
  return result;
}

// What a failed finalising came to, as far as the store can tell.
FinalizeOutcome outcome_of(CheckpointStore& store, CheckpointId id, const Error& error, bool moved_pointer) {
  if (error.code() == ErrorCode::kFailedPrecondition) return FinalizeOutcome::kFenced;
  if (!moved_pointer) return FinalizeOutcome::kFailed;
  TIDEMARK_PROBE("driver: moving the pointer failed, so the file is asked");
  const auto complete = store.is_complete(id);
  if (complete) return *complete ? FinalizeOutcome::kUncertain : FinalizeOutcome::kFailed;
  return complete.error().code() == ErrorCode::kFailedPrecondition ? FinalizeOutcome::kFenced
                                                                   : FinalizeOutcome::kUncertain;
}

}  // namespace

CheckpointDriver::CheckpointDriver(JobContext& context, Execution& execution, const AttemptBeginning& beginning,
                                   CheckpointId next_id)
    : context_{context},
      execution_{execution},
      attempt_{beginning.attempt},
      tasks_{all_tasks(context.plan)},
      coordinator_{options_of(context), tasks_, next_id, as_completed(beginning.retained)},
      cleaner_{context.calls, context.store},
      began_restored_{beginning.checkpoint.has_value()},
      began_drained_{beginning.checkpoint && beginning.checkpoint->drained} {
  for (const RetainedCheckpoint& checkpoint : beginning.retained) complete_.emplace(checkpoint.id, checkpoint.attempt);
}

void CheckpointDriver::start() {
  if (context_.store != nullptr) {
    if (began_restored_) cleaner_.remember_restored();
    cleaner_.remove_orphans();
    if (context_.store->has_replaced_claims(1)) {
      cleaner_.remove_claimed(context_.checkpoints.num_retained);
    }
  }
  Commands commands;
  look_at_ns_ = context_.now().steady_ns + context_.checkpoints.progress_period_ns;
  coordinator_.start(context_.now(), commands);
  carry_out(std::move(commands));
}

void CheckpointDriver::on_time() {
  Commands commands;
  look_at_progress(commands);
  coordinator_.on_time(context_.now(), commands);
  carry_out(std::move(commands));
}

std::optional<std::int64_t> CheckpointDriver::next_deadline_ns() const {
  std::optional<std::int64_t> result = coordinator_.next_deadline();
  if (tasks_listen_ && coordinator_.wants_progress()) result = std::min(result.value_or(look_at_ns_), look_at_ns_);
  return result;
}

void CheckpointDriver::look_at_progress(Commands& commands) {
  const Moment now = context_.now();
  if (!tasks_listen_ || !coordinator_.wants_progress() || now.steady_ns < look_at_ns_) return;
  look_at_ns_ = now.steady_ns + context_.checkpoints.progress_period_ns;
  coordinator_.on_progress(execution_.input_progress(), now, commands);
}

void CheckpointDriver::on_ack(TaskId task, CheckpointId id, TaskSnapshot snapshot) {
  context_.tracker.on_ack(task, id, snapshot, context_.now());
  Commands commands;
  coordinator_.on_ack(task, id, std::move(snapshot), context_.now(), commands);
  carry_out(std::move(commands));
}

void CheckpointDriver::on_decline(TaskId task, CheckpointId id, DeclineReason reason, const Error& cause) {
  Commands commands;
  const Error named = cause.within(described(task));
  const DeclineOutcome outcome = coordinator_.on_decline(task, id, reason, named, context_.now(), commands);
  carry_out(std::move(commands));
  // The task may have written on after the savepoint was given up.
  if (outcome == DeclineOutcome::kStale && savepoints_.contains(id)) discard(id, [] {});
}

void CheckpointDriver::on_end_of_data(TaskId task) {
  Commands commands;
  coordinator_.on_end_of_data(task, context_.now(), commands);
  carry_out(std::move(commands));
}

StopOutcome CheckpointDriver::request_stop() {
  Commands commands;
  const StopOutcome outcome = coordinator_.request_stop(context_.now(), commands);
  carry_out(std::move(commands));
  return outcome;
}

RequestId CheckpointDriver::add_request(std::string dir, SnapshotAnswer answer) {
  requests_.emplace(++newest_request_, Request{std::move(dir), std::move(answer)});
  return newest_request_;
}

void CheckpointDriver::refuse(RequestId request, Error error) {
  auto refused = requests_.extract(request);
  TIDEMARK_CHECK(!refused.empty(), "a request is answered once");
  refused.mapped().answer(std::unexpected{std::move(error)});
}

void CheckpointDriver::ask(CheckpointKind kind, Behind behind, RequestId request) {
  if (context_.store == nullptr) return refuse(request, no_folder());
  Commands commands;
  switch (behind == Behind::kNothing ? coordinator_.request_last_savepoint(request, context_.now(), commands)
                                     : coordinator_.request_checkpoint(kind, request, context_.now(), commands)) {
    case RequestOutcome::kTriggered:
      break;
    case RequestOutcome::kFinishing:
      return refuse(request, Error{ErrorCode::kFailedPrecondition, "the job is ending: its last checkpoint or savepoint is under way"});
    case RequestOutcome::kOver:
      return refuse(request, Error{ErrorCode::kFailedPrecondition, "the job is not running; ask again when it is"});
  }
  carry_out(std::move(commands));
}

void CheckpointDriver::take_savepoint(const std::string& dir, SnapshotAnswer answer) {
  ask(CheckpointKind::kSavepoint, Behind::kCheckpointsGoOn, add_request(dir, std::move(answer)));
}

void CheckpointDriver::take_last_savepoint(const std::string& dir, SnapshotAnswer answer) {
  ask(CheckpointKind::kSavepoint, Behind::kNothing, add_request(dir, std::move(answer)));
}

void CheckpointDriver::take_checkpoint(SnapshotAnswer answer) {
  ask(CheckpointKind::kPeriodic, Behind::kCheckpointsGoOn, add_request({}, std::move(answer)));
}

StopOutcome CheckpointDriver::stop_with_savepoint(const std::string& dir, bool drain, SnapshotAnswer answer) {
  const RequestId request = add_request(dir, std::move(answer));
  if (context_.store == nullptr) {
    refuse(request, no_folder());
    return StopOutcome::kOver;
  }
  Commands commands;
  const StopOutcome outcome =
      coordinator_.request_stop(context_.now(), commands, {.savepoint = request, .drain = drain});
  switch (outcome) {
    case StopOutcome::kAccepted:
      carry_out(std::move(commands));
      break;
    case StopOutcome::kAlready:
      refuse(request, Error{ErrorCode::kFailedPrecondition, "the job is stopping already, or is being cancelled with a savepoint"});
      break;
    case StopOutcome::kFinishing:
      refuse(request, Error{ErrorCode::kFailedPrecondition, "the job has read all its input and is ending by itself"});
      break;
    case StopOutcome::kOver:
      refuse(request, Error{ErrorCode::kFailedPrecondition, "the job is not running; ask again when it is"});
      break;
  }
  return outcome;
}

void CheckpointDriver::tasks_ended() {
  for (const auto& [id, folder] : savepoints_) {
    const bool finalizing = coordinator_.finalizing(id);
    if (!folder.empty() && !finalizing) discard(id, [] {});
  }
  tasks_ended_ = true;
  remove_unused_files_if_over();
}

// A task may have written on after its checkpoint was discarded.
void CheckpointDriver::remove_unused_files_if_over() {
  if (!tasks_ended_ || !context_.incremental_checkpoints || coordinator_.finalizing()) return;
  cleaner_.remove_unused_files();
}

void CheckpointDriver::end(AbortReason reason) {
  tasks_listen_ = false;
  Commands commands;
  if (reason == AbortReason::kTaskFailed) {
    coordinator_.on_task_failed(context_.now(), commands);
  } else {
    coordinator_.on_shutdown(context_.now(), commands);
  }
  carry_out(std::move(commands));
}

void CheckpointDriver::carry_out(Commands commands) {
  for (Command& command : commands) {
    std::visit([this](auto& what) { carry_out(what); }, command);
  }
  send_barriers();
}

void CheckpointDriver::carry_out(const Trigger& command) {
  const CheckpointId id = command.barrier.id;
  context_.tracker.on_triggered(command.barrier, tasks_.size(), context_.now());
  awaiting_.push_back({command.barrier, std::nullopt});
  if (context_.store == nullptr) return prepared(id, std::string{});
  if (is_savepoint(command.barrier.kind)) {
    savepoints_.emplace(id, std::string{});
    context_.calls.run([this, store = context_.store, id, dir = requests_.at(command.request).dir,
                        random = context_.env.random->next()]() -> Mailbox::Mail {
      auto folder = store->prepare_savepoint(dir, random);
      if (!folder) folder = std::unexpected{folder.error().within("making its folder")};
      return [this, id, folder = std::move(folder)]() mutable { prepared(id, std::move(folder)); };
    });
    return;
  }
  context_.calls.run([this, store = context_.store, id]() -> Mailbox::Mail {
    Result<std::string> folder = store->checkpoint_path(id);
    if (const auto made = store->prepare(id); !made) folder = std::unexpected{made.error().within("making its folder")};
    return [this, id, folder = std::move(folder)]() mutable { prepared(id, std::move(folder)); };
  });
}

void CheckpointDriver::prepared(CheckpointId id, Result<std::string> folder) {
  if (const auto savepoint = savepoints_.find(id); savepoint != savepoints_.end() && folder) savepoint->second = *folder;
  const auto which = std::ranges::find(awaiting_, id, [](const Awaiting& a) { return a.barrier.id; });
  if (which == awaiting_.end()) {
    TIDEMARK_PROBE("driver: a checkpoint is aborted while its folder is made");
    return discard(id, [] {});
  }
  if (folder) {
    which->folder = std::move(*folder);
    return send_barriers();
  }
  TIDEMARK_PROBE("driver: a checkpoint's folder can't be made");
  Commands commands;
  coordinator_.on_trigger_failed(id, folder.error(), context_.now(), commands);
  carry_out(std::move(commands));
}

void CheckpointDriver::send_barriers() {
  if (!awaiting_.empty() && !awaiting_.front().folder && awaiting_.back().folder) {
    TIDEMARK_PROBE("driver: a barrier waits for the folder of an older one");
  }
  while (tasks_listen_ && !awaiting_.empty() && awaiting_.front().folder) {
    const Awaiting ready = std::move(awaiting_.front());
    awaiting_.pop_front();
    execution_.trigger(ready.barrier, *ready.folder);
    crash_point(CrashPoint::kCheckpointTriggered);
  }
  drain_if_due();
}

// Behind the barriers that wait: a checkpoint must not hold the last watermark of sources that have more to read.
void CheckpointDriver::drain_if_due() {
  if (!tasks_listen_ || !drain_waits_ || !awaiting_.empty()) return;
  drain_waits_ = false;
  execution_.drain();
}

void CheckpointDriver::carry_out(const NotifyAborted& command) {
  newest_aborted_ = {command.id, explain(command)};
  context_.tracker.on_aborted(command.id, command.reason, newest_aborted_.cause, context_.now());
  const auto waits = std::ranges::find(awaiting_, command.id, [](const Awaiting& a) { return a.barrier.id; });
  const bool tasks_know = waits == awaiting_.end();
  const bool folder_made = tasks_know || waits->folder;
  if (!tasks_know) {
    TIDEMARK_PROBE("driver: a checkpoint is aborted before any task heard of it");
    awaiting_.erase(waits);
  }
  // The tasks first, so that they stop writing into what is discarded.
  if (tasks_know && tasks_listen_) execution_.notify_aborted(command.id);
  // A DiscardState comes only where a task has acknowledged; others leave files, too.
  if (folder_made) discard(command.id, [] {});
  drain_if_due();
}

void CheckpointDriver::discard(CheckpointId id, CheckpointCleaner::Then then) {
  const auto savepoint = savepoints_.find(id);
  if (savepoint == savepoints_.end()) return cleaner_.discard(id, std::move(then));
  if (savepoint->second.empty()) return context_.calls.reply(std::move(then));  // no folder could be made
  cleaner_.discard_savepoint(savepoint->second, std::move(then));
}

std::string CheckpointDriver::folder_of(CheckpointId id) const {
  if (const auto savepoint = savepoints_.find(id); savepoint != savepoints_.end()) return savepoint->second;
  return context_.store == nullptr ? std::string{} : context_.store->checkpoint_path(id);
}

std::string CheckpointDriver::described(TaskId task) const {
  const std::string place = execution_.place_of(task);
  return task_name(context_.plan, task) + (place.empty() ? "" : " at " + place);
}

std::string CheckpointDriver::explain(const NotifyAborted& command) const {
  if (command.reason != AbortReason::kExpired) return command.cause;
  const std::vector<TaskId> missing = context_.tracker.missing(command.id, tasks_);
  std::string names;
  for (std::size_t i = 0; i < missing.size() && i < kTasksNamed; ++i) {
    names += fmt::format("{}{}", i == 0 ? "" : ", ", described(missing[i]));
  }
  if (missing.size() > kTasksNamed) names += fmt::format(" and {} more", missing.size() - kTasksNamed);
  return fmt::format("{}; waited for {}", command.cause, names);
}

void CheckpointDriver::carry_out(Finalize& command) {
  const Barrier barrier = command.barrier;
  if (context_.store == nullptr) {
    TIDEMARK_PROBE("driver: a checkpoint completes without being kept");
    return context_.calls.reply([this, barrier] { finalized(barrier, FinalizeOutcome::kCompleted, std::nullopt, {}); });
  }
  auto metadata =
      make_checkpoint_metadata(context_.plan, attempt_, barrier, std::move(command.snapshots), context_.now().wall_ms);
  if (!metadata) {
    return context_.calls.reply(
        [this, barrier, error = metadata.error()] { finalized(barrier, FinalizeOutcome::kFailed, error, {}); });
  }
  metadata->drained = drained_before(barrier);
  if (detail::planted(detail::PlantedBug::kDeleteBeforeNewOneStands)) {
    for (const RetainedCheckpoint& old : superseded_by(barrier)) cleaner_.remove(old.id, old.attempt, [] {});
  }
  context_.calls.run([this, barrier, store = context_.store,
                      work = CompleteCheckpoint{*context_.store, std::move(*metadata),
                                                superseded_by(barrier), is_savepoint(barrier.kind) ? folder_of(barrier.id) : std::string{}},
                      path = folder_of(barrier.id)]() mutable -> Mailbox::Mail {
    const bool moves_pointer = work.moves_pointer();
    const auto progress = work.step();
    if (progress && *progress != Progress::kDone) return {};
    std::optional<Error> error;
    if (!progress) error = progress.error();
    const auto outcome = error ? outcome_of(*store, barrier.id, *error, moves_pointer) : FinalizeOutcome::kCompleted;
    return [this, barrier, outcome, error = std::move(error), path = std::move(path)]() mutable {
      finalized(barrier, outcome, error, std::move(path));
    };
  });
}

// The pointer stops naming these when it moves to `barrier`'s; otherwise deleting them would have to move it once more.
std::vector<RetainedCheckpoint> CheckpointDriver::superseded_by(const Barrier& barrier) const {
  if (barrier.kind == CheckpointKind::kSavepoint) return {};
  CheckpointRetention retention{std::max<std::size_t>(context_.checkpoints.num_retained, 1), coordinator_.retained()};
  std::vector<RetainedCheckpoint> result;
  for (const CheckpointId id : retention.on_completed({barrier.id, barrier.kind})) {
    if (const auto known = complete_.find(id); known != complete_.end()) result.push_back({id, known->second});
  }
  return result;
}

void CheckpointDriver::finalized(const Barrier& barrier, FinalizeOutcome outcome, const std::optional<Error>& error,
                                 std::string path) {
  const CheckpointId id = barrier.id;
  if (outcome == FinalizeOutcome::kCompleted) {
    if (barrier.kind != CheckpointKind::kSavepoint) complete_.emplace(id, attempt_);
    context_.tracker.on_completed(id, std::move(path), context_.now());
  } else if (outcome != FinalizeOutcome::kFailed) {
    context_.tracker.on_lost(id, error->message(), context_.now());
  }
  Commands commands;
  coordinator_.on_finalized(id, outcome, error, context_.now(), commands);
  carry_out(std::move(commands));
  remove_unused_files_if_over();
  if (outcome != FinalizeOutcome::kCompleted) return;
  savepoints_.erase(id);
  if (context_.store != nullptr && context_.store->has_replaced_claims(context_.checkpoints.num_retained)) {
    cleaner_.remove_claimed(context_.checkpoints.num_retained);
  }
}

void CheckpointDriver::carry_out(const NotifyComplete& command) {
  if (!tasks_listen_) {
    TIDEMARK_PROBE("driver: a checkpoint completes when the tasks don't listen any more");
    return;
  }
  execution_.notify_complete(command.id);
  crash_point(CrashPoint::kCompletionNotified);
}

void CheckpointDriver::carry_out(const DiscardState& command) {
  discard(command.id, [this] { cleaned(); });
}

void CheckpointDriver::carry_out(const DeleteCheckpoint& command) {
  const auto known = complete_.find(command.id);
  const AttemptId attempt = known != complete_.end() ? known->second : attempt_;
  if (known != complete_.end()) complete_.erase(known);
  context_.tracker.on_deleted(command.id);
  cleaner_.remove(command.id, attempt, [this] { cleaned(); });
}

void CheckpointDriver::carry_out(RequestEnded& command) {
  auto request = requests_.extract(command.request);
  TIDEMARK_CHECK(!request.empty(), "a request is answered once");
  if (command.error) {
    const Error& error = *command.error;
    const bool is_explained = command.id != 0 && command.id == newest_aborted_.id;
    return request.mapped().answer(
        std::unexpected{is_explained ? Error{error.code(), error.domain(), error.retry(), newest_aborted_.cause} : error});
  }
  request.mapped().answer(SnapshotTaken{command.id, folder_of(command.id)});
}

// What was triggered before the drain may complete behind it.
bool CheckpointDriver::drained_before(const Barrier& barrier) const {
  return began_drained_ || (drain_asked_ && barrier.kind == CheckpointKind::kStopSavepoint);
}

void CheckpointDriver::carry_out(const DrainSources&) {
  drain_asked_ = true;
  drain_waits_ = true;
  drain_if_due();
}

void CheckpointDriver::cleaned() {
  Commands commands;
  coordinator_.on_cleaned(context_.now(), commands);
  carry_out(std::move(commands));
}

void CheckpointDriver::carry_out(const FailJob& command) {
  TIDEMARK_PROBE("driver: checkpoints fail the attempt");
  failure_ = command.error;
}

void CheckpointDriver::carry_out(const Finish& command) {
  finished_with_ = command;
  finished_path_ = folder_of(command.id);
  if (tasks_listen_) execution_.finish();
}

}  // namespace tidemark

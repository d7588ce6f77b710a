#include "coordinator/job_master.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <exception>
#include <utility>

#include "base/log.h"
#include "tidemark/detail/base/probe.h"

namespace tidemark {
namespace {

// Of a checkpoint that no repetition will read.
bool is_damage(const Error& error) {
  return error.code() == ErrorCode::kDataLoss || error.code() == ErrorCode::kUnsupportedVersion;
}

Error with_restarts(const Error& error, std::uint32_t restarts) {
  if (restarts == 0) return error;
  return Error{error.code(), error.domain(), error.retry(),
               fmt::format("{} (after {} restart{})", error.message(), restarts, restarts == 1 ? "" : "s")};
}

// Its sinks may have committed some of the output, and nothing says which.
Error half_committed(const Error& error) {
  return Error{
      error.code(), error.domain(), Retry::kNone,
      fmt::format("{}; part of the last output may be committed: a job without a checkpoint folder can't go on from "
                  "there, start it with --checkpoint-dir",
                  error.message())};
}

// Nothing was kept to go on from, and its input may be partly in the output.
Error at_most_once(const Error& error) {
  return Error{error.code(), error.domain(), Retry::kNone,
               fmt::format("{}; with execution.checkpointing.mode NONE a failed job is not restarted: what it has "
                           "committed stays, what it has read beyond that is lost",
                           error.message())};
}

bool is_kept(const JobMasterOptions& options) { return options.checkpoints.mode != CheckpointMode::kNone; }

}  // namespace

JobMaster::JobMaster(Env env, PhysicalPlan plan, std::unique_ptr<CheckpointStore> store, ExecutionFactory& factory,
                     JobMasterOptions options, std::shared_ptr<EventCount> wakeup)
    : inbox_{std::make_shared<MasterInbox>(std::move(wakeup))},
      context_{.env = env,
               .plan = std::move(plan),
               .store = is_kept(options) ? std::move(store) : nullptr,
               .checkpoints = options.checkpoints,
               .incremental_checkpoints = options.incremental_checkpoints,
               .unclaimed_state = options.unclaimed_state,
               .savepoint_dir = options.savepoint_dir,
               .calls = BlockingCalls{*env.pool, inbox_},
               .tracker = {}},
      factory_{factory},
      restart_strategy_{is_kept(options) ? options.restart : NoRestart{}},
      lazy_restore_{options.lazy_restore},
      retain_on_cancellation_{options.retain_on_cancellation} {
  context_.tracker.begin_behind(options.earlier_checkpoints);
  for (const CheckpointGlance& each : options.earlier_checkpoints) next_checkpoint_id_ = std::max(next_checkpoint_id_, each.id + 1);
  context_.tracker.watch_growth(StateGrowth{context_.plan.logical});
}

JobMaster::~JobMaster() = default;

Progress JobMaster::step() {
  if (is_over(state_)) return Progress::kDone;
  bool progress = false;
  if (!begun_) {
    begun_ = true;
    begin_attempt();
    progress = true;
  }
  progress |= inbox_->mailbox.run_all();
  progress |= run_timers();
  progress |= settle();
  if (is_over(state_)) return Progress::kDone;
  return progress ? Progress::kMadeProgress : Progress::kBlocked;
}

std::optional<std::int64_t> JobMaster::next_deadline_ns() const {
  if (state_ == JobState::kRestarting) return restart_at_ns_;
  return driver_ ? driver_->next_deadline_ns() : std::nullopt;
}

const JobOutcome& JobMaster::run_until_done() {
  const auto has_mail = [this] { return this->has_mail(); };
  while (true) {
    const Progress progress = step();
    if (progress == Progress::kDone) return outcome_;
    if (progress == Progress::kMadeProgress) continue;
    if (const auto deadline = next_deadline_ns()) {
      wakeup().park(has_mail,
                    std::chrono::nanoseconds{std::max<std::int64_t>(*deadline - context_.now().steady_ns, 0)});
    } else {
      wakeup().park(has_mail);
    }
  }
}

void JobMaster::request_stop() {
  inbox_->mailbox.post([this] { stop(); });
}

void JobMaster::request_snapshot(SnapshotOrder order, SnapshotAnswer answer) {
  inbox_->mailbox.post([this, order = std::move(order), answer = std::move(answer)]() mutable {
    take_snapshot(std::move(order), std::move(answer));
  });
}

void JobMaster::request_cancel() {
  inbox_->mailbox.post([this] { cancel(); });
}

JobStatus JobMaster::status() const {
  const std::lock_guard guard{status_mutex_};
  return status_;
}

void JobMaster::on_sinks_agreed() {
  inbox_->mailbox.post([this] {
    sinks_agreed_ = true;
    move_tasks(TaskState::kInitializing);
  });
}

void JobMaster::on_running() {
  inbox_->mailbox.post([this] { tasks_run(); });
}

void JobMaster::on_ack(TaskId task, CheckpointId id, TaskSnapshot snapshot) {
  inbox_->mailbox.post([this, task, id, snapshot = std::move(snapshot)]() mutable {
    if (driver_) driver_->on_ack(task, id, std::move(snapshot));
  });
}

void JobMaster::on_decline(TaskId task, CheckpointId id, DeclineReason reason, Error cause) {
  inbox_->mailbox.post([this, task, id, reason, cause = std::move(cause)] {
    if (driver_) driver_->on_decline(task, id, reason, cause);
  });
}

void JobMaster::on_end_of_data(TaskId task) {
  inbox_->mailbox.post([this, task] {
    if (driver_) driver_->on_end_of_data(task);
  });
}

void JobMaster::on_loading(const LoadEvent& event) {
  inbox_->mailbox.post([this, event, now_ns = context_.env.clock->steady_ns()] {
    if (const auto line = resume_report_.on(event, now_ns)) log_info(*line);
  });
}

void JobMaster::on_tasks_moved(TasksMoved moved) {
  inbox_->mailbox.post([this, moved = std::move(moved)] { tasks_.move(moved, context_.now().wall_ms); });
}

void JobMaster::on_task_failed(TaskId task, Error error) {
  const auto inbox = inbox_;  // see on_ended()
  inbox->mailbox.post([this, task, error = std::move(error)]() mutable { fail_attempt(std::move(error), task); });
}

void JobMaster::on_ended() {
  const auto inbox = inbox_;  // once this mail is read the master may be gone, while post() still wakes its thread
  inbox->mailbox.post([this] {
    tasks_ended_ = true;
    if (driver_) driver_->tasks_ended();
  });
}

void JobMaster::begin_attempt() {
  set_state(JobState::kInitializing);
  tasks_.begin(slots_of(context_.plan), context_.now().wall_ms);
  resume_report_ = ResumeReport{context_.env.clock->steady_ns()};
  if (context_.store == nullptr) {
    AttemptBeginning anew;
    anew.attempt = attempt_ + 1;
    return attempt_begun(std::move(anew));
  }
  context_.calls.run(begin_attempt_call(
      context_, [this](Result<AttemptBeginning> beginning) { attempt_begun(std::move(beginning)); }));
}

void JobMaster::attempt_begun(Result<AttemptBeginning> beginning) {
  if (state_ != JobState::kInitializing) return;  // cancelled meanwhile
  if (!beginning) {
    TIDEMARK_PROBE("master: an attempt can't begin");
    return fail_attempt(beginning.error());
  }
  attempt_ = beginning->attempt;
  next_checkpoint_id_ = std::max(next_checkpoint_id_, beginning->next_checkpoint_id);
  restored_ = beginning->checkpoint.has_value();
  change_status([&](JobStatus& status) {
    status.attempt = attempt_;
    status.resumed_id = restored_ ? beginning->checkpoint->id : 0;
    status.resumed_path = beginning->checkpoint_path;
    if (!restored_) return;
    ++status.restores;
    status.restored = RestoredGlance{.id = status.resumed_id,
                                     .is_savepoint = is_savepoint(beginning->checkpoint->kind),
                                     .restored_ms = context_.now().wall_ms,
                                     .path = status.resumed_path};
  });
  auto start = make_attempt_start(context_.plan, *beginning, context_.unclaimed_state);
  if (!start) return fail_attempt(start.error());
  start->lazy_restore = lazy_restore_;

  set_state(JobState::kStarting);
  move_tasks(TaskState::kScheduled);
  try {
    tasks_ended_ = true;
    execution_ = factory_.make(*this);
    driver_ = std::make_unique<CheckpointDriver>(context_, *execution_, *beginning, next_checkpoint_id_);
    execution_->start(std::move(*start));
    tasks_ended_ = false;
  } catch (const Error& error) {
    TIDEMARK_PROBE("master: the tasks can't be started");
    fail_attempt(error.within("starting the job's tasks"));
  } catch (const std::exception& exception) {
    fail_attempt(Error{ErrorCode::kInternal, fmt::format("starting the job's tasks: {}", exception.what())});
  }
}

void JobMaster::tasks_run() {
  if (state_ != JobState::kStarting) return;
  set_state(JobState::kRunning);
  move_tasks(TaskState::kRunning);
  if (restored_) {
    TIDEMARK_PROBE("master: runs from a checkpoint");
    const JobStatus now = status();
    const auto line = resume_report_.running(fmt::format("checkpoint {} in '{}'", now.resumed_id, now.resumed_path));
    if (line) log_info(*line);
  } else if (attempt_ > 1 && restart_strategy_.restarts() > 0) {
    TIDEMARK_PROBE("master: restarts from the beginning");
    log_info("restarted from the beginning: there is no checkpoint");
  }
  if (stop_requested_) {
    TIDEMARK_PROBE("master: a stop was asked for before the tasks ran");
    stop();
  }
  driver_->start();
}

void JobMaster::stop() {
  stop_requested_ = true;
  // Else as soon as the tasks run. Where it stops with a savepoint, this is for the case that that fails.
  if (state_ != JobState::kRunning && state_ != JobState::kStopping) return;
  if (driver_->request_stop() == StopOutcome::kAccepted) set_state(JobState::kStopping);
}

void JobMaster::take_snapshot(SnapshotOrder order, SnapshotAnswer answer) {
  using Then = SnapshotOrder::Then;
  if (state_ != JobState::kRunning && state_ != JobState::kStopping) {
    return answer(fail(ErrorCode::kFailedPrecondition,
                       fmt::format("the job is {}; ask again when it is running", to_string(state_))));
  }
  if (order.is_full && context_.incremental_checkpoints) {
    return answer(fail(ErrorCode::kFailedPrecondition,
                       "the job's checkpoints are incremental (execution.checkpointing.incremental), and a full one can't be asked for: take a savepoint, "
                       "which needs no other"));
  }
  if (order.what == SnapshotOrder::What::kCheckpoint) return driver_->take_checkpoint(std::move(answer));
  if (order.dir.empty()) order.dir = context_.savepoint_dir;
  if (order.dir.empty()) {
    return answer(fail(ErrorCode::kInvalidArgument,
                       "there is no folder for the savepoint: name one, or start the job with -D "
                       "execution.checkpointing.savepoint-dir=DIR"));
  }
  switch (order.then) {
    case Then::kGoOn:
      return driver_->take_savepoint(order.dir, std::move(answer));
    case Then::kStop:
    case Then::kDrain:
      return stop_with_savepoint(order, std::move(answer));
    case Then::kCancel:
      return cancel_with_savepoint(order, std::move(answer));
  }
}

void JobMaster::stop_with_savepoint(const SnapshotOrder& order, SnapshotAnswer answer) {
  auto then = [this, answer = std::move(answer)](Result<SnapshotTaken> taken) mutable {
    if (taken) return endings_.push_back({*std::move(taken), std::move(answer), JobState::kStopped});
    TIDEMARK_PROBE("master: a stop with a savepoint fails");
    if (state_ == JobState::kStopping && !stop_requested_) set_state(JobState::kRunning);
    answer(std::move(taken));
  };
  const bool drain = order.then == SnapshotOrder::Then::kDrain;
  if (state_ == JobState::kStopping) return then(fail(ErrorCode::kFailedPrecondition, "the job is stopping already"));
  // Before, as the answer may come at once.
  set_state(JobState::kStopping);
  if (driver_->stop_with_savepoint(order.dir, drain, std::move(then)) == StopOutcome::kAccepted) {
    TIDEMARK_PROBE("master: stops with a savepoint");
  }
}

void JobMaster::cancel_with_savepoint(const SnapshotOrder& order, SnapshotAnswer answer) {
  driver_->take_last_savepoint(order.dir, [this, answer = std::move(answer)](Result<SnapshotTaken> taken) mutable {
    if (!taken) return answer(std::move(taken));
    TIDEMARK_PROBE("master: cancelled with a savepoint");
    endings_.push_back({*std::move(taken), std::move(answer), JobState::kCancelled});
    request_cancel();  // as mail: the driver is in the middle of its commands
  });
}

// The savepoint is complete whatever became of the job.
void JobMaster::answer_ended(JobState state) {
  for (Ending& ending : std::exchange(endings_, {})) {
    if (state == ending.wanted) {
      ending.answer(std::move(ending.taken));
      continue;
    }
    TIDEMARK_PROBE("master: ends otherwise than was asked");
    ending.answer(fail(ErrorCode::kFailedPrecondition,
                       fmt::format("the savepoint '{}' is complete, but the job is {} instead of {}{}", ending.taken.path,
                                   to_string(state), to_string(ending.wanted),
                                   failure_ ? fmt::format(": {}", failure_->message()) : "")));
  }
}

void JobMaster::cancel() {
  switch (state_) {
    case JobState::kInitializing:
    case JobState::kRestarting:
    case JobState::kFailing:
      TIDEMARK_PROBE("master: cancelled between two attempts");
      return set_state(JobState::kCancelling);
    case JobState::kStarting:
    case JobState::kRunning:
    case JobState::kStopping:
    case JobState::kFinishing:
      TIDEMARK_PROBE("master: cancelled while tasks run");
      set_state(JobState::kCancelling);
      move_tasks(TaskState::kCanceling);
      driver_->end(AbortReason::kShutdown);
      if (!tasks_ended_) execution_->cancel();
      return;
    case JobState::kCancelling:
    case JobState::kFinished:
    case JobState::kStopped:
    case JobState::kFailed:
    case JobState::kCancelled:
      return;
  }
}

void JobMaster::fail_attempt(Error error, TaskId task) {
  const JobState before = state_;
  if (before == JobState::kFailing || before == JobState::kCancelling || is_over(before)) {
    TIDEMARK_PROBE("master: a failure comes when the attempt ends anyway");
    return log_debug(fmt::format("while the job was {}: {}", to_string(before), error.message()));
  }
  if (before == JobState::kStarting) TIDEMARK_PROBE("master: an attempt fails while it starts");
  if (before == JobState::kFinishing) TIDEMARK_PROBE("master: an attempt fails while it commits the last output");
  if (before == JobState::kStopping) TIDEMARK_PROBE("master: an attempt fails while it stops");
  failure_ = std::move(error);
  set_state(JobState::kFailing);
  note_failure(task);
  if (driver_) driver_->end(AbortReason::kTaskFailed);
  if (execution_ && !tasks_ended_) execution_->cancel();
  if (before == JobState::kStarting && restored_ && is_damage(*failure_)) offer_older_checkpoint();
}

void JobMaster::note_failure(TaskId task) {
  const std::int64_t now_ms = context_.now().wall_ms;
  tasks_.on_failed(task, now_ms);
  change_status([&](JobStatus& status) {
    status.last_failure = {.at_ms = now_ms,
                           .message = failure_->message(),
                           .task = task == kNoTask ? std::string{} : task_name(context_.plan, task),
                           .place = tasks_.place_of_failure()};
  });
  move_tasks(TaskState::kCanceling);
}

void JobMaster::offer_older_checkpoint() {
  context_.calls.run([this, store = context_.store, error = *failure_]() -> Mailbox::Mail {
    return [this, offer = store->offer_older(error)] { failure_ = offer; };
  });
}

bool JobMaster::run_timers() {
  const auto deadline = next_deadline_ns();
  if (!deadline || context_.now().steady_ns < *deadline) return false;
  if (state_ == JobState::kRestarting) {
    begin_attempt();
  } else {
    driver_->on_time();
  }
  return true;
}

// Goes on where what it had to wait for has come.
bool JobMaster::settle() {
  const JobState before = state_;
  const bool up = before == JobState::kStarting || before == JobState::kRunning || before == JobState::kStopping;
  if (up && driver_->failure()) {
    fail_attempt(*driver_->failure());
  } else if (up && driver_->finished_with()) {
    set_state(JobState::kFinishing);
  } else if (up && tasks_ended_) {
    fail_attempt(Error{ErrorCode::kInternal, "the tasks of the job ended by themselves"});
  }
  if (attempt_is_over()) {
    if (state_ == JobState::kFinishing) {
      move_tasks(TaskState::kFinished);
      conclude(is_stop(driver_->finished_with()->kind) ? JobState::kStopped : JobState::kFinished, std::nullopt);
    } else if (state_ == JobState::kCancelling) {
      move_tasks(TaskState::kCanceled);
      if (!remove_cancelled()) conclude(JobState::kCancelled, std::nullopt);
    } else if (state_ == JobState::kFailing) {
      move_tasks(TaskState::kCanceled);
      // A failure that meets the savepoint which ends the job changes nothing: that is complete, and the job was to go.
      const bool ends = std::ranges::any_of(endings_, [](const Ending& e) { return e.wanted == JobState::kCancelled; });
      ends ? set_state(JobState::kCancelling) : restart_or_fail();
    }
  }
  return state_ != before;
}

bool JobMaster::attempt_is_over() const {
  return (!execution_ || tasks_ended_) && (!driver_ || driver_->idle()) && context_.calls.in_flight() == 0;
}

// Whether that is under way.
bool JobMaster::remove_cancelled() {
  if (retain_on_cancellation_ || removed_cancelled_ || context_.store == nullptr || attempt_ == 0) return false;
  removed_cancelled_ = true;
  context_.calls.run([store = context_.store]() -> Mailbox::Mail {
    const auto removed = store->remove_all();
    return [error = removed ? std::string{} : removed.error().message()] {
      if (!error.empty()) log_warning("deleting the checkpoints of the cancelled job: " + error);
    };
  });
  return true;
}

void JobMaster::release_attempt() {
  if (driver_) next_checkpoint_id_ = std::max(next_checkpoint_id_, driver_->next_id());
  driver_.reset();
  execution_.reset();
}

void JobMaster::restart_or_fail() {
  const bool committing = driver_ && driver_->finished_with();
  Error error = *failure_;
  if (context_.checkpoints.mode == CheckpointMode::kNone) {
    error = at_most_once(error);
  } else if (committing && context_.store == nullptr) {
    error = half_committed(error);
  }
  answer_ended(JobState::kRestarting);
  failure_.reset();
  release_attempt();
  const std::uint32_t restarts_before = restart_strategy_.restarts();
  const std::int64_t now_ns = context_.now().steady_ns;
  const RestartDecision decision = restart_strategy_.on_failure(error, now_ns, context_.env.random->next());
  change_status([&](JobStatus& status) {
    status.last_failure.message = error.message();
    status.restarts = restart_strategy_.restarts();
  });
  if (decision.verdict == RestartDecision::Verdict::kGiveUp) {
    return fail_job(with_restarts(error, restarts_before));
  }
  TIDEMARK_PROBE("master: restarts");
  const std::int64_t delay_ms = (decision.restart_at_ns - now_ns) / 1'000'000;
  const std::string when = delay_ms > 0 ? fmt::format("in {} ms", delay_ms) : "at once";
  log_warning(fmt::format("attempt {} failed; restarting {}: {}", attempt_, when, decision.reason));
  restart_at_ns_ = decision.restart_at_ns;
  set_state(JobState::kRestarting);
}

// A start that was refused leaves the folder as it was.
void JobMaster::fail_job(Error error) {
  if (sinks_agreed_ || context_.store == nullptr) return conclude(JobState::kFailed, std::move(error));
  TIDEMARK_PROBE("master: a start is refused");
  context_.calls.run([this, store = context_.store, error = std::move(error)]() -> Mailbox::Mail {
    return [this, error, withdrawn = store->withdraw()] {
      if (!withdrawn) log_warning("taking back what the refused start had noted: " + withdrawn.error().message());
      if (state_ == JobState::kFailing) conclude(JobState::kFailed, error);
    };
  });
}

void JobMaster::conclude(JobState state, std::optional<Error> error) {
  outcome_.state = state;
  outcome_.error = std::move(error);
  outcome_.restarts = restart_strategy_.restarts();
  if (context_.store != nullptr) {
    if (state == JobState::kStopped)
      outcome_.stopped_checkpoint = driver_->finished_path();
    outcome_.kept = context_.store->restorable_path();
  }
  for (const Ending& ending : endings_) {
    if (state == JobState::kCancelled && ending.wanted == state) outcome_.cancelled_savepoint = ending.taken.path;
  }
  release_attempt();
  context_.store.reset();
  set_state(state);
  answer_ended(state);
}

void JobMaster::set_state(JobState state) {
  const std::int64_t now_ms = context_.now().wall_ms;
  change_status([&](JobStatus& status) {
    const std::string_view word = in_flinks_words(state);
    if (status.state_times.empty() || word != in_flinks_words(state_)) status.state_times[std::string{word}] = now_ms;
    status.state = state;
    const bool runs = state == JobState::kRunning || state == JobState::kStopping || state == JobState::kFinishing;
    std::int64_t& since_ms = runs ? status.running_since_ms : status.down_since_ms;
    if (since_ms < 0 && !is_over(state)) since_ms = now_ms;
    if (!runs) status.running_since_ms = -1;
    if (runs || is_over(state)) status.down_since_ms = -1;
  });
  state_ = state;
}

template <class Change>
void JobMaster::change_status(Change&& change) {
  const std::lock_guard guard{status_mutex_};
  change(status_);
}

}  // namespace tidemark

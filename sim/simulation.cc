#include "sim/simulation.h"

#include <fmt/format.h>

#include <utility>

#include "sim/log_in_trace.h"

namespace tidemark {
namespace {

constexpr std::int64_t kMs = 1'000'000;
// What a process that can't even start counts for.
constexpr std::uint64_t kStepsOfStart = 50;
// Once the faults have ended: far more than any workload takes.
constexpr std::uint64_t kMaxCalmSteps = 200'000;
// The first may still suffer from what the faults have left.
constexpr std::uint64_t kMaxCalmProcesses = 3;
constexpr std::int64_t kMostClockSetMs = 2'000;
// Of restored state that is loaded behind: units from this size up to 128 times as much.
constexpr std::uint64_t kSmallestUnitBytes = 16;

}  // namespace

Simulation::Simulation(std::uint64_t seed, const Scenario& scenario, const WorkloadKind& workload)
    : scenario_{scenario}, draws_{seed, scenario}, story_{seed, workload, draw_workload()} {
  draw_options();
  draw_faults();
}

void Simulation::listen(std::function<void(std::string_view line)> listener) {
  story_.env().trace().set_echo([this, listener = std::move(listener)](std::string_view line) {
    listener(fmt::format("{:>11.3f} ms  {}", static_cast<double>(story_.env().clock().since_start_ns()) / 1e6, line));
  });
}

WorkloadOptions Simulation::draw_workload() {
  WorkloadOptions result;
  result.parallelism = static_cast<std::uint32_t>(draws_.draw(scenario_.parallelism));
  result.mode = scenario_.modes[draws_.random().next() % scenario_.modes.size()];
  result.records = draws_.draw(scenario_.records);
  result.seed = draws_.random().next();
  result.bad_luck = [this] {
    const bool bad = disturbed_ && !story_.env().dead() && story_.env().one_in(user_error_one_in_);
    user_errors_ += bad ? 1 : 0;
    return bad;
  };
  return result;
}

void Simulation::draw_options() {
  CheckpointOptions& checkpoints = story_.options().master.checkpoints;
  const Scenario::Checkpoints& ranges = scenario_.checkpoints;
  checkpoints.interval_ns = static_cast<std::int64_t>(draws_.draw(ranges.interval_ms)) * kMs;
  checkpoints.interval_records = draws_.draw_if_any(ranges.interval_records);
  checkpoints.interval_bytes = draws_.draw_if_any(ranges.interval_bytes);
  checkpoints.timeout_ns = static_cast<std::int64_t>(draws_.draw(ranges.timeout_ms)) * kMs;
  checkpoints.min_pause_ns = static_cast<std::int64_t>(draws_.draw(ranges.min_pause_ms)) * kMs;
  checkpoints.max_concurrent = draws_.draw(ranges.in_flight);
  checkpoints.num_retained = draws_.draw(ranges.retained);
  if (const std::uint64_t tolerable = draws_.draw(ranges.tolerable_failures); tolerable > 0) {
    checkpoints.tolerable_failures = static_cast<std::uint32_t>(tolerable);
  }
  if (const std::uint64_t attempts = draws_.draw_if_any(ranges.closing_attempts); attempts > 0) {
    checkpoints.closing_attempts = static_cast<std::uint32_t>(attempts);
  }
  story_.options().master.restart = draw_restart();
  incremental_ = draws_.random().next() % 2 == 0;
  spill_one_in_ = draws_.draw({0, 4});
}

RestartPolicy Simulation::draw_restart() {
  const auto restarts = static_cast<std::uint32_t>(draws_.draw(scenario_.restarts));
  const auto delay_ns = static_cast<std::int64_t>(draws_.draw({0, 50})) * kMs;
  if (restarts == 0) return NoRestart{};
  switch (draw_restart_kind()) {
    case RestartKind::kFixedDelay:
      break;
    case RestartKind::kFailureRate:
      return FailureRateRestart{restarts, static_cast<std::int64_t>(draws_.draw({1, 500})) * kMs, delay_ns};
    case RestartKind::kExponentialDelay:
      return ExponentialDelayRestart{.initial_ns = 1 + delay_ns,
                                     .max_ns = 1 + 4 * delay_ns,
                                     .multiplier = 2,
                                     .jitter = 0.2,
                                     .reset_after_ns = static_cast<std::int64_t>(draws_.draw({1, 200})) * kMs,
                                     .attempts = restarts};
  }
  return FixedDelayRestart{restarts, delay_ns};
}

RestartKind Simulation::draw_restart_kind() {
  const std::vector<RestartKind>& kinds = scenario_.restart_kinds;
  return kinds.size() == 1 ? kinds.front() : kinds[draws_.random().next() % kinds.size()];
}

void Simulation::draw_faults() {
  const Scenario::Faults& ranges = scenario_.faults;
  fault_steps_ = draws_.draw(scenario_.fault_steps);
  disturbed_ = fault_steps_ > 0;
  process_death_one_in_ = draws_.draw_fault(ranges.process_death);
  machine_death_one_in_ = draws_.draw_fault(ranges.machine_death);
  user_error_one_in_ = draws_.draw_fault(ranges.user_error);
  stop_one_in_ = draws_.draw_fault(ranges.stop);
  cancel_one_in_ = draws_.draw_fault(ranges.cancel);
  savepoint_one_in_ = draws_.draw_fault_if_any(ranges.savepoint);
  stop_with_savepoint_one_in_ = draws_.draw_fault_if_any(ranges.stop_with_savepoint);
  drain_one_in_ = draws_.draw_fault_if_any(ranges.drain);
  cancel_with_savepoint_one_in_ = draws_.draw_fault_if_any(ranges.cancel_with_savepoint);
  disposal_one_in_ = draws_.draw_fault_if_any(ranges.disposal);
  rival_one_in_ = draws_.draw_fault_if_any(ranges.rival);
  clock_set_one_in_ = draws_.draw_fault_if_any(ranges.clock_set);
  claim_one_in_ = draws_.draw_if_any(scenario_.resumes.claim);
  move_one_in_ = draws_.draw_if_any(scenario_.resumes.move);
  older_one_in_ = draws_.draw_if_any(scenario_.resumes.older);

  story_.env().set_file_faults(draws_.draw_file_faults());
  story_.env().set_pace(draws_.draw_pace());
}

std::optional<std::string> Simulation::run() {
  const LogInTrace log{story_.env().trace()};
  std::optional<std::string> wrong;
  try {
    if (story_.options().master.checkpoints.mode == CheckpointMode::kNone) {
      live_without_checkpoints();
    } else {
      live();
    }
  } catch (const std::exception& error) {
    wrong = error.what();
    story_.env().trace().note("WRONG: " + *wrong);
  }
  digest_ = story_.env().trace().digest();
  if (!wrong) digest_ ^= story_.hash_files();
  return wrong;
}

void Simulation::live() {
  while (true) {
    const std::optional<JobOutcome> outcome = run_process();
    if (outcome && outcome->state == JobState::kFinished) return check_finished(*outcome);
    if (outcome) check_end(*outcome);
    story_.check_consistent();
    choose_resume(outcome);
  }
}

// The second process may not go on from anything: it begins anew, or refuses to where its rows would be doubled.
void Simulation::live_without_checkpoints() {
  const std::optional<JobOutcome> outcome = run_process();
  if (outcome && outcome->state == JobState::kFinished) return check_finished(*outcome);
  if (outcome) check_end(*outcome);
  story_.check_consistent();
  calm_down();
  story_.check_begins_anew_or_refuses();
}

// Over it is, and over it stays; also if the machine dies now.
void Simulation::check_finished(const JobOutcome& outcome) {
  calm_down();
  story_.check_finished(outcome);
  SimulatedEnv& env = story_.env();
  if (env.one_in(4)) {
    env.die(Death::kMachine);
    env.revive();
    story_.check_rows();
  }
  if (story_.is_kept() && env.one_in(8)) story_.check_finished(story_.run());
}

std::optional<JobOutcome> Simulation::run_process() {
  if (!disturbed_ && ++calm_processes_ > kMaxCalmProcesses) throw Wrong{"the faults have ended, and the job still fails"};
  if (scenario_.rescale) {
    story_.set_parallelism(static_cast<std::uint32_t>(draws_.draw(scenario_.parallelism)));
    story_.options().master.checkpoints.num_retained = draws_.draw(scenario_.checkpoints.retained);
  }
  choose_version();
  choose_backend();
  stop_requested_ = false;
  cancel_requested_ = false;
  faults_before_ = faults_so_far();
  steps_ += kStepsOfStart;
  if (disturbed_ && rival_one_in_ != 0 && story_.env().one_in(2)) story_.start_rival();
  if (story_.start()) return story_.step_until([this](SimulatedProcess& process) { return after_step(process); });
  if (disturbed_ && steps_ >= fault_steps_) calm_down();
  return std::nullopt;
}

bool Simulation::after_step(SimulatedProcess& process) {
  ++steps_;
  if (disturbed_ && steps_ >= fault_steps_) calm_down();
  if (disturbed_) {
    disturb(process);
  } else if (++calm_steps_ > kMaxCalmSteps) {
    throw Wrong{fmt::format("the faults have ended, and the job does not: it is {}",
                            to_string(process.master().status().state))};
  }
  return false;
}

void Simulation::disturb(SimulatedProcess& process) {
  SimulatedEnv& env = story_.env();
  if (env.one_in(process_death_one_in_)) env.die(Death::kProcess);
  if (env.one_in(machine_death_one_in_)) env.die(Death::kMachine);
  if (env.one_in(savepoint_one_in_)) {
    env.trace().note("A SAVEPOINT IS ASKED FOR");
    story_.ask_for_savepoint(process, SnapshotOrder::Then::kGoOn);
  }
  if (env.one_in(disposal_one_in_)) story_.ask_for_disposal();
  if (env.one_in(rival_one_in_)) story_.start_rival();
  if (env.one_in(clock_set_one_in_)) {
    const auto ms = static_cast<std::int64_t>(env.random().next() % kMostClockSetMs);
    env.trace().note(fmt::format("THE CLOCK IS SET FORWARD BY {} MS", ms));
    env.clock().set_forward_ms(ms);
  }
  ask_to_end(process);
}

void Simulation::ask_to_end(SimulatedProcess& process) {
  using Then = SnapshotOrder::Then;
  SimulatedEnv& env = story_.env();
  const auto ask = [&](std::uint64_t one_in, const char* what, bool& requested, const auto& request) {
    if (!env.one_in(one_in)) return;
    env.trace().note(what);
    requested = true;
    request();
  };
  ask(stop_one_in_, "THE JOB IS ASKED TO STOP", stop_requested_, [&] { process.master().request_stop(); });
  ask(stop_with_savepoint_one_in_, "THE JOB IS ASKED TO STOP WITH A SAVEPOINT", stop_requested_,
      [&] { story_.ask_for_savepoint(process, Then::kStop); });
  ask(story_.workload().may_be_drained() ? drain_one_in_ : 0, "THE JOB IS ASKED TO DRAIN", stop_requested_,
      [&] { story_.ask_for_savepoint(process, Then::kDrain); });
  ask(cancel_with_savepoint_one_in_, "THE JOB IS CANCELLED WITH A SAVEPOINT", cancel_requested_,
      [&] { story_.ask_for_savepoint(process, Then::kCancel); });
  ask(cancel_one_in_, "THE JOB IS CANCELLED", cancel_requested_, [&] { process.master().request_cancel(); });
}

// Now and then the next process runs a later version of the job. Whether the state that this one has no operator for is to be
// dropped, its user may have forgotten to say.
void Simulation::choose_version() {
  SimulatedEnv& env = story_.env();
  if (story_.version() + 1 >= story_.workload().versions() || !env.one_in(2)) return;
  story_.set_version(story_.version() + 1);
  env.trace().note(fmt::format("VERSION {} OF THE JOB", story_.version()));
}

// How state is kept and written may be another with each process.
void Simulation::choose_backend() {
  SimulatedEnv& env = story_.env();
  const bool changes_mind = env.one_in(8);
  story_.options().master.incremental_checkpoints = incremental_ != changes_mind;
  env.spill_state(env.draw_spilling(spill_one_in_));
  story_.set_local_copies(story_.is_kept() && env.one_in(4));
  // Of the little state there is, so that a process has some of it yet to load when something happens.
  const std::uint64_t unit_bytes = kSmallestUnitBytes << env.random().next() % 8;
  story_.options().master.lazy_restore = {.on = !env.one_in(4), .from_bytes = 1, .unit_bytes = unit_bytes};
}

// What the user names to go on from; the newest checkpoint where nothing is named.
void Simulation::choose_resume(const std::optional<JobOutcome>& outcome) {
  if (!story_.is_kept() || story_.has_plan()) return;
  SimulatedEnv& env = story_.env();
  std::string path;
  if (outcome && outcome->state == JobState::kStopped) path = outcome->stopped_checkpoint;
  if (outcome && outcome->state == JobState::kCancelled) path = outcome->cancelled_savepoint;
  if (!path.empty() && env.one_in(2)) {
    env.trace().note("THE JOB IS TO BE RESUMED FROM " + path);
    story_.resume_from(path);
    const bool certain = !story_.may_be_refused();
    if (certain && path.starts_with(kSimulatedSavepointDir) && env.one_in(claim_one_in_)) story_.claim_what_is_resumed();
    if (certain && env.one_in(move_one_in_)) story_.move();
  } else if (disturbed_ && env.one_in(older_one_in_)) {
    path = story_.draw_older();
    if (path.empty()) return;
    env.trace().note("THE JOB IS TO GO BACK TO " + path);
    story_.resume_from(path);
  }
}

void Simulation::calm_down() {
  if (!std::exchange(disturbed_, false)) return;
  story_.env().trace().note("THE FAULTS END");
  story_.env().set_file_faults({});
  story_.env().set_pace({});
}

void Simulation::check_end(const JobOutcome& outcome) {
  switch (outcome.state) {
    case JobState::kStopped:
      if (!stop_requested_) throw Wrong{"the job stopped, and nobody had asked for it"};
      return;
    case JobState::kCancelled:
      if (!cancel_requested_) throw Wrong{"the job was cancelled, and nobody had asked for it"};
      return;
    default:
      break;
  }
  const std::string why = outcome.error ? outcome.error->message() : "nobody says why";
  const ErrorCode code = outcome.error ? outcome.error->code() : ErrorCode::kInternal;
  if (was_rightly_refused(code)) return;
  const bool never_right = code == ErrorCode::kInternal || code == ErrorCode::kDataLoss;
  if (never_right || faults_so_far() == faults_before_) throw Wrong{fmt::format("the job failed for no reason: {}", why)};
}

// What the user asked for could not be: the next process is asked for something else.
bool Simulation::was_rightly_refused(ErrorCode code) {
  UnclaimedState& unclaimed = story_.options().master.unclaimed_state;
  if (story_.may_be_refused() && (code == ErrorCode::kFailedPrecondition || code == ErrorCode::kDataLoss)) {
    story_.env().trace().note("IT WAS REFUSED");
    story_.drop_plan();
    return true;
  }
  const bool leaves_state = !story_.workload().gone_in(story_.version()).empty();
  if (!leaves_state || unclaimed == UnclaimedState::kDrop || code != ErrorCode::kFailedPrecondition) return false;
  story_.env().trace().note("IT MAY DROP STATE FROM NOW ON");
  unclaimed = UnclaimedState::kDrop;
  return true;
}

std::uint64_t Simulation::faults_so_far() {
  return story_.env().failed_operations() + user_errors_ + story_.failed_checkpoints();
}

}  // namespace tidemark

#include "sim/cluster_simulation.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "sim/job_files.h"
#include "sim/log_in_trace.h"
#include "sim/wrong.h"

namespace tidemark {
namespace {

constexpr std::int64_t kMs = 1'000'000;
// Once the faults have ended: far more than any workload takes.
constexpr std::uint64_t kMaxCalmSteps = 400'000;
constexpr std::int64_t kMostClockSetMs = 2'000;

std::string_view name_of(CheckpointMode mode) { return mode == CheckpointMode::kAtLeastOnce ? "AT_LEAST_ONCE" : "EXACTLY_ONCE"; }

}  // namespace

ClusterSimulation::ClusterSimulation(std::uint64_t seed, const Scenario& scenario, const WorkloadKind& workload)
    : scenario_{scenario}, draws_{seed, scenario}, env_{seed} {
  make_program(workload);
  for (std::uint64_t more = draws_.draw(scenario_.cluster.jobs); more > 1; --more) {
    make_program(workload_kinds()[draws_.random().next() % workload_kinds().size()]);
  }
  make_world();
  draw_faults();
}

void ClusterSimulation::listen(std::function<void(std::string_view line)> listener) {
  env_.trace().set_echo([this, listener = std::move(listener)](std::string_view line) {
    listener(fmt::format("{:>11.3f} ms  {}", static_cast<double>(env_.clock().since_start_ns()) / 1e6, line));
  });
}

WorkloadOptions ClusterSimulation::draw_workload() {
  WorkloadOptions result;
  result.parallelism = static_cast<std::uint32_t>(draws_.draw(scenario_.parallelism));
  result.mode = scenario_.modes[draws_.random().next() % scenario_.modes.size()];
  result.records = draws_.draw(scenario_.records);
  result.seed = draws_.random().next();
  result.bad_luck = [this] { return disturbed_ && !env_.dead() && env_.one_in(faults_.user_error); };
  return result;
}

std::map<std::string, std::string> ClusterSimulation::draw_options(CheckpointMode mode, std::size_t num_retained) {
  const Scenario::Checkpoints& ranges = scenario_.checkpoints;
  const auto ms = [&](const ScenarioRange& range) { return fmt::format("{}ms", draws_.draw(range)); };
  std::map<std::string, std::string> options{
      {"execution.checkpointing.mode", std::string{name_of(mode)}},
      {"execution.checkpointing.interval", ms(ranges.interval_ms)},
      {"execution.checkpointing.timeout", ms(ranges.timeout_ms)},
      {"execution.checkpointing.min-pause", ms(ranges.min_pause_ms)},
      {"execution.checkpointing.max-concurrent-checkpoints", std::to_string(draws_.draw(ranges.in_flight))},
      {"execution.checkpointing.num-retained", std::to_string(num_retained)},
      {"execution.checkpointing.incremental", draws_.random().next() % 2 == 0 ? "true" : "false"},
      {"execution.checkpointing.local-backup.enabled", draws_.random().next() % 4 == 0 ? "true" : "false"},
      {"execution.state-recovery.lazy", draws_.random().next() % 4 == 0 ? "false" : "true"},
  };
  if (const std::uint64_t tolerable = draws_.draw(ranges.tolerable_failures); tolerable > 0) {
    options["execution.checkpointing.tolerable-failed-checkpoints"] = std::to_string(tolerable);
  }
  if (const std::uint64_t restarts = draws_.draw(scenario_.restarts); restarts > 0) {
    options["restart-strategy.type"] = "fixed-delay";
    options["restart-strategy.fixed-delay.attempts"] = std::to_string(restarts);
    options["restart-strategy.fixed-delay.delay"] = ms({0, 50});
  } else {
    options["restart-strategy.type"] = "none";
  }
  return options;
}

void ClusterSimulation::make_program(const WorkloadKind& kind) {
  const std::size_t number = programs_->all.size();
  FileSystem* files = &env_.files();
  if (number > 0) files = job_files_.emplace_back(std::make_unique<JobFiles>(env_.files(), fmt::format("/job-{}", number))).get();
  const WorkloadOptions options = draw_workload();
  workloads_.push_back(kind.make(options));
  {
    const SimulatedEnv::Observer observer{env_};
    workloads_.back()->prepare(*files);
  }
  const std::size_t num_retained = draws_.draw(scenario_.checkpoints.retained);
  programs_->all.push_back({.workload = workloads_.back().get(),
                            .mode = options.mode,
                            .options = draw_options(options.mode, num_retained),
                            .files = files});
  const auto highest = static_cast<std::uint32_t>(scenario_.parallelism.high);
  settings_.push_back({.program = number,
                       .parallelism = {scenario_.rescale ? 1 : options.parallelism, scenario_.rescale ? highest : options.parallelism},
                       .num_retained = num_retained,
                       .spills = draws_.draw({0, 4}),
                       .claims = draws_.draw_if_any(scenario_.resumes.claim),
                       .moves = draws_.draw_if_any(scenario_.resumes.move)});
}

void ClusterSimulation::make_world() {
  std::vector<std::uint32_t> slots(draws_.draw(scenario_.cluster.task_managers));
  for (std::uint32_t& of_one : slots) of_one = static_cast<std::uint32_t>(draws_.draw(scenario_.cluster.slots));
  world_ = std::make_unique<ClusterWorld>(env_, programs_, slots);
  for (const ClusterStory::Settings& settings : settings_) {
    stories_.push_back(std::make_unique<ClusterStory>(env_, *world_, programs_->all[settings.program], settings));
  }
}

void ClusterSimulation::draw_faults() {
  const Scenario::Faults& ranges = scenario_.faults;
  fault_steps_ = draws_.draw(scenario_.fault_steps);
  disturbed_ = fault_steps_ > 0;
  const auto draw = [&](std::uint64_t& one_in, const ScenarioRange& range) { one_in = draws_.draw_fault_if_any(range); };
  draw(faults_.process_death, ranges.process_death);
  draw(faults_.machine_death, ranges.machine_death);
  draw(faults_.user_error, ranges.user_error);
  draw(faults_.savepoint, ranges.savepoint);
  draw(faults_.stop_with_savepoint, ranges.stop_with_savepoint);
  draw(faults_.drain, ranges.drain);
  draw(faults_.cancel_with_savepoint, ranges.cancel_with_savepoint);
  draw(faults_.cancel, ranges.cancel);
  draw(faults_.clock_set, ranges.clock_set);
  draw(faults_.cut, ranges.cut);
  draw(faults_.connections_break, ranges.connections_break);
  draw(faults_.freeze, ranges.freeze);
  draw(faults_.upgrade, ranges.upgrade);
  draw(faults_.disposal, ranges.disposal);
  draw(faults_.repeat, ranges.repeat);
  env_.set_file_faults(draws_.draw_file_faults());
  env_.set_pace(draws_.draw_pace());
  world_->delay_bytes(static_cast<std::int64_t>(draws_.draw(scenario_.cluster.delay_ms)) * kMs);
}

std::optional<std::string> ClusterSimulation::run() {
  const LogInTrace log{env_.trace()};
  std::optional<std::string> wrong;
  try {
    live();
  } catch (const std::exception& error) {
    wrong = error.what();
    env_.trace().note("WRONG: " + *wrong);
    static_cast<void>(world_.release());  // undoing it might hit the same fault again
  }
  digest_ = env_.trace().digest();
  if (!wrong) digest_ ^= env_.hash_files();
  return wrong;
}

bool ClusterSimulation::all_finished() const {
  return std::ranges::all_of(stories_, [](const auto& story) { return story->has_finished(); });
}

void ClusterSimulation::live() {
  while (!all_finished()) step();
  if (faults_.machine_death != 0) {
    world_->fail_power();
    for (const auto& story : stories_) story->check_rows();
  }
  calm_down();
  for (const auto& story : stories_) story->run_once_more();
  while (!all_finished()) step();
  for (const auto& story : stories_) story->check_end();
}

void ClusterSimulation::step() {
  if (!world_->step()) throw Wrong{"nobody can go on"};
  for (const auto& story : stories_) story->look();
  if (disturbed_ && ++steps_ >= fault_steps_) calm_down();
  if (disturbed_) {
    disturb();
  } else if (++calm_steps_ > kMaxCalmSteps) {
    throw Wrong{"the faults have ended, and not all jobs do"};
  }
}

void ClusterSimulation::disturb() {
  if (env_.one_in(faults_.process_death)) world_->kill_somebody();
  if (env_.one_in(faults_.machine_death)) world_->fail_power();
  if (env_.one_in(faults_.cut)) world_->cut_somebody_off();
  if (env_.one_in(faults_.connections_break)) world_->break_connections();
  if (env_.one_in(faults_.freeze)) world_->freeze_somebody();
  if (env_.one_in(env_.pace().stall_one_in)) world_->stall_somebody();
  if (env_.one_in(faults_.clock_set)) {
    const auto ms = static_cast<std::int64_t>(env_.random().next() % kMostClockSetMs);
    env_.trace().note(fmt::format("THE CLOCK IS SET FORWARD BY {} MS", ms));
    env_.clock().set_forward_ms(ms);
  }
  ask(*stories_[env_.random().next() % stories_.size()]);
}

void ClusterSimulation::ask(ClusterStory& story) {
  using Then = SnapshotOrder::Then;
  if (env_.one_in(faults_.savepoint)) story.ask_for_savepoint(Then::kGoOn);
  if (env_.one_in(faults_.stop_with_savepoint)) story.ask_for_savepoint(Then::kStop);
  if (env_.one_in(faults_.drain)) story.ask_for_savepoint(Then::kDrain);
  if (env_.one_in(faults_.cancel_with_savepoint)) story.ask_for_savepoint(Then::kCancel);
  if (env_.one_in(faults_.cancel)) story.cancel();
  if (env_.one_in(faults_.upgrade)) story.upgrade();
  if (env_.one_in(faults_.disposal)) story.dispose();
  if (env_.one_in(faults_.repeat)) story.repeat();
}

void ClusterSimulation::calm_down() {
  if (!std::exchange(disturbed_, false)) return;
  env_.trace().note("THE FAULTS END");
  env_.set_file_faults({});
  env_.set_pace({});
  world_->heal();
  for (const auto& story : stories_) story->calm_down();
}

}  // namespace tidemark

#include "sim/cluster_story.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "sim/folder_checks.h"
#include "sim/wrong.h"
#include "snapshot/checkpoint_store.h"
#include "snapshot/job_folder.h"
#include "snapshot/snapshot_claim.h"
#include "snapshot/snapshot_disposal.h"

namespace tidemark {
namespace {

constexpr std::int64_t kMs = 1'000'000;
constexpr std::int64_t kMostTrialNs = 20'000 * kMs;
constexpr std::string_view kCheckpointDir = "execution.checkpointing.dir";
constexpr Flaw kFlaws[] = {Flaw::kOtherUids, Flaw::kCrashes, Flaw::kHangs};
constexpr std::int64_t kMostPauseNs = 200'000'000;  // between two things that the user does
constexpr std::uint64_t kLooksAtRows = 256;  // steps
// Once the faults have ended: the first may still suffer from what they have left.
constexpr int kMaxCalmFailures = 3;
// It may take the JobManager seconds to write down what the disk had no room for.
constexpr int kMaxCalmRefusals = 1'000;
// What passes for a program: it is looked at for what it is before it is taken.
constexpr std::string_view kElfHeader{"\x7f" "ELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x02\0\x3e\0", 20};

}  // namespace

ClusterStory::ClusterStory(SimulatedEnv& env, ClusterWorld& world, const SimulatedProgram& program, const Settings& settings)
    : env_{env},
      world_{world},
      program_{program},
      workload_{*program.workload},
      files_{*program.files},
      settings_{settings},
      name_{world.job_of(settings.program)},
      answers_{std::make_shared<Answers>()},
      savepoints_{files_},
      retained_{files_} {
  act_later();
}

void ClusterStory::tell(const std::string& what) { env_.trace().note(fmt::format("USER OF {}: {}", name_, what)); }

void ClusterStory::look() {
  ++steps_;
  look_at_upgrades();
  look_at_savepoints();
  look_at_checkpoints();
}

void ClusterStory::act_later() {
  world_.after(world_.draw_ns(kMostPauseNs), [this] {
    if (stage_ != Stage::kFinished) world_.ask([this](JobManager& manager) { act(manager); });
    act_later();
  });
}

void ClusterStory::calm_down() { is_calm_ = true; }

void ClusterStory::act(JobManager& manager) {
  const bool is_another = manager_ != world_.managers();
  manager_ = world_.managers();
  switch (stage_) {
    case Stage::kIdle:
      return submit(manager);
    case Stage::kSubmitted:
      if (answers_->submitted) return take_answer(manager);
      if (is_another) stage_ = Stage::kIdle;  // nobody will answer; it may run for all that
      return;
    case Stage::kRunning:
      return poll(manager);
    case Stage::kFinished:
      return;
  }
}

// Submitting.

void ClusterStory::submit(JobManager& manager) {
  if (const auto running = find_running(manager)) {
    tell("it runs already");
    is_on_trial_ = upgrade_requested_ && id_ != *running && std::ranges::find(promoted_, *running) == promoted_.end();
    adopt(*manager.job(*running));
    return;
  }
  if (version_ + 1 < workload_.versions() && env_.one_in(4)) ++version_;
  draw_start();
  RunOrder order = draw_order(manager);
  if (order.executable.empty()) return;  // no room for it, as it seems: the next time
  answers_ = std::make_shared<Answers>();
  stop_requested_ = cancel_requested_ = false;
  stage_ = Stage::kSubmitted;
  tell("SUBMITS IT");
  manager.run(std::move(order), [answers = answers_](Result<std::string> job) { answers->submitted = std::move(job); });
}

// Of a submission whose answer was lost, that was repeated, or of an upgrade; or the one that had ended, which could not be written down.
void ClusterStory::adopt(const ClusterJob& job) {
  stage_ = Stage::kRunning;
  const bool came_back = std::exchange(id_, job.glance.id) == job.glance.id;
  if (came_back && start_ && !start_->was_accepted) start_.reset();
  if (start_) start_->was_accepted = true;
  if (!came_back) {
    answers_ = std::make_shared<Answers>();
    stop_requested_ = cancel_requested_ = false;
  }
  const auto dir = std::ranges::find(job.configuration, kCheckpointDir, [](const auto& option) { return option.first; })->second;
  if (dir == checkpoint_dir(folder_)) return;
  for (std::size_t folder = 0; folder <= folders_; ++folder) {
    if (checkpoint_dir(folder) == dir) enter_folder(folder);
  }
  savepoints_.come_back(this->folder());
}

ProgramArguments ClusterStory::draw_program() {
  const ScenarioRange& range = settings_.parallelism;
  const auto drawn = static_cast<std::uint32_t>(range.low + env_.random().next() % (range.high - range.low + 1));
  return {.program = settings_.program,
          .version = version_,
          .parallelism = std::min(drawn, world_.slots()),
          .folder = folder_,
          .spilling = env_.draw_spilling(settings_.spills)};
}

RunOrder ClusterStory::draw_order(JobManager& manager) {
  RunOrder order;
  const auto executable = upload(manager);
  if (!executable) return order;
  ProgramArguments program = draw_program();
  program.resume = true;
  order.executable = *executable;
  order.arguments = program.words();
  order.allow_non_restored_state = !workload_.gone_in(version_).empty();
  if (start_) {
    order.savepoint = start_->path;
    order.claim = start_->claims;
  }
  return order;
}

// The savepoint with which the job ended, or the checkpoint that it has kept; claimed or not, in its folder or another.
void ClusterStory::draw_start() {
  const SimulatedEnv::Observer observer{env_};
  // Only with a newer checkpoint the job itself has something to go on from.
  if (start_ && start_->id <= newest_seen_) start_.reset();
  const auto current = expect(read_pointer_file(files_, folder()), "the pointer");
  if (start_ || !current) return;
  // No attempt has begun behind it, which would have discarded what it was to commit.
  const auto is_newest = [&](const std::string& path) {
    return current->attempt == expect(load_checkpoint(files_, path), "what the job ended with").attempt;
  };
  if (answers_->ended_with && is_newest(answers_->ended_with->path) && env_.one_in(2)) {
    start_ = {.path = answers_->ended_with->path, .id = answers_->ended_with->id, .claims = env_.one_in(settings_.claims)};
    if (start_->claims) savepoints_.claim(start_->path);
    if (env_.one_in(settings_.moves)) move();
  } else if (!answers_->ended_with && !current->checkpoints.empty() && env_.one_in(settings_.moves)) {
    const RetainedCheckpoint& kept = current->checkpoints.back();
    if (kept.id != newest_seen_ || !is_newest(path_of(folder(), kept))) return;
    start_ = {.path = path_of(folder(), kept), .id = kept.id};
    move();
  }
}

// What lies in the folder that it leaves is not its own any more.
void ClusterStory::move() {
  const bool claims = start_->claims;
  expect_none(savepoints_.leave(folder()), "the job leaves its folder");
  if (claims) savepoints_.claim(start_->path);
  enter_folder(++folders_);
  tell(fmt::format("MOVES IT TO {}", folder()));
}

void ClusterStory::enter_folder(std::size_t folder) {
  folder_ = folder;
  newest_seen_ = newest_complete_ = 0;
  retained_ = Ownership{files_};
}

std::optional<std::string> ClusterStory::upload(JobManager& manager) {
  auto upload = manager.executables().begin(name_);
  if (!upload || !upload->append(kElfHeader) || !upload->append(name_)) return std::nullopt;
  const auto executable = upload->finish();
  if (!executable && is_calm_) throw Wrong{"a program is refused: " + executable.error().message()};
  return executable ? std::optional{executable->hash} : std::nullopt;
}

std::optional<std::string> ClusterStory::find_running(JobManager& manager) const {
  std::vector<std::string> running;
  for (const JobGlance& job : manager.jobs()) {
    const bool is_over = job.state == "FINISHED" || job.state == "CANCELED" || job.state == "FAILED";
    if (job.name == name_ && !is_over) running.push_back(job.id);
  }
  // Until it has stopped, the one that another is to replace is there, too.
  if (running.size() > (upgrade_requested_ ? 2 : 1)) throw Wrong{fmt::format("{} runs {} times with one folder", name_, running.size())};
  if (std::ranges::find(running, id_) != running.end()) return id_;
  return running.empty() ? std::nullopt : std::optional{running.front()};
}

void ClusterStory::take_answer(JobManager& manager) {
  const Result<std::string> answer = *std::exchange(answers_->submitted, std::nullopt);
  if (answer) {
    id_ = *answer;
    stage_ = Stage::kRunning;
    is_on_trial_ = false;
    if (start_) start_->was_accepted = true;
    return poll(manager);
  }
  tell("it is refused: " + answer.error().message());
  if (is_calm_ && ++refusals_ > kMaxCalmRefusals) throw Wrong{fmt::format("the job can't be submitted: {}", answer.error().message())};
  stage_ = Stage::kIdle;
}

// While it runs.

void ClusterStory::poll(JobManager& manager) {
  check_replaced(manager);
  const auto job = manager.job(id_);
  if (!job && is_on_trial_) {  // nobody had said that it was accepted
    stage_ = Stage::kIdle;
    return;
  }
  if (!job) {
    throw Wrong{fmt::format("the JobManager has forgotten job {}, which it had accepted", id_)};
  }
  if (const auto& newest = job->glance.newest_checkpoint; newest && !newest->is_savepoint) newest_complete_ = std::max(newest_complete_, newest->id);
  if (job->end_ms >= 0) return ended(*job);
  // Unless a disk that failed could not keep it.
  if (answers_->ended_with && env_.failed_operations() == 0) throw Wrong{"the job goes on behind the savepoint with which it ended, as was said"};
}

void ClusterStory::ended(const ClusterJob& job) {
  tell(fmt::format("it is {}", job.glance.state));
  stage_ = Stage::kIdle;
  if (job.glance.state == "FINISHED") {
    if (!stop_requested_) finished();
  } else if (job.glance.state == "CANCELED") {
    if (!cancel_requested_ && !is_on_trial_) throw Wrong{"the job was cancelled, and nobody had asked for it"};
  } else if (is_calm_ && ++failures_ > kMaxCalmFailures) {
    throw Wrong{fmt::format("the faults have ended, and the job fails: {}", job.failures.empty() ? "nobody says why" : job.failures.front().message)};
  }
}

// From here on nothing that happens takes a row away. What an attempt that nobody heard of any more has left beside them is the next one's to tidy.
void ClusterStory::finished() {
  stage_ = Stage::kFinished;
  if (!runs_once_more_ && env_.one_in(2)) check_rows();
}

void ClusterStory::check_rows() {
  const SimulatedEnv::Observer observer{env_};
  tidy_output(files_);
  expect_none(find_wrong_output(files_, workload_, folder()), "the job is finished");
}

void ClusterStory::ask_for_savepoint(SnapshotOrder::Then then) {
  using Then = SnapshotOrder::Then;
  if (stage_ != Stage::kRunning || (then == Then::kDrain && !workload_.may_be_drained())) return;
  world_.ask([this, then](JobManager& manager) {
    tell(then == Then::kGoOn ? "ASKS FOR A SAVEPOINT" : then == Then::kCancel ? "CANCELS IT WITH A SAVEPOINT" : "STOPS IT WITH A SAVEPOINT");
    stop_requested_ = stop_requested_ || then == Then::kStop || then == Then::kDrain;
    cancel_requested_ = cancel_requested_ || then == Then::kCancel;
    manager.take_snapshot(id_, {.what = SnapshotOrder::What::kSavepoint, .then = then, .dir = kSimulatedSavepointDir},
                          [answers = answers_, then](const Result<SnapshotTaken>& taken) {
                            if (!taken) return;
                            answers->savepoints.push_back(*taken);
                            if (then != Then::kGoOn) answers->ended_with = *taken;
                          });
  });
}

void ClusterStory::cancel() {
  if (stage_ != Stage::kRunning) return;
  world_.ask([this](JobManager& manager) {
    tell("CANCELS IT");
    cancel_requested_ = true;
    static_cast<void>(manager.cancel(id_));
  });
}

void ClusterStory::upgrade() {
  if (stage_ != Stage::kRunning) return;
  world_.ask([this](JobManager& manager) {
    const auto executable = upload(manager);
    if (!executable) return;
    if (version_ + 1 < workload_.versions() && env_.one_in(2)) ++version_;
    ProgramArguments program = draw_program();
    if (env_.one_in(2)) program.flaw = kFlaws[env_.random().next() % std::size(kFlaws)];
    const bool fits = program.flaw != Flaw::kOtherUids;
    tell(fmt::format("UPGRADES IT{}", !fits ? " TO ONE THAT DOES NOT FIT" : program.flaw == Flaw::kNone ? "" : " TO ONE WITH A FLAW"));
    // What does not fit stops nothing.
    stop_requested_ = stop_requested_ || fits;
    upgrade_requested_ = upgrade_requested_ || fits;
    const RunOrder run{.executable = *executable, .arguments = program.words(), .allow_non_restored_state = fits && !workload_.gone_in(version_).empty()};
    manager.upgrade(id_, {.run = run, .savepoint_dir = env_.one_in(2) ? kSimulatedSavepointDir : "", .trial_ms = world_.draw_ns(kMostTrialNs) / kMs},
                    [ends = upgrade_ends_, old = id_, program](Result<Upgraded> outcome) { ends->push_back({old, program, std::move(outcome)}); });
  });
}

void ClusterStory::look_at_upgrades() {
  for (UpgradeEnd& end : std::exchange(*upgrade_ends_, {})) {
    if (!end.outcome) {
      tell("no upgrade: " + end.outcome.error().message());
      continue;
    }
    tell("it has taken the place of " + end.old);
    if (end.program.flaw != Flaw::kNone) throw Wrong{"a job that completes no checkpoint, or does not fit, has taken the place of another"};
    const SimulatedEnv::Observer observer{env_};
    expect_none(savepoints_.add(end.outcome->savepoint), "the savepoint of an upgrade is complete");
    replaced_.push_back(end.old);
    promoted_.push_back(end.outcome->job);
    if (id_ == end.outcome->job) is_on_trial_ = false;
  }
}

void ClusterStory::check_replaced(JobManager& manager) const {
  for (const std::string& id : replaced_) {
    if (const auto job = manager.job(id); job && job->end_ms < 0) throw Wrong{fmt::format("job {} goes on, and another has taken its place", id)};
  }
}

void ClusterStory::dispose() {
  if (stage_ != Stage::kRunning) return;
  std::vector<std::string> all = savepoints_.of_others();
  {
    const SimulatedEnv::Observer observer{env_};
    std::erase_if(all, [this](const std::string& path) { return !is_free(path); });
  }
  if (all.empty()) return;
  const std::string path = all[env_.random().next() % all.size()];
  world_.ask([&](JobManager& manager) {
    tell("WANTS TO DELETE " + path);
    savepoints_.dispose(path);
    manager.dispose_savepoint(path, [](const Result<>&) {});
  });
}

// The job neither goes on from it nor may yet do so.
bool ClusterStory::is_free(const std::string& savepoint) {
  if (!savepoint.starts_with(kSimulatedSavepointDir) || (start_ && start_->path == savepoint)) return false;
  if (stop_requested_ || cancel_requested_ || (answers_->ended_with && answers_->ended_with->path == savepoint)) return false;
  if (const auto claim = read_claim(files_, savepoint); !claim || *claim) return false;
  const auto current = expect(read_pointer_file(files_, folder()), "the pointer");
  return current && !current->restored && std::ranges::count(current->checkpoints, savepoint, &RetainedCheckpoint::path) == 0;
}

// Not behind the end of one, where it would be the next.
void ClusterStory::repeat() {
  const bool may_run = stage_ == Stage::kRunning || stage_ == Stage::kSubmitted;
  if (!may_run || stop_requested_ || cancel_requested_) return;
  world_.ask([this](JobManager& manager) {
    RunOrder order = draw_order(manager);
    if (order.executable.empty()) return;
    tell("SUBMITS IT AGAIN");
    manager.run(std::move(order), [](const Result<std::string>&) {});
  });
}

// Files.

void ClusterStory::look_at_savepoints() {
  const SimulatedEnv::Observer observer{env_};
  for (const SnapshotTaken& savepoint : std::exchange(answers_->savepoints, {})) {
    expect_none(savepoints_.add(savepoint.path), "a savepoint is complete");
    choose_checkers(expect(load_checkpoint(files_, savepoint.path), "a savepoint is complete").attempt);
    expect_whole_savepoint(files_, workload_, savepoint.path);
  }
}

void ClusterStory::look_at_checkpoints() {
  if (std::exchange(file_operations_, env_.file_operations()) == env_.file_operations()) return;
  const SimulatedEnv::Observer observer{env_};
  const auto current = expect(read_pointer_file(files_, folder()), "the pointer");
  if (!current && newest_complete_ > 0) throw Wrong{fmt::format("checkpoint {} was complete, and there is no pointer", newest_complete_)};
  if (!current) return;
  std::vector<std::string> named;
  bool is_new = false;
  for (const RetainedCheckpoint& checkpoint : current->checkpoints) {
    named.push_back(path_of(folder(), checkpoint));
    if (checkpoint.id <= newest_seen_) continue;
    newest_seen_ = checkpoint.id;
    is_new = true;
    check_checkpoint(checkpoint);
  }
  const CheckpointId newest = current->checkpoints.empty() ? 0 : current->checkpoints.back().id;
  if (newest < newest_complete_) {
    throw Wrong{fmt::format("checkpoint {} was complete; the newest that the pointer names is {}", newest_complete_, newest)};
  }
  newest_seen_ = newest;  // a crash of the machine may take one back that nobody was told of
  if (!is_new && steps_ % kLooksAtRows != 0) return;
  retained_.keep_only(named);
  expect_none(retained_.find_touched(), "the pointer names it");
  expect_none(savepoints_.find_touched(), "beside the job");
  expect_none(workload_.check_so_far(files_), "while the job runs");
}

void ClusterStory::check_checkpoint(const RetainedCheckpoint& checkpoint) {
  const std::string when = fmt::format("the pointer names checkpoint {}", checkpoint.id);
  const std::string path = path_of(folder(), checkpoint);
  const CheckpointMetadata metadata = expect(load_checkpoint(files_, path), when);
  expect_none(retained_.add(path), when);
  choose_checkers(checkpoint.attempt);
  expect_none(workload_.check_checkpoint(files_, path, metadata), when);
}

// They go by the version that was built last.
void ClusterStory::choose_checkers(AttemptId attempt) {
  const auto of_attempt = program_.versions.find({folder_, attempt});
  if (workload_.versions() > 1) workload_.build(1, of_attempt != program_.versions.end() ? of_attempt->second : version_);
}

void ClusterStory::run_once_more() {
  tell("RUNS IT ONCE MORE");
  stage_ = Stage::kIdle;
  runs_once_more_ = true;
}

void ClusterStory::check_end() {
  const SimulatedEnv::Observer observer{env_};
  expect_none(find_wrong_output(files_, workload_, folder()), "at the end");
  savepoints_.give_up_unclaimed();
  for (const std::string& path : savepoints_.disposed()) static_cast<void>(dispose_snapshot(files_, path));  // one that failed
  expect_none(savepoints_.find_touched(), "at the end");
  const CheckpointPointer current = expect_no_leftover(files_, folder(), settings_.num_retained);
  expect_none(savepoints_.find_unsettled(current), "at the end");
}

}  // namespace tidemark

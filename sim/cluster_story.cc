#include "sim/cluster_story.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "sim/folder_checks.h"
#include "sim/wrong.h"
#include "snapshot/checkpoint_store.h"
#include "snapshot/job_folder.h"

namespace tidemark {
namespace {

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
      workload_{*program.workload},
      files_{*program.files},
      settings_{settings},
      name_{world.job_of(settings.program)},
      answers_{std::make_shared<Answers>()},
      savepoints_{files_},
      retained_{files_} {
  act_later();
}

std::string ClusterStory::folder() const { return join_path(kSimulatedCheckpointDir, name_); }

void ClusterStory::tell(const std::string& what) { env_.trace().note(fmt::format("USER OF {}: {}", name_, what)); }

void ClusterStory::look() {
  ++steps_;
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
    if (id_ != *running) {  // of a submission whose answer was lost, or that was repeated
      answers_ = std::make_shared<Answers>();
      stop_requested_ = cancel_requested_ = false;
      restored_.reset();
    }
    id_ = *running;
    stage_ = Stage::kRunning;
    return;
  }
  if (version_ + 1 < workload_.versions() && env_.one_in(4)) ++version_;
  RunOrder order = draw_order(manager);
  if (order.executable.empty()) return;  // no room for it, as it seems: the next time
  answers_ = std::make_shared<Answers>();
  stop_requested_ = cancel_requested_ = false;
  stage_ = Stage::kSubmitted;
  tell("SUBMITS IT");
  manager.run(std::move(order), [answers = answers_](Result<std::string> job) { answers->submitted = std::move(job); });
}

RunOrder ClusterStory::draw_order(JobManager& manager) {
  RunOrder order;
  const auto executable = upload(manager);
  if (!executable) return order;
  const ScenarioRange& range = settings_.parallelism;
  const auto drawn = static_cast<std::uint32_t>(range.low + env_.random().next() % (range.high - range.low + 1));
  const std::uint32_t parallelism = std::min(drawn, world_.slots());
  order.executable = *executable;
  order.arguments = ProgramArguments{.program = settings_.program, .version = version_, .parallelism = parallelism, .resume = true}.words();
  order.allow_non_restored_state = !workload_.gone_in(version_).empty();
  if (answers_->ended_with && is_newest(*answers_->ended_with) && env_.one_in(2)) restored_ = answers_->ended_with;
  // Only with a newer checkpoint the job itself has something to go on from.
  if (restored_ && restored_->id <= newest_seen_) restored_.reset();
  if (restored_) order.savepoint = restored_->path;
  return order;
}

// No attempt has begun behind it, which would have discarded what it was to commit.
bool ClusterStory::is_newest(const SnapshotTaken& savepoint) {
  const SimulatedEnv::Observer observer{env_};
  const auto current = expect(read_pointer_file(files_, folder()), "the pointer");
  return current && current->attempt == expect(load_checkpoint(files_, savepoint.path), "the savepoint with which the job ended").attempt;
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
  if (running.size() > 1) throw Wrong{fmt::format("{} runs {} times with one folder", name_, running.size())};
  return running.empty() ? std::nullopt : std::optional{running.front()};
}

void ClusterStory::take_answer(JobManager& manager) {
  const Result<std::string> answer = *std::exchange(answers_->submitted, std::nullopt);
  if (answer) {
    id_ = *answer;
    stage_ = Stage::kRunning;
    return poll(manager);
  }
  tell("it is refused: " + answer.error().message());
  if (is_calm_ && ++refusals_ > kMaxCalmRefusals) throw Wrong{fmt::format("the job can't be submitted: {}", answer.error().message())};
  stage_ = Stage::kIdle;
}

// While it runs.

void ClusterStory::poll(JobManager& manager) {
  const auto job = manager.job(id_);
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
    if (!cancel_requested_) throw Wrong{"the job was cancelled, and nobody had asked for it"};
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

// Not of a job with versions, as nobody could say which one runs then, nor behind the end of one, where it would be the next.
void ClusterStory::repeat() {
  const bool may_run = stage_ == Stage::kRunning || stage_ == Stage::kSubmitted;
  if (!may_run || workload_.versions() > 1 || stop_requested_ || cancel_requested_) return;
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
    choose_checkers();
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
  choose_checkers();
  expect_none(workload_.check_checkpoint(files_, path, metadata), when);
}

// They go by the version that was built last, and a worker that comes late may be of one before.
void ClusterStory::choose_checkers() {
  if (workload_.versions() > 1) workload_.build(1, version_);
}

void ClusterStory::run_once_more() {
  tell("RUNS IT ONCE MORE");
  stage_ = Stage::kIdle;
  runs_once_more_ = true;
}

void ClusterStory::check_end() {
  const SimulatedEnv::Observer observer{env_};
  expect_none(find_wrong_output(files_, workload_, folder()), "at the end");
  expect_none(savepoints_.find_touched(), "at the end");
  expect_no_leftover(files_, folder(), settings_.num_retained);
}

}  // namespace tidemark

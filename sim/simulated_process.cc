#include "sim/simulated_process.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "tidemark/detail/base/check.h"
#include "worker/task_set.h"

namespace tidemark {
namespace {

constexpr std::uint64_t kMoodLasts = 128;  // steps, about
// Far above what any end takes; a job that needs more does not end.
constexpr int kMaxStepsToBury = 1'000'000;

// What the trace tells apart by its mark alone.
enum class Event : std::uint64_t {
  kMaster = 1,
  kTask,
  kWork,
  kTimePasses,
  kStall,
  kTrigger,
  kComplete,
  kAborted,
  kFinish,
  kCancel,
  kAck,
  kDecline,
  kEndOfData,
  kTaskFailed,
  kState,
  kDrain,
};

std::uint64_t mark(Event event, std::uint64_t number = 0, std::uint64_t second = 0) {
  return (static_cast<std::uint64_t>(event) << 56) + (number << 24) + second;
}

std::uint64_t mark(Event event, TaskId task, std::uint64_t number = 0) {
  return mark(event, number, (std::uint64_t{task.vertex} << 8) + task.subtask);
}

}  // namespace

// The tasks of one attempt, known to the process as long as they live. All that master and tasks tell each other goes
// into the trace.
class SimulatedProcess::Attempt final : public Execution, private ExecutionListener {
 public:
  Attempt(SimulatedProcess& process, ExecutionListener& listener)
      : process_{process},
        listener_{listener},
        tasks_{process.env_.env(process.pool_), process.mode_, process.job_.plan, process.job_.factories, *this,
               [](std::size_t) { return std::shared_ptr<EventCount>{}; }} {
    TIDEMARK_CHECK(process.attempt_ == nullptr, "one attempt at a time");
    process.attempt_ = this;
  }
  ~Attempt() override { process_.attempt_ = nullptr; }

  void start(AttemptStart start) override { tasks_.start(std::move(start)); }
  void trigger(const Barrier& barrier, const std::string& folder) override {
    tell(mark(Event::kTrigger, barrier.id), [&] { return fmt::format("  checkpoint {}: triggered", barrier.id); });
    tasks_.trigger(barrier, folder);
  }
  void notify_complete(CheckpointId id) override {
    tell(mark(Event::kComplete, id), [&] { return fmt::format("  checkpoint {}: complete", id); });
    tasks_.notify_complete(id);
  }
  void notify_aborted(CheckpointId id) override {
    tell(mark(Event::kAborted, id), [&] { return fmt::format("  checkpoint {}: aborted", id); });
    tasks_.notify_aborted(id);
  }
  void drain() override {
    tell(mark(Event::kDrain), [] { return "  the sources are told to end"; });
    tasks_.drain();
  }
  void finish() override {
    tell(mark(Event::kFinish), [] { return "  the tasks are told to finish"; });
    tasks_.finish();
  }
  void cancel() override {
    tell(mark(Event::kCancel), [] { return "  the tasks are cancelled"; });
    tasks_.cancel();
  }

  InputProgress input_progress() const override { return tasks_.input_progress(); }

  const std::vector<std::unique_ptr<Task>>& tasks() const { return tasks_.tasks(); }
  std::string name(TaskId task) const {
    return fmt::format("{} ({}.{})", process_.job_.plan.vertices[task.vertex].name, task.vertex, task.subtask);
  }

 private:
  template <class Line>
  void tell(std::uint64_t what, Line&& line) {
    process_.env_.trace().note(what, std::forward<Line>(line));
  }

  void on_sinks_agreed() override { listener_.on_sinks_agreed(); }
  void on_running() override { listener_.on_running(); }
  void on_ack(TaskId task, CheckpointId id, TaskSnapshot snapshot) override {
    tell(mark(Event::kAck, task, id), [&] { return fmt::format("  checkpoint {}: {} acknowledges", id, name(task)); });
    listener_.on_ack(task, id, std::move(snapshot));
  }
  void on_decline(TaskId task, CheckpointId id, DeclineReason reason, Error cause) override {
    tell(mark(Event::kDecline, task, id), [&] {
      return fmt::format("  checkpoint {}: {} declines: {}: {}", id, name(task), to_string(reason), cause.message());
    });
    listener_.on_decline(task, id, reason, std::move(cause));
  }
  void on_end_of_data(TaskId task) override {
    tell(mark(Event::kEndOfData, task), [&] { return fmt::format("  {} has passed on all its input", name(task)); });
    listener_.on_end_of_data(task);
  }
  void on_loading(const LoadEvent& event) override { listener_.on_loading(event); }
  void on_task_failed(TaskId task, Error error) override {
    tell(mark(Event::kTaskFailed, task), [&] { return fmt::format("  FAILED: {}", error.message()); });
    listener_.on_task_failed(task, std::move(error));
  }
  void on_ended() override { listener_.on_ended(); }

  SimulatedProcess& process_;
  ExecutionListener& listener_;
  TaskSet tasks_;
};

Result<std::unique_ptr<SimulatedProcess>> SimulatedProcess::start(SimulatedEnv& env, SimulatedJob job,
                                                                 const ProcessOptions& options) {
  TIDEMARK_CHECK(!env.dead(), "a dead process starts nothing");
  env.trace().note("A PROCESS STARTS");
  std::unique_ptr<CheckpointStore> store;
  if (options.master.checkpoints.mode != CheckpointMode::kNone) {
    const std::string& name = job.plan.logical.job;
    TIDEMARK_ASSIGN(opened, CheckpointStore::open(env.snapshot_files(), options.checkpoint_dir, name, options.resume));
    store = std::move(opened);
  }
  return std::unique_ptr<SimulatedProcess>{new SimulatedProcess{env, std::move(job), options, std::move(store)}};
}

SimulatedProcess::SimulatedProcess(SimulatedEnv& env, SimulatedJob job, const ProcessOptions& options,
                                   std::unique_ptr<CheckpointStore> store)
    : env_{env},
      pool_{env.clock(), env.random(), env.pace()},
      job_{std::move(job)},
      mode_{options.master.checkpoints.mode},
      master_{std::make_unique<JobMaster>(env.env(pool_), job_.plan, std::move(store), static_cast<ExecutionFactory&>(*this),
                                          options.master)} {}

SimulatedProcess::~SimulatedProcess() {
  if (!over_) bury();
  TIDEMARK_CHECK(pool_.size() == 0, "a job that is over left work in the background");
}

std::unique_ptr<Execution> SimulatedProcess::make(ExecutionListener& listener) {
  return std::make_unique<Attempt>(*this, listener);
}

bool SimulatedProcess::step() {
  if (over_ || stuck_ || env_.dead()) return false;
  const auto max_ns = static_cast<std::uint64_t>(env_.pace().max_step_ns);
  env_.clock().advance_ns(static_cast<std::int64_t>(env_.random().next() % max_ns));
  change_moods();
  if (env_.one_in(env_.pace().leap_one_in)) leap();
  if (!step_somebody() && !leap()) stuck_ = true;
  return !over_ && !stuck_ && !env_.dead();
}

std::size_t SimulatedProcess::tasks() const { return attempt_ != nullptr ? attempt_->tasks().size() : 0; }

Mood& SimulatedProcess::mood_of(std::size_t actor) {
  while (actor >= moods_.size()) moods_.push_back({draw_laziness(env_.random(), env_.pace().max_laziness), 0});
  return moods_[actor];
}

void SimulatedProcess::change_moods() {
  const Pace& pace = env_.pace();
  const std::uint64_t drawn = env_.random().next();
  if (drawn % kMoodLasts == 0) {
    mood_of(drawn / kMoodLasts % (1 + tasks())).laziness = draw_laziness(env_.random(), pace.max_laziness);
  }
  if (tasks() == 0 || !env_.one_in(pace.stall_one_in)) return;
  const std::size_t task = env_.random().next() % tasks();
  const auto ns = static_cast<std::int64_t>(env_.random().next() % static_cast<std::uint64_t>(pace.max_stall_ns));
  mood_of(1 + task).stalled_until_ns = env_.clock().steady_ns() + ns;
  env_.trace().note(mark(Event::kStall, task), [&] {
    return fmt::format("{} stands still for {} us", attempt_->name(attempt_->tasks()[task]->id()), ns / 1000);
  });
}

bool SimulatedProcess::acts_now(std::size_t actor) {
  const std::uint64_t laziness = actor > tasks() ? pool_.laziness(actor - 1 - tasks()) : mood_of(actor).laziness;
  return laziness <= 1 || env_.one_in(std::min(laziness, env_.pace().max_laziness));
}

// By lot first, where the lazy ones often pass; then whoever can. False if nobody can do anything.
bool SimulatedProcess::step_somebody() {
  for (std::size_t lots = actors(); lots > 0; --lots) {
    const std::size_t actor = env_.random().next() % actors();
    if (acts_now(actor) && step(actor)) return true;
  }
  const std::size_t count = actors();
  const std::size_t first = env_.random().next() % count;
  for (std::size_t i = 0; i < count; ++i) {
    if (step((first + i) % count)) return true;
  }
  return false;
}

bool SimulatedProcess::step(std::size_t actor) {
  master_stepped_ = actor == 0;
  if (actor == 0) return step_master();
  if (actor <= tasks()) return step_task(actor - 1);
  const std::size_t work = actor - 1 - tasks();
  return work < pool_.size() && step_work(work);
}

bool SimulatedProcess::step_master() {
  env_.trace().begin(mark(Event::kMaster), [] { return "master"; });
  const Progress progress = master_->step();
  over_ = progress == Progress::kDone;
  if (const JobState state = master_->status().state; state != told_state_) {
    told_state_ = state;
    env_.trace().note(mark(Event::kState, static_cast<std::uint64_t>(state)),
                      [&] { return fmt::format("  the job is {}", to_string(state)); });
  }
  env_.trace().end(progress != Progress::kBlocked);
  return progress != Progress::kBlocked;
}

bool SimulatedProcess::step_task(std::size_t index) {
  Task& task = *attempt_->tasks()[index];
  if (task.state() == Task::State::kEnded) return false;
  const bool stalls = mood_of(1 + index).stalled_until_ns > env_.clock().steady_ns();
  if (stalls && !env_.dead()) return false;
  env_.trace().begin(mark(Event::kTask, task.id()), [&] { return attempt_->name(task.id()); });
  const Progress progress = task.step();
  env_.trace().end(progress != Progress::kBlocked);
  return progress != Progress::kBlocked;
}

bool SimulatedProcess::step_work(std::size_t index) {
  if (!pool_.ready(index) && !env_.dead()) return false;
  env_.trace().begin(mark(Event::kWork, index), [&] { return fmt::format("background work {}", index); });
  pool_.step(index);
  env_.trace().end(true);
  return true;
}

bool SimulatedProcess::leap() {
  const auto deadline = next_deadline_ns();
  if (!deadline) return false;
  const std::int64_t ns = std::max<std::int64_t>(*deadline - env_.clock().steady_ns(), 0);
  env_.trace().note(mark(Event::kTimePasses, static_cast<std::uint64_t>(ns)),
                    [&] { return fmt::format("{} us pass", ns / 1000); });
  env_.clock().advance_ns(ns);
  return true;
}

std::optional<std::int64_t> SimulatedProcess::next_deadline_ns() const {
  std::optional<std::int64_t> result;
  const auto consider = [&](std::optional<std::int64_t> ns) {
    if (ns) result = std::min(result.value_or(*ns), *ns);
  };
  consider(master_->next_deadline_ns());
  consider(pool_.next_ready_ns());
  for (std::size_t i = 0; i < tasks(); ++i) {
    const bool stalls = i + 1 < moods_.size() && moods_[i + 1].stalled_until_ns > env_.clock().steady_ns();
    consider(stalls ? moods_[i + 1].stalled_until_ns : attempt_->tasks()[i]->next_deadline_ns());
  }
  return result;
}

void SimulatedProcess::bury() {
  env_.die(Death::kProcess);
  master_->request_cancel();
  for (int steps = 0; !over_; ++steps) {
    const bool progress = step_somebody() || leap();
    TIDEMARK_CHECK(progress && steps < kMaxStepsToBury, "a cancelled job does not end");
  }
}

}  // namespace tidemark

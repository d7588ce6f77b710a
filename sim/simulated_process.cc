#include "sim/simulated_process.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "tidemark/detail/base/check.h"
#include "worker/task_set.h"

namespace tidemark {
namespace {

constexpr std::int64_t kMaxStepNs = 200'000;
constexpr std::uint64_t kLeapOneIn = 512;
// Far above what any end takes; a job that needs more does not end.
constexpr int kMaxStepsToBury = 1'000'000;

}  // namespace

// The tasks of one attempt, known to the process as long as they live.
class SimulatedProcess::Attempt final : public Execution {
 public:
  Attempt(SimulatedProcess& process, ExecutionListener& listener)
      : process_{process},
        tasks_{process.env_.env(), process.mode_, process.job_.plan, process.job_.factories, listener,
               [](std::size_t) { return std::shared_ptr<EventCount>{}; }} {
    TIDEMARK_CHECK(process.attempt_ == nullptr, "one attempt at a time");
    process.attempt_ = this;
  }
  ~Attempt() override { process_.attempt_ = nullptr; }

  void start(AttemptStart start) override { tasks_.start(std::move(start)); }
  void trigger(const Barrier& barrier, const std::string& folder) override { tasks_.trigger(barrier, folder); }
  void notify_complete(CheckpointId id) override { tasks_.notify_complete(id); }
  void notify_aborted(CheckpointId id) override { tasks_.notify_aborted(id); }
  void finish() override { tasks_.finish(); }
  void cancel() override { tasks_.cancel(); }

  const std::vector<std::unique_ptr<Task>>& tasks() const { return tasks_.tasks(); }

 private:
  SimulatedProcess& process_;
  TaskSet tasks_;
};

Result<std::unique_ptr<SimulatedProcess>> SimulatedProcess::start(SimulatedEnv& env, SimulatedJob job,
                                                                 const ProcessOptions& options) {
  TIDEMARK_CHECK(!env.dead(), "a dead process starts nothing");
  const std::string& name = job.plan.logical.job;
  TIDEMARK_ASSIGN(store, CheckpointStore::open(env.files(), options.checkpoint_dir, name, options.resume));
  return std::unique_ptr<SimulatedProcess>{new SimulatedProcess{env, std::move(job), options, std::move(store)}};
}

SimulatedProcess::SimulatedProcess(SimulatedEnv& env, SimulatedJob job, const ProcessOptions& options,
                                   std::unique_ptr<CheckpointStore> store)
    : env_{env},
      job_{std::move(job)},
      mode_{options.master.checkpoints.mode},
      master_{std::make_unique<JobMaster>(env.env(), job_.plan, std::move(store), static_cast<ExecutionFactory&>(*this),
                                          options.master)} {
  for (std::uint64_t& steps : steps_to_act_) steps = std::uint64_t{1} << (env_.random().next() % 6);
}

SimulatedProcess::~SimulatedProcess() {
  if (!over_) bury();
  TIDEMARK_CHECK(env_.pool().size() == 0, "a job that is over left work in the background");
}

std::unique_ptr<Execution> SimulatedProcess::make(ExecutionListener& listener) {
  return std::make_unique<Attempt>(*this, listener);
}

bool SimulatedProcess::step() {
  if (over_ || stuck_ || env_.dead()) return false;
  env_.clock().advance_ns(static_cast<std::int64_t>(env_.random().next() % kMaxStepNs));
  if (env_.one_in(kLeapOneIn)) leap();
  if (!step_somebody() && !leap()) stuck_ = true;
  return !over_ && !stuck_ && !env_.dead();
}

std::vector<SimulatedProcess::Actor> SimulatedProcess::actors() const {
  std::vector<Actor> result{{Kind::kMaster, 0}};
  const std::size_t tasks = attempt_ != nullptr ? attempt_->tasks().size() : 0;
  for (std::size_t i = 0; i < tasks; ++i) result.push_back({Kind::kTask, i});
  for (std::size_t i = 0; i < env_.pool().size(); ++i) result.push_back({Kind::kWork, i});
  return result;
}

// In random order, the lazy ones last; false if nobody can do anything.
bool SimulatedProcess::step_somebody() {
  std::vector<Actor> order = actors();
  for (std::size_t i = order.size(); i > 1; --i) std::swap(order[i - 1], order[env_.random().next() % i]);
  const auto eager = [this](const Actor& actor) {
    return env_.one_in(steps_to_act_[static_cast<std::size_t>(actor.kind)]);
  };
  std::stable_partition(order.begin(), order.end(), eager);
  return std::ranges::any_of(order, [this](const Actor& actor) { return step(actor); });
}

bool SimulatedProcess::step(const Actor& actor) {
  switch (actor.kind) {
    case Kind::kMaster: return step_master();
    case Kind::kTask: return step_task(actor.index);
    case Kind::kWork: return step_work(actor.index);
  }
  return false;
}

bool SimulatedProcess::step_master() {
  env_.trace().note("master");
  const Progress progress = master_->step();
  over_ = progress == Progress::kDone;
  return progress != Progress::kBlocked;
}

bool SimulatedProcess::step_task(std::size_t index) {
  Task& task = *attempt_->tasks()[index];
  if (task.state() == Task::State::kEnded) return false;
  env_.trace().note(fmt::format("task {}.{}", task.id().vertex, task.id().subtask));
  return task.step() != Progress::kBlocked;
}

bool SimulatedProcess::step_work(std::size_t index) {
  env_.trace().note(fmt::format("work {}", index));
  env_.pool().step(index);
  return true;
}

bool SimulatedProcess::leap() {
  const auto deadline = next_deadline_ns();
  if (!deadline) return false;
  const std::int64_t ns = std::max<std::int64_t>(*deadline - env_.clock().steady_ns(), 0);
  env_.trace().note(fmt::format("{} ns pass", ns));
  env_.clock().advance_ns(ns);
  return true;
}

std::optional<std::int64_t> SimulatedProcess::next_deadline_ns() const {
  std::optional<std::int64_t> result = master_->next_deadline_ns();
  if (attempt_ == nullptr) return result;
  for (const auto& task : attempt_->tasks()) {
    if (const auto deadline = task->next_deadline_ns()) result = std::min(result.value_or(*deadline), *deadline);
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

#include "sim/simulated_worker.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "base/version.h"
#include "control/cluster_messages.h"
#include "graph/plan.h"
#include "tidemark/detail/base/check.h"
#include "worker/task_set.h"

namespace tidemark {
namespace {

// Far above what any end takes.
constexpr int kMaxStepsToBury = 1'000'000;
// Of restored state that is loaded behind: units from this size up to 128 times as much.
constexpr std::uint64_t kSmallestUnitBytes = 16;

std::uint64_t mark(TaskId task) { return detail::hash_bytes("task") + (std::uint64_t{task.vertex} << 8) + task.subtask; }

}  // namespace

// Its tasks, known to the process as long as they live. What the master tells them goes into the trace.
class SimulatedWorker::Attempt final : public ShareExecution {
 public:
  Attempt(SimulatedWorker& worker, TaskShare share, ExecutionListener& listener)
      : worker_{worker},
        tasks_{worker.env(), worker.programs_.program(worker.arguments_).mode, worker.job_.plan, worker.job_.factories, listener,
               [](std::size_t) { return std::shared_ptr<EventCount>{}; }, detail::Edge::kCapacity, std::move(share)} {
    worker_.attempt_ = this;
  }
  ~Attempt() override { worker_.attempt_ = nullptr; }

  void start(AttemptStart start) override {
    tell("attempt", start.attempt);
    worker_.programs_.note_attempt(worker_.arguments_, start.attempt);
    // Of the little state there is, so that some of it is yet to be loaded when something happens.
    if (start.lazy_restore.on) start.lazy_restore = {.from_bytes = 1, .unit_bytes = kSmallestUnitBytes << worker_.env_.random().next() % 8};
    tasks_.start(std::move(start));
  }
  void open() override { tasks_.open(); }
  void put_question(NodeId enumerator, const detail::SplitQuestion& question) override { tasks_.put_question(enumerator, question); }
  std::string folder_of(CheckpointId id) override { return tasks_.folder_of(id); }
  void set_folder(CheckpointId id, std::string folder) override { tasks_.set_folder(id, std::move(folder)); }
  std::vector<VertexMetrics> vertex_metrics() const override { return tasks_.vertex_metrics(); }
  std::vector<GroupWatermark> group_watermarks() const override { return tasks_.group_watermarks(); }
  void hear_group_watermarks(const std::vector<GroupWatermark>& others) override { tasks_.hear_group_watermarks(others); }
  void trigger(const Barrier& barrier, const std::string& folder) override {
    tell("checkpoint triggered:", barrier.id);
    if (worker_.arguments_.flaw == Flaw::kHangs) return;
    if (worker_.arguments_.flaw == Flaw::kCrashes) return worker_.end(Error{ErrorCode::kInternal, "it has a flaw"});
    tasks_.trigger(barrier, folder);
  }
  void notify_complete(CheckpointId id) override {
    tell("checkpoint complete:", id);
    tasks_.notify_complete(id);
  }
  void notify_aborted(CheckpointId id) override {
    tell("checkpoint aborted:", id);
    tasks_.notify_aborted(id);
  }
  void drain() override { tasks_.drain(); }
  void finish() override {
    tell("told to finish", 0);
    tasks_.finish();
  }
  void cancel() override {
    tell("told to cancel", 0);
    tasks_.cancel();
  }
  InputProgress input_progress() const override { return tasks_.input_progress(); }

  const std::vector<std::unique_ptr<Task>>& tasks() const { return tasks_.tasks(); }
  std::string name(TaskId task) const {
    return fmt::format("{}: {} ({}.{})", worker_.name(), worker_.job_.plan.vertices[task.vertex].name, task.vertex, task.subtask);
  }

 private:
  void tell(std::string_view what, std::uint64_t number) {
    worker_.env_.trace().note(detail::hash_bytes(what) + number, [&] { return fmt::format("  {}: {} {}", worker_.name(), what, number); });
  }

  SimulatedWorker& worker_;
  TaskSet tasks_;
};

SimulatedWorker::SimulatedWorker(SimulatedEnv& env, MemoryNetwork& network, const std::string& host, WorkerOrder order,
                                 SimulatedPrograms& programs, const ProgramArguments& arguments)
    : env_{env},
      host_{host},
      order_{std::move(order)},
      programs_{programs},
      arguments_{arguments},
      job_{programs.build(arguments)},
      stores_{env.make_stores(join_path(kSimulatedLocalDir, order_.token))},
      pool_{env.clock(), env.random(), env.pace()},
      transport_{network.join(host, {.name = order_.name, .library = std::string{library_version()}})} {
  if (!order_.copies_of.empty()) {
    copies_.emplace(env_.files(), order_.copies_of, env_.files(), order_.copies_in, LocalCopies::Remover::kAnother);
  }
  dial_ = transport_->connect(order_.master, control_connection(), mailbox_, [this](auto connected) {
    if (!connected) return end(connected.error().error);
    serve(*std::move(connected));
  });
}

SimulatedWorker::~SimulatedWorker() {
  const SimulatedEnv::Burial burial{env_};
  dial_.reset();
  listener_.reset();
  transport_.reset();
  if (attempt_ != nullptr) attempt_->cancel();
  for (int steps = 0; attempt_ != nullptr; ++steps) {
    TIDEMARK_CHECK(let_end() && steps < kMaxStepsToBury, "a killed worker's tasks end");
  }
}

// Whoever can do something does; false if nobody can.
bool SimulatedWorker::let_end() {
  bool progress = server_->step() != Progress::kBlocked;
  for (std::size_t i = 0; i < tasks(); ++i) progress = step_task(i) || progress;
  for (std::size_t i = pool_.size(); i > 0; --i) {
    if (i > pool_.size()) continue;
    pool_.step(i - 1);
    progress = true;
  }
  return progress;
}

Env SimulatedWorker::env() {
  Env result = env_.env(pool_);
  result.files = programs_.program(arguments_).files;
  if (copies_) result.storage = &*copies_;
  stores_->offer_to(result, arguments_.spilling);
  return result;
}

void SimulatedWorker::serve(std::unique_ptr<Connection> master) {
  server_ = std::make_unique<WorkerServer>(std::move(master), env_.clock(), *transport_, data_connection(),
                                           [this](TaskShare share, ExecutionListener& listener) {
                                             return std::make_unique<Attempt>(*this, std::move(share), listener);
                                           });
  auto listener = transport_->listen(fmt::format("{}:0", order_.data_host), {.connection = data_connection()}, mailbox_,
                                     {.on_connection = [this](std::unique_ptr<Connection> other) { server_->accept(std::move(other)); }});
  if (!listener) return end(listener.error());
  listener_ = *std::move(listener);
  server_->say_ready({.token = order_.token, .data_address = listener_->address(), .fingerprint = fingerprint(job_.plan.logical)});
}

void SimulatedWorker::end(std::optional<Error> error) {
  has_ended_ = true;
  error_ = std::move(error);
}

bool SimulatedWorker::step() {
  if (has_ended_) return false;
  bool progress = mailbox_.run_all();
  if (has_ended_ || server_ == nullptr) return progress;
  const Progress served = server_->step();
  if (served == Progress::kDone) {
    TIDEMARK_CHECK(attempt_ == nullptr && pool_.size() == 0, "a worker that has ended left work behind");
    end(std::nullopt);
  }
  return progress || served != Progress::kBlocked;
}

std::size_t SimulatedWorker::tasks() const { return attempt_ == nullptr ? 0 : attempt_->tasks().size(); }

bool SimulatedWorker::step_task(std::size_t index) {
  if (index >= tasks()) return false;
  Task& task = *attempt_->tasks()[index];
  if (task.state() == Task::State::kEnded) return false;
  env_.trace().begin(mark(task.id()), [&] { return attempt_->name(task.id()); });
  const Progress progress = task.step();
  env_.trace().end(progress != Progress::kBlocked);
  return progress != Progress::kBlocked;
}

bool SimulatedWorker::step_work(std::size_t index) {
  if (index >= pool_.size() || !pool_.ready(index)) return false;
  env_.trace().begin(detail::hash_bytes("work") + index, [&] { return fmt::format("{}: background work {}", name(), index); });
  pool_.step(index);
  env_.trace().end(true);
  return true;
}

std::optional<std::int64_t> SimulatedWorker::next_deadline_ns() const {
  std::optional<std::int64_t> result = pool_.next_ready_ns();
  const auto consider = [&](std::optional<std::int64_t> ns) {
    if (ns) result = std::min(result.value_or(*ns), *ns);
  };
  if (server_ != nullptr) consider(server_->next_deadline_ns());
  for (std::size_t i = 0; i < tasks(); ++i) consider(attempt_->tasks()[i]->next_deadline_ns());
  return result;
}

}  // namespace tidemark

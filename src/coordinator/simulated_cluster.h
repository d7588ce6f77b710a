// A JobManager among processes that are none, on one thread and one seed, for the tests of this room: TaskManagers and workers over a
// network in memory that speak the cluster's messages and run nothing. A worker acknowledges what it is asked for, at once.
#pragma once

#include <algorithm>
#include <array>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "control/cluster_messages.h"
#include "control/worker_vocabulary.h"
#include "coordinator/job_manager.h"
#include "coordinator/simulated_job.h"
#include "env/memory_network.h"
#include "env/posix_file_system.h"

namespace tidemark {

inline const std::string kJobManagerAddress = "jm:6123";

/// What every program says that it is: a job of two slots.
class SimulatedPlanner final : public JobPlanner {
 public:
  Result<JobDescription> plan(const std::string&, const std::string& name, const std::vector<std::string>& arguments) override {
    asked = arguments;
    if (refusal) return std::unexpected{*refusal};
    JobDescription description = next;
    if (description.plan.vertices.empty()) description.plan = counting_job();
    if (!job.empty()) description.plan.logical.job = job;
    description.library = name;
    description.fingerprint = fingerprint(counting_job().logical);  // as all workers say
    return description;
  }

  std::vector<std::string> asked;
  std::optional<Error> refusal;
  JobDescription next;
  std::string job;  // its name; empty: "count"
};

/// How processes misbehave.
struct Misbehaviour {
  bool worker_comes_late = false;   // until it is let come
  bool plans_otherwise = false;
  bool ignores_cancel = false;
  bool takes_no_long_start = false;
  // Jobs that were given this argument: their checkpoints, of workers that run already, too.
  std::shared_ptr<std::string> declines_with = std::make_shared<std::string>();
};

/// The process of a worker.
class SimulatedWorker {
 public:
  SimulatedWorker(MemoryNetwork& network, const std::string& host, const StartWorker& order, const Misbehaviour& how)
      : order_{order}, how_{how}, transport_{network.join(host, {.name = order.name, .library = "test"})} {
    if (!how.worker_comes_late) come();
  }

  void come() {
    ConnectionOptions options = control_connection();
    if (how_.takes_no_long_start) options.largest_frame = 50'000;
    dial_ = transport_->connect(kJobManagerAddress, options, mailbox_, [this](auto connection) {
      if (!connection) return end();
      line_ = std::make_unique<MessageLine>(std::move(*connection), words_to_job_managers(), words_to_workers(), mailbox_,
                                            MessageLine::Callbacks{.on_message = [this](const IncomingMessage& message) { return take(message); },
                                                                   .on_closed = [this](const Closed&) { end(); }});
      line_->send(MessageKind::kWorkerReady, {},
                  WorkerReady{.token = order_.token,
                              .data_address = std::string(how_.takes_no_long_start ? 60'000 : 0, 'x') + "host:" + std::to_string(order_.number),
                              .fingerprint = fingerprint(counting_job().logical) + (how_.plans_otherwise ? 1 : 0)});
    });
  }
  bool step() { return mailbox_.run_all(); }
  bool is_over() const { return is_over_; }
  void fail(const Error& error) { say(MessageKind::kTaskFailed, TaskFailureReport{{}, report_of(error)}); }
  void end_of_data() {
    for (const TaskId task : tasks()) say(MessageKind::kEndOfData, TaskReport{task});
  }

  std::optional<WorkerStart> started;
  bool is_open = false;
  std::vector<CheckpointId> completed;
  const StartWorker& order() const { return order_; }

 private:
  Result<> take(const IncomingMessage& message) {
    switch (message.kind()) {
      case MessageKind::kStartTasks:
        fence_ = message.fence();
        started = value_or_throw(message.value<WorkerStart>());
        if (!started->recovers_sinks) return {};
        say(MessageKind::kSinksAgreed, Nothing{});
        say(MessageKind::kSinksRecovered, Nothing{});
        return {};
      case MessageKind::kOpenTasks:
        is_open = true;
        say(MessageKind::kTasksRun, Nothing{});
        return {};
      case MessageKind::kTriggerCheckpoint: {
        const Barrier barrier = value_or_throw(message.value<TriggerCheckpoint>()).barrier;
        if (std::ranges::find(order_.arguments, *how_.declines_with) != order_.arguments.end()) {
          say(MessageKind::kCheckpointDeclined,
              CheckpointDeclined{tasks().front(), barrier.id, DeclineReason::kIo, report_of(Error{ErrorCode::kResourceExhausted, "the disk is full"})});
          return {};
        }
        for (const TaskId task : tasks()) say(MessageKind::kCheckpointAcknowledged, CheckpointAcknowledged{task, barrier.id, {}});
        return {};
      }
      case MessageKind::kCheckpointCompleted:
        completed.push_back(value_or_throw(message.value<CheckpointNumber>()).id);
        return {};
      case MessageKind::kCancelTasks:
        if (how_.ignores_cancel) return {};
        [[fallthrough]];
      case MessageKind::kFinishTasks:
        say(MessageKind::kTasksEnded, Nothing{});
        line_->close();
        return {};
      default:
        return {};
    }
  }
  // A slot is subtask i of every vertex.
  std::vector<TaskId> tasks() const {
    std::vector<TaskId> mine;
    for (const TaskId task : all_tasks(counting_job())) {
      if (started->worker_of_slot[task.subtask] == started->worker) mine.push_back(task);
    }
    return mine;
  }
  template <class Message>
  void say(MessageKind kind, const Message& message) {
    line_->send(kind, fence_, message);
  }
  void end() { is_over_ = true; }

  const StartWorker order_;
  const Misbehaviour how_;
  Mailbox mailbox_;
  std::unique_ptr<Transport> transport_;
  std::unique_ptr<Dial> dial_;
  std::unique_ptr<MessageLine> line_;
  Fence fence_;
  bool is_over_ = false;
};

/// The process of a TaskManager, and those of its workers.
class SimulatedTaskManager {
 public:
  SimulatedTaskManager(MemoryNetwork& network, std::string id, std::uint32_t slots) : network_{network}, id_{std::move(id)}, slots_{slots} { come(); }

  /// Anew, where it went.
  void come(std::uint64_t known_epoch = 0) {
    transport_ = network_.join(id_, {.name = "taskmanager " + id_, .library = "test"});
    dial_ = transport_->connect(kJobManagerAddress, control_connection(), mailbox_, [this, known_epoch](auto connection) {
      if (!connection) {
        is_gone = true;
        return;
      }
      line_ = std::make_unique<MessageLine>(std::move(*connection), words(words_to_job_managers()), words(words_to_task_managers()), mailbox_,
                                            MessageLine::Callbacks{.on_message = [this](const IncomingMessage& message) { return take(message); },
                                                                   .on_closed = [this](const Closed&) { is_gone = true; }});
      line_->send(MessageKind::kRegisterTaskManager, {.epoch = known_epoch},
                  RegisterTaskManager{.id = id_, .host = "host of " + id_, .data_host = id_, .slots = slots_});
    });
  }
  /// With all its workers, and the connections of all of them.
  void die() {
    workers.clear();
    line_.reset();
    dial_.reset();
    transport_.reset();
    mailbox_.run_all();
    is_registered = is_gone = false;
  }
  void kill(std::uint64_t worker, const std::string& reason) {
    workers.erase(worker);
    say_ended(worker, reason);
  }
  void kill_without_a_word(std::uint64_t worker) { workers.erase(worker); }
  void say_ended(std::uint64_t worker, const std::string& reason) {
    say(MessageKind::kWorkerEnded, WorkerEnded{.number = worker, .in_order = reason.empty(), .cause = report_of(Error{ErrorCode::kIo, reason})});
  }
  void ask_for(const std::string& hash, std::uint64_t offset) { say(MessageKind::kExecutableWanted, ExecutableWanted{hash, offset}); }
  template <class Message>
  void say(MessageKind kind, const Message& message) {
    line_->send(kind, fence_, message);
  }
  void use_epoch(std::uint64_t epoch) { fence_.epoch = epoch; }

  bool step() {
    bool progress = mailbox_.run_all();
    for (auto at = workers.begin(); at != workers.end();) {
      progress = at->second->step() || progress;
      if (!at->second->is_over()) {
        ++at;
        continue;
      }
      const std::uint64_t number = at->first;
      at = workers.erase(at);
      say_ended(number, "");
      progress = true;
    }
    return progress;
  }

  Misbehaviour how;
  bool is_registered = false;
  bool is_gone = false;  // its line
  std::string refusal;
  std::map<std::uint64_t, std::unique_ptr<SimulatedWorker>> workers;
  std::vector<StartWorker> started;
  std::vector<ExecutablePart> parts;
  std::vector<TaskManagerAsked> asked;
  bool is_older = false;  // of a version that could not be asked

 private:
  Vocabulary words(const Vocabulary& all) const {
    Vocabulary known;
    for (const auto& [kind, type] : all.types()) {
      const bool is_new = kind == MessageKind::kTaskManagerAsked || kind == MessageKind::kTaskManagerAnswered;
      if (!is_older || !is_new) known.add(kind, type);
    }
    return known;
  }
  Result<> take(const IncomingMessage& message) {
    switch (message.kind()) {
      case MessageKind::kTaskManagerRegistered:
        is_registered = true;
        fence_ = message.fence();
        return {};
      case MessageKind::kTaskManagerRefused:
        refusal = value_or_throw(message.value<TaskManagerRefused>()).cause.message;
        return {};
      case MessageKind::kStartWorker: {
        started.push_back(value_or_throw(message.value<StartWorker>()));
        workers.emplace(started.back().number, std::make_unique<SimulatedWorker>(network_, id_, started.back(), how));
        say(MessageKind::kWorkerStarted, WorkerNumber{started.back().number});
        return {};
      }
      case MessageKind::kStopWorker: {
        const std::uint64_t number = value_or_throw(message.value<WorkerNumber>()).number;
        if (workers.erase(number) == 1) say_ended(number, "ended by signal 15 (SIGTERM)");
        return {};
      }
      case MessageKind::kTaskManagerAsked:
        asked.push_back(value_or_throw(message.value<TaskManagerAsked>()));
        return {};
      case MessageKind::kExecutablePart:
        parts.push_back(value_or_throw(message.value<ExecutablePart>()));
        return {};
      default:
        return {};
    }
  }

  MemoryNetwork& network_;
  const std::string id_;
  const std::uint32_t slots_;
  Mailbox mailbox_;
  std::unique_ptr<Transport> transport_;
  std::unique_ptr<Dial> dial_;
  std::unique_ptr<MessageLine> line_;
  Fence fence_;
};

class SimulatedCluster {
 public:
  explicit SimulatedCluster(std::uint64_t seed) : world{seed} {}

  void start_manager() {
    transport_ = network.join("jm", {.name = "jobmanager", .library = "test"});
    manager = value_or_throw(JobManager::open(world.env(), world.random, *transport_, settings, planner));
  }
  /// As kill -9 does it.
  void kill_manager() {
    manager.reset();
    transport_.reset();
    world.pool.lose_all();
  }
  SimulatedTaskManager& add_task_manager(const std::string& id, std::uint32_t slots) {
    return *task_managers.emplace_back(std::make_unique<SimulatedTaskManager>(network, id, slots));
  }
  /// The hash of a program that was uploaded.
  std::string upload(const std::string& content = "") {
    const auto self = value_or_throw(posix_file_system().open("/proc/self/exe"));
    std::array<char, 64> head;
    value_or_throw(self->read(0, head));
    auto upload = value_or_throw(manager->executables().begin("orders"));
    value_or_throw(upload.append(std::string_view{head.data(), head.size()}));
    value_or_throw(upload.append(content));
    return value_or_throw(upload.finish()).hash;
  }
  Result<std::string> run(RunOrder order = {}) {
    if (order.executable.empty()) order.executable = upload();
    std::optional<Result<std::string>> answer;
    manager->run(std::move(order), [&](Result<std::string> job) { answer = std::move(job); });
    TIDEMARK_CHECK(run_until([&] { return answer.has_value(); }), "a submission is answered");
    return *answer;
  }
  std::string state_of(const std::string& job) { return std::string{manager->job(job)->glance.state}; }
  bool comes_to(const std::string& job, const std::string& state) {
    return run_until([&] { return state_of(job) == state; });
  }
  /// Every subtask of the attempt that runs has been opened.
  bool runs(const std::string& job) { return comes_to(job, "RUNNING"); }

  /// False if it never holds, or not within an hour. The clock stops at `look_at_ns` on its way.
  template <class Holds>
  bool run_until(Holds&& holds, std::int64_t look_at_ns = std::numeric_limits<std::int64_t>::max()) {
    const std::int64_t give_up_ns = world.clock.steady_ns() + 3'600'000 * kMs;
    while (!holds()) {
      if (step()) continue;
      std::optional<std::int64_t> next = network.next_due_ns();
      if (manager != nullptr) {
        if (const auto deadline = manager->next_deadline_ns()) next = std::min(next.value_or(*deadline), *deadline);
      }
      if (!next || world.clock.steady_ns() > give_up_ns) return false;
      world.clock.advance_ns(std::max<std::int64_t>(std::min(*next, look_at_ns) - world.clock.steady_ns(), 0));
    }
    return true;
  }
  void run_for_ms(std::int64_t ms) {
    const std::int64_t until_ns = world.clock.steady_ns() + ms * kMs;
    run_until([&] { return world.clock.steady_ns() >= until_ns; }, until_ns);
  }

  World world;
  MemoryNetwork network{world.clock, world.random};
  std::shared_ptr<SimulatedPlanner> planner = std::make_shared<SimulatedPlanner>();
  JobManagerSettings settings = {.folder = "/jm", .address = kJobManagerAddress};
  std::vector<std::unique_ptr<SimulatedTaskManager>> task_managers;

 private:
  std::unique_ptr<Transport> transport_;

 public:
  std::unique_ptr<JobManager> manager;

 private:
  // Of somebody who can, chosen by the seed.
  bool step() {
    const std::size_t actors = 3 + task_managers.size();
    const std::size_t first = world.random.next() % actors;
    for (std::size_t i = 0; i < actors; ++i) {
      if (step((first + i) % actors)) return true;
    }
    return false;
  }
  bool step(std::size_t actor) {
    if (actor == 0) return network.step();
    if (actor == 1) return world.pool.step(world.random);
    if (actor == 2) return manager != nullptr && manager->step() == Progress::kMadeProgress;
    return task_managers[actor - 3]->step();
  }
};

}  // namespace tidemark

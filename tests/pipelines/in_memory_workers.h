// Several workers that share a job's tasks, in one process and on one thread: each with its own copy of the job, as the same
// executable would make it in another process, joined to each other and to the job's master by a network in memory.
//
// One thread. The world outlives it.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "api/job_access.h"
#include "base/mailbox.h"
#include "coordinator/cluster_execution.h"
#include "control/cluster_messages.h"
#include "control/remote_worker.h"
#include "env/memory_network.h"
#include "stepped_tasks.h"
#include "testing/test_world.h"
#include "tidemark/tidemark.h"
#include "worker/worker_server.h"

namespace tidemark {

/// A job as one process makes it.
struct InMemoryProgram {
  InMemoryProgram(const std::function<void(Job&)>& build, const std::string& name, std::uint32_t parallelism, std::uint32_t max_parallelism)
      : job{name, 1, argv} {
    build(job);
    const detail::JobBuilder& builder = detail::JobAccess::builder(job);
    if (builder.complaint()) throw *builder.complaint();
    LogicalPlan logical = builder.plan();
    logical.job = name;
    logical.parallelism = parallelism;
    logical.max_parallelism = max_parallelism;
    plan = value_or_throw(make_physical_plan(std::move(logical)));
    factories = builder.factories();
  }

  const char* argv[1] = {"program"};
  Job job;
  PhysicalPlan plan;
  detail::JobFactories factories;
};

class InMemoryWorkers {
 public:
  using MakeProgram = std::function<std::unique_ptr<InMemoryProgram>()>;

  InMemoryWorkers(TestWorld& world, std::uint32_t workers, std::uint32_t slots, const MakeProgram& make_program) : world_{world} {
    for (std::uint32_t i = 0; i < workers; ++i) {
      const std::string host = "host-" + std::to_string(i);
      places_.data_addresses.push_back(host + ":9000");
      sites_.push_back(std::make_unique<Site>(world_, network_.join(host, {.name = host, .library = "test"}), make_program(), host));
    }
    for (std::uint32_t slot = 0; slot < slots; ++slot) places_.worker_of_slot.push_back(slot % workers);
  }

  std::unique_ptr<Execution> make(ExecutionListener& listener) {
    return std::make_unique<ClusterExecution>(
        places_,
        [this](std::uint32_t worker, WorkerListener& told) { return std::make_unique<RemoteWorker>(dial(worker), kEpoch, told); },
        listener);
  }

  std::uint64_t records_in() const {
    std::uint64_t sum = 0;
    for (const auto& site : sites_) sum += site->tasks == nullptr ? 0 : site->tasks->metrics().records_in;
    return sum;
  }
  /// Of all, each telling of its own subtasks.
  std::vector<VertexMetrics> vertex_metrics() const {
    std::vector<VertexMetrics> all;
    for (const auto& site : sites_) {
      if (site->tasks != nullptr) put_in(site->tasks->vertex_metrics(), all);
    }
    return all;
  }
  /// What the master says comes to that worker so much later, at most.
  void delay_master(std::uint32_t worker, std::int64_t most_ns) { network_.set_delay("master", "host-" + std::to_string(worker), most_ns); }
  /// Their connections break.
  void reset(std::uint32_t a, std::uint32_t b) { network_.reset("host-" + std::to_string(a), "host-" + std::to_string(b)); }

  /// Whoever can be stepped.
  std::size_t actors() const {
    std::size_t result = 2;
    for (const auto& site : sites_) result += 1 + (site->tasks == nullptr ? 0 : site->tasks->tasks().size());
    return result;
  }
  bool step(std::size_t actor) {
    if (actor == 0) return network_.step();
    if (actor == 1) return mailbox_.run_all();
    actor -= 2;
    for (const auto& site : sites_) {
      if (actor == 0) return step(*site);
      --actor;
      const std::size_t tasks = site->tasks == nullptr ? 0 : site->tasks->tasks().size();
      if (actor < tasks) {
        Task& task = *site->tasks->tasks()[actor];
        return task.state() != Task::State::kEnded && task.step() != Progress::kBlocked;
      }
      actor -= tasks;
    }
    return false;
  }
  std::optional<std::int64_t> next_deadline_ns() const {
    std::optional<std::int64_t> earliest = network_.next_due_ns();
    const auto consider = [&](std::optional<std::int64_t> deadline) {
      if (deadline) earliest = std::min(earliest.value_or(*deadline), *deadline);
    };
    for (const auto& site : sites_) {
      if (site->server != nullptr) consider(site->server->next_deadline_ns());
      if (site->tasks == nullptr) continue;
      for (const auto& task : site->tasks->tasks()) consider(task->next_deadline_ns());
    }
    return earliest;
  }

 private:
  /// A process of a worker.
  struct Site {
    Site(TestWorld& in, std::unique_ptr<Transport> of, std::unique_ptr<InMemoryProgram> runs, const std::string& host)
        : world{in}, transport{std::move(of)}, program{std::move(runs)} {
      data = value_or_throw(transport->listen(host + ":9000", {}, mailbox, {.on_connection = [this](std::unique_ptr<Connection> connection) {
                                                if (server != nullptr) server->accept(std::move(connection));
                                              }}));
      control = value_or_throw(transport->listen(host + ":9001", {}, mailbox, {.on_connection = [this](std::unique_ptr<Connection> master) {
                                                   server = std::make_unique<WorkerServer>(std::move(master), world.clock, *transport, ConnectionOptions{}, maker());
                                                   server->say_ready({});
                                                 }}));
    }
    LocalWorker::MakeExecution maker() {
      return [this](TaskShare share, ExecutionListener& listener) {
        return std::make_unique<SteppedTasks>(world.env(), program->plan, program->factories, listener, tasks, std::move(share));
      };
    }

    TestWorld& world;
    Mailbox mailbox;
    std::unique_ptr<Transport> transport;
    std::unique_ptr<InMemoryProgram> program;
    std::unique_ptr<Listener> data;
    std::unique_ptr<Listener> control;
    std::unique_ptr<WorkerServer> server;  // of this attempt, until it is done
    TaskSet* tasks = nullptr;
  };

  // As a worker's process would be there, and ready, before its tasks are started.
  std::unique_ptr<MessageLine> dial(std::uint32_t worker) {
    std::unique_ptr<MessageLine> line;
    bool is_ready = false;
    Site& site = *sites_[worker];
    const auto attempt = master_->connect("host-" + std::to_string(worker) + ":9001", {}, mailbox_, [&](auto connected) {
      TIDEMARK_CHECK(connected.has_value(), "nothing is in the way");
      line = std::make_unique<MessageLine>(std::move(*connected), words_of_job_managers(), words_to_job_managers(), mailbox_,
                                           MessageLine::Callbacks{.on_message =
                                                                      [&](const IncomingMessage& message) -> Result<> {
                                                                        is_ready = message.kind() == MessageKind::kWorkerReady;
                                                                        return {};
                                                                      },
                                                                  .on_closed = [](const Closed&) {}});
    });
    while (!is_ready) {
      mailbox_.run_all();
      site.mailbox.run_all();
      if (site.server != nullptr) site.server->step();
      if (!network_.step()) world_.clock.leap_to_ns(network_.next_due_ns().value_or(0));
    }
    return line;
  }

  bool step(Site& site) {
    if (site.mailbox.run_all()) return true;
    if (site.server == nullptr) return false;
    const Progress progress = site.server->step();
    if (progress == Progress::kDone) site.server.reset();
    return progress != Progress::kBlocked;
  }

  static constexpr std::uint64_t kEpoch = 1;

  TestWorld& world_;
  MemoryNetwork network_{world_.clock, world_.random};
  Mailbox mailbox_;  // of the master's side
  std::unique_ptr<Transport> master_ = network_.join("master", {.name = "master", .library = "test"});
  WorkerPlaces places_;
  std::vector<std::unique_ptr<Site>> sites_;
};

}  // namespace tidemark

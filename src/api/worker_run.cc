#include "api/worker_run.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <optional>
#include <string>
#include <system_error>
#include <utility>

#include "base/log.h"
#include "base/mailbox.h"
#include "base/version.h"
#include "control/cluster_messages.h"
#include "control/http_answer.h"
#include "control/job_metrics.h"
#include "control/process_report.h"
#include "coordinator/master_options.h"
#include "env/allocator.h"
#include "env/asio_transport.h"
#include "env/network_address.h"
#include "tidemark/detail/state/state_memory.h"
#include "worker/threaded_execution.h"
#include "worker/worker_server.h"

namespace tidemark {
namespace {

/// The connection to the JobManager; waits for it.
Result<std::unique_ptr<Connection>> connect_to_master(Transport& transport, const WorkerOrder& order) {
  EventCount wakeup;
  Mailbox mailbox{&wakeup};
  std::optional<Result<std::unique_ptr<Connection>>> outcome;
  const auto dial = transport.connect(order.master, control_connection(order.tls, order.heartbeat), mailbox, [&](auto connected) {
    if (connected) {
      outcome.emplace(*std::move(connected));
    } else {
      outcome.emplace(std::unexpected{connected.error().error});
    }
  });
  while (!outcome) {
    wakeup.park([&] { return mailbox.has_mail(); });
    mailbox.run_all();
  }
  return *std::move(outcome);
}

/// Does what its master says, to the end.
void serve(WorkerServer& server, Mailbox& connections, const Clock& clock) {
  const auto has_work = [&] { return connections.has_mail() || server.has_work(); };
  for (;;) {
    const bool had_connections = connections.run_all();
    const Progress progress = server.step();
    if (progress == Progress::kDone) return;
    if (had_connections || progress == Progress::kMadeProgress) continue;
    if (const auto deadline_ns = server.next_deadline_ns()) {
      server.wakeup().park(has_work, std::chrono::nanoseconds{std::max<std::int64_t>(*deadline_ns - clock.steady_ns(), 0)});
    } else {
      server.wakeup().park(has_work);
    }
  }
}

/// What the process tells of itself.
std::vector<MetricGroup> metrics_of(const WorkerOrder& order, const std::string& job, const Env& env, const WorkerServer& server) {
  const std::vector<MetricLabel> process{{"tm_id", order.task_manager}, {"host", order.host}};
  const WorkerServer::Told told = server.last_metrics();
  const TasksOf whose{.job_id = order.job_id, .job_name = job, .attempt = told.attempt, .process = process};
  std::vector<MetricGroup> groups = metric_groups_of(whose, told.vertices, env.clock->wall_ms());
  std::vector<MetricLabel> labels = process;
  labels.push_back({"process", order.name});
  const StateMemoryUse state{.bytes = env.state_memory->held_bytes(), .budget_bytes = env.state_memory->budget_bytes()};
  groups.push_back({.scope = "taskmanager", .labels = std::move(labels), .metrics = metrics_of_this_process(*env.files, state)});
  return groups;
}

/// Null: it can't be asked, and runs all the same.
std::unique_ptr<HttpServer> serve_at(const std::string& socket, const ProcessEndpoints& endpoints) try {
  if (socket.empty()) return nullptr;
  const std::string folder = parent_path(socket);
  auto name = UnixSocketName::in(folder, socket.substr(folder.size() + 1));
  auto server = name ? HttpServer::start(*std::move(name),
                                         [&endpoints](const HttpRequest& request) {
                                           return endpoints.handle(request).value_or(refuse(404, "there is nothing at " + request.path));
                                         })
                     : std::unexpected{name.error()};
  if (server) return *std::move(server);
  log_warning(fmt::format("nobody can ask this worker how it is: {}", server.error().message()));
  return nullptr;
} catch (const std::system_error& error) {  // the system gives no thread
  log_warning(fmt::format("nobody can ask this worker how it is: {}", error.what()));
  return nullptr;
}

std::size_t number_of_tasks(const PhysicalPlan& plan) {
  std::size_t tasks = 0;
  for (const PhysicalVertex& vertex : plan.vertices) tasks += vertex.parallelism;
  return tasks;
}

}  // namespace

Result<> run_worker(const WorkerOrder& order, Options options, const PhysicalPlan& plan, const detail::JobFactories& factories,
                    const UserParts& parts) {
  keep_freed_memory();
  set_log_origin(order.name);
  if (options.state_memory == 0) options.state_memory = static_cast<std::int64_t>(order.memory_bytes);
  if (options.worker_threads == 0) options.worker_threads = static_cast<int>(order.threads);
  options.checkpointing.local_backup = !order.copies_of.empty();
  if (options.checkpointing.local_backup_dir.empty()) options.checkpointing.local_backup_dir = order.copies_in;
  TIDEMARK_ASSIGN(environment, JobEnvironment::make(options, order.copies_of, parts, JobEnvironment::Extent::kShare));
  const Env& env = environment->env();
  TIDEMARK_ASSIGN(threads, make_task_threads(options, *env.files));
  const std::size_t cores = std::max(1u, std::thread::hardware_concurrency());
  const std::size_t most_threads = std::min(threads.count != 0 ? threads.count : cores, number_of_tasks(plan));
  const CheckpointMode mode = master_options(options).checkpoints.mode;

  const auto transport = make_asio_transport({.name = order.name, .library = std::string{library_version()}});
  TIDEMARK_ASSIGN(master, connect_to_master(*transport, order));
  const auto make_execution = [&](TaskShare share, ExecutionListener& listener) {
    return std::make_unique<ThreadedExecution>(env, mode, plan, factories, listener, most_threads, threads.make, [] {}, std::move(share));
  };
  WorkerServer server{std::move(master), *env.clock, *transport, data_connection(order.tls, order.heartbeat), make_execution};
  const ProcessEndpoints endpoints{*env.files, [&] { return metrics_of(order, plan.logical.job, env, server); }};
  const std::unique_ptr<HttpServer> asked = serve_at(order.socket, endpoints);
  Mailbox connections{&server.wakeup()};
  TIDEMARK_ASSIGN(listener, transport->listen(to_string(NetworkAddress{.host = order.data_host}), {.connection = data_connection(order.tls, order.heartbeat)}, connections,
                                              {.on_connection = [&](std::unique_ptr<Connection> other) { server.accept(std::move(other)); },
                                               .on_refused = [](const Closed& closed) { log_warning(closed.error.message()); }}));
  server.say_ready({.token = order.token,
                    .data_address = listener->address(),
                    .fingerprint = fingerprint(plan.logical)});
  serve(server, connections, *env.clock);
  return {};
}

}  // namespace tidemark

#include "api/control_socket.h"

#include <fmt/format.h>

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <stop_token>
#include <system_error>
#include <thread>
#include <utility>

#include "base/log.h"
#include "base/thread_name.h"
#include "control/control_folder.h"
#include "control/job_metrics.h"
#include "coordinator/job_glance.h"
#include "env/file_urls.h"
#include "env/local_host.h"
#include "tidemark/detail/state/state_memory.h"

namespace tidemark {
namespace {

// Callers ask every few hundredths of a second.
constexpr auto kLongestLinger = std::chrono::seconds{2};
constexpr auto kLingerStep = std::chrono::milliseconds{5};
constexpr auto kSampleEvery = std::chrono::seconds{1};

}  // namespace

class ControlSocket::Control final : public JobControl {
 public:
  Control(std::string job, JobMaster& master, const Env& env, Paths paths, std::function<std::vector<VertexMetrics>()> vertices)
      : job_{std::move(job)}, master_{master}, env_{env}, paths_{paths}, vertices_{std::move(vertices)}, start_ms_{env.clock->wall_ms()} {}

  void take_snapshot(SnapshotOrder order, SnapshotAnswer answer) override {
    if (paths_ == Paths::kOfThisMachine) order.dir = without_file_scheme(order.dir);
    master_.request_snapshot(std::move(order), std::move(answer));
  }
  void cancel() override { master_.request_cancel(); }
  JobGlance glance() const override { return glance_at({.id = job_, .name = job_}, master_, start_ms_, env_.clock->wall_ms(), vertices()); }
  /// With their rates. Each call is a look at how far they have come.
  std::vector<VertexMetrics> vertices() const {
    std::vector<VertexMetrics> vertices = vertices_();
    const std::lock_guard guard{mutex_};
    if (const std::uint32_t restarts = master_.status().restarts; std::exchange(restarts_, restarts) != restarts) rates_ = {};
    rates_.fill_in(vertices);
    return vertices;
  }
  /// Of the job, its tasks, and the process that runs them.
  std::vector<MetricGroup> metrics() const {
    const JobGlance job = glance();
    const std::vector<MetricLabel> process{{"host", host_name()}};
    auto groups = metric_groups_of({.job_id = job.id, .job_name = job.name, .attempt = job.restarts, .process = process}, job.vertices, job.now_ms);
    groups.push_back(metric_group_of(job));
    const StateMemoryUse state{.bytes = env_.state_memory->held_bytes(), .budget_bytes = env_.state_memory->budget_bytes()};
    groups.push_back({.scope = "taskmanager",
                      .labels = {process.front(), {"process", job_}},
                      .metrics = metrics_of_this_process(*env_.files, state)});
    return groups;
  }
  std::vector<CheckpointReport> checkpoints() const override { return master_.checkpoints(); }

 private:
  const std::string job_;
  JobMaster& master_;
  const Env& env_;
  const Paths paths_;
  const std::function<std::vector<VertexMetrics>()> vertices_;
  const std::int64_t start_ms_;
  mutable std::mutex mutex_;
  // Guarded by mutex_.
  mutable MetricRates rates_;
  mutable std::uint32_t restarts_ = 0;  // of which they are
};

ControlSocket::ControlSocket(const Listens& where, std::string job, JobMaster& master, const Env& env, Paths paths,
                             std::function<std::vector<VertexMetrics>()> vertices)
    : control_{std::make_unique<Control>(std::move(job), master, env, paths, std::move(vertices))},
      endpoints_{*control_},
      process_{*env.files, [this] { return control_->metrics(); }} {
  if (!where.folder.empty()) listen(where.folder);
  if (where.metrics) serve_metrics(*where.metrics);
  if (server_ != nullptr || metrics_ != nullptr) sample_rates();
}

void ControlSocket::listen(const std::string& folder) {
  auto name = UnixSocketName::in(folder, kControlSocket);
  auto server = name ? HttpServer::start(*std::move(name),
                                         [this](const HttpRequest& request) { return handle(request); })
                     : std::unexpected{name.error()};
  if (server) {
    server_ = *std::move(server);
  } else {
    log_warning(fmt::format("the job can't be reached by the command tidemark: {}", server.error().message()));
  }
}

void ControlSocket::serve_metrics(const NetworkAddress& address) {
  auto service = tidemark::serve_metrics(address, [this] { return answer_prometheus(control_->metrics()); });
  if (!service) return log_warning(fmt::format("the job's metrics can't be had: {}", service.error().message()));
  metrics_ = *std::move(service);
  log_info(fmt::format("metrics at http://{}/metrics", to_string(metrics_->address())));
}

void ControlSocket::sample_rates() try {
  sampler_ = std::jthread{[this](const std::stop_token& over) {
    name_this_thread("rates");
    std::mutex mutex;
    std::condition_variable_any wakeup;
    std::unique_lock lock{mutex};
    while (!wakeup.wait_for(lock, over, kSampleEvery, [&] { return over.stop_requested(); })) control_->vertices();
  }};
} catch (const std::system_error& error) {  // the system gives no thread
  log_warning(fmt::format("the job's rates are of the time between two questions: {}", error.what()));
}

ControlSocket::~ControlSocket() = default;

HttpResponse ControlSocket::handle(const HttpRequest& request) {
  auto answer = process_.handle(request);
  return answer ? *std::move(answer) : endpoints_.handle(request);
}

void ControlSocket::linger() const {
  const auto until = std::chrono::steady_clock::now() + kLongestLinger;
  while (!endpoints_.all_outcomes_fetched() && std::chrono::steady_clock::now() < until) {
    std::this_thread::sleep_for(kLingerStep);
  }
}

}  // namespace tidemark

#include "api/control_socket.h"

#include <fmt/format.h>

#include <chrono>
#include <thread>
#include <utility>

#include "base/log.h"
#include "control/control_folder.h"
#include "coordinator/job_glance.h"
#include "env/file_urls.h"

namespace tidemark {
namespace {

// Callers ask every few hundredths of a second.
constexpr auto kLongestLinger = std::chrono::seconds{2};
constexpr auto kLingerStep = std::chrono::milliseconds{5};

}  // namespace

class ControlSocket::Control final : public JobControl {
 public:
  Control(std::string job, JobMaster& master, const Clock& clock, Paths paths, std::function<std::vector<VertexMetrics>()> vertices)
      : job_{std::move(job)}, master_{master}, clock_{clock}, paths_{paths}, vertices_{std::move(vertices)}, start_ms_{clock.wall_ms()} {}

  void take_snapshot(SnapshotOrder order, SnapshotAnswer answer) override {
    if (paths_ == Paths::kOfThisMachine) order.dir = without_file_scheme(order.dir);
    master_.request_snapshot(std::move(order), std::move(answer));
  }
  void cancel() override { master_.request_cancel(); }
  JobGlance glance() const override {
    return glance_at({.id = job_, .name = job_}, master_, start_ms_, clock_.wall_ms(), vertices_());
  }
  std::vector<CheckpointReport> checkpoints() const override { return master_.checkpoints(); }

 private:
  const std::string job_;
  JobMaster& master_;
  const Clock& clock_;
  const Paths paths_;
  const std::function<std::vector<VertexMetrics>()> vertices_;
  const std::int64_t start_ms_;
};

ControlSocket::ControlSocket(const std::string& folder, std::string job, JobMaster& master, const Clock& clock, Paths paths,
                             std::function<std::vector<VertexMetrics>()> vertices)
    : control_{std::make_unique<Control>(std::move(job), master, clock, paths, std::move(vertices))}, endpoints_{*control_} {
  auto name = UnixSocketName::in(folder, kControlSocket);
  auto server = name ? HttpServer::start(*std::move(name),
                                         [this](const HttpRequest& request) { return endpoints_.handle(request); })
                     : std::unexpected{name.error()};
  if (server) {
    server_ = *std::move(server);
  } else {
    log_warning(fmt::format("the job can't be reached by the command tidemark: {}", server.error().message()));
  }
}

ControlSocket::~ControlSocket() = default;

void ControlSocket::linger() const {
  const auto until = std::chrono::steady_clock::now() + kLongestLinger;
  while (!endpoints_.all_outcomes_fetched() && std::chrono::steady_clock::now() < until) {
    std::this_thread::sleep_for(kLingerStep);
  }
}

}  // namespace tidemark

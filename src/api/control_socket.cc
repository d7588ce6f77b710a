#include "api/control_socket.h"

#include <fmt/format.h>

#include <chrono>
#include <thread>
#include <utility>

#include "base/log.h"

namespace tidemark {
namespace {

// Callers ask every few hundredths of a second.
constexpr auto kLongestLinger = std::chrono::seconds{2};
constexpr auto kLingerStep = std::chrono::milliseconds{5};

std::string_view in_flinks_words(JobState state) {
  switch (state) {
    case JobState::kInitializing:
    case JobState::kStarting:
      return "INITIALIZING";
    case JobState::kRunning:
    case JobState::kStopping:
    case JobState::kFinishing:
      return "RUNNING";
    case JobState::kFailing:
      return "FAILING";
    case JobState::kRestarting:
      return "RESTARTING";
    case JobState::kCancelling:
      return "CANCELLING";
    case JobState::kFinished:
    case JobState::kStopped:
      return "FINISHED";
    case JobState::kFailed:
      return "FAILED";
    case JobState::kCancelled:
      return "CANCELED";
  }
  return "RUNNING";
}

std::optional<CheckpointGlance> glance_at(const std::optional<CheckpointStats::Completed>& checkpoint) {
  if (!checkpoint) return std::nullopt;
  return CheckpointGlance{.id = checkpoint->id,
                          .is_savepoint = is_savepoint(checkpoint->kind),
                          .written_bytes = checkpoint->bytes,
                          .state_bytes = checkpoint->state_bytes,
                          .duration_ms = checkpoint->duration_ms,
                          .completed_ms = checkpoint->completed_wall_ms,
                          .path = checkpoint->path};
}

}  // namespace

class ControlSocket::Control final : public JobControl {
 public:
  Control(std::string job, JobMaster& master, const Clock& clock, std::function<std::vector<VertexMetrics>()> vertices)
      : job_{std::move(job)}, master_{master}, clock_{clock}, vertices_{std::move(vertices)}, start_ms_{clock.wall_ms()} {}

  void take_snapshot(SnapshotOrder order, SnapshotAnswer answer) override {
    master_.request_snapshot(std::move(order), std::move(answer));
  }
  void cancel() override { master_.request_cancel(); }
  JobGlance glance() const override {
    const CheckpointStats checkpoints = master_.checkpoint_stats();
    const JobStatus status = master_.status();
    return {.id = job_,
            .name = job_,
            .state = in_flinks_words(status.state),
            .start_ms = start_ms_,
            .now_ms = clock_.wall_ms(),
            .restarts = status.restarts,
            .completed_checkpoints = checkpoints.completed,
            .failed_checkpoints = checkpoints.failed,
            .checkpoints_in_progress = checkpoints.in_progress,
            .newest_checkpoint = glance_at(checkpoints.last_completed),
            .vertices = vertices_()};
  }

 private:
  const std::string job_;
  JobMaster& master_;
  const Clock& clock_;
  const std::function<std::vector<VertexMetrics>()> vertices_;
  const std::int64_t start_ms_;
};

ControlSocket::ControlSocket(const std::string& folder, std::string job, JobMaster& master, const Clock& clock,
                             std::function<std::vector<VertexMetrics>()> vertices)
    : control_{std::make_unique<Control>(std::move(job), master, clock, std::move(vertices))}, endpoints_{*control_} {
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

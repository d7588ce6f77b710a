#include "cli/daemon.h"

#include <fmt/format.h>

#include <chrono>
#include <thread>

#include "env/asio_transport.h"

namespace tidemark {

Result<ClusterOptions> read_config(FileSystem& files, const std::string& path) {
  if (path.empty()) return ClusterOptions{};
  TIDEMARK_ASSIGN(text, read_file(files, path));
  TIDEMARK_ASSIGN(options, read_cluster_options(text, path));
  for (std::string* const file : {&options.internal_tls.certificate, &options.internal_tls.key, &options.internal_tls.authority,
                                  &options.rest_tls.certificate, &options.rest_tls.key}) {
    if (!file->empty()) *file = files.absolute_path(*file);  // workers read them in folders of their own
  }
  return options;
}

Result<std::optional<Tls>> internal_tls(const ClusterOptions& options) {
  const ClusterOptions::Tls& from = options.internal_tls;
  if (!from.is_set()) return std::nullopt;
  const Tls tls{.certificate = from.certificate, .key = from.key, .authority = from.authority, .peer_name = from.peer_name};
  TIDEMARK_TRY(check_tls(tls));
  return tls;
}

Result<Heartbeat> heartbeat_of(const ClusterOptions& options) {
  Heartbeat heartbeat;
  if (options.heartbeat.interval > Duration{0}) heartbeat.interval_ms = options.heartbeat.interval.count();
  if (options.heartbeat.timeout > Duration{0}) heartbeat.timeout_ms = options.heartbeat.timeout.count();
  if (heartbeat.timeout_ms < 2 * heartbeat.interval_ms) {
    return fail(ErrorCode::kInvalidArgument, fmt::format("heartbeat.timeout is {} ms, and heartbeat.interval {} ms: it must be two of them at least",
                                                         heartbeat.timeout_ms, heartbeat.interval_ms));
  }
  return heartbeat;
}

void wait_for(const StopSignals& signals) {
  constexpr std::chrono::milliseconds kLookForSignals{50};
  while (signals.count() == 0) std::this_thread::sleep_for(kLookForSignals);
}

}  // namespace tidemark

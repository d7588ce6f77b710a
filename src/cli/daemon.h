// What a cluster's long-running commands and those that talk to them share.
#pragma once

#include <optional>
#include <string>

#include "api/stop_signals.h"
#include "base/result.h"
#include "config/cluster_options.h"
#include "control/worker_order.h"
#include "env/file_system.h"
#include "env/transport.h"

namespace tidemark {

/// Of the environment: what REST asks its callers for.
constexpr const char* kTokenVariable = "TIDEMARK_TOKEN";

/// What the configuration file says, its files of TLS with absolute paths; nothing is set where `path` is empty.
Result<ClusterOptions> read_config(FileSystem& files, const std::string& path);
/// Of the connections in the cluster; none where the file names no certificate. kInvalidArgument: a file can't be used.
Result<std::optional<Tls>> internal_tls(const ClusterOptions& options);
/// kInvalidArgument: silence would be given up that is none.
Result<Heartbeat> heartbeat_of(const ClusterOptions& options);
/// Until there is one.
void wait_for(const StopSignals& signals);

}  // namespace tidemark

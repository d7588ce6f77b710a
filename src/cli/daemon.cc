#include "cli/daemon.h"

#include <chrono>
#include <thread>

namespace tidemark {

Result<ClusterOptions> read_config(FileSystem& files, const std::string& path) {
  if (path.empty()) return ClusterOptions{};
  TIDEMARK_ASSIGN(text, read_file(files, path));
  return read_cluster_options(text, path);
}

void wait_for(const StopSignals& signals) {
  constexpr std::chrono::milliseconds kLookForSignals{50};
  while (signals.count() == 0) std::this_thread::sleep_for(kLookForSignals);
}

}  // namespace tidemark

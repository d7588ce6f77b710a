// What a process tells of itself when it is asked: its metrics and its threads. Any thread.
//
// A worker tells its TaskManager, which may be of another version, as described values; people and Prometheus get text.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "control/http.h"
#include "control/http_service.h"
#include "control/metric.h"
#include "env/file_system.h"
#include "env/network_address.h"

namespace tidemark {

/// A thread, in the fields of Flink's thread dumps.
struct ThreadReport {
  std::string name;
  std::string text;  ///< its state, its time on the processor, and where it stands
};

struct ProcessReport {
  std::vector<MetricGroup> metrics;
  std::vector<ThreadReport> threads;
};

/// What state takes of the process's memory, and may.
struct StateMemoryUse {
  std::uint64_t bytes = 0;
  std::uint64_t budget_bytes = 0;
};

/// "Status.Process...": the parts of Status.Process.Memory together are what the process has of the machine's memory.
std::vector<Metric> metrics_of_this_process(FileSystem& files, const std::optional<StateMemoryUse>& state = std::nullopt);
std::vector<ThreadReport> thread_reports_of_this_process(FileSystem& files);

/// For Prometheus.
HttpResponse answer_prometheus(const std::vector<MetricGroup>& groups);
/// {"threadInfos": [{"threadName", "stringifiedThreadInfo"}]}
HttpResponse answer_threads(const std::vector<ThreadReport>& threads);

/// The requests that a process answers about itself: GET /metrics and /thread-dump, and of its TaskManager what ask_process() asks.
class ProcessEndpoints {
 public:
  /// `metrics`: of what it runs and of itself; any thread. `files` outlive it.
  ProcessEndpoints(FileSystem& files, std::function<std::vector<MetricGroup>()> metrics) : files_{files}, metrics_{std::move(metrics)} {}

  /// None: it is another request.
  std::optional<HttpResponse> handle(const HttpRequest& request) const;

 private:
  FileSystem& files_;
  const std::function<std::vector<MetricGroup>()> metrics_;
};

/// A service for Prometheus: GET /metrics, and nothing else. kIo: nobody may listen there.
Result<std::unique_ptr<HttpService>> serve_metrics(const NetworkAddress& address, std::function<HttpResponse()> metrics);

enum class ProcessPart { kMetrics, kThreads };
/// Asks a process whose socket has that name, and waits for it a few seconds; the other part is empty.
Result<ProcessReport> ask_process(const UnixSocketName& socket, ProcessPart part);

}  // namespace tidemark

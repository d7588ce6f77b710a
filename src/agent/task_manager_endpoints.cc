#include "agent/task_manager_endpoints.h"

#include <fmt/format.h>

#include <utility>

#include "base/log.h"
#include "control/http_answer.h"
#include "control/job_endpoints.h"
#include "control/metric_answers.h"
#include "env/unix_socket.h"

namespace tidemark {
namespace {

constexpr std::string_view kProcessScope = "taskmanager";

}  // namespace

TaskManagerEndpoints::TaskManagerEndpoints(FileSystem& files, std::string id, std::string host, std::string logs, std::string sockets)
    : files_{files}, id_{std::move(id)}, host_{std::move(host)}, sockets_{std::move(sockets)}, logs_{files, std::move(logs), "taskmanager.log"} {}

HttpResponse TaskManagerEndpoints::prometheus() const {
  std::vector<MetricGroup> groups{own_metrics()};
  for (WorkerReport& worker : ask_workers(ProcessPart::kMetrics)) {
    for (MetricGroup& group : worker.report.metrics) groups.push_back(std::move(group));
  }
  return answer_prometheus(groups);
}

HttpResponse TaskManagerEndpoints::handle(const HttpRequest& request) const {
  const std::vector<std::string> parts = parts_of_path(request.path);
  if (parts.size() == 1 && parts[0] == "metrics") return metrics(request);
  if (parts.size() == 1 && parts[0] == "thread-dump") return threads();
  if (parts.size() == 1 && parts[0] == "logs") return logs_.list();
  if (parts.size() == 1 && parts[0] == "log") return logs_.read_own(request);
  if (parts.size() == 1 && parts[0] == "stdout") return logs_.refuse_stdout();
  if (parts.size() == 2 && parts[0] == "logs") return logs_.read(parts[1], request);
  return refuse(404, fmt::format("there is nothing at {} of a TaskManager", request.path));
}

HttpResponse TaskManagerEndpoints::metrics(const HttpRequest& request) const {
  MetricValues values;
  append({}, own_metrics().metrics, values);
  for (const WorkerReport& worker : ask_workers(ProcessPart::kMetrics)) {
    for (const MetricGroup& group : worker.report.metrics) {
      if (group.scope == kProcessScope) append(worker.name + ".", group.metrics, values);
    }
  }
  return answer_values(values, request.query);
}

HttpResponse TaskManagerEndpoints::threads() const {
  std::vector<ThreadReport> all = thread_reports_of_this_process(files_);
  for (const WorkerReport& worker : ask_workers(ProcessPart::kThreads)) {
    for (const ThreadReport& thread : worker.report.threads) all.push_back({worker.name + ": " + thread.name, thread.text});
  }
  return answer_threads(all);
}

MetricGroup TaskManagerEndpoints::own_metrics() const {
  return {.scope = std::string{kProcessScope},
          .labels = {{"tm_id", id_}, {"host", host_}, {"process", "taskmanager"}},
          .metrics = metrics_of_this_process(files_)};
}

// One that is just starting or ending has no socket, or nobody behind it.
std::vector<TaskManagerEndpoints::WorkerReport> TaskManagerEndpoints::ask_workers(ProcessPart part) const {
  std::vector<WorkerReport> reports;
  for (const DirectoryEntry& entry : files_.list(sockets_).value_or(std::vector<DirectoryEntry>{})) {
    const auto socket = UnixSocketName::in(sockets_, entry.name);
    auto report = socket ? ask_process(*socket, part) : std::unexpected{socket.error()};
    if (report) {
      reports.push_back({entry.name, *std::move(report)});
    } else if (report.error().code() != ErrorCode::kNotFound) {
      log_warning(fmt::format("worker {} does not say how it is: {}", entry.name, report.error().message()));
    }
  }
  return reports;
}

}  // namespace tidemark

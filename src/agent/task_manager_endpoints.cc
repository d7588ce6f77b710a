#include "agent/task_manager_endpoints.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "base/log.h"
#include "control/http_answer.h"
#include "control/job_endpoints.h"
#include "control/metric_answers.h"
#include "env/unix_socket.h"

namespace tidemark {
namespace {

constexpr std::string_view kProcessScope = "taskmanager";
constexpr auto kAllAnswerWithin = std::chrono::seconds{4};
constexpr std::int64_t kLongest_ms = 2'000;  // for one of them
constexpr std::int64_t kShortest_ms = 50;
constexpr std::size_t kMostStackBytes = 6u << 20;  // as JSON they take somewhat more, and the JobManager takes 16 MiB at once

/// Of the threads behind the first so many bytes only the first line is left, which says how they are.
void leave_out_stacks_behind(std::size_t bytes, std::vector<ThreadReport>& threads) {
  std::size_t sum = 0;
  for (ThreadReport& thread : threads) {
    sum += thread.text.size();
    if (sum > bytes) thread.text = thread.text.substr(0, thread.text.find('\n')) + "\n\tno stack: there are too many for one answer\n";
  }
}

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
  leave_out_stacks_behind(kMostStackBytes, all);
  return answer_threads(all);
}

MetricGroup TaskManagerEndpoints::own_metrics() const {
  return {.scope = std::string{kProcessScope},
          .labels = {{"tm_id", id_}, {"host", host_}, {"process", "taskmanager"}},
          .metrics = metrics_of_this_process(files_)};
}

// One that is just starting or ending has no socket. All together get a few seconds, as those who ask wait no longer.
std::vector<TaskManagerEndpoints::WorkerReport> TaskManagerEndpoints::ask_workers(ProcessPart part) const {
  std::vector<WorkerReport> reports;
  const auto until = std::chrono::steady_clock::now() + kAllAnswerWithin;
  for (const DirectoryEntry& entry : files_.list(sockets_).value_or(std::vector<DirectoryEntry>{})) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(until - std::chrono::steady_clock::now()).count();
    const auto socket = UnixSocketName::in(sockets_, entry.name);
    if (!socket || !socket->exists()) continue;
    auto report = ask_process(*socket, part, std::clamp<std::int64_t>(left, kShortest_ms, kLongest_ms));
    if (report) {
      reports.push_back({entry.name, *std::move(report)});
    } else {
      log_warning(fmt::format("worker {} does not say how it is: {}", entry.name, report.error().message()));
    }
  }
  return reports;
}

}  // namespace tidemark

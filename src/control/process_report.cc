#include "control/process_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <utility>

#include "control/described_value.h"
#include "control/http_answer.h"
#include "control/job_endpoints.h"
#include "env/process_status.h"
#include "env/symbols.h"
#include "env/thread_stacks.h"

namespace tidemark {
namespace {

using Json = nlohmann::json;

constexpr unsigned kMetricsThreads = 4;

std::string_view in_words(char state) {
  switch (state) {
    case 'R':
      return "RUNNABLE";
    case 'D':
      return "WAITING for a disk";
    case 'T':
    case 't':
      return "STOPPED";
    case 'Z':
    case 'X':
      return "TERMINATED";
    default:
      return "WAITING";
  }
}

bool takes_signal(const ThreadStatus& thread) { return (thread.blocked_signals >> (stack_signal() - 1) & 1) == 0; }

std::string text_of(const ThreadStatus& thread, const ThreadStack& stack, Symbols& symbols) {
  std::string text = fmt::format("\"{}\" Id={} {}{}{} cpu={} ms\n", thread.name, thread.id, in_words(thread.state), thread.waits_in.empty() ? "" : " in ",
                                 thread.waits_in, thread.cpu_ms);
  for (const std::uintptr_t address : stack.addresses) text += fmt::format("\tat {}\n", symbols.describe(address));
  if (stack.addresses.empty()) text += fmt::format("\tno stack: {}\n", stack.missing);
  return text;
}

/// By the threads' numbers; those that block the signal are not asked.
std::map<std::uint32_t, ThreadStack> stacks_of(const std::vector<ThreadStatus>& threads) {
  std::map<std::uint32_t, ThreadStack> by_thread;
  std::vector<std::uint32_t> asked;
  for (const ThreadStatus& thread : threads) {
    if (takes_signal(thread)) {
      asked.push_back(thread.id);
    } else {
      by_thread[thread.id].missing = "it blocks signals";
    }
  }
  std::vector<ThreadStack> stacks = stacks_of_threads(asked);
  for (std::size_t i = 0; i < asked.size(); ++i) by_thread[asked[i]] = std::move(stacks[i]);
  return by_thread;
}

/// The parts together are the whole: each is at most what those before it have left.
std::vector<Metric> memory_parts(const ProcessStatus& process, std::uint64_t state_bytes) {
  std::uint64_t left = process.resident_bytes;
  const auto part = [&left](std::string name, std::uint64_t bytes) {
    const std::uint64_t taken = std::min(bytes, left);
    left -= taken;
    return Metric{"Status.Process.Memory." + std::move(name), static_cast<double>(taken)};
  };
  std::vector<Metric> parts{{"Status.Process.Memory.Used", static_cast<double>(process.resident_bytes)}};
  parts.push_back(part("MappedFiles", process.file_bytes));
  parts.push_back(part("Shared", process.shared_bytes));
  parts.push_back(part("State", state_bytes));
  parts.push_back(part("AllocatorFree", free_allocator_bytes()));
  parts.push_back(part("Other", left));
  return parts;
}

}  // namespace

std::vector<Metric> metrics_of_this_process(FileSystem& files, const std::optional<StateMemoryUse>& state) {
  const ProcessStatus process = status_of_this_process(files);
  std::vector<Metric> metrics = memory_parts(process, state ? state->bytes : 0);
  if (state) {
    metrics.push_back({"Status.Flink.Memory.Managed.Used", static_cast<double>(state->bytes)});
    metrics.push_back({"Status.Flink.Memory.Managed.Total", static_cast<double>(state->budget_bytes)});
  }
  metrics.push_back({"Status.Process.CPU.Time", static_cast<double>(process.cpu_ms), MetricKind::kCounter});
  metrics.push_back({"Status.Process.Threads.Count", static_cast<double>(process.threads)});
  metrics.push_back({"Status.Process.OpenFiles.Count", static_cast<double>(process.open_files)});
  return metrics;
}

std::vector<ThreadReport> thread_reports_of_this_process(FileSystem& files) {
  std::vector<ThreadReport> reports;
  const std::vector<ThreadStatus> threads = threads_of_this_process(files);
  auto stacks = stacks_of(threads);
  Symbols symbols;
  for (const ThreadStatus& thread : threads) reports.push_back({thread.name, text_of(thread, stacks[thread.id], symbols)});
  return reports;
}

HttpResponse answer_prometheus(const std::vector<MetricGroup>& groups) {
  return {.status = 200, .body = prometheus_text(groups), .content_type = std::string{kPrometheusType}};
}

HttpResponse answer_threads(const std::vector<ThreadReport>& threads) {
  Json all = Json::array();
  for (const ThreadReport& thread : threads) all.push_back({{"threadName", thread.name}, {"stringifiedThreadInfo", thread.text}});
  return answer_with(200, Json{{"threadInfos", std::move(all)}});
}

std::optional<HttpResponse> ProcessEndpoints::handle(const HttpRequest& request) const {
  const std::vector<std::string> parts = parts_of_path(request.path);
  if (request.method != "GET" || parts.empty() || parts.size() > 2) return std::nullopt;
  const bool is_described = parts.size() == 2 && parts[1] == "described";
  if (parts.size() == 2 && !is_described) return std::nullopt;
  if (parts[0] == "metrics") {
    if (!is_described) return answer_prometheus(metrics_());
    return HttpResponse{.status = 200, .body = to_described(ProcessReport{.metrics = metrics_()})};
  }
  if (parts[0] == "thread-dump") {
    const std::vector<ThreadReport> threads = thread_reports_of_this_process(files_);
    if (!is_described) return answer_threads(threads);
    return HttpResponse{.status = 200, .body = to_described(ProcessReport{.threads = threads})};
  }
  return std::nullopt;
}

Result<std::unique_ptr<HttpService>> serve_metrics(const NetworkAddress& address, std::function<HttpResponse()> metrics) {
  return HttpService::start({.host = address.host, .port = address.port, .threads = kMetricsThreads, .waiting = kMetricsThreads},
                            {.handle = [metrics = std::move(metrics)](const HttpRequest& request) {
                              const bool is_metrics = request.method == "GET" && parts_of_path(request.path) == std::vector<std::string>{"metrics"};
                              return is_metrics ? metrics() : refuse(404, "there is only GET /metrics here");
                            }});
}

Result<ProcessReport> ask_process(const UnixSocketName& socket, ProcessPart part, std::int64_t timeout_ms) {
  const std::string path = part == ProcessPart::kMetrics ? "/metrics/described" : "/thread-dump/described";
  TIDEMARK_ASSIGN(response, http_call(socket, {.path = path}, timeout_ms));
  if (response.status != 200) return fail(ErrorCode::kIo, fmt::format("the process answers with status {}", response.status));
  return from_described<ProcessReport>(response.body);
}

}  // namespace tidemark

// What a TaskManager answers about itself and the workers that it runs: metrics, threads, logs. Its workers are asked at their sockets,
// which lie in its folder; one that does not answer within seconds is left out.
//
// Threads: any, several at once; requests wait for the disk and for workers. Ownership: files outlive it.
#pragma once

#include <string>
#include <vector>

#include "control/http.h"
#include "control/log_files.h"
#include "control/metric.h"
#include "control/process_report.h"
#include "env/file_system.h"

namespace tidemark {

class TaskManagerEndpoints {
 public:
  /// `id`, `host`: labels of its metrics. `logs`, `sockets`: folders.
  TaskManagerEndpoints(FileSystem& files, std::string id, std::string host, std::string logs, std::string sockets);

  /// GET /metrics, in Prometheus's form.
  HttpResponse prometheus() const;
  /// What is asked below /taskmanagers/ID: metrics, thread-dump, logs, logs/FILE, log, stdout.
  HttpResponse handle(const HttpRequest& request) const;

 private:
  struct WorkerReport {
    std::string name;
    ProcessReport report;
  };

  HttpResponse metrics(const HttpRequest& request) const;
  HttpResponse threads() const;
  MetricGroup own_metrics() const;
  std::vector<WorkerReport> ask_workers(ProcessPart part) const;

  FileSystem& files_;
  const std::string id_;
  const std::string host_;
  const std::string sockets_;
  const LogFiles logs_;
};

}  // namespace tidemark

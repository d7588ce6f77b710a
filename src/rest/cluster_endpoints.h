// The requests that a JobManager answers, apart from how they come in: of the cluster, its TaskManagers, its executables and its jobs.
//
// Threads: any, several at once; a request that runs or plans an executable waits until that has said what it is. Ownership: the cluster
// outlives it.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "control/cluster_control.h"
#include "control/http.h"
#include "control/http_service.h"
#include "control/job_endpoints.h"
#include "control/log_files.h"
#include "control/operations.h"
#include "control/process_report.h"
#include "rest/jar_endpoints.h"

namespace tidemark {

class ClusterEndpoints {
 public:
  explicit ClusterEndpoints(ClusterControl& cluster);

  HttpResponse handle(const HttpRequest& request);

  /// Whether a request changes something, runs somebody's code, or shows what jobs print.
  static bool changes(const std::string& method, const std::string& path);
  /// Whether the path is that of uploads.
  static bool takes_upload(const std::string& path);
  /// Of the file that has come to it, see HttpServiceHandlers.
  Result<std::unique_ptr<HttpUpload>> begin_upload(const std::string& field, const std::string& name) {
    return jars_.begin_upload(field, name);
  }
  /// The server ends: requests that wait are answered so.
  void end_waits() { jars_.end_waits(); }

 private:
  HttpResponse of_job_manager(const HttpRequest& request, const std::vector<std::string>& parts);
  HttpResponse of_task_managers(const HttpRequest& request, const std::vector<std::string>& parts);
  HttpResponse task_manager(const std::string& id);
  HttpResponse upgrade(const HttpRequest& request, const std::vector<std::string>& parts);
  HttpResponse metrics_of_task_managers(const HttpRequest& request);
  Result<HttpResponse> ask(const std::string& task_manager, HttpRequest request);
  std::vector<MetricGroup> metrics();
  HttpResponse dispose(const HttpRequest& request);

  ClusterControl& cluster_;
  JobEndpoints jobs_;
  JarEndpoints jars_;
  const LogFiles logs_;
  const std::shared_ptr<Operations> disposals_ = std::make_shared<Operations>();
  const std::shared_ptr<Operations> upgrades_ = std::make_shared<Operations>();
};

}  // namespace tidemark

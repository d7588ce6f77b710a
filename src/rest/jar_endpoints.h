// The requests about executables, which Flink calls jars: uploads, what there is, what they would run, and running them.
//
// Threads: any, several at once; to run or to plan waits until the executable has said what it is, up to a deadline. Ownership: the cluster
// outlives it, and uploads outlive neither.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "control/cluster_control.h"
#include "control/http.h"
#include "control/http_service.h"

namespace tidemark {

class JarEndpoints {
 public:
  explicit JarEndpoints(ClusterControl& cluster);

  /// `parts`: of the path, "jars" first.
  HttpResponse handle(const HttpRequest& request, const std::vector<std::string>& parts);
  Result<std::unique_ptr<HttpUpload>> begin_upload(const std::string& field, const std::string& name);
  /// Requests that wait are answered that the JobManager ends.
  void end_waits();

 private:
  struct Waits;
  class Place;

  HttpResponse list();
  HttpResponse remove(const std::string& id);
  HttpResponse plan(const HttpRequest& request, const std::string& id);
  HttpResponse run(const HttpRequest& request, const std::string& id);

  ClusterControl& cluster_;
  const std::shared_ptr<Waits> waits_;
};

}  // namespace tidemark

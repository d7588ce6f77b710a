// The requests of Flink's REST interface that are about jobs, apart from how they come in: below /jobs, with /v1 before it or not.
//
// A request that takes time is answered with an id at once, to be asked for with it; a caller that names the id itself
// may repeat the request. Threads: any, several at once. Ownership: the jobs outlive it; answers of
// theirs may come later, and are then dropped.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "control/http.h"
#include "control/job_control.h"
#include "control/jobs_control.h"
#include "control/operations.h"
#include "control/vertex_answers.h"

namespace tidemark {

/// The parts of a path between its slashes, without v1 before them.
std::vector<std::string> parts_of_path(std::string_view path);

class JobEndpoints {
 public:
  explicit JobEndpoints(JobsControl& jobs);
  /// Of one job alone.
  explicit JobEndpoints(JobControl& job);
  ~JobEndpoints();

  /// 404 for what is no such request.
  HttpResponse handle(const HttpRequest& request);

  /// Of whatever was asked for and has ended, the outcome was fetched at least once.
  bool all_outcomes_fetched() const { return operations_->all_fetched(); }

 private:
  class Call;

  const std::unique_ptr<JobsControl> own_;
  JobsControl& jobs_;
  const std::shared_ptr<Operations> operations_;
};

}  // namespace tidemark

// The requests of Flink's REST interface that one job answers, apart from how they come in.
//
// A request that takes time is answered with an id at once, to be asked for with it; a caller that names the id itself
// may repeat the request. Threads: any; one request at a time, by a lock. Ownership: the job outlives it; answers of the
// job may come later, and are then dropped.
#pragma once

#include <memory>

#include "control/http.h"
#include "control/job_control.h"

namespace tidemark {

class JobEndpoints {
 public:
  explicit JobEndpoints(JobControl& job);
  ~JobEndpoints();

  HttpResponse handle(const HttpRequest& request);

  /// Of whatever was asked for and has ended, the outcome was fetched at least once.
  bool all_outcomes_fetched() const;

 private:
  class Operations;
  class Call;

  JobControl& job_;
  const std::shared_ptr<Operations> operations_;
};

}  // namespace tidemark

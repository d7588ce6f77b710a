// Through which a running embedded job is reached from outside: the socket `control.sock` in its folder of checkpoints,
// for its owner alone, with the requests of job_endpoints.h. `tidemark savepoint`, `stop` and `cancel` speak to it.
//
// Threads: one of its own takes requests; all else is the caller's. Ownership: the master outlives it.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "control/http.h"
#include "control/job_endpoints.h"
#include "coordinator/job_master.h"
#include "env/env.h"

namespace tidemark {

/// In a job's folder.
inline constexpr const char* kControlSocket = "control.sock";

class ControlSocket {
 public:
  /// `folder`: of the job's checkpoints, whose LOCK the process holds. A job that can't listen runs all the same, with a
  /// line in the log. `vertices` may be called from any thread.
  ControlSocket(const std::string& folder, std::string job, JobMaster& master, const Clock& clock,
                std::function<std::vector<VertexMetrics>()> vertices);
  ~ControlSocket();
  ControlSocket(const ControlSocket&) = delete;
  ControlSocket& operator=(const ControlSocket&) = delete;

  /// The job is over: gives whoever asked for its end a moment to fetch how it went.
  void linger() const;

 private:
  class Control;

  const std::unique_ptr<Control> control_;
  JobEndpoints endpoints_;
  std::unique_ptr<HttpServer> server_;
};

}  // namespace tidemark

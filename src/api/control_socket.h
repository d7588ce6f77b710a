// Through which a running embedded job is reached from outside: the socket `control.sock` in its folder of checkpoints, or
// where control_folder.h says, for its owner alone, with the requests of job_endpoints.h and process_report.h. `tidemark savepoint`, `stop` and
// `cancel` speak to it.
//
// Threads: one of its own takes requests, and another looks each second how fast the tasks go, so that whoever asks learns of the
// last seconds; all else is the caller's. Ownership: the master outlives it.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "control/http.h"
#include "control/http_service.h"
#include "control/job_endpoints.h"
#include "control/process_report.h"
#include "coordinator/job_master.h"
#include "env/env.h"

namespace tidemark {

class ControlSocket {
 public:
  /// Of what paths in requests are names: without a storage all are of this machine, however they are written.
  enum class Paths : std::uint8_t { kOfThisMachine, kOfAStorage };
  struct Listens {
    std::string folder;                     ///< of the socket, whose LOCK the process holds; empty: there is none
    std::optional<NetworkAddress> metrics;  ///< there GET /metrics is answered, too
  };
  /// A job that can't listen runs all the same, with a line in the log. `vertices` may be called from any thread.
  ControlSocket(const Listens& where, std::string job, JobMaster& master, const Env& env, Paths paths,
                std::function<std::vector<VertexMetrics>()> vertices);
  ~ControlSocket();
  ControlSocket(const ControlSocket&) = delete;
  ControlSocket& operator=(const ControlSocket&) = delete;

  /// The job is over: gives whoever asked for its end a moment to fetch how it went.
  void linger() const;

 private:
  class Control;

  void listen(const std::string& folder);
  void serve_metrics(const NetworkAddress& address);
  void sample_rates();
  HttpResponse handle(const HttpRequest& request);

  const std::unique_ptr<Control> control_;
  JobEndpoints endpoints_;
  const ProcessEndpoints process_;
  std::unique_ptr<HttpServer> server_;
  std::unique_ptr<HttpService> metrics_;
  std::jthread sampler_;
};

}  // namespace tidemark

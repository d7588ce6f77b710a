// A JobManager and its REST interface, as the commands jobmanager and local start them: from their options, the configuration file and the
// environment. Threads: one.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "config/cluster_options.h"
#include "coordinator/job_manager_thread.h"
#include "env/env.h"
#include "env/kernel_random.h"
#include "env/posix_env.h"
#include "rest/rest_server.h"

namespace CLI {
class App;
}

namespace tidemark {

/// Of the command line; empty: as the file says, or the default.
struct MasterArguments {
  std::string dir;
  std::string bind;  ///< host:port
  std::string rest;  ///< host:port, or a port
  std::string config;
};

/// --dir, --bind, --rest and --config.
void add_master_options(CLI::App& command, MasterArguments& arguments, const std::string& default_dir, const std::string& default_bind);

struct MasterSettings {
  JobManagerSettings job_manager;
  RestSettings rest;
};
/// kInvalidArgument for what is wrong with them.
Result<MasterSettings> master_settings(const MasterArguments& arguments, const ClusterOptions& config, const std::string& default_dir,
                                       const std::string& default_bind);

/// What others could read or do, and its user may not have meant; for the log.
std::vector<std::string> warnings_of(const MasterSettings& settings);

class MasterProcess {
 public:
  static Result<std::unique_ptr<MasterProcess>> start(MasterSettings settings);
  ~MasterProcess();

  /// Where TaskManagers find it.
  const std::string& address() const { return job_manager_->address(); }
  /// "http://127.0.0.1:8081"
  std::string rest_address() const;

 private:
  MasterProcess();

  std::string scheme_ = "http";
  PosixEnv posix_;
  KernelRandom secrets_;
  std::unique_ptr<JobManagerThread> job_manager_;
  std::unique_ptr<RestServer> rest_;  // ends first: its requests wait for the JobManager
};

}  // namespace tidemark

// A JobManager with a thread of its own, over the machine's network: what `tidemark jobmanager` and `tidemark local` start.
//
// Threads: any. Ownership: env, with all it points to, and secrets outlive it. Destroyed while jobs run, it leaves them to the next
// JobManager on its folder; who still asks its control is answered that it ends, so let nobody ask any more.
#pragma once

#include <memory>
#include <string>

#include "base/result.h"
#include "control/cluster_control.h"
#include "coordinator/job_manager.h"
#include "env/env.h"

namespace tidemark {

class JobManagerThread {
 public:
  static Result<std::unique_ptr<JobManagerThread>> start(const Env& env, Random& secrets, JobManagerSettings settings);
  ~JobManagerThread();
  JobManagerThread(const JobManagerThread&) = delete;
  JobManagerThread& operator=(const JobManagerThread&) = delete;

  ClusterControl& control();
  /// Where TaskManagers find it.
  const std::string& address() const;

 private:
  class Control;
  class Thread;
  JobManagerThread();

  std::unique_ptr<Thread> thread_;
};

}  // namespace tidemark

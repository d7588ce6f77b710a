// A TaskManager with a thread, connections and worker processes of its own, in this program.
//
// Threads: any, one at a time. Ownership: env outlives it.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <thread>

#include "agent/task_manager.h"
#include "base/result.h"
#include "control/http_service.h"
#include "env/env.h"
#include "env/processes.h"
#include "env/transport.h"

namespace tidemark {

class TaskManagerThread {
 public:
  /// What `settings` leave open is as their defaults say. It calls the JobManager from then on, whether one is there or not.
  static Result<std::unique_ptr<TaskManagerThread>> start(const Env& env, TaskManagerSettings settings);
  /// Ends its workers, with their grace, and waits for them.
  ~TaskManagerThread();
  TaskManagerThread(const TaskManagerThread&) = delete;
  TaskManagerThread& operator=(const TaskManagerThread&) = delete;

  /// Complete.
  const TaskManagerSettings& settings() const { return task_manager_->settings(); }
  const std::string& id() const { return settings().id; }
  const std::string& folder() const { return settings().folder; }
  /// Where it answers GET /metrics, if anywhere.
  std::optional<NetworkAddress> metrics_address() const;

 private:
  TaskManagerThread(const Env& env, const std::string& id);
  Result<> serve_metrics();
  void run();

  const Env env_;
  std::unique_ptr<Transport> transport_;
  std::unique_ptr<Processes> processes_;
  std::unique_ptr<TaskManager> task_manager_;
  std::unique_ptr<HttpService> metrics_;  // asks the TaskManager's endpoints
  std::thread thread_;
};

}  // namespace tidemark

// What can be asked of a JobManager from outside, by whoever can reach it: its REST interface, a test.
//
// Threads: every call from any; calls that return a value wait for the JobManager's thread, which never waits itself, and so are
// quick. Answers come on the JobManager's thread, once, and must be quick.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "control/executable_store.h"
#include "control/http.h"
#include "control/jobs_control.h"

namespace tidemark {

struct TaskManagerGlance {
  std::string id;
  std::string host;
  std::string address;    ///< its end of the connection
  std::string data_host;
  std::string folder;
  std::uint32_t slots = 0;
  std::uint32_t free_slots = 0;
  std::uint32_t cores = 0;
  std::uint64_t memory_bytes = 0;
};

/// A job that was to be run.
struct RunOrder {
  std::string executable;                 ///< hash
  std::vector<std::string> arguments;     ///< as on the job's own command line
  std::optional<std::uint32_t> parallelism;
  std::string savepoint;                  ///< to start from; empty: from nothing, or as the arguments say
  bool allow_non_restored_state = false;
  bool claim = false;
  std::string job_id;                     ///< chosen by who asks, 32 hexadecimal digits: then the order may be repeated, and is carried out once
};
/// The job's id, 32 hexadecimal digits; or why it can't run: the plan's error, the verdict on what it is to start from.
using RunAnswer = std::move_only_function<void(Result<std::string> job)>;
/// A job that is to take the place of one that runs.
struct UpgradeOrder {
  RunOrder run;                     ///< what it is to start from stays empty: that is what the old job stops with
  std::string savepoint_dir;        ///< for that; empty: where the old job's options say, or else below its folder of checkpoints
  std::int64_t trial_ms = 600'000;  ///< in which the new job has to complete a checkpoint, or else the old one goes on
};
struct Upgraded {
  std::string job;        ///< the new one's id
  std::string savepoint;  ///< that it started from
};
/// When the new job has completed a checkpoint; or why it has not, and what runs.
using UpgradeAnswer = std::move_only_function<void(Result<Upgraded>)>;
using Done = std::move_only_function<void(Result<>)>;
using HttpAnswer = std::move_only_function<void(Result<HttpResponse>)>;
using PlanAnswer = std::move_only_function<void(Result<std::string> json)>;

class ClusterControl : public JobsControl {
 public:
  virtual std::vector<TaskManagerGlance> task_managers() = 0;
  /// What it says of itself to `request`, whose path is below /taskmanagers/ID: in some seconds, or kTimeout. kNotFound: it is not there.
  virtual void ask_task_manager(std::string_view id, HttpRequest request, HttpAnswer answer) = 0;

  /// Its folder, its timeouts, and the options that hold for jobs which do not set them: as Flink's keys, in order.
  virtual std::vector<std::pair<std::string, std::string>> configuration() = 0;

  virtual ExecutableStore& executables() = 0;
  /// kFailedPrecondition, naming it, if a job that is not over runs it.
  virtual Result<> remove_executable(std::string_view hash) = 0;
  /// kAlreadyExists: another job has the id.
  virtual void run(RunOrder order, RunAnswer answer) = 0;
  /// What it would run, as --plan prints it.
  virtual void plan(RunOrder order, PlanAnswer answer) = 0;
  /// Judges whether the new job can take what the old one leaves, stops the old one with a savepoint, starts the new one from it, and goes
  /// back to the old one unless the new one completes a checkpoint in time. kNotFound, kFailedPrecondition before anything is stopped.
  virtual void upgrade(std::string_view job, UpgradeOrder order, UpgradeAnswer answer) = 0;
  /// Deletes a savepoint's folder: what is no savepoint is refused.
  virtual void dispose_savepoint(std::string path, Done done) = 0;
};

}  // namespace tidemark

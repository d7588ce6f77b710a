// What can be asked of jobs from outside, where there are several, running or over: of those of a JobManager, or of the one of a
// process alone (job_endpoints.h).
//
// Threads: every call from any; calls that return a value wait for whoever knows, which never waits itself, and so are
// quick. Answers come on the jobs' thread, once, and must be quick.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "control/job_control.h"

namespace tidemark {

/// What is known of a job, running or over.
struct ClusterJob {
  JobGlance glance;
  std::int64_t end_ms = -1;          ///< -1: it is not over
  std::uint32_t max_parallelism = 0;
  std::uint32_t parallelism = 0;
  std::string plan_json;             ///< as --plan prints it; empty: not known
  std::vector<std::pair<std::string, std::string>> configuration;  ///< the options that were set
  std::vector<JobFailure> failures;           ///< newest first
  std::vector<CheckpointReport> checkpoints;  ///< newest first: those under way, then the newest few that have ended
  std::vector<TriggeredSnapshot> triggered;   ///< oldest first: the newest few, those that earlier JobManagers were asked for too
};

class JobsControl {
 public:
  virtual ~JobsControl() = default;

  /// Those that run first, then those that are over, each newest first.
  virtual std::vector<JobGlance> jobs() = 0;
  virtual std::optional<ClusterJob> job(std::string_view id) = 0;
  /// kNotFound, kFailedPrecondition if it is over.
  virtual void take_snapshot(std::string_view job, SnapshotOrder order, SnapshotAnswer answer) = 0;
  virtual Result<> cancel(std::string_view job) = 0;
};

}  // namespace tidemark

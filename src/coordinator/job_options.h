// The options with which a JobManager runs a job: the cluster's, then the job's own, then what follows from running in a cluster. Pure.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/result.h"
#include "config/options.h"
#include "control/cluster_control.h"
#include "coordinator/job_record.h"

namespace tidemark {

using JobOptions = std::map<std::string, std::string>;  ///< by key

/// kInvalidArgument for an option that makes sense for one start of one job only.
Result<> check_defaults(const JobOptions& defaults);

/// Those of `defaults` that a job's processes go by themselves, in front of its arguments: weaker than all that stands there.
std::vector<std::string> with_defaults(const JobOptions& defaults, std::vector<std::string> arguments);

/// Fills in what `record` starts from and with which options, by its description, by the order and by `defaults` of the cluster. A
/// job that names no folder for checkpoints has one of its own below the cluster's, or else below `checkpoints`, and restarts have no limit where it sets none: nobody
/// waits at a terminal. kInvalidArgument for paths that mean nothing outside the process that was given them.
Result<> set_options(JobRecord& record, const RunOrder& order, const JobOptions& defaults, const std::string& checkpoints);

/// As a process that runs the job alone would have them.
Result<Options> options_of(const JobRecord& record);

/// kInvalidArgument names the key, or what else the path stands for, where it is not absolute. file:///path is /path.
Result<std::string> path_in_cluster(const std::string& what, const std::string& path);

}  // namespace tidemark

// What the commands about one job have in common: how the job is named, and how they tell what came of it. One thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "cli/command.h"
#include "cli/job_client.h"

namespace tidemark {

struct JobArgument {
  std::string job;          ///< its id, or its folder of checkpoints
  std::string job_manager;  ///< as -m names it; empty: not
  bool as_json = false;
};

/// -m/--jobmanager and --json.
void add_cluster_options(CLI::App& command, std::string& job_manager, bool& as_json);
inline void add_cluster_options(CLI::App& command, JobArgument& to) { add_cluster_options(command, to.job_manager, to.as_json); }
/// For the help of what names a job.
inline constexpr std::string_view kJobHelp = "The job's id, of a cluster; or its folder of checkpoints, CHECKPOINT-DIR/JOB, of a job that runs alone";

/// --type, of savepoints: canonical is the only one that there is.
void add_type_option(CLI::App& command);

/// An id is a job of a JobManager, a path one that runs alone. kInvalidArgument for a path with -m.
Result<JobClient> find_job(const Cli& cli, const JobArgument& argument);

/// Whether the words behind a command's options begin with an executable; says so if not.
bool names_executable(const Cli& cli, std::string_view command, const std::vector<std::string>& words);

/// A line of what is done, for people alone.
inline void tell(const Cli& cli, bool as_json, std::string_view line) {
  if (!as_json) cli.out(line);
}

}  // namespace tidemark

#include "cli/job_argument.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include "cli/job_manager.h"

namespace tidemark {

void add_cluster_options(CLI::App& command, std::string& job_manager, bool& as_json) {
  command.add_option("-m,--jobmanager", job_manager,
                     "Where the cluster's JobManager listens for requests, HOST:PORT; without, what the variable TIDEMARK_JOBMANAGER says, or "
                     "localhost:8081. Its token, if it asks for one, is that of TIDEMARK_TOKEN");
  command.add_flag("--json", as_json, "Print JSON");
}

void add_type_option(CLI::App& command) {
  const auto check = [](const std::string& type) {
    return CLI::detail::to_lower(type) == "canonical" ? std::string{}
                                                      : fmt::format("'{}' is no type of savepoints: they are canonical, which every state backend reads", type);
  };
  command.add_option_function<std::string>("--type", [](const std::string&) {}, "Flink's: canonical, which savepoints are. Also -type")->check(check);
}

bool names_executable(const Cli& cli, std::string_view command, const std::vector<std::string>& words) {
  if (!words.empty() && !words.front().starts_with('-')) return true;
  cli.err(words.empty() ? fmt::format("tidemark {0}: name the job's executable: tidemark {0} [OPTIONS] ./job [ARGS...]", command)
                        : fmt::format("tidemark {0}: there is no option '{1}'; see tidemark {0} --help. Arguments of the job stand behind its executable",
                                      command, words.front()));
  return false;
}

Result<JobClient> find_job(const Cli& cli, const JobArgument& argument) {
  if (is_job_id(argument.job)) {
    TIDEMARK_ASSIGN(peer, job_manager_peer(argument.job_manager));
    return JobClient::in_cluster(cli.env, std::move(peer), job_id_of(argument.job));
  }
  if (argument.job_manager.empty()) {
    auto found = JobClient::find(cli.env, argument.job);
    if (found || found.error().code() != ErrorCode::kNotFound || argument.job.contains('/')) return found;
    return fail(ErrorCode::kNotFound, fmt::format("{}; nor is it the id of a job of a cluster, which has 32 hexadecimal digits: `tidemark list` shows them",
                                                  found.error().message()));
  }
  return fail(ErrorCode::kInvalidArgument,
              fmt::format("'{}' is no id of a job of a cluster, which has 32 hexadecimal digits: `tidemark list -m {}` shows them",
                          argument.job, argument.job_manager));
}

}  // namespace tidemark

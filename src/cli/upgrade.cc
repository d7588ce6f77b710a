// tidemark upgrade: has a new executable take the place of a cluster's job, which goes on if the new one does not complete a checkpoint.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdint>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "cli/commands.h"
#include "cli/job_argument.h"
#include "cli/job_client.h"
#include "cli/job_manager.h"
#include "config/parse_value.h"

namespace tidemark {
namespace {

using Json = nlohmann::json;

struct Arguments : JobArgument {
  std::string dir;
  std::string timeout = "10min";
  bool allow_non_restored_state = false;
  std::vector<std::string> options;  // of the new job, KEY=VALUE
  std::optional<std::uint32_t> parallelism;
};

const CLI::Validator kDuration{[](std::string& text) {
                                 const auto duration = parse_duration(text);
                                 return duration && duration->count() > 0 ? std::string{} : fmt::format("'{}' is no duration, as 90s or 10min", text);
                               },
                               "DURATION"};

Result<ExitStatus> upgrade(const Cli& cli, const Arguments& arguments, std::vector<std::string> words) {
  if (!names_executable(cli, "upgrade", words)) return ExitStatus::kUsage;
  if (!is_job_id(arguments.job)) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("'{}' is no id of a job of a cluster, which has 32 hexadecimal digits: `tidemark list` shows them. One that runs alone is "
                            "upgraded by hand: `tidemark check -s {}` with the new executable, `tidemark stop`, and the new one with --resume=SAVEPOINT",
                            arguments.job, arguments.job));
  }
  TIDEMARK_ASSIGN(peer, job_manager_peer(arguments.job_manager));
  const JobManagerClient cluster{std::move(peer)};
  TIDEMARK_ASSIGN(executable, cluster.upload(*cli.env.files, words.front()));
  const std::string old = job_id_of(arguments.job);
  tell(cli, arguments.as_json, fmt::format("Upgrading job {}.", old));
  tell(cli, arguments.as_json, "Waiting for response...");
  words.erase(words.begin());
  TIDEMARK_ASSIGN(upgraded, cluster.upgrade(old, executable,
                                            {.arguments = job_words(arguments.options, std::move(words)),
                                             .parallelism = arguments.parallelism,
                                             .allow_non_restored_state = arguments.allow_non_restored_state},
                                            path_for_jobs(*cli.env.files, arguments.dir), parse_duration(arguments.timeout)->count()));
  if (arguments.as_json) cli.out(Json{{"job", upgraded.job}, {"replaces", old}, {"savepoint", upgraded.savepoint}}.dump());
  tell(cli, arguments.as_json, fmt::format("Job {} has taken its place, from {}", upgraded.job, upgraded.savepoint));
  return ExitStatus::kDone;
}

}  // namespace

void add_upgrade_command(CLI::App& app, Cli& cli) {
  const auto arguments = std::make_shared<Arguments>();
  CLI::App* command = app.add_subcommand("upgrade", "Have a new executable take the place of a cluster's job");
  command->add_option("job", arguments->job, "The job's id")->required();
  add_cluster_options(*command, *arguments);
  command->add_option("--savepointPath", arguments->dir,
                      "The savepoint with which the old job stops is made in this folder; without, where its option execution.checkpointing.savepoint-dir "
                      "says, or in the folder savepoints of its checkpoints'");
  command->add_option("--timeout", arguments->timeout, "In which the new job has to complete a checkpoint, or else the old one goes on")
      ->check(kDuration)
      ->capture_default_str();
  command->add_flag("-n,--allowNonRestoredState", arguments->allow_non_restored_state, "State that no operator of the new job takes may be dropped");
  command->add_option("-p,--parallelism", arguments->parallelism, "Subtasks of each operator, where the new job does not say")->check(CLI::Range(1, 32'768));
  command->add_option("-D", arguments->options, "An option of the new job, KEY=VALUE, as before its arguments")->allow_extra_args(false);
  command->footer(
      "tidemark upgrade [OPTIONS] JOB ./new-job [ARGS...]\n"
      "The arguments are the new job's: none are taken from the old one. A misfit is refused before the old job is stopped.\n"
      "Should this command be ended, the upgrade goes on.\n"
      "Exit status: 0 when the new job has completed a checkpoint; 1 if it was refused, or the old job goes on.");
  command->prefix_command();
  command->callback([&cli, arguments, command] {
    cli.chosen = [&cli, arguments, words = command->remaining()] { return upgrade(cli, *arguments, words); };
  });
}

}  // namespace tidemark

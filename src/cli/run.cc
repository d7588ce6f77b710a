// tidemark run: has a cluster run a job's executable.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdint>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "cli/commands.h"
#include "cli/job_argument.h"
#include "cli/job_client.h"
#include "cli/job_manager.h"

namespace tidemark {
namespace {

using Json = nlohmann::json;

struct Arguments {
  std::string job_manager;
  bool as_json = false;
  bool detached = false;
  std::string savepoint;
  bool allow_non_restored_state = false;
  std::string claim_mode = "NO_CLAIM";
  std::vector<std::string> options;  // of the job, KEY=VALUE
  std::optional<std::uint32_t> parallelism;
};

const CLI::Validator kNotEmpty{[](std::string& text) { return text.empty() ? std::string{"names nothing"} : std::string{}; }, "PATH"};

std::string in_json(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

Result<ExitStatus> wait(const Cli& cli, const Arguments& arguments, const JobManagerClient& cluster, const std::string& job) {
  TIDEMARK_ASSIGN(end, cluster.wait_for_end(job));
  const bool done = end.state == "SUCCEEDED";
  if (arguments.as_json) {
    Json json{{"job", job}, {"state", end.state}, {"duration", end.duration_ms}};
    if (!end.cause.empty()) json["cause"] = end.cause;
    cli.out(in_json(json));
  } else if (done) {
    cli.out("Program execution finished");
    cli.out(fmt::format("Job with JobID {} has finished.", job));
    cli.out(fmt::format("Job Runtime: {} ms", end.duration_ms));
  }
  if (done) return ExitStatus::kDone;
  if (end.state == "CANCELED") {
    cli.err(fmt::format("tidemark run: job {} was cancelled", job));
  } else {
    cli.err(fmt::format("tidemark run: job {} failed: {}", job, end.cause));
  }
  return ExitStatus::kFailed;
}

Result<ExitStatus> run(const Cli& cli, const Arguments& arguments, std::vector<std::string> words) {
  if (!names_executable(cli, "run", words)) return ExitStatus::kUsage;
  TIDEMARK_ASSIGN(peer, job_manager_peer(arguments.job_manager));
  const JobManagerClient cluster{std::move(peer)};
  TIDEMARK_ASSIGN(executable, cluster.upload(*cli.env.files, words.front()));
  words.erase(words.begin());
  TIDEMARK_ASSIGN(job, cluster.run(executable, {.arguments = job_words(arguments.options, std::move(words)),
                                                .parallelism = arguments.parallelism,
                                                .savepoint = path_for_jobs(*cli.env.files, arguments.savepoint),
                                                .allow_non_restored_state = arguments.allow_non_restored_state,
                                                .claim = arguments.claim_mode == "CLAIM"}));
  tell(cli, arguments.as_json, fmt::format("Job has been submitted with JobID {}", job));
  if (!arguments.detached) return wait(cli, arguments, cluster, job);
  if (arguments.as_json) cli.out(in_json(Json{{"job", job}}));
  return ExitStatus::kDone;
}

}  // namespace

void add_run_command(CLI::App& app, Cli& cli) {
  const auto arguments = std::make_shared<Arguments>();
  CLI::App* command = app.add_subcommand("run", "Have a cluster run a job");
  const auto target = std::make_shared<std::string>();
  add_cluster_options(*command, arguments->job_manager, arguments->as_json);
  command->add_flag("-d,--detached", arguments->detached, "Do not wait for the job's end");
  command->add_option("-s,--fromSavepoint", arguments->savepoint, "Go on from this savepoint or checkpoint")->check(kNotEmpty);
  command->add_flag("-n,--allowNonRestoredState", arguments->allow_non_restored_state, "State of it that no operator takes may be dropped");
  command
      ->add_option("--claimMode,--claim-mode", arguments->claim_mode,
                   "CLAIM: it belongs to the job from then on, which deletes it in time; NO_CLAIM: it stays as it is. Also -cm")
      ->transform(CLI::IsMember({"CLAIM", "NO_CLAIM"}, CLI::ignore_case));
  command->add_option("-p,--parallelism", arguments->parallelism, "Subtasks of each operator, where the job does not say")
      ->check(CLI::Range(1, 32'768));
  command->add_option("-D", arguments->options, "An option of the job, KEY=VALUE, as before its arguments")->allow_extra_args(false);
  command->add_option("-t,--target", *target, "Flink's: remote, which it is")->transform(CLI::IsMember({"remote"}));
  command->footer(
      "tidemark run [OPTIONS] ./job [ARGS...]\n"
      "Sends the executable, unless the cluster has it, and its arguments; paths in these are the cluster's machines'.\n"
      "Exit status: 0 when the job has finished, or with -d when it was accepted; 1 if it was refused, failed or was\n"
      "cancelled.");
  command->prefix_command();
  command->callback([&cli, arguments, target, command] {
    cli.chosen = [&cli, arguments, words = command->remaining()] { return run(cli, *arguments, words); };
  });
}

}  // namespace tidemark

// tidemark checkpoint: has a running job take a checkpoint out of turn.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "cli/commands.h"
#include "cli/job_argument.h"

namespace tidemark {
namespace {

using Json = nlohmann::json;

Result<ExitStatus> checkpoint(const Cli& cli, const JobArgument& argument) {
  TIDEMARK_ASSIGN(job, find_job(cli, argument));
  tell(cli, argument.as_json, fmt::format("Triggering checkpoint for job {}.", job.id()));
  tell(cli, argument.as_json, "Waiting for response...");
  TIDEMARK_ASSIGN(taken, job.take_snapshot({.what = SnapshotOrder::What::kCheckpoint,
                                            .then = SnapshotOrder::Then::kGoOn,
                                            .dir = {}}));
  cli.out(argument.as_json ? Json{{"job", job.id()}, {"checkpoint", taken.id}}.dump()
                           : fmt::format("Checkpoint(CONFIGURED) {} for job {} completed.", taken.id, job.id()));
  return ExitStatus::kDone;
}

}  // namespace

void add_checkpoint_command(CLI::App& app, Cli& cli) {
  const auto argument = std::make_shared<JobArgument>();
  CLI::App* command = app.add_subcommand("checkpoint", "Have a running job take a checkpoint now");
  command->add_option("job", argument->job, std::string{kJobHelp})->required();
  add_cluster_options(*command, *argument);
  command->callback([&cli, argument] { cli.chosen = [&cli, argument] { return checkpoint(cli, *argument); }; });
}

}  // namespace tidemark

// tidemark checkpoint: has a running job take a checkpoint out of turn.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <string>

#include "cli/commands.h"
#include "cli/job_client.h"

namespace tidemark {
namespace {

Result<ExitStatus> checkpoint(const Cli& cli, const std::string& path) {
  TIDEMARK_ASSIGN(job, JobClient::find(cli.env, path));
  cli.out(fmt::format("Triggering checkpoint for job {}.", job.id()));
  cli.out("Waiting for response...");
  TIDEMARK_ASSIGN(taken, job.take_snapshot({.what = SnapshotOrder::What::kCheckpoint,
                                            .then = SnapshotOrder::Then::kGoOn,
                                            .dir = {}}));
  cli.out(fmt::format("Checkpoint(CONFIGURED) {} for job {} completed.", taken.id, job.id()));
  return ExitStatus::kDone;
}

}  // namespace

void add_checkpoint_command(CLI::App& app, Cli& cli) {
  const auto job = std::make_shared<std::string>();
  CLI::App* command = app.add_subcommand("checkpoint", "Have a running job take a checkpoint now");
  command->add_option("job", *job, "The job's folder of checkpoints, CHECKPOINT-DIR/JOB")->required();
  command->callback([&cli, job] { cli.chosen = [&cli, job] { return checkpoint(cli, *job); }; });
}

}  // namespace tidemark

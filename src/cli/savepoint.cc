// tidemark savepoint: takes one of a running job, or disposes of one.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <string>

#include "cli/commands.h"
#include "cli/job_client.h"
#include "snapshot/snapshot_disposal.h"

namespace tidemark {
namespace {

struct Arguments {
  std::string job;
  std::string dir;
  std::string dispose;
};

Result<ExitStatus> take(const Cli& cli, const Arguments& arguments) {
  TIDEMARK_ASSIGN(job, JobClient::find(cli.env, arguments.job));
  cli.out(fmt::format("Triggering savepoint for job {}.", job.id()));
  cli.out("Waiting for response...");
  TIDEMARK_ASSIGN(taken, job.take_snapshot({.what = SnapshotOrder::What::kSavepoint,
                                            .then = SnapshotOrder::Then::kGoOn,
                                            .dir = arguments.dir}));
  cli.out(fmt::format("Savepoint completed. Path: {}", taken.path));
  cli.out(fmt::format("You can resume your program from this savepoint with --resume={}", taken.path));
  return ExitStatus::kDone;
}

Result<ExitStatus> dispose(const Cli& cli, const std::string& path) {
  cli.out(fmt::format("Disposing savepoint '{}'.", path));
  TIDEMARK_TRY(dispose_snapshot(*cli.env.files, path));
  cli.out(fmt::format("Savepoint '{}' disposed.", path));
  return ExitStatus::kDone;
}

}  // namespace

void add_savepoint_command(CLI::App& app, Cli& cli) {
  const auto arguments = std::make_shared<Arguments>();
  CLI::App* command = app.add_subcommand("savepoint", "Take a savepoint of a running job, or dispose of one");
  CLI::Option* job = command->add_option("job", arguments->job, "The job's folder of checkpoints, CHECKPOINT-DIR/JOB");
  CLI::Option* dir = command->add_option("dir", arguments->dir,
                                         "The savepoint's folder is made in it; without, where the job's option "
                                         "execution.checkpointing.savepoint-dir says");
  command->add_option("-d,--dispose", arguments->dispose, "Delete this savepoint or checkpoint")
      ->excludes(job)
      ->excludes(dir);
  command->callback([&cli, arguments] {
    if (arguments->job.empty() && arguments->dispose.empty()) throw CLI::RequiredError{"JOB, or -d PATH,"};
    cli.chosen = [&cli, arguments] {
      return arguments->dispose.empty() ? take(cli, *arguments) : dispose(cli, arguments->dispose);
    };
  });
}

}  // namespace tidemark

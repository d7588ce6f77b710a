// tidemark stop: ends a running job with a savepoint.
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

struct Arguments : JobArgument {
  std::string dir;
  bool drain = false;
};

Result<ExitStatus> stop(const Cli& cli, const Arguments& arguments) {
  TIDEMARK_ASSIGN(job, find_job(cli, arguments));
  tell(cli, arguments.as_json, fmt::format("Suspending job \"{}\" with a savepoint.", job.id()));
  TIDEMARK_ASSIGN(taken, job.take_snapshot({.what = SnapshotOrder::What::kSavepoint,
                                            .then = arguments.drain ? SnapshotOrder::Then::kDrain
                                                                    : SnapshotOrder::Then::kStop,
                                            .dir = arguments.dir}));
  cli.out(arguments.as_json ? Json{{"job", job.id()}, {"savepoint", taken.path}}.dump()
                            : fmt::format("Savepoint completed. Path: {}", taken.path));
  return ExitStatus::kDone;
}

}  // namespace

void add_stop_command(CLI::App& app, Cli& cli) {
  const auto arguments = std::make_shared<Arguments>();
  CLI::App* command = app.add_subcommand("stop", "Stop a running job with a savepoint, its output up to there committed");
  command->add_option("job", arguments->job, std::string{kJobHelp})->required();
  add_cluster_options(*command, *arguments);
  command->add_option("-p,--savepointPath", arguments->dir,
                      "The savepoint's folder is made in it; without, where the job's option "
                      "execution.checkpointing.savepoint-dir says");
  add_type_option(*command);
  command->add_flag("-d,--drain", arguments->drain,
                    "End the sources first, so that all windows and timers fire: for a job that will not go on");
  command->callback([&cli, arguments] { cli.chosen = [&cli, arguments] { return stop(cli, *arguments); }; });
}

}  // namespace tidemark

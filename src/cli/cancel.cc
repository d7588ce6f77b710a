// tidemark cancel: ends a running job at once, if asked with a savepoint before.
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
  bool with_savepoint = false;
};

Result<ExitStatus> cancel(const Cli& cli, const Arguments& arguments) {
  TIDEMARK_ASSIGN(job, find_job(cli, arguments));
  if (!arguments.with_savepoint) {
    tell(cli, arguments.as_json, fmt::format("Cancelling job {}.", job.id()));
    TIDEMARK_TRY(job.cancel());
    cli.out(arguments.as_json ? Json{{"job", job.id()}}.dump() : fmt::format("Cancelled job {}.", job.id()));
    return ExitStatus::kDone;
  }
  tell(cli, arguments.as_json,
       fmt::format("Cancelling job {} with savepoint to {}.", job.id(),
                   arguments.dir.empty() ? "default savepoint directory" : arguments.dir));
  TIDEMARK_ASSIGN(taken, job.take_snapshot({.what = SnapshotOrder::What::kSavepoint,
                                            .then = SnapshotOrder::Then::kCancel,
                                            .dir = arguments.dir}));
  cli.out(arguments.as_json ? Json{{"job", job.id()}, {"savepoint", taken.path}}.dump()
                            : fmt::format("Cancelled job {}. Savepoint stored in {}.", job.id(), taken.path));
  return ExitStatus::kDone;
}

}  // namespace

void add_cancel_command(CLI::App& app, Cli& cli) {
  const auto arguments = std::make_shared<Arguments>();
  CLI::App* command = app.add_subcommand("cancel", "End a running job at once, committing nothing more");
  command->add_option("job", arguments->job, std::string{kJobHelp});
  add_cluster_options(*command, *arguments);
  CLI::Option* savepoint =
      command->add_option("-s,--withSavepoint", arguments->dir,
                          "Take a savepoint first, in this folder or where the job's option "
                          "execution.checkpointing.savepoint-dir says")
          ->expected(0, 1);
  command->callback([&cli, arguments, savepoint] {
    arguments->with_savepoint = savepoint->count() > 0;
    // Of "-s JOB" the parser takes the job for the folder.
    if (arguments->job.empty()) arguments->job.swap(arguments->dir);
    if (arguments->job.empty()) throw CLI::RequiredError{"JOB"};
    cli.chosen = [&cli, arguments] { return cancel(cli, *arguments); };
  });
}

}  // namespace tidemark

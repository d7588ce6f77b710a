// tidemark savepoint: takes one of a running job, or disposes of one.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "cli/commands.h"
#include "cli/job_argument.h"
#include "cli/job_manager.h"
#include "env/file_urls.h"
#include "snapshot/snapshot_disposal.h"
#include "snapshot/snapshot_folder.h"

namespace tidemark {
namespace {

using Json = nlohmann::json;

struct Arguments : JobArgument {
  std::string dir;
  std::string dispose;
  bool detached = false;
};

/// How a program is started that goes on from it.
std::string way_on(const Arguments& arguments, const std::string& path) {
  if (is_job_id(arguments.job)) return fmt::format("You can resume your program from this savepoint with the run command: -s {}", path);
  return fmt::format("You can resume your program from this savepoint with --resume={}", path);
}

Result<ExitStatus> trigger(const Cli& cli, const Arguments& arguments) {
  TIDEMARK_ASSIGN(job, find_job(cli, arguments));
  tell(cli, arguments.as_json, fmt::format("Triggering savepoint in detached mode for job {}.", job.id()));
  TIDEMARK_ASSIGN(id, job.trigger_snapshot({.what = SnapshotOrder::What::kSavepoint, .then = SnapshotOrder::Then::kGoOn, .dir = arguments.dir}));
  cli.out(arguments.as_json ? Json{{"job", job.id()}, {"trigger", id}}.dump() : fmt::format("Successfully trigger manual savepoint, triggerId: {}", id));
  return ExitStatus::kDone;
}

Result<ExitStatus> take(const Cli& cli, const Arguments& arguments) {
  TIDEMARK_ASSIGN(job, find_job(cli, arguments));
  tell(cli, arguments.as_json, fmt::format("Triggering savepoint for job {}.", job.id()));
  tell(cli, arguments.as_json, "Waiting for response...");
  TIDEMARK_ASSIGN(taken, job.take_snapshot({.what = SnapshotOrder::What::kSavepoint,
                                            .then = SnapshotOrder::Then::kGoOn,
                                            .dir = arguments.dir}));
  if (arguments.as_json) cli.out(Json{{"job", job.id()}, {"savepoint", taken.path}}.dump());
  tell(cli, arguments.as_json, fmt::format("Savepoint completed. Path: {}", taken.path));
  tell(cli, arguments.as_json, way_on(arguments, taken.path));
  return ExitStatus::kDone;
}

/// By this process, or with -m by the JobManager: for savepoints that only that one reaches.
Result<> delete_savepoint(const Cli& cli, const Arguments& arguments, const std::string& path) {
  if (!arguments.job_manager.empty()) {
    TIDEMARK_ASSIGN(peer, job_manager_peer(arguments.job_manager));
    return JobManagerClient{std::move(peer)}.dispose(path_for_jobs(*cli.env.files, path));
  }
  if (path.contains("://")) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("'{}' lies on a storage that only jobs know: delete its {} with that storage's tools, then the "
                            "rest of its folder; nothing was deleted",
                            path, kMetadataName));
  }
  return dispose_snapshot(*cli.env.files, path);
}

Result<ExitStatus> dispose(const Cli& cli, const Arguments& arguments) {
  const std::string path = without_file_scheme(arguments.dispose);
  tell(cli, arguments.as_json, fmt::format("Disposing savepoint '{}'.", path));
  TIDEMARK_TRY(delete_savepoint(cli, arguments, path));
  cli.out(arguments.as_json ? Json{{"disposed", path}}.dump() : fmt::format("Savepoint '{}' disposed.", path));
  return ExitStatus::kDone;
}

}  // namespace

void add_savepoint_command(CLI::App& app, Cli& cli) {
  const auto arguments = std::make_shared<Arguments>();
  CLI::App* command = app.add_subcommand("savepoint", "Take a savepoint of a running job, or dispose of one");
  CLI::Option* job = command->add_option("job", arguments->job, std::string{kJobHelp});
  CLI::Option* dir = command->add_option("dir", arguments->dir,
                                         "The savepoint's folder is made in it; without, where the job's option "
                                         "execution.checkpointing.savepoint-dir says");
  add_cluster_options(*command, *arguments);
  add_type_option(*command);
  command->add_flag("--detached", arguments->detached, "Only ask for it, and say its trigger's id. Also -detached")->needs(job);
  command->add_option("-d,--dispose", arguments->dispose, "Delete this savepoint or checkpoint; with -m the JobManager does it")
      ->excludes(job)
      ->excludes(dir);
  command->callback([&cli, arguments] {
    if (arguments->job.empty() && arguments->dispose.empty()) throw CLI::RequiredError{"JOB, or -d PATH,"};
    cli.chosen = [&cli, arguments] {
      if (!arguments->dispose.empty()) return dispose(cli, *arguments);
      return arguments->detached ? trigger(cli, *arguments) : take(cli, *arguments);
    };
  });
}

}  // namespace tidemark

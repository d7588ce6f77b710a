// tidemark jobmanager: runs a cluster's jobs on the TaskManagers that come to it, until it is told to end.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <string>

#include "cli/commands.h"
#include "cli/daemon.h"
#include "cli/master_process.h"

namespace tidemark {
namespace {

constexpr const char* kDefaultDir = "tidemark-jobmanager";
constexpr const char* kDefaultBind = "127.0.0.1:6123";

Result<MasterSettings> settings_of(const Cli& cli, const MasterArguments& arguments) {
  TIDEMARK_ASSIGN(config, read_config(*cli.env.files, arguments.config));
  return master_settings(arguments, config, kDefaultDir, kDefaultBind);
}

Result<ExitStatus> run(Cli& cli, const MasterArguments& arguments) {
  const auto settings = settings_of(cli, arguments);
  if (!settings) {
    cli.err(fmt::format("tidemark jobmanager: {}", settings.error().message()));
    return ExitStatus::kUsage;
  }
  const StopSignals signals;
  TIDEMARK_ASSIGN(process, MasterProcess::start(*settings));
  cli.out(fmt::format("JobManager for TaskManagers at {}, REST at {}, in '{}'. Ctrl-C ends it; its jobs go on when it is started again.", process->address(),
                      process->rest_address(), settings->job_manager.folder));
  wait_for(signals);
  return ExitStatus::kDone;
}

}  // namespace

void add_jobmanager_command(CLI::App& app, Cli& cli) {
  const auto arguments = std::make_shared<MasterArguments>();
  CLI::App* command = app.add_subcommand("jobmanager", "Run jobs on the TaskManagers that come to it");
  add_master_options(*command, *arguments, kDefaultDir, kDefaultBind);
  command->footer(
      "A token for REST stands in the variable TIDEMARK_TOKEN. Exit status: 0 when it was ended by SIGINT or SIGTERM; 1 if it could not be "
      "started; 2 if an option is wrong.");
  command->callback([&cli, arguments] { cli.chosen = [&cli, arguments] { return run(cli, *arguments); }; });
}

}  // namespace tidemark

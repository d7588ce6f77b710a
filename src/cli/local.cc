// tidemark local: a cluster of one machine in one process, a JobManager and a TaskManager, until it is told to end.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <optional>
#include <string>

#include "agent/task_manager_thread.h"
#include "cli/commands.h"
#include "cli/daemon.h"
#include "cli/master_process.h"

namespace tidemark {
namespace {

constexpr const char* kDefaultDir = "tidemark-local";
constexpr const char* kAnyPort = "127.0.0.1:0";  // nobody else is to come

struct Arguments {
  MasterArguments master;
  std::optional<std::uint32_t> slots;
};

struct Settings {
  MasterSettings master;
  TaskManagerSettings task_manager;
};

Result<Settings> settings_of(const Cli& cli, const Arguments& arguments) {
  TIDEMARK_ASSIGN(config, read_config(*cli.env.files, arguments.master.config));
  TIDEMARK_ASSIGN(master, master_settings(arguments.master, config, kDefaultDir, kAnyPort));
  const std::string folder = master.job_manager.folder;
  TaskManagerSettings task_manager{.data_host = "127.0.0.1",
                                   .folder = join_path(folder, "taskmanager"),
                                   .slots = arguments.slots.value_or(config.task_manager.slots),
                                   .process_bytes = config.task_manager.process_bytes,
                                   .memory_bytes = config.task_manager.state_bytes,
                                   .tls = master.job_manager.tls,
                                   .heartbeat = master.job_manager.heartbeat};
  return Settings{.master = std::move(master), .task_manager = std::move(task_manager)};
}

Result<ExitStatus> run(Cli& cli, const Arguments& arguments) {
  auto settings = settings_of(cli, arguments);
  if (!settings) {
    cli.err(fmt::format("tidemark local: {}", settings.error().message()));
    return ExitStatus::kUsage;
  }
  const StopSignals signals;
  const std::string folder = settings->master.job_manager.folder;
  TIDEMARK_ASSIGN(master, MasterProcess::start(std::move(settings->master)));
  settings->task_manager.job_manager = master->address();
  TIDEMARK_ASSIGN(task_manager, TaskManagerThread::start(cli.env, settings->task_manager));
  cli.out(fmt::format("A cluster of this machine with {} slots, REST at {}, in '{}'. Run a job with `tidemark run ./job`. Ctrl-C ends the cluster; its "
                      "jobs go on when it is started again.",
                      task_manager->settings().slots, master->rest_address(), folder));
  wait_for(signals);
  // Else workers would be seen to die.
  master.reset();
  task_manager.reset();
  return ExitStatus::kDone;
}

}  // namespace

void add_local_command(CLI::App& app, Cli& cli) {
  const auto arguments = std::make_shared<Arguments>();
  CLI::App* command = app.add_subcommand("local", "Run a cluster on this machine alone: a JobManager and a TaskManager");
  add_master_options(*command, arguments->master, kDefaultDir, kAnyPort);
  command->add_option("--slots", arguments->slots, "How many subtasks of each operator may run; else one a core")->check(CLI::Range(1, 32'768));
  command->footer(
      "A token for REST stands in the variable TIDEMARK_TOKEN. Exit status: 0 when it was ended by SIGINT or SIGTERM; 1 if it could not be "
      "started; 2 if an option is wrong.");
  command->callback([&cli, arguments] { cli.chosen = [&cli, arguments] { return run(cli, *arguments); }; });
}

}  // namespace tidemark

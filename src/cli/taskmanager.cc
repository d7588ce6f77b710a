// tidemark taskmanager: offers this machine's slots to a JobManager, until it is told to end.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <optional>
#include <string>

#include "agent/task_manager_thread.h"
#include "cli/commands.h"
#include "cli/daemon.h"
#include "config/parse_value.h"
#include "env/network_address.h"
#include "env/open_files_limit.h"

namespace tidemark {
namespace {

struct Arguments {
  std::string job_manager;
  std::string id;
  std::string dir;
  std::string data_host;
  std::string memory;
  std::string config;
  std::string metrics;
  std::optional<std::uint32_t> slots;
};

Result<std::string> job_manager_of(const Arguments& arguments, const ClusterOptions& options) {
  NetworkAddress address{.host = options.job_manager.host.empty() ? "localhost" : options.job_manager.host,
                         .port = options.job_manager.port == 0 ? kJobManagerPort : options.job_manager.port};
  if (!arguments.job_manager.empty()) {
    TIDEMARK_ASSIGN(given, parse_network_address(arguments.job_manager));
    address = given;
  }
  return to_string(address);
}

Result<std::uint64_t> memory_of(const Arguments& arguments, const ClusterOptions& options) {
  if (!arguments.memory.empty()) {
    const auto bytes = parse_bytes(arguments.memory);
    if (bytes && *bytes > 0) return static_cast<std::uint64_t>(*bytes);
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("--memory: '{}' is not a size such as 512mb or 8gb", arguments.memory));
  }
  return options.task_manager.state_bytes;
}

// The last word is the command line's.
Result<TaskManagerSettings> settings_of(const Cli& cli, const Arguments& arguments) {
  const auto first = [](const std::string& given, const std::string& configured) { return given.empty() ? configured : given; };
  TIDEMARK_ASSIGN(options, read_config(*cli.env.files, arguments.config));
  TIDEMARK_ASSIGN(job_manager, job_manager_of(arguments, options));
  TIDEMARK_ASSIGN(tls, internal_tls(options));
  TIDEMARK_ASSIGN(heartbeat, heartbeat_of(options));
  TIDEMARK_ASSIGN(memory, memory_of(arguments, options));
  if (!arguments.metrics.empty()) {
    if (const auto parsed = parse_network_address(arguments.metrics); !parsed) return std::unexpected{parsed.error().within("--metrics")};
  }
  return TaskManagerSettings{.job_manager = job_manager,
                             .id = first(arguments.id, options.task_manager.id),
                             .data_host = first(arguments.data_host, options.task_manager.host),
                             .folder = arguments.dir,
                             .tmp_folder = options.task_manager.tmp_folder,
                             .slots = arguments.slots.value_or(options.task_manager.slots),
                             .process_bytes = options.task_manager.process_bytes,
                             .memory_bytes = memory,
                             .tls = std::move(tls),
                             .heartbeat = heartbeat,
                             .metrics = arguments.metrics};
}

Result<ExitStatus> run(Cli& cli, const Arguments& arguments) {
  const auto settings = settings_of(cli, arguments);
  if (!settings) {
    cli.err(fmt::format("tidemark taskmanager: {}", settings.error().message()));
    return ExitStatus::kUsage;
  }
  const StopSignals signals;
  raise_open_files_limit();  // its workers have what it has
  TIDEMARK_ASSIGN(task_manager, TaskManagerThread::start(cli.env, *settings));
  cli.out(fmt::format("TaskManager {} with {} slots, in '{}', for the JobManager at {}. Ctrl-C ends it and its workers.",
                      task_manager->id(), task_manager->settings().slots, task_manager->folder(),
                      task_manager->settings().job_manager));
  wait_for(signals);
  cli.out("Ending its workers ...");
  task_manager.reset();
  return ExitStatus::kDone;
}

}  // namespace

void add_taskmanager_command(CLI::App& app, Cli& cli) {
  const auto arguments = std::make_shared<Arguments>();
  CLI::App* command = app.add_subcommand("taskmanager", "Run jobs' workers on this machine for a JobManager");
  command->add_option("-m,--jobmanager", arguments->job_manager,
                      "Where the JobManager listens, HOST:PORT; else localhost:6123");
  command->add_option("--slots", arguments->slots, "How many subtasks of each operator may run here; else one a core")
      ->check(CLI::Range(1, 32'768));
  command->add_option(
      "--dir", arguments->dir,
      "Folder for executables, logs and temporary files, of this TaskManager alone; else one below the system's "
      "folder of temporary files");
  command->add_option("--data-host", arguments->data_host,
                      "Where other machines' workers reach those here; else the address from which it reaches the JobManager");
  command->add_option("--memory", arguments->memory,
                      "For all state here, such as 8gb; else 70 % of what the machine or the container has");
  command->add_option("--id", arguments->id,
                      "Its name in the cluster, which no other may have; else the machine's and a number");
  command->add_option("--metrics", arguments->metrics,
                      "Where Prometheus gets metrics of this TaskManager and its workers, HOST:PORT such as 127.0.0.1:9249; else nowhere");
  command->add_option("--config", arguments->config,
                      "YAML file with these options in Flink's keys; the command line has the last word");
  command->footer(
      "Exit status: 0 when it was ended by SIGINT or SIGTERM; 1 if it could not be started; 2 if an option is wrong.");
  command->callback([&cli, arguments] { cli.chosen = [&cli, arguments] { return run(cli, *arguments); }; });
}

}  // namespace tidemark

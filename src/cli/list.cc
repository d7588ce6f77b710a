// tidemark list: the running jobs in a folder of checkpoints.
#include <fmt/chrono.h>
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "cli/commands.h"
#include "cli/job_client.h"
#include "cli/job_folders.h"

namespace tidemark {
namespace {

std::string line_of(const JobClient& job) {
  const std::chrono::sys_time start{std::chrono::milliseconds{job.start_ms()}};
  return fmt::format("{:%d.%m.%Y %H:%M:%S} : {} : {} ({})", std::chrono::floor<std::chrono::seconds>(start), job.id(),
                     job.folder(), job.state());
}

Result<ExitStatus> list(const Cli& cli, const std::string& path) {
  TIDEMARK_ASSIGN(folders, job_folders(*cli.env.files, path));
  std::vector<std::string> lines;
  for (const std::string& folder : folders) {
    if (const auto job = JobClient::find(cli.env, folder)) lines.push_back(line_of(*job));
  }
  if (lines.empty()) {
    cli.out("No running jobs.");
    return ExitStatus::kDone;
  }
  cli.out("------------------ Running/Restarting Jobs -------------------");
  for (const std::string& line : lines) cli.out(line);
  cli.out("--------------------------------------------------------------");
  return ExitStatus::kDone;
}

}  // namespace

void add_list_command(CLI::App& app, Cli& cli) {
  const auto path = std::make_shared<std::string>();
  CLI::App* command = app.add_subcommand("list", "List the running jobs of a folder of checkpoints");
  command->add_option("dir", *path, "The folder, CHECKPOINT-DIR")->required();
  command->callback([&cli, path] { cli.chosen = [&cli, path] { return list(cli, *path); }; });
}

}  // namespace tidemark

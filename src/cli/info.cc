// tidemark info: what a job's executable would run, as it says itself.
#include <CLI/CLI.hpp>
#include <memory>
#include <string>
#include <vector>

#include "cli/ask_job.h"
#include "cli/commands.h"
#include "cli/job_argument.h"

namespace tidemark {
namespace {

Result<ExitStatus> info(const Cli& cli, bool as_json, const std::vector<std::string>& words) {
  if (!names_executable(cli, "info", words)) return ExitStatus::kUsage;
  TIDEMARK_ASSIGN(plan, plan_text_of_job(words));
  if (!as_json) cli.out("----------------------- Execution Plan -----------------------");
  cli.out(plan);
  if (!as_json) cli.out("--------------------------------------------------------------");
  return ExitStatus::kDone;
}

}  // namespace

void add_info_command(CLI::App& app, Cli& cli) {
  const auto as_json = std::make_shared<bool>(false);
  CLI::App* command = app.add_subcommand("info", "Print a job's execution plan");
  command->add_flag("--json", *as_json, "Print the plan and nothing else");
  command->footer("tidemark info [--json] ./job [ARGS...]\nRuns './job --plan ARGS' and nothing else; no cluster is needed.");
  command->prefix_command();
  command->callback([&cli, as_json, command] {
    cli.chosen = [&cli, as_json, words = command->remaining()] { return info(cli, *as_json, words); };
  });
}

}  // namespace tidemark

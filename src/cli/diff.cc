// tidemark diff: what the state of one version of a job becomes in another.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <string>

#include "cli/ask_job.h"
#include "cli/commands.h"
#include "cli/print_verdict.h"

namespace tidemark {
namespace {

struct Arguments {
  std::string old_job;
  std::string new_job;
  std::vector<std::string> of_both;
  bool as_json = false;
};

Result<LogicalPlan> plan_of(const std::string& job, const Arguments& arguments) {
  std::vector<std::string> words{job};
  words.insert(words.end(), arguments.of_both.begin(), arguments.of_both.end());
  return plan_of_job(words);
}

Result<VerdictReport> compare(const Arguments& arguments) {
  TIDEMARK_ASSIGN(saved, plan_of(arguments.old_job, arguments));
  TIDEMARK_ASSIGN(declared, plan_of(arguments.new_job, arguments));
  VerdictReport report{
      .saved = arguments.old_job, .declared = arguments.new_job, .states = judge(declared, saved_operators(saved))};
  if (saved.job != declared.job) {
    report.problems.push_back(fmt::format("The job '{}' is called '{}' now: what one has saved the other can't take.",
                                          saved.job, declared.job));
  }
  return report;
}

Result<ExitStatus> run(Cli& cli, const Arguments& arguments) {
  const auto report = compare(arguments);
  if (report) return print_verdict(*report, arguments.as_json, cli);
  return print_unknown(report.error().within("tidemark diff"), arguments.as_json, cli);
}

}  // namespace

void add_diff_command(CLI::App& app, Cli& cli) {
  const auto arguments = std::make_shared<Arguments>();
  CLI::App* command = app.add_subcommand("diff", "Say what the state of one version of a job becomes in another");
  command->add_option("old-job", arguments->old_job, "Executable that keeps the state")->required();
  command->add_option("new-job", arguments->new_job, "Executable that is to take it")->required();
  command->add_option("args", arguments->of_both, "Arguments of both, behind --");
  command->add_flag("--json", arguments->as_json, "Print JSON");
  command->footer(
      "tidemark diff [--json] ./old-job ./new-job [-- ARGS...]\nExit status: 0 if all fits, as it is or converted; 1 "
      "if something does not; 2 if it can't be told.");
  command->callback([&cli, arguments] { cli.chosen = [&cli, arguments] { return run(cli, *arguments); }; });
}

}  // namespace tidemark

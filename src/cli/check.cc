// tidemark check: whether a job can start from a checkpoint or savepoint, said before anything is stopped.
#include <CLI/CLI.hpp>
#include <memory>
#include <string>

#include "cli/ask_job.h"
#include "cli/commands.h"
#include "cli/print_verdict.h"

namespace tidemark {
namespace {

struct Arguments {
  std::string path;
  bool as_json = false;
  bool drop_unclaimed = false;
};

Result<ExitStatus> run(Cli& cli, const Arguments& arguments, const std::vector<std::string>& job) {
  if (job.empty()) {
    cli.err("tidemark check: name the job's executable: tidemark check -s PATH ./job ARGS");
    return ExitStatus::kUsage;
  }
  const auto report = verdict_of_job(job, arguments.path, arguments.drop_unclaimed);
  if (report) return print_verdict(*report, arguments.as_json, cli);
  return print_unknown(report.error().within("tidemark check"), arguments.as_json, cli);
}

}  // namespace

void add_check_command(CLI::App& app, Cli& cli) {
  const auto arguments = std::make_shared<Arguments>();
  CLI::App* command = app.add_subcommand("check", "Say whether a job can start from a checkpoint or savepoint");
  command
      ->add_option("-s,--from-savepoint", arguments->path,
                   "Folder of the checkpoint or savepoint; of a job: what --resume would go on from")
      ->required();
  command->add_flag("--json", arguments->as_json, "Print JSON");
  command->add_flag("-n,--allow-non-restored-state", arguments->drop_unclaimed,
                    "State that no operator takes may be dropped");
  command->footer(
      "tidemark check -s PATH [--json] [-n] ./job [ARGS...]\n"
      "Runs './job --check-json=PATH ARGS' and nothing else, so PATH is looked for where the job keeps its snapshots.\n"
      "Exit status: 0 if all fits, as it is or converted;\n"
      "1 if something is refused or has no taker; 2 if it can't be told.");
  command->prefix_command();
  command->callback([&cli, arguments, command] {
    cli.chosen = [&cli, arguments, job = command->remaining()] { return run(cli, *arguments, job); };
  });
}

}  // namespace tidemark

#include "cli/command_line.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include "cli/commands.h"

namespace tidemark {

ExitStatus run_command_line(Cli& cli, int argc, const char* const* argv) {
  CLI::App app{"Tidemark: looks after running jobs and what they keep, and begins new ones.", "tidemark"};
  app.require_subcommand(1);
  app.set_help_all_flag("--help-all", "Print the help of every command and exit");
  add_list_command(app, cli);
  add_savepoint_command(app, cli);
  add_stop_command(app, cli);
  add_cancel_command(app, cli);
  add_checkpoint_command(app, cli);
  add_check_command(app, cli);
  add_diff_command(app, cli);
  add_new_command(app, cli);
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success&) {
    cli.out(app.help());
    return ExitStatus::kDone;
  } catch (const CLI::ParseError& error) {
    cli.err(fmt::format("tidemark: {}\nSee tidemark --help, or tidemark COMMAND --help.", error.what()));
    return ExitStatus::kUsage;
  }
  const Result<ExitStatus> status = cli.chosen();
  if (status) return *status;
  cli.err(fmt::format("tidemark: {}", status.error().message()));
  return ExitStatus::kFailed;
}

}  // namespace tidemark

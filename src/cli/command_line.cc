#include "cli/command_line.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "base/nearest.h"
#include "cli/commands.h"

namespace tidemark {

namespace {

/// The words of the line, last first, as the parser wants them. It knows no option of several letters with one dash, as Flink has them; behind the
/// executable of `run`, the first word that is neither an option nor its value, all words are the job's.
std::vector<std::string> words_of(int argc, const char* const* argv) {
  std::vector<std::string> words(argv + 1, argv + argc);
  const bool runs = !words.empty() && words.front() == "run";
  for (std::size_t i = 1; runs && i < words.size() && words[i].starts_with('-'); ++i) {
    if (words[i] == "-cm") words[i] = "--claimMode";
    const bool holds_value = words[i].contains('=') || (words[i].size() > 2 && words[i][1] != '-');  // "-p3"
    static constexpr std::array<std::string_view, 7> kFlags = {"-d", "--detached", "-n", "--allowNonRestoredState", "--json", "-h", "--help"};
    if (std::ranges::find(kFlags, words[i]) == kFlags.end() && !holds_value) ++i;
  }
  const bool is_of_flink = !words.empty() && (words.front() == "checkpoint" || words.front() == "savepoint" || words.front() == "stop");
  for (std::size_t i = 1; is_of_flink && i < words.size(); ++i) {
    if (words[i] == "-full" || words[i] == "-type" || words[i] == "-detached") words[i].insert(0, "-");
  }
  std::ranges::reverse(words);
  return words;
}

/// Nothing, or what is wrong with the first word: the parser would only miss a command.
std::string unknown_command(const CLI::App& app, int argc, const char* const* argv) {
  if (argc < 2 || argv[1][0] == '-') return {};
  std::vector<std::string> names;
  for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; })) names.push_back(command->get_name());
  if (std::ranges::find(names, argv[1]) != names.end()) return {};
  return fmt::format("unknown command '{}'{}", argv[1], did_you_mean(argv[1], names));
}

}  // namespace

ExitStatus run_command_line(Cli& cli, int argc, const char* const* argv) {
  CLI::App app{"Tidemark: looks after running jobs and what they keep, and begins new ones.", "tidemark"};
  app.require_subcommand(1);
  app.set_help_all_flag("--help-all", "Print the help of every command and exit");
  add_run_command(app, cli);
  add_list_command(app, cli);
  add_savepoint_command(app, cli);
  add_stop_command(app, cli);
  add_cancel_command(app, cli);
  add_upgrade_command(app, cli);
  add_checkpoint_command(app, cli);
  add_info_command(app, cli);
  add_check_command(app, cli);
  add_diff_command(app, cli);
  add_local_command(app, cli);
  add_jobmanager_command(app, cli);
  add_taskmanager_command(app, cli);
  add_new_command(app, cli);
  add_completion_command(app, cli);
  if (const std::string unknown = unknown_command(app, argc, argv); !unknown.empty()) {
    cli.err(fmt::format("tidemark: {}\nSee tidemark --help.", unknown));
    return ExitStatus::kUsage;
  }
  try {
    app.parse(words_of(argc, argv));
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

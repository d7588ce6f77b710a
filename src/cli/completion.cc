// tidemark completion: a script by which a shell completes commands, options and ids of jobs.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "cli/commands.h"

namespace tidemark {
namespace {

// Who completes waits for it: a JobManager that does not answer at once is passed over.
constexpr const char* kJobIds = R"(timeout 2 tidemark list --json "$@" 2>/dev/null | grep -oE '"jid":"[0-9a-f]{32}"' | cut -d '"' -f 4)";

struct Words {
  std::string name;
  std::string description;
  std::vector<const CLI::Option*> options;
  bool takes_job = false;
};

std::vector<Words> commands_of(const CLI::App& app) {
  std::vector<Words> all;
  for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; })) {
    Words words{.name = command->get_name(), .description = command->get_description(), .takes_job = command->get_option_no_throw("job") != nullptr};
    for (const CLI::Option* option : command->get_options()) {
      if (!option->get_positional()) words.options.push_back(option);
    }
    all.push_back(std::move(words));
  }
  return all;
}

/// "-m --jobmanager".
std::string names_of(const Words& command) {
  std::vector<std::string> names;
  for (const CLI::Option* option : command.options) {
    for (const std::string& name : option->get_snames()) names.push_back("-" + name);
    for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
  }
  return fmt::format("{}", fmt::join(names, " "));
}

std::string bash_script(const std::vector<Words>& commands) {
  std::vector<std::string> names;
  std::string cases;
  std::string with_job;
  for (const Words& command : commands) {
    names.push_back(command.name);
    cases += fmt::format("    {}) options='{}' ;;\n", command.name, names_of(command));
    if (command.takes_job) with_job += (with_job.empty() ? "" : "|") + command.name;
  }
  return fmt::format(R"sh(_tidemark_jobs() {{
  {0}
}}
_tidemark() {{
  local word=${{COMP_WORDS[COMP_CWORD]}} command=${{COMP_WORDS[1]}} options='' i
  local -a where=()
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W '{1} --help --help-all' -- "$word"))
    return
  fi
  case $command in
{2}  esac
  COMPREPLY=()
  if [[ $word == -* ]]; then
    COMPREPLY=($(compgen -W "$options" -- "$word"))
    return
  fi
  for ((i = 2; i < COMP_CWORD; ++i)); do
    case ${{COMP_WORDS[i]}} in -m|--jobmanager) where=(-m "${{COMP_WORDS[i + 1]}}") ;; esac
  done
  case $command in
    {3}) COMPREPLY=($(compgen -W "$(_tidemark_jobs "${{where[@]}}")" -- "$word")) ;;
  esac
}}
complete -o default -F _tidemark tidemark)sh",
                     kJobIds, fmt::join(names, " "), cases, with_job);
}

/// zsh runs that of bash.
std::string zsh_script(const std::vector<Words>& commands) {
  return "#compdef tidemark\nautoload -U +X compinit && compinit\nautoload -U +X bashcompinit && bashcompinit\n" + bash_script(commands);
}

std::string in_quotes(std::string_view text) {
  std::string result = "'";
  for (const char c : text) {
    if (c == '\'' || c == '\\') result += '\\';
    result += c;
  }
  return result + "'";
}

std::string fish_script(const std::vector<Words>& commands) {
  std::string script = fmt::format("function __tidemark_jobs\n  {}\nend\n", R"(timeout 2 tidemark list --json 2>/dev/null | string match -ar '[0-9a-f]{32}')");
  for (const Words& command : commands) {
    script += fmt::format("complete -c tidemark -n __fish_use_subcommand -f -a {} -d {}\n", command.name, in_quotes(command.description));
    const std::string here = fmt::format("complete -c tidemark -n '__fish_seen_subcommand_from {}'", command.name);
    if (command.takes_job) script += here + " -a '(__tidemark_jobs)'\n";
    for (const CLI::Option* option : command.options) {
      script += here;
      for (const std::string& name : option->get_snames()) script += " -s " + name;
      for (const std::string& name : option->get_lnames()) script += " -l " + name;
      if (option->get_items_expected_max() > 0) script += " -r";
      script += fmt::format(" -d {}\n", in_quotes(option->get_description()));
    }
  }
  script.pop_back();
  return script;
}

}  // namespace

void add_completion_command(CLI::App& app, Cli& cli) {
  const auto shell = std::make_shared<std::string>();
  CLI::App* command = app.add_subcommand("completion", "Print a script by which a shell completes this command's words");
  command->add_option("shell", *shell, "bash, zsh or fish")->required()->check(CLI::IsMember({"bash", "zsh", "fish"}));
  command->footer("In ~/.bashrc: source <(tidemark completion bash). An installed package has it where bash, zsh and fish look by themselves.");
  command->callback([&cli, &app, shell] {
    cli.chosen = [&cli, &app, shell]() -> Result<ExitStatus> {
      const std::vector<Words> commands = commands_of(app);
      cli.out(*shell == "bash" ? bash_script(commands) : *shell == "zsh" ? zsh_script(commands) : fish_script(commands));
      return ExitStatus::kDone;
    };
  });
}

}  // namespace tidemark

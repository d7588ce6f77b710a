#include "config/command_line.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "base/nearest.h"
#include "base/secret.h"
#include "config/options_builder.h"
#include "config/parse_value.h"

namespace tidemark {
namespace {

enum class Value {
  kNone,      // --plan
  kRequired,  // --parallelism 4, --parallelism=4
  kOptional,  // --resume, --resume=PATH; never the next word
};

struct EngineRule {
  std::string_view name;
  Value value;
  std::string_view form;  // for help
  std::string_view key;   // what it sets; empty for those with a meaning of their own
  std::string_view help;
};

constexpr std::array kEngineRules = {
    EngineRule{"--help", Value::kNone, "", "", "print this and end"},
    EngineRule{"--plan", Value::kNone, "", "", "print the job's plan and end"},
    EngineRule{"--check", Value::kOptional, "[=PATH]", "",
               "say whether the job could resume from what is newest in the folder, or from PATH, and end"},
    EngineRule{"--check-json", Value::kOptional, "[=PATH]", "", "the same, said in JSON"},
    EngineRule{"--parallelism", Value::kRequired, "N", "parallelism.default", "subtasks of each operator [1]"},
    EngineRule{"--checkpoint-dir", Value::kRequired, "DIR", "execution.checkpointing.dir",
               "keep checkpoints in DIR/<job name> [no checkpoints]"},
    EngineRule{"--checkpoint-interval", Value::kRequired, "DURATION", "execution.checkpointing.interval",
               "time between two checkpoints [10s]"},
    EngineRule{"--resume", Value::kOptional, "[=PATH]", "",
               "go on from the newest checkpoint in the folder, or from PATH"},
    EngineRule{"--allow-non-restored-state", Value::kNone, ", -n", "execution.state-recovery.ignore-unclaimed-state",
               "drop saved state that no operator takes, instead of refusing to start"},
    EngineRule{"--claim-mode", Value::kRequired, "MODE", "execution.state-recovery.claim-mode",
               "CLAIM: what --resume=PATH names belongs to the job from now on; not with --resume alone [NO_CLAIM]"},
    EngineRule{"--config", Value::kRequired, "FILE", "", "read keys from a YAML file"},
    EngineRule{"--cluster-default", Value::kRequired, "KEY=VALUE", "",
               "set one key where nothing else does, the file included: how a cluster hands on its own configuration"},
    EngineRule{"-D", Value::kRequired, "KEY=VALUE", "",
               "set one key; stronger than the file, weaker than the options above"},
};

std::string_view long_name(std::string_view name) {
  if (name == "-h") return "--help";
  return name == "-n" ? "--allow-non-restored-state" : name;
}

const EngineRule* engine_rule(std::string_view name) {
  const auto found = std::ranges::find(kEngineRules, long_name(name), &EngineRule::name);
  return found == kEngineRules.end() ? nullptr : &*found;
}

// "-5" and "-" are values.
bool is_option(std::string_view word) {
  return word.size() > 1 && word[0] == '-' && !(word[1] >= '0' && word[1] <= '9') && word[1] != '.';
}

// "--name" of "--name=value"; "-D" of "-Dkey=value".
std::string_view name_of(std::string_view word) {
  if (word.starts_with("-D")) return word.substr(0, 2);
  return word.substr(0, word.find('='));
}

std::optional<std::string> attached_value(std::string_view word) {
  if (word.starts_with("-D")) return word.size() > 2 ? std::optional{std::string{word.substr(2)}} : std::nullopt;
  const std::size_t equals = word.find('=');
  return equals == std::string_view::npos ? std::nullopt : std::optional{std::string{word.substr(equals + 1)}};
}

bool is_valid_name(std::string_view name) {
  const auto lower = [](char c) { return c >= 'a' && c <= 'z'; };
  return !name.empty() && lower(name[0]) &&
         std::ranges::all_of(name, [&](char c) { return lower(c) || (c >= '0' && c <= '9') || c == '-'; });
}

void add_line(std::string& text, std::string_view left, std::string_view right) {
  constexpr std::size_t kColumn = 32;
  text += fmt::format("  {:<{}}{}{}\n", left, kColumn, left.size() >= kColumn ? " " : "", right);
}

std::string with_default(std::string_view help, std::string_view default_text) {
  return fmt::format("{}{}[{}]", help, help.empty() ? "" : " ", default_text);
}

}  // namespace

CommandLine::CommandLine(std::string job_name, int argc, const char* const* argv) : job_name_{std::move(job_name)} {
  const std::string_view path =
      argc > 0 && argv[0] != nullptr ? std::string_view{argv[0]} : std::string_view{job_name_};
  program_ = path.substr(path.rfind('/') + 1);
  for (int i = 1; i < argc; ++i) words_.push_back({.text = argv[i]});
  take_engine_options();
}

void CommandLine::take_engine_options() {
  for (std::size_t i = 0; i < words_.size(); ++i) {
    const std::string& word = words_[i].text;
    const EngineRule* rule = is_option(word) ? engine_rule(name_of(word)) : nullptr;
    if (rule == nullptr) continue;
    words_[i].used = true;
    EngineOption option{.name = std::string{rule->name}, .value = attached_value(word)};
    if (rule->value == Value::kNone && option.value) complain(fmt::format("{} takes no value", rule->name));
    if (rule->value == Value::kRequired && !option.value) {
      if (i + 1 == words_.size() || is_option(words_[i + 1].text)) {
        complain(fmt::format("{} needs a value: {} {}", rule->name, rule->name, rule->form));
        continue;
      }
      words_[++i].used = true;
      option.value = words_[i].text;
    }
    wants_help_ = wants_help_ || rule->name == "--help";
    engine_options_.push_back(std::move(option));
  }
}

bool CommandLine::declare(std::string_view name, std::string_view form, std::string default_text,
                          std::string_view help) {
  if (!is_valid_name(name)) {
    complain(fmt::format(
        "the job declares an argument '{}': a name is made of a-z, 0-9 and -, and begins with a letter", name));
    return false;
  }
  if (engine_rule(fmt::format("--{}", name)) != nullptr) {
    complain(
        fmt::format("the job declares an argument '{}', which is an option of Tidemark: choose another name", name));
    return false;
  }
  if (std::ranges::find(arguments_, name, &Argument::name) != arguments_.end()) {
    complain(fmt::format("the job declares its argument '{}' twice", name));
    return false;
  }
  arguments_.push_back({std::string{name}, std::string{form}, std::string{help}, std::move(default_text)});
  return true;
}

std::optional<std::string> CommandLine::take(std::string_view name, bool is_flag) {
  const std::string option = fmt::format("--{}", name);
  std::optional<std::string> value;
  for (std::size_t i = 0; i < words_.size(); ++i) {
    if (words_[i].used || !is_option(words_[i].text) || name_of(words_[i].text) != option) continue;
    words_[i].used = true;
    value = attached_value(words_[i].text);
    if (value) continue;
    if (is_flag) {
      value = "true";
    } else if (i + 1 < words_.size() && !words_[i + 1].used && !is_option(words_[i + 1].text)) {
      words_[++i].used = true;
      value = words_[i].text;
    } else {
      complain(fmt::format("{} needs a value", option));
    }
  }
  return value;
}

template <class T>
T CommandLine::parsed_arg(std::string_view name, T default_value, std::string_view expected, bool is_flag,
                          std::optional<T> (*parse)(std::string_view)) {
  const auto text = take(name, is_flag);
  if (!text) return default_value;
  const auto value = parse(*text);
  if (!value) complain(fmt::format("--{}: '{}' is not {}", name, shown_value(name, *text), expected));
  return value.value_or(default_value);
}

std::string CommandLine::string_arg(std::string_view name, std::string_view default_value, std::string_view help) {
  std::string fallback{default_value};
  if (!declare(name, "TEXT", fallback.empty() ? "none" : shown_value(name, fallback), help)) return fallback;
  return take(name, false).value_or(fallback);
}

std::int64_t CommandLine::int64_arg(std::string_view name, std::int64_t default_value, std::string_view help) {
  if (!declare(name, "NUMBER", std::to_string(default_value), help)) return default_value;
  return parsed_arg(name, default_value, "a whole number", false, parse_int64);
}

double CommandLine::double_arg(std::string_view name, double default_value, std::string_view help) {
  if (!declare(name, "NUMBER", fmt::format("{}", default_value), help)) return default_value;
  return parsed_arg(name, default_value, "a number", false, parse_double);
}

bool CommandLine::bool_arg(std::string_view name, bool default_value, std::string_view help) {
  if (!declare(name, "", default_value ? "true" : "false", help)) return default_value;
  return parsed_arg(name, default_value, "true or false", true, parse_bool);
}

Duration CommandLine::duration_arg(std::string_view name, Duration default_value, std::string_view help) {
  if (!declare(name, "DURATION", format_duration(default_value), help)) return default_value;
  return parsed_arg(name, default_value, "a duration such as 500ms, 10s, 1min or 2h", false, parse_duration);
}

std::string CommandLine::help() const {
  std::string text = fmt::format("Usage: {} [options]\n", program_);
  if (!arguments_.empty()) text += fmt::format("\nArguments of the job {}\n", job_name_);
  for (const Argument& argument : arguments_) {
    add_line(text, fmt::format("--{}{}{}", argument.name, argument.form.empty() ? "[=false]" : " ", argument.form),
             with_default(argument.help, argument.default_text));
  }
  text += "\nOptions of Tidemark\n";
  for (const EngineRule& rule : kEngineRules) {
    add_line(text, fmt::format("{}{}{}", rule.name, rule.value == Value::kRequired ? " " : "", rule.form), rule.help);
  }
  text += "\nKeys for --config and -D\n";
  for (const OptionDescription& option : describe_options()) {
    text += fmt::format("  {}\n      {}\n", option.key, with_default(option.help, option.default_text));
  }
  return text;
}

void CommandLine::complain_of_unused_words() {
  std::vector<std::string> known;
  for (const Argument& argument : arguments_) known.push_back("--" + argument.name);
  for (const EngineRule& rule : kEngineRules) known.emplace_back(rule.name);
  for (std::size_t i = 0; i < words_.size(); ++i) {
    const Word& word = words_[i];
    if (word.used) continue;
    const bool is_secret = i > 0 && is_secret_key(words_[i - 1].text);  // meant as its value
    if (!is_option(word.text)) {
      complain(fmt::format("unexpected '{}': every value follows the name of its option, and a pattern stands in quotes", is_secret ? "******" : word.text));
      continue;
    }
    const std::string_view name = name_of(word.text);
    complain(is_secret ? "unknown option '******'" : fmt::format("unknown option '{}'{}", name, did_you_mean(name, known)));
    // Most likely its value; to complain of that, too, would not help.
    if (!attached_value(word.text) && i + 1 < words_.size() && !is_option(words_[i + 1].text)) ++i;
  }
}

Result<Options> CommandLine::finish(const ReadFile& read_file) {
  complain_of_unused_words();
  OptionsBuilder builder;
  if (expects_folder_) builder.expect_folder();
  const auto note = [this](const Result<>& result) {
    if (!result) complain(result.error().message());
  };
  const auto for_each_value = [this](std::string_view name, auto&& visit) {
    for (const EngineOption& option : engine_options_) {
      if (option.name == name) visit(option.value.value_or(""));
    }
  };
  const auto set_pairs = [&](const std::string& option) {
    for_each_value(option, [&](const std::string& pair) {
      const std::size_t equals = pair.find('=');
      if (equals == std::string::npos) {
        complain(fmt::format("{} {}: expected KEY=VALUE", option, is_secret_key(pair) ? "******" : pair));
      } else {
        note(builder.set(pair.substr(0, equals), pair.substr(equals + 1), option));
      }
    });
  };
  set_pairs("--cluster-default");
  for_each_value("--config", [&](const std::string& path) {
    const auto text = read_file(path);
    if (text) {
      note(builder.add_yaml(*text, path));
    } else {
      complain("--config: " + text.error().message());
    }
  });
  set_pairs("-D");
  for (const EngineRule& rule : kEngineRules) {
    if (rule.key.empty()) continue;
    for_each_value(rule.name,
                   [&](const std::string& value) {
                     note(builder.set(rule.key, rule.value == Value::kNone ? "true" : value, std::string{rule.name}));
                   });
  }
  for_each_value("--resume", [&](const std::string& path) { builder.resume(path); });
  for_each_value("--plan", [&](const std::string&) { builder.plan_only(); });
  for_each_value("--check", [&](const std::string& path) { builder.check_only(path, false); });
  for_each_value("--check-json", [&](const std::string& path) { builder.check_only(path, true); });

  if (complaints_.empty()) return builder.finish();
  return fail(ErrorCode::kInvalidArgument, fmt::format("{}\nSee {} --help.", fmt::join(complaints_, "\n"), program_));
}

}  // namespace tidemark

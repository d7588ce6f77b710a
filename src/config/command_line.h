// The command line of a job's executable: the engine's options and the job's own arguments on one line.
//
// The job's arguments are asked for one by one, after the line was split and before all of them are known, so what is
// wrong comes to light only in finish(): unknown options, values of the wrong form. Until then a wrong value reads as
// its default. A value follows its option after a space or "="; a flag of the job takes "=false"; the last of several
// holds.
//
// Threads: one. Ownership: copies what it is given. Invariant: every word of the line is an option's, a value's or an
// error.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "config/options.h"

namespace tidemark {

class CommandLine {
 public:
  /// The whole content of a file: how --config is read.
  using ReadFile = std::function<Result<std::string>(const std::string& path)>;

  CommandLine(std::string job_name, int argc, const char* const* argv);

  /// The value of --name, or the default. Names match [a-z][a-z0-9-]* and are neither the engine's nor given twice.
  std::string string_arg(std::string_view name, std::string_view default_value, std::string_view help);
  std::int64_t int64_arg(std::string_view name, std::int64_t default_value, std::string_view help);
  double double_arg(std::string_view name, double default_value, std::string_view help);
  bool bool_arg(std::string_view name, bool default_value, std::string_view help);
  Duration duration_arg(std::string_view name, Duration default_value, std::string_view help);

  /// Whether --help or -h is there; then print help() and end well, whatever else is wrong.
  bool wants_help() const { return wants_help_; }
  /// Both groups with their defaults; the job's are those asked for so far.
  std::string help() const;

  /// As OptionsBuilder::expect_folder().
  void expect_folder() { expects_folder_ = true; }
  /// After the last argument: the options, or all that is wrong with the line, one complaint a line.
  Result<Options> finish(const ReadFile& read_file);

 private:
  struct Word {
    std::string text;
    bool used = false;
  };
  /// An option of the engine as it was given.
  struct EngineOption {
    std::string name;  // "--parallelism"
    std::optional<std::string> value;
  };
  struct Argument {
    std::string name;
    std::string form;  // "NUMBER"
    std::string help;
    std::string default_text;
  };

  void take_engine_options();
  void complain(std::string complaint) { complaints_.push_back(std::move(complaint)); }
  bool declare(std::string_view name, std::string_view form, std::string default_text, std::string_view help);
  std::optional<std::string> take(std::string_view name, bool is_flag);
  template <class T>
  T parsed_arg(std::string_view name, T default_value, std::string_view expected, bool is_flag,
               std::optional<T> (*parse)(std::string_view));
  void complain_of_unused_words();

  std::string program_;
  std::string job_name_;
  std::vector<Word> words_;
  std::vector<EngineOption> engine_options_;
  std::vector<Argument> arguments_;
  std::vector<std::string> complaints_;
  bool wants_help_ = false;
  bool expects_folder_ = false;
};

}  // namespace tidemark

// Fills Options from text: the configuration file, then -D, then the command line; the last word holds.
//
// Threads: one. Every error names where the value stands ("conf.yaml:3", "--parallelism"), the key, the value and what
// was expected; an unknown key is an error that suggests the nearest.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "config/options.h"

namespace tidemark {

class OptionsBuilder {
 public:
  /// `where` goes into errors, also into those of finish().
  Result<> set(std::string_view key, std::string_view value, std::string where);
  /// `text` of the file called `name`: nested maps, dotted keys, or both mixed.
  Result<> add_yaml(const std::string& text, const std::string& name);
  /// Asks for a restore; from `path`, or from the job's newest checkpoint if it is empty.
  void resume(std::string path);
  /// Where the options name no folder for checkpoints, a JobManager will, and what to start from.
  void expect_folder() { expects_folder_ = true; }
  void plan_only() { options_.plan_only = true; }
  /// Asks whether a restore would do: from `path`, or from the job's newest checkpoint if it is empty.
  void check_only(std::string path, bool as_json);

  /// Checks the options against one another and adds what follows from a checkpoint folder: an interval of 10 s and
  /// restarts with exponential delay, unless they were set.
  Result<Options> finish() const;

 private:
  bool is_set(std::string_view key) const { return set_at_.contains(key); }
  std::string where(std::string_view key) const;
  Result<> check_at_most_once() const;

  Options options_;
  bool expects_folder_ = false;
  std::map<std::string, std::string, std::less<>> set_at_;
};

/// For help: one entry for each key.
struct OptionDescription {
  std::string key;
  std::string expected;
  std::string help;
  std::string default_text;
};
std::vector<OptionDescription> describe_options();

}  // namespace tidemark

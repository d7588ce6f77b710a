// A YAML file of options: nested maps, dotted keys, or both mixed, as pairs of a dotted key and its text.
//
// Pure; any thread. Every error names the file's line, the key and what was expected; a key that there is not suggests the
// nearest.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace tidemark {

/// The keys that there are.
class OptionKeys {
 public:
  explicit OptionKeys(std::vector<std::string> keys) : keys_{std::move(keys)} {}

  bool has(std::string_view key) const;
  /// Whether it is "a.b" of a key "a.b.c": what may stand above a nested map.
  bool has_group(std::string_view prefix) const;
  /// That there is no such key, and which may be meant.
  std::unexpected<Error> unknown(std::string_view key, std::string_view where) const;

 private:
  std::vector<std::string> keys_;
};

/// Takes an option of the file. `where` is its line: "conf.yaml:3".
using TakeOption = std::function<Result<>(std::string_view key, std::string_view value, std::string where)>;

/// Gives the options in the order of the file called `name`, up to the first error.
Result<> read_yaml_options(const std::string& text, const std::string& name, const OptionKeys& keys, const TakeOption& take);

}  // namespace tidemark

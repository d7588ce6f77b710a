// A fuzz target checks properties of one piece of code on one input of any bytes. libFuzzer runs it on inputs of its
// own making (preset fuzz, tools/fuzz); fuzz_regressions_test runs it on the files of corpus/ and regressions/ in every
// other preset.
//
// Targets are known once main() runs. One thread.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>

namespace tidemark::fuzz {

/// Aborts where a property does not hold. Keeps nothing from one input to the next.
using Target = void (*)(std::string_view input);

/// Makes a target known under the name of its file: `const Registration kTarget{"schema", check};`
class Registration {
 public:
  Registration(std::string_view name, Target target);
};

const std::map<std::string, Target, std::less<>>& targets();

}  // namespace tidemark::fuzz

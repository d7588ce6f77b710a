#include "fuzz/target.h"

namespace tidemark::fuzz {
namespace {

std::map<std::string, Target, std::less<>>& known_targets() {
  static std::map<std::string, Target, std::less<>> targets;
  return targets;
}

}  // namespace

Registration::Registration(std::string_view name, Target target) { known_targets().emplace(name, target); }

const std::map<std::string, Target, std::less<>>& targets() { return known_targets(); }

}  // namespace tidemark::fuzz

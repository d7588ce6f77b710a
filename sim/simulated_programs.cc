#include "sim/simulated_programs.h"

#include <fmt/format.h>

#include <charconv>
#include <string_view>
#include <type_traits>
#include <utility>

#include "graph/plan.h"
#include "sim/simulated_env.h"
#include "tidemark/detail/base/check.h"

namespace tidemark {
namespace {

constexpr std::string_view kProgram = "--program=";
constexpr std::string_view kVersion = "--version=";
constexpr std::string_view kParallelism = "--parallelism=";
constexpr std::string_view kFolder = "--folder=";
constexpr std::string_view kSpilling = "--spilling=";
constexpr std::string_view kFlaw = "--flaw=";
constexpr std::string_view kResume = "--resume";

template <class T>
bool read(std::string_view word, std::string_view name, T& to) {
  if (!word.starts_with(name)) return false;
  const std::string_view text = word.substr(name.size());
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), to);
  TIDEMARK_CHECK(error == std::errc{} && end == text.data() + text.size(), "arguments arrive as they were given");
  return true;
}

template <class Enum>
bool read_enum(std::string_view word, std::string_view name, Enum& to) {
  std::underlying_type_t<Enum> number{};
  const bool is_it = read(word, name, number);
  if (is_it) to = static_cast<Enum>(number);
  return is_it;
}

}  // namespace

std::string checkpoint_dir(std::size_t folder) {
  return folder == 0 ? kSimulatedCheckpointDir : fmt::format("{}-{}", kSimulatedCheckpointDir, folder);
}

std::vector<std::string> ProgramArguments::words() const {
  std::vector<std::string> words{fmt::format("{}{}", kProgram, program),
                                 fmt::format("{}{}", kVersion, version),
                                 fmt::format("{}{}", kParallelism, parallelism),
                                 fmt::format("{}{}", kFolder, folder),
                                 fmt::format("{}{}", kSpilling, std::to_underlying(spilling)),
                                 fmt::format("{}{}", kFlaw, std::to_underlying(flaw))};
  if (resume) words.emplace_back(kResume);
  return words;
}

ProgramArguments ProgramArguments::parse(const std::vector<std::string>& words) {
  ProgramArguments result;
  for (const std::string& word : words) {
    const bool known = read(word, kProgram, result.program) || read(word, kVersion, result.version) ||
                       read(word, kParallelism, result.parallelism) || read(word, kFolder, result.folder) ||
                       read_enum(word, kSpilling, result.spilling) || read_enum(word, kFlaw, result.flaw) || word == kResume;
    TIDEMARK_CHECK(known, "a program is given nothing but its own arguments");
    result.resume = result.resume || word == kResume;
  }
  return result;
}

SimulatedJob SimulatedPrograms::build(const ProgramArguments& arguments) const {
  SimulatedJob job = program(arguments).workload->build(arguments.parallelism, arguments.version);
  if (arguments.program > 0) job.plan.logical.job += fmt::format("-{}", arguments.program);  // two may be of one workload
  if (arguments.flaw == Flaw::kOtherUids) {
    for (auto& node : job.plan.logical.nodes) node.uid += "-other";
  }
  return job;
}

Result<JobDescription> SimulatedPrograms::plan(const std::string&, const std::string&, const std::vector<std::string>& words) {
  const ProgramArguments arguments = ProgramArguments::parse(words);
  SimulatedJob job = build(arguments);
  JobDescription description{.library = "simulated", .plan = std::move(job.plan), .options = program(arguments).options, .resume = arguments.resume};
  description.options["execution.checkpointing.dir"] = checkpoint_dir(arguments.folder);
  description.fingerprint = fingerprint(description.plan.logical);
  return description;
}

}  // namespace tidemark

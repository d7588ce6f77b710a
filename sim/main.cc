// tidemark_sim: runs whole jobs in a simulated world, seed after seed, and says which seeds found something wrong.
#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/log.h"
#include "base/nearest.h"
#include "sim/cluster_simulation.h"
#include "sim/coverage.h"
#include "sim/scenario.h"
#include "sim/seed_runner.h"
#include "sim/simulation.h"
#include "sim/workload.h"
#include "tidemark/detail/base/planted_bug.h"

namespace tidemark {
namespace {

// One seed in so many is run twice, and the two traces compared.
constexpr std::uint64_t kCheckTraceOneIn = 50;

struct Arguments {
  std::string seeds = "1-1000";
  std::optional<std::uint64_t> seed;
  std::string workload;
  std::string scenario;
  std::string scenarios = TIDEMARK_SCENARIOS;
  std::string bug;
  unsigned jobs = std::max(1u, std::thread::hardware_concurrency());
  unsigned watchdog_s = 600;
  bool trace = false;
  bool check_trace = false;
  bool coverage = false;
  bool until_failure = false;
  bool list = false;
};

Error bad_argument(const std::string& message) { return Error{ErrorCode::kInvalidArgument, message}; }

SeedRange parse_seeds(const std::string& text) {
  const std::size_t dash = text.find('-');
  SeedRange range;
  const bool parsed = CLI::detail::lexical_cast(text.substr(0, dash), range.first) &&
                      CLI::detail::lexical_cast(dash == std::string::npos ? text : text.substr(dash + 1), range.last);
  if (!parsed || range.first > range.last) throw bad_argument(fmt::format("--seeds={} is no range of seeds such as 1-1000", text));
  return range;
}

struct Combination {
  const Scenario* scenario = nullptr;
  const WorkloadKind* workload = nullptr;
};

// Every scenario with every workload that it allows, less what the arguments leave out. `scenarios` outlives the result.
std::vector<Combination> combinations(const std::vector<Scenario>& scenarios, const Arguments& arguments) {
  std::vector<std::string> scenario_names, workload_names;
  for (const Scenario& scenario : scenarios) scenario_names.push_back(scenario.name);
  for (const WorkloadKind& kind : workload_kinds()) workload_names.emplace_back(kind.name);
  const auto check = [](const char* what, const std::string& name, const std::vector<std::string>& known) {
    if (name.empty() || std::ranges::find(known, name) != known.end()) return;
    throw bad_argument(fmt::format("there is no {} '{}'{}; there are: {}", what, name, did_you_mean(name, known),
                                   fmt::join(known, ", ")));
  };
  check("scenario", arguments.scenario, scenario_names);
  check("workload", arguments.workload, workload_names);

  std::vector<Combination> result;
  for (const Scenario& scenario : scenarios) {
    for (const std::string& name : scenario.workloads) {
      check(fmt::format("workload (that scenario '{}' names)", scenario.name).c_str(), name, workload_names);
    }
    if (!arguments.scenario.empty() && scenario.name != arguments.scenario) continue;
    for (const WorkloadKind& kind : workload_kinds()) {
      const bool allowed =
          scenario.workloads.empty() || std::ranges::find(scenario.workloads, kind.name) != scenario.workloads.end();
      const bool asked_for = arguments.workload.empty() || kind.name == arguments.workload;
      if (allowed && asked_for) result.push_back({&scenario, &kind});
    }
  }
  if (result.empty()) {
    throw bad_argument(fmt::format("scenario '{}' does not run workload '{}'", arguments.scenario, arguments.workload));
  }
  return result;
}

const Combination& combination_of(std::uint64_t seed, const std::vector<Combination>& all) {
  return all[SplitMixRandom{seed}.next() % all.size()];
}

std::string one_line(std::string text) {
  std::ranges::replace(text, '\n', ' ');
  return text;
}

/// use() of the simulation that the scenario asks for.
template <class Use>
auto simulate_with(std::uint64_t seed, const Combination& which, const Use& use) {
  if (which.scenario->has_cluster()) {
    ClusterSimulation simulation{seed, *which.scenario, *which.workload};
    return use(simulation);
  }
  Simulation simulation{seed, *which.scenario, *which.workload};
  return use(simulation);
}

std::string run_once(std::uint64_t seed, const Combination& which, std::uint64_t& digest) {
  return simulate_with(seed, which, [&](auto& simulation) {
    const std::optional<std::string> wrong = simulation.run();
    digest = simulation.digest();
    return wrong.value_or("");
  });
}

std::string run_seed(std::uint64_t seed, const Combination& which, bool check_trace) {
  std::uint64_t digest = 0, again = 0;
  std::string wrong = run_once(seed, which, digest);
  if (!wrong.empty() || !check_trace) return wrong;
  wrong = run_once(seed, which, again);
  if (!wrong.empty()) return "only the second time: " + wrong;
  return digest == again ? "" : "run twice, it gives two different traces";
}

std::string replay_command(std::uint64_t seed, const Combination& which, const Arguments& arguments) {
  const std::string bug = arguments.bug.empty() ? "" : " --bug " + arguments.bug;
  return fmt::format("tidemark_sim --seed {} --scenario {} --workload {}{} --trace", seed, which.scenario->name,
                     which.workload->name, bug);
}

int run_range(const std::vector<Combination>& all, const Arguments& arguments) {
  Coverage coverage;
  std::uint64_t passed = 0, failed = 0;
  SeedRunnerOptions options;
  options.seeds = parse_seeds(arguments.seeds);
  options.jobs = arguments.jobs;
  options.watchdog_s = arguments.watchdog_s;
  const auto run = [&](std::uint64_t seed) {
    std::string wrong = run_seed(seed, combination_of(seed, all), arguments.check_trace || seed % kCheckTraceOneIn == 0);
    coverage.publish();
    return wrong;
  };
  const auto on_seed = [&](const SeedResult& result) {
    if (result.wrong.empty()) {
      ++passed;
      return true;
    }
    ++failed;
    const Combination& which = combination_of(result.seed, all);
    fmt::print("seed {}, {}, {}: {} [{}]\n", result.seed, which.scenario->name, which.workload->name,
               one_line(result.wrong), replay_command(result.seed, which, arguments));
    std::fflush(stdout);
    return !arguments.until_failure;
  };
  run_seeds(options, run, on_seed);
  if (arguments.coverage) fmt::print("{}", coverage.report());
  fmt::print("{} passed, {} failed\n", passed, failed);
  return failed == 0 ? 0 : 1;
}

// In this process, for the trace and for the debugger.
int run_one(std::uint64_t seed, const std::vector<Combination>& all, const Arguments& arguments) {
  const Combination& which = combination_of(seed, all);
  std::setvbuf(stdout, nullptr, _IOLBF, 0);  // a seed that aborts has told all before
  fmt::print("seed {}, {}, {}\n", seed, which.scenario->name, which.workload->name);
  return simulate_with(seed, which, [&](auto& simulation) {
    if (arguments.trace) {
      set_log_level(LogLevel::kDebug);
      simulation.listen([](std::string_view line) { fmt::print("{}\n", line); });
    }
    const std::optional<std::string> wrong = simulation.run();
    if (wrong) fmt::print("wrong: {}\n", *wrong);
    fmt::print("trace {:016x}\n{} passed, {} failed\n", simulation.digest(), wrong ? 0 : 1, wrong ? 1 : 0);
    return wrong ? 1 : 0;
  });
}

void list(const std::vector<Scenario>& scenarios) {
  fmt::print("Workloads:\n");
  for (const WorkloadKind& kind : workload_kinds()) fmt::print("  {:20} {}\n", kind.name, kind.what);
  fmt::print("Scenarios:\n");
  for (const Scenario& scenario : scenarios) fmt::print("  {:20} {}\n", scenario.name, scenario.about);
  fmt::print("Bugs to plant:\n");
  for (const detail::PlantedBug bug : detail::all_planted_bugs()) fmt::print("  {}\n", to_string(bug));
}

void plant(const std::string& name) {
  const auto bug = detail::parse_planted_bug(name);
  if (!bug) {
    std::vector<std::string> names;
    for (const detail::PlantedBug known : detail::all_planted_bugs()) names.emplace_back(to_string(known));
    throw bad_argument(fmt::format("there is no bug '{}'{}; there are: {}", name, did_you_mean(name, names), fmt::join(names, ", ")));
  }
#ifdef TIDEMARK_INSTRUMENTS
  detail::plant(*bug);
#else
  throw bad_argument("this build has no bugs to plant: configure it with -DTIDEMARK_INSTRUMENTS=ON");
#endif
}

int simulate(const Arguments& arguments) {
  const std::vector<Scenario> scenarios = value_or_throw(load_scenarios(arguments.scenarios));
  const std::vector<Combination> all = combinations(scenarios, arguments);
  if (arguments.list) {
    list(scenarios);
    return 0;
  }
  if (!arguments.bug.empty()) plant(arguments.bug);
  return arguments.seed ? run_one(*arguments.seed, all, arguments) : run_range(all, arguments);
}

int run(int argc, char** argv) {
  Arguments arguments;
  CLI::App app{
      "Runs whole jobs in a simulated world: each seed is one scenario of faults, one workload and one order of events.\n"
      "Prints the seeds that found something wrong, each with the command that replays it; the last line says how many\n"
      "passed and failed, and the exit status is 0 when none failed."};
  app.add_option("--seeds", arguments.seeds, "the seeds to run, A-B")->capture_default_str();
  app.add_option("--seed", arguments.seed, "run this one alone, in this process");
  app.add_flag("--trace", arguments.trace, "with --seed: print what happens, step by step");
  app.add_option("--workload", arguments.workload, "run this workload only");
  app.add_option("--scenario", arguments.scenario, "run this scenario only");
  app.add_option("--scenarios", arguments.scenarios, "the folder of scenario files");
  app.add_option("--jobs", arguments.jobs, "processes side by side")->check(CLI::Range(1u, 1024u))->capture_default_str();
  app.add_flag("--check-trace", arguments.check_trace,
               fmt::format("run every seed twice and compare the traces, instead of one in {}", kCheckTraceOneIn));
  app.add_flag("--until-failure", arguments.until_failure, "stop at the first seed that fails");
  app.add_flag("--coverage", arguments.coverage, "print how often each probe was reached, and which never");
  app.add_option("--bug", arguments.bug, "plant this bug");
  app.add_option("--watchdog-s", arguments.watchdog_s, "real seconds after which a seed hangs")->capture_default_str();
  app.add_flag("--list", arguments.list, "list workloads, scenarios and bugs");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error);
  }
  try {
    return simulate(arguments);
  } catch (const std::exception& error) {
    fmt::print(stderr, "tidemark_sim: {}\n", error.what());
    return 2;
  }
}

}  // namespace
}  // namespace tidemark

int main(int argc, char** argv) { return tidemark::run(argc, argv); }

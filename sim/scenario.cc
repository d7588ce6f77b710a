#include "sim/scenario.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <functional>
#include <limits>
#include <map>

#include "base/nearest.h"
#include "env/posix_file_system.h"

namespace tidemark {
namespace {

constexpr std::uint64_t kMany = 1'000'000'000;

struct RangeKey {
  const char* name;
  std::function<ScenarioRange&(Scenario&)> of;
  std::uint64_t lowest;
  std::uint64_t highest;
};

#define RANGE(member, lowest, highest) \
  RangeKey { #member, [](Scenario& s) -> ScenarioRange& { return s.member; }, lowest, highest }

// "section.key", or "key" at the top; the highest parallelism is what keeps a seed quick.
const std::vector<RangeKey>& range_keys() {
  static const std::vector<RangeKey> keys{
      RANGE(parallelism, 1, 8),
      RANGE(records, 1, 100'000),
      RANGE(fault_steps, 0, kMany),
      RANGE(restarts, 0, 1000),
      RANGE(checkpoints.interval_ms, 0, 1'000'000),
      RANGE(checkpoints.interval_records, 0, kMany),
      RANGE(checkpoints.interval_bytes, 0, kMany),
      RANGE(checkpoints.timeout_ms, 1, 1'000'000),
      RANGE(checkpoints.min_pause_ms, 0, 1'000'000),
      RANGE(checkpoints.in_flight, 1, 16),
      RANGE(checkpoints.retained, 1, 16),
      RANGE(checkpoints.tolerable_failures, 0, 1000),
      RANGE(checkpoints.closing_attempts, 0, 1000),
      RANGE(pace.step_us, 1, 100'000),
      RANGE(pace.laziness, 1, 1 << 20),
      RANGE(pace.stall_ms, 0, 1'000'000),
      RANGE(pace.io_latency_ms, 0, 1'000'000),
      RANGE(faults.process_death, 1, kMany),
      RANGE(faults.machine_death, 1, kMany),
      RANGE(faults.death_in_file_change, 1, kMany),
      RANGE(faults.io_error, 1, kMany),
      RANGE(faults.read_error, 1, kMany),
      RANGE(faults.disk_full, 1, kMany),
      RANGE(faults.output_error, 1, kMany),
      RANGE(faults.user_error, 1, kMany),
      RANGE(faults.stop, 1, kMany),
      RANGE(faults.cancel, 1, kMany),
      RANGE(faults.savepoint, 1, kMany),
      RANGE(faults.stop_with_savepoint, 1, kMany),
      RANGE(faults.drain, 1, kMany),
      RANGE(faults.cancel_with_savepoint, 1, kMany),
      RANGE(faults.disposal, 1, kMany),
      RANGE(faults.rival, 1, kMany),
      RANGE(faults.stall, 1, kMany),
      RANGE(faults.time_leap, 1, kMany),
      RANGE(faults.clock_set, 1, kMany),
      RANGE(faults.cut, 1, kMany),
      RANGE(faults.connections_break, 1, kMany),
      RANGE(faults.freeze, 1, kMany),
      RANGE(faults.upgrade, 1, kMany),
      RANGE(faults.repeat, 1, kMany),
      RANGE(cluster.task_managers, 1, 5),
      RANGE(cluster.slots, 1, 8),
      RANGE(cluster.jobs, 1, 4),
      RANGE(cluster.delay_ms, 0, 1'000'000),
      RANGE(resumes.claim, 1, kMany),
      RANGE(resumes.move, 1, kMany),
      RANGE(resumes.older, 1, kMany),
  };
  return keys;
}

#undef RANGE

// What a cluster does not have, or nobody does there; and what only a cluster has.
const std::vector<std::string> kNotInClusters{"restart_kinds", "checkpoints.interval_records", "checkpoints.interval_bytes",
                                              "checkpoints.closing_attempts", "faults.stop", "faults.rival", "resumes.older"};
const std::vector<std::string> kOnlyInClusters{"faults.cut", "faults.connections_break", "faults.freeze", "faults.upgrade", "faults.repeat"};

const std::vector<std::string> kPlainKeys{"about", "workloads", "modes", "restart_kinds", "swarm", "rescale"};
const std::vector<std::string> kSections{"checkpoints", "pace", "faults", "cluster", "resumes"};

template <class T>
using Choices = std::vector<std::pair<std::string, T>>;

const Choices<CheckpointMode> kModes{{"exactly_once", CheckpointMode::kExactlyOnce},
                                     {"at_least_once", CheckpointMode::kAtLeastOnce},
                                     {"none", CheckpointMode::kNone}};
const Choices<RestartKind> kRestartKinds{{"fixed_delay", RestartKind::kFixedDelay},
                                         {"failure_rate", RestartKind::kFailureRate},
                                         {"exponential_delay", RestartKind::kExponentialDelay}};

class ScenarioParser {
 public:
  ScenarioParser(std::string_view name, std::string_view file) : file_{file} { scenario_.name = name; }

  // Throws YAML::Exception and Error.
  Scenario parse(std::string_view yaml) {
    const YAML::Node root = YAML::Load(std::string{yaml});
    if (!root.IsMap()) throw wrong(root, "a scenario is a map of keys to values");
    check_keys(root, "");
    parse_plain(root);
    for (const RangeKey& key : range_keys()) parse_range(root, key);
    refuse_keys(root, scenario_.has_cluster() ? kNotInClusters : kOnlyInClusters);
    if (scenario_.about.empty()) throw wrong(root, "'about' is missing: say in one line what happens");
    return std::move(scenario_);
  }

 private:
  Error wrong(const YAML::Node& node, std::string_view what) const {
    return Error{ErrorCode::kParse, fmt::format("{}:{}: {}", file_, node.Mark().line + 1, what)};
  }

  static std::vector<std::string> keys_below(const std::string& section) {
    std::vector<std::string> result;
    if (section.empty()) {
      result = kPlainKeys;
      result.insert(result.end(), kSections.begin(), kSections.end());
    }
    for (const RangeKey& key : range_keys()) {
      const std::string name{key.name};
      const std::size_t dot = name.find('.');
      const std::string above = dot == std::string::npos ? "" : name.substr(0, dot);
      if (above == section) result.push_back(dot == std::string::npos ? name : name.substr(dot + 1));
    }
    return result;
  }

  void check_keys(const YAML::Node& map, const std::string& section) {
    const std::vector<std::string> allowed = keys_below(section);
    for (const auto& entry : map) {
      const auto key = entry.first.as<std::string>();
      if (std::ranges::find(allowed, key) == allowed.end()) {
        const auto near = nearest(key, allowed);
        throw wrong(entry.first, fmt::format("there is no key '{}'{}; allowed here: {}", key,
                                             near ? fmt::format(" (did you mean '{}'?)", *near) : "",
                                             fmt::join(allowed, ", ")));
      }
      if (!section.empty() || std::ranges::find(kSections, key) == kSections.end()) continue;
      if (!entry.second.IsMap()) throw wrong(entry.second, fmt::format("'{}' is a map of keys to ranges", key));
      check_keys(entry.second, key);
    }
  }

  void parse_plain(const YAML::Node& root) {
    if (const YAML::Node about = root["about"]) scenario_.about = about.as<std::string>();
    if (const YAML::Node workloads = root["workloads"]) scenario_.workloads = names(workloads, "workloads");
    if (const YAML::Node swarm = root["swarm"]) scenario_.swarm = swarm.as<bool>();
    if (const YAML::Node rescale = root["rescale"]) scenario_.rescale = rescale.as<bool>();
    parse_choices(root, "modes", kModes, scenario_.modes);
    parse_choices(root, "restart_kinds", kRestartKinds, scenario_.restart_kinds);
  }

  template <class T>
  void parse_choices(const YAML::Node& root, const char* key, const Choices<T>& choices, std::vector<T>& to) const {
    const YAML::Node node = root[key];
    if (!node) return;
    to.clear();
    for (const std::string& name : names(node, key)) {
      const auto at = std::ranges::find(choices, name, &std::pair<std::string, T>::first);
      if (at == choices.end()) {
        std::vector<std::string> allowed;
        for (const auto& choice : choices) allowed.push_back(choice.first);
        throw wrong(node, fmt::format("'{}' is none of '{}'; allowed: {}", name, key, fmt::join(allowed, ", ")));
      }
      to.push_back(at->second);
    }
  }

  std::vector<std::string> names(const YAML::Node& node, const char* key) const {
    if (!node.IsSequence() || node.size() == 0) throw wrong(node, fmt::format("'{}' is a list of names: [a, b]", key));
    return node.as<std::vector<std::string>>();
  }

  void parse_range(const YAML::Node& root, const RangeKey& key) {
    const std::string name{key.name};
    const YAML::Node node = find(root, name);
    if (!node) return;
    const bool pair = node.IsSequence() && node.size() == 2;
    ScenarioRange& range = key.of(scenario_);
    if (!(pair ? parse_number(node[0], range.low) && parse_number(node[1], range.high)
               : node.IsScalar() && parse_number(node, range.low) && parse_number(node, range.high)) ||
        range.low < key.lowest || range.high > key.highest || range.low > range.high) {
      throw wrong(node, fmt::format("'{}' is a number or a range [lowest, highest] of numbers from {} to {}", name, key.lowest,
                                    key.highest));
    }
  }

  void refuse_keys(const YAML::Node& root, const std::vector<std::string>& names) const {
    for (const std::string& name : names) {
      const YAML::Node node = find(root, name);
      if (!node) continue;
      throw wrong(node, fmt::format("'{}' means nothing {} a cluster: leave it out", name, scenario_.has_cluster() ? "in" : "without"));
    }
  }

  static YAML::Node find(const YAML::Node& root, const std::string& name) {
    const std::size_t dot = name.find('.');
    const YAML::Node map = dot == std::string::npos ? root : root[name.substr(0, dot)];
    return map ? map[name.substr(dot + 1)] : YAML::Node{YAML::NodeType::Undefined};
  }

  static bool parse_number(const YAML::Node& node, std::uint64_t& to) {
    return node.IsScalar() && YAML::convert<std::uint64_t>::decode(node, to) && !node.Scalar().starts_with('-');
  }

  std::string file_;
  Scenario scenario_;
};

}  // namespace

Result<Scenario> parse_scenario(std::string_view name, std::string_view yaml, std::string_view file) {
  try {
    return ScenarioParser{name, file}.parse(yaml);
  } catch (const YAML::Exception& error) {
    return fail(ErrorCode::kParse, fmt::format("{}:{}: {}", file, error.mark.line + 1, error.msg));
  } catch (const Error& error) {
    return std::unexpected{error};
  }
}

Result<std::vector<Scenario>> load_scenarios(const std::string& directory) {
  constexpr std::string_view kExtension = ".yaml";
  FileSystem& files = posix_file_system();
  TIDEMARK_ASSIGN(entries, files.list(directory));
  std::vector<Scenario> result;
  for (const DirectoryEntry& entry : entries) {
    if (!entry.name.ends_with(kExtension)) continue;
    const std::string path = join_path(directory, entry.name);
    TIDEMARK_ASSIGN(yaml, read_file(files, path));
    TIDEMARK_ASSIGN(scenario, parse_scenario(entry.name.substr(0, entry.name.size() - kExtension.size()), yaml, path));
    result.push_back(std::move(scenario));
  }
  if (result.empty()) return fail(ErrorCode::kNotFound, fmt::format("there is no scenario (*.yaml) in '{}'", directory));
  return result;
}

}  // namespace tidemark

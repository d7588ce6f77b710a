#include "config/cluster_options.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <limits>
#include <string_view>
#include <type_traits>

#include "config/options_builder.h"
#include "config/parse_value.h"
#include "config/yaml_options.h"

namespace tidemark {
namespace {

struct Rule {
  std::string key;
  std::string expected;
  std::function<bool(ClusterOptions&, std::string_view)> set;  // false if the text is not what is expected
};

// field(options) is the option's place.
Rule text_rule(std::string key, std::string expected, auto field) {
  return {std::move(key), std::move(expected), [=](ClusterOptions& options, std::string_view text) {
            field(options) = text;
            return !text.empty() && text.find('\0') == std::string_view::npos;
          }};
}

Rule number_rule(std::string key, std::int64_t high, auto field) {
  return {std::move(key), fmt::format("a whole number from 1 to {}", high),
          [=](ClusterOptions& options, std::string_view text) {
            const auto value = parse_int64(text);
            if (!value || *value < 1 || *value > high) return false;
            auto& target = field(options);
            target = static_cast<std::remove_reference_t<decltype(target)>>(*value);
            return true;
          }};
}

Rule size_rule(std::string key, auto field) {
  return {std::move(key), "a size such as 512mb or 8gb", [=](ClusterOptions& options, std::string_view text) {
            const auto value = parse_bytes(text);
            field(options) = static_cast<std::uint64_t>(value.value_or(0));
            return value.has_value() && *value > 0;
          }};
}

Rule duration_rule(std::string key, auto field) {
  return {std::move(key), "a duration such as 500ms, 10s, 1min or 2h", [=](ClusterOptions& options, std::string_view text) {
            const auto value = parse_duration(text);
            field(options) = value.value_or(Duration{0});
            return value.has_value() && *value > Duration{0};
          }};
}

const std::vector<Rule>& rules() {
  using Options = ClusterOptions;
  constexpr std::int64_t kLastPort = std::numeric_limits<std::uint16_t>::max();
  constexpr std::int64_t kMostSlots = 32'768;  // a job's highest parallelism
  const auto host = [](std::string key, auto field) { return text_rule(std::move(key), "a host's name or number", field); };
  const auto path = [](std::string key, auto field) { return text_rule(std::move(key), "a path", field); };
  const auto port = [](std::string key, auto field) { return number_rule(std::move(key), kLastPort, field); };
  static const std::vector<Rule> all{
      host("jobmanager.rpc.address", [](Options& o) -> auto& { return o.job_manager.host; }),
      port("jobmanager.rpc.port", [](Options& o) -> auto& { return o.job_manager.port; }),
      host("jobmanager.bind-host", [](Options& o) -> auto& { return o.job_manager.bind_host; }),
      path("high-availability.storageDir", [](Options& o) -> auto& { return o.job_manager.folder; }),
      duration_rule("slot.request.timeout", [](Options& o) -> auto& { return o.job_manager.slot_timeout; }),
      duration_rule("heartbeat.interval", [](Options& o) -> auto& { return o.heartbeat.interval; }),
      duration_rule("heartbeat.timeout", [](Options& o) -> auto& { return o.heartbeat.timeout; }),
      host("rest.address", [](Options& o) -> auto& { return o.rest.host; }),
      host("rest.bind-address", [](Options& o) -> auto& { return o.rest.bind_host; }),
      port("rest.port", [](Options& o) -> auto& { return o.rest.port; }),
      text_rule("taskmanager.resource-id", "a name", [](Options& o) -> auto& { return o.task_manager.id; }),
      host("taskmanager.host", [](Options& o) -> auto& { return o.task_manager.host; }),
      number_rule("taskmanager.numberOfTaskSlots", kMostSlots, [](Options& o) -> auto& { return o.task_manager.slots; }),
      size_rule("taskmanager.memory.process.size", [](Options& o) -> auto& { return o.task_manager.process_bytes; }),
      size_rule("taskmanager.memory.managed.size", [](Options& o) -> auto& { return o.task_manager.state_bytes; }),
      path("security.ssl.internal.certificate", [](Options& o) -> auto& { return o.internal_tls.certificate; }),
      path("security.ssl.internal.key", [](Options& o) -> auto& { return o.internal_tls.key; }),
      path("security.ssl.internal.authority", [](Options& o) -> auto& { return o.internal_tls.authority; }),
      text_rule("security.ssl.internal.peer-name", "a host's name", [](Options& o) -> auto& { return o.internal_tls.peer_name; }),
      path("security.ssl.rest.certificate", [](Options& o) -> auto& { return o.rest_tls.certificate; }),
      path("security.ssl.rest.key", [](Options& o) -> auto& { return o.rest_tls.key; }),
      Rule{"io.tmp.dirs", "the path of one folder; several are not supported, and none has ',' or ':' in it",
           [](Options& options, std::string_view text) {
             options.task_manager.tmp_folder = text;
             return !text.empty() && text.find_first_of(std::string_view{",:\0", 3}) == std::string_view::npos;
           }},
  };
  return all;
}

OptionKeys all_keys() {
  std::vector<std::string> keys;
  for (const Rule& rule : rules()) keys.push_back(rule.key);
  for (const OptionDescription& option : describe_options()) keys.push_back(option.key);
  return OptionKeys{std::move(keys)};
}

// Who names one part of TLS wants it: nothing is to go unencrypted because another was forgotten.
Result<> check_whole(const std::string& name, std::string_view prefix, bool is_wanted,
                     std::initializer_list<std::pair<std::string_view, std::string_view>> parts) {
  for (const auto& [part, value] : parts) {
    if (is_wanted && value.empty()) {
      return fail(ErrorCode::kInvalidArgument, fmt::format("{}: {}{} is missing beside other keys of {}*", name, prefix, part, prefix));
    }
  }
  return {};
}

Result<> check_tls(const ClusterOptions& options, const std::string& name) {
  const ClusterOptions::Tls& rest = options.rest_tls;
  const ClusterOptions::Tls& internal = options.internal_tls;
  TIDEMARK_TRY(check_whole(name, "security.ssl.rest.", rest != ClusterOptions::Tls{}, {{"certificate", rest.certificate}, {"key", rest.key}}));
  return check_whole(name, "security.ssl.internal.", internal != ClusterOptions::Tls{},
                     {{"certificate", internal.certificate}, {"key", internal.key}, {"authority", internal.authority}});
}

}  // namespace

Result<ClusterOptions> read_cluster_options(const std::string& text, const std::string& name) {
  ClusterOptions options;
  OptionsBuilder jobs;  // says whether the options of jobs are sound
  const auto take = [&](std::string_view key, std::string_view value, std::string where) -> Result<> {
    const auto rule = std::ranges::find(rules(), key, &Rule::key);
    if (rule == rules().end()) {
      TIDEMARK_TRY(jobs.set(key, value, std::move(where)));
      options.jobs.emplace_back(key, value);
      return {};
    }
    if (rule->set(options, value)) return {};
    return fail(ErrorCode::kInvalidArgument, fmt::format("{}: {}: '{}' is not {}", where, key, value, rule->expected));
  };
  TIDEMARK_TRY(read_yaml_options(text, name, all_keys(), take));
  TIDEMARK_TRY(check_tls(options, name));
  return options;
}

}  // namespace tidemark

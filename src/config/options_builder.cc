#include "config/options_builder.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <functional>
#include <limits>
#include <type_traits>
#include <utility>

#include "config/parse_value.h"
#include "config/yaml_options.h"

namespace tidemark {
namespace {

constexpr int kLargestMaxParallelism = 32768;  // of the key group's 32-bit arithmetic

struct Rule {
  std::string key;
  std::string expected;  // "a number from 1 to 8"
  std::string help;
  std::function<bool(Options&, std::string_view)> set;  // false if the text is not what is expected
  std::function<std::string(const Options&)> show;
};

Rule number_rule(std::string key, std::int64_t low, std::int64_t high, std::string help, auto field) {
  std::string expected = high >= std::numeric_limits<int>::max()
                             ? fmt::format("a whole number of at least {}", low)
                             : fmt::format("a whole number from {} to {}", low, high);
  return {.key = std::move(key),
          .expected = std::move(expected),
          .help = std::move(help),
          .set =
              [=](Options& options, std::string_view text) {
                const auto value = parse_int64(text);
                if (!value || *value < low || *value > high) return false;
                auto& target = field(options);
                target = static_cast<std::remove_reference_t<decltype(target)>>(*value);
                return true;
              },
          .show = [=](const Options& options) { return std::to_string(field(options)); }};
}

Rule duration_rule(std::string key, Duration low, std::string help, auto field) {
  std::string expected = "a duration such as 500ms, 10s, 1min or 2h";
  if (low > Duration{0}) expected += ", at least " + format_duration(low);
  return {.key = std::move(key),
          .expected = std::move(expected),
          .help = std::move(help),
          .set =
              [=](Options& options, std::string_view text) {
                const auto value = parse_duration(text);
                if (!value || *value < low) return false;
                field(options) = *value;
                return true;
              },
          .show = [=](const Options& options) { return format_duration(field(options)); }};
}

Rule size_rule(std::string key, std::string help, auto field) {
  return {.key = std::move(key),
          .expected = "a size such as 512mb or 8gb",
          .help = std::move(help),
          .set =
              [=](Options& options, std::string_view text) {
                const auto value = parse_bytes(text);
                field(options) = value.value_or(0);
                return value.has_value();
              },
          .show = [=](const Options& options) { return format_bytes(field(options)); }};
}

Rule text_rule(std::string key, std::string expected, std::string help, auto field) {
  return {.key = std::move(key),
          .expected = std::move(expected),
          .help = std::move(help),
          .set =
              [=](Options& options, std::string_view text) {
                field(options) = text;
                return !text.empty() && text.find('\0') == std::string_view::npos;
              },
          .show = [](const Options&) { return std::string{"none"}; }};
}

Rule path_rule(std::string key, std::string help, auto field) { return text_rule(std::move(key), "a path", std::move(help), field); }

Rule flag_rule(std::string key, std::string help, auto field) {
  return {.key = std::move(key),
          .expected = "true or false",
          .help = std::move(help),
          .set =
              [=](Options& options, std::string_view text) {
                const auto value = parse_bool(text);
                field(options) = value.value_or(false);
                return value.has_value();
              },
          .show = [=](const Options& options) { return std::string{field(options) ? "true" : "false"}; }};
}

// Flink writes EXACTLY_ONCE where others write exactly-once; both are understood.
std::string canonical(std::string_view name) {
  std::string result{name};
  for (char& c : result) c = c == '_' ? '-' : static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return result;
}

template <class Enum>
Rule choice_rule(std::string key, std::vector<std::pair<std::string, Enum>> choices, std::string help, auto field) {
  std::vector<std::string> names;
  for (const auto& choice : choices) names.push_back(choice.first);
  return {.key = std::move(key),
          .expected = fmt::format("one of {}", fmt::join(names, ", ")),
          .help = std::move(help),
          .set =
              [=](Options& options, std::string_view text) {
                const auto found =
                    std::ranges::find(choices, canonical(text), [](const auto& c) { return canonical(c.first); });
                if (found == choices.end()) return false;
                field(options) = found->second;
                return true;
              },
          .show =
              [=](const Options& options) {
                return std::ranges::find(choices, field(options), [](const auto& c) { return c.second; })->first;
              }};
}

// A number, or none for "unlimited".
Rule limit_rule(std::string key, std::string help, auto field) {
  return {.key = std::move(key),
          .expected = "a whole number of at least 0, or unlimited",
          .help = std::move(help),
          .set =
              [=](Options& options, std::string_view text) {
                const auto value = parse_int64(text);
                field(options) = value;
                return text == "unlimited" || (value && *value >= 0 && *value <= std::numeric_limits<int>::max());
              },
          .show =
              [=](const Options& options) {
                const auto& value = field(options);
                return value ? std::to_string(*value) : std::string{"unlimited"};
              }};
}

Rule factor_rule(std::string key, double low, double high, std::string help, auto field) {
  return {.key = std::move(key),
          .expected = fmt::format("a number from {} to {}", low, high),
          .help = std::move(help),
          .set =
              [=](Options& options, std::string_view text) {
                const auto value = parse_double(text);
                if (!value || *value < low || *value > high) return false;
                field(options) = *value;
                return true;
              },
          .show = [=](const Options& options) { return fmt::format("{}", field(options)); }};
}

constexpr std::string_view kParallelism = "parallelism.default";
constexpr std::string_view kMaxParallelism = "pipeline.max-parallelism";
constexpr std::string_view kInterval = "execution.checkpointing.interval";
constexpr std::string_view kIntervalRecords = "execution.checkpointing.interval-records";
constexpr std::string_view kIntervalBytes = "execution.checkpointing.interval-bytes";
constexpr std::string_view kDir = "execution.checkpointing.dir";
constexpr std::string_view kMode = "execution.checkpointing.mode";
constexpr std::string_view kRestorePath = "execution.state-recovery.path";
constexpr std::string_view kClaimMode = "execution.state-recovery.claim-mode";
constexpr std::string_view kRestartType = "restart-strategy.type";
constexpr std::string_view kStateMemory = "memory.state";

void add_restart_rules(std::vector<Rule>& rules) {
  using Strategy = Options::Restart::Strategy;
  constexpr int kAny = std::numeric_limits<int>::max();
  rules.push_back(choice_rule<Strategy>(std::string{kRestartType},
                                        {{"none", Strategy::kNone},
                                         {"fixed-delay", Strategy::kFixedDelay},
                                         {"failure-rate", Strategy::kFailureRate},
                                         {"exponential-delay", Strategy::kExponentialDelay},
                                         {"off", Strategy::kNone},
                                         {"disable", Strategy::kNone}},
                                        "what follows a failure; the first restart always follows at once",
                                        [](auto& o) -> auto& { return o.restart.strategy; }));
  rules.push_back(number_rule("restart-strategy.fixed-delay.attempts", 0, kAny, "restarts before the job fails",
                              [](auto& o) -> auto& { return o.restart.fixed_delay.attempts; }));
  rules.push_back(duration_rule("restart-strategy.fixed-delay.delay", Duration{0}, "time before a restart",
                                [](auto& o) -> auto& { return o.restart.fixed_delay.delay; }));
  rules.push_back(number_rule("restart-strategy.failure-rate.max-failures-per-interval", 0, kAny,
                              "failures in an interval that are restarted",
                              [](auto& o) -> auto& { return o.restart.failure_rate.max_failures; }));
  rules.push_back(duration_rule("restart-strategy.failure-rate.failure-rate-interval", Duration{1},
                                "in which failures are counted",
                                [](auto& o) -> auto& { return o.restart.failure_rate.interval; }));
  rules.push_back(duration_rule("restart-strategy.failure-rate.delay", Duration{0}, "time before a restart",
                                [](auto& o) -> auto& { return o.restart.failure_rate.delay; }));
  rules.push_back(duration_rule("restart-strategy.exponential-delay.initial-backoff", Duration{1},
                                "time before the second restart",
                                [](auto& o) -> auto& { return o.restart.exponential_delay.initial; }));
  rules.push_back(duration_rule("restart-strategy.exponential-delay.max-backoff", Duration{1},
                                "longest time before a restart",
                                [](auto& o) -> auto& { return o.restart.exponential_delay.max; }));
  rules.push_back(factor_rule("restart-strategy.exponential-delay.backoff-multiplier", 1, 1000,
                              "by which each time before a restart is longer than the one before",
                              [](auto& o) -> auto& { return o.restart.exponential_delay.multiplier; }));
  rules.push_back(factor_rule("restart-strategy.exponential-delay.jitter-factor", 0, 1,
                              "share of each time by which it is longer or shorter, by chance",
                              [](auto& o) -> auto& { return o.restart.exponential_delay.jitter; }));
  rules.push_back(duration_rule("restart-strategy.exponential-delay.reset-backoff-threshold", Duration{1},
                                "time without a failure after which all begins anew",
                                [](auto& o) -> auto& { return o.restart.exponential_delay.reset_after; }));
  rules.push_back(limit_rule("restart-strategy.exponential-delay.attempts-before-reset-backoff",
                             "restarts without such a time between before the job fails",
                             [](auto& o) -> auto& { return o.restart.exponential_delay.attempts; }));
}

std::vector<Rule> make_rules() {
  using Mode = Options::CheckpointMode;
  constexpr int kAny = std::numeric_limits<int>::max();
  constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();
  std::vector<Rule> rules;
  rules.push_back(number_rule(std::string{kParallelism}, 1, kLargestMaxParallelism, "subtasks of each operator",
                              [](auto& o) -> auto& { return o.parallelism; }));
  rules.push_back(number_rule(std::string{kMaxParallelism}, 1, kLargestMaxParallelism,
                              "key groups; the most that the parallelism can become; fixed once there is state",
                              [](auto& o) -> auto& { return o.max_parallelism; }));
  rules.push_back(path_rule(std::string{kDir}, "folder of the checkpoints; without it there are none",
                            [](auto& o) -> auto& { return o.checkpointing.dir; }));
  rules.push_back(duration_rule(std::string{kInterval}, Duration{0},
                                "time between two checkpoints; 0: none but the last",
                                [](auto& o) -> auto& { return o.checkpointing.interval; }));
  rules.push_back(number_rule(std::string{kIntervalRecords}, 0, kMost,
                              "records that sources read between two checkpoints; alone or with the interval; 0: any",
                              [](auto& o) -> auto& { return o.checkpointing.interval_records; }));
  rules.push_back(number_rule(std::string{kIntervalBytes}, 0, kMost,
                              "bytes of files that sources read between two checkpoints, likewise; 0: any",
                              [](auto& o) -> auto& { return o.checkpointing.interval_bytes; }));
  rules.push_back(duration_rule("execution.checkpointing.min-pause", Duration{0},
                                "shortest time from the end of one checkpoint to the start of the next",
                                [](auto& o) -> auto& { return o.checkpointing.min_pause; }));
  rules.push_back(number_rule("execution.checkpointing.max-concurrent-checkpoints", 1, 100,
                              "checkpoints under way at once",
                              [](auto& o) -> auto& { return o.checkpointing.max_concurrent; }));
  rules.push_back(duration_rule("execution.checkpointing.timeout", Duration{10}, "after it a checkpoint has failed",
                                [](auto& o) -> auto& { return o.checkpointing.timeout; }));
  rules.push_back(limit_rule("execution.checkpointing.tolerable-failed-checkpoints",
                             "failed checkpoints in a row that the job outlives",
                             [](auto& o) -> auto& { return o.checkpointing.tolerable_failures; }));
  rules.push_back(choice_rule<Mode>(std::string{kMode},
                                    {{"EXACTLY_ONCE", Mode::kExactlyOnce},
                                     {"AT_LEAST_ONCE", Mode::kAtLeastOnce},
                                     {"NONE", Mode::kNone}},
                                    "how often a record counts after a failure; NONE: at most once, as nothing is kept "
                                    "and nothing restarts, and sinks commit at each interval",
                                    [](auto& o) -> auto& { return o.checkpointing.mode; }));
  rules.push_back(number_rule("execution.checkpointing.num-retained", 1, kAny, "completed checkpoints that are kept",
                              [](auto& o) -> auto& { return o.checkpointing.num_retained; }));
  rules.push_back(flag_rule("execution.checkpointing.incremental",
                            "write only what has changed since earlier checkpoints; savepoints are always whole",
                            [](auto& o) -> auto& { return o.checkpointing.incremental; }));
  rules.push_back(choice_rule<bool>("execution.checkpointing.externalized-checkpoint-retention",
                                    {{"RETAIN_ON_CANCELLATION", true}, {"DELETE_ON_CANCELLATION", false}},
                                    "what becomes of the checkpoints of a job that is cancelled",
                                    [](auto& o) -> auto& { return o.checkpointing.retain_on_cancellation; }));
  rules.push_back(flag_rule("execution.checkpointing.local-backup.enabled",
                            "keep copies of the files of checkpoints on a local disk too, and restore from these; of use where "
                            "the checkpoint folder is far away",
                            [](auto& o) -> auto& { return o.checkpointing.local_backup; }));
  rules.push_back(path_rule("execution.checkpointing.local-backup.dirs",
                            "folder for these copies; without it the system's temporary folder",
                            [](auto& o) -> auto& { return o.checkpointing.local_backup_dir; }));
  rules.push_back(path_rule("execution.checkpointing.savepoint-dir",
                            "folder of savepoints that are asked for without one",
                            [](auto& o) -> auto& { return o.checkpointing.savepoint_dir; }));
  rules.push_back(choice_rule<bool>(std::string{kClaimMode}, {{"NO_CLAIM", false}, {"CLAIM", true}},
                                    "whose the snapshot is that the job is resumed from by its path; NO_CLAIM: it is never "
                                    "touched; CLAIM: the job's, which deletes it when newer checkpoints replace it",
                                    [](auto& o) -> auto& { return o.claim; }));
  rules.push_back(path_rule(std::string{kRestorePath}, "checkpoint or savepoint to start from",
                            [](auto& o) -> auto& { return o.restore_path; }));
  rules.push_back(flag_rule("execution.state-recovery.ignore-unclaimed-state",
                            "drop state there that no operator of the job takes, instead of refusing to start",
                            [](auto& o) -> auto& { return o.ignore_unclaimed_state; }));
  rules.push_back(flag_rule("execution.state-recovery.lazy",
                            "process records as soon as the restored files are open, and read their state when it is asked for "
                            "and behind; false: all of it first",
                            [](auto& o) -> auto& { return o.lazy_recovery; }));
  add_restart_rules(rules);
  rules.push_back(number_rule("worker.threads", 0, 1024, "threads that run tasks; 0: one for each core",
                              [](auto& o) -> auto& { return o.worker_threads; }));
  rules.push_back(flag_rule("worker.cpu-pinning",
                            "each of these threads keeps to a core of its own; for a machine that runs nothing else",
                            [](auto& o) -> auto& { return o.cpu_pinning; }));
  rules.push_back(size_rule(std::string{kStateMemory},
                            "memory that keyed state may take in a process; beyond it the job fails, or rocksdb spills; 0: "
                            "70 % of what the machine or the container has, for each process",
                            [](auto& o) -> auto& { return o.state_memory; }));
  rules.push_back(choice_rule<Options::StateBackend>(
      "state.backend.type", {{"hashmap", Options::StateBackend::kHashmap}, {"rocksdb", Options::StateBackend::kRocksdb}},
      "where state of keys lies; hashmap: in memory; rocksdb: on local disk, with what is in use in memory",
      [](auto& o) -> auto& { return o.state_backend; }));
  rules.push_back(path_rule("state.backend.rocksdb.localdir",
                            "folder for what rocksdb keeps while the job runs; without it the system's temporary folder",
                            [](auto& o) -> auto& { return o.rocksdb_folder; }));
  rules.push_back(text_rule("metrics.address", "an address such as 127.0.0.1:9249",
                            "where Prometheus gets the job's metrics while it runs alone, HOST:PORT; without it nowhere",
                            [](auto& o) -> auto& { return o.metrics_address; }));
  rules.push_back(choice_rule<LogLevel>("log.level",
                                        {{"debug", LogLevel::kDebug},
                                         {"info", LogLevel::kInfo},
                                         {"warning", LogLevel::kWarning},
                                         {"error", LogLevel::kError},
                                         {"warn", LogLevel::kWarning}},
                                        "least weighty lines that are written",
                                        [](auto& o) -> auto& { return o.log_level; }));
  return rules;
}

const std::vector<Rule>& rules() {
  static const std::vector<Rule> all = make_rules();
  return all;
}

const OptionKeys& keys() {
  static const OptionKeys all = [] {
    std::vector<std::string> names;
    for (const Rule& rule : rules()) names.push_back(rule.key);
    return OptionKeys{std::move(names)};
  }();
  return all;
}

}  // namespace

Result<> OptionsBuilder::set(std::string_view key, std::string_view value, std::string where) {
  const auto rule = std::ranges::find(rules(), key, &Rule::key);
  if (rule == rules().end()) return keys().unknown(key, where);
  if (!rule->set(options_, value)) {
    return fail(ErrorCode::kInvalidArgument, fmt::format("{}: {}: '{}' is not {}", where, key, value, rule->expected));
  }
  set_at_.insert_or_assign(std::string{key}, std::move(where));
  options_.given.insert_or_assign(std::string{key}, std::string{value});
  return {};
}

Result<> OptionsBuilder::add_yaml(const std::string& text, const std::string& name) {
  return read_yaml_options(text, name, keys(), [this](std::string_view key, std::string_view value, std::string where) {
    return set(key, value, std::move(where));
  });
}

void OptionsBuilder::resume(std::string path) {
  options_.resume = true;
  if (!path.empty()) set_at_.insert_or_assign(std::string{kRestorePath}, "--resume");
  options_.restore_path = std::move(path);
}

void OptionsBuilder::check_only(std::string path, bool as_json) {
  options_.check_only = true;
  options_.check_as_json = as_json;
  options_.check_path = std::move(path);
}

std::string OptionsBuilder::where(std::string_view key) const {
  const auto at = set_at_.find(key);
  return at == set_at_.end() ? "default" : at->second;
}

// With nothing kept there is nothing to go on from.
Result<> OptionsBuilder::check_at_most_once() const {
  const auto refuse = [&](std::string_view key, std::string_view why) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("{}: {}: with {} NONE ({}) {}; leave out the one or the other", where(key), key, kMode,
                            where(kMode), why));
  };
  if (!options_.checkpointing.dir.empty()) return refuse(kDir, "no checkpoint is kept, so a folder has no use");
  if (!options_.restore_path.empty()) return refuse(kRestorePath, "a job begins anew and can't be resumed");
  if (options_.resume) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("--resume: with {} NONE ({}) a job begins anew and can't be resumed", kMode, where(kMode)));
  }
  if (options_.restart.strategy != Options::Restart::Strategy::kNone) {
    return refuse(kRestartType, "a failed job is not restarted, as it would read its input again");
  }
  return {};
}

Result<Options> OptionsBuilder::finish() const {
  Options options = options_;
  const bool durable = !options.checkpointing.dir.empty();
  const bool has_folder = durable || expects_folder_;
  const bool at_most_once = options.checkpointing.mode == Options::CheckpointMode::kNone;
  if (at_most_once) TIDEMARK_TRY(check_at_most_once());
  if (options.parallelism > options.max_parallelism) {
    return fail(
        ErrorCode::kInvalidArgument,
        fmt::format(
            "{}: {}: {} is more than {}, which is {} ({}); lower the one or, for a job without state, raise the other",
            where(kParallelism), kParallelism, options.parallelism, kMaxParallelism, options.max_parallelism,
            where(kMaxParallelism)));
  }
  const bool by_volume = options.checkpointing.interval_records > 0 || options.checkpointing.interval_bytes > 0;
  if (!has_folder && !at_most_once && (options.checkpointing.interval > Duration{0} || by_volume)) {
    const std::string_view key = options.checkpointing.interval > Duration{0}    ? kInterval
                                 : options.checkpointing.interval_records > 0 ? kIntervalRecords
                                                                              : kIntervalBytes;
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("{}: {}: there is no folder for checkpoints; name one with --checkpoint-dir", where(key), key));
  }
  if (!has_folder && options.resume && options.restore_path.empty()) {
    return fail(ErrorCode::kInvalidArgument,
                "--resume: there is no folder to resume from; name it with --checkpoint-dir, or a checkpoint with "
                "--resume=PATH");
  }
  if (options.check_only && options.check_path.empty() && !durable) {
    return fail(ErrorCode::kInvalidArgument,
                "--check: there is nothing to check: name a checkpoint or savepoint with --check=PATH, or the folder of the "
                "job's checkpoints with --checkpoint-dir");
  }
  // What an earlier run has claimed stays claimed: a mode beside a bare --resume would say nothing of it.
  if (options.claim && !expects_folder_ && !(durable && !options.restore_path.empty())) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("{}: {}: {}", where(kClaimMode), kClaimMode,
                            durable ? "there is nothing to claim: name the savepoint or checkpoint with --resume=PATH, or "
                                      "leave the mode out, as --resume alone claims nothing new"
                                    : "a job that claims a snapshot keeps checkpoints to replace it: name a folder with "
                                      "--checkpoint-dir"));
  }
  if (!options.restore_path.empty()) options.resume = true;
  if ((durable || at_most_once) && !is_set(kInterval) && !by_volume) {
    options.checkpointing.interval = std::chrono::seconds{10};
  }
  if (durable && !is_set(kRestartType)) options.restart.strategy = Options::Restart::Strategy::kExponentialDelay;
  return options;
}

std::vector<OptionDescription> describe_options() {
  std::vector<OptionDescription> all;
  const Options defaults;
  for (const Rule& rule : rules()) {
    std::string default_text = rule.show(defaults);
    if (rule.key == kInterval) default_text = "10s with a folder, unless by records or bytes";
    if (rule.key == kRestartType) default_text = "exponential-delay with a folder, else none";
    all.push_back({rule.key, rule.expected, rule.help, std::move(default_text)});
  }
  return all;
}

}  // namespace tidemark

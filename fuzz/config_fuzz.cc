// Configuration files: any text becomes options within their limits or an error that names the file; however a key is
// spelled, its value means what `set` makes of it.
#include <fmt/format.h>

#include "config/cluster_options.h"
#include "config/options_builder.h"
#include "config/parse_value.h"
#include "fuzz/input.h"
#include "fuzz/target.h"
#include "tidemark/detail/base/check.h"
#include "tidemark/detail/codec/text_format.h"

namespace tidemark::fuzz {
namespace {

constexpr const char* kName = "conf.yaml";

void check_limits(const Options& options) {
  TIDEMARK_CHECK(options.parallelism >= 1 && options.parallelism <= options.max_parallelism,
                 "a parallelism has its limits");
  TIDEMARK_CHECK(options.max_parallelism <= 32768, "key groups have 15 bits");
  TIDEMARK_CHECK(options.checkpointing.interval >= Duration{0} && options.checkpointing.timeout > Duration{0} &&
                     options.checkpointing.min_pause >= Duration{0} &&
                     options.restart.fixed_delay.delay >= Duration{0} &&
                     options.restart.failure_rate.delay >= Duration{0},
                 "no duration is negative");
  TIDEMARK_CHECK(options.checkpointing.num_retained >= 1 && options.checkpointing.max_concurrent >= 1,
                 "a checkpoint is kept");
  TIDEMARK_CHECK(options.worker_threads >= 0, "a number of threads");
}

void check_text(const std::string& text) {
  OptionsBuilder builder;
  if (const auto added = builder.add_yaml(text, kName)) {
    if (const auto options = builder.finish()) check_limits(*options);
  } else {
    TIDEMARK_CHECK(added.error().message().starts_with(kName), "an error names the file");
  }
}

// What is a file for jobs is one for a cluster, too.
void check_cluster_text(const std::string& text) {
  const auto cluster = read_cluster_options(text, kName);
  TIDEMARK_CHECK(cluster || cluster.error().message().starts_with(kName), "an error names the file");
  OptionsBuilder jobs;
  if (jobs.add_yaml(text, kName)) TIDEMARK_CHECK(cluster.has_value(), "a cluster's file may have all that a job's may");
}

void check_duration(std::string_view text) {
  const auto duration = parse_duration(text);
  if (!duration) return;
  TIDEMARK_CHECK(*duration >= Duration{0}, "no duration is negative");
  TIDEMARK_CHECK(parse_duration(format_duration(*duration)) == duration, "a duration survives its text");
}

// "a.b.c: v", or with any dot become a level.
std::string spell(std::string_view key, std::string_view value, Input& in) {
  std::string text;
  int depth = 0;
  for (const char c : key) {
    if (c == '.' && in.flag())
      text += fmt::format(":\n{:{}}", "", 2 * ++depth);
    else
      text += c;
  }
  text += ": ";
  detail::append_json_string(value, text);
  return text + '\n';
}

// What is wrong, without where.
std::string complaint(const Result<>& result, std::string_view where) {
  if (result) return "";
  const std::string& message = result.error().message();
  TIDEMARK_CHECK(message.starts_with(where), "an error says where");
  return message.substr(message.find(": "));
}

void check_spelling(Input& in) {
  static const std::vector<OptionDescription> keys = describe_options();
  const std::string& key = keys[in.below(keys.size())].key;
  const auto value = any_value<std::string>(in, Values::kReadableAsText);
  OptionsBuilder by_set, by_file;
  const std::string set = complaint(by_set.set(key, value, "-D"), "-D");
  const std::string file = complaint(by_file.add_yaml(spell(key, value, in), kName), kName);
  TIDEMARK_CHECK(set == file, "a value in quotes means the same in a file as by itself");
  TIDEMARK_CHECK(by_set.finish().has_value() == by_file.finish().has_value(), "and with the other options, too");
}

void check(std::string_view input) {
  check_text(std::string{input});
  check_cluster_text(std::string{input});
  check_duration(input);
  Input in{input};
  check_spelling(in);
}

const Registration kTarget{"config", check};

}  // namespace
}  // namespace tidemark::fuzz

// Command lines: any words become options and arguments or complaints; "--name=value" means "--name value". The input's
// lines are the words; the last one is the file that --config names.
#include <fmt/format.h>

#include "config/command_line.h"
#include "fuzz/input.h"
#include "fuzz/target.h"
#include "tidemark/detail/base/check.h"

namespace tidemark::fuzz {
namespace {

using Words = std::vector<std::string>;

constexpr std::size_t kMostWords = 64;

Words words_of(std::string_view text) {
  Words words;
  while (!text.empty() && words.size() < kMostWords) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    words.emplace_back(text.substr(0, std::min(text.find('\0'), end)));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return words;
}

// All that a line says, as text.
std::string meaning_of(const Words& words, const std::string& config) {
  std::vector<const char*> argv{"job"};
  for (const std::string& word : words) argv.push_back(word.c_str());
  CommandLine line{"fuzz", static_cast<int>(argv.size()), argv.data()};
  std::string meaning =
      fmt::format("{} {} {} {} {}", line.string_arg("topic", "none", "a text"), line.int64_arg("count", -1, "a number"),
                  line.double_arg("ratio", 0.5, "another"), line.bool_arg("fast", false, "a flag"),
                  line.duration_arg("every", Duration{1000}, "a duration").count());
  TIDEMARK_CHECK(line.help().find("--topic") != std::string::npos, "help names the job's arguments");
  const auto options = line.finish([&](const std::string& path) -> Result<std::string> {
    if (path == "conf.yaml") return config;
    return fail(ErrorCode::kNotFound, "there is no such file");
  });
  if (!options) {
    TIDEMARK_CHECK(!options.error().message().empty(), "an error says what is wrong");
    return options.error().message();
  }
  TIDEMARK_CHECK(options->parallelism >= 1 && options->parallelism <= options->max_parallelism,
                 "a parallelism has its limits");
  return fmt::format("{} {} {} {} {} {} {} {}", meaning, options->parallelism, options->max_parallelism,
                     options->checkpointing.dir, options->checkpointing.interval.count(), options->resume,
                     options->restore_path, options->plan_only);
}

bool takes_value(std::string_view name) {
  for (const std::string_view known : {"--topic", "--count", "--ratio", "--every", "--parallelism", "--checkpoint-dir",
                                       "--checkpoint-interval", "--config"}) {
    if (name == known) return true;
  }
  return false;
}

bool looks_like_option(std::string_view word) {
  return word.size() > 1 && word[0] == '-' && !(word[1] >= '0' && word[1] <= '9') && word[1] != '.';
}

// Each "--name=value" as two words, where the value can be told from an option.
Words apart(const Words& words) {
  Words result;
  for (const std::string& word : words) {
    const std::size_t equals = word.find('=');
    if (equals == std::string::npos || !takes_value(word.substr(0, equals)) ||
        looks_like_option(word.substr(equals + 1))) {
      result.push_back(word);
    } else {
      result.push_back(word.substr(0, equals));
      result.push_back(word.substr(equals + 1));
    }
  }
  return result;
}

void check(std::string_view input) {
  Words words = words_of(input);
  std::string config;
  if (!words.empty()) {
    config = std::move(words.back());
    words.pop_back();
  }
  TIDEMARK_CHECK(meaning_of(words, config) == meaning_of(apart(words), config), "an equals sign is as good as a space");
}

const Registration kTarget{"command_line", check};

}  // namespace
}  // namespace tidemark::fuzz

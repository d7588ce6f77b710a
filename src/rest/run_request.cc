#include "rest/run_request.h"

#include <fmt/format.h>

#include <charconv>
#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>
#include <vector>

#include "control/job_id.h"

namespace tidemark {
namespace {

using Json = nlohmann::json;

constexpr std::int64_t kLongestTrial_ms = 7 * 24 * 3'600'000;

std::unexpected<Error> refuse_field(const std::string& name, std::string_view what) {
  return fail(ErrorCode::kInvalidArgument, fmt::format("the field '{}' must be {}", name, what));
}

/// As a shell would cut it, where it has only spaces, quotes and backslashes.
Result<std::vector<std::string>> words_of(const std::string& line) {
  std::vector<std::string> words;
  std::optional<std::string> word;
  char quote = 0;
  for (std::size_t i = 0; i < line.size(); ++i) {
    char c = line[i];
    if (quote == 0 && (c == ' ' || c == '\t' || c == '\n')) {
      if (word) words.push_back(*std::exchange(word, std::nullopt));
      continue;
    }
    if (!word) word.emplace();
    if (c == quote) {
      quote = 0;
    } else if (quote == 0 && (c == '\'' || c == '"')) {
      quote = c;
    } else {
      if (c == '\\' && quote != '\'' && i + 1 < line.size()) c = line[++i];
      *word += c;
    }
  }
  if (quote != 0) return refuse_field("programArgs", "words of a command line: a quote is not closed");
  if (word) words.push_back(*std::move(word));
  return words;
}

Result<std::vector<std::string>> list_of(const std::string& name, const Json& value) {
  std::vector<std::string> words;
  if (!value.is_array()) return refuse_field(name, "a list of texts");
  for (const Json& word : value) {
    if (!word.is_string()) return refuse_field(name, "a list of texts");
    words.push_back(word.get<std::string>());
  }
  return words;
}

Result<std::uint32_t> parallelism_of(const std::string& name, const Json& value) {
  const std::string text = value.is_string() ? value.get<std::string>() : value.is_number() ? value.dump() : std::string{};
  std::uint32_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size() || number == 0) return refuse_field(name, "a whole number above 0");
  return number;
}

Result<bool> flag_of(const std::string& name, const Json& value) {
  if (value.is_boolean()) return value.get<bool>();
  if (value == "true") return true;
  if (value == "false") return false;
  return refuse_field(name, "true or false");
}

Result<bool> claim_of(const std::string& name, const Json& value) {
  if (value == "CLAIM") return true;
  if (value == "NO_CLAIM") return false;
  return refuse_field(name, "CLAIM or NO_CLAIM");
}

Result<> read_field(const std::string& name, const Json& value, RunOrder& order) {
  if (value.is_null()) return {};
  if (name == "programArgs" || name == "programArg") {
    if (!value.is_string()) return refuse_field(name, "text");
    TIDEMARK_ASSIGN(words, words_of(value.get<std::string>()));
    order.arguments = std::move(words);
  } else if (name == "programArgsList") {
    TIDEMARK_ASSIGN(words, list_of(name, value));
    order.arguments = std::move(words);
  } else if (name == "parallelism") {
    TIDEMARK_ASSIGN(parallelism, parallelism_of(name, value));
    order.parallelism = parallelism;
  } else if (name == "savepointPath") {
    if (!value.is_string()) return refuse_field(name, "text");
    order.savepoint = value.get<std::string>();
  } else if (name == "allowNonRestoredState") {
    TIDEMARK_ASSIGN(flag, flag_of(name, value));
    order.allow_non_restored_state = flag;
  } else if (name == "claimMode" || name == "restoreMode") {
    TIDEMARK_ASSIGN(claim, claim_of(name, value));
    order.claim = claim;
  } else if (name == "jobId" && value != "") {
    if (!value.is_string() || !is_job_id(value.get<std::string>())) return refuse_field(name, "32 hexadecimal digits");
    order.job_id = job_id_of(value.get<std::string>());
  } else if (value != Json::object() && value != "") {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("the field '{}' is unknown: an executable takes programArgsList, parallelism, savepointPath, "
                            "allowNonRestoredState, claimMode and jobId; options of the job are arguments, -D KEY=VALUE",
                            name));
  }
  return {};
}

}  // namespace

Result<RunOrder> run_order_of(const HttpRequest& request, const std::string& executable) {
  RunOrder order{.executable = executable};
  for (const auto& [name, value] : request.query) TIDEMARK_TRY(read_field(name, Json(value), order));
  const Json body = request.body.empty() ? Json::object() : Json::parse(request.body, nullptr, false);
  if (!body.is_object()) return fail(ErrorCode::kInvalidArgument, "the body must be a JSON object");
  for (const auto& [name, value] : body.items()) TIDEMARK_TRY(read_field(name, value, order));
  return order;
}

Result<UpgradeRequest> upgrade_request_of(const HttpRequest& request) {
  UpgradeRequest upgrade;
  RunOrder& run = upgrade.order.run;
  Json body = Json::parse(request.body, nullptr, false);
  if (!body.is_object()) return fail(ErrorCode::kInvalidArgument, "the body must be a JSON object");
  const std::map<std::string, std::string*> texts = {
      {"jarId", &run.executable}, {"targetDirectory", &upgrade.order.savepoint_dir}, {"triggerId", &upgrade.trigger_id}};
  for (const auto& [name, to] : texts) {
    const Json value = std::exchange(body[name], Json{});
    body.erase(name);
    if (!value.is_null() && !value.is_string()) return refuse_field(name, "text");
    if (value.is_string()) *to = value.get<std::string>();
  }
  const Json timeout = std::exchange(body["checkpointTimeout"], Json{});
  body.erase("checkpointTimeout");
  if (!timeout.is_null()) {
    const bool is_sound = timeout.is_number_integer() && timeout > 0 && timeout <= kLongestTrial_ms;
    if (!is_sound) return refuse_field("checkpointTimeout", fmt::format("a number of milliseconds from 1 to {}", kLongestTrial_ms));
    upgrade.order.trial_ms = timeout.get<std::int64_t>();
  }
  for (const auto& [name, value] : body.items()) TIDEMARK_TRY(read_field(name, value, run));
  if (!run.job_id.empty()) return fail(ErrorCode::kInvalidArgument, "an upgrade is repeated under its triggerId: leave jobId out");
  if (run.executable.empty()) return refuse_field("jarId", "the id of an executable that was uploaded");
  if (!run.savepoint.empty() || run.claim) {
    return fail(ErrorCode::kInvalidArgument, "an upgrade starts from what the old job stops with: leave savepointPath and claimMode out");
  }
  return upgrade;
}

}  // namespace tidemark

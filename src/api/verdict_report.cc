#include "api/verdict_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

namespace tidemark {
namespace {

using Json = nlohmann::ordered_json;
using Kind = StateVerdict::Kind;

bool is_misfit(const StateVerdict& verdict, UnclaimedState unclaimed) {
  return verdict.kind == Kind::kRefused || (verdict.kind == Kind::kOrphaned && unclaimed == UnclaimedState::kRefuse);
}

std::string word_of(const StateVerdict& verdict, UnclaimedState unclaimed) {
  if (verdict.kind == Kind::kRefused) return "REFUSED";
  if (verdict.kind != Kind::kOrphaned) return std::string{to_string(verdict.kind)};
  return unclaimed == UnclaimedState::kDrop ? "dropped" : "ORPHANED";
}

std::string state_of(const StateVerdict& verdict) {
  return verdict.state.empty() ? fmt::format("({})", verdict.name) : verdict.state;
}

void append_line(std::string& text, std::string line) {
  line.erase(line.find_last_not_of(' ') + 1);
  text += line + '\n';
}

// The changes of a migration stand on one line, reasons each on their own.
std::vector<std::string> detail_lines(const StateVerdict& verdict) {
  if (verdict.kind == Kind::kMigrates) return {fmt::format("{}", fmt::join(verdict.details, "; "))};
  return verdict.details.empty() ? std::vector<std::string>{""} : verdict.details;
}

std::string summary(const VerdictReport& report) {
  const std::size_t count = misfits(report);
  const std::size_t all = report.states.size() + report.problems.size();
  if (count > 0) return fmt::format("{} of {} can't be restored; nothing was touched.", count, all);
  return all == 0 ? "Nothing was saved, and the job keeps nothing." : "All fits.";
}

Kind kind_named(const std::string& word) {
  for (const Kind kind : {Kind::kSame, Kind::kMigrates, Kind::kNew, Kind::kOrphaned}) {
    if (to_string(kind) == word) return kind;
  }
  return Kind::kRefused;  // what is not known does not fit
}

VerdictReport parse_report(const Json& json) {
  VerdictReport report{.saved = json.at("saved").get<std::string>(),
                       .declared = json.at("declared").get<std::string>(),
                       .problems = json.at("problems").get<std::vector<std::string>>(),
                       .states = {},
                       .unclaimed = json.at("unclaimed") == "drop" ? UnclaimedState::kDrop : UnclaimedState::kRefuse};
  for (const Json& state : json.at("states")) {
    report.states.push_back({.kind = kind_named(state.at("verdict").get<std::string>()),
                             .uid = state.at("uid").get<std::string>(),
                             .state = state.value("state", ""),
                             .name = state.at("operator").get<std::string>(),
                             .location = state.value("at", ""),
                             .details = state.at("details").get<std::vector<std::string>>()});
  }
  return report;
}

}  // namespace

std::size_t misfits(const VerdictReport& report) {
  const auto count =
      std::ranges::count_if(report.states, [&](const StateVerdict& v) { return is_misfit(v, report.unclaimed); });
  return static_cast<std::size_t>(count) + report.problems.size();
}

std::string verdict_text(const VerdictReport& report) {
  std::size_t uid_width = 0, state_width = 0;
  for (const StateVerdict& verdict : report.states) {
    uid_width = std::max(uid_width, verdict.uid.size());
    state_width = std::max(state_width, state_of(verdict).size());
  }
  std::string text;
  for (const std::string& problem : report.problems) append_line(text, problem);
  for (const StateVerdict& verdict : report.states) {
    std::string left = fmt::format("{:<{}}   {:<{}}   {:<8}   ", verdict.uid, uid_width, state_of(verdict), state_width,
                                   word_of(verdict, report.unclaimed));
    for (const std::string& line : detail_lines(verdict)) {
      append_line(text, left + line);
      left.assign(left.size(), ' ');
    }
  }
  return text + summary(report);
}

std::string verdict_json(const VerdictReport& report) {
  Json states = Json::array();
  for (const StateVerdict& verdict : report.states) {
    Json state{{"uid", verdict.uid}};
    if (!verdict.state.empty()) state["state"] = verdict.state;
    state["operator"] = verdict.name;
    if (!verdict.location.empty()) state["at"] = verdict.location;
    state["verdict"] = to_string(verdict.kind);
    state["details"] = verdict.details;
    states.push_back(std::move(state));
  }
  return Json{{"saved", report.saved},
              {"declared", report.declared},
              {"fits", misfits(report) == 0},
              {"unclaimed", report.unclaimed == UnclaimedState::kDrop ? "drop" : "refuse"},
              {"problems", report.problems},
              {"states", std::move(states)}}
      .dump(2, ' ', false, Json::error_handler_t::replace);
}

std::string unknown_json(const Error& error) {
  return Json{{"fits", nullptr}, {"error", error.message()}}.dump(2, ' ', false, Json::error_handler_t::replace);
}

Result<VerdictReport> parse_verdict(std::string_view json) {
  try {
    const Json parsed = Json::parse(json);
    if (parsed.at("fits").is_null()) return fail(ErrorCode::kFailedPrecondition, parsed.at("error").get<std::string>());
    return parse_report(parsed);
  } catch (const nlohmann::json::exception& e) {
    return fail(ErrorCode::kParse, std::string{"no verdict: "} + e.what());
  }
}

}  // namespace tidemark

// Verdicts for people and for scripts: what `./job --check` prints, and `tidemark check` and `diff`. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "graph/plan.h"
#include "graph/verdict.h"

namespace tidemark {

struct VerdictReport {
  std::string saved;                  ///< what was compared: "checkpoint 12 of job 'orders' (state/orders/chk-12-1)"
  std::string declared;               ///< "./orders"
  std::vector<std::string> problems;  ///< of the whole, besides those of its states
  std::vector<StateVerdict> states;
  UnclaimedState unclaimed = UnclaimedState::kRefuse;
};

/// How many states, and problems of the whole, are in the way of a start.
std::size_t misfits(const VerdictReport& report);

/// A line a state, and one at the end; no newline behind that.
std::string verdict_text(const VerdictReport& report);

/// {"saved", "declared", "fits", "unclaimed": "refuse" or "drop", "problems",
/// "states": [{"uid", "state", "operator", "at", "verdict", "details"}]}
std::string verdict_json(const VerdictReport& report);

/// What can't be told: {"fits": null, "error"}.
std::string unknown_json(const Error& error);

/// The report that verdict_json() has written; of what unknown_json() has, the error. kParse where it is neither.
Result<VerdictReport> parse_verdict(std::string_view json);

}  // namespace tidemark

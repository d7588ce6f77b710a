// Verdicts for people and for scripts. Pure.
#pragma once

#include <string>
#include <vector>

#include "cli/command.h"
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

/// {"saved", "declared", "fits", "problems", "states": [{"uid", "state", "operator", "at", "verdict", "details"}]}
std::string verdict_json(const VerdictReport& report);

/// Prints one of the two: kDone if all fits, else kFailed.
ExitStatus print_verdict(const VerdictReport& report, bool as_json, Cli& cli);

/// What can't be told is said on stderr, and as JSON {"fits": null, "error"} on stdout, too: kUsage.
ExitStatus print_unknown(const Error& error, bool as_json, Cli& cli);

}  // namespace tidemark

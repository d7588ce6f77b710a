// A verdict, or that there is none, on the command's output, and the exit status that goes with it.
#pragma once

#include "api/verdict_report.h"
#include "cli/command.h"

namespace tidemark {

/// As text or JSON: kDone if all fits, else kFailed.
ExitStatus print_verdict(const VerdictReport& report, bool as_json, Cli& cli);

/// What can't be told is said on stderr, and as JSON on stdout, too: kUsage.
ExitStatus print_unknown(const Error& error, bool as_json, Cli& cli);

}  // namespace tidemark

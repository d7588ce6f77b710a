#include "cli/print_verdict.h"

namespace tidemark {

ExitStatus print_verdict(const VerdictReport& report, bool as_json, Cli& cli) {
  cli.out(as_json ? verdict_json(report) : verdict_text(report));
  return misfits(report) == 0 ? ExitStatus::kDone : ExitStatus::kFailed;
}

ExitStatus print_unknown(const Error& error, bool as_json, Cli& cli) {
  cli.err(error.message());
  if (as_json) cli.out(unknown_json(error));
  return ExitStatus::kUsage;
}

}  // namespace tidemark

#include "cli/ask_job.h"

#include <fmt/format.h>

#include "env/child_process.h"
#include "graph/plan.h"

namespace tidemark {
namespace {

constexpr std::int64_t kPlanTimeoutMs = 60'000;
// It reads the index of every file of the snapshot, which may be far away.
constexpr std::int64_t kCheckTimeoutMs = 600'000;

// A main() may print lines of its own before what the job prints.
std::string_view json_in(std::string_view output) {
  if (output.starts_with('{')) return output;
  const std::size_t at = output.find("\n{");
  return at == std::string_view::npos ? output : output.substr(at + 1);
}

Result<ChildEnd> ask(const std::vector<std::string>& words, const std::vector<std::string>& options, std::int64_t timeout_ms) {
  std::vector<std::string> line{words.front()};
  line.insert(line.end(), options.begin(), options.end());
  line.insert(line.end(), words.begin() + 1, words.end());
  auto end = run_child(line, timeout_ms);
  if (end && end->signal != 0) {
    return fail(ErrorCode::kFailedPrecondition,
                fmt::format("'{} {}' was ended by signal {}", words.front(), options.front(), end->signal));
  }
  return end;
}

Error failed_with(const std::string& asked, int exit_code, std::string_view what) {
  return Error{ErrorCode::kFailedPrecondition,
               fmt::format("'{}' ended with exit code {}: what it printed says why; a Tidemark job prints its {}, given the "
                           "arguments that it needs",
                           asked, exit_code, what)};
}

Error printed_no(std::string_view what, const std::string& asked, const Error& error) {
  return Error{ErrorCode::kFailedPrecondition,
               fmt::format("'{}' printed no {}: is it a Tidemark job, of this version? ({})", asked, what, error.message())};
}

}  // namespace

Result<std::string> plan_text_of_job(const std::vector<std::string>& words) {
  const auto end = ask(words, {"--plan"}, kPlanTimeoutMs);
  if (!end) return std::unexpected{end.error().within("asking the job for its plan")};
  const std::string asked = words.front() + " --plan";
  if (end->exit_code != 0) return std::unexpected{failed_with(asked, end->exit_code, "plan")};
  const std::string_view text = json_in(end->output);
  if (const auto plan = parse_plan(text); !plan) return std::unexpected{printed_no("plan", asked, plan.error())};
  return std::string{text.substr(0, text.find_last_not_of("\n") + 1)};
}

Result<LogicalPlan> plan_of_job(const std::vector<std::string>& words) {
  TIDEMARK_ASSIGN(text, plan_text_of_job(words));
  return parse_plan(text);
}

Result<VerdictReport> verdict_of_job(const std::vector<std::string>& words, const std::string& path, bool drop_unclaimed) {
  std::vector<std::string> options{"--check-json=" + path};
  if (drop_unclaimed) options.emplace_back("-n");
  const auto end = ask(words, options, kCheckTimeoutMs);
  if (!end) return std::unexpected{end.error().within("asking the job for its verdict")};
  auto report = parse_verdict(json_in(end->output));
  if (report || report.error().code() != ErrorCode::kParse) return report;
  const std::string asked = fmt::format("{} {}", words.front(), options.front());
  if (end->exit_code != 0) return std::unexpected{failed_with(asked, end->exit_code, "verdict")};
  return std::unexpected{printed_no("verdict", asked, report.error())};
}

}  // namespace tidemark

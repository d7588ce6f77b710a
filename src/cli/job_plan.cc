#include "cli/job_plan.h"

#include <fmt/format.h>

#include "env/child_process.h"
#include "graph/plan.h"

namespace tidemark {
namespace {

constexpr std::int64_t kTimeoutMs = 60'000;

// A main() may print lines of its own before the job's plan.
std::string_view plan_in(std::string_view output) {
  if (output.starts_with('{')) return output;
  const std::size_t at = output.find("\n{");
  return at == std::string_view::npos ? output : output.substr(at + 1);
}

}  // namespace

Result<LogicalPlan> plan_of_job(const std::vector<std::string>& words) {
  std::vector<std::string> line{words.front(), "--plan"};
  line.insert(line.end(), words.begin() + 1, words.end());
  const auto end = run_child(line, kTimeoutMs);
  if (!end) return std::unexpected{end.error().within("asking the job for its plan")};
  const std::string& program = words.front();
  if (end->signal != 0) {
    return fail(ErrorCode::kFailedPrecondition,
                fmt::format("'{} --plan' was ended by signal {}", program, end->signal));
  }
  if (end->exit_code != 0) {
    return fail(
        ErrorCode::kFailedPrecondition,
        fmt::format("'{} --plan' ended with exit code {}: what it printed says why; a Tidemark job prints its plan, "
                    "given the arguments that it needs",
                    program, end->exit_code));
  }
  auto plan = parse_plan(plan_in(end->output));
  if (!plan) {
    return fail(ErrorCode::kFailedPrecondition,
                fmt::format("'{} --plan' printed no plan: is it a Tidemark job, of this version? ({})", program,
                            plan.error().message()));
  }
  return plan;
}

}  // namespace tidemark

// What the executable of a job says of itself: runs it with an option that has it tell and end, and reads what it prints.
// Blocks.
//
// `words`: the program and its arguments. Its stderr is ours. Errors name the program and say what it is not.
#pragma once

#include <string>
#include <vector>

#include "api/verdict_report.h"
#include "base/result.h"
#include "tidemark/detail/model/plan.h"

namespace tidemark {

/// `./job --plan ARGS`.
Result<LogicalPlan> plan_of_job(const std::vector<std::string>& words);
/// As it prints it, and known to be one.
Result<std::string> plan_text_of_job(const std::vector<std::string>& words);

/// `./job --check-json=PATH ARGS`: the job itself knows where its snapshots lie. `drop_unclaimed` as its option -n.
Result<VerdictReport> verdict_of_job(const std::vector<std::string>& words, const std::string& path, bool drop_unclaimed);

}  // namespace tidemark

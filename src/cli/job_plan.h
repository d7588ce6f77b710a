// What the executable of a job says about it: runs `./job --plan ARGS` and reads the plan. Blocks.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "tidemark/detail/model/plan.h"

namespace tidemark {

/// `words`: the program and its arguments. Its stderr is ours. Errors name the program and say what it is not.
Result<LogicalPlan> plan_of_job(const std::vector<std::string>& words);

}  // namespace tidemark

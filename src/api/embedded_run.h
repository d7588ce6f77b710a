// Runs a planned job inside this process: coordinator and worker on the real environment, from the first attempt to the
// outcome. The calling thread drives the master; tasks and blocking work have threads of their own.
#pragma once

#include "api/job_environment.h"
#include "base/result.h"
#include "config/options.h"
#include "coordinator/job_state.h"
#include "graph/plan.h"
#include "tidemark/detail/task/factories.h"

namespace tidemark {

/// How the run deals with the people around it.
enum class RunStyle {
  kProgram,  ///< handles SIGINT and SIGTERM, shows progress, ends with a summary
  kQuiet,    ///< part of another program: does none of it
};

/// An error if the job could not even start; what went wrong later stands in the outcome.
Result<JobOutcome> run_embedded(const Options& options, const PhysicalPlan& plan, const detail::JobFactories& factories,
                                const UserParts& parts, RunStyle style);

}  // namespace tidemark

// Runs a planned job inside this process: coordinator and worker on the real environment, from the first attempt to the
// outcome. The calling thread drives the master; tasks and blocking work have threads of their own.
#pragma once

#include <memory>

#include "base/result.h"
#include "config/options.h"
#include "coordinator/job_state.h"
#include "graph/plan.h"
#include "tidemark/detail/task/factories.h"
#include "tidemark/state_store.h"
#include "tidemark/storage.h"

namespace tidemark {

/// How the run deals with the people around it.
enum class RunStyle {
  kProgram,  ///< handles SIGINT and SIGTERM, shows progress, ends with a summary
  kQuiet,    ///< part of another program: does none of it
};

/// What the job's author puts in place of Tidemark's own.
struct UserParts {
  std::shared_ptr<Storage> storage;  ///< of snapshots; null: the machine's files
  std::shared_ptr<StateStores> state_stores;  ///< for state of keys; null: as state.backend.type says
};

/// An error if the job could not even start; what went wrong later stands in the outcome.
Result<JobOutcome> run_embedded(const Options& options, const PhysicalPlan& plan, const detail::JobFactories& factories,
                                const UserParts& parts, RunStyle style);

}  // namespace tidemark

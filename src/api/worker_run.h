// Runs this process's share of a job, as the TaskManager that started it has ordered (control/worker_order.h): it listens for the other
// workers, goes to the JobManager, and does what the job's master there says, for one attempt. The calling thread does all that but
// the tasks, which have threads of their own.
#pragma once

#include "api/job_environment.h"
#include "base/result.h"
#include "config/options.h"
#include "control/worker_order.h"
#include "graph/plan.h"
#include "tidemark/detail/task/factories.h"

namespace tidemark {

/// An error if it could not begin; how its tasks ended, the master has been told.
Result<> run_worker(const WorkerOrder& order, Options options, const PhysicalPlan& plan, const detail::JobFactories& factories,
                    const UserParts& parts);

}  // namespace tidemark

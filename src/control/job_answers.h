// What is answered to requests about jobs, in the fields of Flink's REST interface. Pure, any thread.
//
// A figure that nobody knows is -1, or is not there.
#pragma once

#include <string>
#include <vector>

#include "control/http.h"
#include "control/jobs_control.h"
#include "control/plan_answer.h"

namespace tidemark {

/// As the plan has them; where it is not known, as those that run.
std::vector<PlannedVertex> vertices_of(const ClusterJob& job);

/// GET /jobs, /jobs/overview.
HttpResponse answer_jobs(const std::vector<JobGlance>& jobs);
HttpResponse answer_jobs_overview(const std::vector<ClusterJob>& jobs);

/// GET /jobs/:id and below it plan, config, exceptions, execution-result, status. 404 for what is not known of a job.
HttpResponse answer_job(const ClusterJob& job);
HttpResponse answer_plan(const ClusterJob& job);
HttpResponse answer_config(const ClusterJob& job);
HttpResponse answer_exceptions(const ClusterJob& job);
/// GET /jobs/:id/resource-requirements: as many subtasks as each vertex has, no more and no fewer.
HttpResponse answer_resource_requirements(const ClusterJob& job);
/// GET /jobs/:id/accumulators: which no job has here.
HttpResponse answer_accumulators();
HttpResponse answer_result(const ClusterJob& job);
HttpResponse answer_status(const ClusterJob& job);

}  // namespace tidemark

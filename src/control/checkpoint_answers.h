// What is answered to requests about a job's checkpoints, in the fields of Flink's REST interface. Pure, any thread.
//
// Of failed checkpoints only the number is known, and of complete ones not what each task did; what is not known is -1.
#pragma once

#include <string>

#include "control/http.h"
#include "control/jobs_control.h"

namespace tidemark {

/// GET /jobs/:id/checkpoints, and below it config and details/:cp.
HttpResponse answer_checkpoints(const ClusterJob& job);
HttpResponse answer_checkpoint(const ClusterJob& job, const std::string& id);
HttpResponse answer_checkpoint_config(const ClusterJob& job);

}  // namespace tidemark

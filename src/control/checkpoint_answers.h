// What is answered to requests about a job's checkpoints, in the fields of Flink's REST interface. Pure, any thread.
//
// What is not known is -1: of checkpoints that an earlier JobManager has told of, what each task did.
#pragma once

#include <string>

#include "control/http.h"
#include "control/jobs_control.h"

namespace tidemark {

/// GET /jobs/:id/checkpoints, and below it config, details/:cp and details/:cp/subtasks/:vertex.
HttpResponse answer_checkpoints(const ClusterJob& job);
HttpResponse answer_checkpoint(const ClusterJob& job, const std::string& id);
HttpResponse answer_checkpoint_subtasks(const ClusterJob& job, const std::string& id, const std::string& vertex);
HttpResponse answer_checkpoint_config(const ClusterJob& job);

}  // namespace tidemark

// What a request says that is to be run: the fields of Flink's POST /jars/:id/run, in its body or its query, and of an upgrade. Pure, any
// thread.
#pragma once

#include <string>

#include "base/result.h"
#include "control/cluster_control.h"
#include "control/http.h"

namespace tidemark {

/// kInvalidArgument names the field and what it must be. A field that Flink has and a Tidemark job has no use for is refused, too, rather
/// than passed over.
Result<RunOrder> run_order_of(const HttpRequest& request, const std::string& executable);

struct UpgradeRequest {
  UpgradeOrder order;
  std::string trigger_id;
};
/// Of POST /jobs/:id/upgrade, in its body: the same fields but for what it is to start from, and jarId, targetDirectory, checkpointTimeout
/// (in ms) and triggerId.
Result<UpgradeRequest> upgrade_request_of(const HttpRequest& request);

}  // namespace tidemark

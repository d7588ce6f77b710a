// What all attempts of a job share. Owned by its master and used on the master's thread; calls in the pool hold the
// store by themselves.
#pragma once

#include <memory>
#include <string>

#include "coordinator/blocking_calls.h"
#include "coordinator/checkpoint_tracker.h"
#include "env/env.h"
#include "graph/plan.h"
#include "protocol/checkpoint_coordinator.h"
#include "snapshot/checkpoint_store.h"

namespace tidemark {

struct JobContext {
  Env env;
  PhysicalPlan plan;
  std::shared_ptr<CheckpointStore> store;  ///< none: a job without a checkpoint folder
  CheckpointOptions checkpoints;
  bool incremental_checkpoints = false;
  UnclaimedState unclaimed_state = UnclaimedState::kRefuse;
  std::string savepoint_dir;  ///< of savepoints that are asked for without one
  BlockingCalls calls;
  CheckpointTracker tracker;

  Moment now() const { return {env.clock->steady_ns(), env.clock->wall_ms()}; }
};

}  // namespace tidemark

// Puts together what the tasks acknowledged and what the plan says: the `_metadata` of a checkpoint. Pure.
#pragma once

#include <cstdint>
#include <map>

#include "base/result.h"
#include "graph/plan.h"
#include "tidemark/detail/model/checkpoint.h"

namespace tidemark {

/// Every operator with a uid, also those that had nothing to say; a source's enumerator and reader, which share theirs,
/// are one. kInternal if a snapshot names an operator that the plan doesn't have.
Result<CheckpointMetadata> make_checkpoint_metadata(const PhysicalPlan& plan, AttemptId attempt, const Barrier& barrier,
                                                    std::map<TaskId, TaskSnapshot> snapshots,
                                                    std::int64_t completed_wall_ms);

}  // namespace tidemark

#include "coordinator/checkpoint_metadata.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>
#include <vector>

namespace tidemark {
namespace {

CheckpointMetadata::Operator describe_operator(const LogicalPlan& plan, const LogicalNode& node, std::uint32_t parallelism) {
  return {.uid = state_uid(node),
          .name = node.name,
          .parallelism = parallelism,
          .max_parallelism = plan.max_parallelism,
          .states = node.states,
          .subtasks = {}};
}

std::vector<CheckpointMetadata::Operator> describe_operators(const PhysicalPlan& plan) {
  std::vector<CheckpointMetadata::Operator> operators;
  for (const PhysicalVertex& vertex : plan.vertices) {
    for (const NodeId id : vertex.nodes) {
      const LogicalNode& node = plan.logical.nodes[id];
      if (!node.uid.empty()) operators.push_back(describe_operator(plan.logical, node, vertex.parallelism));
    }
  }
  return operators;
}

}  // namespace

Result<CheckpointMetadata> make_checkpoint_metadata(const PhysicalPlan& plan, AttemptId attempt, const Barrier& barrier,
                                                    std::map<TaskId, TaskSnapshot> snapshots, std::int64_t completed_wall_ms) {
  CheckpointMetadata metadata{.job = plan.logical.job,
                              .id = barrier.id,
                              .attempt = attempt,
                              .kind = barrier.kind,
                              .triggered_wall_ms = barrier.triggered_wall_ms,
                              .completed_wall_ms = completed_wall_ms,
                              .operators = describe_operators(plan)};
  for (auto& [task, snapshot] : snapshots) {
    for (OperatorSnapshot& of_operator : snapshot.operators) {
      const auto op = std::ranges::find(metadata.operators, of_operator.uid, &CheckpointMetadata::Operator::uid);
      if (op == metadata.operators.end()) {
        return fail(ErrorCode::kInternal, fmt::format("subtask {} of vertex {} acknowledged for operator '{}', which the plan "
                                                      "doesn't have",
                                                      task.subtask, task.vertex, of_operator.uid));
      }
      op->subtasks.push_back(std::move(of_operator));
    }
  }
  for (CheckpointMetadata::Operator& op : metadata.operators) std::ranges::sort(op.subtasks, {}, &OperatorSnapshot::subtask);
  return metadata;
}

}  // namespace tidemark

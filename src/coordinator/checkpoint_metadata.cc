#include "coordinator/checkpoint_metadata.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <utility>
#include <vector>

namespace tidemark {
namespace {

using Operator = CheckpointMetadata::Operator;

Operator* find(std::vector<Operator>& operators, const std::string& uid) {
  const auto found = std::ranges::find(operators, uid, &Operator::uid);
  return found == operators.end() ? nullptr : &*found;
}

void describe(const LogicalNode& node, std::uint32_t parallelism, std::uint32_t max_parallelism,
              std::vector<Operator>& operators) {
  Operator* op = find(operators, node.uid);
  if (op == nullptr) {
    op = &operators.emplace_back();
    op->uid = node.uid;
    op->max_parallelism = max_parallelism;
  }
  op->parallelism = std::max(op->parallelism, parallelism);
  if (!node.is_enumerator) op->name = node.name;
  op->states.insert(op->states.end(), node.states.begin(), node.states.end());
}

std::vector<Operator> describe_operators(const PhysicalPlan& plan) {
  std::vector<Operator> operators;
  for (const PhysicalVertex& vertex : plan.vertices) {
    for (const NodeId id : vertex.nodes) {
      const LogicalNode& node = plan.logical.nodes[id];
      if (!node.uid.empty()) describe(node, vertex.parallelism, plan.logical.max_parallelism, operators);
    }
  }
  return operators;
}

template <class T>
void move_to_end(std::vector<T>& to, std::vector<T>& from) {
  to.insert(to.end(), std::make_move_iterator(from.begin()), std::make_move_iterator(from.end()));
}

void add_subtask(Operator& op, OperatorSnapshot snapshot) {
  const auto same = std::ranges::find(op.subtasks, snapshot.subtask, &OperatorSnapshot::subtask);
  if (same == op.subtasks.end()) {
    op.subtasks.push_back(std::move(snapshot));
    return;
  }
  move_to_end(same->keyed_files, snapshot.keyed_files);
  move_to_end(same->list_states, snapshot.list_states);
  move_to_end(same->committables, snapshot.committables);
  move_to_end(same->watermarks, snapshot.watermarks);
  if (!snapshot.store.format.empty()) same->store = std::move(snapshot.store);
}

}  // namespace

Result<CheckpointMetadata> make_checkpoint_metadata(const PhysicalPlan& plan, AttemptId attempt, const Barrier& barrier,
                                                    std::map<TaskId, TaskSnapshot> snapshots,
                                                    std::int64_t completed_wall_ms) {
  CheckpointMetadata metadata{.job = plan.logical.job,
                              .id = barrier.id,
                              .attempt = attempt,
                              .kind = barrier.kind,
                              .triggered_wall_ms = barrier.triggered_wall_ms,
                              .completed_wall_ms = completed_wall_ms,
                              .operators = describe_operators(plan)};
  for (auto& [task, snapshot] : snapshots) {
    for (OperatorSnapshot& of_operator : snapshot.operators) {
      Operator* op = find(metadata.operators, of_operator.uid);
      if (op == nullptr) {
        return fail(ErrorCode::kInternal,
                    fmt::format("subtask {} of vertex {} acknowledged for operator '{}', which the plan "
                                "doesn't have",
                                task.subtask, task.vertex, of_operator.uid));
      }
      add_subtask(*op, std::move(of_operator));
    }
  }
  for (Operator& op : metadata.operators) std::ranges::sort(op.subtasks, {}, &OperatorSnapshot::subtask);
  return metadata;
}

}  // namespace tidemark

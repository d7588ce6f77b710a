#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <utility>

#include "graph/plan.h"

namespace tidemark {
namespace {

using CheckpointedOperator = CheckpointMetadata::Operator;

bool has_keyed_parts(const CheckpointedOperator& from) {
  return std::ranges::any_of(from.subtasks, [](const OperatorSnapshot& s) { return !s.keyed_files.empty() || !s.watermarks.empty(); });
}
bool holds_states(const CheckpointedOperator& from) {
  return has_keyed_parts(from) || std::ranges::any_of(from.subtasks, [](const OperatorSnapshot& s) {
           return std::ranges::any_of(s.list_states, [](const auto& list) { return !list.items.empty(); });
         });
}
bool holds_anything(const CheckpointedOperator& from) {
  return holds_states(from) || std::ranges::any_of(from.subtasks, [](const OperatorSnapshot& s) { return !s.committables.empty(); });
}

// The most likely reason is a uid that was changed: then the new one is of an operator that the checkpoint does not know.
std::string suggest_uid(const LogicalPlan& plan, const CheckpointMetadata& checkpoint) {
  std::vector<std::string> without_state;
  for (const LogicalNode& node : plan.nodes) {
    if (!node.keeps_state || node.is_enumerator) continue;
    const bool known = std::ranges::find(checkpoint.operators, node.uid, &CheckpointedOperator::uid) != checkpoint.operators.end();
    if (!known) without_state.push_back(fmt::format("'{}'", node.uid));
  }
  if (without_state.empty()) return {};
  return fmt::format("; did you rename it? The checkpoint knows nothing of {}", fmt::join(without_state, ", "));
}

std::string describe_schema(const StateDescriptor& state) {
  std::string text = fmt::format("{} {}", to_string(state.kind), state.key_schema);
  if (!state.namespace_schema.empty()) text += " / " + state.namespace_schema;
  if (state.value_schema.empty()) return text;
  return text + (state.key_schema.empty() ? "of " : " -> ") + state.value_schema;
}

Result<> check_states(const LogicalNode& node, const CheckpointedOperator& from) {
  if (!holds_states(from)) return {};
  for (const StateDescriptor& kept : from.states) {
    const auto declared = std::ranges::find(node.states, kept.name, &StateDescriptor::name);
    if (declared == node.states.end()) {
      return fail(ErrorCode::kFailedPrecondition,
                  fmt::format("{}, uid '{}', has no state '{}', which the checkpoint holds: declare it again, or start without --resume",
                              describe(node), node.uid, kept.name));
    }
    if (*declared != kept) {
      return fail(ErrorCode::kFailedPrecondition,
                  fmt::format("{}, uid '{}': the type of state '{}' has changed.\n  in the checkpoint: {}\n  in the job:        {}\n"
                              "Change it back, or give the state another name and start without --resume",
                              describe(node), node.uid, kept.name, describe_schema(kept), describe_schema(*declared)));
    }
  }
  return {};
}

Result<> check_max_parallelism(const LogicalPlan& plan, const LogicalNode& node, const CheckpointedOperator& from) {
  if (!has_keyed_parts(from) || from.max_parallelism == plan.max_parallelism) return {};
  return fail(ErrorCode::kFailedPrecondition,
              fmt::format("{}, uid '{}': the checkpoint was taken with max parallelism {}, the job has {}: it can't change during the life of a "
                          "state; set pipeline.max-parallelism to {}",
                          describe(node), node.uid, from.max_parallelism, plan.max_parallelism, from.max_parallelism));
}

void give_keyed_parts(const CheckpointedOperator& from, KeyGroupRange range, OperatorRestore& to) {
  for (const OperatorSnapshot& subtask : from.subtasks) {
    for (const SnapshotFile& file : subtask.keyed_files) {
      if (file.key_groups.intersects(range)) to.keyed_files.push_back(file);
    }
    for (const KeyGroupWatermark& watermark : subtask.watermarks) {
      if (watermark.key_groups.intersects(range)) to.watermarks.push_back(watermark);
    }
  }
}

OperatorListState* find_list(std::vector<OperatorListState>& lists, const std::string& name) {
  const auto found = std::ranges::find(lists, name, &OperatorListState::name);
  return found == lists.end() ? nullptr : &*found;
}

// All items of each list, in the order of the subtasks; of a broadcast one those of one subtask, since all have the same.
std::vector<OperatorListState> whole_lists(const CheckpointedOperator& from) {
  std::vector<OperatorListState> lists;
  for (const OperatorSnapshot& subtask : from.subtasks) {
    for (const OperatorListState& part : subtask.list_states) {
      OperatorListState* list = find_list(lists, part.name);
      if (list == nullptr) {
        lists.push_back(part);
      } else if (list->redistribution != Redistribution::kBroadcast) {
        list->items.insert(list->items.end(), part.items.begin(), part.items.end());
      }
    }
  }
  return lists;
}

OperatorListState own_list(const CheckpointedOperator& from, std::uint32_t subtask, const std::string& name) {
  for (const OperatorSnapshot& snapshot : from.subtasks) {
    if (snapshot.subtask != subtask) continue;
    const auto found = std::ranges::find(snapshot.list_states, name, &OperatorListState::name);
    if (found != snapshot.list_states.end()) return *found;
  }
  return {.name = name};
}

// Subtasks of an operator that was not rescaled keep what they had; else equal runs of items.
void give_list_states(const CheckpointedOperator& from, std::vector<OperatorRestore>& to) {
  const auto parallelism = static_cast<std::uint32_t>(to.size());
  for (const OperatorListState& list : whole_lists(from)) {
    for (std::uint32_t i = 0; i < parallelism; ++i) {
      OperatorListState share = list;
      if (list.redistribution == Redistribution::kSplit && from.parallelism == parallelism) {
        share.items = own_list(from, i, list.name).items;
      } else if (list.redistribution == Redistribution::kSplit) {
        const auto first = [&](std::uint32_t subtask) {
          return list.items.begin() + static_cast<std::ptrdiff_t>(list.items.size() * subtask / parallelism);
        };
        share.items.assign(first(i), first(i + 1));
      }
      to[i].list_states.push_back(std::move(share));
    }
  }
}

Result<> restore_node(const LogicalPlan& plan, const LogicalNode& node, const CheckpointedOperator& from, std::vector<OperatorRestore>& to) {
  TIDEMARK_TRY(check_max_parallelism(plan, node, from));
  TIDEMARK_TRY(check_states(node, from));
  const auto parallelism = static_cast<std::uint32_t>(to.size());
  for (std::uint32_t i = 0; i < parallelism; ++i) {
    give_keyed_parts(from, range_of_subtask(i, parallelism, plan.max_parallelism), to[i]);
  }
  give_list_states(from, to);
  return {};
}

}  // namespace

Result<std::vector<std::vector<OperatorRestore>>> map_restore(const PhysicalPlan& plan, const CheckpointMetadata& checkpoint) {
  const LogicalPlan& logical = plan.logical;
  std::vector<std::vector<OperatorRestore>> restores(logical.nodes.size());
  for (const PhysicalVertex& vertex : plan.vertices) {
    for (const NodeId id : vertex.nodes) restores[id].resize(vertex.parallelism);
  }
  for (const CheckpointedOperator& from : checkpoint.operators) {
    bool taken = false;
    for (const LogicalNode& node : logical.nodes) {
      if (node.uid != from.uid) continue;
      TIDEMARK_TRY(restore_node(logical, node, from, restores[node.id]));
      taken = true;
    }
    if (taken || !holds_anything(from)) continue;
    return fail(ErrorCode::kFailedPrecondition,
                fmt::format("the checkpoint holds state of '{}' ({}), and no operator of the job has that uid{}", from.uid, from.name,
                            suggest_uid(logical, checkpoint)));
  }
  return restores;
}

}  // namespace tidemark

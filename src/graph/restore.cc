#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <utility>

#include "graph/plan.h"
#include "graph/verdict.h"

namespace tidemark {
namespace {

using CheckpointedOperator = CheckpointMetadata::Operator;

void give_keyed_parts(const CheckpointedOperator& from, KeyGroupRange range, OperatorRestore& to) {
  for (const OperatorSnapshot& subtask : from.subtasks) {
    for (const SnapshotFile& file : subtask.keyed_files) {
      if (file.key_groups.intersects(range)) to.keyed_files.push_back(file);
    }
    if (!subtask.store.format.empty() && subtask.store.key_groups.intersects(range)) to.stores.push_back(subtask.store);
    for (const KeyGroupWatermark& watermark : subtask.watermarks) {
      if (watermark.key_groups.intersects(range)) to.watermarks.push_back(watermark);
    }
  }
}

OperatorListState* find_list(std::vector<OperatorListState>& lists, const std::string& name) {
  const auto found = std::ranges::find(lists, name, &OperatorListState::name);
  return found == lists.end() ? nullptr : &*found;
}

// All items of each list, in the order of the subtasks; of a broadcast one those of one subtask, since all have the
// same.
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

void restore_node(const LogicalPlan& plan, const CheckpointedOperator& from, std::vector<OperatorRestore>& to) {
  const auto parallelism = static_cast<std::uint32_t>(to.size());
  for (std::uint32_t i = 0; i < parallelism; ++i) {
    give_keyed_parts(from, range_of_subtask(i, parallelism, plan.max_parallelism), to[i]);
  }
  give_list_states(from, to);
}

std::string line_of(const StateVerdict& verdict) {
  return fmt::format("{}: {}", describe(verdict), fmt::join(verdict.details, "; "));
}

/// An error that names all that is wrong, or what is dropped.
Result<std::vector<StateVerdict>> check(const LogicalPlan& plan, const std::vector<SavedOperator>& saved, UnclaimedState unclaimed) {
  std::vector<StateVerdict> dropped;
  std::string problems;
  bool only_unclaimed = true;
  for (StateVerdict& verdict : judge(plan, saved)) {
    if (verdict.kind == StateVerdict::Kind::kOrphaned && unclaimed == UnclaimedState::kDrop) {
      dropped.push_back(std::move(verdict));
    } else if (verdict.kind == StateVerdict::Kind::kOrphaned || verdict.kind == StateVerdict::Kind::kRefused) {
      only_unclaimed = only_unclaimed && verdict.kind == StateVerdict::Kind::kOrphaned;
      problems += "\n  " + line_of(verdict);
    }
  }
  if (problems.empty()) return dropped;
  const std::string_view advice = only_unclaimed
                                      ? "give it its name back, or start with --allow-non-restored-state to drop it"
                                      : "change it back as it says there, or start without --resume";
  return fail(ErrorCode::kFailedPrecondition,
              fmt::format("the saved state doesn't fit the job:{}\nTo go on, {}", problems, advice));
}

void drop(const StateVerdict& verdict, const LogicalPlan& plan, RestoreMap& map) {
  map.dropped.push_back(line_of(verdict));
  if (verdict.state.empty()) return;
  for (const LogicalNode& node : plan.nodes) {
    if (node.uid != verdict.uid) continue;
    for (OperatorRestore& subtask : map.restores[node.id]) subtask.dropped_states.push_back(verdict.state);
  }
}

}  // namespace

Result<> check_takeover(const LogicalPlan& plan, const LogicalPlan& saved, UnclaimedState unclaimed) {
  TIDEMARK_TRY(check(plan, saved_operators(saved), unclaimed));
  return {};
}

Result<RestoreMap> map_restore(const PhysicalPlan& plan, const CheckpointMetadata& checkpoint,
                               UnclaimedState unclaimed) {
  const LogicalPlan& logical = plan.logical;
  TIDEMARK_ASSIGN(dropped, check(logical, saved_operators(checkpoint), unclaimed));
  RestoreMap map;
  map.restores.resize(logical.nodes.size());
  for (const PhysicalVertex& vertex : plan.vertices) {
    for (const NodeId id : vertex.nodes) map.restores[id].resize(vertex.parallelism);
  }
  for (const CheckpointedOperator& from : checkpoint.operators) {
    for (const LogicalNode& node : logical.nodes) {
      if (node.uid == from.uid) restore_node(logical, from, map.restores[node.id]);
    }
  }
  for (const StateVerdict& verdict : dropped) drop(verdict, logical, map);
  return map;
}

}  // namespace tidemark

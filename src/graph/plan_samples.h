// Plans for the tests of this room.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "graph/plan.h"

namespace tidemark {

inline LogicalNode node(std::string name, std::string uid = {}, std::uint32_t parallelism = 0) {
  const bool keeps_state = !uid.empty();
  return {.name = std::move(name), .uid = std::move(uid), .location = "job.cc:14", .parallelism = parallelism, .keeps_state = keeps_state};
}

inline StateDescriptor state(std::string name, std::string value_schema) {
  return {.name = std::move(name), .key_schema = "\"int64\"", .namespace_schema = {}, .value_schema = std::move(value_schema)};
}

inline StateDescriptor operator_state(std::string name, StateDescriptor::Kind kind, std::string value_schema = "\"string\"") {
  return {.name = std::move(name), .kind = kind, .key_schema = {}, .namespace_schema = {}, .value_schema = std::move(value_schema)};
}

inline LogicalPlan plan_of(std::vector<LogicalNode> nodes, std::vector<LogicalEdge> edges, std::uint32_t parallelism = 2) {
  LogicalPlan plan{.job = "job", .parallelism = parallelism, .nodes = std::move(nodes), .edges = std::move(edges)};
  for (NodeId id = 0; id < plan.nodes.size(); ++id) plan.nodes[id].id = id;
  return plan;
}

/// enumerator (0) -> reader (1) -> filter (2) -> by key: count (3) -> sink (4).
inline LogicalPlan counting_plan(std::uint32_t parallelism = 2) {
  LogicalNode enumerator = node("bids enumerator", "bids", 1);
  enumerator.is_enumerator = true;
  LogicalNode count = node("count", "count");
  count.states.push_back(state("acc", "\"int64\""));
  return plan_of({enumerator, node("bids", "bids"), node("filter"), count, node("files", "out")},
                 {{0, 1, Exchange::kSplits, ""}, {1, 2, Exchange::kForward, ""}, {2, 3, Exchange::kHash, ""}, {3, 4, Exchange::kForward, ""}},
                 parallelism);
}

}  // namespace tidemark

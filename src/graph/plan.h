// From what the user built to what runs: the physical plan, its JSON and fingerprint, and how a checkpoint is dealt out to
// it. Pure; plain data by value, any thread.
//
// A vertex is a chain of nodes that one task runs; a physical edge is an exchange between two vertices.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "tidemark/detail/model/checkpoint.h"
#include "tidemark/detail/model/plan.h"

namespace tidemark {

struct PhysicalVertex {
  std::uint32_t id = 0;
  std::string name;                ///< "filter -> map"
  std::vector<NodeId> nodes;       ///< of the chain, each after its input
  std::uint32_t parallelism = 1;
};

/// An edge of the logical plan that is an exchange between two tasks. Those not listed lie within a chain.
struct PhysicalEdge {
  std::uint32_t logical_edge = 0;  ///< index into LogicalPlan::edges
  std::uint32_t from_vertex = 0;
  std::uint32_t to_vertex = 0;
  Exchange exchange = Exchange::kForward;  ///< as it runs: kRebalance for a forward edge between different parallelisms
};

struct PhysicalPlan {
  LogicalPlan logical;
  std::vector<PhysicalVertex> vertices;  ///< id = index; sources first
  std::vector<PhysicalEdge> edges;
};

/// Checks the plan (uids there, valid and used once; parallelism within bounds; ...) and cuts it into vertices. Errors
/// name the node, where it was written, and what to do.
Result<PhysicalPlan> make_physical_plan(LogicalPlan logical);

/// What the node calls itself in messages: "operator 'window aggregate' (job.cc:14)".
std::string describe(const LogicalNode& node);

/// For --plan: nodes, uids, exchanges, chains, states with their schemas, and the plan's fingerprint.
std::string to_json(const PhysicalPlan& plan);

/// Of all that a worker must agree on: the graph, the uids, the schemas. Not the parallelism.
std::uint64_t fingerprint(const LogicalPlan& plan);

/// What each subtask of each node starts from: result[node][subtask]. List states are redistributed, keyed files go to the
/// subtasks whose key groups they touch. A source's enumerator and readers are one operator in a checkpoint; each gets the
/// list states of both and takes its own by name. Errors: state in the checkpoint that no node takes; another max
/// parallelism; a state whose schema differs.
Result<std::vector<std::vector<OperatorRestore>>> map_restore(const PhysicalPlan& plan, const CheckpointMetadata& checkpoint);

}  // namespace tidemark

// From what the user built to what runs: the physical plan, its JSON and fingerprint, and how a checkpoint is dealt out
// to it. Pure; plain data by value, any thread.
//
// A vertex is a chain of nodes that one task runs; a physical edge is an exchange between two vertices.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "tidemark/detail/model/checkpoint.h"
#include "tidemark/detail/model/plan.h"

namespace tidemark {

struct PhysicalVertex {
  std::uint32_t id = 0;
  std::string name;           ///< "filter -> map"
  std::vector<NodeId> nodes;  ///< of the chain, each after its input
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

/// Whether subtask `from` of `producers` has an edge to subtask `to` of `consumers`.
bool is_wired(Exchange exchange, std::uint32_t from, std::uint32_t producers, std::uint32_t to, std::uint32_t consumers);

/// What the node calls itself in messages: "operator 'window aggregate' (job.cc:14)".
std::string describe(const LogicalNode& node);

/// For --plan: nodes, uids, exchanges, chains, states with their schemas, and the plan's fingerprint.
std::string to_json(const PhysicalPlan& plan);

/// Of all that a worker must agree on: the graph, the uids, the schemas. Not the parallelism.
std::uint64_t fingerprint(const LogicalPlan& plan);

/// Reads to_json() back as far as verdicts need it: the job, its max parallelism, and every operator with its uid and
/// states; no edges. kParse for what is no plan.
Result<LogicalPlan> parse_plan(std::string_view json);

/// What becomes of saved state that no operator or state of the job takes.
enum class UnclaimedState {
  kRefuse,  ///< the job doesn't start
  kDrop,    ///< it starts without that state
};

/// Whether a job of `plan` can take what one of `saved` leaves, whatever that turns out to hold. An error says all that judge() (verdict.h)
/// finds wrong.
Result<> check_takeover(const LogicalPlan& plan, const LogicalPlan& saved, UnclaimedState unclaimed = UnclaimedState::kRefuse);

struct RestoreMap {
  std::vector<std::vector<OperatorRestore>> restores;  ///< what each subtask of each node starts from: [node][subtask]
  std::vector<std::string> dropped;                    ///< what was dropped, for the log: one line each
};

/// List states are redistributed, keyed files go to the subtasks whose key groups they touch. A source's enumerator and
/// readers are one operator in a checkpoint; each gets the list states of both and takes its own by name. An error says
/// all that judge() (verdict.h) finds wrong.
Result<RestoreMap> map_restore(const PhysicalPlan& plan, const CheckpointMetadata& checkpoint,
                               UnclaimedState unclaimed = UnclaimedState::kRefuse);

}  // namespace tidemark

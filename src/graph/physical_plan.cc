#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <utility>

#include "graph/plan.h"
#include "tidemark/detail/base/check.h"
#include "tidemark/detail/codec/type.h"

namespace tidemark {
namespace {

constexpr std::uint32_t kNoVertex = 0xffffffff;

class Planner {
 public:
  explicit Planner(LogicalPlan logical) : inputs_(logical.nodes.size()), outputs_(logical.nodes.size()) {
    plan_.logical = std::move(logical);
    const auto& nodes = plan_.logical.nodes;
    const auto& edges = plan_.logical.edges;
    for (std::size_t i = 0; i < nodes.size(); ++i) TIDEMARK_CHECK(nodes[i].id == i, "a node's id is its index");
    for (std::uint32_t i = 0; i < edges.size(); ++i) {
      TIDEMARK_CHECK(edges[i].from < edges[i].to && edges[i].to < nodes.size(), "a node comes after those that it reads from");
      TIDEMARK_CHECK(edges[i].input <= 1, "an operator has at most two inputs");
      inputs_[edges[i].to].push_back(i);
      outputs_[edges[i].from].push_back(i);
    }
  }

  Result<PhysicalPlan> make() {
    TIDEMARK_TRY(check_job());
    for (const LogicalNode& node : plan_.logical.nodes) {
      TIDEMARK_TRY(check_parallelism(node));
      TIDEMARK_TRY(check_uid(node));
      TIDEMARK_TRY(check_is_read(node));
    }
    for (const LogicalEdge& edge : plan_.logical.edges) TIDEMARK_TRY(check_order(edge));
    make_vertices();
    make_edges();
    return std::move(plan_);
  }

 private:
  const LogicalNode& node(NodeId id) const { return plan_.logical.nodes[id]; }
  const LogicalEdge& edge(std::uint32_t index) const { return plan_.logical.edges[index]; }
  std::uint32_t parallelism_of(NodeId id) const {
    return node(id).parallelism != 0 ? node(id).parallelism : plan_.logical.parallelism;
  }

  Result<> check_job() const {
    const LogicalPlan& job = plan_.logical;
    if (!is_valid_name(job.job)) {
      return fail(ErrorCode::kInvalidArgument,
                  fmt::format("'{}' can't be a job's name: 1 to 128 of the characters A-Z a-z 0-9 . _ - are allowed", job.job));
    }
    if (job.job == "." || job.job == "..") {
      return fail(ErrorCode::kInvalidArgument,
                  fmt::format("'{}' can't be a job's name: it names the folder of its checkpoints, and this would be another one", job.job));
    }
    if (job.nodes.empty()) {
      return fail(ErrorCode::kInvalidArgument, fmt::format("job '{}' has no source: begin with job.from(...)", job.job));
    }
    if (job.max_parallelism < 1 || job.max_parallelism > kLargestMaxParallelism) {
      return fail(ErrorCode::kInvalidArgument, fmt::format("the job's max parallelism is {}: it must be from 1 to {}", job.max_parallelism,
                                                           kLargestMaxParallelism));
    }
    if (job.parallelism < 1 || job.parallelism > job.max_parallelism) {
      return fail(ErrorCode::kInvalidArgument,
                  fmt::format("the job's parallelism is {}: it must be from 1 to its max parallelism, {}", job.parallelism, job.max_parallelism));
    }
    return {};
  }

  Result<> check_parallelism(const LogicalNode& which) const {
    if (which.parallelism > plan_.logical.max_parallelism) {
      return fail(ErrorCode::kInvalidArgument, fmt::format("{} has parallelism {}, more than the job's max parallelism, {}", describe(which),
                                                           which.parallelism, plan_.logical.max_parallelism));
    }
    const bool is_global = std::ranges::any_of(inputs_[which.id], [&](auto i) { return edge(i).exchange == Exchange::kGlobal; });
    if ((is_global || which.is_enumerator) && parallelism_of(which.id) != 1) {
      return fail(ErrorCode::kInvalidArgument,
                  fmt::format("{} sees the whole stream, so it runs in one subtask: remove .parallelism({})", describe(which), which.parallelism));
    }
    return {};
  }

  Result<> check_uid(const LogicalNode& which) {
    if (which.uid.empty()) {
      if (!which.keeps_state) return {};
      return fail(ErrorCode::kInvalidArgument, fmt::format("{} holds state: name it with .uid(\"...\")", describe(which)));
    }
    if (!is_valid_name(which.uid)) {
      return fail(ErrorCode::kInvalidArgument,
                  fmt::format("{} has the uid '{}': 1 to 128 of the characters A-Z a-z 0-9 . _ - are allowed", describe(which), which.uid));
    }
    const auto [taken, is_new] = uids_.try_emplace(which.uid, which.id);
    if (is_new || is_part_of(taken->second, which.id)) return {};
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("{} has the uid '{}', and so has {}: give each a uid of its own", describe(which), which.uid, describe(node(taken->second))));
  }

  Result<> check_is_read(const LogicalNode& which) const {
    const bool must_be_read = which.must_be_read || is_source(which.id);
    if (!must_be_read || !outputs_[which.id].empty()) return {};
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("nobody reads {}: give its stream an operator or a sink (.to(discard()) if its records are not needed), or remove it",
                            describe(which)));
  }

  // To one subtask they all go the same way, so they stay in order.
  Result<> check_order(const LogicalEdge& which) const {
    const std::uint32_t from = parallelism_of(which.from), to = parallelism_of(which.to);
    if (!which.order_counts || which.exchange != Exchange::kForward || from == to || to == 1) return {};
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("{} runs in {} subtasks and reads changes or upserts of rows from {}, which runs in {}: dealt out evenly, those of a row would come "
                            "out of order: give both the same parallelism, or key_by() the stream",
                            describe(node(which.to)), to, describe(node(which.from)), from));
  }

  bool is_part_of(NodeId part, NodeId whole) const {
    return std::ranges::any_of(inputs_[whole], [&](auto i) { return edge(i).from == part && is_part_of_reader(plan_.logical, edge(i)); });
  }

  // An enumerator or a reader.
  bool is_source(NodeId id) const {
    return std::ranges::all_of(inputs_[id], [&](auto i) { return edge(i).exchange == Exchange::kSplits; });
  }

  /// Whether the node runs in the task of the node that it reads from.
  bool is_chained(NodeId id) const {
    if (inputs_[id].size() != 1 || node(id).heads_task) return false;
    const LogicalEdge& input = edge(inputs_[id].front());
    return input.exchange == Exchange::kForward && parallelism_of(input.from) == parallelism_of(id);
  }

  void make_vertices() {
    vertex_of_.assign(plan_.logical.nodes.size(), kNoVertex);
    for (const bool sources : {true, false}) {
      for (const LogicalNode& head : plan_.logical.nodes) {
        if (is_chained(head.id) || is_source(head.id) != sources) continue;
        const auto id = static_cast<std::uint32_t>(plan_.vertices.size());
        plan_.vertices.push_back({.id = id, .name = chain_name(head.id), .nodes = {}, .parallelism = parallelism_of(head.id)});
        vertex_of_[head.id] = id;
      }
    }
    for (const LogicalNode& each : plan_.logical.nodes) {
      if (is_chained(each.id)) vertex_of_[each.id] = vertex_of_[edge(inputs_[each.id].front()).from];
      plan_.vertices[vertex_of_[each.id]].nodes.push_back(each.id);
    }
  }

  // "a -> b", or "a -> (b -> c, d)" where the chain branches.
  std::string chain_name(NodeId head) const {
    std::vector<std::string> branches;
    for (const std::uint32_t output : outputs_[head]) {
      if (is_chained(edge(output).to)) branches.push_back(chain_name(edge(output).to));
    }
    if (branches.empty()) return node(head).name;
    if (branches.size() == 1) return fmt::format("{} -> {}", node(head).name, branches.front());
    return fmt::format("{} -> ({})", node(head).name, fmt::join(branches, ", "));
  }

  void make_edges() {
    for (std::uint32_t i = 0; i < plan_.logical.edges.size(); ++i) {
      const LogicalEdge& logical = edge(i);
      if (is_chained(logical.to)) continue;
      const bool uneven = parallelism_of(logical.from) != parallelism_of(logical.to);
      plan_.edges.push_back({.logical_edge = i,
                             .from_vertex = vertex_of_[logical.from],
                             .to_vertex = vertex_of_[logical.to],
                             .exchange = logical.exchange == Exchange::kForward && uneven ? Exchange::kRebalance : logical.exchange});
    }
  }

  PhysicalPlan plan_;
  std::vector<std::vector<std::uint32_t>> inputs_;   // edges by the node that they lead to
  std::vector<std::vector<std::uint32_t>> outputs_;  // and by the one that they start at
  std::vector<std::uint32_t> vertex_of_;
  std::map<std::string, NodeId> uids_;
};

}  // namespace

std::string describe(const LogicalNode& node) {
  return node.location.empty() ? fmt::format("operator '{}'", node.name) : fmt::format("operator '{}' ({})", node.name, node.location);
}

bool is_wired(Exchange exchange, std::uint32_t from, std::uint32_t producers, std::uint32_t to, std::uint32_t consumers) {
  if (exchange == Exchange::kForward) return from == to;
  if (exchange != Exchange::kRescale) return true;
  return producers <= consumers ? std::uint64_t{to} * producers / consumers == from : std::uint64_t{from} * consumers / producers == to;
}

Result<PhysicalPlan> make_physical_plan(LogicalPlan logical) { return Planner{std::move(logical)}.make(); }

}  // namespace tidemark

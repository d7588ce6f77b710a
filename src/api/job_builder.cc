#include "tidemark/detail/api/job_builder.h"

#include <fmt/format.h>

#include <algorithm>

#include "graph/plan.h"

namespace tidemark::detail {

std::string JobBuilder::place(const Location& location) {
  const std::string_view file{location.file_name()};
  return fmt::format("{}:{}", file.substr(file.find_last_of('/') + 1), location.line());
}

NodeId JobBuilder::add_node(NewNode node) {
  const auto id = static_cast<NodeId>(plan_.nodes.size());
  plan_.nodes.push_back({.id = id,
                         .name = std::move(node.name),
                         .uid = {},
                         .location = place(node.location),
                         .parallelism = node.parallelism,
                         .keeps_state = node.keeps_state,
                         .is_enumerator = node.is_enumerator,
                         .heads_task = node.heads_task,
                         .must_be_read = node.must_be_read,
                         .is_local_stage = node.is_local_stage,
                         .windows_stay = node.windows_stay,
                         .states = std::move(node.states),
                         .kept = std::move(node.kept),
                         .sink_kind = std::move(node.sink_kind)});
  factories_.nodes.push_back(std::move(node.factory));
  return id;
}

void JobBuilder::add_edge(LogicalEdge edge, EdgeFactory factory) {
  std::uint32_t& parallelism = plan_.nodes[edge.to].parallelism;
  if (edge.exchange == Exchange::kGlobal && parallelism == 0) parallelism = 1;
  plan_.edges.push_back(std::move(edge));
  factories_.edges.push_back(std::move(factory));
}

void JobBuilder::add_side_output(SideOutputPort port) {
  if (port.name.empty()) complain_at(port.of, "a side output needs a name");
  for (const SideOutputPort& output : side_outputs_) {
    if (output.of != port.of || output.name != port.name) continue;
    complain_at(port.of, fmt::format("there are two side outputs '{}': give one of them another name", port.name));
  }
  side_outputs_.push_back(std::move(port));
}

const SideOutputPort* JobBuilder::find_side_output(NodeId node, const std::string& name) {
  if (node == kNoNode) {
    complain("side_output() follows the operator that has the output, not a union, another side output or a stream that was dealt out");
    return nullptr;
  }
  std::vector<std::string> names;
  for (const SideOutputPort& output : side_outputs_) {
    if (output.of != node) continue;
    if (output.name == name) return &output;
    names.push_back(fmt::format("'{}'", output.name));
  }
  complain_at(node, names.empty() ? fmt::format("there is no side output '{}': declare a SideOut of that name in the function, or name it with late_to() or on_error(side_output(...))", name)
                                  : fmt::format("there is no side output '{}', only {}", name, fmt::join(names, ", ")));
  return nullptr;
}

LogicalNode* JobBuilder::node_to_change(NodeId node, std::string_view what) {
  if (node != kNoNode) return &plan_.nodes[node];
  complain(fmt::format("{}() follows an operator: a union, a side output and a stream that was dealt out are none", what));
  return nullptr;
}

void JobBuilder::set_uid(NodeId node, std::string uid) {
  LogicalNode* which = node_to_change(node, "uid");
  if (which == nullptr) return;
  if (uid.empty()) return complain_at(node, "uid(\"\"): it is the name under which checkpoints hold the operator's state, so it can't be empty");
  for (const LogicalEdge& edge : plan_.edges) {
    if (edge.to == node && is_part_of_reader(plan_, edge)) plan_.nodes[edge.from].uid = uid;
  }
  which->uid = std::move(uid);
}

void JobBuilder::set_name(NodeId node, std::string name) {
  if (LogicalNode* which = node_to_change(node, "name")) which->name = std::move(name);
}

void JobBuilder::set_parallelism(NodeId node, std::uint32_t parallelism) {
  LogicalNode* which = node_to_change(node, "parallelism");
  if (which == nullptr) return;
  if (parallelism == 0) return complain_at(node, "parallelism(0): it is at least 1");
  which->parallelism = parallelism;
}

void JobBuilder::complain(std::string message) {
  if (!complaint_) complaint_.emplace(ErrorCode::kInvalidArgument, std::move(message));
}

void JobBuilder::complain_at(NodeId node, const std::string& message) { complain(describe(plan_.nodes[node]) + ": " + message); }

void JobBuilder::complain_at(const Location& location, const std::string& message) { complain(place(location) + ": " + message); }

}  // namespace tidemark::detail

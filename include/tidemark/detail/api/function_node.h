// Adds the node of an operator that runs a user's function. What the function declares is read off an operator made for that.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "tidemark/detail/api/job_builder.h"
#include "tidemark/detail/operators/side_outputs.h"

namespace tidemark::detail {

/// `make` gives a std::unique_ptr of the operator, with descriptors(). What it throws is a complaint at the
/// node's location.
template <class Make>
NodeId add_function_node(JobBuilder& builder, NewNode node, Make make) {
  std::vector<SideOutputs::Entry> side_outputs;
  builder.guard(node.location, [&] {
    const auto op = make();
    node.states = op->descriptors();
    if (const SideOutputs* declared = op->side_outputs()) side_outputs = declared->entries();
  });
  node.keeps_state |= !node.states.empty();
  node.factory = {std::move(make), {}};
  const NodeId id = builder.add_node(std::move(node));
  for (SideOutputs::Entry& each : side_outputs) builder.add_side_output(id, std::move(each.name), std::move(each.find));
  return id;
}

}  // namespace tidemark::detail

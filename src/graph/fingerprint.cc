#include "graph/plan.h"
#include "tidemark/detail/base/bytes.h"
#include "tidemark/detail/base/hash.h"

namespace tidemark {
namespace {

using detail::ByteWriter;

void put(ByteWriter& to, const StateDescriptor& state) {
  to.put_string(state.name);
  to.put_varint(static_cast<std::uint64_t>(state.kind));
  to.put_string(state.key_schema);
  to.put_string(state.namespace_schema);
  to.put_string(state.value_schema);
  if (state.has_ttl) to.put_string("ttl");
}

}  // namespace

std::uint64_t fingerprint(const LogicalPlan& plan) {
  ByteWriter bytes;
  bytes.put_string(plan.job);
  bytes.put_varint(plan.max_parallelism);
  bytes.put_varint(plan.nodes.size());
  for (const LogicalNode& node : plan.nodes) {
    bytes.put_string(node.name);
    bytes.put_string(node.uid);
    bytes.put_varint(node.is_enumerator);
    bytes.put_varint(node.states.size());
    for (const StateDescriptor& state : node.states) put(bytes, state);
    bytes.put_string(node.sink_kind.value_or(""));
    bytes.put_varint(node.kept.size());
    for (const KeptType& type : node.kept) {
      bytes.put_string(type.name);
      bytes.put_string(type.schema);
    }
  }
  for (const LogicalEdge& edge : plan.edges) {
    bytes.put_varint(edge.from);
    bytes.put_varint(edge.to);
    bytes.put_varint(static_cast<std::uint64_t>(edge.exchange));
    bytes.put_string(edge.output);
    bytes.put_varint(edge.input);
  }
  return detail::hash_bytes(bytes.view());
}

}  // namespace tidemark

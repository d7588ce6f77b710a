#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "graph/plan.h"

namespace tidemark {
namespace {

using Json = nlohmann::ordered_json;

std::string_view to_string(Exchange exchange) {
  switch (exchange) {
    case Exchange::kForward:
      return "forward";
    case Exchange::kHash:
      return "hash";
    case Exchange::kRebalance:
      return "rebalance";
    case Exchange::kGlobal:
      return "global";
    case Exchange::kBroadcast:
      return "broadcast";
    case Exchange::kSplits:
      return "splits";
    case Exchange::kRescale:
      return "rescale";
    case Exchange::kShuffle:
      return "shuffle";
    case Exchange::kCustom:
      return "custom";
  }
  return "";
}

Json state_to_json(const StateDescriptor& state) {
  Json json{{"name", state.name}, {"kind", to_string(state.kind)}};
  const auto put_schema = [&json](const char* name, const std::string& schema) {
    if (!schema.empty()) json[name] = Json::parse(schema);
  };
  put_schema("key", state.key_schema);
  put_schema("namespace", state.namespace_schema);
  put_schema("value", state.value_schema);
  if (state.has_ttl) json["ttl"] = true;
  return json;
}

/// How each logical edge runs; those that are chained stay forward.
std::vector<Exchange> running_exchanges(const PhysicalPlan& plan) {
  std::vector<Exchange> exchanges(plan.logical.edges.size(), Exchange::kForward);
  for (const PhysicalEdge& edge : plan.edges) exchanges[edge.logical_edge] = edge.exchange;
  return exchanges;
}

Json node_to_json(const PhysicalPlan& plan, const PhysicalVertex& vertex, const LogicalNode& node,
                  const std::vector<Exchange>& exchanges) {
  Json json{{"id", node.id}, {"name", node.name}};
  if (!node.uid.empty()) json["uid"] = node.uid;
  if (node.keeps_state) json["keeps_state"] = true;
  if (node.is_enumerator) json["enumerator"] = true;
  json["at"] = node.location;
  json["parallelism"] = vertex.parallelism;
  Json inputs = Json::array();
  for (std::size_t i = 0; i < plan.logical.edges.size(); ++i) {
    const LogicalEdge& edge = plan.logical.edges[i];
    if (edge.to != node.id) continue;
    Json input{{"from", edge.from}, {"exchange", to_string(exchanges[i])}};
    if (!edge.output.empty()) input["output"] = edge.output;
    if (edge.input != 0) input["input"] = edge.input;
    inputs.push_back(std::move(input));
  }
  json["inputs"] = std::move(inputs);
  Json states = Json::array();
  for (const StateDescriptor& state : node.states) states.push_back(state_to_json(state));
  json["states"] = std::move(states);
  if (node.keeps_state && node.sink_kind) json["sink"] = node.sink_kind->empty() ? Json{} : Json(*node.sink_kind);
  if (!node.kept.empty()) {
    Json kept = Json::array();
    for (const KeptType& type : node.kept) kept.push_back({{"name", type.name}, {"type", Json::parse(type.schema)}});
    json["keeps"] = std::move(kept);
  }
  return json;
}

}  // namespace

std::string to_json(const PhysicalPlan& plan) {
  const std::vector<Exchange> exchanges = running_exchanges(plan);
  Json json{{"job", plan.logical.job},
            {"fingerprint", fmt::format("{:016x}", fingerprint(plan.logical))},
            {"parallelism", plan.logical.parallelism},
            {"max_parallelism", plan.logical.max_parallelism}};
  Json vertices = Json::array();
  for (const PhysicalVertex& vertex : plan.vertices) {
    Json operators = Json::array();
    for (const NodeId id : vertex.nodes)
      operators.push_back(node_to_json(plan, vertex, plan.logical.nodes[id], exchanges));
    vertices.push_back({{"id", vertex.id},
                        {"name", vertex.name},
                        {"parallelism", vertex.parallelism},
                        {"operators", std::move(operators)}});
  }
  json["vertices"] = std::move(vertices);
  return json.dump(2);
}

}  // namespace tidemark

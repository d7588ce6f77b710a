#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "codec/schema.h"
#include "graph/plan.h"

namespace tidemark {
namespace {

using Json = nlohmann::ordered_json;

// What the text is not; becomes the message of parse_plan's error.
struct PlanFault {
  std::string what;
};

StateDescriptor::Kind kind_named(const std::string& name) {
  for (int i = 1; i <= static_cast<int>(StateDescriptor::kLastKind); ++i) {
    const auto kind = static_cast<StateDescriptor::Kind>(i);
    if (to_string(kind) == name) return kind;
  }
  throw PlanFault{fmt::format("a state of the unknown kind '{}'", name)};
}

std::string schema_of(const Json& state, const char* part) {
  if (!state.contains(part)) return {};
  const auto type = parse_schema(state.at(part).dump());
  if (!type) throw PlanFault{type.error().message()};
  return schema_json(*type);
}

StateDescriptor parse_state(const Json& json) {
  return {.name = json.at("name").get<std::string>(),
          .kind = kind_named(json.at("kind").get<std::string>()),
          .key_schema = schema_of(json, "key"),
          .namespace_schema = schema_of(json, "namespace"),
          .value_schema = schema_of(json, "value"),
          .has_ttl = json.value("ttl", false)};
}

LogicalNode parse_node(const Json& json) {
  LogicalNode node{.id = json.at("id").get<NodeId>(),
                   .name = json.at("name").get<std::string>(),
                   .uid = json.value("uid", ""),
                   .location = json.value("at", ""),
                   .parallelism = json.at("parallelism").get<std::uint32_t>(),
                   .keeps_state = json.value("keeps_state", false),
                   .is_enumerator = json.value("enumerator", false)};
  for (const Json& state : json.at("states")) node.states.push_back(parse_state(state));
  if (json.contains("sink")) node.sink_kind = json.at("sink").is_null() ? "" : json.at("sink").get<std::string>();
  if (json.contains("keeps")) {
    for (const Json& type : json.at("keeps")) {
      node.kept.push_back({.name = type.at("name").get<std::string>(), .schema = schema_of(type, "type")});
    }
  }
  return node;
}

LogicalPlan parse(const Json& json) {
  LogicalPlan plan{.job = json.at("job").get<std::string>(),
                   .parallelism = json.at("parallelism").get<std::uint32_t>(),
                   .max_parallelism = json.at("max_parallelism").get<std::uint32_t>()};
  for (const Json& vertex : json.at("vertices")) {
    for (const Json& node : vertex.at("operators")) plan.nodes.push_back(parse_node(node));
  }
  std::ranges::sort(plan.nodes, {}, &LogicalNode::id);
  for (NodeId i = 0; i < plan.nodes.size(); ++i) {
    if (plan.nodes[i].id != i) throw PlanFault{fmt::format("there is no operator {}", i)};
  }
  return plan;
}

}  // namespace

Result<LogicalPlan> parse_plan(std::string_view json) {
  try {
    return parse(Json::parse(json));
  } catch (const PlanFault& fault) {
    return fail(ErrorCode::kParse, "not a job's plan: " + fault.what);
  } catch (const nlohmann::json::exception& e) {
    return fail(ErrorCode::kParse, std::string{"not a job's plan: "} + e.what());
  }
}

}  // namespace tidemark

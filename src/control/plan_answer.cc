#include "control/plan_answer.h"

#include <fmt/format.h>

#include <map>
#include <nlohmann/json.hpp>

#include "control/http_answer.h"

namespace tidemark {
namespace {

using Json = nlohmann::json;

std::string in_flinks_words(std::string_view exchange) {
  if (exchange == "hash") return "HASH";
  if (exchange == "forward") return "FORWARD";
  if (exchange == "rebalance") return "REBALANCE";
  if (exchange == "rescale") return "RESCALE";
  if (exchange == "broadcast") return "BROADCAST";
  if (exchange == "global") return "GLOBAL";
  if (exchange == "shuffle") return "SHUFFLE";
  return fmt::format("{}", exchange);
}

/// Of which vertex each operator is.
std::map<std::uint32_t, std::uint32_t> vertices_of_operators(const Json& vertices) {
  std::map<std::uint32_t, std::uint32_t> result;
  for (const Json& vertex : vertices) {
    for (const Json& each : vertex.at("operators")) result[each.at("id").get<std::uint32_t>()] = vertex.at("id").get<std::uint32_t>();
  }
  return result;
}

std::vector<PlannedVertex> read(const Json& plan) {
  const auto vertex_of = vertices_of_operators(plan.at("vertices"));
  std::vector<PlannedVertex> result;
  for (const Json& from : plan.at("vertices")) {
    PlannedVertex vertex{.id = from.at("id").get<std::uint32_t>(),
                         .name = from.at("name").get<std::string>(),
                         .parallelism = from.at("parallelism").get<std::uint32_t>(),
                         .inputs = {}};
    for (const Json& each : from.at("operators")) {
      for (const Json& input : each.at("inputs")) {
        const std::uint32_t source = vertex_of.at(input.at("from").get<std::uint32_t>());
        if (source != vertex.id) vertex.inputs.push_back({source, input.at("exchange").get<std::string>()});
      }
    }
    result.push_back(std::move(vertex));
  }
  return result;
}

}  // namespace

std::string vertex_name(std::uint32_t id) { return fmt::format("{:032x}", id); }

Result<std::vector<PlannedVertex>> planned_vertices(std::string_view plan_json) {
  try {
    return read(Json::parse(plan_json));
  } catch (const std::exception& exception) {
    return fail(ErrorCode::kParse, fmt::format("this is no plan: {}", exception.what()));
  }
}

std::string plan_for_clients(const std::vector<PlannedVertex>& vertices, const std::string& jid, const std::string& name) {
  Json nodes = Json::array();
  for (const PlannedVertex& vertex : vertices) {
    Json inputs = Json::array();
    for (const PlannedVertex::Input& input : vertex.inputs) {
      inputs.push_back({{"num", inputs.size()},
                        {"id", vertex_name(input.from)},
                        {"ship_strategy", in_flinks_words(input.exchange)},
                        {"exchange", "pipelined_bounded"}});
    }
    nodes.push_back({{"id", vertex_name(vertex.id)},
                     {"parallelism", vertex.parallelism},
                     {"operator", ""},
                     {"operator_strategy", ""},
                     {"description", vertex.name},
                     {"optimizer_properties", Json::object()},
                     {"inputs", std::move(inputs)}});
  }
  return answer_with(200, Json{{"jid", jid}, {"name", name}, {"type", "STREAMING"}, {"nodes", std::move(nodes)}}).body;
}

std::string job_of_plan(std::string_view plan_json) {
  const Json plan = Json::parse(plan_json, nullptr, false);
  return plan.is_object() && plan.contains("job") && plan["job"].is_string() ? plan["job"].get<std::string>() : std::string{};
}

}  // namespace tidemark

// A job's plan as Flink's clients expect it. Pure, any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace tidemark {

/// 32 hexadecimal digits, as vertices are named to the outside.
std::string vertex_name(std::uint32_t id);

/// A vertex of a plan, as --plan prints it.
struct PlannedVertex {
  std::uint32_t id = 0;
  std::string name;
  std::uint32_t parallelism = 0;
  struct Input {
    std::uint32_t from = 0;  ///< vertex
    std::string exchange;    ///< "hash"
  };
  std::vector<Input> inputs;
};
/// Of what --plan prints; kParse for what is none.
Result<std::vector<PlannedVertex>> planned_vertices(std::string_view plan_json);

/// {"jid", "name", "type", "nodes": [...]}, in JSON.
std::string plan_for_clients(const std::vector<PlannedVertex>& vertices, const std::string& jid, const std::string& name);
/// The name of the job that a plan is of; empty for what is none.
std::string job_of_plan(std::string_view plan_json);

}  // namespace tidemark

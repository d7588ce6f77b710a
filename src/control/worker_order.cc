#include "control/worker_order.h"

#include <nlohmann/json.hpp>

namespace tidemark {

using Json = nlohmann::json;

std::string to_text(const WorkerOrder& order) {
  return Json{{"name", order.name},           {"master", order.master},       {"token", order.token}, {"data-host", order.data_host},
              {"memory", order.memory_bytes}, {"threads", order.threads},     {"job-id", order.job_id},
              {"task-manager", order.task_manager}, {"host", order.host}, {"socket", order.socket}}
      .dump(-1, ' ', false, Json::error_handler_t::replace);
}

Result<WorkerOrder> parse_worker_order(std::string_view text) {
  const Json json = Json::parse(text, nullptr, false);
  try {
    return WorkerOrder{.name = json.at("name").get<std::string>(),
                       .master = json.at("master").get<std::string>(),
                       .token = json.at("token").get<std::string>(),
                       .data_host = json.at("data-host").get<std::string>(),
                       .memory_bytes = json.at("memory").get<std::uint64_t>(),
                       .threads = json.at("threads").get<std::uint32_t>(),
                       .job_id = json.value("job-id", ""),
                       .task_manager = json.value("task-manager", ""),
                       .host = json.value("host", ""),
                       .socket = json.value("socket", "")};
  } catch (const Json::exception&) {
    return fail(ErrorCode::kParse, std::string{kWorkerOrderVariable} + " is set, but not by a TaskManager: unset it to run the job alone");
  }
}

}  // namespace tidemark

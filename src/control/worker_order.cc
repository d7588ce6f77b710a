#include "control/worker_order.h"

#include <nlohmann/json.hpp>

namespace tidemark {

using Json = nlohmann::json;

namespace {

Json json_of(const Tls& tls) {
  return {{"certificate", tls.certificate}, {"key", tls.key}, {"authority", tls.authority}, {"peer-name", tls.peer_name}};
}

Tls tls_of(const Json& json) {
  return {.certificate = json.at("certificate").get<std::string>(),
          .key = json.at("key").get<std::string>(),
          .authority = json.at("authority").get<std::string>(),
          .peer_name = json.at("peer-name").get<std::string>()};
}

// A TaskManager of the version before does not say.
Heartbeat heartbeat_of(const Json& json) {
  const Json said = json.value("heartbeat", Json::object());
  const Heartbeat usual;
  return {.interval_ms = said.value("interval-ms", usual.interval_ms), .timeout_ms = said.value("timeout-ms", usual.timeout_ms)};
}

}  // namespace

std::string to_text(const WorkerOrder& order) {
  Json json{{"name", order.name},           {"master", order.master},       {"token", order.token},               {"data-host", order.data_host},
            {"memory", order.memory_bytes}, {"threads", order.threads},     {"job-id", order.job_id},             {"task-manager", order.task_manager},
            {"host", order.host},           {"socket", order.socket},       {"copies-of", order.copies_of},       {"copies-in", order.copies_in}};
  json["heartbeat"] = {{"interval-ms", order.heartbeat.interval_ms}, {"timeout-ms", order.heartbeat.timeout_ms}};
  if (order.tls) json["tls"] = json_of(*order.tls);
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
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
                       .tls = json.contains("tls") ? std::optional{tls_of(json["tls"])} : std::nullopt,
                       .heartbeat = heartbeat_of(json),
                       .job_id = json.value("job-id", ""),
                       .task_manager = json.value("task-manager", ""),
                       .host = json.value("host", ""),
                       .copies_of = json.value("copies-of", ""),
                       .copies_in = json.value("copies-in", ""),
                       .socket = json.value("socket", "")};
  } catch (const Json::exception&) {
    return fail(ErrorCode::kParse, std::string{kWorkerOrderVariable} + " is set, but not by a TaskManager: unset it to run the job alone");
  }
}

}  // namespace tidemark

#include "rest/cluster_answers.h"

#include <algorithm>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <utility>

#include "base/secret.h"
#include "base/version.h"
#include "control/http_answer.h"

namespace tidemark {
namespace {

using Json = nlohmann::json;

constexpr int kRefresh_ms = 3000;
constexpr std::uint64_t kMebibyte = 1u << 20;

/// Memory is dealt out by slots, in mebibytes as Flink has it.
Json resource_of(const TaskManagerGlance& of, std::uint32_t slots) {
  const double share = of.slots == 0 ? 0 : static_cast<double>(slots) / of.slots;
  return {{"cpuCores", of.cores * share},
          {"taskHeapMemory", 0},
          {"taskOffHeapMemory", 0},
          {"managedMemory", static_cast<std::uint64_t>(static_cast<double>(of.memory_bytes / kMebibyte) * share)},
          {"networkMemory", 0},
          {"extendedResources", Json::object()}};
}

Json entry_of(const TaskManagerGlance& of) {
  return {{"id", of.id},
          {"path", of.address},
          {"dataPort", -1},  // each worker has one of its own
          {"jmxPort", -1},
          {"timeSinceLastHeartbeat", -1},  // its connection says that it lives
          {"slotsNumber", of.slots},
          {"freeSlots", of.free_slots},
          {"assignedTasks", -1},
          {"totalResource", resource_of(of, of.slots)},
          {"freeResource", resource_of(of, of.free_slots)},
          {"hardware", {{"cpuCores", of.cores}, {"physicalMemory", -1}, {"freeMemory", -1}, {"managedMemory", of.memory_bytes}}},
          {"memoryConfiguration", Json::object()},
          {"blocked", false},
          {"host", of.host},
          {"folder", of.folder}};
}

struct Slots {
  std::uint64_t all = 0;
  std::uint64_t free = 0;
};
Slots slots_of(const std::vector<TaskManagerGlance>& task_managers) {
  Slots slots;
  for (const TaskManagerGlance& each : task_managers) {
    slots.all += each.slots;
    slots.free += each.free_slots;
  }
  return slots;
}

std::int64_t running(const std::vector<JobGlance>& jobs) { return std::ranges::count_if(jobs, std::not_fn(is_over)); }

std::int64_t count_in(const std::vector<JobGlance>& jobs, std::string_view state) { return std::ranges::count(jobs, state, &JobGlance::state); }

}  // namespace

bool is_over(const JobGlance& job) { return job.state == "FINISHED" || job.state == "CANCELED" || job.state == "FAILED"; }

HttpResponse answer_config_of_cluster() {
  return answer_with(
      200, Json{{"refresh-interval", kRefresh_ms},
                {"timezone-name", "Coordinated Universal Time"},
                {"timezone-offset", 0},
                {"flink-version", std::string{library_version()}},
                {"flink-revision", "tidemark"},
                {"features", {{"web-submit", true}, {"web-cancel", true}, {"web-rescale", false}, {"web-history", false}}}});
}

HttpResponse answer_configuration(const std::vector<std::pair<std::string, std::string>>& configuration) {
  Json all = Json::array();
  for (const auto& [key, value] : configuration) all.push_back({{"key", key}, {"value", shown_value(key, value)}});
  return answer_with(200, all);
}

HttpResponse answer_overview_of_cluster(const std::vector<TaskManagerGlance>& task_managers, const std::vector<JobGlance>& jobs) {
  const auto [slots, free_slots] = slots_of(task_managers);
  return answer_with(200, Json{{"taskmanagers", task_managers.size()},
                               {"slots-total", slots},
                               {"slots-available", free_slots},
                               {"taskmanagers-blocked", 0},
                               {"slots-free-and-blocked", 0},
                               {"jobs-running", running(jobs)},
                               {"jobs-finished", count_in(jobs, "FINISHED")},
                               {"jobs-cancelled", count_in(jobs, "CANCELED")},
                               {"jobs-failed", count_in(jobs, "FAILED")},
                               {"flink-version", std::string{library_version()}},
                               {"flink-commit", "tidemark"}});
}

HttpResponse answer_task_managers(const std::vector<TaskManagerGlance>& task_managers) {
  Json all = Json::array();
  for (const TaskManagerGlance& each : task_managers) all.push_back(entry_of(each));
  return answer_with(200, Json{{"taskmanagers", std::move(all)}});
}

std::vector<Metric> metrics_of_cluster(const std::vector<TaskManagerGlance>& task_managers, const std::vector<JobGlance>& jobs) {
  const auto [slots, free_slots] = slots_of(task_managers);
  return {{"numRegisteredTaskManagers", static_cast<double>(task_managers.size())},
          {"numRunningJobs", static_cast<double>(running(jobs))},
          {"numFinishedJobs", static_cast<double>(count_in(jobs, "FINISHED"))},
          {"numCancelledJobs", static_cast<double>(count_in(jobs, "CANCELED"))},
          {"numFailedJobs", static_cast<double>(count_in(jobs, "FAILED"))},
          {"taskSlotsTotal", static_cast<double>(slots)},
          {"taskSlotsAvailable", static_cast<double>(free_slots)}};
}

HttpResponse answer_task_manager(const TaskManagerGlance& task_manager) { return answer_with(200, entry_of(task_manager)); }

}  // namespace tidemark

#include "control/checkpoint_answers.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>
#include <vector>

#include "config/options_builder.h"
#include "control/http_answer.h"
#include "control/plan_answer.h"

namespace tidemark {
namespace {

using Json = nlohmann::json;

/// Of an embedded job only the newest, which may be a savepoint: its monitoring looks at latest.completed all the same.
std::vector<CheckpointGlance> checkpoints_of(const ClusterJob& job) {
  if (job.checkpoints.empty() && job.glance.newest_checkpoint) return {*job.glance.newest_checkpoint};
  return job.checkpoints;
}

std::int64_t tasks_of(const ClusterJob& job) {
  const auto vertices = planned_vertices(job.plan_json);
  if (!vertices) return -1;
  std::int64_t tasks = 0;
  for (const PlannedVertex& vertex : *vertices) tasks += vertex.parallelism;
  return tasks;
}

Json entry_of(const CheckpointGlance& checkpoint, std::int64_t tasks) {
  return {{"className", "completed"},
          {"id", checkpoint.id},
          {"status", "COMPLETED"},
          {"is_savepoint", checkpoint.is_savepoint},
          {"savepointFormat", checkpoint.is_savepoint ? Json("CANONICAL") : Json{}},
          {"trigger_timestamp", checkpoint.completed_ms - checkpoint.duration_ms},
          {"latest_ack_timestamp", -1},
          {"checkpointed_size", checkpoint.written_bytes},
          {"state_size", checkpoint.state_bytes},
          {"end_to_end_duration", checkpoint.duration_ms},
          {"alignment_buffered", 0},  // Flink's, and long gone there
          {"processed_data", -1},
          {"persisted_data", 0},  // barriers are aligned: no data in flight is kept
          {"num_subtasks", tasks},
          {"num_acknowledged_subtasks", tasks},
          {"checkpoint_type", checkpoint.is_savepoint ? "SAVEPOINT" : "CHECKPOINT"},
          {"tasks", Json::object()},
          {"external_path", checkpoint.path},
          {"discarded", false}};
}

Json summary_of(std::vector<std::uint64_t> values) {
  std::ranges::sort(values);
  const auto at = [&values](double share) -> std::uint64_t {
    if (values.empty()) return 0;
    return values[static_cast<std::size_t>(share * static_cast<double>(values.size() - 1) + 0.5)];
  };
  std::uint64_t sum = 0;
  for (const std::uint64_t value : values) sum += value;
  return {{"min", at(0)},     {"max", at(1)},     {"avg", values.empty() ? 0 : sum / values.size()},
          {"p50", at(0.5)},   {"p90", at(0.9)},   {"p95", at(0.95)},
          {"p99", at(0.99)},  {"p999", at(0.999)}};
}

template <class Value>
Json summary_of(const std::vector<CheckpointGlance>& checkpoints, Value&& value) {
  std::vector<std::uint64_t> values;
  for (const CheckpointGlance& each : checkpoints) values.push_back(static_cast<std::uint64_t>(value(each)));
  return summary_of(std::move(values));
}

Json nobody_knows() {
  return {{"min", -1}, {"max", -1}, {"avg", -1}, {"p50", -1}, {"p90", -1}, {"p95", -1}, {"p99", -1}, {"p999", -1}};
}

template <class Which>
Json newest_of(const std::vector<CheckpointGlance>& checkpoints, std::int64_t tasks, Which&& which) {
  const auto found = std::ranges::find_if(checkpoints, which);
  return found == checkpoints.end() ? Json{} : entry_of(*found, tasks);
}

Result<Options> options_of(const ClusterJob& job) {
  OptionsBuilder builder;
  for (const auto& [key, value] : job.configuration) TIDEMARK_TRY(builder.set(key, value, "the job"));
  return builder.finish();
}

std::string_view in_flinks_words(Options::CheckpointMode mode) {
  switch (mode) {
    case Options::CheckpointMode::kExactlyOnce:
      return "exactly_once";
    case Options::CheckpointMode::kAtLeastOnce:
      return "at_least_once";
    case Options::CheckpointMode::kNone:
      return "at_most_once";  // which Flink has not
  }
  return "exactly_once";
}

}  // namespace

HttpResponse answer_checkpoints(const ClusterJob& job) {
  const JobGlance& glance = job.glance;
  const std::vector<CheckpointGlance> checkpoints = checkpoints_of(job);
  const std::int64_t tasks = tasks_of(job);
  Json history = Json::array();
  for (const CheckpointGlance& each : checkpoints) history.push_back(entry_of(each, tasks));
  return answer_with(
      200,
      Json{{"counts",
            {{"restored", -1},
             {"total", glance.completed_checkpoints + glance.failed_checkpoints + glance.checkpoints_in_progress},
             {"completed", glance.completed_checkpoints},
             {"failed", glance.failed_checkpoints},
             {"in_progress", glance.checkpoints_in_progress}}},
           {"summary",
            {{"checkpointed_size", summary_of(checkpoints, [](const auto& each) { return each.written_bytes; })},
             {"state_size", summary_of(checkpoints, [](const auto& each) { return each.state_bytes; })},
             {"end_to_end_duration", summary_of(checkpoints, [](const auto& each) { return each.duration_ms; })},
             {"alignment_buffered", nobody_knows()},
             {"processed_data", nobody_knows()},
             {"persisted_data", nobody_knows()}}},
           {"latest",
            {{"completed", newest_of(checkpoints, tasks, [&job](const auto& each) { return !each.is_savepoint || job.checkpoints.empty(); })},
             {"savepoint", newest_of(checkpoints, tasks, [](const auto& each) { return each.is_savepoint; })},
             {"failed", nullptr},
             {"restored", nullptr}}},
           {"history", std::move(history)}});
}

HttpResponse answer_checkpoint(const ClusterJob& job, const std::string& id) {
  for (const CheckpointGlance& each : checkpoints_of(job)) {
    if (fmt::format("{}", each.id) == id) return answer_with(200, entry_of(each, tasks_of(job)));
  }
  return refuse(404, fmt::format("of checkpoint {} of job '{}' nothing is known (any more)", id, job.glance.id));
}

HttpResponse answer_checkpoint_config(const ClusterJob& job) {
  if (job.plan_json.empty()) return refuse(404, fmt::format("the configuration of job '{}' is not known here", job.glance.id));
  const auto options = options_of(job);
  if (!options) return refuse_for(options.error());
  const Options::Checkpointing& from = options->checkpointing;
  return answer_with(
      200, Json{{"mode", in_flinks_words(from.mode)},
                {"interval", from.interval.count() > 0 ? from.interval.count() : std::numeric_limits<std::int64_t>::max()},
                {"timeout", from.timeout.count()},
                {"min_pause", from.min_pause.count()},
                {"max_concurrent", from.max_concurrent},
                {"externalization", {{"enabled", !from.dir.empty()}, {"delete_on_cancellation", !from.retain_on_cancellation}}},
                {"state_backend", options->state_backend == Options::StateBackend::kRocksdb ? "rocksdb" : "hashmap"},
                {"checkpoint_storage", from.dir},
                {"unaligned_checkpoints", false},
                {"tolerable_failed_checkpoints", from.tolerable_failures.value_or(std::numeric_limits<std::int32_t>::max())},
                {"aligned_checkpoint_timeout", 0},
                {"checkpoints_after_tasks_finish", true},
                {"state_changelog_enabled", false},
                {"changelog_periodic_materialization_interval", 0},
                {"changelog_storage", nullptr}});
}

}  // namespace tidemark

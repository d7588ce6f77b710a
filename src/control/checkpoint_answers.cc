#include "control/checkpoint_answers.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <limits>
#include <nlohmann/json.hpp>
#include <vector>

#include "config/options_builder.h"
#include "control/http_answer.h"
#include "control/job_answers.h"
#include "control/plan_answer.h"

namespace tidemark {
namespace {

using Json = nlohmann::json;

using Acknowledgements = std::vector<TaskAcknowledgement>;

bool is_in_progress(const CheckpointGlance& checkpoint) { return checkpoint.status == CheckpointStatus::kInProgress; }
bool has_failed(const CheckpointGlance& checkpoint) { return checkpoint.status == CheckpointStatus::kFailed; }
bool is_complete(const CheckpointGlance& checkpoint) { return checkpoint.status == CheckpointStatus::kCompleted; }

std::string_view status_of(const CheckpointGlance& checkpoint) {
  return is_in_progress(checkpoint) ? "IN_PROGRESS" : has_failed(checkpoint) ? "FAILED" : "COMPLETED";
}

/// What Flink has of a checkpoint as of each vertex's part in it.
struct Figures {
  std::int64_t latest_ack_ms = -1;
  std::uint64_t written_bytes = 0;
  std::uint64_t state_bytes = 0;
  std::int64_t duration_ms = 0;
  std::int64_t tasks = -1;
  std::int64_t acknowledged = -1;
};

Json entry_of(const CheckpointGlance& checkpoint, const Figures& figures) {
  return {{"id", checkpoint.id},
          {"status", status_of(checkpoint)},
          {"latest_ack_timestamp", figures.latest_ack_ms},
          {"checkpointed_size", figures.written_bytes},
          {"state_size", figures.state_bytes},
          {"end_to_end_duration", figures.duration_ms},
          {"alignment_buffered", 0},  // Flink's, and long gone there
          {"processed_data", -1},
          {"persisted_data", 0},  // barriers are aligned: no data in flight is kept
          {"num_subtasks", figures.tasks},
          {"num_acknowledged_subtasks", figures.acknowledged}};
}

std::int64_t known(std::int64_t figure, bool is_known) { return is_known ? figure : -1; }

Json entry_of(const CheckpointGlance& checkpoint) {
  const bool counts = checkpoint.tasks != 0;
  Json entry = entry_of(checkpoint, {.latest_ack_ms = checkpoint.acknowledged_ms,
                                     .written_bytes = checkpoint.written_bytes,
                                     .state_bytes = checkpoint.state_bytes,
                                     .duration_ms = checkpoint.duration_ms,
                                     .tasks = known(checkpoint.tasks, counts),
                                     .acknowledged = known(checkpoint.acknowledged, counts)});
  entry["className"] = is_in_progress(checkpoint) ? "in_progress" : has_failed(checkpoint) ? "failed" : "completed";
  entry["is_savepoint"] = checkpoint.is_savepoint;
  entry["savepointFormat"] = checkpoint.is_savepoint ? Json("CANONICAL") : Json{};
  entry["trigger_timestamp"] = checkpoint.triggered_ms >= 0 ? checkpoint.triggered_ms : checkpoint.completed_ms - checkpoint.duration_ms;
  entry["checkpoint_type"] = checkpoint.is_savepoint ? "SAVEPOINT" : "CHECKPOINT";
  entry["tasks"] = Json::object();
  if (is_complete(checkpoint)) {
    entry["external_path"] = checkpoint.path;
    entry["discarded"] = checkpoint.is_deleted;
  } else if (has_failed(checkpoint)) {
    entry["failure_timestamp"] = checkpoint.completed_ms;
    entry["failure_message"] = checkpoint.failure;
  }
  return entry;
}

Acknowledgements of_vertex(const CheckpointReport& checkpoint, std::uint32_t vertex) {
  Acknowledgements result;
  if (checkpoint.acknowledgements == nullptr) return result;
  std::ranges::copy_if(*checkpoint.acknowledgements, std::back_inserter(result), [&](const auto& each) { return each.task.vertex == vertex; });
  std::ranges::sort(result, {}, &TaskAcknowledgement::task);
  return result;
}

Json vertex_entry_of(const CheckpointReport& checkpoint, const PlannedVertex& vertex, const Acknowledgements& acknowledgements) {
  Figures figures{.tasks = vertex.parallelism, .acknowledged = static_cast<std::int64_t>(acknowledgements.size())};
  for (const TaskAcknowledgement& each : acknowledgements) {
    figures.latest_ack_ms = std::max(figures.latest_ack_ms, each.acknowledged_ms);
    figures.duration_ms = std::max(figures.duration_ms, each.duration_ms);
    figures.written_bytes += each.written_bytes;
    figures.state_bytes += each.state_bytes;
  }
  return entry_of(checkpoint.glance, figures);
}

Json subtask_of(std::uint32_t index, const TaskAcknowledgement* acknowledgement) {
  if (acknowledgement == nullptr) return {{"index", index}, {"status", "pending_or_failed"}};
  return {{"index", index},
          {"status", "completed"},
          {"ack_timestamp", acknowledgement->acknowledged_ms},
          {"end_to_end_duration", acknowledgement->duration_ms},
          {"checkpointed_size", acknowledgement->written_bytes},
          {"state_size", acknowledgement->state_bytes},
          {"checkpoint", {{"sync", acknowledgement->sync_ms}, {"async", acknowledgement->async_ms}}},
          {"alignment", {{"buffered", 0}, {"processed", -1}, {"persisted", 0}, {"duration", acknowledgement->alignment_ms}}},
          {"start_delay", acknowledgement->start_delay_ms},
          {"unaligned_checkpoint", false},
          {"aborted", false}};
}

Json summary_of(std::vector<std::int64_t> values) {
  std::ranges::sort(values);
  const auto at = [&values](double share) -> std::int64_t {
    if (values.empty()) return 0;
    return values[static_cast<std::size_t>(share * static_cast<double>(values.size() - 1) + 0.5)];
  };
  std::int64_t sum = 0;
  for (const std::int64_t value : values) sum += value;
  return {{"min", at(0)},     {"max", at(1)},     {"avg", values.empty() ? 0 : sum / static_cast<std::int64_t>(values.size())},
          {"p50", at(0.5)},   {"p90", at(0.9)},   {"p95", at(0.95)},
          {"p99", at(0.99)},  {"p999", at(0.999)}};
}

template <class Items, class Value>
Json summary_of(const Items& items, Value&& value) {
  std::vector<std::int64_t> values;
  for (const auto& each : items) values.push_back(static_cast<std::int64_t>(value(each)));
  return summary_of(std::move(values));
}

Json nobody_knows() {
  return {{"min", -1}, {"max", -1}, {"avg", -1}, {"p50", -1}, {"p90", -1}, {"p95", -1}, {"p99", -1}, {"p999", -1}};
}

Json summary_of_subtasks(const Acknowledgements& of) {
  return {{"checkpointed_size", summary_of(of, [](const auto& each) { return each.written_bytes; })},
          {"state_size", summary_of(of, [](const auto& each) { return each.state_bytes; })},
          {"end_to_end_duration", summary_of(of, [](const auto& each) { return each.duration_ms; })},
          {"checkpoint_duration",
           {{"sync", summary_of(of, [](const auto& each) { return each.sync_ms; })},
            {"async", summary_of(of, [](const auto& each) { return each.async_ms; })}}},
          {"alignment",
           {{"buffered", nobody_knows()},
            {"processed", nobody_knows()},
            {"persisted", nobody_knows()},
            {"duration", summary_of(of, [](const auto& each) { return each.alignment_ms; })}}},
          {"start_delay", summary_of(of, [](const auto& each) { return each.start_delay_ms; })}};
}

template <class Which>
Json newest_of(const ClusterJob& job, Which&& which) {
  const auto found = std::ranges::find_if(job.checkpoints, which, &CheckpointReport::glance);
  return found == job.checkpoints.end() ? Json{} : entry_of(found->glance);
}

/// Null: it is none, or long gone.
const CheckpointReport* find(const ClusterJob& job, const std::string& id) {
  const auto found = std::ranges::find_if(job.checkpoints, [&](const CheckpointReport& each) { return fmt::format("{}", each.glance.id) == id; });
  return found == job.checkpoints.end() ? nullptr : &*found;
}

HttpResponse not_known(const ClusterJob& job, const std::string& id) {
  return refuse(404, fmt::format("of checkpoint {} of job '{}' nothing is known (any more)", id, job.glance.id));
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

Json restored_entry_of(const RestoredGlance& restored) {
  return {{"id", restored.id},
          {"restore_timestamp", restored.restored_ms},
          {"is_savepoint", restored.is_savepoint},
          {"external_path", restored.path}};
}

}  // namespace

HttpResponse answer_checkpoints(const ClusterJob& job) {
  const JobGlance& glance = job.glance;
  const std::uint64_t completed = glance.completed_checkpoints + glance.savepoints;  // as Flink counts
  Json history = Json::array();
  std::vector<CheckpointGlance> complete;
  for (const CheckpointReport& each : job.checkpoints) {
    history.push_back(entry_of(each.glance));
    if (is_complete(each.glance)) complete.push_back(each.glance);
  }
  return answer_with(
      200,
      Json{{"counts",
            {{"restored", glance.restores},
             {"total", completed + glance.failed_checkpoints + glance.checkpoints_in_progress},
             {"completed", completed},
             {"failed", glance.failed_checkpoints},
             {"in_progress", glance.checkpoints_in_progress}}},
           {"summary",
            {{"checkpointed_size", summary_of(complete, [](const auto& each) { return each.written_bytes; })},
             {"state_size", summary_of(complete, [](const auto& each) { return each.state_bytes; })},
             {"end_to_end_duration", summary_of(complete, [](const auto& each) { return each.duration_ms; })},
             {"alignment_buffered", nobody_knows()},
             {"processed_data", nobody_knows()},
             {"persisted_data", nobody_knows()}}},
           {"latest",
            {{"completed", newest_of(job, [](const CheckpointGlance& each) { return is_complete(each) && !each.is_savepoint; })},
             {"savepoint", newest_of(job, [](const CheckpointGlance& each) { return is_complete(each) && each.is_savepoint; })},
             {"failed", newest_of(job, has_failed)},
             {"restored", glance.restored ? restored_entry_of(*glance.restored) : Json{}}}},
           {"history", std::move(history)}});
}

HttpResponse answer_checkpoint(const ClusterJob& job, const std::string& id) {
  const CheckpointReport* const checkpoint = find(job, id);
  if (checkpoint == nullptr) return not_known(job, id);
  Json entry = entry_of(checkpoint->glance);
  if (checkpoint->acknowledgements == nullptr) return answer_with(200, entry);
  for (const PlannedVertex& vertex : vertices_of(job)) {
    entry["tasks"][vertex_name(vertex.id)] = vertex_entry_of(*checkpoint, vertex, of_vertex(*checkpoint, vertex.id));
  }
  return answer_with(200, entry);
}

HttpResponse answer_checkpoint_subtasks(const ClusterJob& job, const std::string& id, const std::string& vertex) {
  const CheckpointReport* const checkpoint = find(job, id);
  if (checkpoint == nullptr || checkpoint->acknowledgements == nullptr) return not_known(job, id);
  const std::vector<PlannedVertex> vertices = vertices_of(job);
  const auto found = std::ranges::find(vertices, vertex, [](const PlannedVertex& each) { return vertex_name(each.id); });
  if (found == vertices.end()) return refuse(404, fmt::format("job '{}' has no vertex '{}'", job.glance.id, vertex));
  const Acknowledgements acknowledgements = of_vertex(*checkpoint, found->id);
  Json entry = vertex_entry_of(*checkpoint, *found, acknowledgements);
  entry["summary"] = summary_of_subtasks(acknowledgements);
  entry["subtasks"] = Json::array();
  auto next = acknowledgements.begin();
  for (std::uint32_t i = 0; i < found->parallelism; ++i) {
    const bool is_acknowledged = next != acknowledgements.end() && next->task.subtask == i;
    entry["subtasks"].push_back(subtask_of(i, is_acknowledged ? &*next++ : nullptr));
  }
  return answer_with(200, entry);
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

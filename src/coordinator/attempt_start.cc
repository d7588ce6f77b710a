#include "coordinator/attempt_start.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "env/crash_point.h"
#include "tidemark/detail/base/probe.h"

namespace tidemark {
namespace {

class BeginAttempt {
 public:
  BeginAttempt(std::shared_ptr<CheckpointStore> store, std::move_only_function<void(Result<AttemptBeginning>)> then)
      : store_{std::move(store)}, then_{std::move(then)} {}

  Mailbox::Mail operator()() {
    if (beginning_.attempt != 0) return answer(read());
    auto attempt = store_->begin_attempt();
    if (!attempt) return answer(std::unexpected{attempt.error().within("beginning an attempt of the job")});
    crash_point(CrashPoint::kRecoveryStarted);
    beginning_.attempt = *attempt;
    return {};
  }

 private:
  Result<AttemptBeginning> read() {
    TIDEMARK_ASSIGN(checkpoint, store_->restorable());
    if (checkpoint) beginning_.checkpoint_path = store_->restorable_path();
    beginning_.checkpoint = std::move(checkpoint);
    beginning_.next_checkpoint_id = store_->next_checkpoint_id();
    beginning_.retained = store_->retained();
    return std::move(beginning_);
  }

  Mailbox::Mail answer(Result<AttemptBeginning> result) {
    return [then = std::move(then_), result = std::move(result)]() mutable { then(std::move(result)); };
  }

  std::shared_ptr<CheckpointStore> store_;
  std::move_only_function<void(Result<AttemptBeginning>)> then_;
  AttemptBeginning beginning_;
};

std::vector<std::vector<std::string>> committables_of(const LogicalPlan& plan, const CheckpointMetadata& checkpoint) {
  std::vector<std::vector<std::string>> result(plan.nodes.size());
  for (const LogicalNode& node : plan.nodes) {
    const auto from = std::ranges::find(checkpoint.operators, node.uid, &CheckpointMetadata::Operator::uid);
    if (node.uid.empty() || from == checkpoint.operators.end()) continue;
    for (const OperatorSnapshot& subtask : from->subtasks) {
      result[node.id].insert(result[node.id].end(), subtask.committables.begin(), subtask.committables.end());
    }
  }
  return result;
}

}  // namespace

BlockingCalls::Call begin_attempt_call(std::shared_ptr<CheckpointStore> store,
                                       std::move_only_function<void(Result<AttemptBeginning>)> then) {
  return BeginAttempt{std::move(store), std::move(then)};
}

Result<AttemptStart> make_attempt_start(const PhysicalPlan& plan, const AttemptBeginning& beginning,
                                        UnclaimedState unclaimed) {
  AttemptStart start{
      .attempt = beginning.attempt, .restored = beginning.checkpoint.has_value(), .restores = {}, .committables = {}};
  if (!beginning.checkpoint) {
    TIDEMARK_PROBE("attempt: starts anew");
    start.committables.resize(plan.logical.nodes.size());
    return start;
  }
  auto map = map_restore(plan, *beginning.checkpoint, unclaimed);
  if (!map) TIDEMARK_PROBE("attempt: the checkpoint doesn't fit the plan");
  if (!map) return std::unexpected{map.error().within(fmt::format("restoring '{}'", beginning.checkpoint_path))};
  for (const std::string& dropped : map->dropped) log_warning("not restored: " + dropped);
  start.restores = std::move(map->restores);
  start.committables = committables_of(plan.logical, *beginning.checkpoint);
  return start;
}

std::vector<TaskId> all_tasks(const PhysicalPlan& plan) {
  std::vector<TaskId> result;
  for (const PhysicalVertex& vertex : plan.vertices) {
    for (std::uint32_t subtask = 0; subtask < vertex.parallelism; ++subtask) result.push_back({vertex.id, subtask});
  }
  return result;
}

std::string task_name(const PhysicalPlan& plan, TaskId task) {
  if (task.vertex >= plan.vertices.size()) return fmt::format("subtask {} of vertex {}", task.subtask, task.vertex);
  const PhysicalVertex& vertex = plan.vertices[task.vertex];
  return fmt::format("{} ({}/{})", vertex.name, task.subtask + 1, vertex.parallelism);
}

}  // namespace tidemark

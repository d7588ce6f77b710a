#include "coordinator/attempt_start.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "env/crash_point.h"
#include "tidemark/detail/base/probe.h"

namespace tidemark {
namespace {

Result<RestoreMap> map_to_plan(const PhysicalPlan& plan, const AttemptBeginning& beginning, UnclaimedState unclaimed) {
  auto map = map_restore(plan, *beginning.checkpoint, unclaimed);
  if (map) return map;
  TIDEMARK_PROBE("attempt: the checkpoint doesn't fit the plan");
  return std::unexpected{map.error().within(fmt::format("restoring '{}'", beginning.checkpoint_path))};
}

class BeginAttempt {
 public:
  BeginAttempt(const JobContext& context, std::move_only_function<void(Result<AttemptBeginning>)> then)
      : plan_{context.plan},
        unclaimed_{context.unclaimed_state},
        incremental_{context.incremental_checkpoints},
        store_{context.store},
        then_{std::move(then)} {}

  Mailbox::Mail operator()() {
    if (!checked_) {
      if (auto read = read_and_check(); !read) return answer(std::unexpected{read.error()});
      checked_ = true;
      return {};
    }
    if (auto begun = begin(); !begun) {
      return answer(std::unexpected{begun.error().within("beginning an attempt of the job")});
    }
    return answer(std::move(beginning_));
  }

 private:
  Result<> read_and_check() {
    TIDEMARK_ASSIGN(checkpoint, store_->restorable());
    beginning_.checkpoint = std::move(checkpoint);
    if (!beginning_.checkpoint) return {};
    beginning_.checkpoint_path = store_->restorable_path();
    TIDEMARK_TRY(map_to_plan(plan_, beginning_, unclaimed_));
    return {};
  }

  Result<> begin() {
    TIDEMARK_ASSIGN(attempt, store_->begin_attempt());
    crash_point(CrashPoint::kRecoveryStarted);
    if (incremental_) {
      TIDEMARK_TRY(store_->prepare_shared_folder());
      beginning_.shared_folder = store_->shared_folder();
    }
    beginning_.attempt = attempt;
    beginning_.next_checkpoint_id = store_->next_checkpoint_id();
    beginning_.retained = store_->retained();
    return {};
  }

  Mailbox::Mail answer(Result<AttemptBeginning> result) {
    return [then = std::move(then_), result = std::move(result)]() mutable { then(std::move(result)); };
  }

  PhysicalPlan plan_;
  UnclaimedState unclaimed_;
  bool incremental_;
  std::shared_ptr<CheckpointStore> store_;
  std::move_only_function<void(Result<AttemptBeginning>)> then_;
  AttemptBeginning beginning_;
  bool checked_ = false;
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

BlockingCalls::Call begin_attempt_call(const JobContext& context,
                                       std::move_only_function<void(Result<AttemptBeginning>)> then) {
  return BeginAttempt{context, std::move(then)};
}

Result<AttemptStart> make_attempt_start(const PhysicalPlan& plan, const AttemptBeginning& beginning,
                                        UnclaimedState unclaimed) {
  AttemptStart start{.attempt = beginning.attempt,
                     .restored = beginning.checkpoint.has_value(),
                     .drained = false,
                     .restores = {},
                     .committables = {},
                     .shared_folder = beginning.shared_folder,
                     .lazy_restore = {}};
  if (!beginning.checkpoint) {
    TIDEMARK_PROBE("attempt: starts anew");
    start.committables.resize(plan.logical.nodes.size());
    return start;
  }
  TIDEMARK_ASSIGN(map, map_to_plan(plan, beginning, unclaimed));
  for (const std::string& dropped : map.dropped) log_warning("not restored: " + dropped);
  start.drained = beginning.checkpoint->drained;
  if (start.drained) {
    TIDEMARK_PROBE("attempt: goes on from where its sources were drained");
    log_info(fmt::format("the job was drained with '{}': its sources read nothing more", beginning.checkpoint_path));
  }
  start.restores = std::move(map.restores);
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

std::uint32_t slots_of(const PhysicalPlan& plan) {
  std::uint32_t slots = 0;
  for (const PhysicalVertex& vertex : plan.vertices) slots = std::max(slots, vertex.parallelism);
  return slots;
}

std::string task_name(const PhysicalPlan& plan, TaskId task) {
  if (task.vertex >= plan.vertices.size()) return fmt::format("subtask {} of vertex {}", task.subtask, task.vertex);
  const PhysicalVertex& vertex = plan.vertices[task.vertex];
  return fmt::format("{} ({}/{})", vertex.name, task.subtask + 1, vertex.parallelism);
}

}  // namespace tidemark

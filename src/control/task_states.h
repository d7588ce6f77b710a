// Where a job's tasks and vertices stand, as they are told of to the outside. Pure, any thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "control/attempt_report.h"
#include "control/jobs_control.h"
#include "control/plan_answer.h"

namespace tidemark {

inline constexpr std::array kTaskStates = {TaskState::kCreated,   TaskState::kScheduled, TaskState::kDeploying, TaskState::kInitializing, TaskState::kRunning,
                                           TaskState::kCanceling, TaskState::kFinished,  TaskState::kCanceled,  TaskState::kFailed};

/// Since 1970 UTC; -1: not yet.
struct TaskTimes {
  std::int64_t start_ms = -1;  ///< of its worker, or where it needs none, of itself
  std::int64_t end_ms = -1;
};
/// -1: it has not started.
std::int64_t duration_ms(const TaskTimes& times, std::int64_t now_ms);

struct TaskStanding {
  TaskState state = TaskState::kCreated;
  TaskTimes times;
};
TaskStanding standing_of(const ClusterJob& job, TaskId task);

using TaskCounts = std::array<std::uint64_t, kTaskStates.size()>;  // by TaskState
/// By all of Flink's names of states.
std::map<std::string, std::uint64_t> by_name(const TaskCounts& counts);

struct VertexStanding {
  TaskState state = TaskState::kCreated;  ///< by Flink's rules: failed if any is, running if any is, finished if all are
  TaskTimes times;                        ///< from the first's start to the last's end
  TaskCounts tasks{};
};
VertexStanding standing_of(const ClusterJob& job, const PlannedVertex& vertex);
/// Of these subtasks of it alone.
VertexStanding standing_of(const ClusterJob& job, const PlannedVertex& vertex, const std::vector<std::uint32_t>& subtasks);

}  // namespace tidemark

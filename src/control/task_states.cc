#include "control/task_states.h"

#include <algorithm>
#include <numeric>

namespace tidemark {
namespace {

TaskTimes times_of(const std::vector<TaskMove>& moves) {
  TaskTimes times;
  for (const TaskMove& move : moves) {
    const bool is_start = move.to >= TaskState::kDeploying && move.to < TaskState::kCanceling;
    if (is_start && times.start_ms < 0) times.start_ms = move.at_ms;
    if (move.to > TaskState::kCanceling) times.end_ms = move.at_ms;
  }
  return times;
}

std::uint64_t& count(TaskCounts& counts, TaskState state) { return counts[static_cast<std::size_t>(state)]; }

TaskState state_of_all(TaskCounts counts, std::uint64_t tasks) {
  if (count(counts, TaskState::kFinished) == tasks) return TaskState::kFinished;
  for (const TaskState state : {TaskState::kFailed, TaskState::kCanceling, TaskState::kCanceled, TaskState::kInitializing, TaskState::kRunning}) {
    if (count(counts, state) > 0) return state;
  }
  if (count(counts, TaskState::kFinished) > 0) return TaskState::kRunning;
  for (const TaskState state : {TaskState::kDeploying, TaskState::kScheduled}) {
    if (count(counts, state) > 0) return state;
  }
  return TaskState::kCreated;
}

// A job may end before it has tasks, and of one that a JobManager of the version before told of nobody knows more.
TaskState state_without_moves(const ClusterJob& job) {
  if (job.end_ms < 0) return TaskState::kCreated;
  return job.glance.state == "FINISHED" ? TaskState::kFinished : job.glance.state == "FAILED" ? TaskState::kFailed : TaskState::kCanceled;
}

}  // namespace

std::int64_t duration_ms(const TaskTimes& times, std::int64_t now_ms) {
  if (times.start_ms < 0) return -1;
  return (times.end_ms >= 0 ? times.end_ms : now_ms) - times.start_ms;
}

TaskStanding standing_of(const ClusterJob& job, TaskId task) {
  const std::vector<TaskMove> moves = moves_of(job.glance.attempt, task);
  if (moves.empty()) return {.state = state_without_moves(job), .times = {}};
  return {.state = moves.back().to, .times = times_of(moves)};
}

std::map<std::string, std::uint64_t> by_name(const TaskCounts& counts) {
  std::map<std::string, std::uint64_t> named{{"RECONCILING", 0}};  // which no task here ever is
  for (const TaskState state : kTaskStates) named[std::string{to_string(state)}] = counts[static_cast<std::size_t>(state)];
  return named;
}

VertexStanding standing_of(const ClusterJob& job, const PlannedVertex& vertex) {
  std::vector<std::uint32_t> all(vertex.parallelism);
  std::iota(all.begin(), all.end(), 0u);
  return standing_of(job, vertex, all);
}

VertexStanding standing_of(const ClusterJob& job, const PlannedVertex& vertex, const std::vector<std::uint32_t>& subtasks) {
  VertexStanding all;
  bool is_over = true;
  for (const std::uint32_t subtask : subtasks) {
    const TaskStanding task = standing_of(job, TaskId{vertex.id, subtask});
    ++count(all.tasks, task.state);
    if (task.times.start_ms >= 0 && (all.times.start_ms < 0 || task.times.start_ms < all.times.start_ms)) all.times.start_ms = task.times.start_ms;
    all.times.end_ms = std::max(all.times.end_ms, task.times.end_ms);
    is_over = is_over && task.times.end_ms >= 0;
  }
  if (!is_over) all.times.end_ms = -1;
  all.state = state_of_all(all.tasks, subtasks.size());
  return all;
}

}  // namespace tidemark

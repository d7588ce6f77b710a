#include "control/attempt_report.h"

namespace tidemark {

std::string_view to_string(TaskState state) noexcept {
  switch (state) {
    case TaskState::kCreated:
      return "CREATED";
    case TaskState::kScheduled:
      return "SCHEDULED";
    case TaskState::kDeploying:
      return "DEPLOYING";
    case TaskState::kInitializing:
      return "INITIALIZING";
    case TaskState::kRunning:
      return "RUNNING";
    case TaskState::kCanceling:
      return "CANCELING";
    case TaskState::kFinished:
      return "FINISHED";
    case TaskState::kCanceled:
      return "CANCELED";
    case TaskState::kFailed:
      return "FAILED";
  }
  return "CREATED";
}

std::vector<TaskMove> moves_of(const AttemptReport& attempt, TaskId task) {
  if (task.subtask >= attempt.slots.size()) return {};
  std::vector<TaskMove> moves = attempt.slots[task.subtask].moves;
  if (attempt.failed != task) return moves;
  // The others of its slot were cancelled for it.
  std::erase_if(moves, [](const TaskMove& move) { return move.to >= TaskState::kCanceling; });
  moves.push_back({TaskState::kFailed, attempt.failed_ms});
  return moves;
}

TaskPlace place_of(const AttemptReport& attempt, TaskId task) {
  return task.subtask < attempt.slots.size() ? attempt.slots[task.subtask].place : TaskPlace{};
}

}  // namespace tidemark

// Where the tasks of a job's newest attempt stand and how they came there, as far as its master knows; and failures. Plain data by value,
// any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tidemark/detail/model/checkpoint.h"

namespace tidemark {

/// In the order in which a task goes through them. Numbers stand in a JobManager's records of jobs.
enum class TaskState : std::uint8_t {
  kCreated = 0,
  kScheduled = 1,     ///< waits for a slot
  kDeploying = 2,     ///< its worker is being started
  kInitializing = 3,  ///< opens, and restores its state
  kRunning = 4,       ///< until the job's last checkpoint, also where it has read all its input
  kCanceling = 5,
  kFinished = 6,
  kCanceled = 7,
  kFailed = 8,
};
/// "RUNNING". Lives for ever.
std::string_view to_string(TaskState state) noexcept;

struct TaskMove {
  TaskState to = TaskState::kCreated;
  std::int64_t at_ms = 0;  ///< since 1970 UTC, as all below
};

/// Empty: in this process, or nowhere.
struct TaskPlace {
  std::string task_manager;  ///< id
  std::string host;
};

/// Slot i has subtask i of each vertex, and what happens to it happens to them.
struct SlotReport {
  TaskPlace place;
  std::vector<TaskMove> moves;  ///< oldest first
};

struct AttemptReport {
  std::uint32_t number = 0;       ///< attempts before it, of this master
  std::vector<SlotReport> slots;  ///< empty: there was no attempt, or nobody knows any more
  std::optional<TaskId> failed;   ///< ended the attempt
  std::int64_t failed_ms = 0;
};

/// Oldest first; empty where nobody knows.
std::vector<TaskMove> moves_of(const AttemptReport& attempt, TaskId task);
/// Likewise.
TaskPlace place_of(const AttemptReport& attempt, TaskId task);

/// Of an attempt.
struct JobFailure {
  std::int64_t at_ms = 0;
  std::string message;
  std::string task;  ///< "count -> files (2/4)"; empty: it is none of one task
  TaskPlace place;
};

}  // namespace tidemark

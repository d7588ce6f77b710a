// Follows the tasks of a job's newest attempt through their states.
//
// A task only goes forward: what comes late, or twice, changes nothing. Threads: report() by any; all else by the job's master.
#pragma once

#include <cstdint>
#include <mutex>

#include "control/attempt_report.h"
#include "control/execution.h"

namespace tidemark {

class TaskTracker {
 public:
  AttemptReport report() const;

  /// An attempt of so many slots.
  void begin(std::uint32_t slots, std::int64_t now_ms);
  void move(const TasksMoved& moved, std::int64_t now_ms);
  void move_all(TaskState to, std::int64_t now_ms);
  /// The failure that ends the attempt: of this task, or with kNoTask of no one's.
  void on_failed(TaskId task, std::int64_t now_ms);
  /// Where that was, if it was somewhere: of the task, else of the first slot that was lost.
  TaskPlace place_of_failure() const;

 private:
  mutable std::mutex mutex_;  // guards all below: others read, the master writes
  AttemptReport attempt_;
  bool has_begun_ = false;
};

}  // namespace tidemark

// The seam between a job's master and the tasks of one attempt. The master decides, the execution carries out; they talk
// by calls that only post mail, so either may be in another process one day.
//
// Threads: every call of both interfaces may come from any thread and returns at once. An execution that was cancelled or
// finished reports on_ended() once, last of all; after that it makes no call and may be destroyed.
#pragma once

#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "control/attempt_report.h"
#include "tidemark/detail/model/checkpoint.h"
#include "tidemark/detail/model/input_progress.h"
#include "tidemark/detail/model/load_event.h"
#include "tidemark/error.h"

namespace tidemark {

/// Of a failure that is none of one task.
inline constexpr TaskId kNoTask{std::numeric_limits<std::uint32_t>::max(), std::numeric_limits<std::uint32_t>::max()};

/// All tasks in some slots have come to a state.
struct TasksMoved {
  TaskState to = TaskState::kScheduled;
  std::uint32_t first_slot = 0;
  std::uint32_t slots = std::numeric_limits<std::uint32_t>::max();
  std::optional<TaskPlace> place = {};  ///< where they are from now on
};

/// What tasks tell the master.
class ExecutionListener {
 public:
  /// Each sink was asked, and can go on from what is restored: from now on they may change something.
  virtual void on_sinks_agreed() = 0;
  /// Every task was opened and its state restored.
  virtual void on_running() = 0;
  virtual void on_ack(TaskId task, CheckpointId id, TaskSnapshot snapshot) = 0;
  virtual void on_decline(TaskId task, CheckpointId id, DeclineReason reason, Error cause) = 0;
  virtual void on_end_of_data(TaskId task) = 0;
  /// Of one subtask; kLoadsBehind before on_running().
  virtual void on_loading(const LoadEvent& event) { static_cast<void>(event); }
  /// On the way to on_running(), and where tasks are lost; an execution need not tell.
  virtual void on_tasks_moved(TasksMoved moved) { static_cast<void>(moved); }
  /// The first failure of an attempt, of `task` or kNoTask; the other tasks stand still from then on or go on for nothing.
  virtual void on_task_failed(TaskId task, Error error) = 0;
  /// Every task has ended and every work in the background, too.
  virtual void on_ended() = 0;

 protected:
  ~ExecutionListener() = default;
};

/// Where the tasks of an attempt put their snapshots, and what they start from.
struct AttemptStart {
  AttemptId attempt = 0;
  bool restored = false;                                   ///< continues from a checkpoint
  bool drained = false;                                    ///< whose sources had been told to end: so they end at once
  std::vector<std::vector<OperatorRestore>> restores;      ///< [node][subtask]; empty where nothing is restored
  std::vector<std::vector<std::string>> committables;      ///< [node]; of sinks: what the restored checkpoint holds
  std::string shared_folder;                               ///< of files that several checkpoints share; empty: none do
  LazyRestore lazy_restore;
};

/// The tasks of one attempt.
class Execution {
 public:
  virtual ~Execution() = default;
  /// Recovers the sinks, then opens all tasks and starts them; answers on_running() or on_task_failed(). Throws if it can't
  /// even begin: then nothing runs, it reports nothing, and it may be destroyed.
  virtual void start(AttemptStart start) = 0;
  /// The barrier starts at every task without inputs. `folder` is the checkpoint's, or empty where nothing is persisted.
  virtual void trigger(const Barrier& barrier, const std::string& folder) = 0;
  virtual void notify_complete(CheckpointId id) = 0;
  virtual void notify_aborted(CheckpointId id) = 0;
  /// Every source ends as at the end of its input, wherever it stands: the highest watermark, then the end of data.
  virtual void drain() = 0;
  /// After the notify_complete() of a final or stop checkpoint: each task ends when its sinks have committed.
  virtual void finish() = 0;
  /// Every task ends as soon as it can, committing nothing.
  virtual void cancel() = 0;
  /// What the sources have read so far. Cheap, but not for a loop.
  virtual InputProgress input_progress() const { return {}; }
  /// Where the task runs, for people: "TaskManager 'tm-1' on host-1". Empty: in this process, or nowhere.
  virtual std::string place_of(TaskId task) const {
    static_cast<void>(task);
    return {};
  }
};

/// Makes the execution of an attempt.
class ExecutionFactory {
 public:
  /// Throws if there can't be one.
  virtual std::unique_ptr<Execution> make(ExecutionListener& listener) = 0;

 protected:
  ~ExecutionFactory() = default;
};

}  // namespace tidemark

// What the processes of a cluster say to one another, as plain data. Each is a frame of its own kind, whose payload is the fence
// and the value in the encoding of snapshots (message_line.h).
//
// They change as saved types may: fields added with a default, removed, renamed by an alias (docs/state.md). A kind's number is never used
// again. Plain data, any thread by value.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "control/vertex_metrics.h"
#include "control/worker_attempt.h"
#include "tidemark/detail/model/checkpoint.h"
#include "tidemark/detail/model/input_progress.h"
#include "tidemark/detail/model/load_event.h"
#include "tidemark/error.h"

namespace tidemark {

/// Of frames.
enum class MessageKind : std::uint8_t {
  kVocabulary = 1,  ///< of the line itself, first of all: which types its side's messages have

  // From a job's master to a worker.
  kStartTasks = 16,
  kOpenTasks = 17,
  kTriggerCheckpoint = 18,
  kCheckpointCompleted = 19,
  kCheckpointAborted = 20,
  kDrainSources = 21,
  kFinishTasks = 22,
  kCancelTasks = 23,
  kOthersGroupWatermarks = 24,

  // From a worker to its job's master.
  kSinksAgreed = 48,
  kSinksRecovered = 49,
  kTasksRun = 50,
  kCheckpointAcknowledged = 51,
  kCheckpointDeclined = 52,
  kEndOfData = 53,
  kStateLoading = 54,
  kInputRead = 55,
  kTaskFailed = 56,
  kTasksEnded = 57,
  kTasksMetrics = 58,
  kGroupWatermarks = 59,

  // To a JobManager, from whoever has just come to it (cluster_messages.h).
  kRegisterTaskManager = 80,
  kWorkerReady = 81,

  // From a TaskManager to the JobManager.
  kWorkerStarted = 82,
  kWorkerEnded = 83,
  kExecutableWanted = 84,
  kTaskManagerAnswered = 85,

  // From the JobManager to a TaskManager.
  kTaskManagerRegistered = 112,
  kTaskManagerRefused = 113,
  kStartWorker = 114,
  kStopWorker = 115,
  kExecutablePart = 116,
  kTaskManagerAsked = 117,
};

/// An Error on its way. Numbers are those of the enumerators.
struct ErrorReport {
  std::uint8_t code = 0;
  std::uint8_t domain = 0;
  std::uint8_t retry = 0;
  std::string message;
};
ErrorReport report_of(const Error& error);
/// A number that this version does not know makes it kInternal.
Error error_of(const ErrorReport& report);

/// Of messages that say all by their kind.
struct Nothing {
  std::uint8_t unused = 0;
};

/// Of a checkpoint, or the state to start with, that is longer than the other side takes.
inline constexpr std::string_view kTooMuchForOneMessage =
    "state without a key (lists, broadcast state, positions of sources, what sinks have prepared) travels in one message: keep what is large "
    "by key, or take checkpoints more often if it is what sinks have prepared";

struct TriggerCheckpoint {
  Barrier barrier;
  std::string folder;
};
struct CheckpointNumber {
  CheckpointId id = 0;
};
struct CheckpointAcknowledged {
  TaskId task;
  CheckpointId id = 0;
  TaskSnapshot snapshot;
};
struct CheckpointDeclined {
  TaskId task;
  CheckpointId id = 0;
  DeclineReason reason = DeclineReason::kGeneric;
  ErrorReport cause;
};
struct TaskReport {
  TaskId task;
};
struct TasksMetrics {
  std::vector<VertexMetrics> vertices;
};
struct GroupWatermarks {
  std::vector<GroupWatermark> groups;
};
struct TaskFailureReport {
  TaskId task;
  ErrorReport error;
};

}  // namespace tidemark

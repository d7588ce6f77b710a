// What a job's master says about the job: where it stands, and how it ended. Plain data.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "control/attempt_report.h"
#include "control/checkpoint_report.h"
#include "tidemark/detail/model/checkpoint.h"
#include "tidemark/error.h"

namespace tidemark {

enum class JobState : std::uint8_t {
  kInitializing,  ///< the next attempt's number is made durable, and what it starts from is read
  kStarting,      ///< the tasks recover their sinks, open and restore their state
  kRunning,       ///< the tasks process, checkpoints are taken
  kStopping,      ///< as kRunning, until the checkpoint with which the job stops is complete
  kFinishing,     ///< the last checkpoint is complete: sinks commit, tasks end
  kFailing,       ///< the attempt has failed: its tasks end
  kRestarting,    ///< no tasks; the next attempt begins after the restart strategy's delay
  kCancelling,    ///< the job was cancelled: its tasks end
  kFinished,      ///< over: all input was processed, all output is committed
  kStopped,       ///< over: stopped on request with a checkpoint, all output up to it is committed
  kFailed,        ///< over: failed for good
  kCancelled,     ///< over: cancelled; what was not committed stays so until the job is resumed
};

constexpr bool is_over(JobState state) { return state >= JobState::kFinished; }
/// The enumerator's name without its k, in words.
std::string_view to_string(JobState state) noexcept;
/// "RUNNING", "CANCELED". Lives for ever.
std::string_view in_flinks_words(JobState state) noexcept;

/// How a job ended.
struct JobOutcome {
  JobState state = JobState::kFinished;  ///< one of those that are over
  std::optional<Error> error;            ///< of kFailed
  std::string stopped_checkpoint;  ///< of kStopped: the folder of the checkpoint it stopped with; empty without a store
  std::string cancelled_savepoint;  ///< of kCancelled: what it was cancelled with, if anything: nothing has committed behind it
  std::string kept;                ///< the folder from which --resume would go on; empty where there is none
  std::uint32_t restarts = 0;
};

/// A glance at a job that may be running.
struct JobStatus {
  JobState state = JobState::kInitializing;
  AttemptId attempt = 0;        ///< 0: none has begun
  std::uint32_t restarts = 0;   ///< decided so far
  CheckpointId resumed_id = 0;  ///< what the attempt continues from; 0: nothing
  std::string resumed_path;     ///< its folder
  std::optional<RestoredGlance> restored;  ///< the last time that an attempt continued from something
  std::uint32_t restores = 0;              ///< how often one did
  std::int64_t running_since_ms = -1;      ///< its tasks; since 1970 UTC, -1: they do not
  std::int64_t down_since_ms = -1;         ///< likewise that they do not; -1: they do, or it is over
  JobFailure last_failure;      ///< of the last attempt that failed
  std::map<std::string, std::int64_t> state_times;  ///< when it last came to each state, in Flink's words; since 1970 UTC
};

}  // namespace tidemark

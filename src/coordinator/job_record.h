// What a JobManager keeps of a job in its folder, so that it goes on with the job after a restart, and tells of it when it is over. Plain data.
//
// Written as a described value (control/described_value.h): it changes as saved types may.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "control/job_control.h"
#include "control/jobs_control.h"
#include "coordinator/job_description.h"
#include "coordinator/job_state.h"

namespace tidemark {

struct JobRecord {
  std::string id;  ///< 32 hexadecimal digits
  std::string request;  ///< digest of the order, to tell a repetition; empty: its id was not chosen by who asked
  std::string executable;
  std::vector<std::string> arguments;  ///< of its workers, too
  std::int64_t submitted_ms = 0;       ///< since 1970 UTC
  JobDescription description;
  std::map<std::string, std::string> options;  ///< that hold: the cluster's, then the job's own

  // What it was to start from, until it has something of its own.
  bool resume = false;
  std::string restore_path;
  bool claim = false;
  AttemptId attempts_before = 0;  ///< in its folder of checkpoints, when it was submitted

  AttemptId newest_attempt = 0;      ///< that has begun, as far as was written down
  bool is_to_be_cancelled = false;   ///< it was asked for

  // Of a job that takes another's place, until it has completed a checkpoint: should it end before, the other goes on.
  std::string replaces;       ///< that job
  std::int64_t trial_ms = 0;  ///< for the checkpoint
  bool has_begun_trial = false;   ///< tasks of it may have run
  bool has_failed_trial = false;  ///< it was cancelled for that, and by nobody else

  std::optional<JobState> end;  ///< none: it is to go on
  std::int64_t end_ms = -1;
  std::string stopped_with;  ///< of kStopped: the folder of its last checkpoint or savepoint
  std::uint32_t restarts = 0;
  std::uint64_t completed_checkpoints = 0;
  std::uint64_t failed_checkpoints = 0;
  std::uint64_t savepoints = 0;            ///< complete ones, while it went on
  std::optional<RestoredGlance> restored;  ///< the last time
  std::uint32_t restores = 0;
  std::vector<JobFailure> failures;           ///< newest first, the newest few
  std::vector<CheckpointGlance> checkpoints;  ///< likewise
  std::map<std::string, std::int64_t> state_times;  ///< when it last came to each state, in Flink's words
  std::vector<TriggeredSnapshot> triggered;  ///< oldest first, the newest few
  AttemptReport tasks;  ///< of one that is over: how its last attempt ended
  bool is_unreadable = false;  ///< it stands for one that is damaged: nothing is known of the job but its id

  const std::string& name() const { return description.plan.logical.job; }
};

}  // namespace tidemark

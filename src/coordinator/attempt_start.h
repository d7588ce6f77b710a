// How an attempt of a job begins: its number and what it continues from.
//
// Threads: begin_attempt_call() makes a call for the pool; the rest is pure.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "coordinator/blocking_calls.h"
#include "control/execution.h"
#include "coordinator/job_context.h"
#include "graph/plan.h"
#include "snapshot/checkpoint_store.h"

namespace tidemark {

/// What a store says at the beginning of an attempt.
struct AttemptBeginning {
  AttemptId attempt = 0;
  std::optional<CheckpointMetadata> checkpoint;  ///< to continue from
  std::string checkpoint_path;                   ///< its folder
  CheckpointId next_checkpoint_id = 1;
  std::vector<RetainedCheckpoint> retained;
  std::string shared_folder;  ///< of incremental checkpoints; empty: each is whole
};

/// Reads what the store has to restore and sees whether it fits the plan; only then makes the attempt's number durable, so
/// that a refusal leaves everything as it was. `then` runs as mail.
BlockingCalls::Call begin_attempt_call(const JobContext& context,
                                       std::move_only_function<void(Result<AttemptBeginning>)> then);

/// What the tasks of `plan` are to start from; logs what is dropped. An error if the checkpoint doesn't fit the plan.
Result<AttemptStart> make_attempt_start(const PhysicalPlan& plan, const AttemptBeginning& beginning,
                                        UnclaimedState unclaimed = UnclaimedState::kRefuse);

/// All subtasks of all vertices.
std::vector<TaskId> all_tasks(const PhysicalPlan& plan);
/// That an attempt takes: slot i has subtask i of every vertex.
std::uint32_t slots_of(const PhysicalPlan& plan);
/// "filter -> map (2/4)", for people.
std::string task_name(const PhysicalPlan& plan, TaskId task);

}  // namespace tidemark

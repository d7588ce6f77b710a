// What lies in a job's folder of checkpoints, for its store and for those who come from outside: the names, the pointer,
// and how to keep the job from starting.
//
// Threads: any; every call may block on I/O.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "env/file_system.h"
#include "snapshot/checkpoint_pointer.h"

namespace tidemark {

/// Locked by the process that runs the job.
inline constexpr std::string_view kLockName = "LOCK";
inline constexpr std::string_view kCurrentName = "CURRENT";

/// "chk-<id>-<attempt>".
std::string checkpoint_folder_name(CheckpointId id, AttemptId attempt);

/// CURRENT in a job's folder; nothing if there is none.
Result<std::optional<CheckpointPointer>> read_pointer_file(FileSystem& files, const std::string& folder);
/// The folder of a checkpoint that CURRENT in the job's folder names.
std::string path_of(const std::string& folder, const RetainedCheckpoint& checkpoint);

/// What a job that is resumed without a path goes on from.
struct NewestState {
  enum class From {
    kNothing,     ///< no checkpoint was completed, and no run has begun with another state
    kCheckpoint,  ///< the newest complete one
    kClaimed,     ///< a snapshot that a run began with and claimed, and completed nothing since
    kRestored,    ///< a snapshot that a run began with, which belongs to somebody else, and completed nothing since
  };
  From from = From::kNothing;
  std::string path;
};
/// `folder` is the job's, `pointer` its CURRENT. Pure.
NewestState newest_state(const std::string& folder, const CheckpointPointer& pointer);

/// For whoever means to delete the checkpoint in the folder `path` one day, now or after a claim: the job beside whose
/// CURRENT it lies can't start while the lock is held. Null where there is none, as beside a savepoint.
/// kFailedPrecondition if that job runs, or keeps the checkpoint to go on from it.
Result<std::unique_ptr<FileLock>> keep_job_away(FileSystem& files, const std::string& path,
                                                const CheckpointMetadata& checkpoint);

}  // namespace tidemark

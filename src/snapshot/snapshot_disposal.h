// Deleting a snapshot that lies outside the own folder of whoever deletes it: what a person needs no more, and what a job
// has claimed. Any thread; every call blocks on I/O.
#pragma once

#include <memory>
#include <string>

#include "env/file_system.h"

namespace tidemark {

/// On request, never by a job: deletes the savepoint or checkpoint in the folder `path`, `_metadata` first. Refuses what is
/// no snapshot, what a job has claimed, and a checkpoint that its job may still need: CURRENT names it, or the job is
/// running.
Result<> dispose_snapshot(FileSystem& files, const std::string& path);

/// The lock of the job beside whose CURRENT the snapshot lies; null if there is none or it runs.
std::unique_ptr<FileLock> try_to_keep_job_away(FileSystem& files, const std::string& path);

/// Deletes the snapshot in `folder`, or what a crash has left of it, durably, with those files in `shared/` beside it that
/// no other snapshot there lists. Under lock_claim(). `job_away`: of the job whose folder that is; with it, goes also what
/// crashes have left in `shared/`.
Result<> delete_snapshot(FileSystem& files, const std::string& folder, const std::unique_ptr<FileLock>& job_away);

}  // namespace tidemark

// Disposing of a savepoint or checkpoint that nobody needs: on request, never by a job.
#pragma once

#include <string>

#include "env/file_system.h"

namespace tidemark {

/// Deletes the savepoint or checkpoint in the folder `path`, `_metadata` first. Refuses what is no snapshot, what a job
/// has claimed, and a checkpoint that its job may still need: CURRENT names it, or the job is running. Any thread;
/// blocks on I/O.
Result<> dispose_snapshot(FileSystem& files, const std::string& path);

}  // namespace tidemark

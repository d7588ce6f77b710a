// Where running jobs are reached: in their folders of checkpoints or, where these are on a storage that the command does not
// know, in the folders of this machine that have their sockets (control_folder.h). Any thread; every call blocks on I/O.
#pragma once

#include <string>
#include <vector>

#include "env/file_system.h"

namespace tidemark {

struct JobPlace {
  std::string folder;         ///< of the job's checkpoints, as it was named: "state/orders", "box://bucket/state/orders"
  std::string socket_folder;  ///< where its socket lies while it runs: the same, or one of this machine's
  bool is_on_storage() const { return socket_folder != folder; }
};

/// The jobs that `path`, CHECKPOINT-DIR/JOB or CHECKPOINT-DIR, means. kNotFound if there is no such folder, and no job was
/// started under that name with its checkpoints on a storage. `control_root`: see control_folder.h.
Result<std::vector<JobPlace>> job_places(FileSystem& files, const std::string& control_root, const std::string& path);

/// The one of them; kNotFound if there is none, kInvalidArgument if there are several.
Result<JobPlace> job_place(FileSystem& files, const std::string& control_root, const std::string& path);

}  // namespace tidemark

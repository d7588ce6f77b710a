// Where the control socket of a job lies whose checkpoints are on a storage of its author's: no socket can lie there. It is a
// folder of this machine, which the same user's command finds by the words of --checkpoint-dir alone:
//
//   /tmp/tidemark-<uid>/<hash of the words>/<job>/control.sock      LOCK beside it is held while the job runs
//
// It does not go by $XDG_RUNTIME_DIR or $TMPDIR: a service has other ones than a person's shell, and what lies in a login's
// folder goes with the login. $TIDEMARK_CONTROL_DIR, set for both, takes the place of /tmp: where a service has a /tmp of its
// own.
//
// Any thread. The FileSystem is the machine's, and outlives a ControlFolder.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "env/file_system.h"

namespace tidemark {

/// The socket's name, in this folder or in that of a job's checkpoints.
inline constexpr const char* kControlSocket = "control.sock";

/// The folder of all of this user's, by the environment.
std::string control_root();

/// The folder of a job's socket.
std::string control_folder(const std::string& root, const std::string& checkpoint_dir, const std::string& job);

/// The jobs with a socket that were started with this --checkpoint-dir; one that was killed has left its own. None if nobody
/// has made the folder; kPermissionDenied if what lies at its name is not this user's alone.
Result<std::vector<std::string>> controlled_jobs(FileSystem& files, const std::string& root,
                                                 const std::string& checkpoint_dir);

/// A running job's. What it has made is removed at its end.
class ControlFolder {
 public:
  /// kFailedPrecondition if another job has it that runs on this machine: one of the same name and --checkpoint-dir, on another
  /// storage. kPermissionDenied if its name is not this user's alone.
  static Result<std::unique_ptr<ControlFolder>> make(FileSystem& files, const std::string& root,
                                                     const std::string& checkpoint_dir, const std::string& job);
  /// The socket is gone by then.
  ~ControlFolder();
  ControlFolder(const ControlFolder&) = delete;
  ControlFolder& operator=(const ControlFolder&) = delete;

  const std::string& path() const { return path_; }

 private:
  ControlFolder(FileSystem& files, std::string path, std::unique_ptr<FileLock> lock);

  FileSystem& files_;
  const std::string path_;
  const std::unique_ptr<FileLock> lock_;
};

}  // namespace tidemark

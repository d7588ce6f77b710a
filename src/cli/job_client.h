// A running embedded job, as the commands reach it: by its folder of checkpoints and the socket in there.
//
// Threads: one. Every call waits.
#pragma once

#include <string>

#include "control/http.h"
#include "control/job_control.h"
#include "env/env.h"

namespace tidemark {

class JobClient {
 public:
  /// `path`: a job's folder `<checkpoint-dir>/<job>`, or the checkpoint-dir where there is but one job in it. kNotFound,
  /// saying what is there instead, if no job runs there.
  static Result<JobClient> find(const Env& env, const std::string& path);

  const std::string& id() const { return id_; }
  const std::string& folder() const { return folder_; }
  /// "RUNNING", and since when.
  const std::string& state() const { return state_; }
  std::int64_t start_ms() const { return start_ms_; }

  /// Asks for it and waits for how it ends. A folder is taken as one of this process's working directory.
  Result<SnapshotTaken> take_snapshot(SnapshotOrder order);
  Result<> cancel();

 private:
  JobClient(const Env& env, std::string folder, UnixSocketName socket);

  Result<> introduce();
  Result<std::string> call(const HttpRequest& request);
  Result<std::string> ask(const SnapshotOrder& order);
  Result<SnapshotTaken> wait(const std::string& path);
  Error no_answer(const Error& error) const;
  std::string job_path() const;

  Env env_;
  std::string folder_;
  UnixSocketName socket_;
  std::string id_;
  std::string state_;
  std::int64_t start_ms_ = 0;
};

}  // namespace tidemark

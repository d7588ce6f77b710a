// A job, as the commands reach it: an embedded one by its folder of checkpoints and the socket that belongs to it, one of a cluster by its id
// and the cluster's JobManager.
//
// Threads: one. Every call waits.
#pragma once

#include <functional>
#include <string>
#include <utility>

#include "cli/job_places.h"
#include "control/http.h"
#include "control/job_control.h"
#include "env/env.h"

namespace tidemark {

class JobClient {
 public:
  /// `path`: a job's folder `<checkpoint-dir>/<job>`, or the checkpoint-dir where there is but one job in it. kNotFound,
  /// saying what is there instead, if no job runs there.
  static Result<JobClient> find(const Env& env, const std::string& path);
  /// The job at a place that job_places() has found.
  static Result<JobClient> reach(const Env& env, JobPlace place);
  /// The job of that id of a JobManager. kNotFound if nobody listens there, kFailedPrecondition if it knows no such job.
  static Result<JobClient> in_cluster(const Env& env, HttpPeer job_manager, std::string id);

  const std::string& id() const { return id_; }
  /// Where it was found: its folder, or its JobManager's address.
  const std::string& where() const { return link_.where; }
  /// "RUNNING", and since when.
  const std::string& state() const { return state_; }
  std::int64_t start_ms() const { return start_ms_; }

  /// Asks for it and waits for how it ends. A folder is taken as one of this process's working directory, unless it is a URL of another
  /// storage or the job has a storage of its own: then it goes to the job as it is, which knows what it means.
  Result<SnapshotTaken> take_snapshot(SnapshotOrder order);
  /// Only asks for it; its trigger's id.
  Result<std::string> trigger_snapshot(const SnapshotOrder& order);
  Result<> cancel();
  /// Those under way and the newest that have ended, newest first: the field history of GET /jobs/:id/checkpoints, in JSON.
  Result<std::string> checkpoint_history();

 private:
  /// How it is reached.
  struct Link {
    std::function<Result<HttpResponse>(const HttpRequest&)> call;
    std::string where;
    bool is_cluster = false;
    bool has_own_storage = false;
  };

  JobClient(const Env& env, Link link) : env_{env}, link_{std::move(link)} {}

  Result<> introduce();
  Result<> introduce_as(const std::string& id);
  Result<> learn(const std::string& overview);
  Result<std::string> call(const HttpRequest& request);
  Result<std::string> ask(const SnapshotOrder& order);
  Result<SnapshotTaken> wait(const std::string& path);
  Error nobody_there() const;
  Error ended_unheard() const;
  Error no_answer(const Error& error) const;
  std::string job_path() const;

  Env env_;
  Link link_;
  std::string id_;
  std::string state_;
  std::int64_t start_ms_ = 0;
};

/// A folder or savepoint that is named on a command line, for a job that runs in another working directory: absolute, unless it is a URL.
std::string path_for_jobs(FileSystem& files, const std::string& path);

}  // namespace tidemark

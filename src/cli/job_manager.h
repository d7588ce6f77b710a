// A cluster's JobManager, as the commands reach it: where it listens, and what is asked of it besides what concerns one job (job_client.h).
//
// Threads: one. Every call waits. Where nobody listens the error is kNotFound and says how to start one; what the JobManager refuses is
// kFailedPrecondition, in its words.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "control/http.h"
#include "control/job_id.h"
#include "env/file_system.h"

namespace tidemark {

/// Where it listens: `named`, "host:port" or "host", with https:// before it where REST has TLS, or else the variable TIDEMARK_JOBMANAGER,
/// or else localhost:8081. Its token is that of TIDEMARK_TOKEN, if any; TIDEMARK_REST_AUTHORITY names who signed its certificate.
Result<HttpPeer> job_manager_peer(const std::string& named);
/// That nobody listens there, and what to do.
Error no_job_manager_at(const std::string& address);
/// The body of an answer that is no refusal.
Result<std::string> accepted(const HttpResponse& response);
/// Asks again, for some seconds, where the server is too busy to take the request.
Result<HttpResponse> ask_patiently(const std::function<Result<HttpResponse>()>& ask);

struct ListedJob {
  std::string id;
  std::string name;
  std::string state;  ///< in Flink's words, "RUNNING"
  std::int64_t start_ms = 0;
};

/// What is to be run.
struct SubmittedJob {
  std::vector<std::string> arguments;
  std::optional<std::uint32_t> parallelism;
  std::string savepoint;
  bool allow_non_restored_state = false;
  bool claim = false;
};

/// The arguments of a job with options, KEY=VALUE, before them.
std::vector<std::string> job_words(const std::vector<std::string>& options, std::vector<std::string> arguments);

struct UpgradedJob {
  std::string job;        ///< the new one's id
  std::string savepoint;  ///< that it started from
};

struct JobEnd {
  std::string state;  ///< "SUCCEEDED", "FAILED" or "CANCELED"
  std::string cause;  ///< of "FAILED"
  std::int64_t duration_ms = 0;
};

class JobManagerClient {
 public:
  explicit JobManagerClient(HttpPeer peer) : peer_{std::move(peer)} {}

  Result<std::vector<ListedJob>> jobs() const;
  /// The id of the executable there. Sent only where one of its content is not there yet.
  Result<std::string> upload(FileSystem& files, const std::string& path) const;
  /// The job's id. Where an answer is lost it asks again, for a minute; it is run once.
  Result<std::string> run(const std::string& executable, const SubmittedJob& job) const;
  /// Waits until the new job has taken the old one's place. kFailedPrecondition says why not, and what runs. `job.savepoint` and `job.claim`
  /// are none; `savepoint_dir` may be empty.
  Result<UpgradedJob> upgrade(const std::string& old, const std::string& executable, const SubmittedJob& job, const std::string& savepoint_dir,
                              std::int64_t timeout_ms) const;
  /// Waits until the job is over; a JobManager that is gone for less than a minute is waited for.
  Result<JobEnd> wait_for_end(const std::string& job) const;
  /// Waits until the savepoint is deleted.
  Result<> dispose(const std::string& path) const;

 private:
  Result<std::string> call(const HttpRequest& request) const;
  Result<std::string> post(const std::string& path, const std::string& body) const;
  /// Of a request that may be repeated.
  Result<std::string> post_until_answered(const std::string& path, const std::string& body) const;
  Result<bool> has(const std::string& hash) const;

  HttpPeer peer_;
};

}  // namespace tidemark

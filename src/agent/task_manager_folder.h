// What lies in a TaskManager's folder, which is its alone:
//
//   LOCK           held while it runs
//   executables/   of jobs, by their hash
//   logs/          what workers printed: "orders-3-w1.log", ".log.1" and so on
//   sockets/       of the workers that run, by their names: control/process_report.h asks there how they are
//   workers/       a folder for each job, in which its workers work: what relative paths of its sinks
//                  lead to lies there and stays
//   copies/        of checkpoints, that workers keep: a folder for each job, by its id
//   tmp/           where workers keep what they do not need after their end
//
// Threads: one, but for the store. Ownership: files and clock outlive it.
#pragma once

#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "control/executable_store.h"
#include "env/env.h"

namespace tidemark {

class TaskManagerFolder {
 public:
  /// kFailedPrecondition if another TaskManager has it.
  static Result<TaskManagerFolder> open(FileSystem& files, const Clock& clock, const std::string& path);

  const std::string& path() const { return path_; }
  ExecutableStore& executables() { return *executables_; }
  /// Where the workers of a job work. Names come from elsewhere; no path leads out of the folder.
  Result<std::string> make_place(std::string_view job);
  /// Removes it if nothing lies there. No worker works there any more.
  void clear_place(std::string_view job);
  std::string log_of(std::string_view worker) const;
  std::string logs() const;
  /// Where workers are asked how they are: each has a socket there.
  std::string sockets() const;
  std::string socket_of(std::string_view worker) const;
  /// The worker has ended.
  void forget_socket(std::string_view worker);
  const std::string& temporary() const { return temporary_; }
  /// Where the workers of a job keep copies of its checkpoints.
  std::string copies_of(std::string_view job_id) const;
  /// Jobs of which copies lie here, by their ids.
  std::vector<std::string> jobs_with_copies() const;

  /// Removes executables that are not in use, but for the newest.
  void forget_executables(const std::set<std::string>& in_use);
  /// Removes the oldest logs beyond what all may take together and how many there may be, but for those of workers that run.
  void forget_logs(const std::set<std::string>& running, std::uint64_t most_bytes = 1u << 30, std::size_t most_files = 1'000);

 private:
  std::string place_of(std::string_view job) const;
  TaskManagerFolder(FileSystem& files, std::string path, std::unique_ptr<FileLock> lock, ExecutableStore executables);

  FileSystem* files_;
  std::string path_;
  std::string temporary_;
  std::unique_ptr<FileLock> lock_;
  std::unique_ptr<ExecutableStore> executables_;
};

}  // namespace tidemark

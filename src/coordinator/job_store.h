// A JobManager's folder: LOCK, which one process holds; EPOCH, counted up at each start; jobs/<id>, a record a job.
//
// What was written is durable after return. A record that is damaged is set aside under another name: the others go on, and one that has failed
// stands for it as long as that file is there. One that the disk does not give, or that a version wrote which this one can't follow, is an error: it is whole, and its
// job must not be forgotten. Threads: any; two calls for one job are the caller's to order. `files` outlives it.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "coordinator/job_record.h"
#include "env/file_system.h"

namespace tidemark {

class JobStore {
 public:
  /// Takes the folder, which is made if need be, and begins the next epoch. kFailedPrecondition if another process has it.
  static Result<std::unique_ptr<JobStore>> open(FileSystem& files, std::string folder);

  std::uint64_t epoch() const { return epoch_; }
  const std::string& folder() const { return folder_; }

  /// Oldest first.
  Result<std::vector<JobRecord>> read_all();
  Result<> write(const JobRecord& record);
  /// No error if there is none.
  Result<> remove(const std::string& id);

 private:
  JobStore(FileSystem& files, std::string folder, std::unique_ptr<FileLock> lock);

  Result<> begin_epoch();
  std::string jobs_folder() const;
  Result<JobRecord> read(const std::string& id);
  JobRecord set_aside(const std::string& id, const Error& why);

  FileSystem& files_;
  const std::string folder_;
  const std::unique_ptr<FileLock> lock_;
  std::uint64_t epoch_ = 0;
};

}  // namespace tidemark

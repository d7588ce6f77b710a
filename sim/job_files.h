// The files of one job among several that share a disk: those that every workload names the same, its output and its input, lie in a
// folder of the job's own. All else is where it is said to be.
//
// Threads and ownership as of the files behind it, which outlive it.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "env/file_system.h"

namespace tidemark {

class JobFiles final : public FileSystem {
 public:
  /// `folder`: "/job-2".
  JobFiles(FileSystem& files, std::string folder) : files_{files}, folder_{std::move(folder)} {}

  Result<std::unique_ptr<WritableFile>> create(const std::string& path, CreateMode mode) override { return files_.create(at(path), mode); }
  Result<std::unique_ptr<ReadableFile>> open(const std::string& path) override { return files_.open(at(path)); }
  Result<FileInfo> stat(const std::string& path) override { return files_.stat(at(path)); }
  Result<std::vector<DirectoryEntry>> list(const std::string& path) override { return files_.list(at(path)); }
  Result<> make_directories(const std::string& path) override { return files_.make_directories(at(path)); }
  Result<> rename(const std::string& from, const std::string& to) override { return files_.rename(at(from), at(to)); }
  Result<> remove(const std::string& path) override { return files_.remove(at(path)); }
  Result<> remove_directory(const std::string& path) override { return files_.remove_directory(at(path)); }
  Result<> sync_directory(const std::string& path) override;
  Result<std::unique_ptr<FileLock>> lock(const std::string& path) override { return files_.lock(at(path)); }

 private:
  std::string at(const std::string& path) const;

  FileSystem& files_;
  const std::string folder_;
};

}  // namespace tidemark

// A folder of a process's own for files that nobody needs after its end.
//
// Below a folder that other processes use likewise. Only the process's user may read it; a lock beside it says that it is in
// use. It is removed at the end, and what a process of this user left behind that was killed is removed by the next one.
//
// Any thread.
#pragma once

#include <memory>
#include <string>

#include "base/result.h"
#include "env/env.h"

namespace tidemark {

class ProcessFolder {
 public:
  /// `within` is made if need be; only what this class made there is ever touched.
  static Result<std::unique_ptr<ProcessFolder>> create(const Env& env, const std::string& within);
  ~ProcessFolder();
  ProcessFolder(const ProcessFolder&) = delete;
  ProcessFolder& operator=(const ProcessFolder&) = delete;

  /// Absolute.
  const std::string& path() const { return path_; }

 private:
  ProcessFolder(FileSystem& files, std::string path, std::unique_ptr<FileLock> lock);

  FileSystem& files_;
  const std::string path_;
  const std::unique_ptr<FileLock> lock_;
};

}  // namespace tidemark

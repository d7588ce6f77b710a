#include "snapshot/job_folders.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "snapshot/job_folder.h"

namespace tidemark {

Result<std::vector<std::string>> job_folders(FileSystem& files, const std::string& path) {
  // A storage may keep locks elsewhere than in files.
  const auto is_jobs = [&](const std::string& folder) {
    return files.stat(join_path(folder, kLockName)) || files.stat(join_path(folder, kCurrentName));
  };
  const auto info = files.stat(path);
  if (!info || !info->is_directory) {
    return fail(ErrorCode::kNotFound,
                fmt::format("there is no folder '{}': name a job's folder of checkpoints, CHECKPOINT-DIR/JOB", path));
  }
  if (is_jobs(path)) return std::vector{path};
  std::vector<std::string> found;
  TIDEMARK_ASSIGN(entries, files.list(path));
  for (const DirectoryEntry& entry : entries) {
    const std::string folder = join_path(path, entry.name);
    if (entry.is_directory && is_jobs(folder)) found.push_back(folder);
  }
  return found;
}

Result<std::string> job_folder(FileSystem& files, const std::string& path) {
  TIDEMARK_ASSIGN(found, job_folders(files, path));
  if (found.size() == 1) return found.front();
  if (found.empty()) {
    return fail(ErrorCode::kNotFound,
                fmt::format("'{}' is no job's folder of checkpoints, nor is there one in it", path));
  }
  return fail(ErrorCode::kInvalidArgument,
              fmt::format("'{}' holds several jobs: name one of {}", path, fmt::join(found, ", ")));
}

}  // namespace tidemark

#include "sim/job_files.h"

#include "sim/simulated_env.h"

namespace tidemark {

std::string JobFiles::at(const std::string& path) const {
  for (const std::string own : {kSimulatedOutputDir, kSimulatedInputDir}) {
    if (path == own || path.starts_with(own + '/')) return folder_ + path;
  }
  return path;
}

// The root has names of both kinds.
Result<> JobFiles::sync_directory(const std::string& path) {
  if (path == "/") {
    if (const auto own = files_.sync_directory(folder_); !own && own.error().code() != ErrorCode::kNotFound) return own;
  }
  return files_.sync_directory(at(path));
}

}  // namespace tidemark

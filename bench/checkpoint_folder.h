// What a job's folder of checkpoints says from outside.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <string>

namespace bench {

/// Their number goes up by one a checkpoint, begun or complete; 0 without any.
inline int newest_checkpoint(const std::filesystem::path& folder) {
  int newest = 0;
  if (!std::filesystem::exists(folder)) return 0;
  for (const auto& entry : std::filesystem::directory_iterator{folder}) {
    const std::string name = entry.path().filename().string();
    if (name.rfind("chk-", 0) == 0) newest = std::max(newest, std::atoi(name.c_str() + 4));
  }
  return newest;
}

inline std::uintmax_t bytes_in(const std::filesystem::path& folder) {
  std::uintmax_t sum = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator{folder}) {
    if (entry.is_regular_file()) sum += entry.file_size();
  }
  return sum;
}

}  // namespace bench

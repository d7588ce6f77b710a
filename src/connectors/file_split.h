// What the file source keeps in checkpoints. Plain data.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace tidemark::detail {

/// The lines of a file that begin in [begin, end); of a packed file all.
struct FileSplit {
  static constexpr std::uint8_t kVersion = 1;
  std::uint8_t version = kVersion;
  std::string path;
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
  std::uint64_t file_size = 0;  ///< when it was found: no line goes beyond it
};

/// A file, or the rest of one, that is not cut into splits yet.
struct UnassignedFile {
  std::string path;
  std::uint64_t begin = 0;
  std::uint64_t size = 0;  ///< of the whole file
};

struct UnassignedFiles {
  static constexpr std::uint8_t kVersion = 1;
  std::uint8_t version = kVersion;
  std::vector<UnassignedFile> files;  ///< in the order of reading
};

/// Where a folder is watched.
struct WatchedFiles {
  static constexpr std::uint8_t kVersion = 2;  ///< told from UnassignedFiles by it
  std::uint8_t version = kVersion;
  std::vector<UnassignedFile> files;
  std::vector<std::string> known;  ///< the paths at the last look, sorted: not to be read again
};

}  // namespace tidemark::detail

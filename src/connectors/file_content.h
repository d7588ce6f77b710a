// The bytes that a file holds, unpacked if it is packed. The file ends at the size that it had when the job found it.
//
// Offsets are those of the content. A packed one is read from front to back: to go back begins it anew. Errors are thrown. One
// owner, no threads.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "env/file_system.h"
#include "tidemark/format.h"

namespace tidemark::detail {

class FileContent {
 public:
  virtual ~FileContent() = default;
  /// Throws if the file is shorter than it was.
  virtual void check() = 0;
  /// Fills `out`; fewer bytes only at the end.
  virtual std::size_t read(std::uint64_t offset, std::span<char> out) = 0;
};

/// What it comes to for this file: never kByName.
Compression compression_of(std::string_view path, Compression declared);

std::unique_ptr<FileContent> open_content(FileSystem& files, const std::string& path, std::uint64_t file_size, Compression compression);

}  // namespace tidemark::detail

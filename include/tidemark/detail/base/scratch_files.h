// Files for what does not fit into memory: nobody needs them after the process.
//
// The interface alone, so that what is pure can use it; scratch_folder.h has the files.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace tidemark::detail {

/// Written by one thread, then sealed; from then on any thread reads it. Gone with its owner. All calls may throw Error.
class ScratchFile {
 public:
  virtual ~ScratchFile() = default;
  virtual void append(std::string_view bytes) = 0;
  /// Nothing is appended any more.
  virtual void seal() = 0;
  /// All of `out`, which lies within the file.
  virtual void read(std::uint64_t offset, std::span<char> out) const = 0;
  virtual std::uint64_t size() const = 0;
  /// For errors.
  virtual const std::string& path() const = 0;
};

/// Any thread. Outlives its files.
class ScratchFiles {
 public:
  virtual ~ScratchFiles() = default;
  virtual std::unique_ptr<ScratchFile> create() = 0;
};

}  // namespace tidemark::detail

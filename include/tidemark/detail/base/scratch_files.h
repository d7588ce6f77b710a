// Files for what does not fit into memory: nobody needs them after the process.
//
// The interface alone, so that what is pure can use it; scratch_folder.h has the files. Content is written in blocks, each
// with its size and hash in front.
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

void append_block(ScratchFile& file, std::string_view content);
/// The content of the block at this offset, which may be the file's end: then there is none. Gives where the next one is.
/// Throws Error that names the file and this problem, such as "timers in it do not have their checksum", if it is not what was
/// written.
std::uint64_t read_block(const ScratchFile& file, std::uint64_t offset, std::string& content, std::string_view problem);

/// Any thread. Outlives its files.
class ScratchFiles {
 public:
  virtual ~ScratchFiles() = default;
  virtual std::unique_ptr<ScratchFile> create() = 0;
};

}  // namespace tidemark::detail

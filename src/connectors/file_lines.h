// The lines of one file at a time, from any offset, through one buffer that is used again.
//
// A line ends with a newline or with the content; offsets are those of the content (file_content.h). Views stay valid
// until fill() or open(). Errors are thrown. One owner, no threads.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "connectors/file_content.h"
#include "env/file_system.h"
#include "tidemark/detail/model/batch.h"

namespace tidemark::detail {

class FileLines {
 public:
  FileLines(std::size_t block_bytes, std::size_t max_line_bytes);

  /// From `offset` on, which need not be a line's beginning.
  void open(FileSystem& files, const std::string& path, std::uint64_t file_size, Compression compression, std::uint64_t offset);
  /// What open() kept of a file is not used again: there may be another one of that name and size.
  void forget() { content_.reset(); }
  /// Goes on behind the next newline; false if there is none before `limit`.
  bool skip_partial_line(std::uint64_t limit);

  /// The next whole line of the buffer, without its end ("\n" or "\r\n") and without the mark at the beginning of a file
  /// that some programs write (UTF-8 BOM). False if the buffer has none.
  bool next(std::string_view& line);
  /// Reads on until the buffer has a whole line; false if the file has none left.
  bool fill();

  /// Where the next line begins.
  std::uint64_t offset() const { return base_ + at_; }
  /// Of the content; of a packed file not known before its end was read: then the largest number.
  std::uint64_t size() const { return size_; }
  TextRange text_range() const { return {buffer_.get(), buffer_.get() + end_}; }

  /// The number of the line that begins at `offset` of this file, from 1. Reads the file up to there, or from the last
  /// offset that was asked for.
  std::uint64_t line_number(std::uint64_t offset);

 private:
  bool load();
  void make_room();

  std::size_t max_line_bytes_;
  std::size_t capacity_;
  std::unique_ptr<char[]> buffer_;
  FileSystem* files_ = nullptr;
  std::string path_;
  std::uint64_t file_size_ = 0;
  Compression compression_ = Compression::kNone;
  std::unique_ptr<FileContent> content_;
  std::uint64_t size_ = 0;
  std::uint64_t base_ = 0;  // the content's offset of buffer_[0]
  std::size_t at_ = 0;
  std::size_t end_ = 0;
  std::unique_ptr<FileContent> counted_;  // of line_number(), which reads elsewhere
  std::uint64_t counted_offset_ = 0;  // line_number() knows how many newlines come before it
  std::uint64_t counted_newlines_ = 0;
};

}  // namespace tidemark::detail

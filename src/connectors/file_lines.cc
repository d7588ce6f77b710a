#include "connectors/file_lines.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <limits>
#include <utility>
#include <vector>

#include "tidemark/error.h"

namespace tidemark::detail {
namespace {

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
constexpr std::size_t kCountingBlock = std::size_t{256} << 10;

}  // namespace

FileLines::FileLines(std::size_t block_bytes, std::size_t max_line_bytes)
    : max_line_bytes_{max_line_bytes},
      capacity_{block_bytes},
      buffer_{std::make_unique_for_overwrite<char[]>(block_bytes)} {}

void FileLines::open(FileSystem& files, const std::string& path, std::uint64_t file_size, Compression compression, std::uint64_t offset) {
  if (path != path_ || content_ == nullptr || file_size != file_size_) {
    content_ = open_content(files, path, file_size, compression);
    files_ = &files;
    path_ = path;
    file_size_ = file_size;
    compression_ = compression;
    size_ = compression == Compression::kNone ? file_size : std::numeric_limits<std::uint64_t>::max();
    counted_.reset();
    counted_offset_ = counted_newlines_ = 0;
  }
  content_->check();
  base_ = offset;
  at_ = end_ = 0;
}

bool FileLines::skip_partial_line(std::uint64_t limit) {
  while (true) {
    const char* begin = buffer_.get() + at_;
    const void* newline = std::memchr(begin, '\n', end_ - at_);
    if (newline != nullptr) {
      at_ = static_cast<std::size_t>(static_cast<const char*>(newline) - buffer_.get()) + 1;
      return offset() < limit;
    }
    at_ = end_;
    if (offset() >= limit || !load()) return false;
  }
}

bool FileLines::next(std::string_view& line) {
  const char* begin = buffer_.get() + at_;
  const auto* newline = static_cast<const char*>(std::memchr(begin, '\n', end_ - at_));
  if (newline == nullptr && (at_ == end_ || base_ + end_ < size_)) return false;
  const char* end = newline != nullptr ? newline : buffer_.get() + end_;
  const bool is_first = offset() == 0;
  at_ = static_cast<std::size_t>(end - buffer_.get()) + (newline != nullptr ? 1 : 0);
  if (end > begin && end[-1] == '\r') --end;
  line = {begin, static_cast<std::size_t>(end - begin)};
  if (is_first && line.starts_with(kByteOrderMark)) line.remove_prefix(kByteOrderMark.size());
  return true;
}

bool FileLines::fill() {
  while (true) {
    const std::size_t known = end_ - at_;
    if (!load()) return known > 0;
    if (std::memchr(buffer_.get() + at_ + known, '\n', end_ - at_ - known) != nullptr) return true;
    if (end_ - at_ > max_line_bytes_) {
      throw Error{ErrorCode::kParse,
                  fmt::format("{}:{}: the line is longer than {} bytes; is this a file of lines?", path_,
                              line_number(offset()), max_line_bytes_)};
    }
  }
}

bool FileLines::load() {
  const std::uint64_t from = base_ + end_;
  if (from >= size_) return false;
  make_room();
  const std::size_t wanted = capacity_ - end_;
  const std::size_t read = content_->read(from, {buffer_.get() + end_, wanted});
  if (read < wanted) size_ = from + read;
  end_ += read;
  return read > 0;
}

// Moves what is not read yet to the front; doubles the buffer if that is all of it.
void FileLines::make_room() {
  const std::size_t kept = end_ - at_;
  if (kept == capacity_) {
    auto larger = std::make_unique_for_overwrite<char[]>(2 * capacity_);
    std::memcpy(larger.get(), buffer_.get(), kept);
    buffer_ = std::move(larger);
    capacity_ *= 2;
  } else if (at_ > 0) {
    std::memmove(buffer_.get(), buffer_.get() + at_, kept);
  }
  base_ += at_;
  at_ = 0;
  end_ = kept;
}

std::uint64_t FileLines::line_number(std::uint64_t offset) {
  if (counted_ == nullptr) counted_ = open_content(*files_, path_, file_size_, compression_);
  if (offset < counted_offset_) counted_offset_ = counted_newlines_ = 0;
  std::vector<char> block(static_cast<std::size_t>(std::min<std::uint64_t>(kCountingBlock, offset - counted_offset_)));
  while (counted_offset_ < offset) {
    const auto wanted = static_cast<std::size_t>(std::min<std::uint64_t>(block.size(), offset - counted_offset_));
    const std::size_t read = counted_->read(counted_offset_, {block.data(), wanted});
    if (read == 0) break;
    counted_newlines_ += static_cast<std::uint64_t>(std::count(block.data(), block.data() + read, '\n'));
    counted_offset_ += read;
  }
  return counted_newlines_ + 1;
}

}  // namespace tidemark::detail

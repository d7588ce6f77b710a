#include "connectors/file_content.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <utility>
#include <vector>

#include "codec/decompressor.h"
#include "tidemark/error.h"

namespace tidemark::detail {
namespace {

constexpr std::size_t kPackedBlock = std::size_t{256} << 10;
constexpr std::size_t kMagicBytes = 4;

constexpr std::string_view kAdvice =
    "files must not change while a job reads them: put the file back as it was, or start the job anew without --resume";

/// A file of a known size.
class SizedFile {
 public:
  SizedFile(FileSystem& files, std::string path, std::uint64_t size) : path_{std::move(path)}, size_{size} {
    auto file = files.open(path_);
    if (!file) {
      const Error& error = file.error();
      throw Error{error.code(), error.domain(), error.retry(),
                  fmt::format("{}. It had {} bytes when the job found it; {}", error.message(), size_, kAdvice)};
    }
    file_ = std::move(*file);
  }

  const std::string& path() const { return path_; }
  std::uint64_t size() const { return size_; }

  void check() const {
    const std::uint64_t now = value_or_throw(file_->size());
    if (now < size_) fail_shrunk(now);
  }
  std::size_t read(std::uint64_t offset, std::span<char> out) const {
    const auto wanted = static_cast<std::size_t>(std::min<std::uint64_t>(out.size(), size_ - std::min(size_, offset)));
    const std::size_t read = value_or_throw(file_->read(offset, out.first(wanted)));
    if (read < wanted) fail_shrunk(offset + read);
    return read;
  }

 private:
  [[noreturn]] void fail_shrunk(std::uint64_t now) const {
    throw Error{ErrorCode::kDataLoss, fmt::format("'{}' has {} bytes, but had {} when the job found it; {}", path_, now, size_, kAdvice)};
  }

  std::string path_;
  std::uint64_t size_;
  std::unique_ptr<ReadableFile> file_;
};

class PlainContent final : public FileContent {
 public:
  explicit PlainContent(SizedFile file) : file_{std::move(file)} { refuse_packed(); }
  void check() override { file_.check(); }
  std::size_t read(std::uint64_t offset, std::span<char> out) override { return file_.read(offset, out); }

 private:
  void refuse_packed() const {
    char begin[kMagicBytes];
    const std::string_view bytes{begin, file_.read(0, begin)};
    if (!begins_as_gzip(bytes) && !begins_as_zstd(bytes)) return;
    throw Error{ErrorCode::kParse, fmt::format("'{}' is packed by {}, but its name doesn't say so: read it with "
                                               ".compressed(Compression::{}), or rename it",
                                               file_.path(), begins_as_gzip(bytes) ? "gzip" : "zstd", begins_as_gzip(bytes) ? "kGzip" : "kZstd")};
  }

  SizedFile file_;
};

class PackedContent final : public FileContent {
 public:
  PackedContent(SizedFile file, Compression compression) : file_{std::move(file)}, compression_{compression}, in_(kPackedBlock) { begin(); }

  void check() override { file_.check(); }

  std::size_t read(std::uint64_t offset, std::span<char> out) override {
    if (offset < made_) begin();
    skip_to(offset);
    std::size_t filled = 0;
    while (filled < out.size()) {
      const std::size_t made = unpack(out.subspan(filled));
      if (made == 0) break;
      filled += made;
    }
    return filled;
  }

 private:
  void begin() {
    decompressor_ = compression_ == Compression::kGzip ? make_gzip_decompressor() : make_zstd_decompressor();
    in_at_ = in_end_ = 0;
    packed_ = made_ = 0;
  }

  void skip_to(std::uint64_t offset) {
    std::vector<char> skipped(static_cast<std::size_t>(std::min<std::uint64_t>(kPackedBlock, offset - made_)));
    while (made_ < offset) {
      const auto wanted = static_cast<std::size_t>(std::min<std::uint64_t>(skipped.size(), offset - made_));
      if (unpack({skipped.data(), wanted}) == 0) {
        throw Error{ErrorCode::kDataLoss, fmt::format("'{}' holds {} bytes, of which {} were read before; {}", file_.path(), made_, offset, kAdvice)};
      }
    }
  }

  // 0 at the end.
  std::size_t unpack(std::span<char> out) {
    while (true) {
      const Decompressor::Progress progress = unpack_some(out);
      in_at_ += progress.taken;
      made_ += progress.made;
      if (progress.made > 0) return progress.made;
      if (progress.taken > 0) continue;
      if (in_at_ < in_end_) fail("nothing more comes out of it");
      in_at_ = 0;
      in_end_ = file_.read(packed_, in_);
      packed_ += in_end_;
      if (in_end_ > 0) continue;
      if (!decompressor_->at_boundary()) fail("it ends in the middle");
      return 0;
    }
  }

  Decompressor::Progress unpack_some(std::span<char> out) {
    try {
      return decompressor_->unpack({in_.data() + in_at_, in_end_ - in_at_}, out);
    } catch (const Error& error) {
      if (error.code() != ErrorCode::kDataLoss) throw;
      fail(error.message());
    }
  }

  [[noreturn]] void fail(const std::string& what) const {
    throw Error{ErrorCode::kDataLoss, fmt::format("'{}' can't be unpacked as {} at byte {} of the file, {} bytes of its content: {}. Put a whole file in its "
                                                  "place, or take it out of the input and start the job anew without --resume",
                                                  file_.path(), compression_ == Compression::kGzip ? "gzip" : "zstd", packed_ - (in_end_ - in_at_), made_, what)};
  }

  SizedFile file_;
  Compression compression_;
  std::unique_ptr<Decompressor> decompressor_;
  std::vector<char> in_;
  std::size_t in_at_ = 0;
  std::size_t in_end_ = 0;
  std::uint64_t packed_ = 0;  // bytes of the file that went into in_
  std::uint64_t made_ = 0;    // bytes of the content that came out
};

bool ends_with(std::string_view path, std::string_view ending) {
  if (path.size() < ending.size()) return false;
  return std::ranges::equal(path.substr(path.size() - ending.size()), ending,
                            [](char a, char b) { return std::tolower(static_cast<unsigned char>(a)) == b; });
}

}  // namespace

Compression compression_of(std::string_view path, Compression declared) {
  if (declared != Compression::kByName) return declared;
  if (ends_with(path, ".gz")) return Compression::kGzip;
  return ends_with(path, ".zst") ? Compression::kZstd : Compression::kNone;
}

std::unique_ptr<FileContent> open_content(FileSystem& files, const std::string& path, std::uint64_t file_size, Compression compression) {
  SizedFile file{files, path, file_size};
  if (compression == Compression::kNone) return std::make_unique<PlainContent>(std::move(file));
  return std::make_unique<PackedContent>(std::move(file), compression);
}

}  // namespace tidemark::detail

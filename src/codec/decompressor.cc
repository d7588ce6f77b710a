#include "codec/decompressor.h"

#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <limits>

#include "tidemark/error.h"

namespace tidemark {
namespace {

[[noreturn]] void fail_damaged(const char* what) { throw Error{ErrorCode::kDataLoss, what}; }

class GzipDecompressor final : public Decompressor {
 public:
  GzipDecompressor() {
    if (inflateInit2(&stream_, kGzipOnly) != Z_OK) throw Error{ErrorCode::kResourceExhausted, "no memory to unpack gzip"};
  }
  ~GzipDecompressor() override { inflateEnd(&stream_); }
  GzipDecompressor(const GzipDecompressor&) = delete;
  GzipDecompressor& operator=(const GzipDecompressor&) = delete;

  Progress unpack(std::string_view in, std::span<char> out) override {
    if (in.empty() && at_boundary_) return {};
    if (at_boundary_ && inflateReset(&stream_) != Z_OK) fail_damaged("unpacking can't begin again");
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(in.data()));
    stream_.avail_in = clamped(in.size());
    stream_.next_out = reinterpret_cast<Bytef*>(out.data());
    stream_.avail_out = clamped(out.size());
    const auto in_before = stream_.avail_in;
    const auto out_before = stream_.avail_out;
    const int result = inflate(&stream_, Z_NO_FLUSH);
    if (result == Z_MEM_ERROR) throw Error{ErrorCode::kResourceExhausted, "no memory to unpack gzip"};
    if (result != Z_OK && result != Z_STREAM_END && result != Z_BUF_ERROR) {
      fail_damaged(stream_.msg != nullptr ? stream_.msg : "no gzip");
    }
    const Progress progress{in_before - stream_.avail_in, out_before - stream_.avail_out};
    if (result == Z_STREAM_END) {
      at_boundary_ = true;
    } else if (progress.taken > 0) {
      at_boundary_ = false;
    }
    return progress;
  }
  bool at_boundary() const override { return at_boundary_; }

 private:
  static constexpr int kGzipOnly = 15 + 16;  // the largest window, and gzip's header and checksum

  static uInt clamped(std::size_t size) { return static_cast<uInt>(std::min<std::size_t>(size, std::numeric_limits<uInt>::max())); }

  z_stream stream_{};
  bool at_boundary_ = true;
};

class ZstdDecompressor final : public Decompressor {
 public:
  ZstdDecompressor() : stream_{ZSTD_createDStream()} {
    if (stream_ == nullptr) throw Error{ErrorCode::kResourceExhausted, "no memory to unpack zstd"};
  }
  ~ZstdDecompressor() override { ZSTD_freeDStream(stream_); }
  ZstdDecompressor(const ZstdDecompressor&) = delete;
  ZstdDecompressor& operator=(const ZstdDecompressor&) = delete;

  Progress unpack(std::string_view in, std::span<char> out) override {
    if (in.empty() && at_boundary_) return {};
    ZSTD_inBuffer input{in.data(), in.size(), 0};
    ZSTD_outBuffer output{out.data(), out.size(), 0};
    const std::size_t result = ZSTD_decompressStream(stream_, &output, &input);
    if (ZSTD_isError(result) != 0) fail_damaged(ZSTD_getErrorName(result));
    if (result == 0) {
      at_boundary_ = true;
    } else if (input.pos > 0) {
      at_boundary_ = false;
    }
    return {input.pos, output.pos};
  }
  bool at_boundary() const override { return at_boundary_; }

 private:
  ZSTD_DStream* stream_;
  bool at_boundary_ = true;
};

}  // namespace

std::unique_ptr<Decompressor> make_gzip_decompressor() { return std::make_unique<GzipDecompressor>(); }
std::unique_ptr<Decompressor> make_zstd_decompressor() { return std::make_unique<ZstdDecompressor>(); }

bool begins_as_gzip(std::string_view bytes) { return bytes.starts_with("\x1f\x8b"); }
bool begins_as_zstd(std::string_view bytes) { return bytes.starts_with("\x28\xb5\x2f\xfd"); }

}  // namespace tidemark

#include "codec/decompressor.h"

#include <gtest/gtest.h>
#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "tidemark/error.h"

namespace tidemark {
namespace {

std::string gzip(std::string_view content) {
  z_stream stream{};
  EXPECT_EQ(deflateInit2(&stream, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
  std::string packed(deflateBound(&stream, content.size()) + 32, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(content.data()));
  stream.avail_in = static_cast<uInt>(content.size());
  stream.next_out = reinterpret_cast<Bytef*>(packed.data());
  stream.avail_out = static_cast<uInt>(packed.size());
  EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  packed.resize(stream.total_out);
  deflateEnd(&stream);
  return packed;
}

std::string zstd(std::string_view content) {
  std::string packed(ZSTD_compressBound(content.size()), '\0');
  const std::size_t size = ZSTD_compress2(std::unique_ptr<ZSTD_CCtx, decltype(&ZSTD_freeCCtx)>{[] {
                                            ZSTD_CCtx* context = ZSTD_createCCtx();
                                            ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 1);
                                            return context;
                                          }(), &ZSTD_freeCCtx}.get(),
                                          packed.data(), packed.size(), content.data(), content.size());
  packed.resize(size);
  return packed;
}

struct Format {
  const char* name;
  std::function<std::string(std::string_view)> pack;
  std::function<std::unique_ptr<Decompressor>()> make;
};
const std::vector<Format> kFormats = {{"gzip", gzip, make_gzip_decompressor}, {"zstd", zstd, make_zstd_decompressor}};

struct Unpacked {
  std::string content;
  bool is_whole = false;
};

// By pieces of these sizes.
Unpacked unpack(Decompressor& decompressor, std::string_view packed, std::size_t in, std::size_t out) {
  Unpacked result;
  std::string piece(out, '\0');
  while (true) {
    const auto progress = decompressor.unpack(packed.substr(0, in), {piece.data(), piece.size()});
    packed.remove_prefix(progress.taken);
    result.content.append(piece, 0, progress.made);
    if (progress.made == 0 && progress.taken == 0) break;
  }
  result.is_whole = packed.empty() && decompressor.at_boundary();
  return result;
}

std::string text_of_size(std::size_t size) {
  std::string text;
  std::uint64_t seed = size;
  while (text.size() < size) {
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    text += std::to_string(seed >> 40) + "\n";
  }
  return text.substr(0, size);
}

TEST(Decompressor, UnpacksWhatWasPackedInAnyPieces) {
  for (const Format& format : kFormats) {
    for (const std::size_t size : {0, 1, 1000, 300'000}) {
      const std::string content = text_of_size(size);
      const std::string packed = format.pack(content) + format.pack("") + format.pack(content);
      for (const std::size_t in : {std::size_t{1}, std::size_t{777}, packed.size()}) {
        for (const std::size_t out : {std::size_t{1}, std::size_t{4096}, std::size_t{1} << 20}) {
          if (size > 1000 && in * out < 4096) continue;
          const auto unpacked = unpack(*format.make(), packed, in, out);
          EXPECT_TRUE(unpacked.is_whole) << format.name << " " << size << " " << in << " " << out;
          EXPECT_TRUE(unpacked.content == content + content) << format.name << " " << size << " " << in << " " << out;
        }
      }
    }
  }
}

TEST(Decompressor, AnInputThatEndsTooEarlyIsNotWhole) {
  for (const Format& format : kFormats) {
    const std::string packed = format.pack("one two three four");
    for (std::size_t size = 1; size < packed.size(); ++size) {
      EXPECT_FALSE(unpack(*format.make(), packed.substr(0, size), size, 7).is_whole) << format.name << " " << size;
    }
  }
}

TEST(Decompressor, AChangedByteIsAnErrorOrChangesNothing) {
  const std::string content = text_of_size(500);
  for (const Format& format : kFormats) {
    const std::string packed = format.pack(content);
    for (std::size_t at = 0; at < packed.size(); ++at) {
      for (const int bit : {0, 3, 7}) {
        std::string damaged = packed;
        damaged[at] = static_cast<char>(damaged[at] ^ (1 << bit));
        try {
          const Unpacked unpacked = unpack(*format.make(), damaged, 64, 64);
          EXPECT_TRUE(!unpacked.is_whole || unpacked.content == content) << format.name << " " << at;
        } catch (const Error& error) {
          EXPECT_EQ(error.code(), ErrorCode::kDataLoss);
        }
      }
    }
  }
}

TEST(Decompressor, KnowsItsFormatsByTheirFirstBytes) {
  EXPECT_TRUE(begins_as_gzip(gzip("x")));
  EXPECT_TRUE(begins_as_zstd(zstd("x")));
  EXPECT_FALSE(begins_as_gzip(zstd("x")));
  EXPECT_FALSE(begins_as_zstd(gzip("x")));
  EXPECT_FALSE(begins_as_gzip("{"));
}

}  // namespace
}  // namespace tidemark

// Unpacks gzip and zstd piece by piece. Members or frames that follow one another are one content, as their programs have it.
// Pure; one owner, no threads. Sound for any input: what is damaged is an error, never a crash.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace tidemark {

class Decompressor {
 public:
  virtual ~Decompressor() = default;

  struct Progress {
    std::size_t taken = 0;  ///< bytes of the input
    std::size_t made = 0;   ///< bytes of the output
  };
  /// Unpacks what fits. Makes nothing and takes nothing only where more input is needed, or `out` is empty. Throws Error in a few
  /// words, without the place, where the input is damaged.
  virtual Progress unpack(std::string_view in, std::span<char> out) = 0;
  /// Whether the input may end here.
  virtual bool at_boundary() const = 0;
};

std::unique_ptr<Decompressor> make_gzip_decompressor();
std::unique_ptr<Decompressor> make_zstd_decompressor();

/// What files that are packed so begin with.
bool begins_as_gzip(std::string_view bytes);
bool begins_as_zstd(std::string_view bytes);

}  // namespace tidemark

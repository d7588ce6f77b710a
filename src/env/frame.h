// How frames lie in a stream of bytes (decision 0012), and the reader that finds them there again.
//
// A header of 16 bytes, little endian, then the payload:
//   u32 length of the payload | u8 kind | u24 check of the header | u64 XXH3-64 of the payload
// The header's check is that of its other fields and of the frame's number in the stream, so that a wrong length is
// seen before it is believed, and a frame that was lost, doubled or moved is no frame.
//
// The reader trusts nothing: a length costs no more memory than twice what has come of it. One thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "env/transport.h"

namespace tidemark {

/// What the transport itself says, as kinds above Frame::kLastKind.
enum class TransportFrame : std::uint8_t {
  kGreeting = 0xf0,    ///< the first of each side: greeting.h
  kRefusal = 0xf1,     ///< instead of a greeting: a CloseCause, then the reason as text; nothing follows
  kSignOfLife = 0xf2,  ///< nothing but that
  kGoodbye = 0xf3,     ///< nothing follows
};

using FrameHeader = std::array<char, 16>;

/// `number` counts the frames of one direction from 0. The payload's length fits into 32 bits.
FrameHeader frame_header(std::uint8_t kind, std::size_t payload_bytes, std::uint64_t payload_hash,
                         std::uint64_t number);

class FrameReader {
 public:
  struct Broken {
    CloseCause cause;    ///< kGarbage, kDamaged or kTooLarge
    std::string reason;  ///< "a frame of 20 bytes where 10 are the most"
  };

  explicit FrameReader(std::size_t largest_payload) : largest_{largest_payload} {}

  /// Of frames whose header has not been read yet. Until it is called the buffer is small: strangers come in numbers.
  void set_largest_payload(std::size_t bytes);

  /// Where the next bytes belong: never empty while next() has nothing to give. Valid until the next call.
  std::span<char> space();
  /// That many bytes of it have been filled.
  void filled(std::size_t bytes);

  /// The next whole frame, if there is one. After an error nothing more can be read.
  std::expected<std::optional<Frame>, Broken> next();

 private:
  static constexpr std::size_t kFirstBufferBytes = 4u << 10;
  static constexpr std::size_t kBufferBytes = 16u << 10;

  std::optional<Broken> read_header();
  void grow_payload();

  std::size_t largest_;
  std::uint64_t number_ = 0;
  std::string buffer_ = std::string(kFirstBufferBytes, '\0');
  std::size_t begin_ = 0;  // of what is in the buffer and was not read
  std::size_t end_ = 0;
  // The frame whose header has been read.
  bool in_frame_ = false;
  Frame frame_;                     // its payload has room for what comes next
  std::size_t payload_bytes_ = 0;   // all of them
  std::size_t payload_filled_ = 0;  // those that have come
  std::uint64_t payload_hash_ = 0;
};

}  // namespace tidemark

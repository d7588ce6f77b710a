#include "env/frame.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/long_hash.h"
#include "tidemark/detail/base/check.h"
#include "tidemark/detail/base/hash.h"

namespace tidemark {
namespace {

constexpr std::uint64_t kHeaderCheckMask = (1u << 24) - 1;
// There is room for so much at once, which costs nothing before it comes; a payload that is longer grows with what has come of it.
constexpr std::size_t kTrustedBytes = 2u << 20;

std::uint64_t header_check(std::uint32_t length, std::uint8_t kind, std::uint64_t payload_hash, std::uint64_t number) {
  const std::uint64_t fields[] = {length | std::uint64_t{kind} << 32, payload_hash, number};
  return detail::hash_bytes<sizeof fields>(fields) & kHeaderCheckMask;
}

// Whoever has the wrong port is most often one of these.
std::string describe_stranger(std::string_view begin) {
  if (begin.starts_with("\x16\x03")) return "what came is TLS, and this side has none";
  for (const std::string_view method :
       {"GET ", "POST ", "PUT ", "HEAD ", "DELETE ", "PATCH ", "OPTIONS ", "CONNECT ", "PRI "}) {
    if (begin.starts_with(method)) return "what came is HTTP, which is spoken at another port";
  }
  return "what came is no frame of Tidemark's";
}

}  // namespace

FrameHeader frame_header(std::uint8_t kind, std::size_t payload_bytes, std::uint64_t payload_hash,
                         std::uint64_t number) {
  TIDEMARK_CHECK(std::in_range<std::uint32_t>(payload_bytes), "a frame's length fits into its header");
  const auto length = static_cast<std::uint32_t>(payload_bytes);
  const std::uint64_t words[] = {
      length | std::uint64_t{kind} << 32 | header_check(length, kind, payload_hash, number) << 40, payload_hash};
  FrameHeader header;
  static_assert(sizeof words == sizeof header);
  std::memcpy(header.data(), words, sizeof words);
  return header;
}

void FrameReader::set_largest_payload(std::size_t bytes) {
  largest_ = bytes;
  buffer_.resize(kBufferBytes);
}

std::span<char> FrameReader::space() {
  if (in_frame_) {
    grow_payload();
    return std::span{frame_.payload}.subspan(payload_filled_);
  }
  if (begin_ > 0) {
    std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
    end_ -= std::exchange(begin_, 0);
  }
  return std::span{buffer_}.subspan(end_);
}

void FrameReader::filled(std::size_t bytes) { (in_frame_ ? payload_filled_ : end_) += bytes; }

void FrameReader::grow_payload() {
  if (payload_filled_ < frame_.payload.size()) return;
  // What is not filled yet is not read: zeros would cost as much as the copy out of the kernel.
  const std::size_t room = std::min(payload_bytes_, std::max(kTrustedBytes, 2 * payload_filled_));
  frame_.payload.resize_and_overwrite(room, [room](char*, std::size_t) { return room; });  // libstdc++ 12 says more than it was asked for
}

std::optional<FrameReader::Broken> FrameReader::read_header() {
  std::uint64_t words[2];
  std::memcpy(words, buffer_.data() + begin_, sizeof words);
  const auto length = static_cast<std::uint32_t>(words[0]);
  const auto kind = static_cast<std::uint8_t>(words[0] >> 32);
  if (words[0] >> 40 != header_check(length, kind, words[1], number_)) {
    if (number_ == 0) return Broken{CloseCause::kGarbage, describe_stranger({buffer_.data() + begin_, sizeof words})};
    return Broken{CloseCause::kDamaged,
                  fmt::format("the header of frame {} is damaged, or a frame before it is missing", number_)};
  }
  if (length > largest_) {
    return Broken{CloseCause::kTooLarge, fmt::format("a frame of {} bytes where {} are the most", length, largest_)};
  }
  begin_ += sizeof words;
  frame_.kind = kind;
  payload_bytes_ = length;
  payload_hash_ = words[1];
  const std::size_t here = std::min<std::size_t>(length, end_ - begin_);
  if (here < length) frame_.payload.reserve(std::min<std::size_t>(length, kTrustedBytes));
  frame_.payload.assign(buffer_, begin_, here);
  begin_ += here;
  payload_filled_ = here;
  in_frame_ = true;
  return std::nullopt;
}

std::expected<std::optional<Frame>, FrameReader::Broken> FrameReader::next() {
  if (!in_frame_) {
    if (end_ - begin_ < sizeof(FrameHeader)) return std::nullopt;
    if (auto broken = read_header()) return std::unexpected{std::move(*broken)};
  }
  if (payload_filled_ < payload_bytes_) return std::nullopt;
  if (hash_long(frame_.payload) != payload_hash_) {
    return std::unexpected{Broken{CloseCause::kDamaged, fmt::format("the payload of frame {} is damaged", number_)}};
  }
  in_frame_ = false;
  ++number_;
  return std::exchange(frame_, {});
}

}  // namespace tidemark

// What two workers say to one another about their edges: frames of a connection (env/transport.h). Pure.
//
//   kHello    u32 attempt | u32 worker | the attempt's secret; the first, of who connects
//   kElement  u32 channel | u8 kind of the element | its content: a batch as batch_codec.h says behind its u32 capacity, the control
//             elements as edge_frame.cc says
//   kCredits  u32 channel | u32 elements that the receiver takes beyond those before
//   kNote     whatever tasks say beside their edges
//   kGoodbye  nothing: the tasks of this side have ended as they were told to
//   kTurnedAway  why this side ends the connection, in words
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "base/result.h"
#include "env/transport.h"
#include "tidemark/detail/base/bytes.h"
#include "tidemark/detail/model/checkpoint.h"
#include "tidemark/detail/model/element.h"

namespace tidemark {

enum class EdgeFrame : std::uint8_t { kHello = 1, kElement = 2, kCredits = 3, kNote = 4, kGoodbye = 5, kTurnedAway = 6 };

/// An edge from one task to another within an attempt; the same number on both sides.
using ChannelNumber = std::uint32_t;

struct Hello {
  AttemptId attempt = 0;
  std::uint32_t worker = 0;  ///< who speaks
  std::string secret;        ///< that the attempt's workers share, as attempts of other jobs have numbers, too
};

struct Credits {
  ChannelNumber channel = 0;
  std::uint32_t elements = 0;
};

/// An element as it came. A batch is still bytes.
struct ArrivedElement {
  detail::Element element;
  std::uint32_t capacity = 0;  ///< of a batch
  std::string payload;         ///< of the whole frame

  std::string_view batch_bytes() const { return std::string_view{payload}.substr(kBatchAt); }
  static constexpr std::size_t kBatchAt = 9;
};

inline Frame frame_of(EdgeFrame kind, std::string payload) {
  return {.kind = static_cast<std::uint8_t>(kind), .payload = std::move(payload)};
}

std::string encode_hello(const Hello& hello);
Result<Hello> decode_hello(std::string_view payload);

std::string encode_turned_away(const Error& why);
/// As an error; of text that is none of a worker's it says that.
Error decode_turned_away(std::string_view payload);

std::string encode_credits(const Credits& credits);
Result<Credits> decode_credits(std::string_view payload);

/// What stands before a batch's bytes.
void put_batch_header(ChannelNumber channel, std::uint32_t capacity, detail::ByteWriter& out);
/// Of any other element. `folder`: of a barrier's checkpoint.
std::string encode_control(ChannelNumber channel, const detail::Element& element, std::string_view folder);
/// Of an element.
Result<ChannelNumber> channel_of(std::string_view payload);
/// `folder` becomes that of a barrier's checkpoint. A batch takes the payload with it; an error leaves it.
Result<ArrivedElement> decode_element(std::string& payload, std::string& folder);

/// What came is none of this.
std::unexpected<Error> does_not_fit(std::string_view what);

}  // namespace tidemark

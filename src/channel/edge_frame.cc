#include "channel/edge_frame.h"

#include <algorithm>
#include <utility>

namespace tidemark {
namespace {

using detail::Batch;
using detail::ByteReader;
using detail::ByteWriter;
using detail::Element;

constexpr std::size_t kLongestReason = 1024;

template <class E>
E get_enum(ByteReader& in, E last) {
  const std::uint8_t byte = in.get_u8();
  if (byte > static_cast<std::uint8_t>(last)) in.fail();
  return static_cast<E>(in.ok() ? byte : 0);
}

void put_barrier(const Barrier& barrier, ByteWriter& out) {
  out.put_u64(barrier.id);
  out.put_i64(barrier.triggered_wall_ms);
  out.put_u8(static_cast<std::uint8_t>(barrier.mode));
  out.put_u8(static_cast<std::uint8_t>(barrier.kind));
}

Barrier get_barrier(ByteReader& in) {
  Barrier barrier;
  barrier.id = in.get_u64();
  barrier.triggered_wall_ms = in.get_i64();
  barrier.mode = get_enum(in, CheckpointMode::kNone);
  barrier.kind = get_enum(in, CheckpointKind::kStopSavepoint);
  return barrier;
}

bool is_whole(const ByteReader& in) { return in.ok() && in.remaining() == 0; }

}  // namespace

std::unexpected<Error> does_not_fit(std::string_view what) {
  return fail(ErrorCode::kDataLoss, std::string{what} + ": the other process runs another executable, or what came is damaged");
}

std::string encode_hello(const Hello& hello) {
  ByteWriter out;
  out.put_u32(hello.attempt);
  out.put_u32(hello.worker);
  out.put_bytes(hello.secret);
  return out.take();
}

Result<Hello> decode_hello(std::string_view payload) {
  ByteReader in{payload};
  Hello hello{.attempt = in.get_u32(), .worker = in.get_u32(), .secret = {}};
  if (!in.ok()) return does_not_fit("no greeting of a worker");
  hello.secret = in.rest();
  return hello;
}

std::string encode_turned_away(const Error& why) { return why.message().substr(0, kLongestReason); }

Error decode_turned_away(std::string_view payload) {
  // It stands in messages, where it must not begin a line.
  const bool is_text = payload.size() <= kLongestReason && std::ranges::all_of(payload, [](char c) { return static_cast<unsigned char>(c) >= 0x20; });
  return {ErrorCode::kFailedPrecondition, "it turned this worker away: " + (is_text ? std::string{payload} : std::string{"for a reason that is no text"})};
}

std::string encode_credits(const Credits& credits) {
  ByteWriter out;
  out.put_u32(credits.channel);
  out.put_u32(credits.elements);
  return out.take();
}

Result<Credits> decode_credits(std::string_view payload) {
  ByteReader in{payload};
  const Credits credits{.channel = in.get_u32(), .elements = in.get_u32()};
  if (!is_whole(in)) return does_not_fit("credits of another length");
  return credits;
}

void put_batch_header(ChannelNumber channel, std::uint32_t capacity, ByteWriter& out) {
  out.put_u32(channel);
  out.put_u8(static_cast<std::uint8_t>(Element::Kind::kBatch));
  out.put_u32(capacity);
}

std::string encode_control(ChannelNumber channel, const Element& element, std::string_view folder) {
  ByteWriter out;
  out.put_u32(channel);
  out.put_u8(static_cast<std::uint8_t>(element.kind));
  if (element.kind == Element::Kind::kWatermark) out.put_i64(element.watermark.ms());
  if (element.kind == Element::Kind::kBarrier || element.kind == Element::Kind::kCancelMarker) put_barrier(element.barrier, out);
  if (element.kind == Element::Kind::kBarrier) out.put_bytes(folder);
  return out.take();
}

Result<ChannelNumber> channel_of(std::string_view payload) {
  ByteReader in{payload};
  const ChannelNumber channel = in.get_u32();
  if (!in.ok()) return does_not_fit("an element of no channel");
  return channel;
}

Result<ArrivedElement> decode_element(std::string& payload, std::string& folder) {
  ByteReader in{payload};
  in.get_u32();
  ArrivedElement arrived;
  Element& element = arrived.element;
  element.kind = get_enum(in, Element::Kind::kEndOfData);
  if (!in.ok()) return does_not_fit("an element of no known kind");
  if (element.kind == Element::Kind::kBatch) {
    arrived.capacity = in.get_u32();
    if (!in.ok() || arrived.capacity == 0 || arrived.capacity > Batch::kCapacity) return does_not_fit("a batch of no possible size");
    arrived.payload = std::move(payload);
    return arrived;
  }
  if (element.kind == Element::Kind::kWatermark) element.watermark = Timestamp{in.get_i64()};
  if (element.kind == Element::Kind::kBarrier || element.kind == Element::Kind::kCancelMarker) element.barrier = get_barrier(in);
  if (in.ok() && element.kind == Element::Kind::kBarrier) folder = in.get_bytes(in.remaining());
  if (!is_whole(in)) return does_not_fit("an element of another length");
  return arrived;
}

}  // namespace tidemark

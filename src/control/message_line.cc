#include "control/message_line.h"

#include <fmt/format.h>

#include <utility>
#include <vector>

#include "base/log.h"
#include "codec/schema.h"

namespace tidemark {
namespace {

using detail::ByteReader;
using detail::ByteWriter;

// What stands in the first frame.
struct SpokenType {
  std::uint8_t kind = 0;
  std::string schema;  // canonical JSON
};

std::string encode_vocabulary(const Vocabulary& vocabulary) {
  std::vector<SpokenType> types;
  for (const auto& [kind, type] : vocabulary.types()) types.push_back({static_cast<std::uint8_t>(kind), schema_json(type)});
  ByteWriter out;
  detail::encode(types, out);
  return out.take();
}

std::unexpected<Error> no_message(std::string what) {
  return fail(ErrorCode::kDataLoss, std::move(what) + ": the other side is no process of this cluster, or what came is damaged");
}

}  // namespace

std::unexpected<Error> IncomingMessage::damaged() const {
  return no_message(fmt::format("a message of kind {} that does not decode", static_cast<int>(kind_)));
}

MessageLine::MessageLine(std::unique_ptr<Connection> connection, const Vocabulary& sends, Vocabulary takes, Mailbox& owner, Callbacks callbacks)
    : connection_{std::move(connection)}, takes_{std::move(takes)}, callbacks_{std::move(callbacks)} {
  connection_->send({static_cast<std::uint8_t>(MessageKind::kVocabulary), encode_vocabulary(sends)});
  connection_->start(owner, {.on_frame = [this](const Frame& frame) { on_frame(frame); },
                             .on_writable = {},
                             .on_closed = [this](const Closed& closed) { end(closed); }});
}

ByteWriter MessageLine::begin(const Fence& fence) {
  ByteWriter payload;
  payload.put_u64(fence.epoch);
  payload.put_u32(fence.attempt);
  return payload;
}

Result<> MessageLine::send_frame(MessageKind kind, ByteWriter payload) {
  const std::size_t size = payload.view().size();
  if (connection_->send({static_cast<std::uint8_t>(kind), payload.take()}) != SendStatus::kTooLarge) return {};
  return fail(ErrorCode::kResourceExhausted, fmt::format("a message of kind {} for {} has {} bytes, and it takes {}", static_cast<int>(kind),
                                                         peer().identity.name, size, peer().largest_frame));
}

void MessageLine::break_off(const Error& error) {
  log_error(fmt::format("{}: the connection ends here, and with it what it was for", error.message()));
  connection_->close();
}

// The callbacks of now may be running.
void MessageLine::hand_over(Callbacks callbacks) { handed_over_ = std::move(callbacks); }

void MessageLine::take_over() {
  if (handed_over_) callbacks_ = *std::exchange(handed_over_, std::nullopt);
}

void MessageLine::on_frame(const Frame& frame) {
  if (has_ended_) return;
  take_over();
  if (const auto taken = take(frame); !taken) {
    connection_->close();
    const bool is_other_version = taken.error().code() == ErrorCode::kUnsupportedVersion;
    end({is_other_version ? CloseCause::kWrongVersion : CloseCause::kGarbage, taken.error()});
  }
}

// The callback may destroy the line.
void MessageLine::end(const Closed& closed) {
  if (std::exchange(has_ended_, true)) return;
  take_over();
  auto on_closed = std::move(callbacks_.on_closed);
  on_closed(closed);
}

Result<> MessageLine::take(const Frame& frame) {
  const auto kind = static_cast<MessageKind>(frame.kind);
  if (!is_understood_) {
    if (kind != MessageKind::kVocabulary) return no_message("a message before the vocabulary");
    return take_vocabulary(frame.payload);
  }
  const auto known = known_.find(kind);
  if (known == known_.end()) return no_message(fmt::format("a message of kind {}, which is not spoken here", frame.kind));
  ByteReader in{frame.payload};
  Fence fence;
  fence.epoch = in.get_u64();
  fence.attempt = in.get_u32();
  if (!in.ok()) return no_message("a message without a fence");
  if (!known->second) return callbacks_.on_message({kind, fence, in.rest()});
  ByteWriter converted;
  if (!convert_value(*known->second, in.rest(), converted)) return no_message(fmt::format("a message of kind {} that is not of its type", frame.kind));
  return callbacks_.on_message({kind, fence, converted.view()});
}

Result<> MessageLine::take_vocabulary(std::string_view payload) {
  std::vector<SpokenType> spoken;
  ByteReader in{payload};
  detail::decode(in, spoken);
  if (!in.ok() || in.remaining() != 0) return no_message("a vocabulary that does not decode");
  for (const SpokenType& one : spoken) {
    const auto kind = static_cast<MessageKind>(one.kind);
    const auto takes = takes_.types().find(kind);
    if (takes == takes_.types().end()) continue;  // of another version; should it come, that is refused
    TIDEMARK_ASSIGN(type, parse_schema(one.schema));
    Evolution evolution = evolve(type, takes->second);
    if (evolution.kind == Evolution::Kind::kRefused) {
      return fail(ErrorCode::kUnsupportedVersion,
                  fmt::format("{} (version {}) says messages of kind {} in a way that this version can't read ({}): bring both to "
                              "versions that follow one another",
                              peer().identity.name, peer().identity.library, one.kind, evolution.refusals.front()));
    }
    auto& known = known_[kind];
    if (!evolution.conversion.same) known = std::move(evolution.conversion);
  }
  is_understood_ = true;
  return {};
}

}  // namespace tidemark

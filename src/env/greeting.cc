#include "env/greeting.h"

#include <fmt/format.h>

#include <algorithm>

#include "tidemark/detail/base/bytes.h"

namespace tidemark {
namespace {

constexpr std::string_view kMagic = "tidemark";
constexpr std::size_t kLongestName = 256;
constexpr std::size_t kLongestLibrary = 64;
constexpr std::size_t kLongestReason = 1024;

std::string describe(const Identity& identity) {
  return fmt::format("'{}' (Tidemark {}) speaks protocol {} to {}", identity.name, identity.library,
                     identity.oldest_protocol, identity.protocol);
}

bool is_control(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }

// What others say of themselves stands in the log, where it must not begin a line.
bool is_one_line(std::string_view text) { return std::ranges::none_of(text, is_control); }

std::string as_one_line(std::string_view text) {
  std::string line{text.substr(0, kLongestReason)};
  std::ranges::replace_if(line, is_control, '?');
  return line;
}

}  // namespace

std::string encode_greeting(const Greeting& greeting) {
  detail::ByteWriter out;
  out.put_bytes(kMagic);
  out.put_u32(greeting.identity.protocol);
  out.put_u32(greeting.identity.oldest_protocol);
  out.put_u32(greeting.largest_frame);
  out.put_u32(greeting.sign_of_life_ms);
  out.put_string(std::string_view{greeting.identity.library}.substr(0, kLongestLibrary));
  out.put_string(std::string_view{greeting.identity.name}.substr(0, kLongestName));
  return out.take();
}

std::optional<Greeting> decode_greeting(std::string_view payload) {
  detail::ByteReader in{payload};
  if (in.get_bytes(kMagic.size()) != kMagic) return std::nullopt;
  Greeting greeting;
  greeting.identity.protocol = in.get_u32();
  greeting.identity.oldest_protocol = in.get_u32();
  greeting.largest_frame = in.get_u32();
  greeting.sign_of_life_ms = in.get_u32();
  greeting.identity.library = in.get_string();
  greeting.identity.name = in.get_string();
  const bool sound = in.ok() && greeting.identity.oldest_protocol <= greeting.identity.protocol &&
                     greeting.identity.library.size() <= kLongestLibrary &&
                     greeting.identity.name.size() <= kLongestName && is_one_line(greeting.identity.library) &&
                     is_one_line(greeting.identity.name);
  if (!sound) return std::nullopt;
  return greeting;
}

Result<std::uint32_t> common_protocol(const Identity& mine, const Identity& theirs) {
  const std::uint32_t common = std::min(mine.protocol, theirs.protocol);
  if (common >= std::max(mine.oldest_protocol, theirs.oldest_protocol)) return common;
  return fail(ErrorCode::kUnsupportedVersion, fmt::format("{}, and {}: upgrade the older one, by one version at a time",
                                                          describe(mine), describe(theirs)));
}

std::string encode_refusal(CloseCause cause, std::string_view reason) {
  return static_cast<char>(cause) + std::string{reason.substr(0, kLongestReason)};
}

Closed decode_refusal(std::string_view payload) {
  if (!payload.empty() && static_cast<CloseCause>(payload[0]) == CloseCause::kWrongVersion) {
    return {CloseCause::kWrongVersion, Error{ErrorCode::kUnsupportedVersion, as_one_line(payload.substr(1))}};
  }
  return {CloseCause::kGarbage, Error{ErrorCode::kDataLoss, "it refuses, and its reason is not known to this version"}};
}

}  // namespace tidemark

// The first frame of each side, and what the two come to. The one who connected speaks first. Pure.
//
// The beginning of a greeting never changes, whatever the protocol's version is; later versions append to it:
//   "tidemark" | u32 newest protocol | u32 oldest protocol | u32 largest frame | u32 sign of life in ms | string
//   library | string name
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "env/transport.h"

namespace tidemark {

/// The longest payload that is taken before both sides have greeted.
inline constexpr std::size_t kLargestGreeting = 4096;

struct Greeting {
  Identity identity;
  std::uint32_t largest_frame = 0;
  std::uint32_t sign_of_life_ms = 0;
};

std::string encode_greeting(const Greeting& greeting);
/// Nothing if the bytes are none.
std::optional<Greeting> decode_greeting(std::string_view payload);

/// The newest protocol that both speak, or what to do: the same on both sides.
Result<std::uint32_t> common_protocol(const Identity& mine, const Identity& theirs);

/// What a refusal says.
std::string encode_refusal(CloseCause cause, std::string_view reason);
/// Any bytes: those that make no sense are a refusal for an unknown reason.
Closed decode_refusal(std::string_view payload);

}  // namespace tidemark

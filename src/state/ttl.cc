#include "tidemark/ttl.h"

#include <fmt/format.h>

#include <limits>

#include "tidemark/error.h"

namespace tidemark {
namespace {

std::uint32_t whole_seconds(Duration life) {
  constexpr std::int64_t kLongest = std::numeric_limits<std::uint32_t>::max();
  const std::int64_t seconds = life.count() / 1000 + (life.count() % 1000 > 0);
  if (life <= Duration::zero() || seconds > kLongest) {
    throw Error{ErrorCode::kInvalidArgument,
                fmt::format("ttl() of {} ms: a time to live is more than nothing and at most 136 years; a state that never "
                            "expires is declared without Ttl",
                            life.count())};
  }
  return static_cast<std::uint32_t>(seconds);
}

}  // namespace

Ttl::Ttl(Duration life, TtlUpdate update) : seconds_{whole_seconds(life)}, update_{update} {}

}  // namespace tidemark

#include "tidemark/detail/state/ttl_clock.h"

#include <algorithm>
#include <limits>

#include "env/env.h"

namespace tidemark::detail {
namespace {

std::uint32_t clamp_to_seconds(std::int64_t seconds) {
  return static_cast<std::uint32_t>(
      std::clamp<std::int64_t>(seconds, 0, std::numeric_limits<std::uint32_t>::max()));
}

}  // namespace

void TtlClock::read(const Env& env) {
  const std::int64_t wall_ms = std::max<std::int64_t>(env.clock->wall_ms(), 0);
  now_s_ = clamp_to_seconds(wall_ms / 1000);
  written_s_ = clamp_to_seconds(wall_ms / 1000 + (wall_ms % 1000 != 0));
}

void TtlClock::sweep() {
  for (ExpiringTable* table : tables_) table->sweep();
}

}  // namespace tidemark::detail

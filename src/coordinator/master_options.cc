#include "coordinator/master_options.h"

#include <algorithm>
#include <cstdint>
#include <limits>

namespace tidemark {
namespace {

std::int64_t to_ns(Duration duration) {
  constexpr std::int64_t kLongest = std::numeric_limits<std::int64_t>::max() / 1'000'000;
  return std::min<std::int64_t>(duration.count(), kLongest) * 1'000'000;
}

std::uint32_t to_u32(std::int64_t number) {
  return static_cast<std::uint32_t>(std::clamp<std::int64_t>(number, 0, std::numeric_limits<std::uint32_t>::max()));
}

RestartPolicy restart_policy(const Options::Restart& restart) {
  switch (restart.strategy) {
    case Options::Restart::Strategy::kNone:
      return NoRestart{};
    case Options::Restart::Strategy::kFixedDelay:
      return FixedDelayRestart{to_u32(restart.attempts), to_ns(restart.delay)};
  }
  return NoRestart{};
}

CheckpointMode mode_of(Options::CheckpointMode mode) {
  return mode == Options::CheckpointMode::kAtLeastOnce ? CheckpointMode::kAtLeastOnce : CheckpointMode::kExactlyOnce;
}

}  // namespace

JobMasterOptions master_options(const Options& options) {
  const Options::Checkpointing& from = options.checkpointing;
  JobMasterOptions result;
  result.checkpoints.interval_ns = to_ns(from.interval);
  result.checkpoints.min_pause_ns = to_ns(from.min_pause);
  result.checkpoints.timeout_ns = to_ns(from.timeout);
  result.checkpoints.max_concurrent = to_u32(from.max_concurrent);
  if (from.tolerable_failures) result.checkpoints.tolerable_failures = to_u32(*from.tolerable_failures);
  result.checkpoints.mode = mode_of(from.mode);
  result.checkpoints.num_retained = to_u32(from.num_retained);
  result.restart = restart_policy(options.restart);
  return result;
}

}  // namespace tidemark

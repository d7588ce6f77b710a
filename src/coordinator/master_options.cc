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
  using Strategy = Options::Restart::Strategy;
  switch (restart.strategy) {
    case Strategy::kNone:
      return NoRestart{};
    case Strategy::kFixedDelay:
      return FixedDelayRestart{to_u32(restart.fixed_delay.attempts), to_ns(restart.fixed_delay.delay)};
    case Strategy::kFailureRate: {
      const Options::Restart::FailureRate& from = restart.failure_rate;
      return FailureRateRestart{to_u32(from.max_failures), to_ns(from.interval), to_ns(from.delay)};
    }
    case Strategy::kExponentialDelay: {
      const Options::Restart::ExponentialDelay& from = restart.exponential_delay;
      ExponentialDelayRestart policy{to_ns(from.initial), to_ns(from.max), from.multiplier, from.jitter, to_ns(from.reset_after), {}};
      if (from.attempts) policy.attempts = to_u32(*from.attempts);
      return policy;
    }
  }
  return NoRestart{};
}

CheckpointMode mode_of(Options::CheckpointMode mode) {
  switch (mode) {
    case Options::CheckpointMode::kExactlyOnce:
      return CheckpointMode::kExactlyOnce;
    case Options::CheckpointMode::kAtLeastOnce:
      return CheckpointMode::kAtLeastOnce;
    case Options::CheckpointMode::kNone:
      return CheckpointMode::kNone;
  }
  return CheckpointMode::kExactlyOnce;
}

}  // namespace

JobMasterOptions master_options(const Options& options) {
  const Options::Checkpointing& from = options.checkpointing;
  JobMasterOptions result;
  result.checkpoints.interval_ns = to_ns(from.interval);
  result.checkpoints.interval_records = static_cast<std::uint64_t>(from.interval_records);
  result.checkpoints.interval_bytes = static_cast<std::uint64_t>(from.interval_bytes);
  result.checkpoints.min_pause_ns = to_ns(from.min_pause);
  result.checkpoints.timeout_ns = to_ns(from.timeout);
  result.checkpoints.max_concurrent = to_u32(from.max_concurrent);
  if (from.tolerable_failures) result.checkpoints.tolerable_failures = to_u32(*from.tolerable_failures);
  result.checkpoints.mode = mode_of(from.mode);
  result.checkpoints.num_retained = to_u32(from.num_retained);
  result.incremental_checkpoints = from.incremental;
  result.savepoint_dir = from.savepoint_dir;
  result.retain_on_cancellation = from.retain_on_cancellation;
  result.lazy_restore.on = options.lazy_recovery;
  result.restart = restart_policy(options.restart);
  if (options.ignore_unclaimed_state) result.unclaimed_state = UnclaimedState::kDrop;
  return result;
}

}  // namespace tidemark

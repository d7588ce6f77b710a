// Whether and when a failed job starts again. Pure; one owner, one thread.
//
// Under every policy the first restart follows at once, and so does the first after a quiet time: a single failure costs
// no wait. The delays are for failures that follow one another.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <variant>

#include "tidemark/error.h"

namespace tidemark {

/// The first failure ends the job.
struct NoRestart {};

/// `attempts` restarts over the life of the job, each but the first after `delay_ns`.
struct FixedDelayRestart {
  std::uint32_t attempts = 3;
  std::int64_t delay_ns = 1'000'000'000;
};

/// At most `max_failures` within any `interval_ns`; the next one ends the job. A failure that none preceded within the
/// interval restarts at once, the others after `delay_ns`.
struct FailureRateRestart {
  std::uint32_t max_failures = 1;
  std::int64_t interval_ns = 60'000'000'000;
  std::int64_t delay_ns = 1'000'000'000;
};

/// Delays grow by `multiplier` from `initial_ns` to `max_ns`, each made longer or shorter by up to the share `jitter`,
/// until the job has run for `reset_after_ns` without a failure.
struct ExponentialDelayRestart {
  std::int64_t initial_ns = 1'000'000'000;
  std::int64_t max_ns = 60'000'000'000;
  double multiplier = 1.5;
  double jitter = 0.1;  ///< 0 to 1
  std::int64_t reset_after_ns = 3'600'000'000'000;
  std::optional<std::uint32_t> attempts;  ///< restarts between two resets; none: any number
};

/// A policy is one alternative here and one overload in restart_strategy.cc.
using RestartPolicy = std::variant<NoRestart, FixedDelayRestart, FailureRateRestart, ExponentialDelayRestart>;

struct RestartDecision {
  enum class Verdict : std::uint8_t {
    kRestart,  ///< start again from the last checkpoint at `restart_at_ns`
    kGiveUp,   ///< the job has failed for good
  };
  Verdict verdict = Verdict::kGiveUp;
  std::int64_t restart_at_ns = 0;  ///< on the same steady clock as `now_ns`
  std::string reason;              ///< for people: which policy said so, and the failure's own words
};

/// What a policy remembers.
struct RestartHistory {
  std::uint32_t restarts = 0;             ///< over the life of the job
  std::uint32_t since_reset = 0;          ///< exponential delay: restarts since the last quiet time
  double backoff_ns = 0;                  ///< exponential delay: the next delay, before its jitter
  std::int64_t restarted_at_ns = 0;       ///< when the newest restart began
  std::deque<std::int64_t> failures_ns{};  ///< failure rate: of those that may still count
};

class RestartStrategy {
 public:
  explicit RestartStrategy(RestartPolicy policy) : policy_{policy} {}

  /// One call a failure of the whole job, `random` a new random number. An error whose retry is Retry::kNone always gives
  /// up.
  RestartDecision on_failure(const Error& error, std::int64_t now_ns, std::uint64_t random);

  std::uint32_t restarts() const { return history_.restarts; }

 private:
  RestartPolicy policy_;
  RestartHistory history_;
};

}  // namespace tidemark

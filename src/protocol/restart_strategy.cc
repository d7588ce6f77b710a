#include "protocol/restart_strategy.h"

#include <fmt/format.h>

#include <algorithm>

#include "tidemark/detail/base/probe.h"

namespace tidemark {
namespace {

// What a policy says to a failure.
struct Answer {
  std::optional<std::int64_t> delay_ns;  // none: give up
  std::string why;
};

struct Failure {
  std::int64_t now_ns = 0;
  std::uint64_t random = 0;
};

// 0 to below 1.
double fraction_of(std::uint64_t random) { return static_cast<double>(random >> 11) * 0x1p-53; }

Answer ask(const NoRestart&, const Failure&, RestartHistory&) {
  TIDEMARK_PROBE("restart: the strategy is none");
  return {std::nullopt, "the restart strategy is none"};
}

Answer ask(const FixedDelayRestart& policy, const Failure&, RestartHistory& history) {
  if (history.restarts >= policy.attempts) {
    TIDEMARK_PROBE("restart: fixed delay, all restarts used up");
    return {std::nullopt, fmt::format("all {} restarts are used up", policy.attempts)};
  }
  TIDEMARK_PROBE("restart: fixed delay");
  const std::int64_t delay_ns = history.restarts == 0 ? 0 : policy.delay_ns;
  return {delay_ns, fmt::format("restart {} of {}", history.restarts + 1, policy.attempts)};
}

Answer ask(const FailureRateRestart& policy, const Failure& failure, RestartHistory& history) {
  auto& failures = history.failures_ns;
  std::erase_if(failures, [&](std::int64_t at_ns) { return failure.now_ns - at_ns > policy.interval_ns; });
  const bool first = failures.empty();
  failures.push_back(failure.now_ns);
  const std::string rate = fmt::format("{} failure{} within {} s", failures.size(), first ? "" : "s",
                                       static_cast<double>(policy.interval_ns) / 1e9);
  if (failures.size() > policy.max_failures) {
    TIDEMARK_PROBE("restart: too many failures in the interval");
    return {std::nullopt, fmt::format("{}, more than the {} that are restarted", rate, policy.max_failures)};
  }
  TIDEMARK_PROBE("restart: failure rate");
  return {first ? 0 : policy.delay_ns, fmt::format("restart {} after {}", history.restarts + 1, rate)};
}

std::int64_t jittered(const ExponentialDelayRestart& policy, double backoff_ns, std::uint64_t random) {
  const double offset = backoff_ns * policy.jitter * (2 * fraction_of(random) - 1);
  const auto low = static_cast<double>(std::min(policy.initial_ns, policy.max_ns));
  const double delay = std::clamp(backoff_ns + offset, low, static_cast<double>(policy.max_ns));
  return std::min(static_cast<std::int64_t>(delay), policy.max_ns);
}

Answer ask(const ExponentialDelayRestart& policy, const Failure& failure, RestartHistory& history) {
  const bool quiet = history.since_reset > 0 && failure.now_ns - history.restarted_at_ns >= policy.reset_after_ns;
  if (quiet) {
    TIDEMARK_PROBE("restart: exponential delay, reset after a quiet time");
    history.since_reset = 0;
  }
  if (policy.attempts && history.since_reset >= *policy.attempts) {
    TIDEMARK_PROBE("restart: exponential delay, all restarts used up");
    return {std::nullopt, fmt::format("all {} restarts are used up", *policy.attempts)};
  }
  const std::uint32_t number = ++history.since_reset;
  std::string why = fmt::format("restart {}", number);
  if (policy.attempts) why += fmt::format(" of {}", *policy.attempts);
  if (number == 1) {
    TIDEMARK_PROBE("restart: exponential delay, at once");
    history.backoff_ns = static_cast<double>(policy.initial_ns);
    return {0, std::move(why)};
  }
  TIDEMARK_PROBE("restart: exponential delay, after a backoff");
  const std::int64_t delay_ns = jittered(policy, history.backoff_ns, failure.random);
  history.backoff_ns = std::min(history.backoff_ns * policy.multiplier, static_cast<double>(policy.max_ns));
  return {delay_ns, std::move(why)};
}

}  // namespace

RestartDecision RestartStrategy::on_failure(const Error& error, std::int64_t now_ns, std::uint64_t random) {
  using enum RestartDecision::Verdict;
  if (error.retry() == Retry::kNone) {
    TIDEMARK_PROBE("restart: an error that no restart mends");
    return {kGiveUp, 0, fmt::format("a restart can't help: {}", error.message())};
  }
  Answer answer = std::visit([&](const auto& policy) { return ask(policy, {now_ns, random}, history_); }, policy_);
  std::string reason = fmt::format("{}: {}", answer.why, error.message());
  if (!answer.delay_ns) return {kGiveUp, 0, std::move(reason)};
  ++history_.restarts;
  history_.restarted_at_ns = now_ns + *answer.delay_ns;
  return {kRestart, history_.restarted_at_ns, std::move(reason)};
}

}  // namespace tidemark

#include "protocol/restart_strategy.h"

#include <fmt/format.h>

#include <optional>

namespace tidemark {
namespace {

// What a policy says to a failure after `restarts` earlier restarts.
struct Answer {
  std::optional<std::int64_t> delay_ns;  // none: give up
  std::string why;
};

Answer ask(const NoRestart&, std::uint32_t) { return {std::nullopt, "the restart strategy is none"}; }

Answer ask(const FixedDelayRestart& policy, std::uint32_t restarts) {
  if (restarts >= policy.attempts) return {std::nullopt, fmt::format("all {} restarts are used up", policy.attempts)};
  return {policy.delay_ns, fmt::format("restart {} of {}", restarts + 1, policy.attempts)};
}

}  // namespace

RestartDecision RestartStrategy::on_failure(const Error& error, std::int64_t now_ns) {
  using enum RestartDecision::Verdict;
  if (error.retry() == Retry::kNone) return {kGiveUp, 0, fmt::format("a restart can't help: {}", error.message())};
  Answer answer = std::visit([&](const auto& policy) { return ask(policy, restarts_); }, policy_);
  std::string reason = fmt::format("{}: {}", answer.why, error.message());
  if (!answer.delay_ns) return {kGiveUp, 0, std::move(reason)};
  ++restarts_;
  return {kRestart, now_ns + *answer.delay_ns, std::move(reason)};
}

}  // namespace tidemark

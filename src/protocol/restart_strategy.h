// Whether and when a failed job starts again. Pure; one owner, one thread.
#pragma once

#include <cstdint>
#include <string>
#include <variant>

#include "tidemark/error.h"

namespace tidemark {

/// The first failure ends the job.
struct NoRestart {};

/// `attempts` restarts over the life of the job, each after `delay_ns`.
struct FixedDelayRestart {
  std::uint32_t attempts = 3;
  std::int64_t delay_ns = 1'000'000'000;
};

/// A policy is one alternative here and one overload in restart_strategy.cc.
using RestartPolicy = std::variant<NoRestart, FixedDelayRestart>;

struct RestartDecision {
  enum class Verdict : std::uint8_t {
    kRestart,  ///< start again from the last checkpoint at `restart_at_ns`
    kGiveUp,   ///< the job has failed for good
  };
  Verdict verdict = Verdict::kGiveUp;
  std::int64_t restart_at_ns = 0;  ///< on the same steady clock as `now_ns`
  std::string reason;              ///< for people: which policy said so, and the failure's own words
};

class RestartStrategy {
 public:
  explicit RestartStrategy(RestartPolicy policy) : policy_{policy} {}

  /// One call a failure of the whole job. An error whose retry is Retry::kNone always gives up.
  RestartDecision on_failure(const Error& error, std::int64_t now_ns);

  std::uint32_t restarts() const { return restarts_; }

 private:
  RestartPolicy policy_;
  std::uint32_t restarts_ = 0;
};

}  // namespace tidemark

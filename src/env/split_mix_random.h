// SplitMix64: a seeded sequence of well-mixed numbers. The same seed gives the same numbers; several threads share one
// sequence without a lock (who gets which number is then the scheduler's choice). Not for secrets.
#pragma once

#include <atomic>

#include "env/env.h"

namespace tidemark {

class SplitMixRandom final : public Random {
 public:
  explicit SplitMixRandom(std::uint64_t seed) : state_{seed} {}

  std::uint64_t next() override {
    std::uint64_t z = state_.fetch_add(kStep, std::memory_order_relaxed) + kStep;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
  }

 private:
  static constexpr std::uint64_t kStep = 0x9e3779b97f4a7c15;
  std::atomic<std::uint64_t> state_;
};

}  // namespace tidemark

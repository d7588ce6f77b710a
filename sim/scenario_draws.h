// What a scenario leaves open, drawn from the seed before anything runs. One thread; the scenario outlives it.
#pragma once

#include <cstdint>

#include "env/split_mix_random.h"
#include "sim/scenario.h"
#include "sim/simulated_env.h"

namespace tidemark {

class ScenarioDraws {
 public:
  ScenarioDraws(std::uint64_t seed, const Scenario& scenario) : scenario_{scenario}, random_{seed ^ 0x5851f42d4c957f2d} {}

  /// Each power of two as often as any other.
  std::uint64_t draw(const ScenarioRange& range);
  /// A range of nothing takes no draw, so that a new key changes no seed of the scenarios that don't have it.
  std::uint64_t draw_if_any(const ScenarioRange& range) { return range.high == 0 ? 0 : draw(range); }
  /// 0, never, for some of the faults of a swarm.
  std::uint64_t draw_fault(const ScenarioRange& range);
  std::uint64_t draw_fault_if_any(const ScenarioRange& range) { return range.high == 0 ? 0 : draw_fault(range); }
  FileFaults draw_file_faults();
  Pace draw_pace();
  SplitMixRandom& random() { return random_; }

 private:
  const Scenario& scenario_;
  SplitMixRandom random_;
};

}  // namespace tidemark

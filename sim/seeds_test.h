// What tests of seeds share: scenarios and workloads by name, and seeds that have found something.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "sim/scenario.h"
#include "sim/workload.h"

namespace tidemark {

inline const Scenario& scenario_of(const std::string& name) {
  static const std::vector<Scenario> all = value_or_throw(load_scenarios(TIDEMARK_SCENARIOS));
  const auto at = std::ranges::find(all, name, &Scenario::name);
  if (at == all.end()) throw Error{ErrorCode::kNotFound, "there is no scenario " + name};
  return *at;
}

inline const WorkloadKind& workload_of(const std::string& name) {
  const auto at = std::ranges::find(workload_kinds(), name, &WorkloadKind::name);
  if (at == workload_kinds().end()) throw Error{ErrorCode::kNotFound, "there is no workload " + name};
  return *at;
}

/// The engine's decisions are part of what a seed means: a seed may lose its meaning when they change. Then the test of the room that was
/// mended is what holds the line.
struct Regression {
  std::uint64_t seed;
  const char* scenario;
  const char* workload;
  const char* found;
};

template <class Simulated>
void expect_mended(std::span<const Regression> all) {
  for (const Regression& one : all) {
    SCOPED_TRACE(one.found);
    EXPECT_EQ((Simulated{one.seed, scenario_of(one.scenario), workload_of(one.workload)}.run()), std::nullopt);
  }
}

/// The same seed gives the same trace and the same files, and another one others.
template <class Simulated>
void expect_same_again(std::uint64_t seed, const char* scenario, const WorkloadKind& kind, std::uint64_t& before) {
  SCOPED_TRACE(std::string{kind.name} + ", seed " + std::to_string(seed));
  Simulated once{seed, scenario_of(scenario), kind};
  Simulated again{seed, scenario_of(scenario), kind};
  EXPECT_EQ(once.run(), std::nullopt);
  EXPECT_EQ(again.run(), std::nullopt);
  EXPECT_EQ(once.digest(), again.digest());
  EXPECT_NE(once.digest(), before);
  before = once.digest();
}

}  // namespace tidemark

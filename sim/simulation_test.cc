// The simulator itself, and seeds that have found something: each stays as a test.
#include "sim/simulation.h"

#include <gtest/gtest.h>

#include <string>

#include "sim/seeds_test.h"

namespace tidemark {
namespace {

TEST(SimulationTest, TheSameSeedGivesTheSameTraceAndTheSameFiles) {
  std::uint64_t before = 0;
  for (const WorkloadKind& kind : workload_kinds()) {
    for (std::uint64_t seed = 1; seed <= 3; ++seed) expect_same_again<Simulation>(seed, "everything", kind, before);
  }
}

TEST(SimulationTest, WhoListensChangesNothing) {
  Simulation unheard{5, scenario_of("everything"), workload_of("keyed_counters")};
  Simulation heard{5, scenario_of("everything"), workload_of("keyed_counters")};
  std::uint64_t lines = 0;
  heard.listen([&](std::string_view) { ++lines; });
  EXPECT_EQ(unheard.run(), heard.run());
  EXPECT_EQ(unheard.digest(), heard.digest());
  EXPECT_GT(lines, 100u);
}

const Regression kRegressions[] = {
    {4857, "crashes", "unique_numbers", "an output folder whose name was never made durable took all results with it"},
    {3076, "at_least_once", "keyed_counters", "the owner's file of a sink was lost, and the job refused its own output"},
    {206, "everything", "unique_numbers", "a commit that failed while the job stopped was never tried again"},
    {1252, "going_back", "event_windows", "a refused start had let one sink discard what the newest checkpoint still promised"},
    {4445, "savepoints", "text_keys", "a claimed savepoint was deleted while the pointer still named it as retained"},
    {90, "everything", "keyed_counters", "a commit that failed while the job stopped was never tried again"},
};

TEST(SimulationTest, WhatOnceWentWrongStaysMended) { expect_mended<Simulation>(kRegressions); }

}  // namespace
}  // namespace tidemark

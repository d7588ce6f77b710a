// Whole clusters in the simulator, and seeds that have found something: each stays as a test.
#include "sim/cluster_simulation.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

namespace tidemark {
namespace {

const Scenario& scenario_of(const std::string& name) {
  static const std::vector<Scenario> all = value_or_throw(load_scenarios(TIDEMARK_SCENARIOS));
  return *std::ranges::find(all, name, &Scenario::name);
}

const WorkloadKind& workload_of(const std::string& name) { return *std::ranges::find(workload_kinds(), name, &WorkloadKind::name); }

TEST(ClusterSimulationTest, TheSameSeedGivesTheSameTraceAndTheSameFiles) {
  std::uint64_t before = 0;
  for (const WorkloadKind& kind : workload_kinds()) {
    SCOPED_TRACE(kind.name);
    ClusterSimulation once{7, scenario_of("cluster_everything"), kind};
    ClusterSimulation again{7, scenario_of("cluster_everything"), kind};
    EXPECT_EQ(once.run(), std::nullopt);
    EXPECT_EQ(again.run(), std::nullopt);
    EXPECT_EQ(once.digest(), again.digest());
    EXPECT_NE(once.digest(), before);
    before = once.digest();
  }
}

TEST(ClusterSimulationTest, WhoListensHearsOfAllProcessesAndChangesNothing) {
  ClusterSimulation unheard{5, scenario_of("cluster_crashes"), workload_of("keyed_counters")};
  ClusterSimulation heard{5, scenario_of("cluster_crashes"), workload_of("keyed_counters")};
  std::string told;
  heard.listen([&](std::string_view line) { told.append(line).append("\n"); });
  EXPECT_EQ(unheard.run(), heard.run());
  EXPECT_EQ(unheard.digest(), heard.digest());
  for (const char* said : {"THE JOBMANAGER STARTS", "TASKMANAGER tm-1 STARTS", "USER OF keyed-counters: SUBMITS IT", "attempt 1",
                           "checkpoint complete: 1"}) {
    EXPECT_NE(told.find(said), std::string::npos) << said;
  }
}

struct Regression {
  std::uint64_t seed;
  const char* scenario;
  const char* workload;
  const char* found;
};

// As in simulation_test.cc: a seed may lose its meaning when the engine changes.
const Regression kRegressions[] = {
    {273, "cluster_everything", "file_counters", "a job that was refused came back with the next JobManager, beside the one that had followed it"},
    {280, "cluster_everything", "versions", "a job followed one whose end could not be written down, and the next JobManager ran both"},
    {9, "cluster_everything", "timers", "a JobManager started without a job whose record the disk did not give"},
    {850, "cluster_partitions", "versions", "the connections of a worker were closed in the order of their addresses in memory"},
};

TEST(ClusterSimulationTest, WhatOnceWentWrongStaysMended) {
  for (const Regression& one : kRegressions) {
    SCOPED_TRACE(one.found);
    EXPECT_EQ((ClusterSimulation{one.seed, scenario_of(one.scenario), workload_of(one.workload)}.run()), std::nullopt);
  }
}

}  // namespace
}  // namespace tidemark

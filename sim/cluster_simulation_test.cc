// Whole clusters in the simulator, and seeds that have found something: each stays as a test.
#include "sim/cluster_simulation.h"

#include <gtest/gtest.h>

#include <string>

#include "sim/seeds_test.h"

namespace tidemark {
namespace {

TEST(ClusterSimulationTest, TheSameSeedGivesTheSameTraceAndTheSameFiles) {
  std::uint64_t before = 0;
  for (const WorkloadKind& kind : workload_kinds()) expect_same_again<ClusterSimulation>(7, "cluster_everything", kind, before);
}

TEST(ClusterSimulationTest, WhoListensHearsOfAllProcessesAndChangesNothing) {
  ClusterSimulation unheard{1, scenario_of("cluster_crashes"), workload_of("keyed_counters")};
  ClusterSimulation heard{1, scenario_of("cluster_crashes"), workload_of("keyed_counters")};
  std::string told;
  heard.listen([&](std::string_view line) { told.append(line).append("\n"); });
  EXPECT_EQ(unheard.run(), heard.run());
  EXPECT_EQ(unheard.digest(), heard.digest());
  for (const char* said : {"THE JOBMANAGER STARTS", "TASKMANAGER tm-1 STARTS", "USER OF keyed-counters: SUBMITS IT", "attempt 1",
                           "checkpoint complete: 1"}) {
    EXPECT_NE(told.find(said), std::string::npos) << said;
  }
}

const Regression kRegressions[] = {
    {46, "cluster_records", "timers", "a job that was refused came back with the next JobManager, beside the one that had followed it"},
    {1, "cluster_records", "state_machine", "a job followed one whose end could not be written down, and the next JobManager ran both"},
    {204, "cluster_claims", "unique_numbers", "the same in another folder"},
    {9, "cluster_everything", "timers", "a JobManager started without a job whose record the disk did not give"},
    {850, "cluster_partitions", "versions", "the connections of a worker were closed in the order of their addresses in memory"},
};

TEST(ClusterSimulationTest, WhatOnceWentWrongStaysMended) { expect_mended<ClusterSimulation>(kRegressions); }

}  // namespace
}  // namespace tidemark

#include "sim/scenario.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tidemark {
namespace {

using testing::HasSubstr;

std::string complaint(std::string_view yaml) {
  const auto parsed = parse_scenario("x", yaml, "x.yaml");
  return parsed ? "" : parsed.error().message();
}

TEST(ScenarioTest, RangesAndSingleNumbersAreRead) {
  const auto scenario = parse_scenario("x", "about: a\nrecords: [3, 5]\nfaults:\n  io_error: 7\n", "x.yaml");
  ASSERT_TRUE(scenario) << scenario.error().message();
  EXPECT_EQ(scenario->records.low, 3u);
  EXPECT_EQ(scenario->records.high, 5u);
  EXPECT_EQ(scenario->faults.io_error.low, 7u);
  EXPECT_EQ(scenario->faults.io_error.high, 7u);
  EXPECT_EQ(scenario->faults.disk_full.high, 0u);
}

TEST(ScenarioTest, AClusterIsThereIfItHasTaskManagers) {
  const auto alone = parse_scenario("x", "about: a\n", "x.yaml");
  ASSERT_TRUE(alone) << alone.error().message();
  EXPECT_FALSE(alone->has_cluster());
  const auto cluster = parse_scenario("x", "about: a\ncluster:\n  task_managers: [1, 3]\n", "x.yaml");
  ASSERT_TRUE(cluster) << cluster.error().message();
  EXPECT_TRUE(cluster->has_cluster());
  EXPECT_THAT(complaint("about: a\ncluster:\n  task_managers: 0\n"), HasSubstr("cluster.task_managers"));
  EXPECT_THAT(complaint("about: a\nfaults:\n  rival: 3\ncluster:\n  task_managers: 1\n"), HasSubstr("'faults.rival' means nothing in a cluster"));
  EXPECT_THAT(complaint("about: a\nfaults:\n  cut: 3\n"), HasSubstr("'faults.cut' means nothing without a cluster"));
}

TEST(ScenarioTest, AnUnknownKeyIsNamedWithItsLineAndWhatIsAllowed) {
  EXPECT_THAT(complaint("about: a\nfaults:\n  io_eror: 7\n"),
              testing::AllOf(HasSubstr("x.yaml:3:"), HasSubstr("io_eror"), HasSubstr("did you mean 'io_error'"),
                             HasSubstr("disk_full")));
  EXPECT_THAT(complaint("about: a\nfault: {}\n"), HasSubstr("x.yaml:2:"));
}

TEST(ScenarioTest, AValueOutOfBoundsIsRefused) {
  EXPECT_THAT(complaint("about: a\nparallelism: [1, 100]\n"), HasSubstr("'parallelism' is a number or a range"));
  EXPECT_THAT(complaint("about: a\nrecords: [5, 3]\n"), HasSubstr("records"));
  EXPECT_THAT(complaint("about: a\nrecords: -3\n"), HasSubstr("records"));
  EXPECT_THAT(complaint("about: a\nrecords: many\n"), HasSubstr("records"));
  EXPECT_THAT(complaint("about: a\nfaults: 3\n"), HasSubstr("'faults' is a map"));
  EXPECT_THAT(complaint("about: a\nmodes: [twice]\n"), HasSubstr("exactly_once"));
  EXPECT_THAT(complaint("records: 3\n"), HasSubstr("'about' is missing"));
  EXPECT_THAT(complaint("about: [\n"), HasSubstr("x.yaml:"));
}

TEST(ScenarioTest, AllThatLieInTheFolderAreValid) {
  const auto scenarios = load_scenarios(TIDEMARK_SCENARIOS);
  ASSERT_TRUE(scenarios) << scenarios.error().message();
  EXPECT_GE(scenarios->size(), 10u);
}

}  // namespace
}  // namespace tidemark

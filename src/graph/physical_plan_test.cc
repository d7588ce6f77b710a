#include <gmock/gmock.h>

#include <algorithm>
#include <utility>

#include "graph/plan_samples.h"

namespace tidemark {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

PhysicalPlan physical(LogicalPlan logical) { return value_or_throw(make_physical_plan(std::move(logical))); }

std::string problem(LogicalPlan logical) {
  const auto result = make_physical_plan(std::move(logical));
  return result ? "" : result.error().message();
}

TEST(PhysicalPlan, CutsAtExchangesAndChainsTheRest) {
  const PhysicalPlan plan = physical(counting_plan());
  ASSERT_EQ(plan.vertices.size(), 3u);
  EXPECT_THAT(plan.vertices[0].nodes, ElementsAre(0));
  EXPECT_THAT(plan.vertices[1].nodes, ElementsAre(1, 2));
  EXPECT_EQ(plan.vertices[1].name, "bids -> filter");
  EXPECT_THAT(plan.vertices[2].nodes, ElementsAre(3, 4));
  EXPECT_EQ(plan.vertices[0].parallelism, 1u);
  EXPECT_EQ(plan.vertices[2].parallelism, 2u);
  ASSERT_EQ(plan.edges.size(), 2u);
  EXPECT_EQ(plan.edges[0].exchange, Exchange::kSplits);
  EXPECT_EQ(plan.edges[1].logical_edge, 2u);
  EXPECT_EQ(plan.edges[1].from_vertex, 1u);
  EXPECT_EQ(plan.edges[1].to_vertex, 2u);
}

TEST(PhysicalPlan, AChainMayBranch) {
  const PhysicalPlan plan = physical(plan_of({node("source"), node("a"), node("b"), node("c")},
                                             {{0, 1, Exchange::kForward, ""}, {0, 2, Exchange::kForward, "bad"}, {1, 3, Exchange::kForward, ""}}));
  ASSERT_EQ(plan.vertices.size(), 1u);
  EXPECT_THAT(plan.vertices[0].nodes, ElementsAre(0, 1, 2, 3));
  EXPECT_EQ(plan.vertices[0].name, "source -> (a -> c, b)");
  EXPECT_TRUE(plan.edges.empty());
}

TEST(PhysicalPlan, ANodeWithTwoInputsIsATaskOfItsOwnAndKeepsForwardEdges) {
  const PhysicalPlan plan =
      physical(plan_of({node("left"), node("right"), node("union")}, {{0, 2, Exchange::kForward, ""}, {1, 2, Exchange::kForward, ""}}));
  ASSERT_EQ(plan.vertices.size(), 3u);
  ASSERT_EQ(plan.edges.size(), 2u);
  EXPECT_EQ(plan.edges[0].exchange, Exchange::kForward);
}

TEST(PhysicalPlan, AForwardEdgeBetweenDifferentParallelismsIsRebalanced) {
  const PhysicalPlan plan = physical(plan_of({node("source"), node("map", "", 3)}, {{0, 1, Exchange::kForward, ""}}));
  ASSERT_EQ(plan.vertices.size(), 2u);
  EXPECT_EQ(plan.edges[0].exchange, Exchange::kRebalance);
  EXPECT_EQ(plan.vertices[1].parallelism, 3u);
}

TEST(PhysicalPlan, ABroadcastIsAnExchangeEvenBetweenEqualParallelisms) {
  const PhysicalPlan alone = physical(plan_of({node("rules"), node("process")}, {{0, 1, Exchange::kBroadcast, "", 1}}));
  ASSERT_EQ(alone.vertices.size(), 2u);
  EXPECT_EQ(alone.edges[0].exchange, Exchange::kBroadcast);

  const PhysicalPlan plan = physical(plan_of({node("source"), node("rules", "", 3), node("process"), node("sink")},
                                             {{0, 2, Exchange::kForward, ""}, {1, 2, Exchange::kBroadcast, "", 1}, {2, 3, Exchange::kForward, ""}}));
  ASSERT_EQ(plan.vertices.size(), 3u);
  EXPECT_EQ(plan.vertices[2].name, "process -> sink");
  ASSERT_EQ(plan.edges.size(), 2u);
  EXPECT_EQ(plan.edges[0].exchange, Exchange::kForward);
  EXPECT_EQ(plan.edges[1].exchange, Exchange::kBroadcast);
  EXPECT_THAT(to_json(plan), AllOf(HasSubstr("\"exchange\": \"broadcast\""), HasSubstr("\"input\": 1")));
}

TEST(PhysicalPlan, SourcesComeFirst) {
  const PhysicalPlan plan = physical(plan_of({node("left"), node("count"), node("right"), node("sink")},
                                             {{0, 1, Exchange::kHash, ""}, {1, 3, Exchange::kForward, ""}, {2, 3, Exchange::kForward, ""}}));
  EXPECT_EQ(plan.vertices[0].name, "left");
  EXPECT_EQ(plan.vertices[1].name, "right");
}

TEST(PhysicalPlan, StateNeedsAUid) {
  LogicalPlan plan = counting_plan();
  plan.nodes[3].uid.clear();
  EXPECT_EQ(problem(plan), "operator 'count' (job.cc:14) holds state: name it with .uid(\"...\")");
}

TEST(PhysicalPlan, RefusesUidsThatAreTaken) {
  LogicalPlan plan = counting_plan();
  plan.nodes[3].uid = "out";
  EXPECT_THAT(problem(plan), AllOf(HasSubstr("'files'"), HasSubstr("'count'"), HasSubstr("uid 'out'")));
  plan.nodes[3].uid = "bids";
  EXPECT_THAT(problem(plan), HasSubstr("uid 'bids'"));
}

TEST(PhysicalPlan, RefusesUidsThatAreNoNames) {
  LogicalPlan plan = counting_plan();
  plan.nodes[3].uid = "per auction";
  EXPECT_THAT(problem(plan), HasSubstr("the uid 'per auction'"));
  plan.nodes[3].uid = std::string(129, 'a');
  EXPECT_THAT(problem(plan), HasSubstr("1 to 128"));
}

TEST(PhysicalPlan, RefusesNamesOfJobsThatWouldBeOtherFolders) {
  for (const char* const name : {".", "..", "a/b", ""}) {
    LogicalPlan plan = counting_plan();
    plan.job = name;
    EXPECT_THAT(problem(plan), HasSubstr("can't be a job's name")) << name;
  }
}

TEST(PhysicalPlan, HoldsParallelismToItsBounds) {
  LogicalPlan plan = counting_plan();
  plan.nodes[2].parallelism = 4097;
  EXPECT_THAT(problem(plan), HasSubstr("operator 'filter' (job.cc:14) has parallelism 4097"));
  plan = counting_plan(5000);
  EXPECT_THAT(problem(plan), HasSubstr("from 1 to its max parallelism, 4096"));
  plan = counting_plan();
  plan.max_parallelism = 40000;
  EXPECT_THAT(problem(plan), HasSubstr("from 1 to 32768"));
}

TEST(PhysicalPlan, WhatSeesTheWholeStreamRunsOnce) {
  LogicalPlan plan = plan_of({node("source"), node("whole", "", 2)}, {{0, 1, Exchange::kGlobal, ""}});
  EXPECT_THAT(problem(plan), HasSubstr("remove .parallelism(2)"));
  plan.nodes[1].parallelism = 1;
  EXPECT_EQ(problem(plan), "");
}

TEST(PhysicalPlan, AStreamThatIsDealtOutIsNotChainedAndShowsHow) {
  const std::pair<Exchange, const char*> exchanges[] = {{Exchange::kRebalance, "rebalance"}, {Exchange::kRescale, "rescale"}, {Exchange::kShuffle, "shuffle"}, {Exchange::kCustom, "custom"}};
  for (const auto& [exchange, name] : exchanges) {
    LogicalPlan logical = plan_of({node("source"), node("map")}, {{0, 1, exchange, ""}});
    const std::uint64_t print = fingerprint(logical);
    const PhysicalPlan plan = physical(std::move(logical));
    ASSERT_EQ(plan.vertices.size(), 2u);
    EXPECT_EQ(plan.edges[0].exchange, exchange);
    EXPECT_THAT(to_json(plan), HasSubstr(std::string{"\"exchange\": \""} + name + "\""));
    EXPECT_NE(print, fingerprint(plan_of({node("source"), node("map")}, {{0, 1, Exchange::kForward, ""}})));
  }
}

TEST(PhysicalPlan, RescaleWiresEachSubtaskToItsShareAndLeavesNobodyOut) {
  for (std::uint32_t producers = 1; producers <= 7; ++producers) {
    for (std::uint32_t consumers = 1; consumers <= 7; ++consumers) {
      std::vector<std::uint32_t> outputs(producers), inputs(consumers);
      for (std::uint32_t from = 0; from < producers; ++from) {
        for (std::uint32_t to = 0; to < consumers; ++to) {
          if (!is_wired(Exchange::kRescale, from, producers, to, consumers)) continue;
          ++outputs[from];
          ++inputs[to];
        }
      }
      const auto bounds = [](std::uint32_t shared, std::uint32_t among) { return std::pair{std::max(shared / among, 1u), std::max((shared + among - 1) / among, 1u)}; };
      for (const std::uint32_t n : outputs) EXPECT_TRUE(n >= bounds(consumers, producers).first && n <= bounds(consumers, producers).second) << n;
      for (const std::uint32_t n : inputs) EXPECT_TRUE(n >= bounds(producers, consumers).first && n <= bounds(producers, consumers).second) << n;
    }
  }
  EXPECT_TRUE(is_wired(Exchange::kRescale, 1, 2, 2, 4));
  EXPECT_FALSE(is_wired(Exchange::kRescale, 1, 2, 1, 4));
  EXPECT_FALSE(is_wired(Exchange::kForward, 0, 2, 1, 2));
  EXPECT_TRUE(is_wired(Exchange::kRebalance, 0, 2, 1, 3));
}

TEST(PhysicalPlan, ALocalStageSharesTheUidOfTheNodeBehindItAndOfNoOther) {
  LogicalPlan plan = plan_of({node("source"), node("local aggregate"), node("window", "w")}, {{0, 1, Exchange::kForward, ""}, {1, 2, Exchange::kHash, ""}});
  plan.nodes[1].uid = "w";
  EXPECT_THAT(problem(plan), HasSubstr("uid 'w'"));
  plan.nodes[1].is_local_stage = true;
  EXPECT_EQ(problem(plan), "");
  plan.nodes.push_back(node("other", "w"));
  plan.nodes.back().id = 3;
  plan.edges.push_back({2, 3, Exchange::kForward, ""});
  EXPECT_THAT(problem(plan), AllOf(HasSubstr("'other'"), HasSubstr("uid 'w'")));
}

TEST(PhysicalPlan, WhoReadsTheLateRecordsOfALocalStageHasAUidOfItsOwn) {
  LogicalPlan plan = plan_of({node("source"), node("local aggregate", "w"), node("window", "w"), node("late")},
                             {{0, 1, Exchange::kForward, ""}, {1, 2, Exchange::kHash, ""}, {1, 3, Exchange::kForward, "late"}});
  plan.nodes[1].is_local_stage = true;
  EXPECT_EQ(problem(plan), "");
  plan.nodes[1].uid = plan.nodes[3].uid = "l";
  EXPECT_THAT(problem(plan), AllOf(HasSubstr("'late'"), HasSubstr("uid 'l'")));
}

TEST(PhysicalPlan, RefusesToDealOutChangesOfRowsEvenly) {
  LogicalPlan plan = plan_of({node("table", "", 2), node("map", "", 3)}, {{0, 1, Exchange::kForward, ""}});
  EXPECT_EQ(problem(plan), "");
  plan.edges[0].order_counts = true;
  EXPECT_THAT(problem(plan), AllOf(HasSubstr("operator 'map' (job.cc:14) runs in 3 subtasks"), HasSubstr("from operator 'table' (job.cc:14), which runs in 2"),
                                   HasSubstr("key_by() the stream")));
  plan.nodes[1].parallelism = 1;
  EXPECT_EQ(problem(plan), "");
  plan.nodes[1].parallelism = 3;
  plan.edges[0].exchange = Exchange::kHash;
  EXPECT_EQ(problem(plan), "");
}

TEST(PhysicalPlan, RefusesASourceThatNobodyReads) {
  EXPECT_THAT(problem(plan_of({node("source")}, {})), HasSubstr("nobody reads operator 'source' (job.cc:14)"));
  EXPECT_THAT(problem(plan_of({}, {})), HasSubstr("has no source"));
}

TEST(PhysicalPlan, RefusesAStreamThatNobodyReads) {
  LogicalPlan plan = counting_plan();
  plan.nodes[4].must_be_read = true;
  EXPECT_THAT(problem(plan), AllOf(HasSubstr("nobody reads operator 'files' (job.cc:14)"), HasSubstr(".to(discard())")));
}

TEST(Fingerprint, HangsOnGraphUidsAndSchemasButNotOnParallelismOrPlaceInTheCode) {
  const std::uint64_t before = fingerprint(counting_plan(2));
  LogicalPlan moved = counting_plan(3);
  moved.nodes[2].location = "job.cc:99";
  moved.nodes[2].parallelism = 7;
  EXPECT_EQ(fingerprint(moved), before);

  LogicalPlan other = counting_plan();
  other.nodes[3].states[0].value_schema = "\"int32\"";
  EXPECT_NE(fingerprint(other), before);
  other = counting_plan();
  other.nodes[3].uid = "counts";
  EXPECT_NE(fingerprint(other), before);
  other = counting_plan();
  other.edges[2].exchange = Exchange::kGlobal;
  EXPECT_NE(fingerprint(other), before);
  other = counting_plan();
  other.edges[2].input = 1;
  EXPECT_NE(fingerprint(other), before);
}

TEST(PlanJson, ShowsChainsExchangesAndSchemas) {
  const std::string json = to_json(physical(counting_plan()));
  EXPECT_THAT(json, HasSubstr("\"name\": \"bids -> filter\""));
  EXPECT_THAT(json, HasSubstr("\"exchange\": \"hash\""));
  EXPECT_THAT(json, HasSubstr("\"value\": \"int64\""));
  EXPECT_THAT(json, HasSubstr("\"uid\": \"bids\""));
}

}  // namespace
}  // namespace tidemark

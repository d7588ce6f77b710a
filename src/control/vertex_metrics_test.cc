#include "control/vertex_metrics.h"

#include <gtest/gtest.h>

#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "control/described_value.h"

namespace tidemark {
namespace {

SubtaskRates rates_of(MetricRates& rates, SubtaskMetrics subtask) {
  std::vector<VertexMetrics> vertices{{.id = 3, .name = "map", .subtasks = {std::move(subtask)}}};
  rates.fill_in(vertices);
  return vertices[0].subtasks[0].rates;
}

TEST(MetricRatesTest, TellHowFastASubtaskGoesNowAndNotSinceItsBeginning) {
  MetricRates rates;
  const SubtaskRates first = rates_of(rates, {.records_in = 1'000, .records_out = 500, .busy_ms = 1'000, .idle_ms = 4'000});
  EXPECT_DOUBLE_EQ(first.records_in, 200) << "so far there is only its beginning";
  EXPECT_DOUBLE_EQ(first.records_out, 100);
  EXPECT_DOUBLE_EQ(first.busy_ms, 200);
  const SubtaskRates second = rates_of(rates, {.records_in = 1'900, .records_out = 500, .busy_ms = 1'500, .idle_ms = 4'300, .backpressured_ms = 1'200});
  EXPECT_DOUBLE_EQ(second.records_in, 450);
  EXPECT_DOUBLE_EQ(second.records_out, 0);
  EXPECT_DOUBLE_EQ(second.busy_ms, 250);
  EXPECT_DOUBLE_EQ(second.idle_ms, 150);
  EXPECT_DOUBLE_EQ(second.backpressured_ms, 600);
}

TEST(MetricRatesTest, WhoAsksOftenGetsTheSameAgain) {
  MetricRates rates;
  EXPECT_DOUBLE_EQ(rates_of(rates, {.records_in = 10, .busy_ms = 999}).records_in, 0) << "it is too early to tell";
  EXPECT_DOUBLE_EQ(rates_of(rates, {.records_in = 20, .busy_ms = 2'000}).records_in, 10);
  EXPECT_DOUBLE_EQ(rates_of(rates, {.records_in = 5'000, .busy_ms = 2'001}).records_in, 10);
}

TEST(MetricRatesTest, ARestartBeginsAtNothing) {
  MetricRates rates;
  rates_of(rates, {.records_in = 1'000, .busy_ms = 10'000});
  EXPECT_DOUBLE_EQ(rates_of(rates, {.records_in = 4, .busy_ms = 2'000}).records_in, 2);
  EXPECT_DOUBLE_EQ(rates_of(rates, {.records_in = 3, .busy_ms = 2'500}).records_in, 1.2) << "the third attempt has done less in more time";
}

TEST(MetricRatesTest, EachSubtaskHasItsOwn) {
  MetricRates rates;
  std::vector<VertexMetrics> vertices{{.id = 1, .name = "a", .subtasks = {{.records_in = 8, .idle_ms = 2'000}, {.records_in = 2, .idle_ms = 1'000, .number = 1}}},
                                      {.id = 2, .name = "b", .subtasks = {{.records_in = 30, .idle_ms = 1'000, .number = 1}}}};
  rates.fill_in(vertices);
  EXPECT_DOUBLE_EQ(vertices[0].subtasks[0].rates.records_in, 4);
  EXPECT_DOUBLE_EQ(vertices[0].subtasks[1].rates.records_in, 2);
  EXPECT_DOUBLE_EQ(vertices[1].subtasks[0].rates.records_in, 30);
}

struct SubtaskMetricsBefore {
  std::uint64_t records_in = 0;
  std::int64_t busy_ms = 0;
};

TEST(SubtaskMetricsTest, OfAWorkerOfTheVersionBeforeNothingIsMadeUp) {
  const auto read = from_described<SubtaskMetrics>(to_described(SubtaskMetricsBefore{.records_in = 7, .busy_ms = 9}));
  ASSERT_TRUE(read) << read.error().message();
  EXPECT_EQ(read->records_in, 7u);
  EXPECT_EQ(read->watermark_ms, std::numeric_limits<std::int64_t>::min());
  EXPECT_FALSE(says_nothing(*read));
  EXPECT_TRUE(says_nothing(value_or_throw(from_described<SubtaskMetrics>(to_described(SubtaskMetricsBefore{}))))) << "it is another worker's";
}

TEST(VertexMetricsTest, WhatWorkersTellOfTheirOwnSubtasksGetsItsPlaceAmongAll) {
  const auto told = [](std::vector<SubtaskMetrics> subtasks) {
    return std::vector<VertexMetrics>{{.id = 4, .name = "count", .subtasks = std::move(subtasks), .operators = {"count"}, .parallelism = 3}};
  };
  std::vector<VertexMetrics> all;
  put_in({}, all);
  EXPECT_TRUE(all.empty()) << "it has not said anything";
  put_in(told({{.records_in = 20, .number = 2}}), all);
  put_in(told({{.records_in = 10, .number = 1}}), all);
  ASSERT_EQ(all.size(), 1u);
  EXPECT_EQ(all[0].name, "count");
  EXPECT_EQ(all[0].operators, std::vector<std::string>{"count"});
  ASSERT_EQ(all[0].subtasks.size(), 3u) << "nobody has told of the first";
  for (std::uint32_t i = 0; i < 3; ++i) {
    EXPECT_EQ(all[0].subtasks[i].number, i);
    EXPECT_EQ(all[0].subtasks[i].records_in, 10u * i);
  }
}

TEST(VertexMetricsTest, AWorkerOfTheVersionBeforeListsAllSubtasksAndKnowsOfItsOwn) {
  const std::vector<VertexMetrics> one{{.id = 4, .name = "count", .subtasks = {{.records_in = 5}, {}}}};
  const std::vector<VertexMetrics> other{{.id = 4, .name = "count", .subtasks = {{}, {.records_in = 6}}}};
  std::vector<VertexMetrics> all;
  put_in(one, all);
  put_in(other, all);
  ASSERT_EQ(all.size(), 1u);
  ASSERT_EQ(all[0].subtasks.size(), 2u);
  EXPECT_EQ(all[0].subtasks[0].records_in, 5u);
  EXPECT_EQ(all[0].subtasks[1].records_in, 6u);
  EXPECT_EQ(all[0].subtasks[1].number, 1u);
}

TEST(VertexMetricsTest, ASubtaskThatThereIsNotIsPassedOver) {
  std::vector<VertexMetrics> all;
  put_in({{.id = 4, .name = "count", .subtasks = {{.records_in = 5, .number = 7}}, .parallelism = 2}}, all);
  ASSERT_EQ(all[0].subtasks.size(), 2u);
  EXPECT_EQ(all[0].subtasks[0].records_in + all[0].subtasks[1].records_in, 0u);
}

TEST(MetricRatesTest, AreNeverBelowNothing) {
  MetricRates rates;
  rates_of(rates, {.busy_ms = 5'000, .idle_ms = 100});
  EXPECT_GE(rates_of(rates, {.busy_ms = 1'000, .idle_ms = 9'000}).busy_ms, 0) << "a new attempt has run for longer than the one before";
}

}  // namespace
}  // namespace tidemark

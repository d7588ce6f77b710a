#include "control/vertex_metrics.h"

#include <gtest/gtest.h>

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
  std::vector<VertexMetrics> vertices{{.id = 1, .name = "a", .subtasks = {{.records_in = 8, .idle_ms = 2'000}, {.records_in = 2, .idle_ms = 1'000}}},
                                      {.id = 2, .name = "b", .subtasks = {{.is_elsewhere = true}, {.records_in = 30, .idle_ms = 1'000}}}};
  rates.fill_in(vertices);
  EXPECT_DOUBLE_EQ(vertices[0].subtasks[0].rates.records_in, 4);
  EXPECT_DOUBLE_EQ(vertices[0].subtasks[1].rates.records_in, 2);
  EXPECT_DOUBLE_EQ(vertices[1].subtasks[0].rates.records_in, 0);
  EXPECT_DOUBLE_EQ(vertices[1].subtasks[1].rates.records_in, 30);
}

}  // namespace
}  // namespace tidemark

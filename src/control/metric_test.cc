#include "control/metric.h"

#include <gmock/gmock.h>

#include <limits>
#include <string>

namespace tidemark {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(PrometheusTextTest, HasFlinksNamesAndAllLinesOfANameTogether) {
  const auto task = [](std::string subtask, double in) {
    return MetricGroup{.scope = "taskmanager_job_task",
                       .labels = {{"job_name", "orders"}, {"subtask_index", std::move(subtask)}},
                       .metrics = {{"numRecordsIn", in, MetricKind::kCounter}, {"busyTimeMsPerSecond", 12.5}}};
  };
  EXPECT_EQ(prometheus_text({task("0", 3), {.scope = "jobmanager", .labels = {}, .metrics = {{"numRunningJobs", 1}}}, task("1", 4'000'000)}),
            "# TYPE flink_jobmanager_numRunningJobs gauge\n"
            "flink_jobmanager_numRunningJobs 1\n"
            "# TYPE flink_taskmanager_job_task_busyTimeMsPerSecond gauge\n"
            "flink_taskmanager_job_task_busyTimeMsPerSecond{job_name=\"orders\",subtask_index=\"0\"} 12.5\n"
            "flink_taskmanager_job_task_busyTimeMsPerSecond{job_name=\"orders\",subtask_index=\"1\"} 12.5\n"
            "# TYPE flink_taskmanager_job_task_numRecordsIn counter\n"
            "flink_taskmanager_job_task_numRecordsIn{job_name=\"orders\",subtask_index=\"0\"} 3\n"
            "flink_taskmanager_job_task_numRecordsIn{job_name=\"orders\",subtask_index=\"1\"} 4000000\n");
}

std::string with_label(std::string value) {
  return prometheus_text({{.scope = "s", .labels = {{"operator_name", std::move(value)}}, .metrics = {{"m", 1}}}});
}

TEST(PrometheusTextTest, AHostileNameDoesNotBreakTheFormat) {
  EXPECT_THAT(with_label("a\"} 9\nflink_evil 1\\"), HasSubstr(R"(flink_s_m{operator_name="a\"} 9\nflink_evil 1\\"} 1)"));
  EXPECT_THAT(with_label("a\xffz\x1b[2J\rb"), HasSubstr("\"a?z?[2J?b\""));
  EXPECT_THAT(with_label(std::string{"a\0b", 3}), HasSubstr("\"a?b\""));
  EXPECT_THAT(with_label("größer"), HasSubstr("\"größer\""));
  EXPECT_THAT(prometheus_text({{.scope = "s} 1\n", .labels = {{"l=\"", "v"}}, .metrics = {{"Status.CPU {x", 1}}}}),
              HasSubstr("\nflink_s__1__Status_CPU__x{l__=\"v\"} 1\n"));
}

TEST(PrometheusTextTest, ALongLabelIsCutBetweenTwoCharacters) {
  const std::string text = with_label(std::string(255, 'x') + "ßßßß");
  EXPECT_THAT(text, HasSubstr(std::string(255, 'x') + "\"} 1"));
  EXPECT_THAT(text, Not(HasSubstr("?")));
}

TEST(PrometheusTextTest, NumbersAreWhole) {
  EXPECT_EQ(to_text(1e15), "1000000000000000");
  EXPECT_EQ(to_text(-2), "-2");
  EXPECT_EQ(to_text(0.1), "0.1");
  EXPECT_EQ(to_text(static_cast<double>(std::numeric_limits<std::int64_t>::min())), "-9.223372036854776e+18");
  EXPECT_EQ(to_text(std::numeric_limits<double>::infinity()), "+Inf");
  EXPECT_EQ(to_text(std::numeric_limits<double>::quiet_NaN()), "NaN");
}

}  // namespace
}  // namespace tidemark

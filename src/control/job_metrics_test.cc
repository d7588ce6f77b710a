#include "control/job_metrics.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <string>
#include <string_view>

namespace tidemark {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(JobMetricsTest, AJobHasFlinksNames) {
  const JobGlance job{.id = "0123",
                      .name = "orders",
                      .state = "RUNNING",
                      .start_ms = 1'000,
                      .now_ms = 5'000,
                      .restarts = 2,
                      .completed_checkpoints = 6,
                      .failed_checkpoints = 1,
                      .newest_checkpoint = CheckpointGlance{.id = 7, .written_bytes = 10, .state_bytes = 700, .duration_ms = 20}};
  const std::string text = prometheus_text({metric_group_of(job)});
  const std::string labels = "{job_id=\"0123\",job_name=\"orders\"}";
  EXPECT_THAT(text, HasSubstr("flink_jobmanager_job_numRestarts" + labels + " 2\n"));
  EXPECT_THAT(text, HasSubstr("flink_jobmanager_job_totalNumberOfCheckpoints" + labels + " 7\n"));
  EXPECT_THAT(text, HasSubstr("flink_jobmanager_job_lastCheckpointFullSize" + labels + " 700\n"));
  EXPECT_THAT(text, HasSubstr("# TYPE flink_jobmanager_job_numberOfFailedCheckpoints gauge\n"));
}

TEST(JobMetricsTest, TasksAndOperatorsThatAreHereHaveTheirLabels) {
  const std::vector<VertexMetrics> vertices{{.id = 1,
                                             .name = "count -> files",
                                             .subtasks = {{.records_in = 9,
                                                           .watermark_ms = 4'500,
                                                           .rates = {.busy_ms = 250},
                                                           .operators = {{}, {.records_out = 5}},
                                                           .number = 1}},
                                             .operators = {"count", "files"}}};
  const std::string text =
      prometheus_text(metric_groups_of({.job_id = "0123", .job_name = "orders", .attempt = 3, .process = {{"tm_id", "tm-1"}}}, vertices, 5'000));
  const std::string labels =
      "job_id=\"0123\",job_name=\"orders\",task_id=\"00000000000000000000000000000001\",task_name=\"count -> files\",task_attempt_num=\"3\",subtask_index=\"1\",tm_id=\"tm-1\"";
  EXPECT_THAT(text, HasSubstr("flink_taskmanager_job_task_numRecordsIn{" + labels + "} 9\n"));
  EXPECT_THAT(text, HasSubstr("flink_taskmanager_job_task_busyTimeMsPerSecond{" + labels + "} 250\n"));
  EXPECT_THAT(text, HasSubstr("flink_taskmanager_job_task_watermarkLag{" + labels + "} 500\n"));
  EXPECT_THAT(text, HasSubstr("flink_taskmanager_job_task_operator_numRecordsOut{" + labels + ",operator_name=\"files\",operator_index=\"1\"} 5\n"));
  EXPECT_THAT(text, Not(HasSubstr("subtask_index=\"0\""))) << "it is another worker's";
}

TEST(JobMetricsTest, AnOperatorTellsWhereItsTimeStandsAndASourceWhatIsLeftWhereItKnows) {
  const std::string source = prometheus_text({{.scope = "s", .labels = {}, .metrics = metrics_of(OperatorMetrics{.watermark_out_ms = 70, .pending_bytes = 512})}});
  EXPECT_THAT(source, HasSubstr("flink_s_currentOutputWatermark 70\n"));
  EXPECT_THAT(source, HasSubstr("flink_s_currentInputWatermark -9223372036854775808\n"));
  EXPECT_THAT(source, HasSubstr("flink_s_pendingBytes 512\n"));
  EXPECT_THAT(source, Not(HasSubstr("pendingRecords")));
  EXPECT_THAT(source, Not(HasSubstr("currentInput1Watermark")));
  const std::string join = prometheus_text({{.scope = "s", .labels = {}, .metrics = metrics_of(OperatorMetrics{.fired_timers = 3, .watermarks_in_ms = {40, 50}})}});
  EXPECT_THAT(join, HasSubstr("flink_s_currentInput1Watermark 40\n"));
  EXPECT_THAT(join, HasSubstr("flink_s_currentInput2Watermark 50\n"));
  EXPECT_THAT(join, HasSubstr("flink_s_numFiredTimers 3\n"));
}

TEST(JobMetricsTest, HowFullEdgesAreIsAShareOfWhatTheyHold) {
  const std::vector<Metric> metrics = metrics_of(SubtaskMetrics{.output = {.elements = 12, .capacity = 16}}, 0);
  const auto value_of = [&](std::string_view name) { return std::ranges::find(metrics, name, &Metric::name)->value; };
  EXPECT_DOUBLE_EQ(value_of("buffers.outPoolUsage"), 0.75);
  EXPECT_DOUBLE_EQ(value_of("buffers.outputQueueLength"), 12);
  EXPECT_DOUBLE_EQ(value_of("buffers.inPoolUsage"), 0) << "a source has no edges to it";
}

}  // namespace
}  // namespace tidemark

#include "control/job_metrics.h"

#include <gmock/gmock.h>

#include <string>

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
  EXPECT_THAT(text, HasSubstr("# TYPE flink_jobmanager_job_numberOfFailedCheckpoints counter\n"));
}

TEST(JobMetricsTest, TasksAndOperatorsThatAreHereHaveTheirLabels) {
  const std::vector<VertexMetrics> vertices{{.id = 1,
                                             .name = "count -> files",
                                             .subtasks = {{.is_elsewhere = true},
                                                          {.records_in = 9, .watermark_ms = 4'500, .rates = {.busy_ms = 250}, .operators = {{}, {.records_out = 5}}}},
                                             .operators = {"count", "files"}}};
  const std::string text =
      prometheus_text(metric_groups_of({.job_id = "0123", .job_name = "orders", .attempt = 3, .process = {{"tm_id", "tm-1"}}}, vertices, 5'000));
  const std::string labels =
      "job_id=\"0123\",job_name=\"orders\",task_id=\"00000000000000000000000000000001\",task_name=\"count -> files\",task_attempt_num=\"3\",subtask_index=\"1\",tm_id=\"tm-1\"";
  EXPECT_THAT(text, HasSubstr("flink_taskmanager_job_task_numRecordsIn{" + labels + "} 9\n"));
  EXPECT_THAT(text, HasSubstr("flink_taskmanager_job_task_busyTimeMsPerSecond{" + labels + "} 250\n"));
  EXPECT_THAT(text, HasSubstr("flink_taskmanager_job_task_watermarkLag{" + labels + "} 500\n"));
  EXPECT_THAT(text, HasSubstr("flink_taskmanager_job_task_operator_numRecordsOut{" + labels + ",operator_name=\"files\",operator_index=\"1\"} 5\n"));
  EXPECT_THAT(text, Not(HasSubstr("subtask_index=\"0\"")));
}

}  // namespace
}  // namespace tidemark

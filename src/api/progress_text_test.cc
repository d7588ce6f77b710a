#include "api/progress_text.h"

#include <gmock/gmock.h>

namespace tidemark {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(ProgressText, CountsAreExactWhereTheyFitAndRoundedWhereTheyDont) {
  EXPECT_EQ(format_count(0), "0");
  EXPECT_EQ(format_count(9214), "9 214");
  EXPECT_EQ(format_count(99'999), "99 999");
  EXPECT_EQ(format_count(999'400), "999 k");
  EXPECT_EQ(format_count(999'600), "1.00 M");
  EXPECT_EQ(format_count(18'312'345), "18.3 M");
  EXPECT_EQ(format_bytes(12), "12 B");
  EXPECT_EQ(format_bytes(2'100'000), "2.10 MB");
}

TEST(ProgressText, ElapsedTimeGrowsHours) {
  EXPECT_EQ(format_elapsed(42'900'000'000), "00:42");
  EXPECT_EQ(format_elapsed(3'723'000'000'000), "1:02:03");
}

TEST(ProgressText, TheRateIsThatSinceTheSampleBefore) {
  JobSample before{.job = "hot-items", .steady_ns = 0, .records_in = 1'000'000};
  JobSample now{.job = "hot-items", .state = JobState::kRunning, .steady_ns = 500'000'000, .running_ns = 42'000'000'000, .records_in = 1'700'000, .records_out = 9214};
  EXPECT_THAT(progress_line(before, now), HasSubstr("hot-items  running 00:42  in 1.70 M (1.40 M/s)  out 9 214"));
  now.records_in = 10;  // a restart began to count anew
  EXPECT_THAT(progress_line(before, now), HasSubstr("(0/s)"));
}

TEST(ProgressText, LagIsShownForLiveEventsOnly) {
  JobSample now{.job = "j", .wall_ms = 1'800'000'004'000, .watermark = Timestamp{1'800'000'000'000}};
  EXPECT_THAT(progress_line(now, now), HasSubstr("(lag 4.0 s)"));
  now.watermark = Timestamp{1'436'918'582'000};
  EXPECT_THAT(progress_line(now, now), HasSubstr("watermark 2015-07-15 00:03:02"));
  EXPECT_THAT(progress_line(now, now), Not(HasSubstr("lag")));
}

TEST(ProgressText, ShowsTheLastCheckpointAndWhatFailed) {
  JobSample now{.job = "j", .wall_ms = 1'000'600};
  now.checkpoints.failed = 2;
  now.checkpoints.last_completed = {.id = 41, .bytes = 2'100'000, .duration_ms = 38, .completed_wall_ms = 1'000'000};
  EXPECT_THAT(progress_line(now, now), HasSubstr("checkpoint 41: 600 ms ago, 38 ms, 2.10 MB  2 failed"));
}

TEST(ProgressText, TheSummaryHasTheWholeRun) {
  JobSample end{.job = "j", .state = JobState::kFinished, .running_ns = 2'000'000'000, .records_in = 1000, .records_out = 5, .late_dropped = 3};
  end.checkpoints.completed = 1;
  EXPECT_EQ(summary_line(end), "j  finished after 00:02  in 1 000 (500/s)  out 5  late 3  1 checkpoint");
}

TEST(ProgressText, SkewIsShownOfWhatRunsInSeveralSubtasks) {
  const VertexMetrics one{.id = 0, .name = "splits", .subtasks = {{.records_in = 9}}};
  const VertexMetrics even{.id = 1, .name = "bids", .subtasks = {{.records_in = 5}, {.records_in = 5}}};
  const VertexMetrics hot{.id = 2, .name = "window aggregate", .subtasks = {{.records_in = 900}, {.records_in = 100}, {.records_in = 0}}};
  EXPECT_EQ(skew_line({one}), "");
  EXPECT_EQ(skew_line({one, even, hot}), "records of the busiest subtask over the mean: bids 1.00, window aggregate 2.70");
}

}  // namespace
}  // namespace tidemark

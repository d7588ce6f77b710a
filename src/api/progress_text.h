// What a running job says about itself in words: the progress line and the summary. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "control/vertex_metrics.h"
#include "coordinator/checkpoint_stats.h"
#include "coordinator/job_state.h"
#include "tidemark/time.h"

namespace tidemark {

/// A job at one moment.
struct JobSample {
  std::string job;
  JobState state = JobState::kInitializing;
  std::int64_t steady_ns = 0;
  std::int64_t wall_ms = 0;
  std::int64_t running_ns = 0;  ///< since the job started
  std::uint64_t records_in = 0;
  std::uint64_t records_out = 0;
  std::uint64_t late_dropped = 0;
  std::uint64_t skipped = 0;
  Timestamp watermark = Timestamp::min();
  std::uint32_t restarts = 0;
  CheckpointStats checkpoints;
};

/// "18.3 M"; exact below 100 000, with blanks between thousands.
std::string format_count(std::uint64_t number);
/// "2.1 MB", by thousands.
std::string format_bytes(std::uint64_t bytes);
/// "00:42", "1:02:03".
std::string format_elapsed(std::int64_t ns);

/// "hot-items  running 00:42  in 18.3 M (1.41 M/s)  out 9 214  watermark ... (lag 4 s)  checkpoint 41: 0.6 s ago, 38 ms, 2.1 MB".
/// The rate is the one since `before`; the lag, behind the wall clock, is left out where it is more than a day, as events are
/// of the past then.
std::string progress_line(const JobSample& before, const JobSample& now);

/// "hot-items  finished after 00:42  in 18.3 M (436 k/s)  out 9 214  41 checkpoints".
std::string summary_line(const JobSample& end);

/// "records of the busiest subtask over the mean: bids 1.00, window aggregate 3.21"; empty where all run in one subtask.
std::string skew_line(const std::vector<VertexMetrics>& vertices);

}  // namespace tidemark

#include "control/vertex_metrics.h"

#include <algorithm>

namespace tidemark {

SubtaskMetrics& operator+=(SubtaskMetrics& sum, const SubtaskMetrics& more) {
  sum.records_in += more.records_in;
  sum.records_out += more.records_out;
  sum.late_dropped += more.late_dropped;
  sum.skipped += more.skipped;
  sum.busy_ms += more.busy_ms;
  sum.idle_ms += more.idle_ms;
  sum.backpressured_ms += more.backpressured_ms;
  return sum;
}

double skew(const VertexMetrics& vertex) {
  std::uint64_t most = 0;
  std::uint64_t all = 0;
  for (const SubtaskMetrics& subtask : vertex.subtasks) {
    most = std::max(most, subtask.records_in);
    all += subtask.records_in;
  }
  return all == 0 ? 1 : static_cast<double>(most) * static_cast<double>(vertex.subtasks.size()) / static_cast<double>(all);
}

}  // namespace tidemark

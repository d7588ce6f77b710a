#include "control/vertex_metrics.h"

#include <algorithm>

namespace tidemark {

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

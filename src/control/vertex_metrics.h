// What the subtasks of each vertex have done so far, and how evenly. Plain data by value, any thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace tidemark {

struct SubtaskMetrics {
  std::uint64_t records_in = 0;   ///< of a source: read
  std::uint64_t records_out = 0;  ///< of a sink: written
  std::uint64_t late_dropped = 0;
  std::uint64_t skipped = 0;      ///< of a source: could not be read, and was passed over
  std::int64_t busy_ms = 0;
  std::int64_t idle_ms = 0;
  std::int64_t backpressured_ms = 0;
};
SubtaskMetrics& operator+=(SubtaskMetrics& sum, const SubtaskMetrics& more);

struct VertexMetrics {
  std::uint32_t id = 0;
  std::string name;
  std::vector<SubtaskMetrics> subtasks;
};

/// The most records that a subtask got over the mean of all: 1 is even, and of n subtasks n the worst. 1 where none got any.
double skew(const VertexMetrics& vertex);

}  // namespace tidemark

// What the subtasks of each vertex have done so far, how fast they go, and how evenly. Plain data by value, any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace tidemark {

/// Of one operator of a chain.
struct OperatorMetrics {
  std::uint64_t records_out = 0;
  std::uint64_t late_dropped = 0;
  std::uint64_t skipped = 0;
};

/// In each of the last seconds.
struct SubtaskRates {
  double records_in = 0;
  double records_out = 0;
  double busy_ms = 0;
  double idle_ms = 0;
  double backpressured_ms = 0;
};

struct SubtaskMetrics {
  std::uint64_t records_in = 0;   ///< of a source: read
  std::uint64_t records_out = 0;  ///< of a sink: written
  std::uint64_t late_dropped = 0;
  std::uint64_t skipped = 0;      ///< of a source: could not be read, and was passed over
  std::int64_t busy_ms = 0;
  std::int64_t idle_ms = 0;
  std::int64_t backpressured_ms = 0;
  std::uint64_t bytes_in = 0;     ///< of a source: of files
  std::int64_t watermark_ms = std::numeric_limits<std::int64_t>::min();  ///< how far its event time has come: as Timestamp::ms()
  std::int64_t alignment_ns = 0;      ///< of its newest checkpoint: from the first barrier to the last
  std::int64_t start_delay_ns = 0;    ///< of its newest checkpoint: from the trigger to the first barrier
  SubtaskRates rates = {};            ///< MetricRates fills them in
  std::vector<OperatorMetrics> operators = {};  ///< in the order of the chain
  bool is_elsewhere = false;          ///< another worker knows of it: all else is empty
};
SubtaskMetrics& operator+=(SubtaskMetrics& sum, const SubtaskMetrics& more);

struct VertexMetrics {
  std::uint32_t id = 0;
  std::string name;
  std::vector<SubtaskMetrics> subtasks;
  std::vector<std::string> operators = {};  ///< their names, in the order of the chain
};

/// The most records that a subtask got over the mean of all: 1 is even, and of n subtasks n the worst. 1 where none got any.
double skew(const VertexMetrics& vertex);

/// Tells from what subtasks have done how fast they go: by the growth of their figures over a second or more of their time, and
/// before that since their beginning. Whoever asks more often gets the same again. One thread.
class MetricRates {
 public:
  void fill_in(std::vector<VertexMetrics>& vertices);

 private:
  struct Sample {
    SubtaskMetrics before;
    SubtaskRates rates;
  };
  std::map<std::pair<std::uint32_t, std::size_t>, Sample> samples_;  // by vertex and subtask
};

}  // namespace tidemark

// What the subtasks of each vertex have done so far, how fast they go, and how evenly. Plain data by value, any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "tidemark/schema.h"

namespace tidemark {

/// As Timestamp::min().ms(): event time has not begun.
inline constexpr std::int64_t kNoTime = std::numeric_limits<std::int64_t>::min();

/// Of one operator of a chain.
struct OperatorMetrics {
  std::uint64_t records_out = 0;
  std::uint64_t late_dropped = 0;
  std::uint64_t skipped = 0;
  std::uint64_t fired_timers = 0;
  std::int64_t watermark_in_ms = kNoTime;   ///< how far event time has come: as Timestamp::ms()
  std::int64_t watermark_out_ms = kNoTime;  ///< likewise, of what it has handed on
  std::vector<std::int64_t> watermarks_in_ms = {};  ///< of each of its inputs, where it has several
  std::optional<std::uint64_t> pending_records = {};  ///< of a source: what is there and not read, where it knows
  std::optional<std::uint64_t> pending_bytes = {};
  std::optional<std::int64_t> alignment_drift_ms = {};  ///< of a source that keeps pace with others: how far it is ahead of the slowest
  /// Of workers of the version before.
  static constexpr auto state_schema = schema(default_of("watermark_in_ms", kNoTime), default_of("watermark_out_ms", kNoTime));
};

/// In each of the last seconds.
struct SubtaskRates {
  double records_in = 0;
  double records_out = 0;
  double busy_ms = 0;
  double idle_ms = 0;
  double backpressured_ms = 0;
};

/// Batches and marks that wait in edges, and how many may.
struct EdgeUse {
  std::uint64_t elements = 0;
  std::uint64_t capacity = 0;
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
  std::int64_t watermark_ms = kNoTime;  ///< how far its event time has come: as Timestamp::ms()
  std::int64_t alignment_ns = 0;      ///< of its newest checkpoint: from the first barrier to the last
  std::int64_t start_delay_ns = 0;    ///< of its newest checkpoint: from the trigger to the first barrier
  SubtaskRates rates = {};            ///< MetricRates fills them in
  std::vector<OperatorMetrics> operators = {};  ///< in the order of the chain
  std::uint32_t number = 0;  ///< which of the vertex's subtasks it is
  EdgeUse input = {};        ///< of the edges to it
  EdgeUse output = {};       ///< of the edges from it
  std::uint64_t elements_out = 0;  ///< batches and marks that it has handed to its edges
  std::uint64_t bytes_sent = 0;    ///< to other processes
  std::int64_t mail_latency_ns = 0;  ///< how long what others ask of it waits
  /// Of workers of the version before.
  static constexpr auto state_schema = schema(default_of("watermark_ms", kNoTime));
};
/// It has not begun; of workers of the version before: or is another worker's.
bool says_nothing(const SubtaskMetrics& subtask);
SubtaskMetrics& operator+=(SubtaskMetrics& sum, const SubtaskMetrics& more);

/// As a worker tells it, it has that worker's subtasks alone; else all of them, in order.
struct VertexMetrics {
  std::uint32_t id = 0;
  std::string name;
  std::vector<SubtaskMetrics> subtasks;
  std::vector<std::string> operators = {};  ///< their names, in the order of the chain
  std::uint32_t parallelism = 0;            ///< how many subtasks there are; 0, of workers of the version before: those listed
};

/// Puts what a worker tells into the figures of all workers: vertices and subtasks that are not there yet get their places.
void put_in(const std::vector<VertexMetrics>& of_a_worker, std::vector<VertexMetrics>& all);

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
  std::map<std::pair<std::uint32_t, std::uint32_t>, Sample> samples_;  // by vertex and subtask
};

}  // namespace tidemark

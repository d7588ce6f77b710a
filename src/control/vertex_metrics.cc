#include "control/vertex_metrics.h"

#include <algorithm>

#include "tidemark/detail/model/key_group.h"

namespace tidemark {
namespace {

constexpr std::int64_t kPeriod_ms = 1'000;

std::int64_t time_of(const SubtaskMetrics& subtask) { return subtask.busy_ms + subtask.idle_ms + subtask.backpressured_ms; }

SubtaskRates rates_between(const SubtaskMetrics& before, const SubtaskMetrics& after) {
  const double seconds = static_cast<double>(time_of(after) - time_of(before)) / 1'000;
  const auto rate = [seconds](auto from, auto to) { return static_cast<double>(to - from) / seconds; };
  return {.records_in = rate(before.records_in, after.records_in),
          .records_out = rate(before.records_out, after.records_out),
          .busy_ms = rate(before.busy_ms, after.busy_ms),
          .idle_ms = rate(before.idle_ms, after.idle_ms),
          .backpressured_ms = rate(before.backpressured_ms, after.backpressured_ms)};
}

// Each figure by itself: they are read while the subtask goes on.
bool has_begun_anew(const SubtaskMetrics& before, const SubtaskMetrics& after) {
  return after.busy_ms < before.busy_ms || after.idle_ms < before.idle_ms || after.backpressured_ms < before.backpressured_ms ||
         after.records_in < before.records_in || after.records_out < before.records_out;
}

}  // namespace

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

bool says_nothing(const SubtaskMetrics& subtask) { return time_of(subtask) == 0 && subtask.records_in == 0; }

void put_in(const std::vector<VertexMetrics>& of_a_worker, std::vector<VertexMetrics>& all) {
  for (std::size_t i = 0; i < of_a_worker.size(); ++i) {
    const VertexMetrics& from = of_a_worker[i];
    const std::size_t parallelism = std::min<std::size_t>(from.parallelism == 0 ? from.subtasks.size() : from.parallelism, kLargestMaxParallelism);
    if (i == all.size()) all.push_back({.id = from.id, .name = from.name, .subtasks = {}, .operators = from.operators, .parallelism = from.parallelism});
    std::vector<SubtaskMetrics>& places = all[i].subtasks;
    while (places.size() < parallelism) places.push_back({.number = static_cast<std::uint32_t>(places.size())});
    for (std::size_t j = 0; j < from.subtasks.size(); ++j) {
      const std::size_t number = from.parallelism == 0 ? j : from.subtasks[j].number;
      if (number >= places.size() || says_nothing(from.subtasks[j])) continue;
      places[number] = from.subtasks[j];
      places[number].number = static_cast<std::uint32_t>(number);
    }
  }
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

void MetricRates::fill_in(std::vector<VertexMetrics>& vertices) {
  for (VertexMetrics& vertex : vertices) {
    for (SubtaskMetrics& now : vertex.subtasks) {
      Sample& sample = samples_[{vertex.id, now.number}];
      if (has_begun_anew(sample.before, now)) sample = {};
      if (time_of(now) - time_of(sample.before) >= kPeriod_ms) sample = {now, rates_between(sample.before, now)};
      now.rates = sample.rates;
    }
  }
}

}  // namespace tidemark

// Numbers in, numbers out: two sources are united, mapped, filtered and rebalanced, and each number must come out once.
//
// The first source has one reader, so whatever becomes of its numbers, each subtask of the sink gets them in order. The
// second one has as many readers as the job has subtasks; of its numbers no order is asked.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "sim/workloads/checkpoint_contents.h"
#include "sim/workloads/rows_workload.h"
#include "sim/workloads/workloads.h"

namespace tidemark {
namespace {

constexpr std::int64_t kLanes = 2;
constexpr std::int64_t kOrderedLane = 0;

struct Number {
  std::int64_t lane = 0;
  std::int64_t number = 0;
};

/// What the job puts out: the number doubled, by the map.
struct Row {
  std::int64_t lane = 0;
  std::int64_t number = 0;
  std::int64_t doubled = 0;
};

auto numbers_of(std::int64_t lane, std::uint64_t count) {
  return generate<Number>(count, [lane](std::uint64_t n) { return Number{lane, static_cast<std::int64_t>(n)}; });
}

class UniqueNumbers final : public RowsWorkload<Row> {
 public:
  explicit UniqueNumbers(const WorkloadOptions& options)
      : RowsWorkload{options}, per_lane_{options.records / kLanes + 1}, left_out_{2 + options.seed % 5} {}

  std::string name() const override { return "unique-numbers"; }

  bool may_be_drained() const override { return true; }

  void describe(Job& job) const override {
    const Stream<Number> first = job.from(numbers_of(kOrderedLane, per_lane_)).uid("lane-0").parallelism(1);
    const Stream<Number> second = job.from(numbers_of(1, per_lane_)).uid("lane-1");
    first.union_with(second)
        .filter([every = left_out_](const Number& n) { return static_cast<std::uint64_t>(n.number) % every != 1; })
        .map([bad_luck = bad_luck()](const Number& n) {
          bad_luck();
          return Row{n.lane, n.number, 2 * n.number};
        })
        .to(write_files(kOut, as_json()))
        .uid(kSink);
  }

  Complaint check_checkpoint(FileSystem& files, const std::string&, const CheckpointMetadata& checkpoint) const override {
    std::vector<std::vector<bool>> read;
    for (const char* uid : {"lane-0", "lane-1"}) {
      auto numbers = numbers_read(checkpoint, uid, per_lane_);
      if (!numbers) return numbers.error().message();
      read.push_back(std::move(*numbers));
    }
    const auto was_read = [&](std::int64_t lane, std::uint64_t n) { return read[static_cast<std::size_t>(lane)][n]; };
    return check_secured(files, checkpoint, [&](const Rows& rows) { return find_lost(rows, was_read); });
  }

 private:
  bool is_expected(const Row& row) const {
    const auto number = static_cast<std::uint64_t>(row.number);
    return row.lane >= 0 && row.lane < kLanes && number < per_lane_ && number % left_out_ != 1 &&
           row.doubled == 2 * row.number;
  }

  Complaint find_wrong(const Rows& rows) const override {
    std::map<std::pair<std::int64_t, std::int64_t>, int> times;
    // By attempt and subtask: the last number of the ordered lane.
    std::map<std::pair<AttemptId, std::uint32_t>, std::int64_t> last;
    std::int64_t earlier_attempts = -1, this_attempt = -1;
    AttemptId attempt = 0;
    for (const auto& [row, subtask, written_by] : rows) {
      if (!is_expected(row)) return fmt::format("lane {} has no number {} with {}", row.lane, row.number, row.doubled);
      if (++times[{row.lane, row.number}] > 1 && !may_repeat()) {
        return fmt::format("number {} of lane {} came out twice", row.number, row.lane);
      }
      if (row.lane != kOrderedLane) continue;
      if (std::exchange(attempt, written_by) != written_by) earlier_attempts = this_attempt;
      this_attempt = std::max(this_attempt, row.number);
      const auto [before, is_first] = last.try_emplace({written_by, subtask}, -1);
      const std::int64_t bound = exactly_once() ? std::max(before->second, earlier_attempts) : before->second;
      if (row.number <= bound) {
        return fmt::format("number {} of lane {} came out behind {}, in subtask {} of attempt {}", row.number, row.lane,
                           bound, subtask, written_by);
      }
      before->second = row.number;
    }
    return std::nullopt;
  }

  Complaint find_missing(const Rows& rows) const override {
    return find_lost(rows, [](std::int64_t, std::uint64_t) { return true; });
  }

  /// Of the numbers that `wanted` says, those that aren't there.
  template <class Wanted>
  Complaint find_lost(const Rows& rows, const Wanted& wanted) const {
    std::set<std::pair<std::int64_t, std::int64_t>> there;
    for (const auto& committed : rows) there.emplace(committed.row.lane, committed.row.number);
    for (std::int64_t lane = 0; lane < kLanes; ++lane) {
      for (std::uint64_t n = 0; n < per_lane_; ++n) {
        if (n % left_out_ == 1 || !wanted(lane, n) || there.contains({lane, static_cast<std::int64_t>(n)})) continue;
        return fmt::format("number {} of lane {} is lost", n, lane);
      }
    }
    return std::nullopt;
  }

  const std::uint64_t per_lane_;
  const std::uint64_t left_out_;  // of so many numbers, the filter drops one
};

}  // namespace

std::unique_ptr<Workload> make_unique_numbers(const WorkloadOptions& options) {
  return std::make_unique<UniqueNumbers>(options);
}

}  // namespace tidemark

// Numbers that another system is asked about: by calls on threads, which end when the simulator likes and fail now and then,
// and by a function that answers some requests only when the next ones come and some never. Each number comes out once, none
// behind a watermark, and what a checkpoint has read and not put out stands in its requests.
#include <fmt/format.h>

#include <chrono>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include "sim/workloads/checkpoint_contents.h"
#include "sim/workloads/rows_workload.h"
#include "sim/workloads/workloads.h"
#include "tidemark/detail/operators/async_operator.h"

namespace tidemark {
namespace {

using std::chrono::milliseconds;

constexpr std::int64_t kByCall = 0;
constexpr std::int64_t kByFunction = 1;
constexpr const char* kUids[] = {"called", "asked"};

struct Number {
  std::int64_t number = 0;
  Timestamp at;
};

struct Row {
  std::int64_t way = 0;  ///< kByCall or kByFunction
  std::int64_t number = 0;
  std::int64_t doubled = 0;  ///< -1: there was no answer
  std::int64_t late = 0;     ///< 1: it came behind a watermark
};

/// Which numbers are never answered.
bool has_no_answer(std::int64_t number) { return number % 11 == 3; }

class AnswersLate final : public AsyncFunction<Number, Row> {
 public:
  AnswersLate(Declare&, BadLuck bad_luck) : bad_luck_{std::move(bad_luck)} {}
  void request(const Number& number, AsyncResult<Row> result) override {
    bad_luck_();
    waiting_.emplace_back(number.number, std::move(result));
    if (has_no_answer(number.number)) return;
    if (number.number % 5 == 1 && waiting_.size() < 4) return;
    // The newest first.
    for (auto each = waiting_.rbegin(); each != waiting_.rend(); ++each) {
      if (!has_no_answer(each->first)) each->second.complete({kByFunction, each->first, 2 * each->first});
    }
    std::erase_if(waiting_, [](const auto& each) { return !has_no_answer(each.first); });
  }
  std::vector<Row> timed_out(const Number& number) override {
    return {{kByFunction, number.number, has_no_answer(number.number) ? -1 : 2 * number.number}};
  }

 private:
  BadLuck bad_luck_;
  std::vector<std::pair<std::int64_t, AsyncResult<Row>>> waiting_;
};

class SayWhetherLate final : public Process<Row, Row> {
 public:
  explicit SayWhetherLate(Declare&) {}
  void process(const Row& row, Context& ctx, Out<Row>& out) override {
    const bool is_late = ctx.watermark() > Timestamp::min() && ctx.timestamp() <= ctx.watermark();
    out.emit({row.way, row.number, row.doubled, is_late ? 1 : 0});
  }
};

class Asking final : public RowsWorkload<Row> {
 public:
  explicit Asking(const WorkloadOptions& options) : RowsWorkload{options}, numbers_{options.records / 2 + 1} {}

  std::string name() const override { return "asking"; }

  void describe(Job& job) const override {
    const auto numbers = job.from(generate<Number>(numbers_, [](std::uint64_t n) {
                                return Number{static_cast<std::int64_t>(n), Timestamp{static_cast<std::int64_t>(n)}};
                              }).event_time(&Number::at))
                             .uid("numbers");
    const bool ordered = options().seed % 2 == 0;
    const auto order = [ordered](const auto& asks) { return ordered ? asks.ordered() : asks.unordered(); };
    // Without a timeout: time may leap while a call runs.
    const auto called = order(numbers.async().timeout(milliseconds{0}).capacity(1 + options().seed % 7))
                            .retry(fixed_delay(3, milliseconds{1}))
                            .map_on_threads(3, [bad_luck = bad_luck()](const Number& n) {
                              bad_luck();
                              return Row{kByCall, n.number, 2 * n.number};
                            })
                            .uid(kUids[kByCall])
                            .process<SayWhetherLate>();
    const auto asked = order(numbers.async().timeout(milliseconds{5}).capacity(8))
                           .retry(exponential_backoff(3, milliseconds{1}, milliseconds{2}))
                           .process<AnswersLate>(bad_luck())
                           .uid(kUids[kByFunction])
                           .process<SayWhetherLate>();
    called.union_with(asked).to(write_files(kOut, as_json())).uid(kSink);
  }

  Complaint check_checkpoint(FileSystem& files, const std::string&, const CheckpointMetadata& checkpoint) const override {
    const auto read = numbers_read(checkpoint, "numbers", numbers_);
    if (!read) return read.error().message();
    std::set<std::pair<std::int64_t, std::int64_t>> open;
    for (const std::int64_t way : {kByCall, kByFunction}) {
      const auto requests = read_list_state<detail::UnansweredRecord<Number>>(checkpoint, kUids[way], "requests");
      if (!requests) return requests.error().message();
      for (const auto& request : *requests) {
        const std::int64_t number = request.record.number;
        if (!open.emplace(way, number).second) return fmt::format("number {} stands in the checkpoint twice", number);
        if (!(*read)[static_cast<std::size_t>(number)]) return fmt::format("number {} stands in the checkpoint and was not read", number);
      }
    }
    return check_secured(files, checkpoint, [&](const Rows& rows) {
      return find_lost(rows, [&](std::int64_t way, std::int64_t number) {
        return (*read)[static_cast<std::size_t>(number)] && !open.contains({way, number});
      });
    });
  }

 private:
  bool is_expected(const Row& row) const {
    if (row.way != kByCall && row.way != kByFunction) return false;
    if (row.number < 0 || static_cast<std::uint64_t>(row.number) >= numbers_) return false;
    const bool is_answered = row.way == kByCall || !has_no_answer(row.number);
    return row.doubled == (is_answered ? 2 * row.number : -1) && row.late == 0;
  }

  Complaint find_wrong(const Rows& rows) const override {
    std::map<std::pair<std::int64_t, std::int64_t>, int> times;
    for (const auto& [row, subtask, attempt] : rows) {
      if (!is_expected(row)) return fmt::format("way {} has no number {} with {}, late {}", row.way, row.number, row.doubled, row.late);
      if (++times[{row.way, row.number}] > 1 && !may_repeat()) return fmt::format("number {} of way {} came out twice", row.number, row.way);
    }
    return std::nullopt;
  }

  Complaint find_missing(const Rows& rows) const override {
    return find_lost(rows, [](std::int64_t, std::int64_t) { return true; });
  }

  /// Of the numbers that `wanted` says, those that aren't there.
  template <class Wanted>
  Complaint find_lost(const Rows& rows, const Wanted& wanted) const {
    std::set<std::pair<std::int64_t, std::int64_t>> there;
    for (const auto& committed : rows) there.emplace(committed.row.way, committed.row.number);
    for (const std::int64_t way : {kByCall, kByFunction}) {
      for (std::int64_t number = 0; number < static_cast<std::int64_t>(numbers_); ++number) {
        if (wanted(way, number) && !there.contains({way, number})) return fmt::format("number {} of way {} is lost", number, way);
      }
    }
    return std::nullopt;
  }

  const std::uint64_t numbers_;
};

}  // namespace

std::unique_ptr<Workload> make_asking(const WorkloadOptions& options) { return std::make_unique<Asking>(options); }

}  // namespace tidemark

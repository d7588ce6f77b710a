// Cumulative windows, whose ends are apart as their starts are not, where an aggregate is kept by slices: against the model of
// the general window operator.
#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "operators/window_property_test.h"
#include "tidemark/detail/operators/window_aggregate.h"

namespace tidemark::detail {
namespace {

/// Gets each record by itself: a window would fire once a batch for all that are late, and in the model it does for each.
template <class K>
class SlicedSubject final : public AnyWindowSubject {
  using Rec = PropertyRecord<K>;
  using Op = WindowAggregateOperator<Rec, PropertyKey<K>, ListAggregate<WholeRecord>, typename PropertyKey<K>::Row>;

 public:
  SlicedSubject(TestWorld& world, const WindowSpec& spec, Duration lateness, OperatorRestore restore, SubtaskPlace at)
      : world_{world},
        context_{std::make_unique<TestContext>(world, at.subtask, at.parallelism, kPropertyMaxParallelism)},
        op_{std::make_unique<Op>(PropertyKey<K>{}, ListAggregate<WholeRecord>{}, spec, lateness)} {
    context_->context.restore = std::move(restore);
    op_->out().add_receiver(end_);
    op_->late_out().add_receiver(late_);
    op_->open(context_->context);
  }
  ~SlicedSubject() override {
    op_.reset();
    context_->run_mail();
  }
  void receive(const std::vector<ModelRecord>& records) override {
    for (const ModelRecord& record : records) {
      TypedBatch<Rec> batch;
      batch.append({PropertyKey<K>::of(record.key), record.value}, record.time);
      hash_keys(batch, PropertyKey<K>{});
      op_->receive(batch);
    }
  }
  void advance(std::int64_t watermark) override {
    while (!op_->advance(Timestamp{watermark})) {
    }
  }
  void advance_clock(std::int64_t) override {}
  void end() override { advance(INT64_MAX); }
  StartedSnapshot start() override { return start_snapshot(world_, *op_, context_->context); }
  OperatorSnapshot finish(StartedSnapshot started) override {
    OperatorSnapshot result = finish_snapshot(std::move(started));
    context_->run_mail();
    return result;
  }
  std::size_t timers() const override { return op_->timers(); }

 private:
  TestWorld& world_;
  std::unique_ptr<TestContext> context_;
  Receiving<typename Op::Output> end_{[this](const auto& row, std::int64_t time) {
    EXPECT_EQ(time, row.end.ms() - 1);
    rows.push_back(show_window_row<K>(row));
  }};
  Receiving<Rec> late_{[this](const Rec& record, std::int64_t time) { late.push_back(show_late_record(record, time)); }};
  std::unique_ptr<Op> op_;
};

template <class K>
void check_cumulative() {
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Draw draw{std::mt19937_64{seed}};
    WindowModel model;
    model.trigger.at_end = true;
    const std::int64_t step = 1 + draw.below(20);
    const WindowSpec spec = WindowSpec::cumulative(step * (1 + draw.below(6)), step, draw.below(100) - 50);
    model.windows_of = windows_by_search(spec);
    TestedWindows tested;
    tested.make = [spec](TestWorld& world, Duration lateness, OperatorRestore restore, SubtaskPlace at) {
      return std::make_unique<SlicedSubject<K>>(world, spec, lateness, std::move(restore), at);
    };
    tested.key_group = [](const std::string& name) {
      return key_group_of(hash_key<K>(PropertyKey<K>::of(name)), kPropertyMaxParallelism);
    };
    tested.has_text_keys = std::same_as<K, std::string_view>;
    tested.is_whole = std::same_as<K, bool>;
    const auto times = draw_times(draw);
    WindowProperty{draw, model, tested, times}.run(100);
    if (testing::Test::HasFailure()) return;
  }
}

TEST(CumulativeWindowsAgainstAModel, ByNumber) { check_cumulative<std::int64_t>(); }
TEST(CumulativeWindowsAgainstAModel, ByText) { check_cumulative<std::string_view>(); }
TEST(CumulativeWindowsAgainstAModel, OfAWholeStream) { check_cumulative<bool>(); }

}  // namespace
}  // namespace tidemark::detail

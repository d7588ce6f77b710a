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
using SlicedOperator =
    WindowAggregateOperator<PropertyRecord<K>, PropertyKey<K>, ListAggregate<WholeRecord>, typename PropertyKey<K>::Row>;

template <class K>
class SlicedSubject final : public OperatorSubject<K, SlicedOperator<K>> {
  using Rec = PropertyRecord<K>;
  using Op = SlicedOperator<K>;

 public:
  SlicedSubject(TestWorld& world, const WindowSpec& spec, Duration lateness, OperatorRestore restore, SubtaskPlace at)
      : OperatorSubject<K, Op>{world, std::make_unique<Op>(PropertyKey<K>{}, ListAggregate<WholeRecord>{}, spec, lateness),
                               at} {
    this->op().out().add_receiver(end_);
    this->op().late_out().add_receiver(late_);
    this->open(std::move(restore));
  }
  /// A window fires again once for all late records of a batch, and in the model once for each.
  void receive(const std::vector<ModelRecord>& records) override {
    for (const ModelRecord& record : records) OperatorSubject<K, Op>::receive({record});
  }

 private:
  Receiving<typename Op::Output> end_{[this](const auto& row, std::int64_t time) {
    EXPECT_EQ(time, row.end.ms() - 1);
    this->rows.push_back(show_window_row<K>(row));
  }};
  Receiving<Rec> late_{[this](const Rec& record, std::int64_t time) { this->late.push_back(show_late_record(record, time)); }};
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

// Windows of the user's that are none, and records for whose time there is none, under the operator test kit.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tidemark/testing.h"

namespace tidemark {
namespace {

using namespace std::chrono_literals;

struct Move {
  std::int64_t player = 0;
  std::vector<std::int64_t> windows;  ///< start and end of each, in seconds
};
using Row = Windowed<std::int64_t, std::int64_t>;

/// Those that the record says.
struct AsSaid {
  void assign(const Move& move, Timestamp, std::vector<Window>& to) const {
    for (std::size_t i = 0; i + 1 < move.windows.size(); i += 2) {
      to.push_back({at(move.windows[i] * 1s), at(move.windows[i + 1] * 1s)});
    }
  }
};
struct AsSaidAndMerged : AsSaid {
  static constexpr bool kMerges = true;
};

template <class Windows>
auto counted_by(Windows windows) {
  return [windows](Stream<Move> moves) { return moves.key_by(&Move::player).window(windows).aggregate(count()).uid("rounds"); };
}

TEST(KitOwnWindows, OneThatDoesNotEndBehindItsStartFailsTheJobAndNamesTheRecord) {
  in_every_way([](const TestOptions& way) {
    for (const std::vector<std::int64_t>& windows : {std::vector<std::int64_t>{5, 5}, {5, 4}, {1, 2, 7, 3}}) {
      PipelineTest<Move, Row> t{way, counted_by(AsSaid{})};
      t.in({1, {1, 2}}, at(0s));
      t.expect_failure("a window ends after it starts", [&] { t.in({77, windows}, at(0s)); });
    }
    PipelineTest<Move, Row> t{way, counted_by(AsSaid{})};
    t.expect_failure("rounds", [&] { t.in({77, {5, 5}}, at(0s)); });
    PipelineTest<Move, Row> names_record{way, counted_by(AsSaidAndMerged{})};
    names_record.expect_failure("\"player\":77", [&] { names_record.in({77, {5, 5}}, at(0s)); });
  });
}

TEST(KitOwnWindows, OneThatIsGivenTwiceFailsTheJob) {
  in_every_way([](const TestOptions& way) {
    PipelineTest<Move, Row> t{way, counted_by(AsSaid{})};
    t.in({1, {3, 4, 1, 2, 1, 4}}, at(0s));  // in any order, and overlapping
    t.expect_failure("[1970-01-01 00:00:01.000, 1970-01-01 00:00:02.000) twice",
                     [&] { t.in({77, {1, 2, 3, 4, 1, 2}}, at(0s)); });
  });
}

TEST(KitOwnWindows, OnesThatMergeAreApart) {
  in_every_way([](const TestOptions& way) {
    PipelineTest<Move, Row> fine{way, counted_by(AsSaidAndMerged{})};
    fine.in({1, {5, 6, 1, 3}}, at(0s)).in({1, {2, 4}}, at(0s)).end();
    fine.expect_out({{at(1s), at(4s), 1, 2}, {at(5s), at(6s), 1, 1}}, in_any_order);
    PipelineTest<Move, Row> touching{way, counted_by(AsSaidAndMerged{})};
    touching.expect_failure("which touch and so merge", [&] { touching.in({77, {2, 5, 1, 2}}, at(0s)); });
  });
}

constexpr Timestamp kTooEarly{-(std::int64_t{1} << 62) - 1};

/// Records of all windows whose time is no time for them.
template <class Windows, class Trigger>
void check_no_window(const char* name, Windows windows, Trigger trigger) {
  SCOPED_TRACE(name);
  const SideOutput<Move> late{"late"};
  const TestOutput<Move> no_window{"no window"};
  for (const TestOptions& way : every_way()) {
    SCOPED_TRACE(way.name);
    const auto counted = [&](Stream<Move> moves) {
      return trigger(moves.key_by(&Move::player).window(windows)).late_to(late).aggregate(count()).uid("w");
    };
    PipelineTest<Move, Row> handed_out{way, [&](Stream<Move> moves, TestPorts& ports) {
                                         const auto rows = counted(moves);
                                         ports.output(no_window, rows.side_output(late));
                                         return rows;
                                       }};
    handed_out.in({1, {}}, kTooEarly).in({2, {}}, Timestamp::min()).in({3, {}}, Timestamp::max() - 1ms).in({4, {}}, at(6s));
    handed_out.expect_out(no_window, {{1, {}}, {2, {}}, {3, {}}}, in_any_order);
    handed_out.end();
    const auto rows = handed_out.take_out();
    ASSERT_EQ(rows.size(), 1u);
    EXPECT_EQ(rows[0].value.key, 4);

    PipelineTest<Move, Row> too_early{way, counted};
    too_early.expect_failure(
        "is its unit milliseconds? where single records are like that, take them out with late_to(...) or filter(...)",
        [&] { too_early.in({77, {}}, kTooEarly); });
    PipelineTest<Move, Row> no_time{way, counted};
    no_time.expect_failure("has no event time", [&] { no_time.in({77, {}}, Timestamp::min()); });
  }
}

TEST(KitWindowLate, RecordsForWhoseTimeThereIsNoWindowAreLateWhereSomebodyReadsThemAndElseFailTheJob) {
  const auto own = [](auto windowed) { return windowed; };
  check_no_window("tumbling", tumbling(10s), [](auto windowed) { return windowed.trigger(event_time_trigger()); });
  check_no_window("tumbling, by slices", tumbling(10s), own);
  check_no_window("session", session(10s), own);
  check_no_window("cumulative", cumulative(10s, 5s), [](auto windowed) { return windowed.trigger(event_time_trigger()); });
  check_no_window("days", calendar_days("UTC"), own);
}

TEST(KitWindowLate, SoItIsInTwoStages) {
  const SideOutput<Move> late{"late"};
  const TestOutput<Move> no_window{"no window"};
  in_every_way([&](const TestOptions& way) {
    PipelineTest<Move, Row> t{way, [&](Stream<Move> moves, TestPorts& ports) {
                                const auto windows = moves.key_by(&Move::player).window(tumbling(10s)).late_to(late);
                                const auto rows = windows.two_stage().aggregate(count()).uid("w");
                                ports.output(no_window, rows.side_output(late));
                                return rows;
                              }};
    t.in({1, {}}, kTooEarly).in({2, {}}, at(1s)).expect_out(no_window, {{1, {}}});
    t.end().expect_out({{at(0s), at(10s), 2, 1}});
  });
}

}  // namespace
}  // namespace tidemark

// Times as they should not be, and streams that stand still or end, where two streams meet or a window has two stages: under
// the operator test kit.
#include <gmock/gmock.h>

#include <functional>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "tidemark/testing.h"

namespace tidemark {
namespace {

using namespace std::chrono_literals;
using ::testing::AnyOf;
using ::testing::HasSubstr;

struct Left {
  std::int64_t key = 0;
  std::int64_t id = 0;
};
struct Right {
  std::int64_t key = 0;
  std::int64_t id = 0;
};
struct Pair {
  std::int64_t left = 0;  ///< 0: there is none
  std::int64_t right = 0;
};
const auto kPair = [](const Left* l, const Right* r) { return Pair{l != nullptr ? l->id : 0, r != nullptr ? r->id : 0}; };
const auto kLeftPair = [](const Left& l, const Right* r) { return kPair(&l, r); };
void groups(std::span<const Left> lefts, std::span<const Right> rights, Out<Pair>& out) {
  out.emit({static_cast<std::int64_t>(lefts.size()), static_cast<std::int64_t>(rights.size())});
}

using Row = Windowed<std::int64_t, std::int64_t>;
constexpr auto kCounted = [](Stream<Left> in) {
  return in.key_by(&Left::key).window(tumbling(10s)).two_stage().aggregate(count()).uid("count");
};

struct Joined {
  TestInput<Right> rights{"rights"};
  PipelineTest<Left, Pair> test;

  template <class Build>
  Joined(const TestOptions& way, const Build& build)
      : test{way, [&](Stream<Left> lefts, TestPorts& ports) {
               return build(lefts.key_by(&Left::key), ports.input(rights).key_by(&Right::key));
             }} {}
};
constexpr auto kBetween = [](auto lefts, auto rights) { return lefts.join(rights).between(-5s, 5s).full(kPair).uid("join"); };
constexpr auto kInWindows = [](auto lefts, auto rights) {
  return lefts.join(rights).window(tumbling(10s)).full(kPair).uid("join");
};
constexpr auto kAsOf = [](auto lefts, auto rights) { return lefts.join(rights).as_of().left(kLeftPair).uid("join"); };
constexpr auto kCoGroup = [](auto lefts, auto rights) {
  return lefts.co_group(rights).window(tumbling(10s)).apply(&groups).uid("groups");
};

constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();
constexpr std::int64_t kEnds[] = {-kMost - 1, -kMost,        -(kMost / 2) - 3, -kMost / 4, -1,
                                  kMost / 4,  kMost / 2 + 3, kMost - 2,        kMost - 1};

/// A row each, or the name of the record that there can be no window for.
template <class Test, class Feed>
void expect_rows_or_error(Test& test, std::int64_t time, const Feed& feed, bool has_windows) {
  SCOPED_TRACE(time);
  try {
    feed();
    test.end();
    EXPECT_FALSE(test.take_out().empty());
  } catch (const Error& error) {
    EXPECT_TRUE(has_windows);
    EXPECT_THAT(error.what(), HasSubstr("record 1 (event time"));
    EXPECT_THAT(error.what(), AnyOf(HasSubstr("too far from 1970"), HasSubstr("has no event time")));
    const bool is_within = -(std::int64_t{1} << 62) <= time && time <= std::int64_t{1} << 62;
    EXPECT_FALSE(is_within);
  }
}
template <class Build>
void check_ends(const Build& build, bool has_windows) {
  for (const std::int64_t time : kEnds) {
    Joined t{{}, build};
    expect_rows_or_error(
        t.test, time, [&] { t.test.in({1, 7}, Timestamp{time}).in(t.rights, {1, 8}, Timestamp{time}); }, has_windows);
  }
}
TEST(KitEndsOfTime, JoinsGiveRowsOrNameTheRecord) {
  check_ends(kBetween, false);
  check_ends(kAsOf, false);
  check_ends(kInWindows, true);
  check_ends(kCoGroup, true);
  check_ends([](auto lefts, auto rights) { return lefts.join(rights).window(session(10s)).full(kPair).uid("join"); }, true);
}
TEST(KitEndsOfTime, TwoStagesAndWindowsOfAWholeStreamGiveRowsOrNameTheRecord) {
  for (const std::int64_t time : kEnds) {
    PipelineTest<Left, Row> two_stage{{}, kCounted};
    expect_rows_or_error(two_stage, time, [&] { two_stage.in({1, 7}, Timestamp{time}); }, true);
    PipelineTest<Left, WindowedAll<std::int64_t>> whole{
        {}, [](Stream<Left> in) { return in.window_all(sliding(10s, 3s)).aggregate(count()).uid("all"); }};
    expect_rows_or_error(whole, time, [&] { whole.in({1, 7}, Timestamp{time}); }, true);
  }
}

TEST(KitTimesBefore1970, AreTimesLikeOthers) {
  in_every_way([](const TestOptions& way) {
    Joined between{way, kBetween};
    between.test.in({1, 1}, at(-2s))
        .in(between.rights, {1, 2}, at(-7s))
        .in(between.rights, {1, 3}, at(-8s))
        .in(between.rights, {1, 4}, at(3s));
    between.test.watermark(at(3s)).expect_out({{1, 2}, {1, 4}, {0, 3}}, in_any_order);
    Joined as_of{way, kAsOf};
    as_of.test.in(as_of.rights, {1, 1}, at(-20s))
        .in(as_of.rights, {1, 2}, at(-10s))
        .in({1, 5}, at(-11s))
        .in({1, 6}, at(-10s))
        .in({1, 7}, at(-21s));
    as_of.test.watermark(at(-1s)).expect_out({{7, 0}, {5, 1}, {6, 2}});
    Joined grouped{way, kCoGroup};
    grouped.test.in({1, 1}, at(-1ms))
        .in({1, 2}, at(-10s))
        .in(grouped.rights, {1, 3}, at(-10s) - 1ms)
        .in(grouped.rights, {1, 4}, at(0s));
    grouped.test.watermark(at(-1ms)).expect_out({{0, 1}, {2, 0}});
    PipelineTest<Left, Row> counted{way, kCounted};
    counted.in({1, 1}, at(-1ms)).in({1, 2}, at(-10s)).in({1, 3}, at(-10s) - 1ms).in({1, 4}, at(0s));
    counted.watermark(at(-1ms)).expect_out({{at(-20s), at(-10s), 1, 1}, {at(-10s), at(0s), 1, 2}});
  });
}

TEST(KitWatermark, OneThatGoesBackChangesNothing) {
  in_every_way([](const TestOptions& way) {
    PipelineTest<Left, Row> windows{
        way, [](Stream<Left> in) { return in.key_by(&Left::key).window(tumbling(10s)).aggregate(count()).uid("count"); }};
    windows.in({1, 1}, at(1s)).watermark(at(10s)).expect_out({{at(0s), at(10s), 1, 1}});
    windows.watermark(at(3s)).in({1, 2}, at(5s)).watermark(at(9s)).watermark(at(12s)).expect_out({});
    windows.in({1, 3}, at(13s)).end().expect_out({{at(10s), at(20s), 1, 1}});

    Joined join{way, kBetween};
    join.test.in({1, 1}, at(10s)).watermark(at(15s)).expect_out({{1, 0}});
    join.test.watermark(at(2s)).in(join.rights, {1, 2}, at(12s)).expect_out({});
    join.test.in({1, 3}, at(17s)).end().expect_out({{3, 0}});

    Joined sessions{way,
                    [](auto lefts, auto rights) { return lefts.join(rights).window(session(10s)).full(kPair).uid("join"); }};
    sessions.test.in({1, 1}, at(0s)).watermark(at(10s)).expect_out({{1, 0}});
    sessions.test.watermark(at(5s)).in(sessions.rights, {1, 2}, at(0s)).end().expect_out({});
  });
}

// Of two streams one has ended, and the other goes on for as long as it likes: rows come as its time goes on, and what can meet
// nothing any more is let go.
TEST(KitJoin, WhoseOneSideNeverEnds) {
  in_every_way([](const TestOptions& way) {
    Joined between{way, kBetween};
    between.test.in({1, 1}, at(1s)).in(between.rights, {1, 2}, at(4s)).in(between.rights, {2, 3}, at(8s)).expect_out({{1, 2}});
    between.test.end(between.rights).expect_out({});
    Joined windows{way, kInWindows};
    windows.test.in({1, 1}, at(1s))
        .in(windows.rights, {1, 2}, at(4s))
        .in(windows.rights, {2, 3}, at(18s))
        .end(windows.rights)
        .expect_out({});
    Joined as_of{way, kAsOf};
    as_of.test.in(as_of.rights, {1, 2}, at(4s)).end(as_of.rights);
    for (std::int64_t i = 2; i < 8; ++i) {
      between.test.in({1, i}, at(10s * i)).watermark(at(10s * i + 5s));
      windows.test.in({1, i}, at(10s * i)).watermark(at(10s * i + 9999ms));
      as_of.test.in({1, i}, at(10s * i)).watermark(at(10s * i));
      if (i == 2) {
        between.test.expect_out({{0, 3}, {2, 0}}, in_any_order);
        windows.test.expect_out({{1, 2}, {0, 3}, {2, 0}}, in_any_order);
      } else {
        between.test.expect_out({{i, 0}});
        windows.test.expect_out({{i, 0}});
      }
      as_of.test.expect_out({{i, 2}});
    }
  });
}

// A side that sends nothing and does not end either holds back what waits for its watermark, and no more than that.
TEST(KitJoin, WhoseOneSideIsSilentGivesWhatNeedsNoWatermarkOfIt) {
  in_every_way([](const TestOptions& way) {
    Joined inner{way, [](auto lefts, auto rights) {
                   return lefts.join(rights)
                       .between(-5s, 5s)
                       .inner([](const Left& l, const Right& r) { return Pair{l.id, r.id}; })
                       .uid("join");
                 }};
    inner.test.in({1, 1}, at(1s)).in(inner.rights, {1, 2}, at(2s)).expect_out({{1, 2}});
    inner.test.watermark(inner.rights, at(100s)).in({1, 3}, at(3s)).expect_out({{3, 2}});
    Joined windows{way, kInWindows};
    windows.test.in({1, 1}, at(1s)).in(windows.rights, {1, 2}, at(2s)).watermark(windows.rights, at(100s)).expect_out({});
    windows.test.watermark(at(10s)).expect_out({{1, 2}});
  });
}

/// One record, then nothing for thirty looks, a second apart, then the end.
struct Whole {};
struct Looks {
  std::int64_t count = 0;
};
class Silent final : public Source<Right, Whole, Looks> {
 public:
  std::string name() const override { return "silent"; }
  std::vector<Whole> find_splits() override { return {{}}; }
  ReadOutcome read(Looks& position, SourceOut<Right>& out) override {
    if (looks_++ == 0) {
      out.emit(at(0s), {1, 100});
      ++position.count;
      return ReadOutcome::kMore;
    }
    return looks_ < 30 ? ReadOutcome::kNothingNow : ReadOutcome::kEnd;
  }

 private:
  std::int64_t looks_ = 0;
};
const auto kAsOne = [](const auto&) { return true; };
/// When it came, on the wall clock.
struct Came {
  std::int64_t id = 0;
  Timestamp at;
};
template <class T>
class Stamped final : public KeyedProcess<bool, T, Came> {
 public:
  explicit Stamped(Declare&) {}
  void process(const T& row, typename KeyedProcess<bool, T, Came>::Context& ctx, Out<Came>& out) override {
    if constexpr (requires { row.value; }) {
      out.emit({row.value, ctx.processing_time()});
    } else {
      out.emit({row.left, ctx.processing_time()});
    }
  }
};

TEST(KitIdleSource, BesideABusyOneHoldsUpNeitherWindowsNorJoins) {
  for (const bool may_be_idle : {true, false}) {
    const TestOutput<Came> windows{"windows"};
    const TestOutput<Came> pairs{"pairs"};
    JobTest t{TestOptions{}, [&](Job& job, TestPorts& ports) {
                // Ten a second, each a second of event time behind the one before.
                const auto lefts =
                    job.from(generate<Left>(50,
                                            [](std::uint64_t n) {
                                              return Left{static_cast<std::int64_t>(n % 2), static_cast<std::int64_t>(n)};
                                            })
                                 .event_time([](const Left& left) { return at(left.id * 1s); })
                                 .rate(10))
                        .uid("busy");
                auto silent = own_source<Silent>();
                silent.poll_every(1s);
                if (may_be_idle) silent.idle_after(1s);
                const auto rights = job.from(silent).uid("silent");
                const auto both = lefts.union_with(rights.map([](const Right& right) { return Left{right.key, right.id}; }));
                ports.output(windows, both.window_all(tumbling(10s))
                                          .aggregate(count())
                                          .uid("count")
                                          .key_by(kAsOne)
                                          .process<Stamped<WindowedAll<std::int64_t>>>()
                                          .uid("windows"));
                ports.output(pairs, lefts.key_by(&Left::key)
                                        .join(rights.key_by(&Right::key))
                                        .between(-1s, 1s)
                                        .anti()
                                        .uid("alone")
                                        .map([](const Left& left) { return Pair{left.id, 0}; })
                                        .key_by(kAsOne)
                                        .process<Stamped<Pair>>()
                                        .uid("pairs"));
              }};
    t.run();
    const auto counts = t.take_out(windows);
    ASSERT_EQ(counts.size(), 5u);
    EXPECT_EQ(counts[0].value.id, 11) << "with the one of the silent source";
    EXPECT_EQ(counts[3].value.at < at(10s), may_be_idle) << to_string(counts[3].value.at);
    const auto alone = t.take_out(pairs);
    ASSERT_EQ(alone.size(), 49u) << "all but the one that meets";
    EXPECT_EQ(alone[30].value.at < at(10s), may_be_idle) << to_string(alone[30].value.at);
  }
}

}  // namespace
}  // namespace tidemark

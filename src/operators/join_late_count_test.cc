// Late records of joins that nobody reads are counted by the operator, those of either stream.
#include <gtest/gtest.h>

#include <cstdint>
#include <functional>
#include <memory>

#include "operators/operator_harness.h"
#include "tidemark/detail/operators/interval_join.h"
#include "tidemark/detail/operators/keyed_co_process.h"
#include "tidemark/detail/operators/late_records.h"
#include "tidemark/detail/operators/temporal_join.h"

namespace tidemark::detail {
namespace {

struct Event {
  std::int64_t key = 0;
};
struct Row {
  std::int64_t key = 0;
};
const auto kRowOf = [](const Event& a, const Event*) { return Row{a.key}; };
using MakeRow = decltype(kRowOf);

template <class Join>
class JoinOperator {
  using Op = KeyedCoProcessOperator<Join, std::int64_t Event::*, std::int64_t Event::*>;

 public:
  explicit JoinOperator(const typename Op::Make& make) : op_{make, &Event::key, &Event::key} { op_.open(context_.context); }

  void advance(std::int64_t watermark) {
    while (!op_.advance(Timestamp{watermark})) {}
  }
  /// Into the stream of that number; how many have been late so far.
  std::uint64_t receive(std::uint32_t stream, std::int64_t time) {
    TypedBatch<Event> batch;
    batch.append({1}, time);
    hash_keys(batch, [](const Event& event) { return event.key; });
    op_.input(stream).receive(batch);
    return op_.late_dropped();
  }

 private:
  TestWorld world_;
  TestContext context_{world_};
  Op op_;
};

TEST(JoinLateCount, OfAnIntervalJoin) {
  using Join = IntervalJoin<JoinKind::kLeft, std::int64_t, Event, Event, MakeRow>;
  JoinOperator<Join> join{[](Declare& declare) { return std::make_unique<Join>(declare, kRowOf, Interval{Duration{-5}, Duration{5}}, LateNames{}); }};
  EXPECT_EQ(join.receive(0, 3), 0u);
  join.advance(10);
  EXPECT_EQ(join.receive(0, 11), 0u);
  EXPECT_EQ(join.receive(0, 10), 1u);
  EXPECT_EQ(join.receive(1, -100), 2u);
  EXPECT_EQ(join.receive(1, 11), 2u);
}

TEST(JoinLateCount, OfATemporalJoin) {
  using Join = TemporalJoin<JoinKind::kLeft, std::int64_t, Event, Event, MakeRow>;
  JoinOperator<Join> join{[](Declare& declare) { return std::make_unique<Join>(declare, kRowOf, LateNames{}); }};
  EXPECT_EQ(join.receive(1, 90), 0u);
  join.advance(10);
  EXPECT_EQ(join.receive(1, 5), 0u) << "a late version, but there is none older than that";
  EXPECT_EQ(join.receive(1, 4), 1u);
  EXPECT_EQ(join.receive(1, 7), 1u) << "newer than the one that is kept";
  EXPECT_EQ(join.receive(0, 10), 2u);
  EXPECT_EQ(join.receive(0, 11), 2u);
}

}  // namespace
}  // namespace tidemark::detail

// Windows under the operator test kit.
#include <gtest/gtest.h>

#include "tidemark/testing.h"

namespace tidemark {
namespace {

using namespace std::chrono_literals;

struct Bid {
  std::int64_t auction = 0;
  std::int64_t price = 0;
};

using Count = Windowed<std::int64_t, std::int64_t>;

TEST(KitWindow, TumblingWithLatenessAndLateOutput) {
  in_every_way([](const TestOptions& way) {
    const SideOutput<Bid> late{"late"};
    const TestOutput<Bid> late_bids{"late bids"};
    PipelineTest<Bid, Count> t{way, [&](Stream<Bid> bids, TestPorts& ports) {
                                 const auto counts =
                                     bids.key_by(&Bid::auction).window(tumbling(10s)).allowed_lateness(5s).late_to(late).aggregate(count()).uid("count");
                                 ports.output(late_bids, counts.side_output(late));
                                 return counts;
                               }};
    t.in({1, 5}, at(1s)).in({1, 6}, at(9s)).in({2, 7}, at(3s)).in({1, 8}, at(11s));
    t.watermark(at(8s)).expect_out({});
    t.watermark(at(12s)).expect_out({{at(0s), at(10s), 1, 2}, {at(0s), at(10s), 2, 1}}, in_any_order);
    t.in({1, 9}, at(2s)).expect_out({{at(0s), at(10s), 1, 3}});  // late, and allowed to be
    t.expect_out(late_bids, {});
    t.watermark(at(16s));
    t.in({1, 10}, at(2s)).expect_out({});
    t.expect_out(late_bids, {{1, 10}});
    t.end().expect_out({{at(10s), at(20s), 1, 1}});
  });
}

TEST(KitWindow, SlidingSumsAndFiringOrderOfTime) {
  in_every_way([](const TestOptions& way) {
    PipelineTest<Bid, Count> t{way, [](Stream<Bid> bids) {
                                 return bids.key_by(&Bid::auction).window(sliding(10s, 5s)).aggregate(sum(&Bid::price)).uid("sum");
                               }};
    t.in({1, 1}, at(1s)).in({1, 2}, at(6s)).in({1, 4}, at(12s));
    t.watermark(at(7s)).expect_out({{at(-5s), at(5s), 1, 1}});
    t.watermark(at(15s)).expect_out({{at(0s), at(10s), 1, 3}, {at(5s), at(15s), 1, 6}}, in_order_of(&Count::key));
    t.end().expect_out({{at(10s), at(20s), 1, 4}});
  });
}

TEST(KitWindow, TheWholeStreamTogetherAndItsLargestRecord) {
  in_every_way([](const TestOptions& way) {
    PipelineTest<Bid, WindowedAll<Bid>> t{
        way, [](Stream<Bid> bids) { return bids.window_all(tumbling(10s)).aggregate(max_by(&Bid::price)).uid("best"); }};
    t.in({1, 5}, at(1s)).in({2, 9}, at(2s)).in({3, 9}, at(3s)).in({4, 1}, at(14s));
    t.watermark(at(10s)).expect_out({{at(0s), at(10s), {2, 9}}});
    t.end().expect_out({{at(10s), at(20s), {4, 1}}});
  });
}

struct Spread {
  struct Accumulator {
    std::optional<std::int64_t> low, high;
    std::vector<std::string> log;
  };
  struct Result {
    std::int64_t spread = 0;
    std::int64_t bids = 0;
  };
  void add(Accumulator& a, const Bid& bid) const {
    a.low = std::min(a.low.value_or(bid.price), bid.price);
    a.high = std::max(a.high.value_or(bid.price), bid.price);
    a.log.push_back(std::to_string(bid.price) + ", written out so that it takes memory of its own");
  }
  void merge(Accumulator& a, const Accumulator& b) const {
    if (!b.low) return;
    a.low = std::min(a.low.value_or(*b.low), *b.low);
    a.high = std::max(a.high.value_or(*b.high), *b.high);
    a.log.insert(a.log.end(), b.log.begin(), b.log.end());
  }
  Result result(const Accumulator& a) const { return {a.high.value_or(0) - a.low.value_or(0), static_cast<std::int64_t>(a.log.size())}; }
};

TEST(KitWindow, AnAggregateOfTheUsers) {
  in_every_way([](const TestOptions& way) {
    PipelineTest<Bid, Windowed<std::int64_t, Spread::Result>> t{
        way, [](Stream<Bid> bids) { return bids.key_by(&Bid::auction).window(sliding(20s, 10s)).aggregate(Spread{}).uid("spread"); }};
    t.in({1, 5}, at(1s)).in({1, 9}, at(12s)).in({2, 1}, at(13s)).in({1, 2}, at(15s));
    t.watermark(at(20s)).expect_out({{at(-10s), at(10s), 1, {0, 1}}, {at(0s), at(20s), 1, {7, 3}}, {at(0s), at(20s), 2, {0, 1}}}, in_any_order);
    t.end().expect_out({{at(10s), at(30s), 1, {7, 2}}, {at(10s), at(30s), 2, {0, 1}}}, in_any_order);
  });
}

}  // namespace
}  // namespace tidemark

// Sessions, global windows, triggers, evictors and functions over windows, under the operator test kit.
#include <gtest/gtest.h>

#include "tidemark/testing.h"

namespace tidemark {
namespace {

using namespace std::chrono_literals;

struct Bid {
  std::int64_t auction = 0;
  std::int64_t price = 0;
};

using Row = Windowed<std::int64_t, std::int64_t>;
using AllRow = WindowedAll<std::int64_t>;

TEST(KitSession, TouchingSessionsAreOneAndTheWatermarkEndsIt) {
  in_every_way([](const TestOptions& way) {
    PipelineTest<Bid, Row> t{way, [](Stream<Bid> bids) { return bids.key_by(&Bid::auction).window(session(10s)).aggregate(sum(&Bid::price)).uid("s"); }};
    t.in({1, 1}, at(0s)).in({1, 2}, at(25s)).in({2, 50}, at(3s));
    t.in({1, 4}, at(10s));                         // touches the first: a record at the very end still belongs
    t.in({1, 8}, at(16s)).expect_out({});          // joins both
    t.watermark(at(13s)).expect_out({{at(3s), at(13s), 2, 50}});
    t.watermark(at(34s)).expect_out({});
    t.watermark(at(35s)).expect_out({{at(0s), at(35s), 1, 15}});
    t.in({1, 3}, at(40s)).in({2, 5}, at(90s)).end().expect_out({{at(40s), at(50s), 1, 3}, {at(90s), at(100s), 2, 5}}, in_any_order);
  });
}

TEST(KitSession, WhetherARecordIsLateIsAskedOfTheSessionThatItJoins) {
  in_every_way([](const TestOptions& way) {
    const SideOutput<Bid> late{"late"};
    const TestOutput<Bid> late_bids{"late bids"};
    PipelineTest<Bid, Row> t{way, [&](Stream<Bid> bids, TestPorts& ports) {
                               const auto rows = bids.key_by(&Bid::auction).window(session(10s)).allowed_lateness(5s).late_to(late).aggregate(count()).uid("s");
                               ports.output(late_bids, rows.side_output(late));
                               return rows;
                             }};
    t.in({1, 1}, at(0s)).watermark(at(9s) + 999ms).expect_out({{at(0s), at(10s), 1, 1}});
    t.watermark(at(12s)).in({1, 2}, at(1s)).expect_out({{at(0s), at(11s), 1, 2}});    // late, and allowed to be
    t.in({1, 3}, at(11s)).expect_out({});                                             // it goes on
    t.watermark(at(20s)).in({1, 4}, at(2s)).expect_out({});                           // late by itself, but not its session
    t.in({2, 5}, at(2s)).expect_out(late_bids, {{2, 5}});
    t.watermark(at(21s)).expect_out({{at(0s), at(21s), 1, 4}});
    t.watermark(at(26s)).in({1, 6}, at(2s)).expect_out(late_bids, {{1, 6}});
    t.end().expect_out({});
  });
}

TEST(KitSession, TheGapMayHangOnTheRecord) {
  in_every_way([](const TestOptions& way) {
    PipelineTest<Bid, Row> t{way, [](Stream<Bid> bids) {
                               return bids.key_by(&Bid::auction).window(session([](const Bid& bid) { return bid.price * 1s; })).aggregate(count()).uid("s");
                             }};
    t.in({1, 2}, at(0s)).in({1, 30}, at(1s)).in({1, 1}, at(20s)).in({1, 1}, at(32s));
    t.watermark(at(32s)).expect_out({{at(0s), at(31s), 1, 3}});
    t.expect_failure("the gap of a session is -1000 ms; it must be from 1 ms", [&] { t.in({1, -1}, at(50s)); });
  });
}

TEST(KitTrigger, GlobalWindowsCompleteAtTheEndOfAllInput) {
  in_every_way([](const TestOptions& way) {
    PipelineTest<Bid, Row> t{way, [](Stream<Bid> bids) { return bids.key_by(&Bid::auction).window(global()).aggregate(count()).uid("g"); }};
    t.in({1, 1}, at(0s)).in({1, 1}, at(100h)).in({2, 1}, at(1s)).watermark(at(1000h)).expect_out({});
    t.end().expect_out({{Timestamp::min(), Timestamp::max(), 1, 2}, {Timestamp::min(), Timestamp::max(), 2, 1}}, in_any_order);
  });
}

TEST(KitTrigger, CountsWithAndWithoutPurging) {
  in_every_way([](const TestOptions& way) {
    const TestOutput<AllRow> purged{"purged"};
    PipelineTest<Bid, Row> t{way, [&](Stream<Bid> bids, TestPorts& ports) {
                               ports.output(purged, bids.window_all(global()).trigger(purging(count_trigger(3))).aggregate(sum(&Bid::price)).uid("p"));
                               return bids.key_by(&Bid::auction).window(global()).trigger(count_trigger(2)).aggregate(sum(&Bid::price)).uid("g");
                             }};
    t.in({1, 1}).in({1, 2}).in({2, 4}).in({1, 8}).in({1, 16}).in({1, 32});
    t.expect_out({{Timestamp::min(), Timestamp::max(), 1, 3}, {Timestamp::min(), Timestamp::max(), 1, 27}}, in_any_order);
    t.end().expect_out({});
    t.expect_out(purged, {{Timestamp::min(), Timestamp::max(), 7}, {Timestamp::min(), Timestamp::max(), 56}}, in_any_order);
  });
}

TEST(KitTrigger, EarlyOnTheWallClockAndLateByCount) {
  in_every_way([](const TestOptions& way) {
    PipelineTest<Bid, Row> t{way, [](Stream<Bid> bids) {
                               return bids.key_by(&Bid::auction)
                                   .window(tumbling(10s))
                                   .trigger(event_time_trigger().early(continuous_processing_trigger(1min)).late(count_trigger(2)))
                                   .allowed_lateness(10s)
                                   .aggregate(count())
                                   .uid("w");
                             }};
    t.processing_time(at(1h)).in({1, 1}, at(1s)).expect_out({});
    t.processing_time(at(1h) + 1min).expect_out({{at(0s), at(10s), 1, 1}});
    t.in({1, 1}, at(2s)).processing_time(at(1h) + 2min).expect_out({{at(0s), at(10s), 1, 2}});
    t.in({1, 1}, at(3s)).watermark(at(10s)).expect_out({{at(0s), at(10s), 1, 3}});
    t.processing_time(at(2h)).expect_out({});
    t.in({1, 1}, at(3s)).expect_out({}).in({1, 1}, at(3s)).expect_out({{at(0s), at(10s), 1, 5}});
    t.watermark(at(20s)).in({1, 1}, at(3s)).in({1, 1}, at(3s)).expect_out({});
    t.end().expect_out({});
  });
}

TEST(KitTrigger, ContinuousInEventTimeAndOnceWhereTheWatermarkLeaps) {
  in_every_way([](const TestOptions& way) {
    PipelineTest<Bid, Row> t{way, [](Stream<Bid> bids) {
                               return bids.key_by(&Bid::auction).window(tumbling(1min)).trigger(continuous_trigger(10s)).aggregate(count()).uid("w");
                             }};
    t.in({1, 1}, at(1s)).watermark(at(9s)).expect_out({}).watermark(at(10s)).expect_out({{at(0s), at(1min), 1, 1}});
    t.in({1, 1}, at(12s)).watermark(at(35s)).expect_out({{at(0s), at(1min), 1, 2}});
    t.watermark(at(60s)).expect_out({{at(0s), at(1min), 1, 2}});
    t.in({1, 1}, at(61s)).end().expect_out({{at(1min), at(2min), 1, 1}});
  });
}

TEST(KitTrigger, DeltaAndTimeout) {
  in_every_way([](const TestOptions& way) {
    const TestOutput<Row> timed{"timed"};
    PipelineTest<Bid, Row> t{way, [&](Stream<Bid> bids, TestPorts& ports) {
                               ports.output(timed, bids.key_by(&Bid::auction)
                                                       .window(global())
                                                       .trigger(purging(timeout_trigger(count_trigger(3), 10s)))
                                                       .aggregate(count())
                                                       .uid("t"));
                               return bids.key_by(&Bid::auction)
                                   .window(global())
                                   .trigger(delta_trigger(5, [](const Bid& before, const Bid& now) { return double(now.price - before.price); }))
                                   .aggregate(max(&Bid::price))
                                   .uid("d");
                             }};
    const auto row = [](std::int64_t value) { return Row{Timestamp::min(), Timestamp::max(), 1, value}; };
    t.processing_time(at(1h)).in({1, 1}).in({1, 6}).expect_out({}).in({1, 7}).expect_out({row(7)});
    t.expect_out(timed, {row(3)});
    t.in({1, 12}).expect_out({}).processing_time(at(1h) + 9s).in({1, 13}).expect_out({row(13)});
    t.expect_out(timed, {});
    t.processing_time(at(1h) + 10s).expect_out({});
    t.expect_out(timed, {row(2)});
  });
}

TEST(KitTrigger, EvictorsKeepSomeOfTheRecords) {
  in_every_way([](const TestOptions& way) {
    const TestOutput<Row> by_time{"by time"};
    PipelineTest<Bid, Row> t{way, [&](Stream<Bid> bids, TestPorts& ports) {
                               ports.output(by_time, bids.key_by(&Bid::auction)
                                                         .window(global())
                                                         .trigger(count_trigger(1))
                                                         .evict(time_evictor(10s))
                                                         .aggregate(sum(&Bid::price))
                                                         .uid("t"));
                               return bids.key_by(&Bid::auction).window(global()).trigger(count_trigger(1)).evict(count_evictor(2)).aggregate(sum(&Bid::price)).uid("c");
                             }};
    const auto row = [](std::int64_t value) { return Row{Timestamp::min(), Timestamp::max(), 1, value}; };
    t.in({1, 1}, at(0s)).in({1, 2}, at(9s)).in({1, 4}, at(10s)).in({1, 8}, at(19s));
    t.expect_out({row(1), row(3), row(6), row(12)});
    t.expect_out(by_time, {row(1), row(3), row(6), row(12)});
  });
}

struct Best {
  std::int64_t auction = 0;
  Timestamp end;
  std::int64_t price = 0;
  std::int64_t before = 0;   // the best of the window before
  std::int64_t firing = 0;   // how often this window has given something
};
struct Firings {
  std::int64_t count = 0;
};

class BestOfWindow final : public WindowProcess<std::int64_t, WindowRecords<Bid>, Best, Firings> {
 public:
  BestOfWindow(Declare& declare, std::int64_t least) : before_{declare, "before"}, least_{least} {}
  void process(const WindowRecords<Bid>& bids, Context& ctx, Out<Best>& out) override {
    std::int64_t best = least_;
    for (const auto& [at, bid] : bids) best = std::max(best, bid.price);
    out.emit({ctx.key(), ctx.window().end, best, before_.get(), ++ctx.window_state().count});
    before_.set(best);
  }

 private:
  ValueState<std::int64_t> before_;
  std::int64_t least_;
};

TEST(KitWindowProcess, SeesRecordsAndHasStateOfKeyAndWindow) {
  in_every_way([](const TestOptions& way) {
    PipelineTest<Bid, Best> t{way, [](Stream<Bid> bids) {
                                return bids.key_by(&Bid::auction).window(tumbling(10s)).allowed_lateness(1min).process<BestOfWindow>(std::int64_t{3}).uid("p");
                              }};
    t.in({1, 1}, at(1s)).in({1, 9}, at(2s)).in({1, 5}, at(12s)).in({2, 2}, at(3s));
    t.watermark(at(10s)).expect_out({{1, at(10s), 9, 0, 1}, {2, at(10s), 3, 0, 1}}, in_any_order);
    t.in({1, 11}, at(3s)).expect_out({{1, at(10s), 11, 9, 2}});
    t.end().expect_out({{1, at(20s), 5, 11, 1}});
  });
}

struct Share {
  std::int64_t auction = 0;
  std::int64_t count = 0;
  std::int64_t so_far = 0;
};
class Shares final : public WindowProcess<std::int64_t, std::int64_t, Share> {
 public:
  explicit Shares(Declare& declare) : so_far_{declare, "so-far"} {}
  void process(const std::int64_t& count, Context& ctx, Out<Share>& out) override {
    so_far_.add(count);
    out.emit({ctx.key(), count, so_far_.get()});
  }

 private:
  ReducingState<std::int64_t, std::plus<>> so_far_;
};

TEST(KitWindowProcess, BehindAnAggregateOfSessions) {
  in_every_way([](const TestOptions& way) {
    PipelineTest<Bid, Share> t{way, [](Stream<Bid> bids) { return bids.key_by(&Bid::auction).window(session(5s)).aggregate<Shares>(count()).uid("p"); }};
    t.in({1, 1}, at(1s)).in({1, 9}, at(2s)).in({1, 5}, at(12s)).in({2, 2}, at(3s));
    t.end().expect_out({{1, 2, 2}, {1, 1, 3}, {2, 1, 1}}, in_order_of(&Share::auction));
  });
}

TEST(KitProcessingTime, TumblingAndSessionsByTheWallClock) {
  in_every_way([](const TestOptions& way) {
    const TestOutput<Row> sessions{"sessions"};
    PipelineTest<Bid, AllRow> t{way, [&](Stream<Bid> bids, TestPorts& ports) {
                                  ports.output(sessions, bids.key_by(&Bid::auction).window(session(5s).by_processing_time()).aggregate(count()).uid("s"));
                                  return bids.window_all(tumbling(10s).by_processing_time()).reduce([](const Bid& a, const Bid& b) {
                                                return Bid{0, a.price + b.price};
                                              }).uid("t").map([](const WindowedAll<Bid>& row) { return AllRow{row.start, row.end, row.value.price}; });
                                }};
    t.processing_time(at(1h)).in({1, 1}).in({1, 2}, at(5s)).in({2, 4}).processing_time(at(1h) + 4s).in({1, 8});
    t.processing_time(at(1h) + 5s).expect_out(sessions, {{at(1h), at(1h) + 5s, 2, 1}});
    t.processing_time(at(1h) + 9s).expect_out(sessions, {{at(1h), at(1h) + 9s, 1, 3}});
    t.expect_out({}).processing_time(at(1h) + 10s).expect_out({{at(1h), at(1h) + 10s, 15}});
    t.in({1, 16}).end().expect_out({});
  });
}

struct Rounds {
  void assign(const Bid& bid, Timestamp, std::vector<Window>& to) const {
    to.push_back({at(bid.price * 1s), at(bid.price * 1s + 1s)});
    to.push_back({at(bid.price * 1s), at(bid.price * 1s + 2s)});
  }
};
struct Spender {
  struct State {
    std::int64_t spent = 0;
  };
  TriggerResult on_record(State& state, const Bid& bid, TriggerContext&) const {
    state.spent += bid.price;
    return state.spent < 10 ? TriggerResult::kContinue : TriggerResult::kFireAndPurge;
  }
};

TEST(KitTrigger, WindowsAndTriggersOfTheUsers) {
  in_every_way([](const TestOptions& way) {
    const TestOutput<Row> spent{"spent"};
    PipelineTest<Bid, Row> t{way, [&](Stream<Bid> bids, TestPorts& ports) {
                               ports.output(spent, bids.key_by(&Bid::auction).window(tumbling(10s)).trigger(Spender{}).aggregate(sum(&Bid::price)).uid("s"));
                               return bids.key_by(&Bid::auction).window(Rounds{}).aggregate(count()).uid("r");
                             }};
    t.in({1, 4}, at(0s)).in({1, 5}, at(0s)).in({1, 6}, at(1s));
    t.expect_out(spent, {{at(0s), at(10s), 1, 15}});
    t.watermark(at(5s)).expect_out({{at(4s), at(5s), 1, 1}});
    t.end().expect_out({{at(4s), at(6s), 1, 1}, {at(5s), at(6s), 1, 1}, {at(5s), at(7s), 1, 1}, {at(6s), at(7s), 1, 1}, {at(6s), at(8s), 1, 1}}, in_any_order);
    t.expect_out(spent, {});
  });
}

struct Restless {
  struct State {};
  TriggerResult on_record(State&, const Bid& bid, TriggerContext& ctx) const {
    ctx.wake_at(at(1s));
    return bid.price < 0 ? throw std::invalid_argument{"a negative price"} : TriggerResult::kContinue;
  }
  TriggerResult on_event_time(State&, Timestamp when, TriggerContext& ctx) const {
    ctx.wake_at(when);
    return TriggerResult::kContinue;
  }
};

TEST(KitTrigger, OneThatThrowsOrNeverSleepsFailsTheJob) {
  in_every_way([](const TestOptions& way) {
    const auto pipeline = [](Stream<Bid> bids) { return bids.key_by(&Bid::auction).window(tumbling(10s)).trigger(Restless{}).aggregate(count()).uid("w"); };
    PipelineTest<Bid, Row> throws{way, pipeline};
    throws.expect_failure("a negative price", [&] { throws.in({1, -1}, at(0s)); });
    PipelineTest<Bid, Row> never_sleeps{way, pipeline};
    never_sleeps.in({1, 1}, at(0s));
    never_sleeps.expect_failure("a time that is not later would never end", [&] { never_sleeps.watermark(at(5s)); });
  });
}

TEST(KitWindow, CumulativeWindowsShareTheirSlices) {
  in_every_way([](const TestOptions& way) {
    PipelineTest<Bid, Row> t{way, [](Stream<Bid> bids) { return bids.key_by(&Bid::auction).window(cumulative(30s, 10s)).aggregate(sum(&Bid::price)).uid("c"); }};
    t.in({1, 1}, at(1s)).in({1, 2}, at(11s)).in({1, 4}, at(31s));
    t.watermark(at(10s)).expect_out({{at(0s), at(10s), 1, 1}});
    t.in({1, 8}, at(2s)).watermark(at(30s)).expect_out({{at(0s), at(20s), 1, 11}, {at(0s), at(30s), 1, 11}});
    t.end().expect_out({{at(30s), at(40s), 1, 4}, {at(30s), at(50s), 1, 4}, {at(30s), at(60s), 1, 4}});
  });
}

struct Stats {
  std::int64_t count = 0;
  std::int64_t total = 0;
  double average = 0;
  std::int64_t low = 0;
  std::optional<std::int64_t> highest_even;
  friend bool operator==(const Stats&, const Stats&) = default;
};

TEST(KitWindow, SeveralAggregatesInOnePass) {
  in_every_way([](const TestOptions& way) {
    const auto is_even = [](const Bid& bid) { return bid.price % 2 == 0; };
    PipelineTest<Bid, WindowedAll<Stats>> t{way, [&](Stream<Bid> bids) {
                                              return bids.window_all(sliding(20s, 10s))
                                                  .aggregate(together<Stats>(count(), sum(&Bid::price), avg(&Bid::price), min(&Bid::price),
                                                                             where(is_even, max(&Bid::price))))
                                                  .uid("c");
                                            }};
    t.in({1, 3}, at(1s)).in({1, 4}, at(11s)).in({1, 2}, at(12s));
    t.end().expect_out({{at(-10s), at(10s), {1, 3, 3, 3, {}}}, {at(0s), at(20s), {3, 9, 3, 2, 4}}, {at(10s), at(30s), {2, 6, 3, 2, 4}}});
  });
}

}  // namespace
}  // namespace tidemark

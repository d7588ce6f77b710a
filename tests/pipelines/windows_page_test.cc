// The code of docs/windows.md, run.
#include <gmock/gmock.h>

#include <algorithm>
#include <cctype>

#include "page_code.h"
#include "run_job.h"

namespace tidemark {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

struct Bid {
  std::int64_t auction = 0;
  std::int64_t bidder = 0;
  std::int64_t price = 0;
  Timestamp at;
};

struct Stats {
  std::int64_t bids = 0;
  double average = 0;
  std::int64_t bidders = 0;
  std::optional<std::int64_t> lowest_high;
};

struct Spender {
  struct State {
    std::int64_t spent = 0;
  };
  TriggerResult on_record(State& state, const Bid& bid, TriggerContext& ctx) const {
    state.spent += bid.price;
    ctx.wake_at(ctx.window().last());
    return state.spent < 1000 ? TriggerResult::kContinue : TriggerResult::kFireAndPurge;
  }
  TriggerResult on_event_time(State&, Timestamp, TriggerContext&) const { return TriggerResult::kFire; }
};

struct Firings {
  std::int64_t count = 0;
};
struct Growth {
  std::int64_t auction = 0;
  std::int64_t bids = 0;
  std::int64_t more_than_before = 0;
  std::int64_t firing = 0;
};

class Changes : public WindowProcess<std::int64_t, std::int64_t, Growth, Firings> {
 public:
  explicit Changes(Declare& declare) : before_{declare, "before"} {}
  void process(const std::int64_t& bids, Context& ctx, Out<Growth>& out) override {
    out.emit({ctx.key(), bids, bids - before_.get(), ++ctx.window_state().count});
    before_.set(bids);
  }

 private:
  ValueState<std::int64_t> before_;
};

constexpr std::uint64_t kBids = 2'000;
constexpr std::int64_t kAuctions = 5;

Bid bid(std::uint64_t n) {
  const auto number = static_cast<std::int64_t>(n);
  return {number % kAuctions, number * 7 % 11, number * 31 % 100, Timestamp{number * 100}};
}
Stream<Bid> bids_of(Job& job) { return job.from(generate<Bid>(kBids, bid).event_time(&Bid::at)).uid("bids"); }

using Row = Windowed<std::int64_t, std::int64_t>;

std::int64_t total(const std::vector<Row>& rows) {
  std::int64_t sum = 0;
  for (const Row& row : rows) sum += row.value;
  return sum;
}

TEST(WindowsPage, TheKindsOfWindows) {
  std::vector<Row> results;
  const auto run = [&](const std::function<void(Stream<Bid>, Collector<Row>&)>& build) {
    auto rows = collect<Row>();
    run_job({}, [&](Job& job) { build(bids_of(job), rows); });
    return rows.get();
  };
  const auto all = run([](Stream<Bid> bids, Collector<Row>& collector) {
    const auto rows = print();
    static_cast<void>(collector);
    auto by_auction = bids.key_by(&Bid::auction);
    by_auction.window(tumbling(10s)).aggregate(count()).uid("tumbling").to(rows);
    by_auction.window(sliding(10s, 2s)).aggregate(count()).uid("sliding").to(rows);
    by_auction.window(cumulative(1h, 10min)).aggregate(count()).uid("cumulative").to(rows);
    by_auction.window(session(30s)).aggregate(count()).uid("session").to(rows);
    by_auction.window(session([](const Bid& bid) { return bid.price > 100 ? 60s : 10s; })).aggregate(count()).uid("by-record").to(rows);
    by_auction.window(calendar_days("Europe/Berlin")).aggregate(count()).uid("days").to(rows);
    by_auction.window(global()).aggregate(count()).uid("ever").to(rows);
  });
  EXPECT_TRUE(all.empty());
  // Each record is once in the windows of these kinds.
  EXPECT_EQ(total(run([](Stream<Bid> bids, auto& rows) { bids.key_by(&Bid::auction).window(session(30s)).aggregate(count()).uid("w").to(rows).uid("o"); })), kBids);
  EXPECT_EQ(total(run([](Stream<Bid> bids, auto& rows) { bids.key_by(&Bid::auction).window(calendar_days("Europe/Berlin")).aggregate(count()).uid("w").to(rows).uid("o"); })), kBids);
  EXPECT_EQ(total(run([](Stream<Bid> bids, auto& rows) { bids.key_by(&Bid::auction).window(global()).aggregate(count()).uid("w").to(rows).uid("o"); })), kBids);
}

TEST(WindowsPage, AggregatesAndLateRecords) {
  auto statistics = collect<WindowedAll<Stats>>();
  run_job({}, [&](Job& job) {
    const auto bids = bids_of(job);
    const auto rows = print();
    const auto rates = print();
    const auto best = print();
    const auto late_bids = print();
    const auto stats = statistics;
    bids.window_all(tumbling(1s).by_processing_time()).aggregate(count()).uid("rate").to(rates);

    const auto is_high = [](const Bid& bid) { return bid.price >= 50; };
    bids.window_all(tumbling(1h))
        .aggregate(together<Stats>(count(), avg(&Bid::price), approx_count_distinct(&Bid::bidder), where(is_high, min(&Bid::price))))
        .uid("stats")
        .to(stats).uid("out");
    bids.key_by(&Bid::auction)
        .window(session(30s))
        .reduce([](const Bid& a, const Bid& b) { return a.price < b.price ? b : a; })
        .uid("best")
        .to(best);

    const SideOutput<Bid> late{"late"};
    auto counts = bids.key_by(&Bid::auction).window(tumbling(10s)).allowed_lateness(1min).late_to(late).aggregate(count()).uid("counts");
    counts.to(rows);
    counts.side_output(late).to(late_bids);
  });
  ASSERT_EQ(statistics.get().size(), 1u);
  const Stats found = statistics.get().front().value;
  EXPECT_EQ(found.bids, static_cast<std::int64_t>(kBids));
  EXPECT_DOUBLE_EQ(found.average, 49.5);
  EXPECT_EQ(found.bidders, 11);
  EXPECT_EQ(found.lowest_high, 50);
}

TEST(WindowsPage, TriggersAndFunctions) {
  auto collected = collect<Growth>();
  run_job({}, [&](Job& job) {
    const auto bids = bids_of(job);
    const auto rows = print();
    const auto changes = collected;
    bids.key_by(&Bid::auction)
        .window(tumbling(1h))
        .trigger(event_time_trigger().early(continuous_processing_trigger(1s)).late(count_trigger(10)))
        .allowed_lateness(10min)
        .aggregate(count())
        .uid("early-and-late")
        .to(rows);
    bids.key_by(&Bid::bidder).window(global()).trigger(purging(count_trigger(100))).aggregate(sum(&Bid::price)).uid("hundreds").to(rows);
    bids.key_by(&Bid::auction).window(tumbling(1min)).trigger(Spender{}).aggregate(sum(&Bid::price)).uid("spenders").to(rows);

    bids.key_by(&Bid::auction).window(tumbling(10s)).aggregate<Changes>(count()).uid("changes").to(changes).uid("out");
  });
  EXPECT_EQ(collected.get().size(), static_cast<std::size_t>(kBids / 100 * kAuctions));
  for (const Growth& change : collected.get()) {
    EXPECT_EQ(change.bids, 20);
    EXPECT_EQ(change.firing, 1);
  }
}

// Without the blanks at the beginning of lines, and without what the test needs besides: the uids of its sinks.
std::string plain(const std::string& code) {
  std::string result;
  bool at_begin = true;
  for (const char c : code) {
    if (at_begin && c == ' ') continue;
    at_begin = c == '\n';
    result += c;
  }
  for (const std::string sink : {".uid(\"out\")"}) {
    for (std::size_t at = result.find(sink); at != std::string::npos; at = result.find(sink)) result.erase(at, sink.size());
  }
  return result;
}

TEST(WindowsPage, ItsCodeIsThatOfThisTest) {
  const std::string page = slurp(TIDEMARK_SOURCE_DIR "/docs/windows.md");
  const std::string code = plain(slurp(TIDEMARK_SOURCE_DIR "/tests/pipelines/windows_page_test.cc"));
  EXPECT_GE(blocks(page, "cpp").size(), 9u);
  for (const std::string& block : blocks(page, "cpp")) EXPECT_THAT(code, HasSubstr(plain(block)));
}

// What is wrong with windows is said when the job is built, with the place.
TEST(Windows, FaultsAreToldWhenTheJobIsBuilt) {
  const auto fault = [](auto windowed) {
    return failure_of({}, [&](Job& job) { windowed(bids_of(job).key_by(&Bid::auction)).aggregate(count()).uid("w").to(print()); });
  };
  const auto says = [](const char* what) { return ::testing::AllOf(HasSubstr(what), HasSubstr("windows_page_test.cc:")); };
  EXPECT_THAT(fault([](auto keyed) { return keyed.window(session(0s)); }), says("session() takes a gap of more than zero"));
  EXPECT_THAT(fault([](auto keyed) { return keyed.window(cumulative(10s, 3s)); }), says("no multiple of the step"));
  EXPECT_THAT(fault([](auto keyed) { return keyed.window(sliding(1s, 3s)); }), says("the slide, 3000 ms, is longer than the size"));
  EXPECT_THAT(fault([](auto keyed) { return keyed.window(calendar_days("Europe/Atlantis")); }), says("the time zone 'Europe/Atlantis' can't be read"));
  EXPECT_THAT(fault([](auto keyed) { return keyed.window(calendar_days("../../etc/passwd")); }), says("is no name of one"));
  EXPECT_THAT(fault([](auto keyed) { return keyed.window(tumbling(1s).by_processing_time()).allowed_lateness(1s); }), says("no record is late"));
  EXPECT_THAT(fault([](auto keyed) { return keyed.window(tumbling(1s)).allowed_lateness(-1s); }), says("zero or more"));
  EXPECT_THAT(fault([](auto keyed) { return keyed.window(tumbling(1s)).trigger(purging(continuous_trigger(0s))); }), says("continuous_trigger() takes a duration"));
  EXPECT_THAT(fault([](auto keyed) { return keyed.window(global()).trigger(timeout_trigger(count_trigger(1), -1s)); }), says("timeout_trigger() takes a duration"));
  EXPECT_THAT(fault([](auto keyed) { return keyed.window(global()).trigger(count_trigger(0)); }), says("count_trigger() takes how many records are enough: one or more"));
  EXPECT_THAT(fault([](auto keyed) { return keyed.window(global()).trigger(purging(count_trigger(-1))); }), says("count_trigger() takes"));
  EXPECT_THAT(fault([](auto keyed) { return keyed.window(tumbling(1s)).evict(count_evictor(0)); }), says("count_evictor() takes how many records stay: one or more"));
  EXPECT_THAT(fault([](auto keyed) { return keyed.window(tumbling(1s)).evict_after(count_evictor(-2)); }), says("count_evictor() takes"));
  EXPECT_THAT(fault([](auto keyed) { return keyed.window(tumbling(1s)).evict(time_evictor(0s)); }), says("time_evictor() takes a duration of more than zero"));
}

}  // namespace
}  // namespace tidemark

// The code of docs/partitioning.md, run, and what the page says: where records go, and that neither dealing them out nor a
// second stage of a window changes any result.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <set>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "in_memory_job.h"
#include "page_code.h"
#include "run_job.h"
#include "tidemark/testing.h"

namespace tidemark {
namespace {

using namespace std::chrono_literals;
using ::testing::AllOf;
using ::testing::HasSubstr;

struct Order {
  std::int64_t id = 0;
  std::string country;
  std::int64_t amount = 0;
  Timestamp at;
};

struct Price {
  std::int64_t id = 0;
  double euros = 0;
};

Price price_of(const Order& order) { return {order.id, static_cast<double>(order.amount) / 100}; }

TEST(PartitioningPage, WhateverDealsThemOutEachRecordArrivesOnce) {
  in_every_way([](const TestOptions& way) {
    const TestOutput<Price> outputs[] = {TestOutput<Price>{"rescaled"}, TestOutput<Price>{"shuffled"}, TestOutput<Price>{"in one"}, TestOutput<Price>{"german"}};
    PipelineTest<Order, Price> t{way, [&](Stream<Order> orders, TestPorts& ports) {
const auto evenly = orders.rebalance().map(price_of);
const auto nearby = orders.rescale().map(price_of);
const auto at_random = orders.shuffle().map(price_of);
const auto in_one_subtask = orders.global().map(price_of);
const auto as_i_say = orders
    .partition_by([](const std::string& country, std::uint32_t subtasks) { return country == "de" ? 0u : 1 % subtasks; }, &Order::country)
    .map(price_of);
                                   ports.output(outputs[0], nearby);
                                   ports.output(outputs[1], at_random);
                                   ports.output(outputs[2], in_one_subtask);
                                   ports.output(outputs[3], as_i_say);
                                   return evenly;
                                 }};
    for (std::int64_t id = 0; id < 7; ++id) t.in({id, id % 2 == 0 ? "de" : "fr", id * 100, at(1s)}, at(1s));
    t.end();
    const std::vector<Price> all{{0, 0}, {1, 1}, {2, 2}, {3, 3}, {4, 4}, {5, 5}, {6, 6}};
    t.expect_out(all, in_any_order);
    for (const auto& output : outputs) t.expect_out(output, all, in_any_order);
  });
}

/// From which subtask to which of how many a record went.
struct Hop {
  std::int64_t number = 0;
  std::int64_t from = 0;
  std::int64_t nth = 0;
  std::int64_t to = 0;
  std::int64_t targets = 0;
  bool in_order = true;
};
class Depart : public Process<Order, Hop> {
 public:
  explicit Depart(Declare&) {}
  void open(OpenContext& context) override { subtask_ = context.subtask; }
  void process(const Order& order, Context&, Out<Hop>& out) override { out.emit({order.id, subtask_, nth_++}); }

 private:
  std::int64_t subtask_ = 0;
  std::int64_t nth_ = 0;
};
class Arrive : public Process<Hop, Hop> {
 public:
  explicit Arrive(Declare&) {}
  void open(OpenContext& context) override { context_ = context; }
  void process(const Hop& hop, Context&, Out<Hop>& out) override {
    auto& last = last_[{hop.from, hop.number % 2}];
    out.emit({hop.number, hop.from, hop.nth, context_.subtask, context_.parallelism, last <= hop.nth});
    last = hop.nth;
  }

 private:
  OpenContext context_;
  std::map<std::pair<std::int64_t, std::int64_t>, std::int64_t> last_;  // even and odd ones may come by different ways
};

constexpr std::uint64_t kHops = 6'000;
Order order(std::uint64_t n) {
  const auto id = static_cast<std::int64_t>(n);
  return {id, "country " + std::to_string(id % 5), id % 37, Timestamp{id * 10 - id % 7 * 30}};
}
Stream<Order> orders_of(Job& job) { return job.from(generate<Order>(kHops, order).event_time(&Order::at, out_of_order_by(1s))).uid("orders"); }

std::vector<Hop> hops(const std::function<Stream<Hop>(Stream<Hop>)>& deal_out) {
  auto arrived = collect<Hop>();
  run_job({"--parallelism", "4"}, [&](Job& job) {
    const auto departed = orders_of(job).parallelism(2).process<Depart>().parallelism(2);
    deal_out(departed).process<Arrive>().to(arrived).uid("out");
  });
  std::set<std::int64_t> numbers;
  for (const Hop& hop : arrived.get()) {
    EXPECT_TRUE(hop.in_order);
    EXPECT_TRUE(numbers.insert(hop.number).second) << "twice";
  }
  EXPECT_EQ(numbers.size(), kHops);
  return arrived.get();
}
std::vector<std::int64_t> counts_by_target(const std::vector<Hop>& hops) {
  std::vector<std::int64_t> counts(static_cast<std::size_t>(hops.front().targets));
  for (const Hop& hop : hops) ++counts[static_cast<std::size_t>(hop.to)];
  return counts;
}

TEST(Partitioning, RecordsGoWhereTheyAreSaidTo) {
  for (const std::int64_t n : counts_by_target(hops([](auto s) { return s.rebalance(); }))) EXPECT_NEAR(static_cast<double>(n), kHops / 4.0, 2);
  for (const std::int64_t n : counts_by_target(hops([](auto s) { return s.shuffle(); }))) EXPECT_NEAR(static_cast<double>(n), kHops / 4.0, 250);
  for (const Hop& hop : hops([](auto s) { return s.rescale(); })) EXPECT_EQ(hop.to / 2, hop.from);
  for (const Hop& hop : hops([](auto s) { return s.partition_by([](std::int64_t number, std::uint32_t n) { return number % n; }, &Hop::number); })) {
    EXPECT_EQ(hop.to, hop.number % 4);
  }
  EXPECT_EQ(hops([](auto s) { return s.global(); }).front().targets, 1);
  // The last word counts; of a union each stream has its own.
  for (const Hop& hop : hops([](auto s) { return s.shuffle().rescale(); })) EXPECT_EQ(hop.to / 2, hop.from);
  const auto both = hops([](auto s) {
    const auto even = s.filter([](const Hop& hop) { return hop.number % 2 == 0; }).parallelism(2);
    const auto odd = s.filter([](const Hop& hop) { return hop.number % 2 != 0; }).parallelism(2);
    return even.rescale().union_with(odd.partition_by([](std::int64_t, std::uint32_t) { return 3; }, &Hop::number));
  });
  for (const Hop& hop : both) EXPECT_TRUE(hop.number % 2 == 0 ? hop.to / 2 == hop.from : hop.to == 3);
}

TEST(Partitioning, WhatIsWrongWithItIsToldWithThePlace) {
  const auto fault = [](auto deal_out) {
    return failure_of({"--parallelism", "2"}, [&](Job& job) { deal_out(orders_of(job)).map(price_of).name("price").to(discard()); });
  };
  EXPECT_THAT(fault([](auto s) { return s.partition_by([](std::int64_t id, std::uint32_t n) { return id == 77 ? n : 0u; }, &Order::id); }),
              AllOf(HasSubstr("the partition_by() before operator 'price' (partitioning_page_test.cc:"), HasSubstr("\"id\":77"),
                    HasSubstr("it gave subtask 2 of 2: give a number from 0 to 1")));
  EXPECT_THAT(fault([](auto s) { return s.rebalance().uid("dealt"); }), HasSubstr("uid() follows an operator: a union, a side output and a stream that was dealt out are none"));
  EXPECT_THAT(failure_of({}, [](Job& job) { orders_of(job).global().map(price_of).parallelism(2).to(discard()); }), HasSubstr("remove .parallelism(2)"));
}

using Count = Windowed<std::string, std::int64_t>;

TEST(PartitioningPage, TwoStages) {
  in_every_way([](const TestOptions& way) {
    PipelineTest<Order, Count> t{way, [](Stream<Order> orders) {
                                   return
orders.key_by(&Order::country).window(tumbling(10s)).two_stage().aggregate(count()).uid("orders-per-country")
                                   ;
                                 }};
    t.in({1, "de", 5}, at(1s)).in({2, "de", 6}, at(2s)).in({3, "fr", 7}, at(3s)).in({4, "de", 8}, at(11s));
    t.watermark(at(9s)).expect_out({});
    t.watermark(at(12s)).expect_out({{at(0s), at(10s), "de", 2}, {at(0s), at(10s), "fr", 1}}, in_any_order);
    t.end().expect_out({{at(10s), at(20s), "de", 1}});
  });
}

using Total = Change<Keyed<std::string, std::int64_t>>;

TEST(PartitioningPage, TwoStagesWithoutAWindow) {
  in_every_way([](const TestOptions& way) {
    PipelineTest<Order, Total> t{way, [](Stream<Order> orders) {
                                   return
orders.key_by(&Order::country).two_stage().aggregate(sum(&Order::amount)).uid("total-per-country")
                                   ;
                                 }};
    std::map<std::string, std::int64_t> expected, got;
    for (std::int64_t id = 0; id < 9; ++id) {
      t.in({id, id % 3 == 0 ? "fr" : "de", id}, at(1s));
      expected[id % 3 == 0 ? "fr" : "de"] += id;
    }
    for (const Emitted<Total>& change : t.end().take_out()) {
      EXPECT_EQ(change.at, at(1s));
      const auto& [key, value] = change.value.row;
      if (adds(change.value.kind)) {
        got[key] = value;
      } else {
        EXPECT_EQ(got[key], value) << "what is taken back was given";
      }
    }
    EXPECT_EQ(got, expected);
  });
}

struct Stats {
  std::int64_t orders = 0;
  std::int64_t amount = 0;
  std::optional<std::int64_t> largest;
  std::vector<std::int64_t> first_ids;
};
using Row = Windowed<std::string, Stats>;

auto stats() {
  return together<Stats>(count(), sum(&Order::amount), where([](const Order& order) { return order.amount > 20; }, max(&Order::amount)),
                         list(&Order::id));
}
// All as text, sorted.
template <class T>
std::vector<std::string> text_of(const std::vector<Emitted<T>>& rows) {
  std::vector<std::string> result;
  for (const auto& row : rows) detail::append_json(row.value, result.emplace_back(std::to_string(row.at.ms()) + " "));
  std::ranges::sort(result);
  return result;
}

// Key and whole stream, by windows of each kind, with records behind the watermark.
TEST(TwoStage, ComesToWhatOneStageComesTo) {
  const WindowAssigner kinds[] = {tumbling(1s), sliding(3s, 1s), sliding(2500ms, 1s), cumulative(4s, 1s), tumbling(1s, 300ms)};
  const std::vector<TestOptions> ways = every_way();
  std::size_t late_records = 0;
  for (unsigned seed = 0; seed < ways.size(); ++seed) {
    const TestOptions& way = ways[seed];
    SCOPED_TRACE(way.name + ", seed " + std::to_string(seed));
    const WindowAssigner windows = kinds[seed % std::size(kinds)];
    const SideOutput<Order> late{"late"};
    const TestOutput<Row> one{"one"};
    const TestOutput<Order> late_of_one{"late of one"}, late_of_two{"late of two"};
    const TestOutput<WindowedAll<Stats>> all{"all"}, all_of_one{"all of one"};
    PipelineTest<Order, Row> t{way, [&](Stream<Order> orders, TestPorts& ports) {
                                 const auto windowed = orders.key_by(&Order::country).window(windows).late_to(late);
                                 const auto in_one = windowed.aggregate(stats()).uid("one");
                                 const auto in_two = windowed.two_stage().aggregate(stats()).uid("two");
                                 ports.output(one, in_one);
                                 ports.output(late_of_one, in_one.side_output(late));
                                 // A uid there is that of the operator there, and of no other.
                                 ports.output(late_of_two, in_two.side_output(late).filter([](const Order&) { return true; }).uid("late-of-two"));
                                 ports.output(all, orders.window_all(windows).two_stage().aggregate(stats()).uid("all"));
                                 ports.output(all_of_one, orders.window_all(windows).aggregate(stats()).uid("all-of-one"));
                                 return in_two;
                               }};
    std::mt19937 random{seed};
    std::int64_t now = -2'000;
    for (std::int64_t id = 0; id < 20; ++id) {
      const std::int64_t ms = now + static_cast<std::int64_t>(random() % 2'500) - 1'500;
      t.in({id, "country " + std::to_string(random() % 3), static_cast<std::int64_t>(random() % 40), Timestamp{ms}}, Timestamp{ms});
      if (random() % 5 == 0) t.watermark(Timestamp{now += static_cast<std::int64_t>(random() % 900)});
    }
    t.end();
    const auto rows = text_of(t.take_out());
    EXPECT_EQ(rows, text_of(t.take_out(one)));
    EXPECT_GT(rows.size(), 2u);
    EXPECT_EQ(text_of(t.take_out(all)), text_of(t.take_out(all_of_one)));
    const auto late_rows = text_of(t.take_out(late_of_two));
    EXPECT_EQ(late_rows, text_of(t.take_out(late_of_one)));
    late_records += late_rows.size();
  }
  EXPECT_GT(late_records, 5u);
}

TEST(TwoStage, ARecordWithinTheAllowedLatenessMakesItsWindowFireAgainAtOnce) {
  in_every_way([](const TestOptions& way) {
    PipelineTest<Order, Count> t{way, [](Stream<Order> orders) {
                                   return orders.key_by(&Order::country).window(sliding(10s, 5s)).allowed_lateness(5s).two_stage().aggregate(count()).uid("w");
                                 }};
    t.in({1, "de"}, at(6s)).watermark(at(12s)).expect_out({{at(0s), at(10s), "de", 1}});
    t.in({2, "de"}, at(7s)).expect_out({{at(0s), at(10s), "de", 2}});
    t.watermark(at(15s)).expect_out({{at(5s), at(15s), "de", 2}});
    t.in({3, "de"}, at(1s)).expect_out({});  // too late
    t.end();
  });
}

TEST(TwoStage, AFailingKeyFunctionNamesTheOperatorAndTheRecord) {
  PipelineTest<Order, Count> t{TestOptions{.batch = 3}, [](Stream<Order> orders) {
                                 const auto key = [](const Order& order) { return order.id == 7 ? throw std::runtime_error{"no country"} : order.country; };
                                 return orders.key_by(key).window(tumbling(1s)).two_stage().aggregate(count()).uid("w");
                               }};
  t.in({1, "de"}, at(1s)).in({2, "de"}, at(1s));
  t.expect_failure("\"id\":7", [&] { t.in({7, "de"}, at(1s)).end(); });
}

/// Of a job in any of these shapes, which all come to the same.
struct Shape {
  bool two_stage = false;
  bool shuffles = false;
  std::uint32_t parallelism = 1;
};

void build(Job& job, const Shape& shape) {
  const auto source = orders_of(job);
  const auto windowed = (shape.shuffles ? source.shuffle() : source).key_by(&Order::country).window(sliding(20s, 10s));
  const auto rows = shape.two_stage ? windowed.two_stage().aggregate(stats()).uid("stats") : windowed.aggregate(stats()).uid("stats");
  (shape.shuffles ? rows.rebalance() : rows).to(write_files("/out", as_json())).uid("out");
}

JobOutcome run(TestWorld& world, const Shape& shape, bool to_the_end) {
  InMemoryJob job{world, [&](Job& j) { build(j, shape); }, {.parallelism = shape.parallelism}};
  if (!to_the_end) {
    EXPECT_TRUE(job.run_until_read(kHops / 2));
    job.master().request_stop();
  }
  return job.run();
}

std::vector<std::string> rows_in(TestWorld& world) {
  std::vector<std::string> rows;
  for (const DirectoryEntry& entry : value_or_throw(world.files.list("/out"))) {
    if (!entry.name.starts_with("part-")) continue;
    std::istringstream lines{value_or_throw(read_file(world.files, join_path("/out", entry.name)))};
    for (std::string line; std::getline(lines, line);) rows.push_back(line);
  }
  std::ranges::sort(rows);
  return rows;
}

TEST(Partitioning, AJobGoesOnInOneStageOrTwoAndDealtOutOrNotWithTheSameState) {
  TestWorld undisturbed{1};
  ASSERT_EQ(run(undisturbed, {}, true).state, JobState::kFinished);
  const Shape shapes[] = {{false, false, 1}, {true, false, 2}, {false, true, 3}, {true, true, 3}};
  std::uint64_t seed = 1;
  for (const Shape& before : shapes) {
    for (const Shape& after : shapes) {
      SCOPED_TRACE(::testing::Message() << before.two_stage << before.shuffles << before.parallelism << " then " << after.two_stage << after.shuffles << after.parallelism);
      TestWorld world{++seed};
      const JobOutcome stopped = run(world, before, false);
      ASSERT_EQ(stopped.state, JobState::kStopped) << (stopped.error ? stopped.error->message() : "");
      const JobOutcome ended = run(world, after, true);
      ASSERT_EQ(ended.state, JobState::kFinished) << (ended.error ? ended.error->message() : "");
      EXPECT_EQ(rows_in(world), rows_in(undisturbed));
    }
  }
}

TEST(PartitioningPage, ItsCodeIsThatOfThisTest) {
  const std::string code = without_margins(slurp(TIDEMARK_SOURCE_DIR "/tests/pipelines/partitioning_page_test.cc"));
  const std::vector<std::string> snippets = blocks(slurp(TIDEMARK_SOURCE_DIR "/docs/partitioning.md"), "cpp");
  EXPECT_GE(snippets.size(), 2u);
  for (const std::string& snippet : snippets) EXPECT_THAT(code, HasSubstr(without_margins(snippet)));
}

}  // namespace
}  // namespace tidemark

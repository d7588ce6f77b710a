// Tables as streams of changes, under the operator test kit and against brute force.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "tidemark/detail/codec/binary.h"
#include "tidemark/testing.h"

namespace tidemark {
namespace {

using namespace std::chrono_literals;

struct Bid {
  std::int64_t auction = 0;
  std::int64_t price = 0;
  std::string bidder;
};
using Highest = Keyed<std::int64_t, std::int64_t>;

template <class T>
std::string bytes_of(const T& value) {
  detail::ByteWriter out;
  detail::encode(value, out);
  return std::string{out.view()};
}

/// The rows that are left when all changes are made, each as its bytes.
template <class T>
std::multiset<std::string> table_of(const std::vector<Emitted<Change<T>>>& changes) {
  std::map<std::string, std::int64_t> times;
  for (const auto& change : changes) times[bytes_of(change.value.row)] += adds(change.value.kind) ? 1 : -1;
  std::multiset<std::string> table;
  for (const auto& [row, count] : times) {
    EXPECT_GE(count, 0) << "a row was taken away that was not there";
    for (std::int64_t i = 0; i < count; ++i) table.insert(row);
  }
  return table;
}

constexpr auto kInsert = ChangeKind::kInsert;
constexpr auto kBefore = ChangeKind::kUpdateBefore;
constexpr auto kAfter = ChangeKind::kUpdateAfter;
constexpr auto kDelete = ChangeKind::kDelete;

TEST(KitChange, AnAggregateWithoutWindowsGivesEachChange) {
  in_every_way([](const TestOptions& way) {
    PipelineTest<Bid, Change<Highest>> t{way, [](Stream<Bid> bids) { return bids.key_by(&Bid::auction).aggregate(max(&Bid::price)).uid("highest"); }};
    t.in({1, 5, "a"}).in({1, 4, "b"}).in({1, 9, "c"}).in({2, 1, "d"});
    t.expect_out({{kInsert, {1, 5}}, {kBefore, {1, 5}}, {kAfter, {1, 9}}, {kInsert, {2, 1}}}, in_order_of([](const auto& change) { return change.row.key; }));
    t.end().expect_out({});
  });
}

TEST(KitChange, TablesAreMadeOfTables) {
  in_every_way([](const TestOptions& way) {
    PipelineTest<Bid, Change<Keyed<bool, std::int64_t>>> t{way, [](Stream<Bid> bids) {
                                                             return bids.key_by(&Bid::auction)
                                                                 .aggregate(max(&Bid::price))
                                                                 .uid("highest")
                                                                 .key_by(of_row([](const Highest& each) { return each.value >= 10; }))
                                                                 .aggregate(count())
                                                                 .uid("how-many");
                                                           }};
    t.in({1, 5, "a"}).expect_out({{kInsert, {false, 1}}});
    t.in({2, 5, "a"}).expect_out({{kBefore, {false, 1}}, {kAfter, {false, 2}}});
    t.in({1, 12, "a"});
    t.expect_out({{kBefore, {false, 2}}, {kAfter, {false, 1}}, {kInsert, {true, 1}}}, in_any_order);
    t.in({2, 10, "a"});
    t.expect_out({{kDelete, {false, 1}}, {kBefore, {true, 1}}, {kAfter, {true, 2}}}, in_any_order);
  });
}

TEST(KitChange, TopGivesRanksAndPutsOutWhatFallsBehind) {
  in_every_way([](const TestOptions& way) {
    PipelineTest<Bid, Change<Ranked<Bid>>> t{way, [](Stream<Bid> bids) { return bids.key_by(&Bid::auction).top(2, &Bid::price).uid("top"); }};
    t.in({1, 5, "first"}).expect_out({{kInsert, {1, {1, 5, "first"}}}});
    t.in({1, 5, "second"}).expect_out({{kInsert, {2, {1, 5, "second"}}}});
    t.in({1, 5, "third"}).expect_out({});
    t.in({1, 7, "best"}).expect_out(
        {{kBefore, {1, {1, 5, "first"}}}, {kAfter, {1, {1, 7, "best"}}}, {kBefore, {2, {1, 5, "second"}}}, {kAfter, {2, {1, 5, "first"}}}});
    t.end().expect_out({});
  });
}

TEST(KitChange, TheLastAndTheFirstByEventTime) {
  in_every_way([](const TestOptions& way) {
    const TestOutput<Change<Bid>> first{"first"};
    PipelineTest<Bid, Change<Bid>> t{way, [&](Stream<Bid> bids, TestPorts& ports) {
                                       ports.output(first, bids.key_by(&Bid::auction).keep_first().uid("first"));
                                       return bids.key_by(&Bid::auction).keep_last().uid("last");
                                     }};
    t.in({1, 5, "a"}, at(5s)).expect_out({{kInsert, {1, 5, "a"}}});
    t.in({1, 6, "b"}, at(4s)).expect_out({});
    t.in({1, 7, "c"}, at(5s)).expect_out({{kBefore, {1, 5, "a"}}, {kAfter, {1, 7, "c"}}});
    t.expect_out(first, {{kInsert, {1, 5, "a"}}, {kBefore, {1, 5, "a"}}, {kAfter, {1, 6, "b"}}});
    t.in({1, 8, "d"}, at(4s)).expect_out(first, {});
  });
}

TEST(KitChange, RowsMayWaitForThePeriodOrTheEnd) {
  in_every_way([](const TestOptions& way) {
    const TestOutput<Change<Highest>> at_the_end{"at the end"};
    PipelineTest<Bid, Change<Highest>> t{way, [&](Stream<Bid> bids, TestPorts& ports) {
                                           const auto auctions = bids.key_by(&Bid::auction);
                                           ports.output(at_the_end, auctions.aggregate(sum(&Bid::price), at_end()).uid("end"));
                                           return auctions.aggregate(sum(&Bid::price), every(2s)).uid("period");
                                         }};
    t.processing_time(at(1s)).in({1, 5, "a"}).in({1, 5, "a"}).expect_out({});
    t.processing_time(at(2s)).expect_out({{kInsert, {1, 10}}});
    t.processing_time(at(4s)).expect_out({});
    t.in({1, 1, "a"}).in({1, -1, "a"}).processing_time(at(6s)).expect_out({});
    t.in({1, 2, "a"}).in({2, 3, "a"}).processing_time(at(8s));
    t.expect_out({{kBefore, {1, 10}}, {kAfter, {1, 12}}, {kInsert, {2, 3}}}, in_order_of([](const auto& change) { return change.row.key; }));
    t.in({2, 4, "a"}).expect_out({});
    t.expect_out(at_the_end, {});
    t.end().expect_out({{kBefore, {2, 3}}, {kAfter, {2, 7}}});
    t.expect_out(at_the_end, {{kInsert, {1, 12}}, {kInsert, {2, 7}}}, in_any_order);
  });
}

/// By price, and where that is equal by name: an order in which no two are equal.
struct ByPrice {
  std::tuple<std::int64_t, std::string> operator()(const Bid& bid) const { return {bid.price, bid.bidder}; }
};

Emit emit_of(unsigned seed) {
  switch (seed % 3) {
    case 0: return every_change();
    case 1: return every(1s);
    default: return at_end();
  }
}

// Feeds random changes; `left` is what there is at the end.
template <class Test>
std::vector<Bid> feed_at_random(Test& t, std::mt19937& random, bool removes) {
  std::vector<Bid> left;
  for (int i = 0; i < 30; ++i) {
    if (random() % 10 == 0) t.processing_time(at(i * 500ms));
    if (removes && random() % 3 == 0 && !left.empty()) {
      const auto gone = left.begin() + static_cast<std::ptrdiff_t>(random() % left.size());
      t.in({kDelete, *gone});
      left.erase(gone);
      continue;
    }
    left.push_back({static_cast<std::int64_t>(random() % 3), static_cast<std::int64_t>(random() % 8), "the bidder of number " + std::to_string(i)});
    t.in({kInsert, left.back()});
  }
  t.end();
  return left;
}
std::map<std::int64_t, std::vector<Bid>> by_auction(const std::vector<Bid>& bids) {
  std::map<std::int64_t, std::vector<Bid>> auctions;
  for (const Bid& bid : bids) auctions[bid.auction].push_back(bid);
  for (auto& [auction, each] : auctions) std::ranges::sort(each, [](const Bid& a, const Bid& b) { return ByPrice{}(b) < ByPrice{}(a); });
  return auctions;
}

TEST(KitChangeProperty, TablesOfTablesWhoseRowsGo) {
  const std::vector<TestOptions> ways = every_way();
  for (unsigned seed = 0; seed < 6; ++seed) {
    std::mt19937 random{seed};
    const TestOptions way = ways[seed % ways.size()];
    const Emit emit = emit_of(seed / 2);
    SCOPED_TRACE(way.name + ", seed " + std::to_string(seed));
    const TestOutput<Change<Bid>> last{"last"};
    const TestOutput<Change<Keyed<std::int64_t, std::tuple<std::int64_t, std::int64_t>>>> stats{"stats"};
    PipelineTest<Change<Bid>, Change<Ranked<Bid>>> t{way, [&](Stream<Change<Bid>> changes, TestPorts& ports) {
                                                       const auto auctions = changes.key_by(of_row(&Bid::auction));
                                                       ports.output(last, auctions.keep_last(ByPrice{}, emit).uid("last"));
                                                       ports.output(stats, auctions.aggregate(together(count(), sum(&Bid::price)), emit).uid("stats"));
                                                       return auctions.top(3, ByPrice{}, emit).uid("top");
                                                     }};
    const auto auctions = by_auction(feed_at_random(t, random, true));
    std::multiset<std::string> top_rows, last_rows, stats_rows;
    for (const auto& [auction, bids] : auctions) {
      std::int64_t total = 0;
      for (std::size_t i = 0; i < bids.size(); ++i) {
        total += bids[i].price;
        if (i < 3) top_rows.insert(bytes_of(Ranked<Bid>{static_cast<std::int64_t>(i + 1), bids[i]}));
      }
      last_rows.insert(bytes_of(bids.front()));
      stats_rows.insert(bytes_of(Keyed<std::int64_t, std::tuple<std::int64_t, std::int64_t>>{auction, {static_cast<std::int64_t>(bids.size()), total}}));
    }
    EXPECT_EQ(table_of(t.take_out()), top_rows);
    EXPECT_EQ(table_of(t.take_out(last)), last_rows);
    EXPECT_EQ(table_of(t.take_out(stats)), stats_rows);
  }
}

TEST(KitChangeProperty, TablesOfRecords) {
  const std::vector<TestOptions> ways = every_way();
  for (unsigned seed = 0; seed < 6; ++seed) {
    std::mt19937 random{seed};
    const TestOptions way = ways[seed % ways.size()];
    const Emit emit = emit_of(seed / 2);
    SCOPED_TRACE(way.name + ", seed " + std::to_string(seed));
    const TestOutput<Change<Bid>> last{"last"};
    const TestOutput<Change<Bid>> first{"first"};
    PipelineTest<Change<Bid>, Change<Ranked<Bid>>> t{way, [&](Stream<Change<Bid>> changes, TestPorts& ports) {
                                                       const auto auctions = changes.map([](const Change<Bid>& change) { return change.row; }).parallelism(1).key_by(&Bid::auction);
                                                       ports.output(last, auctions.keep_last(ByPrice{}, emit).uid("last"));
                                                       ports.output(first, auctions.keep_first(ByPrice{}, emit).uid("first"));
                                                       return auctions.top(3, ByPrice{}, emit).uid("top");
                                                     }};
    const auto auctions = by_auction(feed_at_random(t, random, false));
    std::multiset<std::string> top_rows, last_rows, first_rows;
    for (const auto& [auction, bids] : auctions) {
      for (std::size_t i = 0; i < std::min<std::size_t>(3, bids.size()); ++i) top_rows.insert(bytes_of(Ranked<Bid>{static_cast<std::int64_t>(i + 1), bids[i]}));
      last_rows.insert(bytes_of(bids.front()));
      first_rows.insert(bytes_of(bids.back()));
    }
    EXPECT_EQ(table_of(t.take_out()), top_rows);
    EXPECT_EQ(table_of(t.take_out(last)), last_rows);
    EXPECT_EQ(table_of(t.take_out(first)), first_rows);
  }
}

TEST(KitChange, FilesOfJsonHaveTheKindAsAField) {
  JobTest t{TestOptions{}, [](Job& job) {
              job.from(read_files<Bid>("in/*.ndjson")).uid("bids").key_by(&Bid::auction).aggregate(count()).uid("count").to(write_files("out", as_json())).uid("out");
            }};
  t.file("in/1.ndjson", R"({"auction":1,"price":2,"bidder":"a"}
{"auction":1,"price":3,"bidder":"b"}
)");
  t.run();
  EXPECT_EQ(t.lines("out"), (std::vector<std::string>{R"({"kind":"+I","row":{"key":1,"value":1}})", R"({"kind":"-U","row":{"key":1,"value":1}})",
                                                      R"({"kind":"+U","row":{"key":1,"value":2}})"}));
}

TEST(KitChange, FilesOfJsonHaveTheOperationOfAnUpsertAsAField) {
  JobTest t{TestOptions{}, [](Job& job) {
              job.from(read_files<Bid>("in/*.ndjson")).uid("bids").key_by(&Bid::auction).aggregate(count()).uid("count").upserts().to(write_files("out", as_json())).uid("out");
            }};
  t.file("in/1.ndjson", "{\"auction\":1,\"price\":2,\"bidder\":\"a\"}\n");
  t.run();
  EXPECT_EQ(t.lines("out"), (std::vector<std::string>{R"({"op":"upsert","row":{"key":1,"value":1}})"}));
}

TEST(KitChange, UpsertsAreTheNewestRowOfEachKey) {
  in_every_way([](const TestOptions& way) {
    using Total = Keyed<std::int64_t, std::int64_t>;
    const TestOutput<Upsert<Total>> small{"small"};
    PipelineTest<Change<Bid>, Upsert<Total>> t{way, [&](Stream<Change<Bid>> changes, TestPorts& ports) {
                                                 const auto totals = changes.key_by(of_row(&Bid::auction)).aggregate(sum(&Bid::price)).uid("total");
                                                 ports.output(small, totals.filter(of_row([](const Total& total) { return total.value < 10; })).upserts());
                                                 return totals.map([](const Change<Total>& change) { return change; }).upserts();
                                               }};
    constexpr auto kUpsert = UpsertKind::kUpsert;
    constexpr auto kGone = UpsertKind::kDelete;
    t.in({kInsert, {1, 5}}).in({kInsert, {1, 3}}).expect_out({{kUpsert, {1, 5}}, {kUpsert, {1, 8}}});
    t.in({kInsert, {1, 6}}).expect_out({{kUpsert, {1, 14}}});
    t.expect_out(small, {{kUpsert, {1, 5}}, {kGone, {1, 5}}, {kUpsert, {1, 8}}, {kGone, {1, 8}}});
    t.in({kDelete, {1, 6}}).expect_out({{kUpsert, {1, 8}}});
    t.in({kDelete, {1, 5}}).in({kDelete, {1, 3}}).in({kInsert, {2, 9}});
    t.expect_out({{kUpsert, {1, 3}}, {kGone, {1, 3}}, {kUpsert, {2, 9}}}, in_order_of([](const auto& upsert) { return upsert.row.key; }));
    t.expect_out(small, {{kUpsert, {1, 8}}, {kGone, {1, 8}}, {kUpsert, {1, 3}}, {kGone, {1, 3}}, {kUpsert, {2, 9}}},
                 in_order_of([](const auto& upsert) { return upsert.row.key; }));
    t.end().expect_out({});
  });
}

/// A sink that says nothing about changes.
struct RowsOnly final : detail::SinkImplementation {
  std::string name() const override { return "rows only"; }
  std::unique_ptr<detail::Operator> make_writer() const override { return std::make_unique<detail::DiscardOperator>(); }
};

/// One with a row a key.
struct UpsertsOnly final : detail::SinkImplementation {
  std::string name() const override { return "upserts only"; }
  bool takes_upserts() const override { return true; }
  std::unique_ptr<detail::Operator> make_writer() const override { return std::make_unique<detail::DiscardOperator>(); }
};

/// Two of the user's, which take what the type of their records says.
template <class T>
struct Board : Sink<T> {
  std::string name() const override { return "board"; }
  void write(const T&, Timestamp) override {}
};
template <class T>
struct Book : TwoPhaseSink<T, Bid> {
  std::string name() const override { return "book"; }
  void begin(const std::string&) override {}
  void write(const T&, Timestamp) override {}
  Bid pre_commit() override { return {}; }
  void commit(const Bid&) override {}
  void abort_leftovers(const SinkContext&) override {}
};

template <class T, class S>
std::pair<bool, bool> takes_changes_and_upserts() {
  const SinkDescription<T> sink = own_sink<S>();
  return {sink.takes_changes(), sink.takes_upserts()};
}

TEST(KitChange, OwnSinksTakeWhatTheTypeOfTheirRecordsSays) {
  using Sorts = std::pair<bool, bool>;
  EXPECT_EQ((takes_changes_and_upserts<Bid, Board<Bid>>()), (Sorts{false, false}));
  EXPECT_EQ((takes_changes_and_upserts<Upsert<Bid>, Board<Upsert<Bid>>>()), (Sorts{false, true}));
  EXPECT_EQ((takes_changes_and_upserts<Change<Bid>, Board<Change<Bid>>>()), (Sorts{true, false}));
  EXPECT_EQ((takes_changes_and_upserts<Upsert<Bid>, Book<Upsert<Bid>>>()), (Sorts{false, true}));
  EXPECT_EQ((takes_changes_and_upserts<Change<Bid>, Book<Change<Bid>>>()), (Sorts{true, false}));
}

std::string complaint_of(void (*build)(Stream<Bid>)) {
  const char* const arguments[] = {"job"};
  Job job{"job", 1, arguments};
  build(job.from(generate<Bid>(1, [](std::uint64_t) { return Bid{}; })).uid("bids"));
  try {
    job.run_or_throw();
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

TEST(KitChange, FaultsAreSaidWhenTheJobIsBuilt) {
  EXPECT_NE(complaint_of([](Stream<Bid> bids) {
              bids.key_by(&Bid::auction).aggregate(count()).uid("count").to(SinkDescription<Change<Highest>>{std::make_shared<RowsOnly>()});
            }).find("the sink 'rows only' takes rows that are only added"),
            std::string::npos);
  EXPECT_NE(complaint_of([](Stream<Bid> bids) {
              bids.key_by(&Bid::auction).aggregate(count()).uid("count").upserts().to(SinkDescription<Upsert<Highest>>{std::make_shared<RowsOnly>()});
            }).find("this stream replaces and deletes rows"),
            std::string::npos);
  EXPECT_NE(complaint_of([](Stream<Bid> bids) {
              bids.key_by(&Bid::auction).aggregate(count()).uid("count").to(SinkDescription<Change<Highest>>{std::make_shared<UpsertsOnly>()});
            }).find("the sink 'upserts only' keeps one row a key, and this stream has changes that add and take rows (change.h): give it their upserts()"),
            std::string::npos);
  EXPECT_EQ(complaint_of([](Stream<Bid> bids) {
              const auto upserts = bids.key_by(&Bid::auction).aggregate(count()).uid("count").upserts();
              upserts.to(SinkDescription<Upsert<Highest>>{std::make_shared<UpsertsOnly>()});
              upserts.to(discard());
              upserts.to(own_sink<Board<Upsert<Highest>>>());
              bids.key_by(&Bid::auction).aggregate(count()).uid("count-again").to(own_sink<Board<Change<Highest>>>());
              bids.to(SinkDescription<Bid>{std::make_shared<UpsertsOnly>()});
            }),
            "");
  EXPECT_NE(complaint_of([](Stream<Bid> bids) { bids.key_by(&Bid::auction).top(0, &Bid::price).uid("top").to(discard()); }).find("top(0, ...)"), std::string::npos);
  EXPECT_NE(complaint_of([](Stream<Bid> bids) { bids.key_by(&Bid::auction).keep_last(every(0s)).uid("last").to(discard()); }).find("every() takes a period"),
            std::string::npos);
  EXPECT_NE(complaint_of([](Stream<Bid> bids) { bids.key_by(&Bid::auction).aggregate(count()).to(discard()); }).find("uid"), std::string::npos);
}

}  // namespace
}  // namespace tidemark

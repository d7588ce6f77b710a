// Sources and sinks under the operator test kit: whole jobs on files in memory.
#include <gmock/gmock.h>

#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "tidemark/testing.h"

namespace tidemark {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using ::testing::UnorderedElementsAreArray;

struct Bid {
  std::int64_t auction = 0;
  std::string_view bidder;
};

struct Tally {
  std::int64_t auction = 0;
  std::int64_t bids = 0;
};

std::string bid_lines(int first, int end) {
  std::string lines;
  for (int i = first; i < end; ++i) lines += "{\"auction\":" + std::to_string(i % 3) + ",\"bidder\":\"bidder number " + std::to_string(i) + "\"}\n";
  return lines;
}

TEST(KitConnectors, FilesToFilesExactlyOnce) {
  in_every_way([](const TestOptions& way) {
    JobTest t{way, [](Job& job) {
                job.from(read_files<Bid>("in/*.ndjson").split_size(300)).uid("bids").to(write_files("out", as_json())).uid("files");
              }};
    t.file("in/1.ndjson", bid_lines(0, 40));
    t.file("in/2.ndjson", bid_lines(40, 60));
    t.run();
    std::vector<std::string> expected;
    for (int i = 0; i < 60; ++i) expected.push_back(bid_lines(i, i + 1).substr(0, bid_lines(i, i + 1).size() - 1));
    EXPECT_THAT(t.lines("out"), UnorderedElementsAreArray(expected)) << way.name;
  });
}

TEST(KitConnectors, BadRecordsGoToTheirSideOutput) {
  in_every_way([](const TestOptions& way) {
    const TestOutput<BadRecord> bad{"bad"};
    const TestOutput<std::int64_t> good{"good"};
    JobTest t{way, [&](Job& job, TestPorts& ports) {
                const auto bids = job.from(read_files<Bid>("in/*.ndjson").on_error(side_output("bad"))).uid("bids");
                ports.output(good, bids.map(&Bid::auction));
                ports.output(bad, bids.side_output<BadRecord>("bad"));
              }};
    t.file("in/1.ndjson", bid_lines(0, 2) + "nonsense\n" + bid_lines(2, 3));
    t.run();
    t.expect_out(good, {0, 1, 2}, in_any_order);
    const auto records = t.take_out(bad);
    ASSERT_EQ(records.size(), 1u) << way.name;
    EXPECT_EQ(records[0].value.line, 3u);
  });
}

TEST(KitConnectors, AGeneratorAtARateAndWindowsOverIt) {
  in_every_way([](const TestOptions& way) {
    const TestOutput<Windowed<std::int64_t, std::int64_t>> counts{"counts"};
    JobTest t{way, [&](Job& job, TestPorts& ports) {
                const auto make = [](std::uint64_t n) { return Tally{static_cast<std::int64_t>(n % 2), static_cast<std::int64_t>(n)}; };
                ports.output(counts, job.from(generate<Tally>(40, make).event_time(&Tally::bids).rate(10))
                                         .uid("numbers")
                                         .key_by(&Tally::auction)
                                         .window(tumbling(20ms))
                                         .aggregate(count())
                                         .uid("count"));
              }};
    t.run();
    t.expect_out(counts, {{at(0s), at(20ms), 0, 10}, {at(0s), at(20ms), 1, 10}, {at(20ms), at(40ms), 0, 10}, {at(20ms), at(40ms), 1, 10}},
                 in_any_order);
  });
}

TEST(KitConnectors, CollectPrintAndDiscard) {
  in_every_way([](const TestOptions& way) {
    const auto collected = collect<Tally>();
    JobTest t{way, [&](Job& job) {
                const auto tallies =
                    job.from(generate<Tally>(10, [](std::uint64_t n) { return Tally{static_cast<std::int64_t>(n), 1}; })).uid("numbers");
                tallies.to(collected).uid("collected");
                tallies.to(discard());
                tallies.filter([](const Tally& tally) { return tally.auction < 0; }).to(print("none"));
              }};
    t.run();
    std::vector<std::int64_t> numbers;
    for (const Tally& tally : collected.get()) numbers.push_back(tally.auction);
    EXPECT_THAT(numbers, UnorderedElementsAreArray({0, 1, 2, 3, 4, 5, 6, 7, 8, 9})) << way.name;
  });
}

TEST(KitConnectors, SinksOfAHandDrivenPipelineCommitAtSnapshots) {
  PipelineTest<Tally, Tally> t{{}, [](Stream<Tally> in) {
                                 in.to(write_files("out", as_json())).uid("files");
                                 return in;
                               }};
  t.file("out/.keep", "");
  t.in({1, 1});
  EXPECT_TRUE(t.lines("out").empty());
  t.snapshot().in({2, 1});
  EXPECT_EQ(t.lines("out").size(), 1u);
  t.restore().end();
  EXPECT_EQ(t.lines("out").size(), 2u);
}

/// Splits of ten numbers each, two a read.
struct Ten {
  std::int64_t first = 0;
};
struct Read {
  std::int64_t numbers = 0;
};
class Tens : public Source<Tally, Ten, Read> {
 public:
  Tens(std::int64_t first, std::int64_t splits, bool side_by_side) : first_{first}, splits_{splits}, side_by_side_{side_by_side} {}
  std::string name() const override { return "read tens"; }
  std::vector<Ten> find_splits() override {
    std::vector<Ten> splits;
    for (std::int64_t i = 0; i < splits_; ++i) splits.push_back({first_ + 10 * i});
    return splits;
  }
  bool side_by_side() const override { return side_by_side_; }
  void open(const Ten& split, const Read&) override { first_ = split.first; }
  ReadOutcome read(Read& read, SourceOut<Tally>& out) override {
    for (int i = 0; i < 2 && read.numbers < 10; ++i, ++read.numbers) out.emit({first_ + read.numbers, 1});
    return read.numbers < 10 ? ReadOutcome::kMore : ReadOutcome::kEnd;
  }

 private:
  std::int64_t first_;
  std::int64_t splits_;
  bool side_by_side_;
};

/// Another system, which outlives the job.
struct Ledger {
  std::map<std::string, std::vector<std::int64_t>> written, prepared, committed;
};
struct Entry {
  std::string transaction;
};
class Booked : public TwoPhaseSink<Tally, Entry> {
 public:
  explicit Booked(std::shared_ptr<Ledger> ledger) : ledger_{std::move(ledger)} {}
  std::string name() const override { return "book"; }
  void begin(const std::string& transaction) override {
    transaction_ = transaction;
    EXPECT_TRUE(ledger_->written.try_emplace(transaction).second && !ledger_->committed.contains(transaction)) << "a name twice";
  }
  void write(const Tally& tally, Timestamp) override { ledger_->written.at(transaction_).push_back(tally.auction); }
  Entry pre_commit() override {
    ledger_->prepared.insert(ledger_->written.extract(transaction_));
    return {transaction_};
  }
  void commit(const Entry& entry) override {
    if (ledger_->committed.contains(entry.transaction)) return;
    if (ledger_->committed.insert(ledger_->prepared.extract(entry.transaction)).position == ledger_->committed.end()) {
      throw Error{ErrorCode::kDataLoss, entry.transaction + " is lost"};
    }
  }
  void abort_leftovers(const SinkContext&) override {
    ledger_->written.clear();
    ledger_->prepared.clear();
  }

 private:
  std::shared_ptr<Ledger> ledger_;
  std::string transaction_;
};

TEST(KitConnectors, OwnSourcesOneAfterTheOtherToAnOwnSinkExactlyOnce) {
  in_every_way([](const TestOptions& way) {
    const auto ledger = std::make_shared<Ledger>();
    const AlignmentGroup group{5ms, 1ms};
    JobTest t{way, [&](Job& job) {
                const auto all = job.from(hybrid(own_source<Tens>(0, 3, false), own_source<Tens>(30, 3, true).event_time(&Tally::auction).align(group))).uid("tens");
                const auto more = job.from(own_source<Tens>(60, 1, true).event_time(&Tally::auction).rate(1000).align(group)).uid("more");
                all.union_with(more).to(own_sink<Booked>(ledger)).uid("book");
              }};
    t.run();
    std::vector<std::int64_t> booked;
    for (const auto& [transaction, numbers] : ledger->committed) booked.insert(booked.end(), numbers.begin(), numbers.end());
    std::ranges::sort(booked);
    std::vector<std::int64_t> expected;
    for (std::int64_t n = 0; n < 70; ++n) expected.push_back(n);
    EXPECT_EQ(booked, expected) << way.name;
    EXPECT_TRUE(ledger->written.empty() && ledger->prepared.empty()) << way.name;
  });
}

}  // namespace
}  // namespace tidemark

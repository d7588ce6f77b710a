// Sources and sinks under the operator test kit: whole jobs on files in memory.
#include <gmock/gmock.h>

#include <string>

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

}  // namespace
}  // namespace tidemark

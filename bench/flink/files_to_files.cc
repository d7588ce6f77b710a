// Whole jobs from files to files, which bench/flink/compare --end-to-end runs beside Flink's: bids in, rows out exactly once.
//
//   files_to_files --table ndjson-q5 --input 'bids/*.ndjson' --output rows    auctions with the most bids of 10 s, every 2 s
//   files_to_files --table csv-count --input 'bids/*.csv' --output rows       how many bids each bidder makes a day
//
// The other side of each is in src/main: FileJobs.java as a DataStream program, resources/sql as SQL.
#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

#include "nexmark/queries.h"
#include "tidemark/tidemark.h"

using namespace tidemark;
using namespace std::chrono_literals;

namespace {

// Of NDJSON what the job reads; the other fields are passed over.
struct BidOnAuction {
  std::int64_t auction;
  Timestamp date_time;
};
struct HotAuction {
  std::int64_t window_start;  // ms since 1970
  std::int64_t auction;
  std::int64_t bids;
};

// Of CSV without a header a record has all columns.
struct BidLine {
  std::int64_t auction;
  std::int64_t bidder;
  std::int64_t price;
  std::string_view channel;
  std::string_view url;
  Timestamp date_time;
  std::string_view extra;
};
struct BidBy {
  std::int64_t bidder;
};
struct BidderCount {
  std::int64_t bidder;
  std::int64_t bids;
};

void ndjson_q5(Job& job, const std::string& input, const std::string& output) {
  const auto bids =
      job.from(read_files<BidOnAuction>(input).event_time(&BidOnAuction::date_time, out_of_order_by(4s))).uid("bids");
  const auto counts = bids.key_by(&BidOnAuction::auction).window(sliding(10s, 2s)).aggregate(count()).uid("bids-per-auction");
  using Count = decltype(counts)::Record;
  counts.window_all(tumbling(2s))
      .aggregate(nexmark::AllHighest{&Count::value})
      .uid("hottest")
      .flat_map<HotAuction>([](const WindowedAll<std::vector<Count>>& hottest, Out<HotAuction>& out) {
        for (const Count& each : hottest.value) out.emit({each.start.ms(), each.key, each.value});
      })
      .to(write_files(output, as_json()))
      .uid("out");
}

void csv_count(Job& job, const std::string& input, const std::string& output) {
  const CsvOptions plain{.header = false};
  job.from(read_files<BidLine>(input).format(as_csv(plain)).event_time(&BidLine::date_time, out_of_order_by(4s)))
      .uid("bids")
      .map([](const BidLine& bid) { return BidBy{bid.bidder}; })  // so that no text goes through the exchange
      .key_by(&BidBy::bidder)
      .window(tumbling(24h))
      .aggregate(count())
      .uid("bids-per-bidder")
      .map([](const auto& day) { return BidderCount{day.key, day.value}; })
      .to(write_files(output, as_csv(plain)))
      .uid("out");
}

}  // namespace

int main(int argc, char** argv) {
  Job job{"files-to-files", argc, argv};
  const auto table = job.arg("table", "ndjson-q5", "ndjson-q5 or csv-count");
  const auto input = job.arg("input", "bids/*.ndjson", "files of bids");
  const auto output = job.arg("output", "rows", "folder for the rows");
  if (table != "ndjson-q5" && table != "csv-count") {
    std::fprintf(stderr, "files_to_files: --table is ndjson-q5 or csv-count\n");
    return 2;
  }
  (table == "ndjson-q5" ? ndjson_q5 : csv_count)(job, input, output);
  return job.run();
}

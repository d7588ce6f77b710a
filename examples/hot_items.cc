// The auction with the most bids of the last 10 seconds, every 2 seconds of event time.
//
//   nexmark_gen --events 2000000 --types bid --files 4 --out data
//   hot_items --input 'data/bids/*.ndjson' --output hot --checkpoint-dir state --checkpoint-interval 1s
#include "tidemark/tidemark.h"

using namespace tidemark;
using namespace std::chrono_literals;

// The fields of a bid that are needed; others in the input are passed over.
struct Bid {
  std::int64_t auction;
  std::int64_t bidder;
  std::int64_t price;
  Timestamp date_time;
};

struct HotItem {
  Timestamp window_start;
  Timestamp window_end;
  std::int64_t auction;
  std::int64_t bids;
};

int main(int argc, char** argv) {
  Job job{"hot-items", argc, argv};
  const auto input = job.arg("input", "bids/*.ndjson", "files of bids as JSON lines");
  const auto output = job.arg("output", "hot-items", "folder for the results");
  const auto lag = job.arg("lag", 4s, "how far a bid may be behind the newest one of its file");

  const auto bids = job.from(read_files<Bid>(input).event_time(&Bid::date_time, out_of_order_by(lag))).uid("bids");

  const auto bids_per_auction = bids.key_by(&Bid::auction)
                                    .window(sliding(10s, 2s))
                                    .aggregate(count())
                                    .uid("bids-per-auction");

  // The results of all windows that end together meet again in a window of the slide.
  bids_per_auction.window_all(tumbling(2s))
      .aggregate(max_by([](const auto& auction) { return auction.value; }))
      .uid("hottest")
      .map([](const auto& hottest) {
        const auto& winner = hottest.value;
        return HotItem{winner.start, winner.end, winner.key, winner.value};
      })
      .to(write_files(output, as_json()))
      .uid("out");

  return job.run();
}

// The job of README.md, word for word: install_test.cmake compares.
#include <tidemark/tidemark.h>
using namespace tidemark;
using namespace std::chrono_literals;

struct Bid { std::int64_t auction, bidder, price; Timestamp date_time; };   // an aggregate is all a record type needs to be

int main(int argc, char** argv) {
  Job job{"bid-counts", argc, argv};                                        // reads --parallelism, --resume, --help ...
  auto input = job.arg("input", "bids/*.ndjson", "files to read");
  job.from(read_files<Bid>(input).event_time(&Bid::date_time, out_of_order_by(4s))).uid("bids")
      .key_by(&Bid::auction)
      .window(sliding(10s, 2s))
      .aggregate(count()).uid("count")                                      // -> Windowed{start, end, key, value}
      .to(write_files("counts", as_json())).uid("out");
  return job.run();
}

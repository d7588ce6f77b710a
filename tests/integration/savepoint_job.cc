// The job that the savepoint tests run as a program of its own: sums per key over sliding windows, into files.
#include <chrono>
#include <memory>

#include "box_storage.h"
#include "tidemark/tidemark.h"

namespace {

using namespace tidemark;
using namespace std::chrono_literals;

struct Bid {
  std::int64_t auction = 0;
  std::int64_t price = 0;
  Timestamp at;
};

Bid bid(std::uint64_t n) {
  const auto number = static_cast<std::int64_t>(n);
  return {number * 31 % 101, number % 17, Timestamp{number}};
}

}  // namespace

int main(int argc, char** argv) {
  Job job{"savepoint-test", argc, argv};
  const std::int64_t count = job.arg("count", std::int64_t{60'000}, "bids");
  const std::int64_t rate = job.arg("rate", std::int64_t{0}, "bids a second; 0: as many as can be made");
  const std::string out = job.arg("out", "out", "folder of the results");
  const Duration size = job.arg("size", Duration{10s}, "of a window");
  const Duration slide = job.arg("slide", Duration{2s}, "of the windows");
  const std::string box = job.arg("box", "", "folder of a storage for the snapshots");
  const std::string uid = job.arg("uid", "sums", "of the windows");
  if (!box.empty()) job.store_snapshots_in(std::make_shared<BoxStorage>(box));
  job.from(generate<Bid>(count, bid).rate(rate).event_time(&Bid::at, out_of_order_by(100ms)))
      .uid("bids")
      .key_by(&Bid::auction)
      .window(sliding(size, slide))
      .aggregate(sum(&Bid::price))
      .uid(uid)
      .to(write_files(out, as_json()))
      .uid("out");
  return job.run();
}

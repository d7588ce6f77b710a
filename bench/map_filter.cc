// What does a record cost from a source through a map and a filter to a sink?
//
// The loop by hand makes the same records in blocks, and maps, tests and sums up those that pass in one go. Each side is net
// of its source. The aim: at most twice the loop and 4 ns a record. One core.
#include "bench/measure.h"
#include "tidemark/tidemark.h"

namespace {

using namespace tidemark;

struct Bid {
  std::int64_t auction;
  std::int64_t bidder;
  std::int64_t price;
  std::int64_t at;
};

constexpr std::uint64_t kPrices = 1000;

Bid make(std::uint64_t n) {
  const std::uint64_t x = bench::mix(n);
  return {static_cast<std::int64_t>(x >> 44), static_cast<std::int64_t>(x & 0xffff), bench::uniform(n, kPrices), static_cast<std::int64_t>(n)};
}
Bid in_euro(const Bid& bid) { return {bid.auction, bid.bidder, bid.price * 908 / 1000, bid.at}; }

bench::Figures bare(std::uint64_t records, std::optional<std::int64_t> above) {
  bench::Meter meter{records / 8, records - 1};
  std::int64_t sum = 0;
  bench::in_blocks<Bid>(
      records, [&](std::uint64_t n) { return meter.pass(n), make(n); },
      [&](const Bid* bids, std::size_t n) {
        for (std::size_t i = 0; i < n; ++i) {
          if (!above) {
            sum += bids[i].price + bids[i].at;
          } else if (const Bid bid = in_euro(bids[i]); bid.price >= *above) {
            sum += bid.price + bid.at;
          }
        }
      });
  bench::keep(sum);
  return {meter.ns_a_record()};
}

bench::Figures engine(std::uint64_t records, std::optional<std::int64_t> above) {
  bench::Meter meter{records / 8, records - 1};
  Job job{"bench", bench::kOneThread.size(), bench::kOneThread.data()};
  const auto bids = job.from(generate<Bid>(records, [&](std::uint64_t n) { return meter.pass(n), make(n); })).uid("bids");
  if (above) {
    bids.map(in_euro).filter([above = *above](const Bid& bid) { return bid.price >= above; }).to(discard());
  } else {
    bids.to(discard());
  }
  job.run_or_throw();
  return {meter.ns_a_record()};
}

}  // namespace

int main(int argc, char** argv) {
  const auto options = bench::Options::parse(argc, argv);
  bench::Report report{"source, map, filter", options};
  const std::uint64_t records = options.size(100'000'000, 1'000'000);
  for (const auto& [name, above] : {std::pair{"1 of 100 passes", 899}, {"2 of 3 pass", 302}}) {
    if (!options.wants(name)) continue;
    bench::Comparison comparison{{[&] { return bare(records, std::nullopt); }},
                                 {[&, above] { return bare(records, above); }},
                                 {[&] { return engine(records, std::nullopt); }},
                                 {[&, above] { return engine(records, above); }}};
    comparison.run(options.rounds(5));
    report.print(comparison.row(name, 0));
  }
}

// What does a record cost that is counted by its key in windows of 10 s that begin every 2 s?
//
// Bids of Nexmark by auction, a row a window and auction. The loop by hand keeps a table for each 2 s and adds up five of them for
// each window. Each side is net of its source. The aim: at most twice the loop and 4 ns a record, and 8 ns for the exchange;
// at most 1.5 times the loop's memory and 40 MB. One core.
#include <map>

#include "bench/bare_table.h"
#include "bench/measure.h"
#include "nexmark/generator.h"
#include "tidemark/tidemark.h"

namespace {

using namespace tidemark;
using namespace std::chrono_literals;

struct Bid {
  std::int64_t auction;
  std::int64_t at;
};

constexpr std::int64_t kSlideMs = 2'000;
constexpr std::int64_t kSlices = 5;

// Made in advance and repeated, each time with later times and further auctions.
struct Bids {
  std::vector<std::pair<std::uint32_t, std::uint32_t>> made;
  std::int64_t span_ms = 0;
  std::int64_t auctions = 0;

  explicit Bids(std::uint64_t events) {
    const nexmark::Generator generator{{}};
    const std::int64_t begin = generator.bid(4, nullptr, nexmark::Texts::kNone).date_time;
    for (std::uint64_t n = 0; n < events; ++n) {
      if (nexmark::Generator::kind(n) != nexmark::Kind::kBid) continue;
      const nexmark::Bid bid = generator.bid(n, nullptr, nexmark::Texts::kNone);
      made.emplace_back(bid.auction, bid.date_time - begin);
      span_ms = std::max(span_ms, bid.date_time - begin + 1);
      auctions = std::max(auctions, bid.auction + 1);
    }
  }
  Bid operator[](std::uint64_t n) const {
    const auto [auction, at] = made[n % made.size()];
    const auto turn = static_cast<std::int64_t>(n / made.size());
    return {auction + turn * auctions, at + turn * span_ms};
  }
};

class BareWindows {
 public:
  void add(const Bid& bid) {
    const std::int64_t slice = bid.at / kSlideMs;
    if (slice != last_) {
      last_ = slice;
      table_ = &slices_.try_emplace(slice, kKeysASlice).first->second;
    }
    ++table_->at(bid.auction);
  }
  void advance(std::int64_t watermark) {
    for (; (next_ + 1) * kSlideMs - 1 <= watermark; ++next_) {
      merged_.clear();
      for (auto slice = slices_.lower_bound(next_ + 1 - kSlices); slice != slices_.end() && slice->first <= next_; ++slice) {
        slice->second.for_each([&](std::int64_t auction, std::int64_t bids) { merged_.at(auction) += bids; });
      }
      merged_.for_each([&](std::int64_t auction, std::int64_t bids) { sum_ += auction ^ bids; });
      slices_.erase(next_ + 1 - kSlices);
      last_ = -1;
    }
  }
  std::int64_t sum() const { return sum_; }

 private:
  static constexpr std::size_t kKeysASlice = 1 << 14;
  std::map<std::int64_t, bench::BareTable> slices_;
  bench::BareTable merged_{4 * kKeysASlice};
  bench::BareTable* table_ = nullptr;
  std::int64_t last_ = -1;
  std::int64_t next_ = 0;
  std::int64_t sum_ = 0;
};

bench::Figures bare(const Bids& bids, std::uint64_t records, bool count) {
  bench::Meter meter{records / 8, records - 1};
  BareWindows windows;
  std::int64_t sum = 0;
  bench::in_blocks<Bid>(
      records, [&](std::uint64_t n) { return meter.pass(n), bids[n]; },
      [&](const Bid* block, std::size_t n) {
        for (std::size_t i = 0; i < n; ++i) {
          if (count) {
            windows.add(block[i]);
          } else {
            sum += block[i].auction + block[i].at;
          }
        }
        if (count) windows.advance(block[n - 1].at - 1);
      });
  bench::keep(sum += windows.sum());
  return {meter.ns_a_record()};
}

bench::Figures engine(const Bids& bids, std::uint64_t records, bool count) {
  bench::Meter meter{records / 8, records - 1};
  Job job{"bench", bench::kOneThread.size(), bench::kOneThread.data()};
  const auto source = job.from(generate<Bid>(records, [&](std::uint64_t n) { return meter.pass(n), bids[n]; }).event_time(&Bid::at)).uid("bids");
  if (count) {
    source.key_by(&Bid::auction).window(sliding(10s, 2s)).aggregate(tidemark::count()).uid("count").to(discard());
  } else {
    source.to(discard());
  }
  job.run_or_throw();
  return {meter.ns_a_record()};
}

}  // namespace

int main(int argc, char** argv) {
  const auto options = bench::Options::parse(argc, argv);
  bench::Report report{"sliding count by key", options};
  const Bids bids{options.size(5'000'000, 1'500'000)};
  const std::uint64_t records = options.size(20'000'000, 1'500'000);
  bench::Comparison comparison{{[&] { return bare(bids, records, false); }},
                               {[&] { return bare(bids, records, true); }},
                               {[&] { return engine(bids, records, false); }},
                               {[&] { return engine(bids, records, true); }}};
  comparison.run(options.rounds(5));
  report.print(comparison.row("bids by auction, 10 s every 2 s", bench::kExchangeNs));
}

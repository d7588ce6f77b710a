#include <tuple>
#include <utility>

#include "nexmark/queries.h"

namespace nexmark {

using namespace tidemark;
using namespace std::chrono_literals;

namespace {

Timestamp day_of(const BidRecord& bid) { return start_of(bid.date_time, 24h); }

/// Prices are of one of three ranks.
constexpr auto is_low = [](const BidRecord& bid) { return bid.price < 10'000; };
constexpr auto is_middle = [](const BidRecord& bid) { return bid.price >= 10'000 && bid.price < 1'000'000; };
constexpr auto is_high = [](const BidRecord& bid) { return bid.price >= 1'000'000; };

struct DayOfBids {
  std::int64_t total = 0;
  std::int64_t low = 0;
  std::int64_t middle = 0;
  std::int64_t high = 0;
  std::int64_t bidders = 0;
  std::int64_t auctions = 0;
};
auto day_of_bids() {
  return together<DayOfBids>(count(), count_if(is_low), count_if(is_middle), count_if(is_high), count_distinct(&BidRecord::bidder),
                             count_distinct(&BidRecord::auction));
}

/// What is bid a day.
Stream<DigestPart> q15(const Setting& s) {
  return s.bids().key_by(day_of).aggregate(day_of_bids(), s.emit).uid("days").map(changed([](const auto& day) {
    const DayOfBids& bids = day.value;
    return row(day.key, bids.total, bids.low, bids.middle, bids.high, bids.bidders, bids.auctions);
  }));
}

/// What is bid a day through a channel.
Stream<DigestPart> q16(const Setting& s) {
  const auto bidder = [](const BidWithTexts& b) { return b.bid.bidder; };
  const auto auction = [](const BidWithTexts& b) { return b.bid.auction; };
  const auto of_bid = [](auto is) { return [is](const BidWithTexts& b) { return is(b.bid); }; };
  return s.bids_with(Texts::kChannel)
      .key_by([](const BidWithTexts& b) { return std::pair{b.channel, day_of(b.bid)}; })
      .aggregate(together<DayOfBids>(count(), count_if(of_bid(is_low)), count_if(of_bid(is_middle)), count_if(of_bid(is_high)), count_distinct(bidder),
                                     count_distinct(auction)),
                 s.emit)
      .uid("channels")
      .map(changed([](const auto& channel) {
        const DayOfBids& bids = channel.value;
        return row(channel.key.first, channel.key.second, bids.total, bids.low, bids.middle, bids.high, bids.bidders, bids.auctions);
      }));
}

struct Prices {
  std::int64_t total = 0;
  std::int64_t low = 0;
  std::int64_t middle = 0;
  std::int64_t high = 0;
  std::int64_t smallest = 0;
  std::int64_t largest = 0;
  std::int64_t sum = 0;
};

/// What is bid a day for an auction.
Stream<DigestPart> q17(const Setting& s) {
  const auto prices = together<Prices>(count(), count_if(is_low), count_if(is_middle), count_if(is_high), min(&BidRecord::price),
                                       max(&BidRecord::price), sum(&BidRecord::price));
  return s.bids()
      .key_by([](const BidRecord& b) { return std::pair{b.auction, day_of(b)}; })
      .aggregate(prices, s.emit)
      .uid("prices")
      .map(changed([](const auto& auction) {
        const Prices& p = auction.value;
        return row(auction.key.first, auction.key.second, p.total, p.low, p.middle, p.high, p.smallest, p.largest, p.sum / p.total, p.sum);
      }));
}

/// The last bid of each bidder for each auction.
Stream<DigestPart> q18(const Setting& s) {
  return s.bids()
      .key_by([](const BidRecord& b) { return std::pair{b.bidder, b.auction}; })
      .keep_last([](const BidRecord& b) { return std::tuple{b.date_time, b.price, b.n}; }, s.emit)
      .uid("last")
      .map(changed([](const BidRecord& b) { return row(b.auction, b.bidder, b.price, b.date_time); }));
}

/// The ten highest bids for each auction.
Stream<DigestPart> q19(const Setting& s) {
  return s.bids()
      .key_by(&BidRecord::auction)
      .top(10, [](const BidRecord& b) { return std::pair{b.price, -b.n}; }, s.emit)
      .uid("highest")
      .map(changed([](const Ranked<BidRecord>& each) {
        const BidRecord& b = each.row;
        return row(b.auction, b.bidder, b.price, b.date_time, each.rank);
      }));
}

constexpr NamedQuery kQueries[] = {{"q15", q15}, {"q16", q16}, {"q17", q17}, {"q18", q18}, {"q19", q19}};

}  // namespace

std::span<const NamedQuery> table_queries() { return kQueries; }

}  // namespace nexmark

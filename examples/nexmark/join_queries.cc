#include <tuple>
#include <utility>

#include "nexmark/queries.h"

namespace nexmark {

using namespace tidemark;
using namespace std::chrono_literals;

namespace {

bool is_of_category_10(const AuctionRecord& auction) { return auction.category == 10; }

/// Who sells in some states.
Stream<DigestPart> q3(const Setting& s) {
  const auto sellers = s.persons().filter([](const PersonRecord& p) { return p.state == "OR" || p.state == "ID" || p.state == "CA"; });
  return s.auctions()
      .filter(is_of_category_10)
      .key_by(&AuctionRecord::seller)
      .join(sellers.key_by(&PersonRecord::id))
      .unbounded()
      .inner([](const AuctionRecord& a, const PersonRecord& p) { return row(p.name, p.city, p.state, a.id); })
      .uid("auctions-and-sellers");
}

struct BidOnAuction {
  std::int64_t auction = 0;
  std::int64_t seller = 0;
  std::int64_t category = 0;
  std::int64_t bidder = 0;
  std::int64_t price = 0;
  Timestamp date_time;
  bool is_in_time = false;
};

/// The bids between the beginning of their auction and its end.
Stream<BidOnAuction> bids_in_time(const Setting& s) {
  return s.auctions()
      .key_by(&AuctionRecord::id)
      .join(s.bids().key_by(&BidRecord::auction))
      .unbounded()
      .inner([](const AuctionRecord& a, const BidRecord& b) {
        return BidOnAuction{a.id, a.seller, a.category, b.bidder, b.price, b.date_time, a.date_time <= b.date_time && b.date_time <= a.expires};
      })
      .uid("auctions-and-bids")
      .filter([](const BidOnAuction& bid) { return bid.is_in_time; });
}

/// What auctions of a category close at.
Stream<DigestPart> q4(const Setting& s) {
  const auto closing = bids_in_time(s)
                           .key_by([](const BidOnAuction& bid) { return std::pair{bid.category, bid.auction}; })
                           .aggregate(max(&BidOnAuction::price), s.emit)
                           .uid("closing-prices");
  const auto price = [](const auto& auction) { return auction.value; };
  return closing.key_by(of_row([](const auto& auction) { return auction.key.first; }))
      .aggregate(together(sum(price), count()), s.emit)
      .uid("categories")
      .map(changed([](const auto& category) { return row(category.key, std::get<0>(category.value) / std::get<1>(category.value)); }));
}

/// Who opens an auction within the 10 seconds of registering.
Stream<DigestPart> q8(const Setting& s) {
  return s.persons()
      .key_by(&PersonRecord::id)
      .join(s.auctions().key_by(&AuctionRecord::seller))
      .window(tumbling(10s))
      .semi()
      .uid("new-sellers")
      .map([](const PersonRecord& p) { return row(p.id, p.name, start_of(p.date_time, 10s)); });
}

/// The winning bid of each auction.
Stream<DigestPart> q9(const Setting& s) {
  return bids_in_time(s)
      .key_by(&BidOnAuction::auction)
      .keep_last([](const BidOnAuction& bid) { return std::tuple{bid.price, -bid.date_time.ms(), -bid.bidder}; }, s.emit)
      .uid("winners")
      .map(changed([](const BidOnAuction& won) { return row(won.auction, won.seller, won.category, won.bidder, won.price, won.date_time); }));
}

/// The bids for auctions of a category.
Stream<DigestPart> q20(const Setting& s) {
  return s.bids()
      .key_by(&BidRecord::auction)
      .join(s.auctions().filter(is_of_category_10).key_by(&AuctionRecord::id))
      .unbounded()
      .inner([](const BidRecord& b, const AuctionRecord& a) { return row(b.auction, b.bidder, b.price, b.date_time, a.seller); })
      .uid("bids-and-auctions");
}

constexpr NamedQuery kQueries[] = {{"q3", q3}, {"q4", q4}, {"q8", q8}, {"q9", q9}, {"q20", q20}};

}  // namespace

std::span<const NamedQuery> join_queries() { return kQueries; }

}  // namespace nexmark

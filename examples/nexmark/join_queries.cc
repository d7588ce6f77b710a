#include <tuple>
#include <type_traits>
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
      .many_to_one()
      .inner([](const AuctionRecord& a, const PersonRecord& p) { return row(p.name, p.city, p.state, a.id); })
      .uid("auctions-and-sellers");
}

template <class Row>
struct MaybeInTime {
  Row row;
  bool is_in_time = false;
};

/// Of the bids between the beginning of their auction and its end what row_of(auction, bid) makes.
template <class Auction, class RowOf>
auto bids_in_time(const Stream<Auction>& auctions, const Stream<BidRecord>& bids, RowOf row_of) {
  using Row = std::invoke_result_t<RowOf, const Auction&, const BidRecord&>;
  return auctions.key_by(&Auction::id)
      .join(bids.key_by(&BidRecord::auction))
      .unbounded()
      .one_to_many()
      .inner([row_of](const Auction& a, const BidRecord& b) {
        return MaybeInTime<Row>{row_of(a, b), a.date_time <= b.date_time && b.date_time <= a.expires};
      })
      .uid("auctions-and-bids")
      .flat_map([](const MaybeInTime<Row>& bid, Out<Row>& out) {
        if (bid.is_in_time) out.emit(bid.row);
      });
}

struct AuctionTimes {
  std::int64_t id = 0;
  std::int64_t category = 0;
  Timestamp date_time;
  Timestamp expires;
};
struct Price {
  std::int64_t auction = 0;
  std::int64_t category = 0;
  std::int64_t price = 0;
};

/// What auctions of a category close at.
Stream<DigestPart> q4(const Setting& s) {
  const auto auctions = s.auctions().map([](const AuctionRecord& a) {
    return AuctionTimes{a.id, a.category, a.date_time, a.expires};
  });
  const auto price_of = [](const AuctionTimes& a, const BidRecord& b) { return Price{a.id, a.category, b.price}; };
  const auto closing = bids_in_time(auctions, s.bids(), price_of)
                           .key_by([](const Price& bid) { return std::pair{bid.category, bid.auction}; })
                           .aggregate(max(&Price::price), s.emit)
                           .uid("closing-prices");
  const auto price = [](const auto& auction) { return auction.value; };
  return closing.key_by(of_row([](const auto& auction) { return auction.key.first; }))
      .aggregate(together(sum(price), count()), s.emit)
      .uid("categories")
      .map(changed([](const auto& category) { return row(category.key, std::get<0>(category.value) / std::get<1>(category.value)); }));
}

struct NewPerson {
  std::int64_t id = 0;
  std::string_view name;
  Timestamp date_time;
};
struct Seller {
  std::int64_t id = 0;
};

/// Who opens an auction within the 10 seconds of registering.
Stream<DigestPart> q8(const Setting& s) {
  const auto persons = s.persons().map([](const PersonRecord& p) { return NewPerson{p.id, p.name, p.date_time}; });
  const auto sellers = s.auctions().map([](const AuctionRecord& a) { return Seller{a.seller}; });
  return persons.key_by(&NewPerson::id)
      .join(sellers.key_by(&Seller::id))
      .window(tumbling(10s))
      .semi()
      .uid("new-sellers")
      .map([](const NewPerson& p) { return row(p.id, p.name, start_of(p.date_time, 10s)); });
}

struct BidOnAuction {
  std::int64_t auction = 0;
  std::int64_t seller = 0;
  std::int64_t category = 0;
  std::int64_t bidder = 0;
  std::int64_t price = 0;
  Timestamp date_time;
};

/// The winning bid of each auction.
Stream<DigestPart> q9(const Setting& s) {
  const auto both_of = [](const AuctionRecord& a, const BidRecord& b) {
    return BidOnAuction{a.id, a.seller, a.category, b.bidder, b.price, b.date_time};
  };
  return bids_in_time(s.auctions(), s.bids(), both_of)
      .key_by(&BidOnAuction::auction)
      .keep_last([](const BidOnAuction& bid) { return std::tuple{bid.price, -bid.date_time.ms(), -bid.bidder}; }, s.emit)
      .uid("winners")
      .map(changed([](const BidOnAuction& won) { return row(won.auction, won.seller, won.category, won.bidder, won.price, won.date_time); }));
}

struct Sale {
  std::int64_t auction = 0;
  std::int64_t seller = 0;
  std::int64_t category = 0;
};
struct BidOnSale {
  std::int64_t auction = 0;
  std::int64_t bidder = 0;
  std::int64_t price = 0;
  Timestamp date_time;
  std::int64_t seller = 0;
  std::int64_t category = 0;
};

/// The bids for auctions of a category. All auctions are joined, so that no bid waits for one that was left out.
Stream<DigestPart> q20(const Setting& s) {
  const auto sales = s.auctions().map([](const AuctionRecord& a) { return Sale{a.id, a.seller, a.category}; });
  return s.bids()
      .key_by(&BidRecord::auction)
      .join(sales.key_by(&Sale::auction))
      .unbounded()
      .many_to_one()
      .inner([](const BidRecord& b, const Sale& sale) {
        return BidOnSale{b.auction, b.bidder, b.price, b.date_time, sale.seller, sale.category};
      })
      .uid("bids-and-auctions")
      .filter([](const BidOnSale& bid) { return bid.category == 10; })
      .map([](const BidOnSale& bid) { return row(bid.auction, bid.bidder, bid.price, bid.date_time, bid.seller); });
}

constexpr NamedQuery kQueries[] = {{"q3", q3}, {"q4", q4}, {"q8", q8}, {"q9", q9}, {"q20", q20}};

}  // namespace

std::span<const NamedQuery> join_queries() { return kQueries; }

}  // namespace nexmark

#include "nexmark/queries.h"

namespace nexmark {

using namespace tidemark;
using namespace std::chrono_literals;

namespace {

/// Every bid.
Stream<DigestPart> q0(const Setting& s) {
  return s.bids_with(Texts::kExtra).map([](const BidWithTexts& b) { return row(b.bid.auction, b.bid.bidder, b.bid.price, b.bid.date_time, b.extra); });
}

/// Every bid in another currency.
Stream<DigestPart> q1(const Setting& s) {
  return s.bids_with(Texts::kExtra).map([](const BidWithTexts& b) {
    return row(b.bid.auction, b.bid.bidder, b.bid.price * 908 / 1000, b.bid.date_time, b.extra);
  });
}

/// Bids on some auctions.
Stream<DigestPart> q2(const Setting& s) {
  return s.bids().filter([](const BidRecord& b) { return b.auction % 123 == 0; }).map([](const BidRecord& b) { return row(b.auction, b.price); });
}

/// The auctions with the most bids of the last 10 seconds, every 2 seconds.
Stream<DigestPart> q5(const Setting& s) {
  const auto counts = s.bids().key_by(&BidRecord::auction).window(sliding(10s, 2s)).aggregate(count()).uid("bids-per-auction");
  using Count = decltype(counts)::Record;
  return counts.window_all(tumbling(2s))
      .aggregate(AllHighest{&Count::value})
      .uid("hottest")
      .flat_map<DigestPart>([](const WindowedAll<std::vector<Count>>& hottest, Out<DigestPart>& out) {
        for (const Count& each : hottest.value) out.emit(row(each.start, each.key, each.value));
      });
}

/// The highest bids of each 10 seconds.
Stream<DigestPart> q7(const Setting& s) {
  return s.bids()
      .window_all(tumbling(10s))
      .aggregate(AllHighest{&BidRecord::price})
      .uid("highest")
      .flat_map<DigestPart>([](const WindowedAll<std::vector<BidRecord>>& highest, Out<DigestPart>& out) {
        for (const BidRecord& b : highest.value) out.emit(row(b.auction, b.price, b.bidder, b.date_time));
      });
}

/// How many bids a bidder makes without a pause of 10 seconds.
Stream<DigestPart> q11(const Setting& s) {
  return s.bids().key_by(&BidRecord::bidder).window(session(10s)).aggregate(count()).uid("sessions").map([](const auto& session) {
    return row(session.key, session.value, session.start, session.end);
  });
}

constexpr NamedQuery kQueries[] = {{"q0", q0}, {"q1", q1}, {"q2", q2}, {"q5", q5}, {"q7", q7}, {"q11", q11}};

}  // namespace

std::span<const NamedQuery> bid_queries() { return kQueries; }

}  // namespace nexmark

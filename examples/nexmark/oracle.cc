#include "nexmark/oracle.h"

#include <algorithm>
#include <array>
#include <limits>
#include <map>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <tuple>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "nexmark/oracle_q5.h"

namespace nexmark {
namespace {

constexpr std::int64_t kDayMs = 86'400'000;
constexpr std::int64_t kWindowMs = 10'000;  // of q7, q8; and the gap of q11's sessions

constexpr std::int64_t start_of(std::int64_t time, std::int64_t size) { return time - time % size; }

/// The first events of a generator, one kind at a time.
struct Events {
  const Generator& generator;
  std::uint64_t count;

  template <class F>
  void bids(Texts texts, F&& f) const {
    char buffer[Generator::kTextBytes];
    for (std::uint64_t n = 0; n < count; ++n) {
      if (Generator::kind(n) == Kind::kBid) f(generator.bid(n, buffer, texts));
    }
  }
  template <class F>
  void bids(F&& f) const {
    bids(Texts::kNone, f);
  }
  template <class F>
  void auctions(F&& f) const {
    for (std::uint64_t n = 0; n < count; ++n) {
      if (Generator::kind(n) == Kind::kAuction) f(generator.auction(n, nullptr, Texts::kNone));
    }
  }
  template <class F>
  void persons(F&& f) const {
    char buffer[Generator::kTextBytes];
    for (std::uint64_t n = 0; n < count; ++n) {
      if (Generator::kind(n) == Kind::kPerson) f(generator.person(n, buffer, Texts::kNames));
    }
  }
};

class Table {
 public:
  template <class... Fields>
  void row(const Fields&... fields) {
    digest_.add(text_.clear().add(fields...).view());
  }
  const TableDigest& digest() const { return digest_; }

 private:
  TableDigest digest_;
  RowText text_;
};

void q0(const Events& events, Table& table) {
  events.bids(Texts::kExtra, [&](const Bid& b) { table.row(b.auction, b.bidder, b.price, b.date_time, b.extra); });
}

void q1(const Events& events, Table& table) {
  events.bids(Texts::kExtra, [&](const Bid& b) { table.row(b.auction, b.bidder, b.price * 908 / 1000, b.date_time, b.extra); });
}

void q2(const Events& events, Table& table) {
  events.bids([&](const Bid& b) {
    if (b.auction % 123 == 0) table.row(b.auction, b.price);
  });
}

void q3(const Events& events, Table& table) {
  struct Seller {
    std::string name, city, state;
  };
  std::unordered_map<std::int64_t, Seller> sellers;
  events.persons([&](const Person& p) {
    if (p.state == "OR" || p.state == "ID" || p.state == "CA") {
      sellers[p.id] = {std::string{p.name}, std::string{p.city}, std::string{p.state}};
    }
  });
  events.auctions([&](const Auction& a) {
    if (a.category != 10) return;
    if (const auto found = sellers.find(a.seller); found != sellers.end()) {
      const Seller& seller = found->second;
      table.row(std::string_view{seller.name}, std::string_view{seller.city}, std::string_view{seller.state}, a.id);
    }
  });
}

using Auctions = std::map<std::int64_t, Auction>;

Auctions auctions_by_id(const Events& events) {
  Auctions auctions;
  events.auctions([&](const Auction& a) { auctions.emplace(a.id, a); });
  return auctions;
}

/// f(auction, bid) for each bid that came while its auction was open.
template <class F>
void for_each_valid_bid(const Events& events, const Auctions& auctions, F&& f) {
  events.bids([&](const Bid& b) {
    const auto found = auctions.find(b.auction);
    if (found == auctions.end()) return;
    const Auction& auction = found->second;
    if (auction.date_time <= b.date_time && b.date_time <= auction.expires) f(auction, b);
  });
}

void q4(const Events& events, Table& table) {
  const Auctions auctions = auctions_by_id(events);
  std::unordered_map<std::int64_t, std::int64_t> highest;
  for_each_valid_bid(events, auctions, [&](const Auction& a, const Bid& b) {
    std::int64_t& price = highest[a.id];
    price = std::max(price, b.price);
  });
  std::map<std::int64_t, std::pair<std::int64_t, std::int64_t>> by_category;  // sum, count
  for (const auto& [id, price] : highest) {
    auto& [sum, count] = by_category[auctions.at(id).category];
    sum += price;
    ++count;
  }
  for (const auto& [category, total] : by_category) table.row(category, total.first / total.second);
}

void q5(const Events& events, Table& table) {
  OracleQ5 oracle;
  events.bids([&](const Bid& b) { oracle.add(b.auction, b.date_time); });
  for (const Q5Row& row : oracle.rows()) table.row(row.window_start, row.auction, row.bids);
}

void q7(const Events& events, Table& table) {
  std::unordered_map<std::int64_t, std::int64_t> highest;  // by window
  events.bids([&](const Bid& b) {
    std::int64_t& price = highest[start_of(b.date_time, kWindowMs)];
    price = std::max(price, b.price);
  });
  events.bids([&](const Bid& b) {
    if (b.price == highest[start_of(b.date_time, kWindowMs)]) table.row(b.auction, b.price, b.bidder, b.date_time);
  });
}

void q8(const Events& events, Table& table) {
  std::set<std::pair<std::int64_t, std::int64_t>> sellers;  // id, window
  events.auctions([&](const Auction& a) { sellers.emplace(a.seller, start_of(a.date_time, kWindowMs)); });
  events.persons([&](const Person& p) {
    const std::int64_t window = start_of(p.date_time, kWindowMs);
    if (sellers.contains({p.id, window})) table.row(p.id, p.name, window);
  });
}

void q9(const Events& events, Table& table) {
  const Auctions auctions = auctions_by_id(events);
  std::unordered_map<std::int64_t, Bid> winners;
  for_each_valid_bid(events, auctions, [&](const Auction& a, const Bid& b) {
    const auto rank = [](const Bid& bid) { return std::tuple{-bid.price, bid.date_time, bid.bidder}; };
    const auto [winner, is_first] = winners.try_emplace(a.id, b);
    if (!is_first && rank(b) < rank(winner->second)) winner->second = b;
  });
  for (const auto& [id, bid] : winners) {
    const Auction& auction = auctions.at(id);
    table.row(id, auction.seller, auction.category, bid.bidder, bid.price, bid.date_time);
  }
}

void q11(const Events& events, Table& table) {
  std::unordered_map<std::int64_t, std::vector<std::int64_t>> times;  // by bidder
  events.bids([&](const Bid& b) { times[b.bidder].push_back(b.date_time); });
  for (auto& [bidder, bids] : times) {
    std::ranges::sort(bids);
    for (std::size_t first = 0; first < bids.size();) {
      std::size_t end = first + 1;
      while (end < bids.size() && bids[end] <= bids[end - 1] + kWindowMs) ++end;
      table.row(bidder, end - first, bids[first], bids[end - 1] + kWindowMs);
      first = end;
    }
  }
}

struct DayOfBids {
  std::array<std::int64_t, 3> in_rank{};
  std::unordered_set<std::int64_t> bidders;
  std::unordered_set<std::int64_t> auctions;

  void add(const Bid& b) {
    ++in_rank[rank(b.price)];
    bidders.insert(b.bidder);
    auctions.insert(b.auction);
  }
  std::int64_t total() const { return in_rank[0] + in_rank[1] + in_rank[2]; }

  static std::size_t rank(std::int64_t price) { return price < 10'000 ? 0 : price < 1'000'000 ? 1 : 2; }
};

void q15(const Events& events, Table& table) {
  std::map<std::int64_t, DayOfBids> days;
  events.bids([&](const Bid& b) { days[start_of(b.date_time, kDayMs)].add(b); });
  for (const auto& [day, bids] : days) {
    table.row(day, bids.total(), bids.in_rank[0], bids.in_rank[1], bids.in_rank[2], bids.bidders.size(), bids.auctions.size());
  }
}

void q16(const Events& events, Table& table) {
  std::map<std::pair<std::string, std::int64_t>, DayOfBids> days;
  events.bids(Texts::kChannel,
              [&](const Bid& b) { days[{std::string{b.channel}, start_of(b.date_time, kDayMs)}].add(b); });
  for (const auto& [key, bids] : days) {
    table.row(std::string_view{key.first}, key.second, bids.total(), bids.in_rank[0], bids.in_rank[1], bids.in_rank[2],
              bids.bidders.size(), bids.auctions.size());
  }
}

void q17(const Events& events, Table& table) {
  struct Day {
    std::array<std::int64_t, 3> in_rank{};
    std::int64_t min = std::numeric_limits<std::int64_t>::max();
    std::int64_t max = 0;
    std::int64_t sum = 0;
  };
  std::map<std::pair<std::int64_t, std::int64_t>, Day> days;
  events.bids([&](const Bid& b) {
    Day& day = days[{b.auction, start_of(b.date_time, kDayMs)}];
    ++day.in_rank[DayOfBids::rank(b.price)];
    day.min = std::min(day.min, b.price);
    day.max = std::max(day.max, b.price);
    day.sum += b.price;
  });
  for (const auto& [key, day] : days) {
    const std::int64_t count = day.in_rank[0] + day.in_rank[1] + day.in_rank[2];
    table.row(key.first, key.second, count, day.in_rank[0], day.in_rank[1], day.in_rank[2], day.min, day.max,
              day.sum / count, day.sum);
  }
}

void q18(const Events& events, Table& table) {
  std::map<std::pair<std::int64_t, std::int64_t>, Bid> latest;
  events.bids([&](const Bid& b) {
    const auto age = [](const Bid& bid) { return std::pair{bid.date_time, bid.price}; };
    const auto [bid, is_first] = latest.try_emplace({b.bidder, b.auction}, b);
    if (!is_first && age(bid->second) <= age(b)) bid->second = b;
  });
  for (const auto& [key, b] : latest) table.row(b.auction, b.bidder, b.price, b.date_time);
}

void q19(const Events& events, Table& table) {
  constexpr std::size_t kTop = 10;
  std::unordered_map<std::int64_t, std::vector<Bid>> by_auction;
  events.bids([&](const Bid& b) { by_auction[b.auction].push_back(b); });
  for (auto& [auction, bids] : by_auction) {
    std::ranges::stable_sort(bids, std::ranges::greater{}, &Bid::price);
    for (std::size_t i = 0; i < std::min(kTop, bids.size()); ++i) {
      table.row(auction, bids[i].bidder, bids[i].price, bids[i].date_time, i + 1);
    }
  }
}

void q20(const Events& events, Table& table) {
  const Auctions auctions = auctions_by_id(events);
  events.bids([&](const Bid& b) {
    const auto auction = auctions.find(b.auction);
    if (auction == auctions.end() || auction->second.category != 10) return;
    table.row(b.auction, b.bidder, b.price, b.date_time, auction->second.seller);
  });
}

using Query = void (*)(const Events&, Table&);

constexpr std::array<std::string_view, 16> kNames = {"q0", "q1", "q2",  "q3",  "q4",  "q5",  "q7",  "q8",
                                                     "q9", "q11", "q15", "q16", "q17", "q18", "q19", "q20"};
constexpr std::array<Query, kNames.size()> kQueries = {q0, q1, q2, q3, q4, q5, q7, q8, q9, q11, q15, q16, q17, q18, q19, q20};

}  // namespace

std::span<const std::string_view> query_names() { return kNames; }

TableDigest oracle(std::string_view query, const Generator& generator, std::uint64_t events) {
  const auto found = std::ranges::find(kNames, query);
  if (found == kNames.end()) throw std::invalid_argument{"there is no query '" + std::string{query} + "'"};
  Table table;
  kQueries[static_cast<std::size_t>(found - kNames.begin())]({generator, events}, table);
  return table.digest();
}

}  // namespace nexmark

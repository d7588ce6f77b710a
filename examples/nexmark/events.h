// The three events of Nexmark, an online auction, as the generator makes them.
//
// Texts are views: into the buffer that the caller handed to the generator, or into constants of the program.
#pragma once

#include <cstdint>
#include <string_view>

namespace nexmark {

enum class Kind { kPerson, kAuction, kBid };

struct Person {
  std::int64_t id;
  std::string_view name;
  std::string_view email;
  std::string_view credit_card;
  std::string_view city;
  std::string_view state;
  std::int64_t date_time;  // ms since 1970 UTC, here and below
  std::string_view extra;
};

struct Auction {
  std::int64_t id;
  std::string_view item_name;
  std::string_view description;
  std::int64_t initial_bid;
  std::int64_t reserve;
  std::int64_t date_time;
  std::int64_t expires;
  std::int64_t seller;
  std::int64_t category;
  std::string_view extra;
};

struct Bid {
  std::int64_t auction;
  std::int64_t bidder;
  std::int64_t price;
  std::string_view channel;
  std::string_view url;
  std::int64_t date_time;
  std::string_view extra;
};

/// The event's kind as digests name it (P, A, B) and as JSON lines do.
constexpr char letter(const Person&) { return 'P'; }
constexpr char letter(const Auction&) { return 'A'; }
constexpr char letter(const Bid&) { return 'B'; }
constexpr std::string_view type_name(const Person&) { return "person"; }
constexpr std::string_view type_name(const Auction&) { return "auction"; }
constexpr std::string_view type_name(const Bid&) { return "bid"; }

/// Calls f(name, value) for each field in the order of the specification.
template <class F>
void for_each_field(const Person& p, F&& f) {
  f("id", p.id);
  f("name", p.name);
  f("email", p.email);
  f("credit_card", p.credit_card);
  f("city", p.city);
  f("state", p.state);
  f("date_time", p.date_time);
  f("extra", p.extra);
}

template <class F>
void for_each_field(const Auction& a, F&& f) {
  f("id", a.id);
  f("item_name", a.item_name);
  f("description", a.description);
  f("initial_bid", a.initial_bid);
  f("reserve", a.reserve);
  f("date_time", a.date_time);
  f("expires", a.expires);
  f("seller", a.seller);
  f("category", a.category);
  f("extra", a.extra);
}

template <class F>
void for_each_field(const Bid& b, F&& f) {
  f("auction", b.auction);
  f("bidder", b.bidder);
  f("price", b.price);
  f("channel", b.channel);
  f("url", b.url);
  f("date_time", b.date_time);
  f("extra", b.extra);
}

}  // namespace nexmark

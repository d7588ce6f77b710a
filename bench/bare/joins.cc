// Of two kinds of events. A bid may come before its auction and an auction before its seller: it waits, and is tried again
// with the next block.
#include <array>
#include <vector>

#include "bench/bare/loop.h"
#include "bench/bare/containers.h"

namespace bench::bare {
namespace {

/// Tries the records that wait, then the block's. try_each(record) says whether what it needs has come.
template <class Record>
class Waiting {
 public:
  template <class TryEach>
  void go_through(std::span<const Record> block, TryEach&& try_each) {
    waiting_.swap(before_);
    waiting_.clear();
    for (const std::span<const Record> records : {std::span<const Record>{before_}, block}) {
      for (const Record& record : records) {
        if (!try_each(record)) [[unlikely]] waiting_.push_back(record);
      }
    }
  }

 private:
  std::vector<Record> waiting_;
  std::vector<Record> before_;
};

class Q3 {
 public:
  struct Person {
    static constexpr nexmark::Texts kTexts = nexmark::Texts::kNames;
    static constexpr std::size_t kTextBytes = nexmark::Generator::kTextBytes;
    std::int64_t id;
    std::string_view name, city, state;
    static Person of(const nexmark::Person& p) { return {p.id, p.name, p.city, p.state}; }
  };
  struct Auction {
    std::int64_t id, seller, category;
    static Auction of(const nexmark::Auction& a) { return {a.id, a.seller, a.category}; }
  };
  template <class Rows>
  void take(std::span<const Person> persons, Rows&) {
    for (const Person& p : persons) {
      Seller& seller = sellers_[p.id];
      seller.has_registered = true;
      seller.is_wanted = p.state == "OR" || p.state == "ID" || p.state == "CA";
      if (seller.is_wanted) seller.texts = {texts_.add(p.name), texts_.add(p.city), texts_.add(p.state)};
    }
  }
  template <class Rows>
  void take(std::span<const Auction> auctions, Rows& rows) {
    waiting_.go_through(auctions, [&](const Auction& a) {
      if (a.category != 10) return true;
      const Seller& seller = sellers_[a.seller];
      const auto text = [&](std::size_t i) { return texts_.text(seller.texts[i]); };
      if (seller.is_wanted) rows.add(text(0), text(1), text(2), a.id);
      return seller.has_registered;
    });
  }
  template <class Rows>
  void end(Rows&) {}

 private:
  struct Seller {
    bool has_registered = false, is_wanted = false;
    std::array<TextArena::Place, 3> texts;
  };
  ById<Seller> sellers_;
  TextArena texts_;
  Waiting<Auction> waiting_;
};

class Q4 {
 public:
  struct Auction {
    std::int64_t id, category, date_time, expires;
    static Auction of(const nexmark::Auction& a) { return {a.id, a.category, a.date_time, a.expires}; }
  };
  struct Bid {
    std::int64_t auction, price, date_time;
    static Bid of(const nexmark::Bid& b) { return {b.auction, b.price, b.date_time}; }
  };
  template <class Rows>
  void take(std::span<const Auction> auctions, Rows&) {
    for (const Auction& a : auctions) auctions_[a.id] = {a.date_time, a.expires, a.category, 0};
  }
  template <class Rows>
  void take(std::span<const Bid> bids, Rows&) {
    waiting_.go_through(bids, [&](const Bid& b) {
      Closing& auction = auctions_[b.auction];
      const bool is_in_time = auction.date_time <= b.date_time && b.date_time <= auction.expires;
      auction.highest = std::max(auction.highest, is_in_time ? b.price : 0);
      return auction.expires != 0;
    });
  }
  template <class Rows>
  void end(Rows& rows) {
    struct OfCategory {
      std::int64_t sum = 0, count = 0;
    };
    std::vector<OfCategory> categories;
    auctions_.for_each([&](std::int64_t, const Closing& auction) {
      if (auction.highest == 0) return;
      const auto category = static_cast<std::size_t>(auction.category);
      if (category >= categories.size()) categories.resize(category + 1);
      categories[category].sum += auction.highest;
      ++categories[category].count;
    });
    for (std::size_t category = 0; category < categories.size(); ++category) {
      const OfCategory& of = categories[category];
      if (of.count > 0) rows.add(category, of.sum / of.count);
    }
  }

 private:
  struct Closing {
    std::int64_t date_time = 0, expires = 0, category = 0, highest = 0;
  };
  ById<Closing> auctions_;
  Waiting<Bid> waiting_;
};

class Q8 {
 public:
  struct Person {
    static constexpr nexmark::Texts kTexts = nexmark::Texts::kNames;
    static constexpr std::size_t kTextBytes = nexmark::Generator::kTextBytes;
    std::int64_t id;
    std::string_view name;
    std::int64_t date_time;
    static Person of(const nexmark::Person& p) { return {p.id, p.name, p.date_time}; }
  };
  struct Auction {
    std::int64_t seller, date_time;
    static Auction of(const nexmark::Auction& a) { return {a.seller, a.date_time}; }
  };
  template <class Rows>
  void take(std::span<const Person> persons, Rows& rows) {
    for (const Person& p : persons) {
      Seller& seller = sellers_[p.id];
      seller.name = texts_.add(p.name);
      seller.registered_in = start_of(p.date_time, kWindowMs);
      give_new(p.id, seller, rows);
    }
  }
  template <class Rows>
  void take(std::span<const Auction> auctions, Rows& rows) {
    for (const Auction& a : auctions) {
      Seller& seller = sellers_[a.seller];
      seller.last_sold_in = start_of(a.date_time, kWindowMs);
      give_new(a.seller, seller, rows);
    }
  }
  template <class Rows>
  void end(Rows&) {}

 private:
  static constexpr std::int64_t kWindowMs = 10'000;
  struct Seller {
    std::int64_t registered_in = 0, last_sold_in = 0;  // windows
    TextArena::Place name;
    bool is_given = false;
  };
  template <class Rows>
  void give_new(std::int64_t id, Seller& seller, Rows& rows) {
    if (seller.registered_in != seller.last_sold_in || seller.is_given) return;
    rows.add(id, texts_.text(seller.name), seller.registered_in);
    seller.is_given = true;
  }
  ById<Seller> sellers_;
  TextArena texts_;
};

class Q9 {
 public:
  struct Auction {
    std::int64_t id, seller, category, date_time, expires;
    static Auction of(const nexmark::Auction& a) { return {a.id, a.seller, a.category, a.date_time, a.expires}; }
  };
  struct Bid {
    std::int64_t auction, bidder, price, date_time;
    static Bid of(const nexmark::Bid& b) { return {b.auction, b.bidder, b.price, b.date_time}; }
  };
  template <class Rows>
  void take(std::span<const Auction> auctions, Rows&) {
    for (const Auction& a : auctions) auctions_[a.id] = {a.date_time, a.expires, 0, 0, 0, a.seller, a.category};
  }
  template <class Rows>
  void take(std::span<const Bid> bids, Rows&) {
    waiting_.go_through(bids, [&](const Bid& b) {
      Won& auction = auctions_[b.auction];
      const bool is_in_time = auction.date_time <= b.date_time && b.date_time <= auction.expires;
      if (is_in_time && b.price >= auction.price && auction.is_beaten_by(b)) auction.win(b);
      return auction.expires != 0;
    });
  }
  template <class Rows>
  void end(Rows& rows) {
    auctions_.for_each([&](std::int64_t id, const Won& won) {
      if (won.price > 0) rows.add(id, won.seller, won.category, won.bidder, won.price, won.won_at);
    });
  }

 private:
  struct Won {
    std::int64_t date_time = 0, expires = 0;
    std::int64_t price = 0, won_at = 0, bidder = 0;
    std::int64_t seller = 0, category = 0;

    bool is_beaten_by(const Bid& b) const {
      if (b.price != price) return b.price > price;
      return b.date_time != won_at ? b.date_time < won_at : b.bidder < bidder;
    }
    void win(const Bid& b) {
      price = b.price;
      won_at = b.date_time;
      bidder = b.bidder;
    }
  };
  ById<Won> auctions_;
  Waiting<Bid> waiting_;
};

class Q20 {
 public:
  struct Auction {
    std::int64_t id, seller, category;
    static Auction of(const nexmark::Auction& a) { return {a.id, a.seller, a.category}; }
  };
  struct Bid {
    std::int64_t auction, bidder, price, date_time;
    static Bid of(const nexmark::Bid& b) { return {b.auction, b.bidder, b.price, b.date_time}; }
  };
  template <class Rows>
  void take(std::span<const Auction> auctions, Rows&) {
    for (const Auction& a : auctions) auctions_[a.id] = {a.seller, a.category};
  }
  template <class Rows>
  void take(std::span<const Bid> bids, Rows& rows) {
    waiting_.go_through(bids, [&](const Bid& b) {
      const Sold& auction = auctions_[b.auction];
      if (auction.category == 10) rows.add(b.auction, b.bidder, b.price, b.date_time, auction.seller);
      return auction.category != 0;
    });
  }
  template <class Rows>
  void end(Rows&) {}

 private:
  struct Sold {
    std::int64_t seller = 0, category = 0;
  };
  ById<Sold> auctions_;
  Waiting<Bid> waiting_;
};

constexpr Query kQueries[] = {make_query<Q3>("q3"), make_query<Q4>("q4"), make_query<Q8>("q8"), make_query<Q9>("q9"),
                              make_query<Q20>("q20")};

}  // namespace

std::span<const Query> join_queries() { return kQueries; }

}  // namespace bench::bare

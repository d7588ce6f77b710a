// Of one stream, with windows or without state.
#include <array>
#include <vector>

#include "bench/bare/loop.h"
#include "bench/bare/containers.h"

namespace bench::bare {
namespace {

constexpr std::int64_t kWindowMs = 10'000;

struct BidWithExtra {
  static constexpr nexmark::Texts kTexts = nexmark::Texts::kExtra;
  static constexpr std::size_t kTextBytes = 64;
  std::int64_t auction, bidder, price, date_time;
  std::string_view extra;
  static BidWithExtra of(const nexmark::Bid& b) { return {b.auction, b.bidder, b.price, b.date_time, b.extra}; }
};

template <std::int64_t numerator, std::int64_t denominator>
struct EveryBid {
  using Bid = BidWithExtra;
  template <class Rows>
  void take(std::span<const Bid> bids, Rows& rows) {
    for (const Bid& b : bids) rows.add(b.auction, b.bidder, b.price * numerator / denominator, b.date_time, b.extra);
  }
  template <class Rows>
  void end(Rows&) {}
};
using Q0 = EveryBid<1, 1>;
using Q1 = EveryBid<908, 1000>;

struct Q2 {
  struct Bid {
    std::int64_t auction, price;
    static Bid of(const nexmark::Bid& b) { return {b.auction, b.price}; }
  };
  template <class Rows>
  void take(std::span<const Bid> bids, Rows& rows) {
    for (const Bid& b : bids) {
      if (b.auction % 123 == 0) rows.add(b.auction, b.price);
    }
  }
  template <class Rows>
  void end(Rows&) {}
};

/// A table a slice of two seconds, and one for the window that ends with the newest.
class Q5 {
 public:
  struct Bid {
    std::int64_t auction, date_time;
    static Bid of(const nexmark::Bid& b) { return {b.auction, b.date_time}; }
  };
  template <class Rows>
  void take(std::span<const Bid> bids, Rows& rows) {
    for (const Bid& b : bids) {
      while (b.date_time >= slice_end_) [[unlikely]] end_slice(b.date_time, rows);
      ++newest().at(static_cast<std::uint64_t>(b.auction)).first;
    }
  }
  template <class Rows>
  void end(Rows& rows) {
    for (std::size_t i = 0; i < kSlices; ++i) end_slice(slice_end_, rows);
  }

 private:
  using Counts = HashTable<std::int64_t>;
  static constexpr std::int64_t kSliceMs = 2'000;
  static constexpr std::size_t kSlices = kWindowMs / kSliceMs;

  Counts& newest() { return slices_[slice_]; }

  /// Gives the window that ends here, and begins a slice in place of the oldest.
  template <class Rows>
  void end_slice(std::int64_t now, Rows& rows) {
    if (slice_end_ == 0) {
      slice_end_ = start_of(now, kSliceMs) + kSliceMs;
      return;
    }
    give_window(rows);
    slice_ = (slice_ + 1) % kSlices;
    newest().clear();
    slice_end_ += kSliceMs;
  }
  template <class Rows>
  void give_window(Rows& rows) {
    window_.clear();
    std::int64_t most = 1;
    for (const Counts& slice : slices_) {
      slice.for_each([&](std::uint64_t auction, std::int64_t bids) {
        std::int64_t& of_window = window_.at(auction).first;
        of_window += bids;
        most = std::max(most, of_window);
      });
    }
    window_.for_each([&](std::uint64_t auction, std::int64_t bids) {
      if (bids == most) rows.add(slice_end_ - kWindowMs, auction, bids);
    });
  }

  std::array<Counts, kSlices> slices_;
  Counts window_;
  std::size_t slice_ = 0;
  std::int64_t slice_end_ = 0;
};

class Q7 {
 public:
  struct Bid {
    std::int64_t auction, bidder, price, date_time;
    static Bid of(const nexmark::Bid& b) { return {b.auction, b.bidder, b.price, b.date_time}; }
  };
  template <class Rows>
  void take(std::span<const Bid> bids, Rows& rows) {
    for (const Bid& b : bids) {
      if (b.date_time >= window_end_) [[unlikely]] {
        end(rows);
        window_end_ = start_of(b.date_time, kWindowMs) + kWindowMs;
      }
      if (b.price >= most_) [[unlikely]] {
        if (b.price > most_) highest_.clear();
        most_ = b.price;
        highest_.push_back(b);
      }
    }
  }
  template <class Rows>
  void end(Rows& rows) {
    for (const Bid& b : highest_) rows.add(b.auction, b.price, b.bidder, b.date_time);
    highest_.clear();
    most_ = 0;
  }

 private:
  std::vector<Bid> highest_;
  std::int64_t most_ = 0;
  std::int64_t window_end_ = 0;
};

class Q11 {
 public:
  struct Bid {
    std::int64_t bidder, date_time;
    static Bid of(const nexmark::Bid& b) { return {b.bidder, b.date_time}; }
  };
  template <class Rows>
  void take(std::span<const Bid> bids, Rows& rows) {
    for (const Bid& b : bids) {
      Session& session = sessions_[b.bidder];
      if (b.date_time > session.last + kWindowMs) {
        give(b.bidder, session, rows);
        session = {b.date_time, b.date_time, 0};
      }
      session.last = b.date_time;
      ++session.bids;
    }
  }
  template <class Rows>
  void end(Rows& rows) {
    sessions_.for_each([&](std::int64_t bidder, const Session& session) { give(bidder, session, rows); });
  }

 private:
  struct Session {
    std::int64_t first = 0, last = 0, bids = 0;
  };
  template <class Rows>
  static void give(std::int64_t bidder, const Session& session, Rows& rows) {
    if (session.bids > 0) rows.add(bidder, session.bids, session.first, session.last + kWindowMs);
  }
  ById<Session> sessions_;
};

constexpr Query kQueries[] = {make_query<Q0>("q0"), make_query<Q1>("q1"), make_query<Q2>("q2"),
                              make_query<Q5>("q5"), make_query<Q7>("q7"), make_query<Q11>("q11")};

}  // namespace

std::span<const Query> bid_queries() { return kQueries; }

const Query* find_query(std::string_view name) {
  for (const auto& group : {bid_queries(), table_queries(), join_queries()}) {
    for (const Query& query : group) {
      if (query.name == name) return &query;
    }
  }
  return nullptr;
}

}  // namespace bench::bare

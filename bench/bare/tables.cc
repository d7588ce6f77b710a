// Of one stream, with tables that last. Those of a day are done when the next one begins.
#include <algorithm>
#include <array>
#include <compare>
#include <cstring>
#include <vector>

#include "bench/bare/containers.h"
#include "bench/bare/loop.h"

namespace bench::bare {
namespace {

constexpr std::int64_t kDayMs = 86'400'000;

/// How many there are in each of the three ranks of prices.
struct Ranks {
  std::array<std::int64_t, 3> in{};
  void add(std::int64_t price) { ++in[(price >= 10'000) + (price >= 1'000'000)]; }
  std::int64_t total() const { return in[0] + in[1] + in[2]; }
};

/// Tells where a day ends.
class Day {
 public:
  bool has_ended(std::int64_t time) const { return time >= start_ + kDayMs; }
  void begin(std::int64_t time) { start_ = bare::start_of(time, kDayMs); }
  std::int64_t start() const { return start_; }

 private:
  std::int64_t start_ = 0;
};

class Q15 {
 public:
  struct Bid {
    std::int64_t auction, bidder, price, date_time;
    static Bid of(const nexmark::Bid& b) { return {b.auction, b.bidder, b.price, b.date_time}; }
  };
  template <class Rows>
  void take(std::span<const Bid> bids, Rows& rows) {
    for (const Bid& b : bids) {
      if (day_.has_ended(b.date_time)) [[unlikely]] {
        end(rows);
        day_.begin(b.date_time);
      }
      ranks_.add(b.price);
      bidders_.insert(b.bidder);
      auctions_.insert(b.auction);
    }
  }
  template <class Rows>
  void end(Rows& rows) {
    if (ranks_.total() > 0) {
      rows.add(day_.start(), ranks_.total(), ranks_.in[0], ranks_.in[1], ranks_.in[2], bidders_.size(), auctions_.size());
    }
    ranks_ = {};
    bidders_.clear();
    auctions_.clear();
  }

 private:
  Day day_;
  Ranks ranks_;
  IdSet bidders_;
  IdSet auctions_;
};

/// Numbers the names of channels, which have at most 16 bytes.
class Channels {
 public:
  std::uint32_t number(std::string_view name) {
    const Name wanted{name};
    std::size_t i = wanted.hash() & (kPlaces - 1);
    while (!(numbered_[i].name == wanted)) {
      if (numbered_[i].name.size == 0) return add(i, wanted);
      i = (i + 1) & (kPlaces - 1);
    }
    return numbered_[i].number;
  }
  std::string_view name(std::uint32_t number) const { return {names_[number].data(), sizes_[number]}; }
  std::uint32_t size() const { return static_cast<std::uint32_t>(names_.size()); }

 private:
  static constexpr std::size_t kPlaces = 1 << 15;
  static constexpr std::size_t kMostBytes = 16;

  /// Both ends of a name, which together are all of it; the back may begin within the front.
  struct Name {
    std::uint64_t front = 0, back = 0;
    std::uint32_t size = 0;

    Name() = default;
    explicit Name(std::string_view text) : size{static_cast<std::uint32_t>(text.size())} {
      if (size == 0 || size > kMostBytes) [[unlikely]] give_up("a channel's name has 1 to 16 bytes here");
      const std::size_t end = end_bytes();
      if (end == 8) {
        std::memcpy(&front, text.data(), 8);
        std::memcpy(&back, text.data() + size - 8, 8);
      } else if (end == 4) {
        std::memcpy(&front, text.data(), 4);
        std::memcpy(&back, text.data() + size - 4, 4);
      } else {
        std::memcpy(&front, text.data(), size);
      }
    }
    std::size_t end_bytes() const { return size >= 8 ? 8 : size >= 4 ? 4 : size; }
    std::array<char, kMostBytes> text() const {
      std::array<char, kMostBytes> text{};
      std::memcpy(text.data(), &front, end_bytes());
      if (size >= 4) std::memcpy(text.data() + size - end_bytes(), &back, end_bytes());
      return text;
    }
    std::size_t hash() const { return (front ^ (back * 0x9E3779B97F4A7C15u) ^ size) * 0xD1B54A32D192ED03u >> 40; }
    friend bool operator==(const Name&, const Name&) = default;
  };
  struct Numbered {
    Name name;
    std::uint32_t number = 0;
  };

  std::uint32_t add(std::size_t at, const Name& name) {
    const std::uint32_t number = size();
    if (3 * number >= 2 * kPlaces) give_up("there are more channels than have room");
    numbered_[at] = {name, number};
    names_.push_back(name.text());
    sizes_.push_back(name.size);
    return number;
  }

  std::vector<Numbered> numbered_ = std::vector<Numbered>(kPlaces);
  std::vector<std::array<char, kMostBytes>> names_;
  std::vector<std::uint32_t> sizes_;
};

class Q16 {
 public:
  struct Bid {
    static constexpr nexmark::Texts kTexts = nexmark::Texts::kChannel;
    static constexpr std::size_t kTextBytes = 16;
    std::int64_t auction, bidder, price, date_time;
    std::string_view channel;
    static Bid of(const nexmark::Bid& b) { return {b.auction, b.bidder, b.price, b.date_time, b.channel}; }
  };
  template <class Rows>
  void take(std::span<const Bid> bids, Rows& rows) {
    for (std::size_t i = 0; i < bids.size(); ++i) channels_of_[i] = channels_.number(bids[i].channel);
    days_.resize(channels_.size());
    for (std::size_t i = 0; i < bids.size(); ++i) {
      if (i + kAhead < bids.size()) {
        const Bid& next = bids[i + kAhead];
        bidders_.prefetch(pair_key(channels_of_[i + kAhead], next.bidder));
        auctions_.prefetch(pair_key(channels_of_[i + kAhead], next.auction));
      }
      const Bid& b = bids[i];
      if (day_.has_ended(b.date_time)) [[unlikely]] {
        end(rows);
        days_.resize(channels_.size());
        day_.begin(b.date_time);
      }
      OfDay& day = days_[channels_of_[i]];
      day.ranks.add(b.price);
      day.bidders += bidders_.at(pair_key(channels_of_[i], b.bidder)).second;
      day.auctions += auctions_.at(pair_key(channels_of_[i], b.auction)).second;
    }
  }
  template <class Rows>
  void end(Rows& rows) {
    for (std::uint32_t channel = 0; channel < days_.size(); ++channel) {
      const OfDay& day = days_[channel];
      const std::array<std::int64_t, 3>& in = day.ranks.in;
      if (day.ranks.total() == 0) continue;
      rows.add(channels_.name(channel), day_.start(), day.ranks.total(), in[0], in[1], in[2], day.bidders, day.auctions);
    }
    days_.clear();
    bidders_.clear();
    auctions_.clear();
  }

 private:
  struct OfDay {
    Ranks ranks;
    std::int64_t bidders = 0, auctions = 0;
  };
  static constexpr std::size_t kAhead = 16;

  Day day_;
  Channels channels_;
  std::array<std::uint32_t, kGroup * kGroupsABlock> channels_of_;
  std::vector<OfDay> days_;
  HashSet bidders_;
  HashSet auctions_;
};

class Q17 {
 public:
  struct Bid {
    std::int64_t auction, price, date_time;
    static Bid of(const nexmark::Bid& b) { return {b.auction, b.price, b.date_time}; }
  };
  template <class Rows>
  void take(std::span<const Bid> bids, Rows& rows) {
    for (const Bid& b : bids) {
      if (day_.has_ended(b.date_time)) [[unlikely]] {
        end(rows);
        day_.begin(b.date_time);
      }
      Prices& prices = auctions_[b.auction];
      prices.smallest = prices.largest == 0 ? b.price : std::min(prices.smallest, b.price);
      prices.largest = std::max(prices.largest, b.price);
      prices.ranks.add(b.price);
      prices.sum += b.price;
    }
  }
  template <class Rows>
  void end(Rows& rows) {
    auctions_.for_each([&](std::int64_t auction, const Prices& p) {
      const std::array<std::int64_t, 3>& in = p.ranks.in;
      const std::int64_t count = p.ranks.total();
      if (count == 0) return;
      rows.add(auction, day_.start(), count, in[0], in[1], in[2], p.smallest, p.largest, p.sum / count, p.sum);
    });
    auctions_.clear();
  }

 private:
  struct Prices {
    Ranks ranks;
    std::int64_t smallest = 0, largest = 0, sum = 0;
  };
  Day day_;
  ById<Prices> auctions_;
};

class Q18 {
 public:
  struct Bid {
    std::int64_t auction, bidder, price, date_time;
    static Bid of(const nexmark::Bid& b) { return {b.auction, b.bidder, b.price, b.date_time}; }
  };
  template <class Rows>
  void take(std::span<const Bid> bids, Rows&) {
    for (std::size_t i = 0; i < bids.size(); ++i) {
      if (i + kAhead < bids.size()) latest_.prefetch(key_of(bids[i + kAhead]));
      Latest& latest = latest_.at(key_of(bids[i])).first;
      latest = std::max(latest, Latest{bids[i].date_time, bids[i].price});
    }
  }
  template <class Rows>
  void end(Rows& rows) {
    latest_.for_each([&](std::uint64_t key, const Latest& latest) {
      rows.add(key & 0xffffffff, key >> 32, latest.price, latest.date_time);
    });
  }

 private:
  /// Of equal times the highest price counts.
  struct Latest {
    std::int64_t date_time = 0, price = 0;
    auto operator<=>(const Latest&) const = default;
  };
  static constexpr std::size_t kAhead = 16;
  static std::uint64_t key_of(const Bid& b) { return pair_key(b.bidder, b.auction); }
  HashTable<Latest> latest_;
};

class Q19 {
 public:
  struct Bid {
    std::int64_t auction, bidder, price, date_time;
    static Bid of(const nexmark::Bid& b) { return {b.auction, b.bidder, b.price, b.date_time}; }
  };
  template <class Rows>
  void take(std::span<const Bid> bids, Rows&) {
    for (const Bid& b : bids) auctions_[b.auction].add(b);
  }
  template <class Rows>
  void end(Rows& rows) {
    auctions_.for_each([&](std::int64_t auction, const Highest& highest) {
      for (std::size_t i = 0; i < highest.size; ++i) {
        const Ranked& b = highest.bids[i];
        rows.add(auction, b.bidder, b.price, b.date_time, i + 1);
      }
    });
  }

 private:
  static constexpr std::size_t kMost = 10;
  struct Ranked {
    std::int64_t price, bidder, date_time;
  };
  /// From the highest down; of equal ones the earlier first.
  struct Highest {
    std::uint64_t size = 0;
    std::array<Ranked, kMost> bids;

    void add(const Bid& b) {
      if (size == kMost && b.price <= bids[kMost - 1].price) return;
      std::size_t at = size < kMost ? size++ : kMost - 1;
      for (; at > 0 && bids[at - 1].price < b.price; --at) bids[at] = bids[at - 1];
      bids[at] = {b.price, b.bidder, b.date_time};
    }
  };
  ById<Highest> auctions_;
};

constexpr Query kQueries[] = {make_query<Q15>("q15"), make_query<Q16>("q16"), make_query<Q17>("q17"), make_query<Q18>("q18"),
                              make_query<Q19>("q19")};

}  // namespace

std::span<const Query> table_queries() { return kQueries; }

}  // namespace bench::bare

#include "nexmark/generator.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <stdexcept>
#include <string_view>

#include "nexmark/random.h"

namespace nexmark {
namespace {

using std::string_view;

constexpr std::int64_t kFirstTime = 1436918400000;
constexpr std::int64_t kFirstId = 1000;
constexpr std::int64_t kFirstCategory = 10;
constexpr std::size_t kPrices = 6000;

constexpr std::array<string_view, 11> kFirstNames = {"Peter", "Paul",  "Luke",  "John",   "Saul",  "Vicky",
                                                     "Kate",  "Julie", "Sarah", "Deiter", "Walter"};
constexpr std::array<string_view, 9> kLastNames = {"Shultz", "Abrams", "Spencer", "White", "Bartels",
                                                   "Walton", "Smith",  "Jones",   "Noris"};
constexpr std::array<string_view, 10> kCities = {"Phoenix", "Los Angeles", "San Francisco", "Boise", "Portland",
                                                 "Bend",    "Redmond",     "Seattle",       "Kent",  "Cheyenne"};
constexpr std::array<string_view, 6> kStates = {"AZ", "CA", "ID", "OR", "WA", "WY"};
constexpr std::array<string_view, 4> kHotChannels = {"Google", "Facebook", "Baidu", "Apple"};

const std::int64_t* price_table() {
  static const auto table = [] {
    std::array<std::int64_t, kPrices> prices;
    for (std::size_t i = 0; i < kPrices; ++i) {
      prices[i] = static_cast<std::int64_t>(std::floor(100 * std::pow(10.0, static_cast<double>(i) / 1000.0) + 0.5));
    }
    return prices;
  }();
  return table.data();
}

/// Writes the texts of one event one after another into the caller's buffer.
class TextWriter {
 public:
  explicit TextWriter(char* at) : begin_{at}, at_{at} {}

  TextWriter& text(string_view s) {
    std::memcpy(at_, s.data(), s.size());
    at_ += s.size();
    return *this;
  }
  /// `length` letters a to p; up to seven bytes behind them are overwritten.
  TextWriter& letters(EventRandom& random, std::size_t length) {
    for (std::size_t done = 0; done < length; done += 8) {
      std::uint64_t group = 0;
      const std::uint64_t r = random.next();
      for (int j = 0; j < 8; ++j) group |= ('a' + ((r >> (8 * j)) & 15)) << (8 * j);
      std::memcpy(at_ + done, &group, sizeof group);
    }
    at_ += length;
    return *this;
  }
  /// A number below 10000, with at least `digits` digits.
  TextWriter& number(std::uint64_t value, int digits = 1) {
    std::uint64_t power = 1000;
    for (int width = 4; width > 1; --width, power /= 10) {
      if (width <= digits || value >= power) *at_++ = static_cast<char>('0' + value / power % 10);
    }
    *at_++ = static_cast<char>('0' + value % 10);
    return *this;
  }
  /// What was written since the last call.
  string_view take() {
    const string_view result{begin_, static_cast<std::size_t>(at_ - begin_)};
    begin_ = at_;
    return result;
  }

 private:
  char* begin_;
  char* at_;
};

constexpr std::uint64_t draws_of_letters(std::size_t length) { return (length + 7) / 8; }

string_view extra(TextWriter& writer, EventRandom& random, std::size_t length, Texts texts) {
  if (!has(texts, Texts::kExtra)) return {};
  return writer.letters(random, length).take();
}

std::int64_t time_of(std::uint64_t n, const GeneratorOptions& options, EventRandom& random) {
  const auto time = kFirstTime + static_cast<std::int64_t>(n * 1000 / options.events_per_second);
  if (options.jitter_ms == 0) return time;
  return time - static_cast<std::int64_t>(random.below(options.jitter_ms + 1));
}

std::int64_t last_person(std::uint64_t n) { return static_cast<std::int64_t>(n / 50); }

/// For an auction or a bid: a person's event comes before the first auction of its fifty.
std::int64_t last_auction(std::uint64_t n) {
  const std::uint64_t offset = n % 50;
  return static_cast<std::int64_t>(n / 50 * 3 + (offset > 3 ? 2 : offset - 1));
}

std::int64_t next_person(std::uint64_t n, EventRandom& random) {
  const std::int64_t people = last_person(n) + 1;
  const std::int64_t active = std::min<std::int64_t>(people, 1000);
  return people - active + static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(active + 10)));
}

std::int64_t next_auction(std::uint64_t n, EventRandom& random) {
  const std::int64_t last = last_auction(n);
  const std::int64_t low = std::max<std::int64_t>(last - 100, 0);
  return low + static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(last - low + 1 + 10)));
}

}  // namespace

Generator::Generator(GeneratorOptions options) : options_{options}, prices_{price_table()} {
  if (options_.events_per_second == 0) throw std::invalid_argument{"events_per_second must be at least 1"};
}

Person Generator::person(std::uint64_t n, char* buffer, Texts texts) const {
  EventRandom random{options_.seed, n};
  TextWriter writer{buffer};
  Person p{};
  p.date_time = time_of(n, options_, random);
  p.id = kFirstId + last_person(n);
  if (has(texts, Texts::kNames)) {
    const string_view first = kFirstNames[random.below(kFirstNames.size())];
    const string_view last = kLastNames[random.below(kLastNames.size())];
    p.name = writer.text(first).text(" ").text(last).take();
    p.email = writer.letters(random, 7).text("@").letters(random, 5).text(".com").take();
    for (int group = 0; group < 4; ++group) {
      if (group > 0) writer.text(" ");
      writer.number(random.below(10000), 4);
    }
    p.credit_card = writer.take();
    p.city = kCities[random.below(kCities.size())];
    p.state = kStates[random.below(kStates.size())];
  } else {
    random.skip(2 + draws_of_letters(7) + draws_of_letters(5) + 4 + 2);
  }
  p.extra = extra(writer, random, 80, texts);
  return p;
}

Auction Generator::auction(std::uint64_t n, char* buffer, Texts texts) const {
  EventRandom random{options_.seed, n};
  TextWriter writer{buffer};
  Auction a{};
  a.date_time = time_of(n, options_, random);
  a.id = kFirstId + last_auction(n);
  if (has(texts, Texts::kNames)) {
    a.item_name = writer.letters(random, 20).take();
    a.description = writer.letters(random, 100).take();
  } else {
    random.skip(draws_of_letters(20) + draws_of_letters(100));
  }
  a.initial_bid = prices_[random.below(kPrices)];
  a.reserve = a.initial_bid + prices_[random.below(kPrices)];
  const std::uint64_t tps = options_.events_per_second;
  const std::uint64_t horizon = (n + 1666) * 1000 / tps - n * 1000 / tps;
  a.expires = a.date_time + 1 + static_cast<std::int64_t>(random.below(std::max<std::uint64_t>(2 * horizon, 1)));
  a.seller = kFirstId + (random.below(4) > 0 ? last_person(n) / 100 * 100 : next_person(n, random));
  a.category = kFirstCategory + static_cast<std::int64_t>(random.below(5));
  a.extra = extra(writer, random, 200, texts);
  return a;
}

Bid Generator::bid(std::uint64_t n, char* buffer, Texts texts) const {
  EventRandom random{options_.seed, n};
  TextWriter writer{buffer};
  Bid b{};
  b.date_time = time_of(n, options_, random);
  b.auction = kFirstId + (random.below(2) > 0 ? last_auction(n) / 100 * 100 : next_auction(n, random));
  b.bidder = kFirstId + (random.below(4) > 0 ? last_person(n) / 100 * 100 + 1 : next_person(n, random));
  b.price = prices_[random.below(kPrices)];
  if (has(texts, Texts::kChannel)) {
    const bool hot = random.below(2) > 0;
    b.channel = hot ? kHotChannels[random.below(kHotChannels.size())]
                    : writer.text("channel-").number(random.below(10000)).take();
  } else {
    random.skip(2);
  }
  if (has(texts, Texts::kUrl)) {
    writer.text("https://www.nexmark.com/").letters(random, 5).text("/").letters(random, 5);
    b.url = writer.text("/item.htm?query=1&channel_id=").number(random.below(10000)).take();
  } else {
    random.skip(draws_of_letters(5) + draws_of_letters(5) + 1);
  }
  b.extra = extra(writer, random, 50, texts);
  return b;
}

}  // namespace nexmark

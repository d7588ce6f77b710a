#include "nexmark/queries.h"

#include <algorithm>

namespace nexmark {

using namespace tidemark;
using namespace std::chrono_literals;

namespace {

// Of fifty events the first is a person, the next three are auctions.
constexpr std::uint64_t kEvents = 50;

struct Place {
  std::uint64_t first;
  std::uint64_t count;

  /// How many there are among the first `events` events.
  std::int64_t among(std::uint64_t events) const {
    const std::uint64_t rest = events % kEvents;
    return static_cast<std::int64_t>(events / kEvents * count + std::min(count, rest > first ? rest - first : 0));
  }
  std::uint64_t event(std::uint64_t number) const { return number / count * kEvents + first + number % count; }
};
constexpr Place kPersons{0, 1};
constexpr Place kAuctions{1, 3};
constexpr Place kBids{4, 46};

/// The source of the events of one kind, made records by to_record(generator, n, buffer).
template <class T, class ToRecord>
Stream<T> from_generator(const Setting& setting, const char* uid, Place place, Timestamp T::*time, ToRecord to_record) {
  const auto make = [generator = setting.generator, place, to_record, buffer = std::array<char, Generator::kTextBytes>{}](std::uint64_t number) mutable {
    return to_record(generator, place.event(number), buffer.data());
  };
  return setting.job.from(generate<T>(place.among(setting.events), make).event_time(time, out_of_order_by(4s))).uid(uid);
}

BidRecord record_of(const Bid& bid, std::uint64_t n) {
  return {bid.auction, bid.bidder, bid.price, Timestamp{bid.date_time}, static_cast<std::int64_t>(n)};
}

class TableSum final : public Process<DigestPart, DigestPart> {
 public:
  explicit TableSum(Declare& declare) : parts_{declare, "parts"} {}

  void process(const DigestPart& part, Context&, Out<DigestPart>&) override {
    parts_.mutate([&](std::vector<DigestPart>& parts) {
      if (parts.empty()) parts.emplace_back();
      parts.front().rows += part.rows;
      parts.front().sum += part.sum;
    });
  }
  void end_of_input(Out<DigestPart>& out) override {
    for (const DigestPart& part : parts_.get()) out.emit(part);
    parts_.clear();
  }

 private:
  SplitListState<DigestPart> parts_;
};

}  // namespace

Stream<BidRecord> Setting::bids() const {
  const Texts texts = whole_texts ? Texts::kAll : Texts::kNone;
  return from_generator<BidRecord>(*this, "bids", kBids, &BidRecord::date_time, [texts](const Generator& generator, std::uint64_t n, char* buffer) {
    return record_of(generator.bid(n, buffer, texts), n);
  });
}

Stream<BidWithTexts> Setting::bids_with(Texts read) const {
  const Texts texts = whole_texts ? Texts::kAll : read;
  const auto make = [generator = generator, texts, buffer = std::array<char, Generator::kTextBytes>{}](std::uint64_t number) mutable {
    const std::uint64_t n = kBids.event(number);
    const Bid bid = generator.bid(n, buffer.data(), texts);
    return BidWithTexts{record_of(bid, n), bid.channel, bid.extra};
  };
  const auto time = [](const BidWithTexts& each) { return each.bid.date_time; };
  return job.from(generate<BidWithTexts>(kBids.among(events), make).event_time(time, out_of_order_by(4s))).uid("bids");
}

Stream<AuctionRecord> Setting::auctions() const {
  const Texts texts = whole_texts ? Texts::kAll : Texts::kNone;
  return from_generator<AuctionRecord>(
      *this, "auctions", kAuctions, &AuctionRecord::date_time, [texts](const Generator& generator, std::uint64_t n, char* buffer) {
        const Auction auction = generator.auction(n, buffer, texts);
        return AuctionRecord{auction.id, auction.seller, auction.category, Timestamp{auction.date_time}, Timestamp{auction.expires}};
      });
}

Stream<PersonRecord> Setting::persons() const {
  const Texts texts = whole_texts ? Texts::kAll : Texts::kNames;
  return from_generator<PersonRecord>(
      *this, "persons", kPersons, &PersonRecord::date_time, [texts](const Generator& generator, std::uint64_t n, char* buffer) {
        const Person person = generator.person(n, buffer, texts);
        return PersonRecord{person.id, person.name, person.city, person.state, Timestamp{person.date_time}};
      });
}

Query find_query(std::string_view name) {
  for (const auto& group : {bid_queries(), table_queries(), join_queries()}) {
    for (const NamedQuery& query : group) {
      if (query.name == name) return query.build;
    }
  }
  return nullptr;
}

Stream<DigestPart> total(Stream<DigestPart> parts) { return parts.process<TableSum>().uid("total"); }

}  // namespace nexmark

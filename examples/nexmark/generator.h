// The seeded Nexmark generator: event n is a pure function of the options and n, the same on every machine, at every
// parallelism and after any restart.
//
// Of fifty consecutive events one is a person, three are auctions, the rest are bids. Making the texts costs more than
// everything else, so a caller names those that it reads; the others stay empty and their random numbers are jumped
// over. A Generator is immutable: any number of threads may use one.
#pragma once

#include <cstddef>
#include <cstdint>

#include "nexmark/events.h"

namespace nexmark {

struct GeneratorOptions {
  std::uint64_t seed = 1;
  std::uint64_t events_per_second = 100'000;  // of event time; at least 1
  std::uint64_t jitter_ms = 0;                // how far an event's time may lie before its place in the order
};

/// The texts of an event that the caller wants.
enum class Texts : unsigned {
  kNone = 0,
  kChannel = 1,  ///< of a bid
  kUrl = 2,      ///< of a bid
  kNames = 4,    ///< all texts of a person or an auction but `extra`
  kExtra = 8,    ///< of any event
  kAll = 15,
};
constexpr Texts operator|(Texts a, Texts b) {
  return static_cast<Texts>(static_cast<unsigned>(a) | static_cast<unsigned>(b));
}
constexpr bool has(Texts set, Texts one) { return (static_cast<unsigned>(set) & static_cast<unsigned>(one)) != 0; }

class Generator {
 public:
  /// Room for the texts of any one event.
  static constexpr std::size_t kTextBytes = 384;

  explicit Generator(GeneratorOptions options);

  static constexpr Kind kind(std::uint64_t n) {
    const std::uint64_t offset = n % 50;
    return offset == 0 ? Kind::kPerson : offset < 4 ? Kind::kAuction : Kind::kBid;
  }

  /// Event n, which must be of that kind. Its texts lie in `buffer`, kTextBytes long (null will do for Texts::kNone).
  Person person(std::uint64_t n, char* buffer, Texts texts = Texts::kAll) const;
  Auction auction(std::uint64_t n, char* buffer, Texts texts = Texts::kAll) const;
  Bid bid(std::uint64_t n, char* buffer, Texts texts = Texts::kAll) const;

  /// Calls f(event) with the Person, Auction or Bid that event n is.
  template <class F>
  void visit(std::uint64_t n, char* buffer, Texts texts, F&& f) const {
    switch (kind(n)) {
      case Kind::kPerson:
        return f(person(n, buffer, texts));
      case Kind::kAuction:
        return f(auction(n, buffer, texts));
      case Kind::kBid:
        return f(bid(n, buffer, texts));
    }
  }

  const GeneratorOptions& options() const { return options_; }

 private:
  GeneratorOptions options_;
  const std::int64_t* prices_;  // the table shared by all generators
};

}  // namespace nexmark

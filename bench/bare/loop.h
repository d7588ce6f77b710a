// How a loop by hand gets its events and gives its rows.
//
// A query is a class, its `Loop`. It names the records that it reads, `Bid`, `Auction` or `Person`, each with of(event) and the
// fields that the query needs and no others; a record with text says which texts and how many bytes they take. Blocks of
// records, small enough to stay in the first caches, go to its take(records, rows), and end(rows) gives what is left. What a
// row becomes is the type of `rows`, so that no loop asks for it.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "bench/bare/queries.h"
#include "bench/measure.h"
#include "nexmark/digest.h"

namespace bench::bare {

class DigestRows {
 public:
  template <class... Fields>
  void add(const Fields&... fields) {
    digest_.add(text_.clear().add(fields...).view());
  }
  Table table() const { return {digest_.rows(), digest_.value()}; }

 private:
  nexmark::TableDigest digest_;
  nexmark::RowText text_;
};

class LightRows {
 public:
  template <class... Fields>
  void add(const Fields&... fields) {
    ++table_.rows;
    table_.sum += nexmark::LightRow{}.add(fields...).hash();
  }
  Table table() const { return table_; }

 private:
  Table table_;
};

/// Of fifty events the first is a person, the next three are auctions, the rest are bids.
inline constexpr std::uint64_t kGroup = 50;
inline constexpr std::uint64_t kGroupsABlock = 10;
struct Place {
  std::uint64_t first;
  std::uint64_t end;
};
inline constexpr Place kPersons{0, 1};
inline constexpr Place kAuctions{1, 4};
inline constexpr Place kBids{4, 50};

template <class Record>
constexpr nexmark::Texts texts_of() {
  if constexpr (requires { Record::kTexts; }) return Record::kTexts;
  return nexmark::Texts::kNone;
}
/// Of the texts of one record, with the eight bytes that the generator may write behind them.
template <class Record>
constexpr std::size_t text_bytes_of() {
  if constexpr (requires { Record::kTextBytes; }) return Record::kTextBytes;
  return 0;
}

/// The records of one kind among the events of a block, valid until the next is filled. make(n, buffer) makes the event.
template <class Record, class Make>
std::span<const Record> fill(std::uint64_t begin, std::uint64_t end, Place place, Make&& make) {
  constexpr std::size_t kMost = kGroupsABlock * kGroup;
  static std::array<Record, kMost> records;
  static std::array<char, kMost * text_bytes_of<Record>() + 1> texts;
  std::size_t size = 0;
  for (std::uint64_t group = begin; group < end; group += kGroup) {
    const std::uint64_t until = std::min(group + place.end, end);
    for (std::uint64_t n = group + place.first; n < until; ++n) {
      records[size] = Record::of(make(n, texts.data() + size * text_bytes_of<Record>()));
      ++size;
    }
  }
  return {records.data(), size};
}

/// Calls on_block(records) with the blocks of the kinds that `Loop` reads: of the same events first persons, then auctions.
template <class Loop, class OnBlock>
void for_each_block(const Input& input, OnBlock&& on_block) {
  const nexmark::Generator& generator = input.generator;
  for (std::uint64_t begin = 0; begin < input.events; begin += kGroupsABlock * kGroup) {
    const std::uint64_t end = std::min(begin + kGroupsABlock * kGroup, input.events);
    if constexpr (requires { typename Loop::Person; }) {
      using Record = typename Loop::Person;
      const auto make = [&](std::uint64_t n, char* text) { return generator.person(n, text, texts_of<Record>()); };
      on_block(fill<Record>(begin, end, kPersons, make));
    }
    if constexpr (requires { typename Loop::Auction; }) {
      using Record = typename Loop::Auction;
      const auto make = [&](std::uint64_t n, char* text) { return generator.auction(n, text, texts_of<Record>()); };
      on_block(fill<Record>(begin, end, kAuctions, make));
    }
    if constexpr (requires { typename Loop::Bid; }) {
      using Record = typename Loop::Bid;
      const auto make = [&](std::uint64_t n, char* text) { return generator.bid(n, text, texts_of<Record>()); };
      on_block(fill<Record>(begin, end, kBids, make));
    }
  }
}

template <class Loop, class Rows>
Table run(const Input& input) {
  const auto loop = std::make_unique<Loop>();
  Rows rows;
  for_each_block<Loop>(input, [&](auto records) { loop->take(records, rows); });
  loop->end(rows);
  return rows.table();
}

template <class Loop>
void run_source(const Input& input) {
  for_each_block<Loop>(input, [](auto records) { keep(records); });
}

template <class Loop>
constexpr Query make_query(std::string_view name) {
  return {name, run<Loop, DigestRows>, run<Loop, LightRows>, run_source<Loop>};
}

}  // namespace bench::bare

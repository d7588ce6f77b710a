// The sixteen queries of Nexmark as jobs. Each is a function that gives the digest of its table, row by row; what a query means
// stands at its function.
//
// A table is the one at the end of the input, however its rows come: those of windows once, others as changes, with --emit 2s
// every two seconds and else at the end.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

#include "nexmark/digest.h"
#include "nexmark/generator.h"
#include "tidemark/tidemark.h"

namespace nexmark {

/// The records of the jobs: what the queries read of the generator's events. `n` is the event's number.
struct BidRecord {
  std::int64_t auction = 0;
  std::int64_t bidder = 0;
  std::int64_t price = 0;
  tidemark::Timestamp date_time;
  std::int64_t n = 0;
};
struct BidWithTexts {
  BidRecord bid;
  std::string_view channel;
  std::string_view extra;
};
struct AuctionRecord {
  std::int64_t id = 0;
  std::int64_t seller = 0;
  std::int64_t category = 0;
  tidemark::Timestamp date_time;
  tidemark::Timestamp expires;
};
struct PersonRecord {
  std::int64_t id = 0;
  std::string_view name;
  std::string_view city;
  std::string_view state;
  tidemark::Timestamp date_time;
};

/// Where a query gets its events, and how it gives its rows.
struct Setting {
  tidemark::Job& job;
  Generator generator;
  std::uint64_t events = 0;
  bool whole_texts = false;  ///< all texts are made, and not only those that the query reads
  tidemark::Emit emit = tidemark::at_end();

  tidemark::Stream<BidRecord> bids() const;
  tidemark::Stream<BidWithTexts> bids_with(Texts texts) const;
  tidemark::Stream<AuctionRecord> auctions() const;
  tidemark::Stream<PersonRecord> persons() const;
};

/// A part of a table's digest: rows less those that were taken away again, and the sum over them.
struct DigestPart {
  std::int64_t rows = 0;
  std::uint64_t sum = 0;
};

/// What a part holds of a row, in the whole process: to be set before a job runs. The text of a row costs more than most
/// queries, so who measures a query asks for kLight.
enum class RowSum { kDigest, kLight };
inline RowSum row_sum = RowSum::kDigest;

template <class Row>
void append(Row& row, tidemark::Timestamp t) {
  row.add(t.ms());
}
template <class Row, class Field>
void append(Row& row, const Field& field) {
  row.add(field);
}
template <class... Fields>
std::uint64_t row_digest(const Fields&... fields) {
  thread_local RowText text;
  text.clear();
  (append(text, fields), ...);
  return mix(fnv1a(text.view()));
}
/// Of the row with these fields.
template <class... Fields>
DigestPart row(const Fields&... fields) {
  if (row_sum == RowSum::kDigest) return {1, row_digest(fields...)};
  LightRow light;
  (append(light, fields), ...);
  return {1, light.hash()};
}

/// For map() of a stream of changes: `f` makes the part of a row.
template <class F>
auto changed(F f) {
  return [f]<class T>(const tidemark::Change<T>& change) {
    const DigestPart part = f(change.row);
    return tidemark::adds(change.kind) ? part : DigestPart{-part.rows, ~part.sum + 1};
  };
}

/// The records for which `by` is largest, all of them.
template <class By>
struct AllHighest {
  template <class T>
  using AccumulatorFor = std::vector<T>;
  By by;

  template <class T>
  void add(std::vector<T>& highest, const T& record) const {
    if (!highest.empty() && std::invoke(by, record) < std::invoke(by, highest.front())) return;
    if (!highest.empty() && std::invoke(by, highest.front()) < std::invoke(by, record)) highest.clear();
    highest.push_back(record);
  }
  template <class T>
  void merge(std::vector<T>& into, const std::vector<T>& from) const {
    for (const T& record : from) add(into, record);
  }
  template <class T>
  std::vector<T> result(const std::vector<T>& highest) const {
    return highest;
  }
};

inline tidemark::Timestamp start_of(tidemark::Timestamp t, tidemark::Duration size) {
  return tidemark::Timestamp{t.ms() - t.ms() % size.count()};
}

using Query = tidemark::Stream<DigestPart> (*)(const Setting&);

struct NamedQuery {
  std::string_view name;
  Query build;
};
std::span<const NamedQuery> bid_queries();    // of one stream, with windows or without state
std::span<const NamedQuery> table_queries();  // of one stream, with tables that change
std::span<const NamedQuery> join_queries();   // of two streams

/// Null if there is none of that name.
Query find_query(std::string_view name);

/// The sum of all parts, one a subtask, at the end of the input.
tidemark::Stream<DigestPart> total(tidemark::Stream<DigestPart> parts);

}  // namespace nexmark

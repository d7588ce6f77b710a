// Nexmark's queries as loops by hand: what one core could do if it had nothing but this one query to do. One thread, no
// engine, each table's rows once and final.
//
// The events come in order of time (no jitter), and a loop may count on it. What it may not count on is that the id of an
// event's auction or person was seen before: that event may come later.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "nexmark/generator.h"

namespace bench::bare {

struct Input {
  nexmark::Generator generator;
  std::uint64_t events = 0;
};

/// Of a table: its rows, and the sum over them of whichever number a row was made.
struct Table {
  std::int64_t rows = 0;
  std::uint64_t sum = 0;
};

struct Query {
  std::string_view name;
  Table (*digest)(const Input&);  ///< rows by nexmark/digest.h
  Table (*light)(const Input&);   ///< rows by nexmark::LightRow: what the query costs without the texts of its rows
  void (*source)(const Input&);   ///< fills the query's blocks, and does nothing with them
};

std::span<const Query> bid_queries();    // of bids, with windows or without state
std::span<const Query> table_queries();  // of bids, with tables that last
std::span<const Query> join_queries();   // of two kinds of events

/// Null if there is none of that name.
const Query* find_query(std::string_view name);

}  // namespace bench::bare

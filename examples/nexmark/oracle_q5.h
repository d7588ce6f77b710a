// Nexmark's query 5 without an engine: the auction with the most bids in each window of 10 s every 2 s, ties each a
// row. What a job's results are compared with.
#pragma once

#include <cstdint>
#include <map>
#include <unordered_map>
#include <vector>

#include "nexmark/digest.h"

namespace nexmark {

struct Q5Row {
  std::int64_t window_start;  // ms since 1970 UTC
  std::int64_t auction;
  std::int64_t bids;
  friend auto operator<=>(const Q5Row&, const Q5Row&) = default;
};

class OracleQ5 {
 public:
  void add(std::int64_t auction, std::int64_t date_time);
  /// In order of window and auction, the partial windows at either end included.
  std::vector<Q5Row> rows() const;

 private:
  using Counts = std::unordered_map<std::int64_t, std::int64_t>;
  std::map<std::int64_t, Counts> slices_;  // by their start
};

TableDigest digest(const std::vector<Q5Row>& rows);

}  // namespace nexmark

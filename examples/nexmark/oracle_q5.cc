#include "nexmark/oracle_q5.h"

#include <algorithm>

namespace nexmark {
namespace {

constexpr std::int64_t kSize = 10'000;
constexpr std::int64_t kSlide = 2'000;

}  // namespace

void OracleQ5::add(std::int64_t auction, std::int64_t date_time) { ++slices_[date_time / kSlide * kSlide][auction]; }

std::vector<Q5Row> OracleQ5::rows() const {
  std::map<std::int64_t, Counts> windows;
  for (const auto& [slice, counts] : slices_) {
    for (std::int64_t start = slice - kSize + kSlide; start <= slice; start += kSlide) {
      Counts& window = windows[start];
      for (const auto& [auction, bids] : counts) window[auction] += bids;
    }
  }
  std::vector<Q5Row> rows;
  for (const auto& [start, counts] : windows) {
    std::int64_t most = 0;
    for (const auto& [auction, bids] : counts) most = std::max(most, bids);
    for (const auto& [auction, bids] : counts) {
      if (bids == most) rows.push_back({start, auction, bids});
    }
  }
  std::sort(rows.begin(), rows.end());
  return rows;
}

TableDigest digest(const std::vector<Q5Row>& rows) {
  TableDigest table;
  RowText text;
  for (const Q5Row& row : rows) table.add(text.clear().add(row.window_start, row.auction, row.bids).view());
  return table;
}

}  // namespace nexmark

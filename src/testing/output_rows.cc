#include "tidemark/detail/testing/output_rows.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <numeric>

namespace tidemark::detail {
namespace {

constexpr std::size_t kShownRows = 50;

void sort_by(const std::vector<std::string>& keys, std::vector<OutputRow>& rows) {
  if (keys.empty()) return;
  std::vector<std::size_t> order(rows.size());
  std::iota(order.begin(), order.end(), 0);
  std::ranges::stable_sort(order, {}, [&](std::size_t i) -> const std::string& { return keys[i]; });
  std::vector<OutputRow> sorted;
  for (const std::size_t i : order) sorted.push_back(std::move(rows[i]));
  rows = std::move(sorted);
}

std::vector<std::string> contents_of(const std::vector<OutputRow>& rows) {
  std::vector<std::string> contents;
  for (const OutputRow& row : rows) contents.push_back(*row.bytes);
  return contents;
}

std::string shown_at(const std::vector<OutputRow>& rows, std::size_t i) { return i < rows.size() ? rows[i].json : "nothing"; }

std::string shown(const std::vector<OutputRow>& rows) {
  std::string text;
  for (std::size_t i = 0; i < std::min(rows.size(), kShownRows); ++i) text += "\n    " + rows[i].json;
  if (rows.size() > kShownRows) text += fmt::format("\n    and {} more", rows.size() - kShownRows);
  return text.empty() ? " nothing" : text;
}

std::string count(std::size_t n) { return n == 1 ? "1 record" : fmt::format("{} records", n); }

}  // namespace

std::vector<OutputRow> OutputRows::take_new() {
  const std::size_t from = std::exchange(taken_, std::max(taken_, rows_.size()));
  return {rows_.begin() + static_cast<std::ptrdiff_t>(std::min(from, rows_.size())), rows_.end()};
}

std::size_t OutputRows::size_at(CheckpointId id) const {
  const auto mark = marks_.find(id);
  return mark == marks_.end() ? 0 : mark->second;
}

std::vector<OutputRow> OutputRows::since(CheckpointId id) const {
  return {rows_.begin() + static_cast<std::ptrdiff_t>(size_at(id)), rows_.end()};
}

std::vector<OutputRow> OutputRows::rewind(CheckpointId id) {
  std::vector<OutputRow> undone = since(id);
  rows_.resize(size_at(id));
  marks_.erase(marks_.upper_bound(id), marks_.end());
  return undone;
}

void OutputRows::replace_since(CheckpointId id, std::vector<OutputRow> rows) {
  rows_.resize(size_at(id));
  rows_.insert(rows_.end(), std::make_move_iterator(rows.begin()), std::make_move_iterator(rows.end()));
}

void sort_by_content(RowComparison& comparison) {
  comparison.expected_keys = contents_of(comparison.expected);
  comparison.got_keys = contents_of(comparison.got);
}

std::string difference_of(const RowComparison& comparison) {
  std::vector<OutputRow> expected = comparison.expected;
  std::vector<OutputRow> got = comparison.got;
  sort_by(comparison.expected_keys, expected);
  sort_by(comparison.got_keys, got);
  const auto same = [](const OutputRow& a, const OutputRow& b) { return *a.bytes == *b.bytes; };
  const auto [e, g] = std::ranges::mismatch(expected, got, same);
  if (e == expected.end() && g == got.end()) return {};
  const auto at = static_cast<std::size_t>(e - expected.begin());
  return fmt::format("{}: {}, expected {}; they differ at number {}\n  expected: {}\n  got:      {}\n  all expected:{}\n  all got:{}",
                     comparison.subject, count(got.size()), expected.size(), at, shown_at(expected, at), shown_at(got, at),
                     shown(expected), shown(got));
}

}  // namespace tidemark::detail

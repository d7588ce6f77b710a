// The rows of a key and side in the order of their event times, those of one moment in that of their arrival: what joins by
// event time keep until nothing can meet it any more.
#pragma once

#include <algorithm>
#include <type_traits>
#include <utility>
#include <vector>

#include "tidemark/time.h"

namespace tidemark::detail {

/// Row has a Timestamp `at`.
template <class Row>
void insert_by_time(std::vector<Row>& rows, Row row) {
  const auto at = std::upper_bound(rows.begin(), rows.end(), row.at, [](Timestamp t, const Row& each) { return t < each.at; });
  rows.insert(at, std::move(row));
}

/// The first row at `t` or later.
template <class Rows>
auto first_from(Rows& rows, Timestamp t) {
  return std::partition_point(rows.begin(), rows.end(), [t](const auto& each) { return each.at < t; });
}
/// The first row later than `t`.
template <class Rows>
auto first_behind(Rows& rows, Timestamp t) {
  return std::partition_point(rows.begin(), rows.end(), [t](const auto& each) { return each.at <= t; });
}

/// A record is late if the watermark says that no such is expected any more. Streams without event time have no late ones.
inline bool is_late(Timestamp at, Timestamp watermark) { return watermark != Timestamp::min() && at <= watermark; }

/// A timer that can be set for every time: that at +infinity comes with the end of all input.
inline Timestamp timer_time(Timestamp at) { return std::min(at, Timestamp::max() - Duration{1}); }

}  // namespace tidemark::detail

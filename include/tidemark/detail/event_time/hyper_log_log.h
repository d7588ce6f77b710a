// HyperLogLog: about how many different hashes were seen, in 4 KiB. Up to 256 of them are kept as they are, and counted
// exactly. The estimate is Ertl's ("New cardinality estimation algorithms for HyperLogLog sketches", 2017): without bias
// over the whole range and without tables. Its standard error is 1.04 / sqrt(4096) = 1.6 %.
//
// Which sketch comes out hangs only on the set of hashes. A value; one that comes from a damaged file may estimate wrongly.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "tidemark/detail/codec/key.h"
#include "tidemark/detail/event_time/aggregate_types.h"

namespace tidemark::detail {

struct HyperLogLog {
  std::vector<std::uint64_t> few;        ///< hashes, ascending, while there are no registers
  std::vector<std::uint8_t> registers;  ///< none, or 4096

  void insert(std::uint64_t hash);
  void insert_all(const HyperLogLog& other);
  std::int64_t estimate() const;
};

template <class By>
struct ApproximateDistinctAggregate {
  using Accumulator = HyperLogLog;
  By by;

  template <class T>
  void add(HyperLogLog& sketch, const T& record) const {
    using Value = ValueBy<By, T>;
    static_assert(is_key<Value>(), "approx_count_distinct() counts what can be a key: bools, numbers, enums, text, times, or aggregates of these");
    sketch.insert(hash_key<Value>(std::invoke(by, record)));
  }
  void merge(HyperLogLog& into, const HyperLogLog& from) const { into.insert_all(from); }
  std::int64_t result(const HyperLogLog& sketch) const { return sketch.estimate(); }
};

}  // namespace tidemark::detail

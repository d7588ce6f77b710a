// DDSketch (Masson, Rim, Lee: "DDSketch: a fast and fully-mergeable quantile sketch", 2019): quantiles that are off by 1 % of
// their value at most. Values are counted in buckets whose bounds grow by a constant factor.
//
// Which sketch comes out hangs only on the values, not on their order. What is no number is passed over; infinity counts as
// the largest number. A value.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <type_traits>
#include <vector>

#include "tidemark/detail/event_time/aggregate_types.h"

namespace tidemark::detail {

struct QuantileSketch {
  std::map<std::int32_t, std::int64_t> positive;  ///< counts by bucket
  std::map<std::int32_t, std::int64_t> negative;  ///< likewise, of the values without their sign
  std::int64_t zeros = 0;
  std::int64_t count = 0;

  void insert(double value);
  void insert_all(const QuantileSketch& other);
  /// The value below which about that share (0 to 1) of all lies; 0 without values.
  double quantile(double share) const;
};

template <class By>
struct QuantileAggregate {
  using Accumulator = QuantileSketch;
  By by;
  double share;

  template <class T>
  void add(QuantileSketch& sketch, const T& record) const {
    static_assert(std::is_arithmetic_v<ValueBy<By, T>>, "approx_quantile() takes what gives a number for a record: &Bid::price, or a callable");
    sketch.insert(static_cast<double>(std::invoke(by, record)));
  }
  void merge(QuantileSketch& into, const QuantileSketch& from) const { into.insert_all(from); }
  double result(const QuantileSketch& sketch) const { return sketch.quantile(share); }
};

template <class By>
struct QuantilesAggregate {
  using Accumulator = QuantileSketch;
  By by;
  std::vector<double> shares;

  template <class T>
  void add(QuantileSketch& sketch, const T& record) const {
    static_assert(std::is_arithmetic_v<ValueBy<By, T>>, "approx_quantiles() takes what gives a number for a record: &Bid::price, or a callable");
    sketch.insert(static_cast<double>(std::invoke(by, record)));
  }
  void merge(QuantileSketch& into, const QuantileSketch& from) const { into.insert_all(from); }
  std::vector<double> result(const QuantileSketch& sketch) const {
    std::vector<double> values;
    for (const double share : shares) values.push_back(sketch.quantile(share));
    return values;
  }
};

}  // namespace tidemark::detail

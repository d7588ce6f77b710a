// Aggregates: what a window computes, record by record, without keeping the records.
//
// An aggregate of your own is a struct:
//
//   struct Average {
//     struct Accumulator { std::int64_t sum = 0, count = 0; };    // any type that can be state; starts as Accumulator{}
//     using Result = double;
//     void add(Accumulator& a, const Bid& bid) const { a.sum += bid.price; ++a.count; }
//     void merge(Accumulator& a, const Accumulator& b) const { a.sum += b.sum; a.count += b.count; }
//     Result result(const Accumulator& a) const { return double(a.sum) / a.count; }
//   };
//
// merge() must not depend on the order of its arguments' records: sliding windows share their slices.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <type_traits>
#include <utility>

#include "tidemark/detail/codec/reflect.h"

namespace tidemark {

namespace detail {

template <class Agg, class T>
struct AggregateTypes {
  using Accumulator = typename Agg::Accumulator;
};
template <class Agg, class T>
  requires requires { typename Agg::template AccumulatorFor<T>; }
struct AggregateTypes<Agg, T> {
  using Accumulator = typename Agg::template AccumulatorFor<T>;
};
template <class Agg, class T>
using AccumulatorOf = typename AggregateTypes<Agg, T>::Accumulator;
template <class Agg, class T>
using ResultOf = std::decay_t<decltype(std::declval<const Agg&>().result(std::declval<const AccumulatorOf<Agg, T>&>()))>;

/// Field by field, in the order of declaration: the order of records where another one says equal.
template <class T>
bool record_less(const T& a, const T& b) {
  if constexpr (Reflected<T>) {
    return apply_fields(a, [&](const auto&... left) {
      return apply_fields(b, [&](const auto&... right) {
        bool less = false;
        // Stops at the first field in which they differ.
        static_cast<void>(((record_less(left, right) ? (less = true) : record_less(right, left)) || ...));
        return less;
      });
    });
  } else {
    return a < b;
  }
}

struct CountAggregate {
  using Accumulator = std::int64_t;
  template <class T>
  void add(std::int64_t& count, const T&) const {
    ++count;
  }
  void merge(std::int64_t& into, const std::int64_t& from) const { into += from; }
  std::int64_t result(const std::int64_t& count) const { return count; }
};

template <class V>
using SumType = std::conditional_t<std::is_floating_point_v<V>, double, std::int64_t>;

template <class Record, class V>
struct SumAggregate {
  using Accumulator = SumType<V>;
  V Record::*field;
  void add(Accumulator& sum, const Record& record) const { sum += record.*field; }
  void merge(Accumulator& into, const Accumulator& from) const { into += from; }
  Accumulator result(const Accumulator& sum) const { return sum; }
};

/// The record whose By is the best; of equal ones the smallest record, so that results don't hang on arrival.
template <class By, bool kLargest>
struct BestByAggregate {
  template <class T>
  using AccumulatorFor = std::optional<T>;
  By by;

  template <class T>
  void add(std::optional<T>& best, const T& record) const {
    if (!best || better(record, *best)) best = record;
  }
  template <class T>
  void merge(std::optional<T>& into, const std::optional<T>& from) const {
    if (from) add(into, *from);
  }
  template <class T>
  T result(const std::optional<T>& best) const {
    return *best;
  }

 private:
  template <class T>
  bool better(const T& a, const T& b) const {
    const auto& x = std::invoke(by, a);
    const auto& y = std::invoke(by, b);
    if (kLargest ? y < x : x < y) return true;
    if (kLargest ? x < y : y < x) return false;
    return record_less(a, b);
  }
};

}  // namespace detail

/// How many records.
inline detail::CountAggregate count() { return {}; }

/// The sum of a number field; integers sum as std::int64_t.
template <class Record, class V>
detail::SumAggregate<Record, V> sum(V Record::*field) {
  static_assert(std::is_arithmetic_v<V>, "sum() takes a member that is a number");
  return {field};
}

/// The record for which `by` (a member pointer or a callable) is largest; ties go to the smallest record.
template <class By>
detail::BestByAggregate<By, true> max_by(By by) {
  return {std::move(by)};
}

/// The record for which `by` is smallest; ties go to the smallest record.
template <class By>
detail::BestByAggregate<By, false> min_by(By by) {
  return {std::move(by)};
}

}  // namespace tidemark

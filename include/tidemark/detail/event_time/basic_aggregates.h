// The aggregates with one small number or record in them. Values; what they do hangs on the records alone, not on their order.
#pragma once

#include <concepts>
#include <cstdint>
#include <functional>
#include <optional>
#include <type_traits>
#include <utility>

#include "tidemark/detail/event_time/aggregate_types.h"

namespace tidemark::detail {

struct CountAggregate {
  using Accumulator = std::int64_t;
  template <class T>
  void add(std::int64_t& count, const T&) const {
    ++count;
  }
  template <class T>
  void retract(std::int64_t& count, const T&) const {
    --count;
  }
  void merge(std::int64_t& into, const std::int64_t& from) const { into += from; }
  std::int64_t result(const std::int64_t& count) const { return count; }
};

template <class Predicate>
struct CountIfAggregate {
  using Accumulator = std::int64_t;
  Predicate predicate;
  template <class T>
  void add(std::int64_t& count, const T& record) const {
    if (std::invoke(predicate, record)) ++count;
  }
  template <class T>
  void retract(std::int64_t& count, const T& record) const {
    if (std::invoke(predicate, record)) --count;
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
  void retract(Accumulator& sum, const Record& record) const { sum -= record.*field; }
  void merge(Accumulator& into, const Accumulator& from) const { into += from; }
  Accumulator result(const Accumulator& sum) const { return sum; }
};

template <class By>
struct SumByAggregate {
  template <class T>
  using AccumulatorFor = SumType<ValueBy<By, T>>;
  By by;
  template <class T>
  void add(SumType<ValueBy<By, T>>& sum, const T& record) const {
    static_assert(std::is_arithmetic_v<ValueBy<By, T>>, "sum() takes what gives a number for a record: &Bid::price, or a callable");
    sum += std::invoke(by, record);
  }
  template <class T>
  void retract(SumType<ValueBy<By, T>>& sum, const T& record) const {
    sum -= std::invoke(by, record);
  }
  template <class Sum>
  void merge(Sum& into, const Sum& from) const {
    into += from;
  }
  template <class Sum>
  Sum result(const Sum& sum) const {
    return sum;
  }
};

template <class Sum>
struct SumAndCount {
  Sum sum = 0;
  std::int64_t count = 0;
};

template <class By>
struct AverageAggregate {
  template <class T>
  using AccumulatorFor = SumAndCount<SumType<ValueBy<By, T>>>;
  By by;
  template <class T, class Sum>
  void add(SumAndCount<Sum>& average, const T& record) const {
    static_assert(std::is_arithmetic_v<ValueBy<By, T>>, "avg() takes what gives a number for a record: &Bid::price, or a callable");
    average.sum += std::invoke(by, record);
    ++average.count;
  }
  template <class T, class Sum>
  void retract(SumAndCount<Sum>& average, const T& record) const {
    average.sum -= std::invoke(by, record);
    --average.count;
  }
  template <class Sum>
  void merge(SumAndCount<Sum>& into, const SumAndCount<Sum>& from) const {
    into.sum += from.sum;
    into.count += from.count;
  }
  template <class Sum>
  double result(const SumAndCount<Sum>& average) const {
    return static_cast<double>(average.sum) / static_cast<double>(average.count);
  }
};

/// The smallest or the largest value. What is no number counts only where nothing else is.
template <class By, bool kLargest>
struct ExtremeAggregate {
  template <class T>
  using AccumulatorFor = std::optional<ValueBy<By, T>>;
  By by;

  template <class T>
  void add(std::optional<ValueBy<By, T>>& best, const T& record) const {
    offer(best, std::invoke(by, record));
  }
  template <class V>
  void merge(std::optional<V>& into, const std::optional<V>& from) const {
    if (from) offer(into, *from);
  }
  template <class V>
  V result(const std::optional<V>& best) const {
    return *best;
  }

 private:
  template <class V>
  static void offer(std::optional<V>& best, const V& value) {
    if (!best || (kLargest ? *best < value : value < *best)) {
      best = value;
    } else if constexpr (std::is_floating_point_v<V>) {
      if (*best != *best) best = value;
    }
  }
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

  /// Of two records, whether `a` goes first.
  template <class T>
  bool better(const T& a, const T& b) const {
    const auto& x = std::invoke(by, a);
    const auto& y = std::invoke(by, b);
    if (kLargest ? y < x : x < y) return true;
    if (kLargest ? x < y : y < x) return false;
    return record_less(a, b);
  }
};

/// The first or the last in event time; of those of one moment the smallest.
template <class By, bool kLast>
struct EndAggregate {
  template <class T>
  using AccumulatorFor = std::optional<Timed<ValueBy<By, T>>>;
  By by;

  template <class T>
  void add(std::optional<Timed<ValueBy<By, T>>>& end, const T& record, Timestamp at) const {
    if (end && (kLast ? at < end->at : end->at < at)) return;
    offer(end, Timed<ValueBy<By, T>>{at, std::invoke(by, record)});
  }
  template <class V>
  void merge(std::optional<Timed<V>>& into, const std::optional<Timed<V>>& from) const {
    if (from) offer(into, *from);
  }
  template <class V>
  V result(const std::optional<Timed<V>>& end) const {
    return end->value;
  }

 private:
  template <class V>
  static void offer(std::optional<Timed<V>>& end, const Timed<V>& candidate) {
    const bool goes_first = !end || (kLast ? end->at < candidate.at : candidate.at < end->at) ||
                            (end->at == candidate.at && record_less(candidate.value, end->value));
    if (goes_first) end = candidate;
  }
};

/// Two records made one, again and again.
template <class F>
struct ReduceAggregate {
  template <class T>
  using AccumulatorFor = std::optional<T>;
  F f;

  template <class T>
  void add(std::optional<T>& reduced, const T& record) const {
    if (reduced) {
      reduced = std::invoke(f, std::as_const(*reduced), record);
    } else {
      reduced = record;
    }
  }
  template <class T>
  void merge(std::optional<T>& into, const std::optional<T>& from) const {
    if (from) add(into, *from);
  }
  template <class T>
  T result(const std::optional<T>& reduced) const {
    return *reduced;
  }
};

}  // namespace tidemark::detail

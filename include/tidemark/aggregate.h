// Aggregates: what a window computes, record by record, without keeping the records.
//
//   .aggregate(count())
//   .aggregate(together<Stats>(count(), sum(&Bid::price), approx_count_distinct(&Bid::bidder)))
//
// Where one takes a `by`, that is a member pointer or a callable for a record. What comes out hangs on the records alone, not
// on the order in which they came.
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
// merge() must not depend on the order of its arguments' records: sliding windows share their slices. With a third parameter,
// a Timestamp, add() gets the record's event time. With a retract(a, bid), which undoes an add(), it also takes streams of changes
// (change.h).
#pragma once

#include <cstddef>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "tidemark/detail/event_time/basic_aggregates.h"
#include "tidemark/detail/event_time/combined_aggregates.h"
#include "tidemark/detail/event_time/distinct_set.h"
#include "tidemark/detail/event_time/hyper_log_log.h"
#include "tidemark/detail/event_time/quantile_sketch.h"
#include "tidemark/detail/event_time/ranked_aggregates.h"

namespace tidemark {

/// How many records.
inline detail::CountAggregate count() { return {}; }

/// How many records for which `predicate` is true.
template <class Predicate>
detail::CountIfAggregate<Predicate> count_if(Predicate predicate) {
  return {std::move(predicate)};
}

/// The sum of a number; integers sum as std::int64_t.
template <class Record, class V>
detail::SumAggregate<Record, V> sum(V Record::*field) {
  static_assert(std::is_arithmetic_v<V>, "sum() takes a member that is a number");
  return {field};
}
template <class By>
  requires(!std::is_member_object_pointer_v<By>)
detail::SumByAggregate<By> sum(By by) {
  return {std::move(by)};
}

/// The average of a number, as a double.
template <class By>
detail::AverageAggregate<By> avg(By by) {
  return {std::move(by)};
}

/// The smallest and the largest value.
template <class By>
detail::ExtremeAggregate<By, false> min(By by) {
  return {std::move(by)};
}
template <class By>
detail::ExtremeAggregate<By, true> max(By by) {
  return {std::move(by)};
}

/// The record for which `by` is largest, or smallest; ties go to the smallest record.
template <class By>
detail::BestByAggregate<By, true> max_by(By by) {
  return {std::move(by)};
}
template <class By>
detail::BestByAggregate<By, false> min_by(By by) {
  return {std::move(by)};
}

/// The first and the last record in event time, or what `by` gives for it; of those of one moment the smallest.
inline detail::EndAggregate<detail::WholeRecord, false> first() { return {}; }
template <class By>
detail::EndAggregate<By, false> first(By by) {
  return {std::move(by)};
}
inline detail::EndAggregate<detail::WholeRecord, true> last() { return {}; }
template <class By>
detail::EndAggregate<By, true> last(By by) {
  return {std::move(by)};
}

/// The n records for which `by` is largest, or smallest, as a vector, best first; ties go to the smallest record.
template <class By>
detail::TopAggregate<By, true> top(std::size_t n, By by) {
  return {n, {std::move(by)}};
}
template <class By>
detail::TopAggregate<By, false> bottom(std::size_t n, By by) {
  return {n, {std::move(by)}};
}

/// All records, or what `by` gives for each, as a vector, by event time and then by value.
inline detail::ListAggregate<detail::WholeRecord> list() { return {}; }
template <class By>
detail::ListAggregate<By> list(By by) {
  return {std::move(by)};
}

/// How many different values. Keeps each of them.
template <class By>
detail::DistinctAggregate<By> count_distinct(By by) {
  return {std::move(by)};
}

/// The same in 4 KiB: exact up to 256, then with a standard error of 1.6 % (HyperLogLog).
template <class By>
detail::ApproximateDistinctAggregate<By> approx_count_distinct(By by) {
  return {std::move(by)};
}

/// The value below which that share of all lies, 0.5 for the median, off by 1 % of itself at most (DDSketch).
template <class By>
detail::QuantileAggregate<By> approx_quantile(By by, double share) {
  return {std::move(by), share};
}
/// Several of them, as a vector.
template <class By>
detail::QuantilesAggregate<By> approx_quantiles(By by, std::vector<double> shares) {
  return {std::move(by), std::move(shares)};
}

/// Several aggregates in one pass: a tuple of their results, or a Made{results...}.
template <class Made = void, class... Aggs>
detail::TogetherAggregate<Made, Aggs...> together(Aggs... aggregates) {
  return {std::tuple{std::move(aggregates)...}};
}

/// An aggregate of the records for which `predicate` is true: its result as an optional, empty where there were none.
template <class Predicate, class Agg>
detail::WhereAggregate<Predicate, Agg> where(Predicate predicate, Agg aggregate) {
  return {std::move(predicate), std::move(aggregate)};
}

}  // namespace tidemark

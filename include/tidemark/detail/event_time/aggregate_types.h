// What an aggregate is to the kernels: its accumulator, its result, and how a record gets in. Compile time, but for the order
// of records.
#pragma once

#include <cstdint>
#include <functional>
#include <type_traits>
#include <utility>

#include "tidemark/detail/codec/reflect.h"
#include "tidemark/time.h"

namespace tidemark {

/// A value and the event time that it came with.
template <class T>
struct Timed {
  Timestamp at;
  T value;
};

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

/// What `By`, a member pointer or a callable, gives for a record.
template <class By, class T>
using ValueBy = std::decay_t<std::invoke_result_t<const By&, const T&>>;

/// For an aggregate of whole records.
struct WholeRecord {
  template <class T>
  const T& operator()(const T& record) const {
    return record;
  }
};

/// An aggregate may ask for the event time: add(accumulator, record, Timestamp).
template <class Agg, class T>
concept WantsTime = requires(const Agg& agg, AccumulatorOf<Agg, T>& accumulator, const T& record) { agg.add(accumulator, record, Timestamp{}); };

/// An aggregate that a record can be taken back from: retract(accumulator, record) undoes an add().
template <class Agg, class T>
concept Retracts = requires(const Agg& agg, AccumulatorOf<Agg, T>& accumulator, const T& record) { agg.retract(accumulator, record); };

template <class Agg, class Accumulator, class T>
void add_to(const Agg& aggregate, Accumulator& accumulator, const T& record, std::int64_t timestamp) {
  if constexpr (WantsTime<Agg, T>) {
    aggregate.add(accumulator, record, Timestamp{timestamp});
  } else {
    aggregate.add(accumulator, record);
  }
}

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

}  // namespace detail
}  // namespace tidemark

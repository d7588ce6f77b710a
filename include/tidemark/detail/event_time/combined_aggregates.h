// Aggregates of aggregates: several in one pass, and one of some of the records.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <tuple>
#include <type_traits>
#include <utility>

#include "tidemark/detail/event_time/aggregate_types.h"

namespace tidemark::detail {

/// The accumulators of aggregates side by side. A plain struct each, so that small ones stay trivially copyable, which a
/// std::tuple is not, and lie in their table inline.
template <class... A>
struct Accumulators {
  static_assert(sizeof...(A) == 0, "together() takes 1 to 12 aggregates: put some of them into a together() of their own");
};
// clang-format off
template <class A> struct Accumulators<A> { A f0; };
template <class A, class B> struct Accumulators<A, B> { A f0; B f1; };
template <class A, class B, class C> struct Accumulators<A, B, C> { A f0; B f1; C f2; };
template <class A, class B, class C, class D> struct Accumulators<A, B, C, D> { A f0; B f1; C f2; D f3; };
template <class A, class B, class C, class D, class E> struct Accumulators<A, B, C, D, E> { A f0; B f1; C f2; D f3; E f4; };
template <class A, class B, class C, class D, class E, class F>
struct Accumulators<A, B, C, D, E, F> { A f0; B f1; C f2; D f3; E f4; F f5; };
template <class A, class B, class C, class D, class E, class F, class G>
struct Accumulators<A, B, C, D, E, F, G> { A f0; B f1; C f2; D f3; E f4; F f5; G f6; };
template <class A, class B, class C, class D, class E, class F, class G, class H>
struct Accumulators<A, B, C, D, E, F, G, H> { A f0; B f1; C f2; D f3; E f4; F f5; G f6; H f7; };
template <class A, class B, class C, class D, class E, class F, class G, class H, class I>
struct Accumulators<A, B, C, D, E, F, G, H, I> { A f0; B f1; C f2; D f3; E f4; F f5; G f6; H f7; I f8; };
template <class A, class B, class C, class D, class E, class F, class G, class H, class I, class J>
struct Accumulators<A, B, C, D, E, F, G, H, I, J> { A f0; B f1; C f2; D f3; E f4; F f5; G f6; H f7; I f8; J f9; };
template <class A, class B, class C, class D, class E, class F, class G, class H, class I, class J, class K>
struct Accumulators<A, B, C, D, E, F, G, H, I, J, K> { A f0; B f1; C f2; D f3; E f4; F f5; G f6; H f7; I f8; J f9; K f10; };
template <class A, class B, class C, class D, class E, class F, class G, class H, class I, class J, class K, class L>
struct Accumulators<A, B, C, D, E, F, G, H, I, J, K, L> { A f0; B f1; C f2; D f3; E f4; F f5; G f6; H f7; I f8; J f9; K f10; L f11; };
// clang-format on

template <class Made, class... Results>
concept MadeOf = requires(Results... results) { Made{std::move(results)...}; };

/// Every aggregate for every record; Made is a struct of their results, or void for a tuple.
template <class Made, class... Aggs>
struct TogetherAggregate {
  template <class T>
  using AccumulatorFor = Accumulators<AccumulatorOf<Aggs, T>...>;
  std::tuple<Aggs...> aggregates;

  template <class T>
  void add(Accumulators<AccumulatorOf<Aggs, T>...>& accumulators, const T& record, Timestamp at) const {
    each([&](const auto& aggregate, auto& accumulator) { add_to(aggregate, accumulator, record, at.ms()); }, accumulators);
  }
  template <class T>
  void retract(Accumulators<AccumulatorOf<Aggs, T>...>& accumulators, const T& record) const
    requires(Retracts<Aggs, T> && ...)
  {
    each([&](const auto& aggregate, auto& accumulator) { aggregate.retract(accumulator, record); }, accumulators);
  }
  template <class A>
  void merge(A& into, const A& from) const {
    each([](const auto& aggregate, auto& a, const auto& b) { aggregate.merge(a, b); }, into, from);
  }
  template <class A>
  auto result(const A& accumulators) const {
    return results_of(accumulators, std::index_sequence_for<Aggs...>{});
  }

 private:
  template <class A, class F>
  static decltype(auto) with_parts(A& accumulators, F&& f) {
    return with_fields<sizeof...(Aggs)>(accumulators, f);
  }
  template <class A, std::size_t... I>
  auto results_of(const A& accumulators, std::index_sequence<I...>) const {
    return made_of(std::get<I>(aggregates).result(part<I>(accumulators))...);
  }
  template <class... Results>
  static auto made_of(Results... results) {
    if constexpr (std::is_void_v<Made>) {
      return std::make_tuple(std::move(results)...);
    } else {
      static_assert(MadeOf<Made, Results...>,
                    "together<Stats>(...): Stats must be a struct with a field for each aggregate's result, in their order");
      return Made{std::move(results)...};
    }
  }
  // f(aggregate, its part of each of `accumulators`...) for each aggregate.
  template <class F, class... A>
  void each(F&& f, A&... accumulators) const {
    [&]<std::size_t... I>(std::index_sequence<I...>) {
      (at<I>(f, accumulators...), ...);
    }(std::index_sequence_for<Aggs...>{});
  }
  template <std::size_t I, class F, class... A>
  void at(F&& f, A&... accumulators) const {
    f(std::get<I>(aggregates), part<I>(accumulators)...);
  }
  template <std::size_t I, class A>
  static auto& part(A& accumulators) {
    return *with_parts(accumulators, [](auto&... parts) { return std::get<I>(std::tuple{&parts...}); });
  }
};

template <class A>
struct PerhapsAccumulated {
  bool any = false;
  A value{};
};

/// An aggregate of the records that a predicate takes; nothing where it took none.
template <class Predicate, class Agg>
struct WhereAggregate {
  template <class T>
  using AccumulatorFor = PerhapsAccumulated<AccumulatorOf<Agg, T>>;
  Predicate predicate;
  Agg aggregate;

  template <class T>
  void add(PerhapsAccumulated<AccumulatorOf<Agg, T>>& accumulator, const T& record, Timestamp at) const {
    if (!std::invoke(predicate, record)) return;
    accumulator.any = true;
    add_to(aggregate, accumulator.value, record, at.ms());
  }
  template <class A>
  void merge(PerhapsAccumulated<A>& into, const PerhapsAccumulated<A>& from) const {
    if (!from.any) return;
    if (into.any) {
      aggregate.merge(into.value, from.value);
    } else {
      into = from;
    }
  }
  template <class A>
  auto result(const PerhapsAccumulated<A>& accumulator) const {
    using Result = std::decay_t<decltype(aggregate.result(accumulator.value))>;
    return accumulator.any ? std::optional<Result>{aggregate.result(accumulator.value)} : std::nullopt;
  }
};

}  // namespace tidemark::detail

// Co-groups: all records of two streams that have the same key and lie in the same window, at once.
//
//   orders.key_by(&Order::id)
//       .co_group(payments.key_by(&Payment::order))
//       .window(tumbling(1h))
//       .apply([](std::span<const Order> orders, std::span<const Payment> payments, Out<Balance>& out) { ... })
//       .uid("balances")
//
// A window has a group if it has a record of either stream. What a join makes of pairs can be made of groups, and more; but a
// window join (join.h) says what it means in fewer words.
#pragma once

#include <concepts>
#include <optional>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

#include "tidemark/connected_streams.h"
#include "tidemark/detail/api/callable.h"
#include "tidemark/detail/operators/co_group.h"
#include "tidemark/detail/operators/window_join.h"
#include "tidemark/stream.h"
#include "tidemark/window.h"

namespace tidemark {

/// Two streams cut into windows together. Windowed is the stream of windows over the records of either.
template <class K, class A, class B, class Windowed>
class CoGroupedWindows {
 public:
  explicit CoGroupedWindows(Windowed windowed) : windowed_{std::move(windowed)} {}

  /// A record that is late by no more than this makes its windows give their groups again. 0 unless set.
  CoGroupedWindows allowed_lateness(Duration lateness) const { return CoGroupedWindows{windowed_.allowed_lateness(lateness)}; }

  /// Where records of each stream go that are too late: result.side_output(late) is their stream. Without it, and where nobody
  /// reads them, they are counted.
  CoGroupedWindows late_to(SideOutput<A> first, SideOutput<B> second) const {
    CoGroupedWindows changed = *this;
    changed.windowed_.late_ = {first.name(), second.name()};
    return changed;
  }

  /// f(std::span<const A>, std::span<const B>, Out<Result>&) emits any number of results, which have the window's last
  /// millisecond as their event time. Result is read off the callable; for a generic one give it: apply<Result>(f).
  template <class Result = void, class F>
  auto apply(F f) const {
    static_assert(detail::Copied<F>, "apply() copies its callable to each subtask: capture values or a std::shared_ptr, nothing that can only be moved");
    using OutT = std::conditional_t<std::is_void_v<Result>, detail::EmittedBy<F>, Result>;
    static_assert(!std::is_void_v<OutT>,
                  "apply() takes a callable of both groups and an output: [](std::span<const A> a, std::span<const B> b, Out<Row>& out) { ... }");
    static_assert(std::invocable<F&, std::span<const A>, std::span<const B>, Out<OutT>&>,
                  "apply()'s callable must accept (std::span<const A>, std::span<const B>, Out<Result>&)");
    return process<detail::ApplyToGroups<K, A, B, OutT, F>>(std::move(f));
  }

  /// F is a WindowProcess<Key, CoGroup<A, B>, Result>, made for each subtask from a Declare& and copies of `args`.
  template <class F, class... Args>
  auto process(Args... args) const {
    return add<F>("co-group", detail::GatherGroups<A, B>{}, std::move(args)...);
  }

 private:
  template <class, class, class, class>
  friend class JoinedStreams;

  template <class F, class Content, class... Args>
  auto add(const char* name, Content content, Args... args) const {
    return windowed_.template aggregate<F>(std::move(content), std::move(args)...).name(name);
  }

  Windowed windowed_;
};

/// Two keyed streams, before it is said by which windows.
template <class A, class KeyA, class B, class KeyB>
class CoGroupedStreams {
  using Key = typename KeyedStream<A, KeyA>::Key;
  static_assert(std::same_as<Key, typename KeyedStream<B, KeyB>::Key>,
                "both streams of co_group() need keys of the same type: let one of the key_by() convert its key");
  static_assert(!detail::says_what_becomes_of_rows_v<A> && !detail::says_what_becomes_of_rows_v<B>,
                "windows take streams of records, not of changes or upserts (change.h)");

 public:
  /// Windows of each key: tumbling(), sliding(), session() with one gap for all, or your own (window.h).
  template <class Windows>
  auto window(Windows windows) const {
    auto windowed = either(std::move(windows));
    return CoGroupedWindows<Key, A, B, decltype(windowed)>{std::move(windowed)};
  }

 private:
  template <class, class>
  friend class KeyedStream;
  template <class, class, class, class>
  friend class JoinedStreams;

  CoGroupedStreams(KeyedStream<A, KeyA> first, KeyedStream<B, KeyB> second, detail::Location at)
      : first_{std::move(first)}, second_{std::move(second)}, at_{at} {}

  // Windows over the records of either stream.
  template <class Windows>
  auto either(Windows windows) const {
    using Either = detail::EitherRecord<A, B>;
    static_assert(requires(const Windows& w, const Either& record, std::vector<Window>& to) { w.assign(record, Timestamp{}, to); },
                  "window() over two streams takes windows that hang on the time alone: tumbling(10s), sliding(10s, 2s), session(30s)");
    const auto firsts = first_.stream_.map([](const A& record) { return Either{record, std::nullopt}; });
    const auto seconds = second_.stream_.map([](const B& record) { return Either{std::nullopt, record}; });
    return firsts.union_with(seconds).key_by(detail::EitherKey<KeyA, KeyB>{first_.key_, second_.key_}, at_).window(std::move(windows), at_);
  }

  KeyedStream<A, KeyA> first_;
  KeyedStream<B, KeyB> second_;
  detail::Location at_;
};

}  // namespace tidemark

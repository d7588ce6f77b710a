// Two keyed streams and a function over both, with state and timers that they share,
//
//   orders.key_by(&Order::id).connect(payments.key_by(&Payment::order)).process<Settlement>().uid("settlement")
//
// and two streams without keys, whose function has operator state:
//
//   orders.connect(commands).process<Gate>().uid("gate")
//
// co_process.h has the functions. connect() with a broadcast stream is in broadcast_stream.h.
#pragma once

#include <concepts>
#include <memory>
#include <utility>

#include "tidemark/co_process.h"
#include "tidemark/detail/api/function_node.h"
#include "tidemark/detail/api/port.h"
#include "tidemark/detail/api/user_function.h"
#include "tidemark/detail/operators/co_process.h"
#include "tidemark/detail/operators/keyed_co_process.h"
#include "tidemark/stream.h"

namespace tidemark {

template <class A, class KeyA, class B, class KeyB>
class ConnectedStreams {
 public:
  using Key = typename KeyedStream<A, KeyA>::Key;
  static_assert(std::same_as<Key, typename KeyedStream<B, KeyB>::Key>,
                "both streams of connect() and join() need keys of the same type: let one of the key_by() convert its key");

  /// F is a KeyedCoProcess<Key, A, B, Result>, made for each subtask from a Declare& and copies of `args`.
  template <class F, class... Args>
  auto process(Args... args) const {
    static_assert(detail::KeyedCoProcessClass<F>, "process() behind connect() takes a class derived from KeyedCoProcess<Key, First, Second, Result>");
    static_assert(std::same_as<typename F::Key, Key>, "the first type of KeyedCoProcess must be the type that key_by() gives");
    static_assert(std::same_as<typename F::Input, A>, "the second type of KeyedCoProcess must be the record type of the stream");
    static_assert(std::same_as<typename F::Second, B>, "the third type of KeyedCoProcess must be the record type of the stream in connect()");
    using Op = detail::KeyedCoProcessOperator<F, KeyA, KeyB>;
    const auto make = detail::maker_of<F>(std::move(args)...);
    detail::JobBuilder& builder = *first_.stream_.builder_;
    const NodeId node =
        detail::add_function_node(builder, {.name = "keyed co-process", .location = at_, .keeps_state = true},
                                  [make, a = first_.key_, b = second_.key_] { return std::make_unique<Op>(make, a, b); });
    detail::connect(builder, first_.stream_.ports_, node, Exchange::kHash, detail::key_by_writer<A>(first_.key_), 0);
    detail::connect(builder, second_.stream_.ports_, node, Exchange::kHash, detail::key_by_writer<B>(second_.key_), 1);
    return Stream<typename F::Output>::template output_of<Op>(builder, node);
  }

 private:
  template <class, class>
  friend class KeyedStream;
  template <class, class, class, class>
  friend class JoinedStreams;
  ConnectedStreams(KeyedStream<A, KeyA> first, KeyedStream<B, KeyB> second, detail::Location at)
      : first_{std::move(first)}, second_{std::move(second)}, at_{at} {}

  KeyedStream<A, KeyA> first_;
  KeyedStream<B, KeyB> second_;
  detail::Location at_;
};

template <class A, class B>
class UnkeyedConnectedStreams {
 public:
  /// F is a CoProcess<A, B, Result>, made for each subtask from a Declare& and copies of `args`.
  template <class F, class... Args>
  auto process(Args... args) const {
    static_assert(detail::CoProcessClass<F>,
                  "process() behind connect() takes a class derived from CoProcess<First, Second, Result>; of keyed streams one derived from KeyedCoProcess");
    static_assert(std::same_as<typename F::Input, A>, "the first type of CoProcess must be the record type of the stream");
    static_assert(std::same_as<typename F::Second, B>, "the second type of CoProcess must be the record type of the stream in connect()");
    using Op = detail::CoProcessOperator<F>;
    const auto make = detail::maker_of<F>(std::move(args)...);
    detail::JobBuilder& builder = *first_.builder_;
    const NodeId node = detail::add_function_node(builder, {.name = "co-process", .location = at_}, [make] { return std::make_unique<Op>(make); });
    detail::connect(builder, first_.ports_, node, Exchange::kForward, detail::plain_writer<A>(), 0);
    detail::connect(builder, second_.ports_, node, Exchange::kForward, detail::plain_writer<B>(), 1);
    return Stream<typename F::Output>::template output_of<Op>(builder, node);
  }

 private:
  template <class>
  friend class Stream;
  UnkeyedConnectedStreams(Stream<A> first, Stream<B> second, detail::Location at) : first_{std::move(first)}, second_{std::move(second)}, at_{at} {}

  Stream<A> first_;
  Stream<B> second_;
  detail::Location at_;
};

}  // namespace tidemark

// A stream of rules and the stream that they are for: connect() gives a function both.
//
//   bids.key_by(&Bid::seller).connect(rules.broadcast()).process<TopSellers>().uid("top-sellers")
//
// Every subtask gets every rule (see process.h for the function). Event time of the two together is that of the slower one:
// a source of rules without event time holds back timers and windows until it has ended, unless idle_after() lets it be silent.
#pragma once

#include <concepts>
#include <cstdint>
#include <memory>
#include <type_traits>
#include <utility>
#include <vector>

#include "tidemark/detail/api/port.h"
#include "tidemark/detail/api/user_function.h"
#include "tidemark/detail/operators/broadcast.h"
#include "tidemark/detail/operators/keyed_process.h"
#include "tidemark/detail/operators/process.h"
#include "tidemark/process.h"
#include "tidemark/stream.h"

namespace tidemark {

/// A stream each of whose records goes to every subtask that reads it.
template <class T>
class BroadcastStream {
 public:
  using Record = T;

 private:
  template <class>
  friend class Stream;
  template <class, class, class>
  friend class BroadcastConnectedStream;
  explicit BroadcastStream(Stream<T> stream) : stream_{std::move(stream)} {}

  Stream<T> stream_;
};

/// A stream and its rules. KeyFn is detail::NoKey for one that is not keyed.
template <class T, class KeyFn, class Rule>
class BroadcastConnectedStream {
 public:
  /// Behind key_by(), F is a KeyedBroadcastProcess<Key, T, Rule, Result>, else a BroadcastProcess<T, Rule, Result>; made for
  /// each subtask from a Declare& and copies of `args`.
  template <class F, class... Args>
  auto process(Args... args) const {
    static_assert(detail::WithBroadcast<F>, "process() behind connect() takes a class derived from KeyedBroadcastProcess<Key, Record, Rule, Result>, or "
                                            "from BroadcastProcess<Record, Rule, Result> where the stream has no key");
    static_assert(std::same_as<typename F::Broadcast, Rule>, "the function's Rule must be the record type of the stream that was broadcast");
    static_assert(std::same_as<typename F::Input, T>, "the function's Record must be the record type of the stream");
    const auto make = detail::maker_of<F>(std::move(args)...);
    if constexpr (std::same_as<KeyFn, detail::NoKey>) {
      static_assert(detail::ProcessClass<F>, "a function over a stream that has no key is derived from BroadcastProcess<Record, Rule, Result>");
      return add<F, detail::ProcessOperator<F>>("broadcast process", Exchange::kForward, detail::plain_writer<T>(), make);
    } else {
      static_assert(detail::KeyedProcessClass<F>, "a function behind key_by() is derived from KeyedBroadcastProcess<Key, Record, Rule, Result>");
      static_assert(std::same_as<typename F::Key, std::decay_t<std::invoke_result_t<const KeyFn&, const T&>>>,
                    "the first type of KeyedBroadcastProcess must be the type that key_by() gives");
      return add<F, detail::KeyedProcessOperator<F, KeyFn>>("keyed broadcast process", Exchange::kHash, detail::key_by_writer<T>(key_), make, key_);
    }
  }

 private:
  template <class>
  friend class Stream;
  template <class, class>
  friend class KeyedStream;
  BroadcastConnectedStream(Stream<T> stream, KeyFn key, BroadcastStream<Rule> rules, detail::Location at)
      : stream_{std::move(stream)}, key_{std::move(key)}, rules_{std::move(rules.stream_)}, at_{at} {}

  template <class F, class Inner, class... Args>
  auto add(const char* name, Exchange exchange, const detail::MakeWriter& writer, const typename Inner::Make& make, const Args&... args) const {
    using Op = detail::BroadcastOperator<Inner, F>;
    detail::JobBuilder& builder = *stream_.builder_;
    const NodeId node = detail::add_function_node(builder, {.name = name, .location = at_},
                                                  [make, args...] { return std::make_unique<Op>(make, args...); });
    detail::connect(builder, stream_.ports_, node, exchange, writer, 0);
    detail::connect(builder, rules_.ports_, node, Exchange::kBroadcast, detail::broadcast_writer<Rule>(), 1);
    return Stream<typename F::Output>::template output_of<Op>(builder, node);
  }

  Stream<T> stream_;
  KeyFn key_;
  Stream<Rule> rules_;
  detail::Location at_;
};

}  // namespace tidemark

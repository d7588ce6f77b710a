// User functions over two streams. See functions.h for the life of one.
//
//   class Settlement : public KeyedCoProcess<std::int64_t, Order, Payment, Settled> {       // key, both records, result
//     ValueState<Order> open_;
//    public:
//     explicit Settlement(Declare& declare) : open_{declare, "open"} {}
//     void process_first(const Order& order, Context& ctx, Out<Settled>&) override {
//       open_.set(order);
//       ctx.timers().at(ctx.timestamp() + 1h);
//     }
//     void process_second(const Payment& payment, Context&, Out<Settled>& out) override {
//       if (open_.find() != nullptr) out.emit({payment.order, true});
//       open_.clear();
//     }
//     void on_timer(Timestamp, Context& ctx, Out<Settled>& out) override {
//       if (open_.find() != nullptr) out.emit({ctx.key(), false});
//       open_.clear();
//     }
//   };
//   orders.key_by(&Order::id).connect(payments.key_by(&Payment::order)).process<Settlement>().uid("settlement")
//
// Records of one subtask upstream come in their order; how those of the two streams interleave is open. Event time is that of
// the slower stream.
#pragma once

#include "tidemark/functions.h"
#include "tidemark/out.h"

namespace tidemark {

/// The base of a function over two keyed streams. Both come with keys of type K, and its states are those of the key.
template <class K, class FirstIn, class SecondIn, class OutT>
class KeyedCoProcess : public KeyedFunction<K, OutT> {
 public:
  using Input = FirstIn;
  using Second = SecondIn;
  using typename KeyedFunction<K, OutT>::Context;

  virtual void process_first(const FirstIn& record, Context& ctx, Out<OutT>& out) = 0;
  virtual void process_second(const SecondIn& record, Context& ctx, Out<OutT>& out) = 0;
};

}  // namespace tidemark

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
// Streams that have no key in common are connected as they are, and their function has operator state (operator_state.h):
//
//   class Gate : public CoProcess<Order, Command, Order> { ... };                           // both records, result
//   orders.connect(commands).process<Gate>().uid("gate")
//
// A subtask then gets what the subtasks of the same number upstream have; connect(commands.broadcast()) is for what every
// subtask must know (process.h).
//
// Records of one subtask upstream come in their order; how those of the two streams interleave is open. Event time is that of
// the slower stream.
#pragma once

#include <cstdint>

#include "tidemark/functions.h"
#include "tidemark/out.h"
#include "tidemark/time.h"

namespace tidemark {

namespace detail {
template <class F>
class CoProcessOperator;
}

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

/// The base of a function over two streams that have no key.
template <class FirstIn, class SecondIn, class OutT>
class CoProcess {
 public:
  using Input = FirstIn;
  using Second = SecondIn;
  using Output = OutT;

  /// What process_first() and process_second() may ask.
  class Context {
   public:
    /// Event time of the record.
    Timestamp timestamp() const { return Timestamp{timestamp_}; }
    /// How far event time has come at this subtask since it started.
    Timestamp watermark() const { return watermark_; }

   private:
    template <class>
    friend class detail::CoProcessOperator;
    std::int64_t timestamp_ = 0;
    Timestamp watermark_ = Timestamp::min();
  };

  virtual ~CoProcess() = default;
  virtual void open(OpenContext&) {}
  virtual void process_first(const FirstIn& record, Context& ctx, Out<OutT>& out) = 0;
  virtual void process_second(const SecondIn& record, Context& ctx, Out<OutT>& out) = 0;
  /// All input of both was read: as of a Process.
  virtual void end_of_input(Out<OutT>&) {}
};

}  // namespace tidemark

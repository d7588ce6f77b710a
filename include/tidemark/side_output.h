// Side outputs: what an operator puts out besides its results, by name. Late records, bad records, or what your function says:
//
//   class Sorter : public Process<Order, Order> {
//     SideOut<Refusal> refused_;
//    public:
//     explicit Sorter(Declare& declare) : refused_{declare, "refused"} {}
//     void process(const Order& order, Context&, Out<Order>& out) override {
//       if (order.amount > 0) out.emit(order);
//       else refused_.emit({order.id, "an amount of zero or less"});
//     }
//   };
//   auto sorted = orders.process<Sorter>();
//   Stream<Refusal> refused = sorted.side_output<Refusal>("refused");
//
// A side output that nobody reads is dropped.
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "tidemark/detail/operators/side_outputs.h"
#include "tidemark/error.h"
#include "tidemark/out.h"
#include "tidemark/state.h"
#include "tidemark/time.h"

namespace tidemark {

/// The name of a second output of an operator, with records of type T: late records, bad records.
template <class T>
class SideOutput {
 public:
  SideOutput(std::string name) : name_{std::move(name)} {}
  SideOutput(const char* name) : name_{name} {}
  const std::string& name() const { return name_; }

 private:
  std::string name_;
};

/// A member of a user function, declared in its constructor and used in its callbacks.
template <class T>
class SideOut {
 public:
  SideOut(Declare& declare, std::string_view name) : main_{side_outputs_of(declare, name).main()} {
    declare.side_outputs()->add(name, out_);
  }
  SideOut(const SideOut&) = delete;
  SideOut& operator=(const SideOut&) = delete;

  /// With the event time of the record (or timer) that is being handled.
  void emit(T value) { out_.emit(Timestamp{main_.timestamp_ms()}, std::move(value)); }
  /// With an event time of its own.
  void emit(Timestamp timestamp, T value) { out_.emit(timestamp, std::move(value)); }

  /// False if nobody would get what is emitted.
  bool is_read() const { return out_.has_receivers(); }

 private:
  static detail::SideOutputs& side_outputs_of(Declare& declare, std::string_view name) {
    if (declare.side_outputs() != nullptr) return *declare.side_outputs();
    throw Error{ErrorCode::kInvalidArgument, "the side output '" + std::string{name} + "' is declared where none can be: declare it in the constructor of a function"};
  }

  const detail::OutputBase& main_;  // the operator's
  Out<T> out_;
};

}  // namespace tidemark

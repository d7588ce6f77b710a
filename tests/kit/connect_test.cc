// Side outputs, functions over two keyed streams, and the end of input, under the operator test kit.
#include <gtest/gtest.h>

#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "tidemark/testing.h"

namespace tidemark {
namespace {

using namespace std::chrono_literals;

struct Order {
  std::int64_t id = 0;
  std::int64_t amount = 0;
};
struct Refusal {
  std::int64_t id = 0;
  std::string_view reason;
};

/// Refuses amounts of zero or less.
class Sorter final : public Process<Order, Order> {
 public:
  explicit Sorter(Declare& declare) : refused_{declare, "refused"}, large_{declare, "large"} {}
  void process(const Order& order, Context&, Out<Order>& out) override {
    if (order.amount <= 0) {
      const std::string reason = "an amount of " + std::to_string(order.amount) + ", which is too little to be one";
      return refused_.emit({order.id, reason});
    }
    out.emit(order);
    if (order.amount > 100) large_.emit(at(1h), order);
  }

 private:
  SideOut<Refusal> refused_;
  SideOut<Order> large_;
};

TEST(KitSideOutput, OfAFunctionHasItsTimesAndItsText) {
  in_every_way([](const TestOptions& way) {
    const TestOutput<Refusal> refusals{"refusals"};
    const TestOutput<Order> large{"large"};
    PipelineTest<Order, Order> t{way, [&](Stream<Order> orders, TestPorts& ports) {
                                   const auto sorted = orders.process<Sorter>();
                                   ports.output(refusals, sorted.side_output<Refusal>("refused"));
                                   ports.output(large, sorted.side_output<Order>("large"));
                                   return sorted;
                                 }};
    t.in({1, 5}, at(1s)).in({2, 0}, at(2s)).in({3, 500}, at(3s)).in({4, -7}, at(4s));
    const auto got = t.take_out(refusals);
    ASSERT_EQ(got.size(), 2u);
    t.expect_out({{1, 5}, {3, 500}}, in_any_order);
    if (way.parallelism <= 1 && way.parallelism_of_restores.empty()) {
      EXPECT_EQ(got[0].at, at(2s));
      EXPECT_EQ(got[1].value.reason, "an amount of -7, which is too little to be one");
    }
    const auto later = t.take_out(large);
    ASSERT_EQ(later.size(), 1u);
    EXPECT_EQ(later[0].at, at(1h));
    t.end().expect_out({});
  });
}

struct Payment {
  std::int64_t order = 0;
  std::int64_t amount = 0;
};
struct Settled {
  std::int64_t order = 0;
  std::string state;
};

/// An order is paid, or overdue an hour behind it; a payment that comes too early waits.
class Settlement final : public KeyedCoProcess<std::int64_t, Order, Payment, Settled> {
 public:
  explicit Settlement(Declare& declare) : open_{declare, "open"}, early_{declare, "early"}, strange_{declare, "strange"} {}

  void process_first(const Order& order, Context& ctx, Out<Settled>& out) override {
    if (early_.find() != nullptr) {
      early_.clear();
      return out.emit({ctx.key(), "paid before"});
    }
    open_.set(order.amount);
    ctx.timers().at(ctx.timestamp() + 1h);
  }
  void process_second(const Payment& payment, Context& ctx, Out<Settled>& out) override {
    const std::int64_t* amount = open_.find();
    if (amount == nullptr) return early_.set(payment.amount);
    if (payment.amount != *amount) return strange_.emit(payment);
    out.emit({ctx.key(), "paid"});
    open_.clear();
  }
  void on_timer(Timestamp, Context& ctx, Out<Settled>& out) override {
    if (open_.find() != nullptr) out.emit({ctx.key(), "overdue"});
    open_.clear();
  }

 private:
  ValueState<std::int64_t> open_;
  ValueState<std::int64_t> early_;
  SideOut<Payment> strange_;
};

TEST(KitConnect, BothStreamsShareStateTimersAndTheLowerWatermark) {
  in_every_way([](const TestOptions& way) {
    const TestInput<Payment> payments{"payments"};
    const TestOutput<Payment> strange{"strange"};
    PipelineTest<Order, Settled> t{way, [&](Stream<Order> orders, TestPorts& ports) {
                                     const auto settled = orders.key_by(&Order::id)
                                                              .connect(ports.input(payments).key_by(&Payment::order))
                                                              .process<Settlement>()
                                                              .uid("settlement");
                                     ports.output(strange, settled.side_output<Payment>("strange"));
                                     return settled;
                                   }};
    t.in({1, 10}, at(1s)).in({2, 20}, at(2s)).in({3, 30}, at(3s)).expect_out({});
    t.in(payments, {1, 10}, at(4s)).expect_out({{1, "paid"}});
    t.in(payments, {2, 19}, at(5s)).expect_out(strange, {{2, 19}});
    t.in(payments, {4, 40}, at(6s)).expect_out({});
    t.in({4, 40}, at(7s)).expect_out({{4, "paid before"}});
    t.watermark(at(1h + 2s)).expect_out({{2, "overdue"}});
    t.in(payments, {3, 30}, at(1h + 3s)).expect_out({{3, "paid"}});
    t.end().expect_out({});
  });
}

struct Name {
  std::string_view key;
  std::string_view text;
};
/// The texts of both streams under one text key.
class Gather final : public KeyedCoProcess<std::string_view, Name, Name, std::string> {
 public:
  explicit Gather(Declare& declare) : names_{declare, "names"} {}
  void process_first(const Name& name, Context& ctx, Out<std::string>& out) override { add("1", name, ctx, out); }
  void process_second(const Name& name, Context& ctx, Out<std::string>& out) override { add("2", name, ctx, out); }

 private:
  void add(const char* from, const Name& name, Context& ctx, Out<std::string>& out) {
    names_.add(from + std::string{name.text});
    if (names_.get().size() < 2) return;
    out.emit(std::string{ctx.key()} + names_.get()[0] + names_.get()[1]);
    names_.clear();
  }
  ListState<std::string> names_;
};

TEST(KitConnect, TextKeysAndKeyFunctionsOfTheirOwn) {
  in_every_way([](const TestOptions& way) {
    const TestInput<Name> seconds{"seconds"};
    PipelineTest<Name, std::string> t{way, [&](Stream<Name> firsts, TestPorts& ports) {
                                        const auto short_key = [](const Name& name) { return name.key.substr(0, 1); };
                                        return firsts.key_by(&Name::key).connect(ports.input(seconds).key_by(short_key)).process<Gather>().uid("gather");
                                      }};
    t.in({"a", "a text that is too long for any small string"}).in(seconds, {"ab", "x"});
    t.expect_out({"a1a text that is too long for any small string2x"});
    t.in(seconds, {"bc", "y"}).in({"b", "z"}).expect_out({"b2y1z"});
    t.end().expect_out({});
  });
}

/// Throws at 13.
class Thrower final : public KeyedCoProcess<std::int64_t, Order, Payment, Settled> {
 public:
  explicit Thrower(Declare&) {}
  void process_first(const Order&, Context&, Out<Settled>&) override {}
  void process_second(const Payment& payment, Context&, Out<Settled>&) override {
    if (payment.amount == 13) throw std::runtime_error{"unlucky"};
  }
};

TEST(KitConnect, AFailureNamesTheRecordOfItsOwnStream) {
  const TestInput<Payment> payments{"payments"};
  PipelineTest<Order, Settled> t{TestOptions{}, [&](Stream<Order> orders, TestPorts& ports) {
                                   return orders.key_by(&Order::id).connect(ports.input(payments).key_by(&Payment::order)).process<Thrower>().uid("thrower");
                                 }};
  t.in({1, 13}, at(1s)).in(payments, {5, 1}, at(1s));
  t.expect_failure(R"(record 2 (event time 1970-01-01 00:00:02.000, {"order":5,"amount":13}))", [&] { t.in(payments, {5, 13}, at(2s)).end(); });
}

/// Holds everything back to the end.
class HoldBack final : public Process<Order, std::int64_t> {
 public:
  explicit HoldBack(Declare& declare) : held_back_{declare, "held-back"} {}
  void process(const Order& order, Context&, Out<std::int64_t>&) override { held_back_.add(order.amount); }
  void end_of_input(Out<std::int64_t>& out) override {
    for (const std::int64_t each : held_back_.get()) out.emit(each);
    held_back_.clear();
  }

 private:
  SplitListState<std::int64_t> held_back_;
};

TEST(KitProcess, TheEndOfInputIsTheLastChanceToEmit) {
  in_every_way([](const TestOptions& way) {
    OperatorTest<HoldBack> t{way};
    t.in({1, 1}).in({2, 2}).in({3, 4}).expect_out({});
    t.end().expect_out({1, 2, 4}, in_any_order);
  });
}

struct Switch {
  bool open = false;
};
/// Lets orders pass while it is open; what comes while it is closed waits.
class Gate final : public CoProcess<Order, Switch, Order> {
 public:
  explicit Gate(Declare& declare) : is_open_{declare, "is-open"}, waiting_{declare, "waiting"}, stopped_{declare, "stopped"} {}
  void process_first(const Order& order, Context& ctx, Out<Order>& out) override {
    if (order.amount == 13) throw std::runtime_error{"not today"};
    if (!is_open_.get().empty()) return out.emit({order.id, ctx.timestamp().ms()});
    waiting_.add(order.id);
    stopped_.emit(order);
  }
  void process_second(const Switch& state, Context& ctx, Out<Order>& out) override {
    is_open_.clear();
    if (state.open) is_open_.add(1);
    if (state.open) let_through(ctx.timestamp().ms(), out);
  }
  void end_of_input(Out<Order>& out) override { let_through(-1, out); }

 private:
  void let_through(std::int64_t amount, Out<Order>& out) {
    for (const std::int64_t id : waiting_.get()) out.emit({id, amount});
    waiting_.clear();
  }
  UnionListState<std::int64_t> is_open_;
  SplitListState<std::int64_t> waiting_;
  SideOut<Order> stopped_;
};

TEST(KitCoProcess, BothStreamsShareOperatorStateInEveryWay) {
  in_every_way([](const TestOptions& way) {
    const TestInput<Switch> switches{"switches"};
    const TestOutput<Order> stopped{"stopped"};
    PipelineTest<Order, Order> t{way, [&](Stream<Order> orders, TestPorts& ports) {
                                   const auto passed = orders.connect(ports.input(switches)).process<Gate>().uid("gate").parallelism(1);
                                   ports.output(stopped, passed.side_output<Order>("stopped"));
                                   return passed;
                                 }};
    t.in({1, 0}, at(1s)).in({2, 0}, at(2s)).expect_out({});
    t.expect_out(stopped, {{1, 0}, {2, 0}});
    t.in(switches, {true}, at(3s)).expect_out({{1, 3000}, {2, 3000}});
    t.in({3, 0}, at(4s)).expect_out({{3, 4000}});
    t.in(switches, {false}, at(5s)).in({4, 0}, at(6s)).expect_out({});
    t.end().expect_out({{4, -1}});
  });
}

TEST(KitCoProcess, WhatItThrowsNamesOperatorAndRecord) {
  const TestInput<Switch> switches{"switches"};
  PipelineTest<Order, Order> t{TestOptions{}, [&](Stream<Order> orders, TestPorts& ports) {
                                 return orders.connect(ports.input(switches)).process<Gate>().uid("gate");
                               }};
  t.in({1, 1}, at(1s));
  t.expect_failure(R"(operator 'co-process' (uid gate), subtask 0, record 2 (event time 1970-01-01 00:00:02.000, {"id":2,"amount":13}): not today)",
                   [&] { t.in({2, 13}, at(2s)).end(); });
}

std::string complaint_of(void (*build)(Job&)) {
  const char* const arguments[] = {"job"};
  Job job{"job", 1, arguments};
  build(job);
  try {
    job.run_or_throw();
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}
Stream<Order> orders_of(Job& job) {
  return job.from(generate<Order>(1, [](std::uint64_t) { return Order{}; })).uid("orders");
}

struct TwoOfOneName final : Process<Order, Order> {
  explicit TwoOfOneName(Declare& declare) : a{declare, "same"}, b{declare, "same"} {}
  void process(const Order&, Context&, Out<Order>&) override {}
  SideOut<Order> a, b;
};

TEST(KitSideOutput, FaultsAreSaidWhenTheJobIsBuilt) {
  EXPECT_NE(complaint_of([](Job& job) { orders_of(job).process<Sorter>().side_output<Refusal>("refusals").to(discard()); })
                .find("there is no side output 'refusals', only 'refused', 'large'"),
            std::string::npos);
  EXPECT_NE(complaint_of([](Job& job) { orders_of(job).process<Sorter>().side_output<Order>("refused").to(discard()); }).find("records of another type"),
            std::string::npos);
  EXPECT_NE(complaint_of([](Job& job) { orders_of(job).process<TwoOfOneName>().to(discard()); }).find("two side outputs 'same'"), std::string::npos);
}

}  // namespace
}  // namespace tidemark

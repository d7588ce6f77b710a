// The code of docs/streams-together.md, word for word but for the blanks at the beginning of lines.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <span>
#include <string>
#include <vector>

#include "page_code.h"
#include "tidemark/testing.h"

namespace tidemark {
namespace {

using namespace std::chrono_literals;

struct Order {
  std::int64_t id = 0;
  std::int64_t amount = 0;
};
struct Payment {
  std::int64_t order = 0;
  std::int64_t amount = 0;
};
struct Paid {
  std::int64_t order = 0;
  std::int64_t amount = 0;
};

class Sorter : public Process<Order, Order> {
 public:
  explicit Sorter(Declare& declare) : refused_{declare, "refused"} {}
  void process(const Order& order, Context&, Out<Order>& out) override {
    if (order.amount > 0) {
      out.emit(order);
    } else {
      refused_.emit(order);
    }
  }

 private:
  SideOut<Order> refused_;
};

class Settlement : public KeyedCoProcess<std::int64_t, Order, Payment, std::string> {
 public:
  explicit Settlement(Declare& declare) : paid_{declare, "paid"}, due_{declare, "due"} {}
  void process_first(const Order& order, Context& ctx, Out<std::string>&) override {
    due_.set(order.amount);
    ctx.timers().at(ctx.timestamp() + 1h);
  }
  void process_second(const Payment& payment, Context&, Out<std::string>&) override {
    paid_.mutate([&](std::int64_t& paid) { paid += payment.amount; });
  }
  void on_timer(Timestamp, Context& ctx, Out<std::string>& out) override {
    out.emit("order " + std::to_string(ctx.key()) + (paid_.get() >= due_.get() ? " is paid" : " is overdue"));
    paid_.clear();
    due_.clear();
  }

 private:
  ValueState<std::int64_t> paid_;
  ValueState<std::int64_t> due_;
};

struct Command {
  std::int64_t id = 0;
};

class Gate : public CoProcess<Order, Command, Order> {
 public:
  explicit Gate(Declare& declare) : waiting_{declare, "waiting"}, open_{declare, "open"} {}
  void process_first(const Order& order, Context&, Out<Order>& out) override {
    if (open_.get().empty()) {
      waiting_.add(order);
    } else {
      out.emit(order);
    }
  }
  void process_second(const Command&, Context&, Out<Order>& out) override {
    open_.set({1});
    for (const Order& order : waiting_.get()) out.emit(order);
    waiting_.clear();
  }

 private:
  SplitListState<Order> waiting_;
  UnionListState<std::int64_t> open_;
};

TEST(StreamsTogetherPage, SideOutputs) {
  const TestOutput<Order> refusals{"refusals"};
  PipelineTest<Order, Order> t{TestOptions{}, [&](Stream<Order> orders, TestPorts& ports) {
const auto sorted = orders.process<Sorter>();
const Stream<Order> refused = sorted.side_output<Order>("refused");
                                 ports.output(refusals, refused);
                                 return sorted;
                               }};
  t.in({1, 5}).in({2, 0}).expect_out({{1, 5}});
  t.expect_out(refusals, {{2, 0}});
}

TEST(StreamsTogetherPage, Connect) {
  const TestInput<Payment> paid{"payments"};
  PipelineTest<Order, std::string> t{TestOptions{}, [&](Stream<Order> orders, TestPorts& ports) {
                                       const auto payments = ports.input(paid);
                                       return
orders.key_by(&Order::id).connect(payments.key_by(&Payment::order)).process<Settlement>().uid("settlement")
                                       ;
                                     }};
  t.in(paid, {1, 5}, at(1s)).in({1, 9}, at(2s)).in({2, 1}, at(3s)).in(paid, {1, 4}, at(4s));
  t.end().expect_out({"order 1 is paid", "order 2 is overdue"});
}

TEST(StreamsTogetherPage, Joins) {
  const TestInput<Payment> paid{"payments"};
  PipelineTest<Order, Paid> t{TestOptions{}, [&](Stream<Order> orders, TestPorts& ports) {
                                const auto payments = ports.input(paid);
                                return
orders.key_by(&Order::id)
    .join(payments.key_by(&Payment::order))
    .between(-5min, 1h)
    .inner([](const Order& order, const Payment& payment) { return Paid{order.id, payment.amount}; })
    .uid("paid")
                                ;
                              }};
  t.in({1, 9}, at(1h)).in(paid, {1, 9}, at(2h)).in(paid, {1, 8}, at(50min)).expect_out({{1, 9}});
}

TEST(StreamsTogetherPage, LateRecordsOfAJoin) {
  const TestInput<Payment> made{"payments"};
  const TestOutput<Order> late{"late"};
  PipelineTest<Order, Paid> t{TestOptions{}, [&](Stream<Order> orders, TestPorts& ports) {
                                const auto payments = ports.input(made);
const SideOutput<Order> late_orders{"late orders"};
const SideOutput<Payment> late_payments{"late payments"};
const auto paid = orders.key_by(&Order::id)
                      .join(payments.key_by(&Payment::order))
                      .between(-5min, 1h)
                      .late_to(late_orders, late_payments)
                      .inner([](const Order& order, const Payment& payment) { return Paid{order.id, payment.amount}; })
                      .uid("paid");
const Stream<Order> too_late = paid.side_output(late_orders);
                                ports.output(late, too_late);
                                return paid;
                              }};
  t.watermark(at(1h)).in({1, 9}, at(1h)).in({2, 9}, at(2h)).in(made, {2, 9}, at(2h)).expect_out({{2, 9}});
  t.expect_out(late, {{1, 9}});
}

TEST(StreamsTogetherPage, OneRecordAKey) {
  const TestInput<Order> made{"orders"};
  PipelineTest<Payment, Paid> t{TestOptions{}, [&](Stream<Payment> payments, TestPorts& ports) {
                                  const auto orders = ports.input(made);
                                  return
payments.key_by(&Payment::order)
    .join(orders.key_by(&Order::id))
    .unbounded()
    .many_to_one()
    .inner([](const Payment& payment, const Order& order) { return Paid{order.id, payment.amount}; })
    .uid("paid")
                                  ;
                                }};
  t.in({1, 4}).in(made, {1, 9}).in({1, 5}).expect_out({{1, 4}, {1, 5}});
}

TEST(StreamsTogetherPage, Tables) {
  using Large = Change<Keyed<bool, std::int64_t>>;
  PipelineTest<Payment, Large> t{TestOptions{}, [](Stream<Payment> payments) {
const Stream<Change<Keyed<std::int64_t, std::int64_t>>> totals =
    payments.key_by(&Payment::order).aggregate(sum(&Payment::amount)).uid("totals");
                                   return
totals.key_by(of_row([](const auto& total) { return total.value >= 100; }))
    .aggregate(count())
    .uid("how-many-are-large")
                                   ;
                                 }};
  t.in({1, 60}).in({1, 60}).expect_out({{ChangeKind::kInsert, {false, 1}}, {ChangeKind::kDelete, {false, 1}}, {ChangeKind::kInsert, {true, 1}}});
}

TEST(StreamsTogetherPage, ConnectWithoutKeys) {
  const TestInput<Command> given{"commands"};
  PipelineTest<Order, Order> t{TestOptions{}, [&](Stream<Order> orders, TestPorts& ports) {
                                 const auto commands = ports.input(given);
                                 return
orders.connect(commands).process<Gate>().uid("gate").parallelism(1)
                                 ;
                               }};
  t.in({1, 5}).expect_out({});
  t.in(given, {}).in({2, 6}).expect_out({{1, 5}, {2, 6}});
}

TEST(StreamsTogetherPage, CoGroups) {
  const TestInput<Payment> given{"payments"};
  PipelineTest<Order, Paid> t{TestOptions{}, [&](Stream<Order> orders, TestPorts& ports) {
                                const auto payments = ports.input(given);
                                return
orders.key_by(&Order::id)
    .co_group(payments.key_by(&Payment::order))
    .window(tumbling(1h))
    .apply([](std::span<const Order> ordered, std::span<const Payment> paid, Out<Paid>& out) {
      Paid balance;
      for (const Order& order : ordered) balance = {order.id, balance.amount - order.amount};
      for (const Payment& payment : paid) balance = {payment.order, balance.amount + payment.amount};
      out.emit(balance);
    })
    .uid("balances")
                                ;
                              }};
  t.in({1, 9}, at(1min)).in(given, {1, 4}, at(2min)).in(given, {2, 7}, at(3min)).watermark(at(1h)).expect_out({{1, -5}, {2, 7}}, in_any_order);
}

TEST(StreamsTogetherPage, ItsCodeIsThatOfThisTest) {
  const std::string code = without_margins(slurp(TIDEMARK_SOURCE_DIR "/tests/pipelines/streams_together_page_test.cc"));
  const std::vector<std::string> snippets = blocks(slurp(TIDEMARK_SOURCE_DIR "/docs/streams-together.md"), "cpp");
  EXPECT_GE(snippets.size(), 8u);
  for (const std::string& snippet : snippets) EXPECT_THAT(code, ::testing::HasSubstr(without_margins(snippet)));
}

}  // namespace
}  // namespace tidemark

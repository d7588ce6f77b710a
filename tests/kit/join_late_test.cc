// Joins and co-groups, under the operator test kit: records that are late, of either stream.
#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <span>
#include <string>
#include <vector>

#include "tidemark/testing.h"

namespace tidemark {
namespace {

using namespace std::chrono_literals;

struct Order {
  std::int64_t key = 0;
  std::int64_t id = 0;
};
struct Payment {
  std::int64_t key = 0;
  std::string text;
};
struct Paid {
  std::int64_t id = 0;  ///< 0: there is none
  std::string text;     ///< empty: there is none
  friend auto operator<=>(const Paid&, const Paid&) = default;
};
Paid paid_of(const Order* order, const Payment* payment) {
  return {order != nullptr ? order->id : 0, payment != nullptr ? payment->text : ""};
}

const SideOutput<Order> kLateOrders{"late orders"};
const SideOutput<Payment> kLatePayments{"late payments"};

/// A join of orders and payments whose late records are read.
class LateJoin {
 public:
  /// build(keyed orders, keyed payments) -> Stream<Paid>, with late_to(kLateOrders, kLatePayments).
  template <class Build>
  LateJoin(const TestOptions& way, const Build& build)
      : test{way, [&](Stream<Order> orders, TestPorts& ports) {
               const Stream<Paid> rows = build(orders.key_by(&Order::key), ports.input(payments).key_by(&Payment::key));
               ports.output(late_orders, rows.side_output(kLateOrders));
               ports.output(late_payments, rows.side_output(kLatePayments));
               return rows;
             }} {}

  LateJoin& order(Order order, Timestamp time) {
    test.in(order, time);
    return *this;
  }
  LateJoin& payment(Payment payment, Timestamp time) {
    test.in(payments, payment, time);
    return *this;
  }
  void expect(const std::vector<Paid>& rows, const std::vector<Order>& orders, const std::vector<Payment>& of_payments) {
    test.expect_out(rows, in_any_order);
    test.expect_out(late_orders, orders);
    test.expect_out(late_payments, of_payments);
  }

  TestInput<Payment> payments{"payments"};
  TestOutput<Order> late_orders{"late orders"};
  TestOutput<Payment> late_payments{"late payments"};
  PipelineTest<Order, Paid> test;
};

const auto kPair = [](const Order& order, const Payment& payment) { return paid_of(&order, &payment); };

TEST(KitJoinLate, BetweenHandsOutTheLateRecordsOfEitherStreamAndJoinsNoneOfThem) {
  in_every_way([](const TestOptions& way) {
    LateJoin t{way, [](auto orders, auto payments) {
                 return orders.join(payments).between(-10s, 10s).late_to(kLateOrders, kLatePayments).inner(kPair).uid("join");
               }};
    t.order({1, 1}, at(10s)).payment({1, "a"}, at(12s)).expect({{1, "a"}}, {}, {});
    t.test.watermark(at(11s));
    t.order({1, 2}, at(11s)).payment({1, "b"}, at(11s)).expect({}, {{1, 2}}, {{1, "b"}});
    t.order({1, 3}, at(11s) + 1ms).payment({1, "c"}, at(11s) + 1ms).expect({{3, "a"}, {1, "c"}, {3, "c"}}, {}, {});
    const auto late = [&] {
      t.test.watermark(at(20s)).in({1, 4}, at(3s));
      return t.test.take_out(t.late_orders);
    }();
    ASSERT_EQ(late.size(), 1u);
    EXPECT_EQ(late[0].at, at(3s)) << "with its own event time";
    t.test.end();
    t.expect({}, {}, {});
  });
}

TEST(KitJoinLate, AsOfHandsOutLateRecordsAndVersionsThatNoRecordCanMeet) {
  in_every_way([](const TestOptions& way) {
    LateJoin t{way, [](auto orders, auto versions) {
                 return orders.join(versions).as_of().late_to(kLateOrders, kLatePayments).inner(kPair).uid("join");
               }};
    t.payment({1, "from 5"}, at(5s)).payment({1, "from 8"}, at(8s)).order({1, 1}, at(9s));
    t.test.watermark(at(10s));
    t.expect({{1, "from 8"}}, {}, {});
    t.order({1, 2}, at(10s)).payment({1, "from 6"}, at(6s)).expect({}, {{1, 2}}, {{1, "from 6"}});
    t.payment({1, "from 9"}, at(9s)).order({1, 3}, at(12s));  // late, but newer than what is kept
    t.test.end();
    t.expect({{3, "from 9"}}, {}, {});
  });
}

TEST(KitJoinLate, WindowGivesItsRowsAgainForWhatIsLateAndAllowedToBe) {
  in_every_way([](const TestOptions& way) {
    LateJoin t{way, [](auto orders, auto payments) {
                 return orders.join(payments)
                     .window(tumbling(10s))
                     .allowed_lateness(5s)
                     .late_to(kLateOrders, kLatePayments)
                     .inner(kPair)
                     .uid("join");
               }};
    t.order({1, 1}, at(1s)).payment({1, "a"}, at(2s));
    t.test.watermark(at(10s));
    t.expect({{1, "a"}}, {}, {});
    t.order({1, 2}, at(3s)).expect({{1, "a"}, {2, "a"}}, {}, {});
    t.test.watermark(at(14s) + 999ms);
    t.order({1, 3}, at(4s)).payment({1, "b"}, at(9s)).expect({}, {{1, 3}}, {{1, "b"}});
    t.test.end();
    t.expect({}, {}, {});
  });
}

TEST(KitJoinLate, CoGroupHandsOutTheLateRecordsOfEitherStream) {
  in_every_way([](const TestOptions& way) {
    LateJoin t{way, [](auto orders, auto payments) {
                 return orders.co_group(payments)
                     .window(session(10s))
                     .late_to(kLateOrders, kLatePayments)
                     .apply([](std::span<const Order> some, std::span<const Payment> others, Out<Paid>& out) {
                       out.emit({static_cast<std::int64_t>(some.size()), std::to_string(others.size())});
                     })
                     .uid("groups");
               }};
    t.order({1, 1}, at(1s)).payment({1, "a"}, at(2s)).order({2, 1}, at(1s));
    t.test.watermark(at(20s));
    t.expect({{1, "1"}, {1, "0"}}, {}, {});
    t.order({1, 2}, at(3s)).payment({1, "b"}, at(10s)).expect({}, {{1, 2}}, {{1, "b"}});
    t.test.end();
    t.expect({}, {}, {});
  });
}

TEST(KitJoinLate, RecordsWithoutATimeForAWindowAreHandedOutAndOtherwiseFailTheJob) {
  in_every_way([](const TestOptions& way) {
    const auto joined = [](auto orders, auto payments) { return orders.join(payments).window(tumbling(10s)); };
    LateJoin t{way, [&](auto orders, auto payments) {
                 return joined(orders, payments).late_to(kLateOrders, kLatePayments).inner(kPair).uid("join");
               }};
    t.order({1, 1}, Timestamp::max() - 1ms).payment({1, "a"}, Timestamp::min()).expect({}, {{1, 1}}, {{1, "a"}});
    const TestInput<Payment> payments{"payments"};
    PipelineTest<Order, Paid> fails{way, [&](Stream<Order> orders, TestPorts& ports) {
                                      const auto keyed_payments = ports.input(payments).key_by(&Payment::key);
                                      return joined(orders.key_by(&Order::key), keyed_payments).inner(kPair).uid("join");
                                    }};
    fails.expect_failure("take them out with late_to(...) or filter(...)", [&] { fails.in({1, 1}, Timestamp::max() - 1ms); });
  });
}

TEST(KitJoinLate, OneLateOutputMayBeReadAndTheOtherNot) {
  in_every_way([](const TestOptions& way) {
    const TestInput<Payment> payments{"payments"};
    const TestOutput<Payment> late{"late"};
    PipelineTest<Order, Paid> t{way, [&](Stream<Order> orders, TestPorts& ports) {
                                  const auto rows = orders.key_by(&Order::key)
                                                        .join(ports.input(payments).key_by(&Payment::key))
                                                        .between(-1s, 1s)
                                                        .late_to(kLateOrders, kLatePayments)
                                                        .inner(kPair)
                                                        .uid("join");
                                  ports.output(late, rows.side_output(kLatePayments));
                                  return rows;
                                }};
    t.watermark(at(20s)).in({1, 1}, at(5s)).in(payments, {1, "a"}, at(5s)).expect_out({});
    t.expect_out(late, {{1, "a"}});
  });
}

std::string complaint_of_late_outputs(const char* first, const char* second) {
  const char* const arguments[] = {"job"};
  Job job{"job", 1, arguments};
  const auto orders = job.from(generate<Order>(1, [](std::uint64_t) { return Order{}; })).uid("orders").key_by(&Order::key);
  const auto joined = orders.join(orders).between(0s, 1s).late_to(first, second);
  joined.inner([](const Order& a, const Order&) { return a; }).uid("join").to(discard());
  try {
    job.run_or_throw();
  } catch (const Error& error) {
    return error.what();
  }
  return "none";
}

TEST(KitJoinLate, BothLateOutputsNeedNamesOfTheirOwn) {
  EXPECT_NE(complaint_of_late_outputs("late", "late").find("two side outputs 'late'"), std::string::npos);
  EXPECT_NE(complaint_of_late_outputs("late", "").find("a side output needs a name"), std::string::npos);
}

template <class T>
struct Came {
  T record;
  Timestamp time;
};

/// What late_to() promises, against brute force: who is late is in no row and is handed out, once; all others are in every row
/// that they can be in. A record is late if is_late(its time, the watermark).
template <class Build, class IsLate, class Meets>
void check_against_brute_force(unsigned seed, const Build& build, const IsLate& is_late, const Meets& meets) {
  std::mt19937 random{seed};
  const auto below = [&](std::uint32_t n) { return static_cast<std::int64_t>(random() % n); };
  const std::vector<TestOptions> ways = every_way();
  const TestOptions way = ways[random() % ways.size()];
  SCOPED_TRACE(way.name + ", seed " + std::to_string(seed));
  LateJoin t{way, build};
  std::vector<Came<Order>> orders, late_orders;
  std::vector<Came<Payment>> payments, late_payments;
  Timestamp watermark = Timestamp::min();
  for (int i = 1; i <= 60; ++i) {
    const std::int64_t key = below(2);
    const Timestamp time = at(Duration{i * 500 + below(18'000) - 12'000});
    if (below(6) == 0) {
      watermark = std::max(watermark, at(Duration{i * 500 - below(2000)}));
      t.test.watermark(watermark);
    } else if (below(2) == 0) {
      (is_late(time, watermark) ? late_orders : orders).push_back({{key, i}, time});
      t.order({key, i}, time);
    } else {
      (is_late(time, watermark) ? late_payments : payments).push_back({{key, "payment " + std::to_string(i)}, time});
      t.payment({key, "payment " + std::to_string(i)}, time);
    }
  }
  t.test.end();
  std::vector<Paid> expected, got;
  for (const auto& order : orders) {
    for (const auto& payment : payments) {
      if (order.record.key != payment.record.key || !meets(order.time, payment.time)) continue;
      expected.push_back(paid_of(&order.record, &payment.record));
    }
  }
  for (const auto& row : t.test.take_out()) got.push_back(row.value);
  std::ranges::sort(expected);
  std::ranges::sort(got);
  EXPECT_EQ(got, expected);
  EXPECT_FALSE(late_orders.empty() || late_payments.empty()) << "the seed says nothing";
  const auto got_orders = t.test.take_out(t.late_orders);
  ASSERT_EQ(got_orders.size(), late_orders.size());
  for (const auto& late : late_orders) {
    const auto is_it = [&](const auto& each) { return each.value.id == late.record.id && each.at == late.time; };
    EXPECT_TRUE(std::ranges::any_of(got_orders, is_it)) << late.record.id;
  }
  const auto got_payments = t.test.take_out(t.late_payments);
  ASSERT_EQ(got_payments.size(), late_payments.size());
  for (const auto& late : late_payments) {
    const auto is_it = [&](const auto& each) { return each.value.text == late.record.text && each.at == late.time; };
    EXPECT_TRUE(std::ranges::any_of(got_payments, is_it)) << late.record.text;
  }
}

TEST(KitJoinLateProperty, Between) {
  for (unsigned seed = 0; seed < 6; ++seed) {
    check_against_brute_force(
        seed,
        [](auto orders, auto payments) {
          return orders.join(payments).between(-2s, 3s).late_to(kLateOrders, kLatePayments).inner(kPair).uid("join");
        },
        [](Timestamp time, Timestamp watermark) { return time <= watermark; },
        [](Timestamp order, Timestamp payment) { return payment >= order - 2s && payment <= order + 3s; });
  }
}

TEST(KitJoinLateProperty, Window) {
  const auto window_of = [](Timestamp t) { return (t.ms() + 100'000) / 5000; };
  for (unsigned seed = 20; seed < 26; ++seed) {
    check_against_brute_force(
        seed,
        [](auto orders, auto payments) {
          return orders.join(payments).window(tumbling(5s)).late_to(kLateOrders, kLatePayments).inner(kPair).uid("join");
        },
        [&](Timestamp time, Timestamp watermark) { return Timestamp{(window_of(time) + 1) * 5000 - 100'000 - 1} <= watermark; },
        [&](Timestamp order, Timestamp payment) { return window_of(order) == window_of(payment); });
  }
}

}  // namespace
}  // namespace tidemark

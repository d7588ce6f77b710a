// Async I/O and the look-up join, under the operator test kit.
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <optional>
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
  std::string_view customer;
};
struct Greeting {
  std::int64_t id = 0;
  std::string_view text;
};

/// The other system, whose answers the test gives by hand.
struct Desk {
  std::multimap<std::int64_t, AsyncResult<Greeting>> requests;  // those of attempts that are over, too

  void answer(std::int64_t id, const std::string& text) {
    for (auto [at, end] = requests.equal_range(id); at != end; ++at) at->second.complete({id, text});
    requests.erase(id);
  }
  void fail(std::int64_t id, const std::string& why) {
    for (auto [at, end] = requests.equal_range(id); at != end; ++at) at->second.fail(why);
    requests.erase(id);
  }
};

class Greet final : public AsyncFunction<Order, Greeting> {
 public:
  Greet(Declare&, std::shared_ptr<Desk> desk) : desk_{std::move(desk)} {}
  void request(const Order& order, AsyncResult<Greeting> result) override {
    if (order.customer == "forgotten") return;
    if (order.customer == "thrown at") throw std::runtime_error{"the line is cut"};
    desk_->requests.emplace(order.id, std::move(result));
  }

 private:
  std::shared_ptr<Desk> desk_;
};

/// Gives a row for what has no answer.
class GreetAnyway final : public AsyncFunction<Order, Greeting> {
 public:
  GreetAnyway(Declare&, std::shared_ptr<Desk> desk) : desk_{std::move(desk)} {}
  void request(const Order& order, AsyncResult<Greeting> result) override { desk_->requests.emplace(order.id, std::move(result)); }
  std::vector<Greeting> timed_out(const Order& order) override { return {{order.id, order.customer}}; }
  std::vector<Greeting> failed(const Order& order, const Error& error) override {
    if (std::string_view{error.what()} == "nobody there") return {};
    return {{order.id, "sorry"}, {order.id, error.what()}};
  }

 private:
  std::shared_ptr<Desk> desk_;
};

using ByHand = PipelineTest<Order, Greeting>;

/// So that the job looks at what has been answered.
template <class Test>
void look(Test& t, Duration now = 0s) {
  t.processing_time(at(now));
}

std::vector<std::int64_t> ids(const std::vector<Emitted<Greeting>>& rows) {
  std::vector<std::int64_t> result;
  for (const auto& row : rows) result.push_back(row.value.id);
  return result;
}

TEST(KitAsync, OrderedAnswersLeaveInTheOrderOfTheirRecordsWithTheirTimes) {
  const auto desk = std::make_shared<Desk>();
  ByHand t{TestOptions{}, [&](Stream<Order> orders) { return orders.async().process<Greet>(desk).uid("greet"); }};
  t.in({1, "ann"}, at(1s)).in({2, "bob"}, at(2s)).expect_out({});
  desk->answer(2, "hello bob, with a text that is somewhat longer");
  look(t);
  t.expect_out({});
  desk->answer(1, "hello ann");
  look(t);
  const auto rows = t.take_out();
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ(rows[0].value.text, "hello ann");
  EXPECT_EQ(rows[0].at, at(1s));
  EXPECT_EQ(rows[1].value.text, "hello bob, with a text that is somewhat longer");
  EXPECT_EQ(rows[1].at, at(2s));
  t.end().expect_out({});
}

TEST(KitAsync, UnorderedAnswersLeaveAtOnceButNotOverAWatermark) {
  const auto desk = std::make_shared<Desk>();
  ByHand t{TestOptions{}, [&](Stream<Order> orders) { return orders.async().unordered().process<Greet>(desk).uid("greet"); }};
  t.in({1, "ann"}, at(1s)).in({2, "bob"}, at(2s)).watermark(at(5s)).in({3, "eve"}, at(6s));
  desk->answer(3, "hello");
  desk->answer(2, "hello");
  look(t);
  EXPECT_EQ(ids(t.take_out()), (std::vector<std::int64_t>{2}));
  desk->answer(1, "hello");
  look(t);
  EXPECT_EQ(ids(t.take_out()), (std::vector<std::int64_t>{1, 3}));
}

TEST(KitAsync, AWindowBehindItWaitsForTheAnswersBeforeItsWatermark) {
  for (const bool ordered : {true, false}) {
    const auto desk = std::make_shared<Desk>();
    PipelineTest<Order, WindowedAll<std::int64_t>> t{TestOptions{}, [&](Stream<Order> orders) {
                                                       const auto async = orders.async();
                                                       return (ordered ? async.ordered() : async.unordered())
                                                           .process<Greet>(desk)
                                                           .uid("greet")
                                                           .window_all(tumbling(10s))
                                                           .aggregate(count())
                                                           .uid("count");
                                                     }};
    t.in({1, "ann"}, at(1s)).in({2, "bob"}, at(2s)).watermark(at(20s)).expect_out({});
    desk->answer(2, "hello");
    look(t);
    t.expect_out({});
    desk->answer(1, "hello");
    look(t);
    const auto rows = t.take_out();
    ASSERT_EQ(rows.size(), 1u);
    EXPECT_EQ(rows[0].value.value, 2);
    t.in({3, "eve"}, at(21s)).watermark(at(22s)).snapshot().restore().watermark(at(40s));
    t.expect_out({});
    desk->answer(3, "hello");
    look(t);
    EXPECT_EQ(t.take_out().size(), 1u) << "a record that was asked about again is not late";
  }
}

TEST(KitAsync, RequestsThatAreOutHoldUpNoSnapshotAndAreMadeAgainAtAnyParallelism) {
  const auto desk = std::make_shared<Desk>();
  ByHand t{TestOptions{.batch = 5}, [&](Stream<Order> orders) { return orders.async().unordered().capacity(2).process<Greet>(desk).uid("greet"); }};
  for (std::int64_t id = 1; id <= 5; ++id) t.in({id, "whoever"}, at(1s));
  EXPECT_EQ(desk->requests.size(), 2u) << "as many as may be out";
  t.snapshot();
  desk->answer(1, "lost with its attempt, and given again");
  t.restore({.parallelism = 3});
  EXPECT_TRUE(t.take_out().empty());
  t.restore({.parallelism = 1}).restore({.parallelism = 2});
  std::vector<std::int64_t> got;
  for (int turn = 0; turn < 5; ++turn) {
    for (std::int64_t id = 1; id <= 5; ++id) desk->answer(id, "hello");
    look(t);
    for (const std::int64_t id : ids(t.take_out())) got.push_back(id);
  }
  std::ranges::sort(got);
  EXPECT_EQ(got, (std::vector<std::int64_t>{1, 2, 3, 4, 5}));
  t.end().expect_out({});
}

TEST(KitAsync, ARecordWithoutAnAnswerInTimeFailsTheJobAndIsNamed) {
  const auto desk = std::make_shared<Desk>();
  ByHand t{TestOptions{}, [&](Stream<Order> orders) { return orders.async().timeout(5s).process<Greet>(desk).uid("greet"); }};
  t.in({1, "ann"}, at(1s)).in({2, "bob"}, at(2s));
  desk->answer(1, "hello");
  look(t, 4s);
  t.expect_out({{1, "hello"}});
  t.expect_failure("operator 'async' (uid greet), subtask 0, record 2 (event time 1970-01-01 00:00:02.000, {\"id\":2,\"customer\":\"bob\"}): no answer came in time",
                   [&] { look(t, 5s); });
}

TEST(KitAsync, TheFunctionSaysWhatGoesOutWithoutAnAnswer) {
  const auto desk = std::make_shared<Desk>();
  ByHand t{TestOptions{}, [&](Stream<Order> orders) { return orders.async().timeout(5s).process<GreetAnyway>(desk).uid("greet"); }};
  t.in({1, "ann"}).in({2, "bob"}).in({3, "eve"}).in({4, "joe"});
  desk->fail(2, "out of paper");
  desk->fail(3, "nobody there");
  look(t, 4s);
  t.expect_out({});
  look(t, 5s);
  t.expect_out({{1, "ann"}, {2, "sorry"}, {2, "out of paper"}, {4, "joe"}});
  desk->answer(1, "hello, but too late");
  look(t, 6s);
  t.end().expect_out({});
}

TEST(KitAsync, AFailedRequestIsMadeAgainWhereThatMayHelp) {
  const auto desk = std::make_shared<Desk>();
  ByHand t{TestOptions{}, [&](Stream<Order> orders) {
             return orders.async()
                 .retry(fixed_delay(3, 1s).when([](const Error& error) { return error.message() != "no such customer"; }))
                 .process<GreetAnyway>(desk)
                 .uid("greet");
           }};
  t.in({1, "ann"}).in({2, "bob"});
  desk->fail(1, "busy");
  desk->fail(2, "no such customer");
  look(t);
  EXPECT_TRUE(desk->requests.empty());
  look(t, 1s);
  EXPECT_EQ(desk->requests.size(), 1u);
  desk->fail(1, "busy");
  look(t, 1s);
  look(t, 2s);
  desk->answer(1, "hello");
  look(t, 2s);
  t.expect_out({{1, "hello"}, {2, "sorry"}, {2, "no such customer"}});
  t.in({3, "eve"});
  for (int attempt = 0; attempt < 3; ++attempt) {
    desk->fail(3, "busy");
    look(t, 3s + attempt * 1s);
    look(t, 4s + attempt * 1s);
  }
  t.expect_out({{3, "sorry"}, {3, "busy"}});
}

TEST(KitAsync, WhatARequestThrowsAndAnAnswerThatIsForgottenAreFailures) {
  for (const auto& [customer, text] : {std::pair{"thrown at", "the line is cut"}, std::pair{"forgotten", "destroyed without an answer"}}) {
    ByHand t{TestOptions{}, [&](Stream<Order> orders) { return orders.async().process<Greet>(std::make_shared<Desk>()).uid("greet"); }};
    t.expect_failure(text, [&] { t.in({1, customer}).snapshot(); });
  }
}

TEST(KitAsync, AnAnswerToAJobThatIsGoneGoesNowhere) {
  const auto desk = std::make_shared<Desk>();
  {
    ByHand t{TestOptions{}, [&](Stream<Order> orders) { return orders.async().process<Greet>(desk).uid("greet"); }};
    t.in({1, "ann"}).in({2, "bob"}).snapshot();
  }
  desk->answer(1, "hello");
  desk->requests.clear();
}

TEST(KitAsync, OptionsThatCanNotBeAreRefused) {
  const auto build = [](auto change) {
    ByHand t{TestOptions{}, [&](Stream<Order> orders) { return change(orders.async()).map_on_threads(1, [](const Order& o) { return Greeting{o.id, ""}; }).uid("greet"); }};
  };
  EXPECT_THROW(build([](auto async) { return async.capacity(0); }), Error);
  EXPECT_THROW(build([](auto async) { return async.timeout(-1s); }), Error);
  EXPECT_THROW(build([](auto async) { return async.retry(fixed_delay(0, 1s)); }), Error);
  EXPECT_THROW(build([](auto async) { return async.retry(exponential_backoff(3, 1s, 2s, 0.5)); }), Error);
  EXPECT_NO_THROW(build([](auto async) { return async.timeout(Duration::max()).retry(exponential_backoff(3, 1s, Duration::max())); }));
}

/// What calls on threads come to hangs on their records alone; which attempts fail does not.
struct Call {
  std::shared_ptr<int> calls = std::make_shared<int>(0);
  Greeting operator()(const Order& order) const {
    if (++*calls % 3 == 0) throw std::runtime_error{"busy"};
    text = "hello " + std::string{order.customer} + ", you are number " + std::to_string(order.id);
    return {order.id, text};
  }
  mutable std::string text;
};

TEST(KitAsync, CallsOnThreadsGiveTheSameInEveryWay) {
  in_every_way([](const TestOptions& way) {
    for (const bool ordered : {true, false}) {
      ByHand t{way, [&](Stream<Order> orders) {
                 const auto async = orders.async().capacity(ordered ? 3 : 100).retry(fixed_delay(9, 0s));
                 return (ordered ? async : async.unordered()).map_on_threads(2, Call{}).uid("greet");
               }};
      std::vector<Greeting> expected;
      std::vector<std::string> texts;
      texts.reserve(20);
      for (std::int64_t id = 1; id <= 20; ++id) {
        const std::string customer = "customer " + std::to_string(id);
        texts.push_back("hello " + customer + ", you are number " + std::to_string(id));
        expected.push_back({id, texts.back()});
        t.in({id, customer}, at(id * 1s));
        if (id % 7 == 0) t.watermark(at(id * 1s));
      }
      if (ordered) {
        t.expect_out(expected);
      } else {
        t.expect_out(expected, in_any_order);
      }
      t.end().expect_out({});
    }
  });
}

struct Customer {
  std::string_view name;
};
struct Named {
  std::int64_t id = 0;
  std::string name;
};

/// Counts what it is asked.
struct Customers {
  std::shared_ptr<std::vector<std::string>> asked = std::make_shared<std::vector<std::string>>();
  std::optional<Customer> operator()(std::string_view key) const {
    asked->emplace_back(key);
    if (key.starts_with("nobody")) return std::nullopt;
    return Customer{key};
  }
};

TEST(KitLookupJoin, InnerAndLeftGiveTheSameInEveryWay) {
  in_every_way([](const TestOptions& way) {
    const TestOutput<Named> left{"left"};
    PipelineTest<Order, Named> t{way, [&](Stream<Order> orders, TestPorts& ports) {
                                   const auto found = orders.lookup_join(&Order::customer).cache(2).from_threads(2, Customers{});
                                   ports.output(left, found.left([](const Order& o, const Customer* c) { return Named{o.id, c ? std::string{c->name} : "?"}; }).uid("left"));
                                   return found.inner([](const Order& o, const Customer& c) { return Named{o.id, std::string{c.name}}; }).uid("inner");
                                 }};
    t.in({1, "ann"}).in({2, "bob"}).in({3, "nobody"}).in({4, "ann"}).in({5, "nobody"}).in({6, "eve"}).in({7, "bob"});
    t.expect_out({{1, "ann"}, {2, "bob"}, {4, "ann"}, {6, "eve"}, {7, "bob"}});
    t.expect_out(left, {{1, "ann"}, {2, "bob"}, {3, "?"}, {4, "ann"}, {5, "?"}, {6, "eve"}, {7, "bob"}});
    t.end().expect_out({});
  });
}

TEST(KitLookupJoin, TheCacheKeepsWhatWasUsedLastForSoLongAndAbsenceToo) {
  const Customers customers;
  PipelineTest<Order, Named> t{TestOptions{}, [&](Stream<Order> orders) {
                                 return orders.lookup_join(&Order::customer)
                                     .cache(2, 10s)
                                     .from_threads(1, customers)
                                     .left([](const Order& o, const Customer*) { return Named{o.id, ""}; })
                                     .uid("left");
                               }};
  using Asked = std::vector<std::string>;
  t.in({1, "ann"}).in({2, "nobody"}).in({3, "ann"}).in({4, "nobody"}).in({5, "ann"}).snapshot();
  EXPECT_EQ(*customers.asked, (Asked{"ann", "nobody"}));
  t.in({6, "eve"}).in({7, "ann"}).in({8, "nobody"}).snapshot();
  EXPECT_EQ(*customers.asked, (Asked{"ann", "nobody", "eve", "nobody"})) << "the one that was used longest ago went";
  look(t, 9999ms);
  t.in({9, "ann"}).snapshot();
  EXPECT_EQ(customers.asked->size(), 4u);
  look(t, 10s);
  t.in({10, "ann"}).snapshot();
  EXPECT_EQ(customers.asked->size(), 5u) << "too old, though used lately";
  EXPECT_EQ(t.take_out().size(), 10u);
}

/// Gives several rows for a key, or a failure.
class Accounts final : public AsyncFunction<std::int64_t, std::string> {
 public:
  explicit Accounts(Declare&) {}
  void request(const std::int64_t& id, AsyncResult<std::string> result) override {
    if (id < 0) return result.fail("no such account");
    std::vector<std::string> rows;
    for (std::int64_t i = 0; i < id; ++i) rows.push_back(std::to_string(i));
    result.complete_with(std::move(rows));
  }
  std::vector<std::string> failed(const std::int64_t&, const Error& error) override { return {error.what()}; }
};

TEST(KitLookupJoin, AFunctionMayGiveSeveralRowsForAKey) {
  in_every_way([](const TestOptions& way) {
    PipelineTest<std::int64_t, Named> t{way, [](Stream<std::int64_t> ids) {
                                          return ids.lookup_join([](std::int64_t id) { return id; })
                                              .cache(10)
                                              .from<Accounts>()
                                              .left([](std::int64_t id, const std::string* row) { return Named{id, row != nullptr ? *row : "none"}; })
                                              .uid("accounts");
                                        }};
    t.in(2).in(0).in(-1).in(2);
    t.expect_out({{2, "0"}, {2, "1"}, {0, "none"}, {-1, "no such account"}, {2, "0"}, {2, "1"}});
    t.end().expect_out({});
  });
}

/// Is answered by hand, request by request.
class Clerk final : public AsyncFunction<std::int64_t, std::string> {
 public:
  using Requests = std::vector<AsyncResult<std::string>>;
  Clerk(Declare&, std::shared_ptr<Requests> requests) : requests_{std::move(requests)} {}
  void request(const std::int64_t&, AsyncResult<std::string> result) override { requests_->push_back(std::move(result)); }

 private:
  std::shared_ptr<Requests> requests_;
};

TEST(KitLookupJoin, ARequestThatIsToBeMadeAgainTakesWhatTheCacheHasByThenAndItsResultLeavesAtOnce) {
  const auto requests = std::make_shared<Clerk::Requests>();
  PipelineTest<std::int64_t, Named> t{TestOptions{}, [&](Stream<std::int64_t> ids) {
                                        return ids.lookup_join([](std::int64_t id) { return id; })
                                            .retry(fixed_delay(3, 1s))
                                            .cache(10)
                                            .from<Clerk>(requests)
                                            .inner([](std::int64_t id, const std::string& row) { return Named{id, row}; })
                                            .uid("clerk");
                                      }};
  t.in(7).in(7);
  ASSERT_EQ(requests->size(), 2u);
  requests->at(0).fail("busy");
  requests->at(1).complete("seven");
  look(t);
  t.expect_out({});
  look(t, 1s);
  EXPECT_EQ(requests->size(), 2u) << "the cache knew";
  t.expect_out({{7, "seven"}, {7, "seven"}});
  t.end().expect_out({});
}

}  // namespace
}  // namespace tidemark

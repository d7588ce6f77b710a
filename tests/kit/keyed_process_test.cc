// Functions with state and timers, under the operator test kit.
#include <gmock/gmock.h>

#include <functional>
#include <map>
#include <stdexcept>
#include <string>
#include <vector>

#include "tidemark/testing.h"

namespace tidemark {
namespace {

using namespace std::chrono_literals;

struct Payment {
  std::int64_t account = 0;
  double amount = 0;
};

struct Alert {
  std::int64_t account = 0;
  double amount = 0;
};

/// A large payment within a minute after a small one.
class FraudDetector final : public KeyedProcess<std::int64_t, Payment, Alert> {
 public:
  FraudDetector(Declare& declare, double large) : small_at_{declare, "small-at"}, large_{large} {}

  void process(const Payment& payment, Context& ctx, Out<Alert>& out) override {
    if (const Timestamp* small_at = small_at_.find()) {
      if (payment.amount > large_) out.emit({payment.account, payment.amount});
      ctx.timers().remove({*small_at + 1min});
      small_at_.clear();
    }
    if (payment.amount < 1) {
      small_at_.set(ctx.timestamp());
      ctx.timers().at(ctx.timestamp() + 1min);
    }
  }
  void on_timer(Timestamp, Context&, Out<Alert>&) override { small_at_.clear(); }

 private:
  ValueState<Timestamp> small_at_;
  double large_;
};

TEST(KitKeyedProcess, ValueStateAndTimers) {
  in_every_way([](const TestOptions& way) {
    OperatorTest<FraudDetector, &Payment::account> t{way, 500.0};
    t.in({1, 0.5}, at(10s)).in({2, 0.7}, at(12s)).in({1, 900}, at(20s));
    t.expect_out({{1, 900}});
    EXPECT_EQ(t.timers(), 1) << way.name;
    t.watermark(at(2min));
    EXPECT_EQ(t.timers(), 0) << way.name;
    t.in({2, 900}, at(3min)).expect_out({});
    t.end();
  });
}

struct Word {
  std::string_view speaker;
  std::string_view text;
};
struct Summary {
  std::string speaker;
  std::vector<std::string> words;
  std::map<std::string, std::int64_t> counts;
  friend bool operator==(const Summary&, const Summary&) = default;
};

/// Text keys, and a list and a map of text; gives all it knows at each full stop.
class Listener final : public KeyedProcess<std::string_view, Word, Summary> {
 public:
  explicit Listener(Declare& declare) : words_{declare, "words"}, counts_{declare, "counts"} {}

  void process(const Word& word, Context& ctx, Out<Summary>& out) override {
    if (word.text == ".") {
      out.emit({std::string{ctx.key()}, words_.get(), counts_.entries()});
      words_.clear();
      return;
    }
    if (word.text == "!") return counts_.clear();
    words_.add(std::string{word.text});
    counts_.mutate(std::string{word.text}, [](std::int64_t& count) { ++count; });
  }

 private:
  ListState<std::string> words_;
  MapState<std::string, std::int64_t> counts_;
};

TEST(KitKeyedProcess, ListAndMapStateUnderTextKeys) {
  in_every_way([](const TestOptions& way) {
    OperatorTest<Listener, &Word::speaker> t{way};
    t.in({"ada", "a rather long word, which no small string holds"}).in({"bob", "hello"}).in({"ada", "b"}).in({"ada", "b"});
    t.in({"ada", "."}).in({"bob", "."});
    t.expect_out({{"ada", {"a rather long word, which no small string holds", "b", "b"}, {{"a rather long word, which no small string holds", 1}, {"b", 2}}},
                  {"bob", {"hello"}, {{"hello", 1}}}});
    t.in({"ada", "b"}).in({"ada", "!"}).in({"ada", "."});
    t.expect_out({{"ada", {"b"}, {}}});
    t.end().expect_out({});
  });
}

/// Counts, and gives the count at each timer, which it sets again three times.
class Ticker final : public KeyedProcess<std::int64_t, Payment, Alert> {
 public:
  explicit Ticker(Declare& declare) : ticks_{declare, "ticks"} {}
  void process(const Payment&, Context& ctx, Out<Alert>&) override { ctx.timers().at(ctx.timestamp() + 10s); }
  void on_timer(Timestamp when, Context& ctx, Out<Alert>& out) override {
    ticks_.mutate([](std::int64_t& ticks) { ++ticks; });
    out.emit({ctx.key(), static_cast<double>(ticks_.get())});
    if (ticks_.get() < 3) ctx.timers().at(when + 10s);
  }

 private:
  ValueState<std::int64_t> ticks_;
};

TEST(KitKeyedProcess, TimersThatSetThemselvesAgain) {
  in_every_way([](const TestOptions& way) {
    OperatorTest<Ticker, &Payment::account> t{way};
    t.in({1, 0}, at(0s)).in({2, 0}, at(5s));
    t.watermark(at(10s)).expect_out({{1, 1}});
    t.watermark(at(25s)).expect_out({{1, 2}, {2, 1}, {2, 2}}, in_order_of(&Alert::account));
    t.watermark(at(1min)).expect_out({{1, 3}, {2, 3}}, in_any_order);
    EXPECT_EQ(t.timers(), 0) << way.name;
  });
}

TEST(KitKeyedProcess, ManyTimersOfManyKeysFireInOneWatermark) {
  in_every_way([](const TestOptions& way) {
    OperatorTest<Ticker, &Payment::account> t{way};
    std::vector<Alert> expected;
    for (std::int64_t key = 0; key < 40; ++key) {
      t.in({key, 0}, at(Duration{key}));
      for (const double tick : {1, 2, 3}) expected.push_back({key, tick});
    }
    t.watermark(at(5min)).expect_out(expected, in_order_of(&Alert::account));
  });
}

/// Speaks when nothing was heard of a key for a second on the wall clock.
class Silence final : public KeyedProcess<std::int64_t, Payment, Alert> {
 public:
  explicit Silence(Declare& declare) : timer_{declare, "timer"}, total_{declare, "total"} {}
  void process(const Payment& payment, Context& ctx, Out<Alert>&) override {
    if (const Timestamp* when = timer_.find()) ctx.timers().remove_processing_time({*when});
    timer_.set(ctx.timers().at_processing_time(ctx.processing_time() + 1s).at);
    total_.add(payment.amount);
  }
  void on_processing_timer(Timestamp, Context& ctx, Out<Alert>& out) override {
    out.emit({ctx.key(), total_.get()});
    timer_.clear();
    total_.clear();
  }

 private:
  ValueState<Timestamp> timer_;
  ReducingState<double, std::plus<>> total_;
};

TEST(KitKeyedProcess, TimersOfProcessingTimeAndReducingState) {
  in_every_way([](const TestOptions& way) {
    OperatorTest<Silence, &Payment::account> t{way};
    t.processing_time(at(1h)).in({1, 5}).in({2, 3});
    t.processing_time(at(1h) + 500ms).in({1, 1}).expect_out({});
    EXPECT_EQ(t.timers(), 2) << way.name;
    t.processing_time(at(1h) + 1s).expect_out({{2, 3}});
    t.processing_time(at(1h) + 1500ms).expect_out({{1, 6}});
    EXPECT_EQ(t.timers(), 0) << way.name;
    t.in({1, 9}).end().expect_out({});
  });
}

/// How many and how much, by aggregates.
class Ledger final : public KeyedProcess<std::int64_t, Payment, Alert> {
 public:
  explicit Ledger(Declare& declare) : count_{declare, "count"}, sum_{declare, "sum", sum(&Payment::amount)} {}
  void process(const Payment& payment, Context&, Out<Alert>& out) override {
    count_.add(payment);
    sum_.add(payment);
    out.emit({*count_.get(), *sum_.get()});
  }

 private:
  AggregatingState<Payment, detail::CountAggregate> count_;
  AggregatingState<Payment, detail::SumAggregate<Payment, double>> sum_;
};

TEST(KitKeyedProcess, AggregatingState) {
  in_every_way([](const TestOptions& way) {
    OperatorTest<Ledger, &Payment::account> t{way};
    t.in({1, 5}).in({2, 3}).in({1, 0.5}).expect_out({{1, 5}, {1, 3}, {2, 5.5}});
  });
}

class Refuser final : public KeyedProcess<std::int64_t, Payment, Alert> {
 public:
  explicit Refuser(Declare&) {}
  void process(const Payment& payment, Context&, Out<Alert>&) override {
    if (payment.amount < 0) throw std::invalid_argument{"a negative amount"};
  }
};

TEST(KitKeyedProcess, AFunctionThatThrowsFailsWithItsRecord) {
  in_every_way([](const TestOptions& way) {
    OperatorTest<Refuser, &Payment::account> t{way};
    t.in({1, 1});
    t.expect_failure("a negative amount", [&] { t.in({1, -5}); });
  });
}

}  // namespace
}  // namespace tidemark

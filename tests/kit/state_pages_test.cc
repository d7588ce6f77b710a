// The code of docs/using-state.md and docs/state-ttl.md, run.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "page_code.h"
#include "tidemark/testing.h"

namespace tidemark {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

struct Payment { std::int64_t card = 0; std::string shop; double amount = 0; Timestamp at; };
struct Limit { std::string shop; double most = 0; };
struct Note { std::int64_t card = 0; std::string text; };
struct Pair { Payment first, second; };
struct Numbered { std::int64_t number = 0; double amount = 0; };

Payment payment(std::int64_t card, double amount = 1, std::string shop = "corner") { return {card, std::move(shop), amount, {}}; }

// A card that was not used for an hour.
class Silence : public KeyedProcess<std::int64_t, Payment, Note> {
  ValueState<Timer> alarm_;
 public:
  explicit Silence(Declare& declare) : alarm_{declare, "alarm"} {}
  void process(const Payment&, Context& ctx, Out<Note>&) override {
    const Timestamp due = ctx.timestamp() + 1h;
    const Timer* old = alarm_.find();
    if (old != nullptr && old->at >= due) return;
    if (old != nullptr) ctx.timers().remove(*old);
    alarm_.set(ctx.timers().at(due));
  }
  void on_timer(Timestamp, Context& ctx, Out<Note>& out) override {
    out.emit({ctx.key(), "silent"});
    alarm_.clear();
  }
};

TEST(UsingState, AValueAndATimer) {
  in_every_way([](const TestOptions& way) {
    OperatorTest<Silence, &Payment::card> t{way};
    t.in(payment(1), at(0min)).in(payment(2), at(10min)).in(payment(1), at(30min)).watermark(at(65min));
    t.expect_out({});
    t.watermark(at(70min)).expect_out({{2, "silent"}});
    t.watermark(at(90min)).expect_out({{1, "silent"}});
    EXPECT_EQ(t.timers(), 0);
  });
}

// What was paid with a card in a minute of the clock, told when the minute is over.
class Minutes : public KeyedProcess<std::int64_t, Payment, Note> {
  ListState<double> amounts_;
 public:
  explicit Minutes(Declare& declare) : amounts_{declare, "amounts"} {}
  void process(const Payment& payment, Context& ctx, Out<Note>&) override {
    if (amounts_.get().empty()) ctx.timers().at_processing_time(ctx.processing_time() + 1min);
    amounts_.add(payment.amount);
  }
  void on_processing_timer(Timestamp now, Context& ctx, Out<Note>& out) override {
    out.emit(now, {ctx.key(), std::to_string(amounts_.get().size()) + " payments"});
    amounts_.clear();
  }
};

TEST(UsingState, AListAndATimerOfProcessingTime) {
  in_every_way([](const TestOptions& way) {
    OperatorTest<Minutes, &Payment::card> t{way};
    t.processing_time(at(1min)).in(payment(1)).in(payment(1)).processing_time(at(1min + 59s)).expect_out({});
    t.processing_time(at(2min)).expect_out({{1, "2 payments"}});
  });
}

struct Larger { double operator()(double a, double b) const { return a < b ? b : a; } };
class Unusual : public KeyedProcess<std::int64_t, Payment, Note> {
  MapState<std::string, double> spent_;
  ReducingState<double, Larger> highest_;
  AggregatingState<Payment, decltype(avg(&Payment::amount))> average_;
 public:
  explicit Unusual(Declare& declare)
      : spent_{declare, "spent"}, highest_{declare, "highest"}, average_{declare, "average", avg(&Payment::amount)} {}
  void process(const Payment& payment, Context& ctx, Out<Note>& out) override {
    if (spent_.find(payment.shop) == nullptr) out.emit({ctx.key(), "first time at " + payment.shop});
    if (payment.amount > highest_.get()) out.emit({ctx.key(), "the highest so far"});
    if (payment.amount > 10 * average_.get().value_or(payment.amount)) out.emit({ctx.key(), "far above the average"});
    spent_.mutate(payment.shop, [&](double& sum) { sum += payment.amount; });
    highest_.add(payment.amount);
    average_.add(payment);
  }
};

TEST(UsingState, AMapAndValuesThatAreFolded) {
  in_every_way([](const TestOptions& way) {
    OperatorTest<Unusual, &Payment::card> t{way};
    t.in(payment(1, 2)).expect_out({{1, "first time at corner"}, {1, "the highest so far"}});
    t.in(payment(1, 1)).expect_out({});
    t.in(payment(1, 20)).expect_out({{1, "the highest so far"}, {1, "far above the average"}});
    t.in(payment(1, 1, "mall")).expect_out({{1, "first time at mall"}});
  });
}

// Payments in pairs, of whatever cards.
class Pairs : public Process<Payment, Pair> {
  SplitListState<Payment> waiting_;
 public:
  explicit Pairs(Declare& declare) : waiting_{declare, "waiting"} {}
  // After a job was restored at a lower parallelism, more than one may wait.
  void process(const Payment& payment, Context&, Out<Pair>& out) override {
    if (waiting_.get().empty()) return waiting_.add(payment);
    out.emit({waiting_.get().back(), payment});
    waiting_.mutate([](std::vector<Payment>& waiting) { waiting.pop_back(); });
  }
};

TEST(UsingState, AListThatIsSplit) {
  OperatorTest<Pairs> t{TestOptions{.snapshot_between_records = true}};
  t.in(payment(1)).in(payment(2)).in(payment(3)).expect_out({{payment(1), payment(2)}});
  t.in(payment(4)).expect_out({{payment(3), payment(4)}});
}

// A number for each payment that no other has, whatever the parallelism was and is.
class Numbers : public Process<Payment, Numbered> {
  UnionListState<std::int64_t> next_;
  std::int64_t step_ = 1;
 public:
  explicit Numbers(Declare& declare) : next_{declare, "next"} {}
  void open(OpenContext& ctx) override {
    std::int64_t unused = 0;
    for (const std::int64_t next : next_.get()) unused = std::max(unused, next);  // of all subtasks
    next_.set({unused + ctx.subtask});
    step_ = ctx.parallelism;
  }
  void process(const Payment& payment, Context&, Out<Numbered>& out) override {
    out.emit({next_.get().front(), payment.amount});
    next_.mutate([&](std::vector<std::int64_t>& next) { next.front() += step_; });
  }
};

TEST(UsingState, AListThatAllSee) {
  OperatorTest<Numbers> t{TestOptions{.parallelism = 2}};
  const auto feed = [&t] {
    for (int i = 0; i < 5; ++i) t.in(payment(i));
  };
  feed();
  t.snapshot();
  t.restore({.parallelism = 3});
  feed();
  t.snapshot();
  t.restore({.parallelism = 1});
  feed();
  std::vector<std::int64_t> numbers;
  for (const auto& [numbered, time] : t.take_out()) numbers.push_back(numbered.number);
  std::ranges::sort(numbers);
  EXPECT_EQ(numbers.size(), 15u);
  EXPECT_TRUE(std::ranges::adjacent_find(numbers) == numbers.end());
}

class AboveLimit : public KeyedBroadcastProcess<std::int64_t, Payment, Limit, Note> {
  BroadcastState<std::string, double> limits_;  // the same in every subtask
  MapState<std::string, double> spent_;         // of the card
 public:
  explicit AboveLimit(Declare& declare) : limits_{declare, "limits"}, spent_{declare, "spent"} {}
  void process(const Payment& payment, Context& ctx, Out<Note>& out) override {
    spent_.mutate(payment.shop, [&](double& sum) { sum += payment.amount; });
    const double* most = limits_.find(payment.shop);
    if (most != nullptr && *spent_.find(payment.shop) > *most) out.emit({ctx.key(), "above the limit of " + payment.shop});
  }
  void process_broadcast(const Limit& limit, BroadcastContext& ctx, Out<Note>&) override {
    ctx.writable(limits_).put(limit.shop, limit.most);
  }
};

TEST(UsingState, BroadcastState) {
  in_every_way([](const TestOptions& way) {
    OperatorTest<AboveLimit, &Payment::card> t{way};
    t.in(payment(1, 10)).expect_out({});
    t.in_broadcast({"corner", 12}).expect_out({});
    t.in(payment(1, 1)).expect_out({});
    t.in(payment(1, 2)).in(payment(2, 12)).expect_out({{1, "above the limit of corner"}});
  });
}

TEST(UsingState, InAJob) {
  JobTest t{{}, [](Job& job) {
    const auto payments = job.from(read_files<Payment>("payments/*.ndjson")).uid("payments");
    const auto limits = job.from(read_files<Limit>("limits/*.ndjson")).uid("limits");
    payments.key_by(&Payment::card).process<Silence>().uid("silence").to(print());

    payments.key_by(&Payment::card).connect(limits.broadcast()).process<AboveLimit>().uid("above-limit").to(print());
  }};
  t.file("payments/1.ndjson", R"({"card": 1, "shop": "corner", "amount": 5, "at": 0})" "\n");
  t.file("limits/1.ndjson", R"({"shop": "corner", "most": 10})" "\n");
  ::testing::internal::CaptureStdout();
  t.run();
  EXPECT_EQ(::testing::internal::GetCapturedStdout(), R"({"card":1,"text":"silent"})" "\n");
}

struct Click { std::int64_t user = 0; std::string_view page; };
struct Session { std::int64_t clicks = 0; std::int64_t pages = 0; };

class Sessions : public KeyedProcess<std::int64_t, Click, Session> {
  ValueState<std::int64_t, Ttl> clicks_;
  ListState<std::string, Ttl> pages_;

 public:
  explicit Sessions(Declare& declare)
      : clicks_{declare, "clicks", ttl(30min)}, pages_{declare, "pages", ttl(24h, TtlUpdate::kOnReadAndWrite)} {}
  void process(const Click& click, Context&, Out<Session>& out) override {
    clicks_.mutate([](std::int64_t& clicks) { ++clicks; });
    pages_.add(std::string{click.page});
    out.emit({clicks_.get(), static_cast<std::int64_t>(pages_.get().size())});
  }
};

TEST(StateTtlPage, WhatIsOverIsGone) {
  in_every_way([](const TestOptions& way) {
    OperatorTest<Sessions, &Click::user> t{way};
    t.in({1, "home"}).expect_out({{1, 1}});
    t.processing_time(at(20min)).in({1, "cart"}).expect_out({{2, 2}});
    t.processing_time(at(60min)).in({1, "home"}).expect_out({{1, 3}});
  });
}

TEST(StatePages, TheirCodeIsThisCode) {
  const std::string code = without_margins(slurp(TIDEMARK_SOURCE_DIR "/tests/kit/state_pages_test.cc"));
  std::size_t pieces = 0;
  for (const char* page : {"using-state", "state-ttl"}) {
    for (const std::string& block : blocks(slurp(TIDEMARK_SOURCE_DIR "/docs/" + std::string{page} + ".md"), "cpp")) {
      for (const std::string& piece : paragraphs(block)) {
        EXPECT_THAT(code, HasSubstr(without_margins(piece))) << page;
        ++pieces;
      }
    }
  }
  EXPECT_GE(pieces, 11u);
}

}  // namespace
}  // namespace tidemark

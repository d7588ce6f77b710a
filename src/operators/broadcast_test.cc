#include "tidemark/detail/operators/broadcast.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "operators/operator_harness.h"
#include "tidemark/detail/operators/keyed_process.h"
#include "tidemark/detail/operators/process.h"

namespace tidemark::detail {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

struct Payment {
  std::int64_t account = 0;
  std::int64_t amount = 0;
};
struct Limit {
  std::string name;
  std::int64_t amount = 0;  // 0 takes it away
};
struct AccountOf {
  std::int64_t operator()(const Payment& payment) const { return payment.account; }
};

// Says which limits an account's sum has passed, and at its timer what the sum was.
struct Watch : KeyedBroadcastProcess<std::int64_t, Payment, Limit, std::string> {
  BroadcastState<std::string, std::int64_t> limits_;
  ValueState<std::int64_t> sum_;
  explicit Watch(Declare& d) : limits_{d, "limits"}, sum_{d, "sum"} {}
  void process(const Payment& payment, Context& ctx, Out<std::string>& out) override {
    sum_.mutate([&](std::int64_t& sum) { sum += payment.amount; });
    for (const auto& [name, amount] : limits_.entries()) {
      if (sum_.get() > amount) out.emit(std::to_string(ctx.key()) + ">" + name);
    }
    ctx.timers().at(Timestamp{1000});
  }
  void process_broadcast(const Limit& limit, BroadcastContext& ctx, Out<std::string>& out) override {
    if (limit.amount < 0) throw std::runtime_error{"a negative limit"};
    auto limits = ctx.writable(limits_);
    if (limit.amount == 0) {
      limits.remove(limit.name);
    } else {
      limits.put(limit.name, limit.amount);
    }
    out.emit("limits " + std::to_string(limits_.entries().size()) + " at " + std::to_string(ctx.timestamp().ms()));
  }
  void on_timer(Timestamp, Context& ctx, Out<std::string>& out) override {
    out.emit(std::to_string(ctx.key()) + "=" + std::to_string(sum_.get()) + " of " + std::to_string(limits_.entries().size()));
  }
};

// The same without keys: the sum is the subtask's.
struct Filter : BroadcastProcess<Payment, Limit, std::string> {
  BroadcastState<std::string, std::int64_t> limits_;
  SplitListState<std::int64_t> large_;
  explicit Filter(Declare& d) : limits_{d, "limits"}, large_{d, "large"} {}
  void process(const Payment& payment, Context&, Out<std::string>& out) override {
    const std::int64_t* limit = limits_.find("all");
    if (limit == nullptr || payment.amount <= *limit) return;
    large_.add(payment.amount);
    out.emit(std::to_string(payment.amount) + " #" + std::to_string(large_.get().size()));
  }
  void process_broadcast(const Limit& limit, BroadcastContext& ctx, Out<std::string>&) override { ctx.writable(limits_).put(limit.name, limit.amount); }
};

template <class F>
using KeyedOperator = BroadcastOperator<KeyedProcessOperator<F, AccountOf>, F>;
template <class F>
using PlainOperator = BroadcastOperator<ProcessOperator<F>, F>;

template <class F>
std::unique_ptr<KeyedOperator<F>> make_operator(AccountOf key) {
  return std::make_unique<KeyedOperator<F>>([](Declare& d) { return std::make_unique<F>(d); }, key);
}
template <class F>
std::unique_ptr<PlainOperator<F>> make_operator() {
  return std::make_unique<PlainOperator<F>>([](Declare& d) { return std::make_unique<F>(d); });
}

template <class Op>
class Subject {
 public:
  Subject(TestWorld& world, std::unique_ptr<Op> op, OperatorRestore restore = {}, std::uint32_t subtask = 0, std::uint32_t parallelism = 1)
      : world_{world}, context_{world, subtask, parallelism}, op_{std::move(op)} {
    context_.context.restore = std::move(restore);
    op_->out().add_receiver(end_);
    op_->open(context_.context);
  }
  ~Subject() {
    op_.reset();
    context_.run_mail();
  }

  void process(const std::vector<Payment>& payments) {
    TypedBatch<Payment> batch;
    for (const Payment& payment : payments) batch.append(payment, 1);
    hash_keys(batch, AccountOf{});
    op_->input(0).receive(batch);
  }
  void limit(const std::vector<Limit>& limits) {
    TypedBatch<Limit> batch;
    for (const Limit& limit : limits) batch.append(limit, 7);
    op_->input(1).receive(batch);
  }
  void advance(std::int64_t watermark) {
    while (!op_->advance(Timestamp{watermark})) {
    }
  }
  std::vector<std::string> take() {
    std::vector<std::string> results = end_.values();
    end_.records.clear();
    return results;
  }
  OperatorSnapshot snapshot() {
    OperatorSnapshot result = finish_snapshot(start_snapshot(world_, *op_, context_.context));
    context_.run_mail();
    return result;
  }
  Op& op() { return *op_; }

 private:
  TestWorld& world_;
  TestContext context_;
  Keeping<std::string> end_;
  std::unique_ptr<Op> op_;
};

OperatorRestore everything_of(const OperatorSnapshot& snapshot) {
  OperatorRestore restore = restore_of({snapshot}, {0, 128});
  restore.list_states = snapshot.list_states;
  return restore;
}

TEST(Broadcast, RulesReachTheFunctionBetweenTheRecordsOfEveryKey) {
  TestWorld world;
  Subject subject{world, make_operator<Watch>(AccountOf{})};
  subject.process({{1, 50}});
  EXPECT_THAT(subject.take(), ElementsAre());
  subject.limit({{"small", 10}, {"large", 100}});
  EXPECT_THAT(subject.take(), ElementsAre("limits 1 at 7", "limits 2 at 7"));
  subject.process({{1, 60}, {2, 11}});
  EXPECT_THAT(subject.take(), ElementsAre("1>large", "1>small", "2>small"));
  subject.limit({{"small", 0}});
  subject.process({{2, 1}, {1, 1}});
  EXPECT_THAT(subject.take(), ElementsAre("limits 1 at 7", "1>large"));
  EXPECT_EQ(subject.op().records_out(), 7u);
}

TEST(Broadcast, TimersAndStateOfKeysAreThoseOfAKeyedProcess) {
  TestWorld world;
  Subject subject{world, make_operator<Watch>(AccountOf{})};
  subject.process({{1, 5}});
  subject.limit({{"small", 10}});
  subject.take();
  subject.advance(999);
  EXPECT_THAT(subject.take(), ElementsAre());
  subject.advance(1000);
  EXPECT_THAT(subject.take(), ElementsAre("1=5 of 1"));
}

TEST(Broadcast, KeyedAndBroadcastStateAreInOneSnapshotAndComeBack) {
  TestWorld world;
  OperatorSnapshot snapshot;
  {
    Subject before{world, make_operator<Watch>(AccountOf{})};
    before.limit({{"small", 10}});
    before.process({{1, 5}});
    snapshot = before.snapshot();
    before.limit({{"small", 0}});
  }
  EXPECT_EQ(snapshot.keyed_files.size(), 1u);
  ASSERT_EQ(snapshot.list_states.size(), 1u);
  EXPECT_EQ(snapshot.list_states[0].redistribution, Redistribution::kBroadcast);
  EXPECT_EQ(snapshot.list_states[0].schema, R"({"struct":[{"name":"key","type":"string"},{"name":"value","type":"int64"}]})");
  Subject after{world, make_operator<Watch>(AccountOf{}), everything_of(snapshot)};
  after.process({{1, 6}});
  EXPECT_THAT(after.take(), ElementsAre("1>small"));
  after.advance(1000);
  EXPECT_THAT(after.take(), ElementsAre("1=11 of 1"));
}

TEST(Broadcast, OneSubtaskWritesTheBroadcastStateAndAllReadIt) {
  TestWorld world;
  Subject first{world, make_operator<Watch>(AccountOf{}), {}, 0, 2};
  Subject second{world, make_operator<Watch>(AccountOf{}), {}, 1, 2};
  for (auto* subject : {&first, &second}) subject->limit({{"small", 10}, {"large", 100}});
  const OperatorSnapshot written = first.snapshot();
  EXPECT_EQ(written.list_states[0].items.size(), 2u);
  EXPECT_EQ(second.snapshot().list_states[0].items.size(), 0u);
  Subject restored{world, make_operator<Watch>(AccountOf{}), {.list_states = written.list_states}, 1, 2};
  restored.limit({});
  restored.process({{3, 11}});
  EXPECT_THAT(restored.take(), ElementsAre("3>small"));
}

TEST(Broadcast, AStreamWithoutKeysMayHaveRulesToo) {
  TestWorld world;
  Subject before{world, make_operator<Filter>()};
  before.process({{1, 50}});
  before.limit({{"all", 20}});
  before.process({{1, 50}, {1, 10}});
  EXPECT_THAT(before.take(), ElementsAre("50 #1"));
  Subject after{world, make_operator<Filter>(), {.list_states = before.snapshot().list_states}};
  after.process({{1, 30}});
  EXPECT_THAT(after.take(), ElementsAre("30 #2"));
}

TEST(Broadcast, AFailureNamesTheRule) {
  TestWorld world;
  Subject subject{world, make_operator<Watch>(AccountOf{})};
  subject.limit({{"small", 10}});
  EXPECT_THAT(failure_of([&] { subject.limit({{"wrong", -1}}); }),
              AllOf(HasSubstr("operator under test"), HasSubstr("broadcast record 2"), HasSubstr("\"name\":\"wrong\""), HasSubstr("a negative limit")));
}

struct Careless : KeyedBroadcastProcess<std::int64_t, Payment, Limit, std::string> {
  ValueState<std::int64_t> sum_;
  explicit Careless(Declare& d) : sum_{d, "sum"} {}
  void process(const Payment& payment, Context&, Out<std::string>& out) override {
    sum_.set(sum_.get() + payment.amount);
    out.emit(std::to_string(sum_.get()));
  }
  void process_broadcast(const Limit& limit, BroadcastContext&, Out<std::string>&) override {
    if (limit.amount > 0) sum_.set(limit.amount);
  }
};

TEST(Broadcast, StateOfKeysIsRefusedWhereThereIsNoKey) {
  TestWorld world;
  Subject subject{world, make_operator<Careless>(AccountOf{})};
  EXPECT_THAT(failure_of([&] { subject.limit({{"first of all", 5}}); }), AllOf(HasSubstr("there is no key"), HasSubstr("broadcast record 1")));
  subject.process({{1, 2}});
  subject.limit({{"harmless", 0}});
  subject.process({{1, 2}});
  EXPECT_THAT(subject.take(), ElementsAre("2", "4"));
  EXPECT_THAT(failure_of([&] { subject.limit({{"between two records", 5}}); }), HasSubstr("there is no key"));
}

struct SameName : KeyedBroadcastProcess<std::int64_t, Payment, Limit, std::string> {
  ValueState<std::int64_t> sum_;
  BroadcastState<std::string, std::int64_t> limits_;
  explicit SameName(Declare& d) : sum_{d, "same"}, limits_{d, "same"} {}
  void process(const Payment&, Context&, Out<std::string>&) override {}
  void process_broadcast(const Limit&, BroadcastContext&, Out<std::string>&) override {}
};
struct NamedTimers : KeyedBroadcastProcess<std::int64_t, Payment, Limit, std::string> {
  BroadcastState<std::string, std::int64_t> limits_;
  explicit NamedTimers(Declare& d) : limits_{d, "timers"} {}
  void process(const Payment&, Context&, Out<std::string>&) override {}
  void process_broadcast(const Limit&, BroadcastContext&, Out<std::string>&) override {}
};
struct NoRules : KeyedProcess<std::int64_t, Payment, std::string> {
  UnionListState<std::int64_t> list_;
  explicit NoRules(Declare& d) : list_{d, "list"} {}
  void process(const Payment&, Context&, Out<std::string>&) override {}
};

std::string error_of(const std::function<void()>& make) {
  try {
    make();
  } catch (const Error& error) {
    return error.message();
  }
  return {};
}

TEST(Broadcast, StatesOfBothSortsHaveDifferentNames) {
  EXPECT_THAT(error_of([] { make_operator<SameName>(AccountOf{}); }), HasSubstr("two states of one operator are named 'same'"));
  EXPECT_THAT(error_of([] { make_operator<NamedTimers>(AccountOf{}); }), HasSubstr("two states of one operator are named 'timers'"));
}

TEST(Broadcast, AFunctionWithoutRulesBehindKeyByHasNoOperatorState) {
  EXPECT_THAT(error_of([] { KeyedProcessOperator<NoRules, AccountOf>{[](Declare& d) { return std::make_unique<NoRules>(d); }, AccountOf{}}; }),
              AllOf(HasSubstr("'list'"), HasSubstr("KeyedBroadcastProcess")));
}

TEST(Broadcast, AllStatesStandInThePlan) {
  std::vector<std::string> names;
  for (const StateDescriptor& state : make_operator<Watch>(AccountOf{})->descriptors()) names.push_back(state.name);
  EXPECT_THAT(names, ElementsAre("sum", "timers", "limits"));
}

}  // namespace
}  // namespace tidemark::detail

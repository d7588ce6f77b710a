#include "tidemark/detail/operators/process.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "operators/operator_harness.h"

namespace tidemark::detail {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// A subtask of F over numbers, whose results are texts.
template <class F>
class Subject {
 public:
  using Op = ProcessOperator<F>;

  explicit Subject(TestWorld& world, std::vector<OperatorListState> restore = {}, std::uint32_t subtask = 0)
      : world_{world}, context_{world, subtask, 2}, op_{std::make_unique<Op>([](Declare& d) { return std::make_unique<F>(d); })} {
    context_.context.restore.list_states = std::move(restore);
    op_->out().add_receiver(end_);
    op_->open(context_.context);
  }

  void process(const std::vector<std::int64_t>& numbers) {
    TypedBatch<std::int64_t> batch;
    for (const std::int64_t number : numbers) batch.append(number, number * 10);
    op_->receive(batch);
  }
  bool advance(std::int64_t watermark) { return op_->advance(Timestamp{watermark}); }
  std::vector<std::string> take() {
    std::vector<std::string> results = end_.values();
    end_.records.clear();
    return results;
  }
  const std::vector<Arrived<std::string>>& arrived() const { return end_.records; }
  OperatorSnapshot snapshot() { return finish_snapshot(start_snapshot(world_, *op_, context_.context)); }
  Op& op() { return *op_; }

 private:
  TestWorld& world_;
  TestContext context_;
  Keeping<std::string> end_;
  std::unique_ptr<Op> op_;
};

// Hands numbers on in pairs; the odd one waits.
struct Pairs : Process<std::int64_t, std::string> {
  SplitListState<std::int64_t> waiting_;
  UnionListState<std::string> opened_by_;
  explicit Pairs(Declare& d) : waiting_{d, "waiting"}, opened_by_{d, "opened-by"} {}
  void open(OpenContext& ctx) override { opened_by_.add(std::to_string(ctx.subtask) + " of " + std::to_string(ctx.parallelism)); }
  void process(const std::int64_t& number, Context& ctx, Out<std::string>& out) override {
    if (number < 0) throw std::runtime_error{"negative"};
    if (waiting_.get().empty()) return waiting_.add(number);
    out.emit(std::to_string(waiting_.get()[0]) + "+" + std::to_string(number) + " w" + std::to_string(ctx.watermark().ms()));
    waiting_.clear();
  }
};

TEST(Process, HandlesRecordsInOrderWithTheirTimes) {
  TestWorld world;
  Subject<Pairs> subject{world};
  EXPECT_TRUE(subject.advance(5));
  subject.process({1, 2, 3});
  EXPECT_TRUE(subject.advance(25));
  EXPECT_TRUE(subject.advance(20)) << "a watermark never goes back";
  subject.process({4});
  ASSERT_EQ(subject.arrived().size(), 2u);
  EXPECT_EQ(subject.arrived()[1].timestamp, 40);
  EXPECT_THAT(subject.take(), ElementsAre("1+2 w5", "3+4 w25"));
}

TEST(Process, ItsListsAreInTheSnapshotAndComeBack) {
  TestWorld world;
  Subject<Pairs> before{world, {}, 1};
  before.process({7});
  const OperatorSnapshot snapshot = before.snapshot();
  EXPECT_EQ(snapshot.uid, "uid-1");
  EXPECT_EQ(snapshot.subtask, 1u);
  ASSERT_EQ(snapshot.list_states.size(), 2u);
  EXPECT_EQ(snapshot.list_states[0].name, "waiting");
  EXPECT_EQ(snapshot.list_states[0].redistribution, Redistribution::kSplit);
  EXPECT_EQ(snapshot.list_states[0].schema, "\"int64\"");
  EXPECT_EQ(snapshot.list_states[1].redistribution, Redistribution::kUnion);
  before.process({8});  // behind the barrier
  Subject<Pairs> after{world, snapshot.list_states, 1};
  after.process({9});
  EXPECT_THAT(after.take(), ElementsAre("7+9 w" + std::to_string(Timestamp::min().ms())));
  const OperatorSnapshot again = after.snapshot();
  EXPECT_THAT(again.list_states[0].items, IsEmpty());
  EXPECT_EQ(again.list_states[1].items.size(), 2u) << "restored before open()";
}

TEST(Process, NothingIsPersistedWhereThereIsNoFolder) {
  TestWorld world;
  Subject<Pairs> subject{world};
  EXPECT_EQ(subject.op().snapshot({.barrier = {.id = 1}}), nullptr);
}

TEST(Process, ItsStatesStandInThePlan) {
  TestWorld world;
  Subject<Pairs> subject{world};
  const auto states = subject.op().descriptors();
  ASSERT_EQ(states.size(), 2u);
  EXPECT_EQ(states[0], (StateDescriptor{"waiting", StateDescriptor::Kind::kSplitList, "", "", "\"int64\""}));
  EXPECT_EQ(states[1], (StateDescriptor{"opened-by", StateDescriptor::Kind::kUnionList, "", "", "\"string\""}));
}

TEST(Process, AFailureNamesOperatorAndRecord) {
  TestWorld world;
  Subject<Pairs> subject{world};
  subject.process({1, 2});
  EXPECT_THAT(failure_of([&] { subject.process({3, -4}); }), AllOf(HasSubstr("operator under test"), HasSubstr("record 4"), HasSubstr("-4"), HasSubstr("negative")));
}

// What restoring the list "waiting" fails with.
std::string restore_failure(OperatorListState state) {
  TestWorld world;
  try {
    Subject<Pairs> subject{world, {std::move(state)}};
  } catch (const Error& error) {
    return error.message();
  }
  return {};
}

TEST(Process, RefusesItemsThatDoNotDecodeOrAreOfAnotherType) {
  EXPECT_EQ(restore_failure({"waiting", Redistribution::kSplit, "\"int64\"", {encode_item(std::int64_t{5})}}), "");
  EXPECT_THAT(restore_failure({"waiting", Redistribution::kSplit, "\"int64\"", {"\xff"}}), AllOf(HasSubstr("'waiting'"), HasSubstr("can't be decoded")));
  EXPECT_THAT(restore_failure({"waiting", Redistribution::kSplit, "\"int64\"", {encode_item(std::int64_t{5}) + "x"}}), HasSubstr("can't be decoded"));
  EXPECT_THAT(restore_failure({"waiting", Redistribution::kSplit, "\"string\"", {encode_item(std::string{"five"})}}), AllOf(HasSubstr("'waiting'"), HasSubstr("string -> int64")));
  EXPECT_THAT(restore_failure({"waiting", Redistribution::kUnion, "\"int64\"", {encode_item(std::int64_t{5})}}), AllOf(HasSubstr("'waiting'"), HasSubstr("a split list")));
  EXPECT_EQ(restore_failure({"waiting", Redistribution::kUnion, "\"string\"", {}}), "") << "nothing was saved";
  EXPECT_EQ(restore_failure({"another's", Redistribution::kUnion, "\"string\"", {"\xff"}}), "");
}

template <class State>
struct Declares : Process<std::int64_t, std::string> {
  State state_;
  explicit Declares(Declare& d) : state_{d, "state"} {}
  void process(const std::int64_t&, Context&, Out<std::string>&) override {}
};
struct DeclaresTwice : Process<std::int64_t, std::string> {
  SplitListState<std::int64_t> a_;
  UnionListState<std::int64_t> b_;
  explicit DeclaresTwice(Declare& d) : a_{d, "same"}, b_{d, "same"} {}
  void process(const std::int64_t&, Context&, Out<std::string>&) override {}
};

template <class F>
std::string declaration_failure() {
  try {
    ProcessOperator<F>{[](Declare& d) { return std::make_unique<F>(d); }};
  } catch (const Error& error) {
    return error.message();
  }
  return {};
}

TEST(Process, RefusesStateOfKeysAndNamesThatAreTaken) {
  EXPECT_THAT((declaration_failure<Declares<ValueState<std::int64_t, int>>>()), AllOf(HasSubstr("'state'"), HasSubstr("SplitListState")));
  EXPECT_THAT(declaration_failure<DeclaresTwice>(), HasSubstr("two states of one operator are named 'same'"));
  EXPECT_EQ(declaration_failure<Declares<UnionListState<std::int64_t>>>(), "");
}

}  // namespace
}  // namespace tidemark::detail

// What the process hears of the memory of an operator's state, also where no batch of records says it.
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "operators/operator_harness.h"
#include "tidemark/async_function.h"
#include "tidemark/detail/operators/async_bodies.h"
#include "tidemark/detail/operators/async_operator.h"
#include "tidemark/detail/operators/broadcast.h"
#include "tidemark/detail/operators/co_process.h"
#include "tidemark/detail/operators/keyed_process.h"
#include "tidemark/detail/operators/process.h"
#include "tidemark/detail/operators/window_aggregate.h"
#include "tidemark/detail/state/state_memory.h"
#include "tidemark/error.h"

namespace tidemark::detail {
namespace {

constexpr std::int64_t kKeys = 1000;
constexpr std::size_t kTextSize = 10'000;

struct Event {
  std::int64_t key = 0;
};
struct KeyOf {
  std::int64_t operator()(const Event& event) const { return event.key; }
};

/// Its accumulators hold text outside of the tables.
struct LongText {
  using Accumulator = std::string;
  void add(Accumulator& text, const Event&) const { text.assign(kTextSize, text.empty() ? 'a' : 'b'); }
  void merge(Accumulator& into, const Accumulator& from) const { into = from; }
  std::int64_t result(const Accumulator& text) const { return static_cast<std::int64_t>(text.size()); }
};

class ToldMemory : public testing::Test {
 protected:
  using Op = WindowAggregateOperator<Event, KeyOf, LongText, KeyedRow>;

  ToldMemory() {
    world_.env.state_memory = &memory_;
    op_->open(context_.context);
  }
  ~ToldMemory() override {
    op_.reset();
    context_.run_mail();
  }

  void receive(std::int64_t from, std::int64_t to) {
    while (from < to) {
      TypedBatch<Event> batch;
      while (batch.size() < batch.capacity() && from < to) batch.append({from++}, 5);
      hash_keys(batch, KeyOf{});
      op_->receive(batch);
    }
  }
  void receive_all() {
    receive(0, kKeys);
    receive(0, 1);  // a batch tells what those before it have added
  }

  StateMemory memory_{std::uint64_t{1} << 40};
  TestWorld world_;
  TestContext context_{world_};
  std::unique_ptr<Op> op_ = std::make_unique<Op>(KeyOf{}, LongText{}, WindowSpec::tumbling(10), Duration{0});
};

TEST_F(ToldMemory, AWindowThatIsOverHoldsNothingMore) {
  receive_all();
  const std::uint64_t full = memory_.held_bytes();
  EXPECT_GT(full, kKeys * kTextSize);
  while (!op_->advance(Timestamp{100})) continue;
  EXPECT_LT(memory_.held_bytes(), full - kKeys * kTextSize * 9 / 10);
}

TEST_F(ToldMemory, NorDoesASnapshotThatIsDone) {
  receive_all();
  const std::uint64_t alone = memory_.held_bytes();
  StartedSnapshot snapshot = start_snapshot(world_, *op_, context_.context);
  receive_all();
  EXPECT_GT(memory_.held_bytes(), alone + kKeys * kTextSize * 9 / 10) << "it keeps what was overwritten";
  finish_snapshot(std::move(snapshot));
  context_.run_mail();
  EXPECT_LT(memory_.held_bytes(), alone + kKeys * kTextSize / 2);
}

struct Text {
  std::int64_t key = 0;
  std::string text;
};
struct KeyOfText {
  std::int64_t operator()(const Text& text) const { return text.key; }
};
const std::string kText(kTextSize, 'x');

// Each keeps whatever texts come.
struct Seen : Process<Text, std::int64_t> {
  SplitListState<std::string> seen_;
  explicit Seen(Declare& declare) : seen_{declare, "seen"} {}
  void process(const Text& record, Context&, Out<std::int64_t>&) override { seen_.add(record.text); }
};
struct SeenOfTwo : CoProcess<Text, Text, std::int64_t> {
  UnionListState<std::string> seen_;
  explicit SeenOfTwo(Declare& declare) : seen_{declare, "seen"} {}
  void process_first(const Text& record, Context&, Out<std::int64_t>&) override { seen_.add(record.text); }
  void process_second(const Text& record, Context&, Out<std::int64_t>&) override { seen_.add(record.text); }
};
struct Ruled : KeyedBroadcastProcess<std::int64_t, Text, Text, std::int64_t> {
  BroadcastState<std::int64_t, std::string> rules_;
  explicit Ruled(Declare& declare) : rules_{declare, "rules"} {}
  void process(const Text&, Context&, Out<std::int64_t>&) override {}
  void process_broadcast(const Text& rule, BroadcastContext& ctx, Out<std::int64_t>&) override {
    ctx.writable(rules_).put(rule.key, rule.text);
  }
};
struct SeenBesideRules : BroadcastProcess<Text, Text, std::int64_t> {
  SplitListState<std::string> seen_;
  explicit SeenBesideRules(Declare& declare) : seen_{declare, "seen"} {}
  void process(const Text& record, Context&, Out<std::int64_t>&) override { seen_.add(record.text); }
  void process_broadcast(const Text&, BroadcastContext&, Out<std::int64_t>&) override {}
};

/// What is kept without a key, by an operator of a process that may hold 1 MiB of state.
class ToldWithoutKey : public testing::Test {
 protected:
  static constexpr int kFit = 80;
  static constexpr int kTooMany = 120;

  ToldWithoutKey() { world_.env.state_memory = &memory_; }

  template <class F>
  static auto made() {
    return [](Declare& declare) { return std::make_unique<F>(declare); };
  }
  void receive(BatchReceiver& to, int texts) {
    TypedBatch<Text> batch;
    for (int i = 0; i < texts; ++i) batch.append({next_++, kText}, 5);
    hash_keys(batch, KeyOfText{});
    to.receive(batch);
  }
  template <class Op>
  void expect_told(Op& op, std::uint32_t input) {
    op.open(context_.context);
    receive(op.input(input), kFit);
    EXPECT_GT(memory_.held_bytes(), kFit * kTextSize);
    EXPECT_LT(memory_.held_bytes(), kFit * kTextSize * 5 / 4);
    try {
      receive(op.input(input), kTooMany - kFit);
      FAIL();
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kResourceExhausted);
    }
  }

  StateMemory memory_{1 << 20};
  TestWorld world_;
  TestContext context_{world_};
  std::int64_t next_ = 0;
};

TEST_F(ToldWithoutKey, ListsOfAFunction) {
  ProcessOperator<Seen> op{made<Seen>()};
  expect_told(op, 0);
}

TEST_F(ToldWithoutKey, ListsOfAFunctionOfTwoStreams) {
  for (const std::uint32_t input : {0u, 1u}) {
    CoProcessOperator<SeenOfTwo> op{made<SeenOfTwo>()};
    expect_told(op, input);
  }
}

TEST_F(ToldWithoutKey, RulesAndListsBesideThem) {
  {
    BroadcastOperator<KeyedProcessOperator<Ruled, KeyOfText>, Ruled> op{made<Ruled>(), KeyOfText{}};
    expect_told(op, 1);
  }
  context_.run_mail();
  BroadcastOperator<ProcessOperator<SeenBesideRules>, SeenBesideRules> op{made<SeenBesideRules>()};
  expect_told(op, 0);
}

/// Is answered with as much text as was asked about.
struct Asked : AsyncFunction<Text, Text> {
  explicit Asked(std::vector<AsyncResult<Text>>& out) : out_{&out} {}
  void request(const Text&, AsyncResult<Text> result) override { out_->push_back(std::move(result)); }
  std::vector<AsyncResult<Text>>* out_;
};

TEST_F(ToldWithoutKey, RecordsThatWaitForAnswersAndTheAnswers) {
  using Body = AsyncMap<FunctionAsker<Asked>>;
  std::vector<AsyncResult<Text>> out;
  const FunctionAsker<Asked>::Make make = [&out](Declare&) { return std::make_unique<Asked>(out); };
  AsyncOperator<Body> op{[&](Declare& declare) { return std::make_unique<Body>(declare, make); }, {.policy = {.ordered = true}}};
  Keeping<Text> end;
  op.out().add_receiver(end);
  op.open(context_.context);
  receive(op, kFit / 2);
  EXPECT_GT(memory_.held_bytes(), kFit / 2 * kTextSize);
  for (const AsyncResult<Text>& result : out) {
    if (&result != &out.front()) result.complete({1, kText});
  }
  op.poll();
  EXPECT_GT(memory_.held_bytes(), (kFit - 1) * kTextSize) << "the first one keeps the answers of the others";
  EXPECT_THROW(receive(op, kTooMany - kFit), Error);
  out.front().complete({1, kText});
  while (op.poll() == PolledOperator::Poll::kEmitted) continue;
  EXPECT_EQ(end.records.size(), static_cast<std::size_t>(kFit / 2));
  EXPECT_LT(memory_.held_bytes(), (kTooMany - kFit) * kTextSize * 5 / 4) << "of those that came last";
}

}  // namespace
}  // namespace tidemark::detail

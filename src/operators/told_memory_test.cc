// What the process hears of the memory of an operator's state, also where no batch of records says it.
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "operators/operator_harness.h"
#include "tidemark/detail/operators/window_aggregate.h"
#include "tidemark/detail/state/state_memory.h"

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

}  // namespace
}  // namespace tidemark::detail

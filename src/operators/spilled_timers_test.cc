// Timers that do not fit into memory: with a backend that spills they go to files, with the other one they count.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "env/scratch_folder.h"
#include "operators/operator_harness.h"
#include "state/memory_state_store.h"
#include "tidemark/detail/operators/keyed_process.h"
#include "tidemark/detail/state/state_memory.h"

namespace tidemark::detail {
namespace {

using testing::HasSubstr;

struct Event {
  std::int64_t key = 0;
  std::int64_t timers = 0;
};
struct KeyOf {
  std::int64_t operator()(const Event& event) const { return event.key; }
};

/// Sets so many timers, one a second, and has no state besides.
struct Alarms : KeyedProcess<std::int64_t, Event, std::int64_t> {
  explicit Alarms(Declare&) {}
  void process(const Event& event, Context& ctx, Out<std::int64_t>&) override {
    for (std::int64_t i = 1; i <= event.timers; ++i) ctx.timers().at(Timestamp{i * 1000});
  }
  void on_timer(Timestamp at, Context& ctx, Out<std::int64_t>& out) override { out.emit(at.ms() + ctx.key()); }
};

class SpilledTimers : public testing::Test {
 protected:
  using Op = KeyedProcessOperator<Alarms, KeyOf>;

  SpilledTimers() { world_.env.scratch = &scratch_; }
  ~SpilledTimers() override { close(); }

  void open(bool spills, std::uint64_t budget_bytes, OperatorRestore restore = {}) {
    close();
    memory_ = std::make_unique<StateMemory>(budget_bytes);
    world_.env.state_memory = memory_.get();
    world_.env.state_stores = spills ? &stores_ : nullptr;
    op_ = std::make_unique<Op>([](Declare& declare) { return std::make_unique<Alarms>(declare); }, KeyOf{});
    op_->out().add_receiver(end_);
    context_.context.restore = std::move(restore);
    op_->open(context_.context);
  }
  void close() {
    op_.reset();
    context_.run_mail();
  }
  void receive(std::int64_t key, std::int64_t timers) {
    TypedBatch<Event> batch;
    batch.append({key, timers}, 0);
    hash_keys(batch, KeyOf{});
    op_->receive(batch);
  }
  std::size_t fire(std::int64_t watermark) {
    end_.records.clear();
    while (!op_->advance(Timestamp{watermark})) continue;
    return end_.records.size();
  }
  std::size_t files() {
    const auto entries = world_.files.list("/scratch");
    return entries ? entries->size() : 0;
  }

  TestWorld world_;
  MemoryStateStores stores_;
  ScratchFolder scratch_{world_.files, "/scratch", "see to the disk"};
  TestContext context_{world_};
  std::unique_ptr<StateMemory> memory_;
  Keeping<std::int64_t> end_;
  std::unique_ptr<Op> op_;
};

TEST_F(SpilledTimers, CountAgainstTheBudgetWhereNothingSpills) {
  open(false, 1u << 20);
  const std::uint64_t empty = memory_->held_bytes();
  receive(1, 1000);
  receive(1, 0);
  EXPECT_GT(memory_->held_bytes(), empty + 1000 * sizeof(TimerOp<std::uint64_t>));
  receive(2, 20'000);
  try {
    receive(1, 0);
    FAIL() << "it went on";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kResourceExhausted);
    EXPECT_THAT(error.message(), HasSubstr("and memory.state allows 1 MiB"));
  }
}

TEST_F(SpilledTimers, KeepToTheirShareWhereTheOthersDo) {
  open(true, 256u << 10);
  const std::uint64_t empty = memory_->held_bytes();
  for (std::int64_t key = 0; key < 100; ++key) receive(key, 1000);
  receive(1, 0);
  EXPECT_LT(memory_->held_bytes(), empty + (512u << 10));
  EXPECT_GT(files(), 2u);
  EXPECT_EQ(fire(500'000), 50'000u);
  EXPECT_TRUE(std::ranges::is_sorted(end_.values(), {}, [](std::int64_t value) { return value / 1000; }));
  EXPECT_EQ(op_->timers(), 50'000u);
  EXPECT_EQ(fire(INT64_MAX), 50'000u);
  EXPECT_EQ(files(), 0u);
}

TEST_F(SpilledTimers, ComeBackFromASnapshotThatWasWrittenWhileTheyFired) {
  for (const bool spills_after : {true, false}) {
    open(true, 1);
    for (std::int64_t key = 0; key < 20; ++key) receive(key, 50);
    EXPECT_EQ(fire(10'000), 200u);
    StartedSnapshot snapshot = start_snapshot(world_, *op_, context_.context);
    EXPECT_EQ(fire(30'000), 400u);
    receive(7, 100);
    const OperatorSnapshot written = finish_snapshot(std::move(snapshot));
    open(spills_after, spills_after ? 1 : 1u << 30, restore_of({written}, context_.context.key_groups()));
    EXPECT_EQ(files() != 0, spills_after);
    EXPECT_EQ(op_->timers(), 800u);
    EXPECT_EQ(fire(INT64_MAX), 800u);
  }
}

TEST_F(SpilledTimers, ADiskThatFailsIsNamedAndNotTakenForTheUsersCode) {
  open(true, 1);
  receive(1, 2000);
  receive(1, 0);
  ASSERT_EQ(files(), 1u);
  world_.files.set_hook([](FileOperation operation, const std::string& path) -> std::optional<Error> {
    if (operation == FileOperation::kOpen) return Error{ErrorCode::kIo, path + ": input/output error"};
    return Error{ErrorCode::kResourceExhausted, path + ": no space left on device"};
  });
  const auto message_of = [](const auto& call) -> std::string {
    try {
      call();
    } catch (const Error& error) {
      EXPECT_EQ(error.retry(), Retry::kRestart);
      return error.message();
    }
    return "nothing of the sort";
  };
  const std::string failed = "keeping state that does not fit into memory failed: ";
  EXPECT_EQ(message_of([&] { fire(2000'000); }), failed + "/scratch/0: input/output error; see to the disk");
  receive(1, 5000);
  EXPECT_EQ(message_of([&] { receive(1, 0); }), failed + "/scratch: no space left on device; see to the disk");
  world_.files.set_hook(nullptr);
}

TEST(TimerView, SortsMoreThanFitIntoMemory) {
  struct Sink final : EntrySink {
    void entry(std::uint64_t, std::string_view, std::string_view) override { FAIL(); }
    void entry_with_namespace(std::uint64_t hash, std::string_view key, std::string_view at, std::string_view value) override {
      EXPECT_TRUE(value.empty());
      shown.emplace_back(hash, std::string{key}, KeyCodec<Timestamp>::decode(at).ms());
    }
    std::vector<std::tuple<std::uint64_t, std::string, std::int64_t>> shown;
  };
  MemoryFileSystem files;
  ScratchFolder scratch{files, "/scratch", "see to the disk"};
  TimerQueue<std::string> queue;
  queue.spill_to(scratch);
  std::set<std::tuple<std::uint64_t, std::string, std::int64_t>> expected;
  for (std::int64_t i = 0; i < 20'000; ++i) {
    const std::string key = "key " + std::to_string(i % 300);
    const std::uint64_t hash = hash_bytes(key);
    queue.add(Timestamp{i * 10}, hash, key);
    if (i % 5 != 0) expected.emplace(hash, key, i * 10);
    if (i % 3000 == 0) queue.keep_to(0);
    if (i % 5 == 0) queue.remove(Timestamp{i * 10}, hash, key);
  }
  for (const std::size_t at_once : {7u, 1000u, 1'000'000u}) {
    Sink sink;
    {
      TimerView<std::string_view> view{queue.snapshot(), &scratch, at_once};
      for (std::size_t i = 0; i < view.segment_count(); ++i) view.read_segment(i, sink);
    }
    EXPECT_TRUE(std::ranges::equal(sink.shown, expected));
  }
  queue.clear();
  EXPECT_TRUE(value_or_throw(files.list("/scratch")).empty());
}

}  // namespace
}  // namespace tidemark::detail

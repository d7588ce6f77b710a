// A million keys that are due at once leave their task piece by piece, as its consumer takes them.
#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "operators/operator_harness.h"
#include "task/task.h"
#include "tidemark/detail/channel/exchange.h"
#include "tidemark/detail/operators/keyed_process.h"
#include "tidemark/detail/operators/window_aggregate.h"

namespace tidemark::detail {
namespace {

constexpr std::int64_t kKeys = 1'000'000;
// On the edge, being read, being filled, and what one step may emit.
constexpr std::size_t kFewBatches = Edge::kCapacity + 3 + kResultsAtOnce / Batch::kCapacity;

struct Event {
  std::int64_t key = 0;
};
struct KeyOf {
  std::int64_t operator()(const Event& event) const { return event.key; }
};

struct Silent final : TaskListener {
  void on_opened(TaskId) override {}
  void on_ack(TaskId, CheckpointId, TaskSnapshot) override {}
  void on_decline(TaskId, CheckpointId, DeclineReason, Error) override {}
  void on_end_of_data(TaskId) override { ended = true; }
  void on_failed(TaskId, Error error) override { ADD_FAILURE() << error.message(); }
  void on_ended(TaskId) override {}
  bool ended = false;
};

/// A keyed operator in a task of its own, that is fed a million keys of one moment.
template <class Out>
class Subject {
 public:
  template <class Op>
  explicit Subject(std::unique_ptr<Op> op) {
    auto writer = std::make_unique<RebalanceWriter<Out>>(std::vector<SendingEnd*>{&out_});
    writer_ = writer.get();
    op->out().add_receiver(*writer);
    std::vector<Task::Node> chain(1);
    chain[0].op = std::move(op);
    chain[0].context.name = {"operator under test", "uid-1", 0};
    std::vector<std::unique_ptr<EdgeWriter>> outputs;
    outputs.push_back(std::move(writer));
    std::vector<Task::Input> inputs{{&in_, chain[0].op.get()}};
    Task::Config config;
    config.env = world_.env;
    config.inbox = std::make_shared<Inbox>(nullptr);
    config.listener = &listener_;
    task_ = std::make_unique<Task>(std::move(config), std::move(chain), std::move(inputs), std::move(outputs));
    task_->open();
  }
  ~Subject() {
    task_->cancel();
    while (task_->step() != Progress::kDone) {
    }
  }

  void feed() {
    for (std::int64_t key = 0; key < kKeys;) {
      TypedBatch<Event> batch;
      while (batch.size() < batch.capacity() && key < kKeys) batch.append({key++}, 5);
      hash_keys(batch, KeyOf{});
      ASSERT_TRUE(in_.try_push(Element::of_batch(&batch)));
      run();
      ASSERT_EQ(in_.take_back(), &batch);
    }
  }
  void end() {
    ASSERT_TRUE(in_.try_push(Element::of_watermark(Timestamp::max())));
    ASSERT_TRUE(in_.try_push(Element::of(Element::Kind::kEndOfData)));
  }
  void run() {
    while (task_->step() == Progress::kMadeProgress) most_batches_ = std::max(most_batches_, writer_->batches());
  }
  /// Takes all there is; records that arrived.
  std::int64_t read() {
    std::int64_t records = 0;
    Element element;
    while (out_.try_pop(element)) {
      if (element.kind != Element::Kind::kBatch) continue;
      records += element.batch->size();
      out_.give_back(element.batch);
    }
    return records;
  }
  /// Until the end; records that arrived.
  std::int64_t run_out() {
    std::int64_t records = 0;
    while (!listener_.ended) {
      run();
      records += read();
    }
    run();
    return records + read();
  }
  std::size_t most_batches() const { return most_batches_; }

 private:
  TestWorld world_;
  Silent listener_;
  Edge in_;
  Edge out_;
  EdgeWriter* writer_ = nullptr;
  std::size_t most_batches_ = 0;
  std::unique_ptr<Task> task_;
};

struct OneTimerEach : KeyedProcess<std::int64_t, Event, std::int64_t> {
  explicit OneTimerEach(Declare&) {}
  void process(const Event&, Context& ctx, Out<std::int64_t>&) override { ctx.timers().at(Timestamp{10}); }
  void on_timer(Timestamp, Context& ctx, Out<std::int64_t>& out) override { out.emit(ctx.key()); }
};

TEST(BoundedFiring, OfAMillionTimersOneMoment) {
  using Op = KeyedProcessOperator<OneTimerEach, KeyOf>;
  Subject<std::int64_t> subject{std::make_unique<Op>([](Declare& d) { return std::make_unique<OneTimerEach>(d); }, KeyOf{})};
  subject.feed();
  subject.end();
  EXPECT_EQ(subject.run_out(), kKeys);
  EXPECT_LE(subject.most_batches(), kFewBatches);
}

template <class Spec>
void expect_windows_in_pieces(Spec spec, std::int64_t windows) {
  using Op = WindowAggregateOperator<Event, KeyOf, CountAggregate, KeyedRow>;
  Subject<Windowed<std::int64_t, std::int64_t>> subject{std::make_unique<Op>(KeyOf{}, count(), spec, Duration{0})};
  subject.feed();
  subject.end();
  EXPECT_EQ(subject.run_out(), kKeys * windows);
  EXPECT_LE(subject.most_batches(), kFewBatches);
}

TEST(BoundedFiring, OfAWindowWithAMillionKeys) { expect_windows_in_pieces(WindowSpec{.size_ms = 100, .slide_ms = 100}, 1); }

TEST(BoundedFiring, OfSlidingWindowsWithAMillionKeys) { expect_windows_in_pieces(WindowSpec{.size_ms = 100, .slide_ms = 50}, 2); }

}  // namespace
}  // namespace tidemark::detail

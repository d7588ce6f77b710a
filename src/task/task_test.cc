#include "task/task.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "task/inbox.h"
#include "tidemark/detail/channel/exchange.h"
#include "tidemark/out.h"

namespace tidemark {
namespace {

using detail::Element;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class ManualClock final : public Clock {
 public:
  std::int64_t wall_ms() const override { return now_ns / 1'000'000 + jumped_ms; }
  std::int64_t steady_ns() const override { return now_ns; }
  void advance_ms(std::int64_t ms) { now_ns += ms * 1'000'000; }
  std::int64_t now_ns = 1'000;
  std::int64_t jumped_ms = 0;
};

class ManualPool final : public BlockingPool {
 public:
  void submit(std::unique_ptr<BackgroundWork> work) override { works.push_back(std::move(work)); }
  void step_all() {
    std::erase_if(works, [](const auto& work) { return work->step() == Progress::kDone; });
  }
  void run_out() {
    while (!works.empty()) step_all();
  }
  std::vector<std::unique_ptr<BackgroundWork>> works;
};

class Log final : public TaskListener {
 public:
  void on_opened(TaskId) override { lines.push_back("opened"); }
  void on_ack(TaskId, CheckpointId id, TaskSnapshot snapshot) override {
    std::string line = "ack " + std::to_string(id);
    for (const OperatorSnapshot& op : snapshot.operators) line += " " + op.uid + "=" + op.committables.at(0);
    lines.push_back(line);
    last = std::move(snapshot);
  }
  void on_decline(TaskId, CheckpointId id, DeclineReason reason, Error cause) override {
    lines.push_back("decline " + std::to_string(id) + " " + std::string{to_string(reason)});
    last_error = cause.message();
  }
  void on_end_of_data(TaskId) override { lines.push_back("end of data"); }
  void on_failed(TaskId, Error error) override {
    lines.push_back("failed");
    last_error = error.message();
  }
  void on_ended(TaskId) override { lines.push_back("ended"); }
  std::vector<std::string> take() { return std::exchange(lines, {}); }

  std::vector<std::string> lines;
  TaskSnapshot last;
  std::string last_error;
};

// What an operator of a test is made to do wrong.
struct Faults {
  std::string open, receive, snapshot, work, blocking;
  int work_steps = 1;
};

class SumWork final : public detail::SnapshotWork {
 public:
  SumWork(OperatorSnapshot result, int steps, std::string error) : result_{std::move(result)}, steps_{steps}, error_{std::move(error)} {}
  bool step() override {
    if (!error_.empty()) throw Error{ErrorCode::kIo, error_};
    return --steps_ <= 0;
  }
  OperatorSnapshot take_result() override { return std::move(result_); }
  std::uint64_t bytes_written() const override { return 7; }

 private:
  OperatorSnapshot result_;
  int steps_;
  std::string error_;
};

// Adds up numbers and hands them on; its snapshot is the sum.
class Adding final : public detail::Operator {
 public:
  Adding(std::vector<std::string>& calls, const Faults& faults) : calls_{calls}, faults_{faults} {}

  Out<std::int64_t>& out() { return out_; }
  void open(detail::OperatorContext& context) override {
    context_ = &context;
    calls_.push_back("open " + context.name.uid);
    if (!faults_.open.empty()) throw std::runtime_error{faults_.open};
  }
  void receive(detail::Batch& in) override {
    const auto& batch = static_cast<const detail::TypedBatch<std::int64_t>&>(in);
    if (!faults_.receive.empty()) throw std::runtime_error{faults_.receive};
    for (std::uint32_t i = 0; i < batch.size(); ++i) {
      sum_ += batch.values()[i];
      calls_.push_back(std::to_string(batch.values()[i]));
      out_.emit(Timestamp{batch.timestamps()[i]}, batch.values()[i]);
    }
    if (!holds) out_.flush();
  }
  void hand_on_held() override { out_.flush(); }
  bool advance(Timestamp watermark) override {
    calls_.push_back("w" + std::to_string(watermark.ms()));
    return fire_some(watermark);
  }
  std::optional<Timestamp> next_processing_time() const override { return wakes.empty() ? std::nullopt : std::optional{wakes.front()}; }
  bool advance_processing_time(Timestamp now) override {
    calls_.push_back("p" + std::to_string(now.ms()));
    if (!fire_some(now)) return false;
    std::erase_if(wakes, [&](Timestamp wake) { return wake <= now; });
    if (wakes_again) wakes.push_back(now);
    return true;
  }
  void end_of_data() override { calls_.push_back("end"); }
  std::unique_ptr<detail::SnapshotWork> snapshot(const detail::SnapshotRequest& request) override {
    if (!faults_.snapshot.empty()) throw Error{ErrorCode::kIo, faults_.snapshot};
    folder = request.folder;
    OperatorSnapshot result{.uid = context_->name.uid, .subtask = 0};
    result.committables = {std::to_string(sum_)};
    return std::make_unique<SumWork>(std::move(result), faults_.work_steps, faults_.work);
  }
  void checkpoint_completed(CheckpointId id) override { calls_.push_back("completed " + std::to_string(id)); }
  void checkpoint_aborted(CheckpointId id) override { calls_.push_back("aborted " + std::to_string(id)); }
  bool settled() const override { return is_settled; }
  std::uint64_t records_out() const override { return out_.emitted(); }

  void commit_in_background() {
    is_settled = false;
    context_->run_blocking([this] {
      if (!faults_.blocking.empty()) throw Error{ErrorCode::kIo, faults_.blocking};
      is_settled = true;
      return true;
    });
  }

  std::string folder;
  bool is_settled = true;
  int due = 0;  // how many times more is due than a call fires
  std::vector<Timestamp> wakes;
  bool wakes_again = false;
  bool holds = false;  // what it has, until it is told otherwise

 private:
  // A record less than zero a call, a batch each.
  bool fire_some(Timestamp time) {
    if (due == 0) return true;
    out_.emit(time, -due);
    out_.flush();
    --due;
    return false;
  }

  std::vector<std::string>& calls_;
  const Faults& faults_;
  detail::OperatorContext* context_ = nullptr;
  Out<std::int64_t> out_;
  std::int64_t sum_ = 0;
};

class Scripted final : public detail::SourceOperator {
 public:
  using enum Poll;
  Out<std::int64_t>& out() { return out_; }
  void open(detail::OperatorContext& context) override { context_ = &context; }
  void receive(detail::Batch&) override {}
  Poll poll() override {
    ++polls;
    if (script.empty()) return kNothing;
    const auto next = script.front();
    script.pop_front();
    return next();
  }
  Timestamp watermark() const override { return Timestamp{watermark_ms}; }
  bool idle() const override { return is_idle; }
  std::int64_t retry_after_ns() const override { return retry_ns; }

  Poll emit(std::int64_t value) {
    out_.emit(Timestamp{value}, value);
    out_.flush();
    return kEmitted;
  }
  void post(std::function<void()> mail) { context_->post_mail(std::move(mail)); }

  std::deque<std::function<Poll()>> script;
  std::int64_t watermark_ms = INT64_MIN;
  bool is_idle = false;
  std::int64_t retry_ns = 0;
  int polls = 0;

 private:
  detail::OperatorContext* context_ = nullptr;
  Out<std::int64_t> out_;
};

/// Holds what it is given until the test lets it go.
class Holding final : public detail::WaitingOperator {
 public:
  Out<std::int64_t>& out() { return out_; }
  void open(detail::OperatorContext& context) override { context_ = &context; }
  void receive(detail::Batch& in) override {
    const auto& batch = static_cast<detail::TypedBatch<std::int64_t>&>(in);
    held.insert(held.end(), batch.values(), batch.values() + batch.size());
  }
  void on_input_time(const detail::WatermarkChange& change) override {
    if (change.watermark) input_watermark_ = *change.watermark;
    if (change.idle) input_is_idle_ = *change.idle;
  }
  void on_end_of_input() override { has_ended_ = true; }
  bool takes_batches() const override { return held.size() < 3; }
  bool ready() const override { return lets_go && !held.empty(); }
  Poll poll() override {
    if (lets_go) {
      watermark_ = input_watermark_;
      for (const std::int64_t value : std::exchange(held, {})) out_.emit(Timestamp{value}, value);
      out_.flush();
    }
    return has_ended_ && held.empty() ? Poll::kFinished : Poll::kNothing;
  }
  Timestamp watermark() const override { return watermark_; }
  bool idle() const override { return input_is_idle_ && held.empty(); }

  void let_go() {
    context_->post_mail([this] { lets_go = true; });
  }
  std::vector<std::int64_t> held;
  bool lets_go = false;

 private:
  detail::OperatorContext* context_ = nullptr;
  Out<std::int64_t> out_;
  Timestamp input_watermark_ = Timestamp::min();
  Timestamp watermark_ = Timestamp::min();
  bool input_is_idle_ = false;
  bool has_ended_ = false;
};

// A task with a hand on every edge.
class TaskTest : public testing::Test {
 protected:
  Task::Config config() {
    Task::Config config;
    config.id = {4, 0};
    config.name = "adding";
    config.job = "job";
    config.env = {.clock = &clock, .pool = &pool};
    config.mode = mode;
    config.inbox = std::make_shared<Inbox>(nullptr);
    config.listener = &log;
    config.folder_of = [](CheckpointId id) { return "/chk-" + std::to_string(id); };
    return config;
  }

  void make_adding_task(std::size_t inputs) {
    for (std::size_t i = 0; i < inputs; ++i) in.push_back(std::make_unique<detail::Edge>());
    auto first = std::make_unique<Adding>(calls, faults);
    auto second = std::make_unique<Adding>(second_calls, second_faults);
    adding = first.get();
    second_adding = second.get();
    first->out().add_receiver(*second);
    auto writer = std::make_unique<detail::RebalanceWriter<std::int64_t>>(std::vector<detail::SendingEnd*>{&out});
    second->out().add_receiver(*writer);
    std::vector<Task::Node> chain(2);
    chain[0].op = std::move(first);
    chain[0].context.name = {"first", "one", 0};
    chain[1].op = std::move(second);
    chain[1].context.name = {"second", "two", 0};
    std::vector<Task::Input> inputs_of_task;
    for (auto& edge : in) inputs_of_task.push_back({edge.get(), chain[0].op.get()});
    std::vector<std::unique_ptr<detail::EdgeWriter>> outputs;
    outputs.push_back(std::move(writer));
    task = std::make_unique<Task>(config(), std::move(chain), inputs_of_task, std::move(outputs));
    task->open();
    run();
    log.take();
    calls.clear();
    second_calls.clear();
  }

  // `then`: an operator behind the source.
  void make_source_task(bool with_input = false, std::unique_ptr<Adding> then = nullptr, bool drained = false) {
    auto op = std::make_unique<Scripted>();
    source = op.get();
    adding = then.get();
    auto writer = std::make_unique<detail::RebalanceWriter<std::int64_t>>(std::vector<detail::SendingEnd*>{&out});
    (then != nullptr ? then->out() : op->out()).add_receiver(*writer);
    if (then != nullptr) op->out().add_receiver(*then);
    std::vector<Task::Node> chain(1);
    chain[0].op = std::move(op);
    chain[0].context.name = {"source", "src", 0};
    if (then != nullptr) {
      chain.emplace_back().op = std::move(then);
      chain[1].context.name = {"adding", "one", 0};
    }
    std::vector<Task::Input> inputs;
    if (with_input) {
      in.push_back(std::make_unique<detail::Edge>());
      inputs.push_back({in[0].get(), chain[0].op.get()});
    }
    std::vector<std::unique_ptr<detail::EdgeWriter>> outputs;
    outputs.push_back(std::move(writer));
    task = std::make_unique<Task>(config(), std::move(chain), inputs, std::move(outputs));
    task->open(drained);
    task->step();
    log.take();
    read();
  }

  void make_holding_task() {
    for (std::size_t i = 0; i < 2; ++i) in.push_back(std::make_unique<detail::Edge>());
    auto op = std::make_unique<Holding>();
    holding = op.get();
    auto writer = std::make_unique<detail::RebalanceWriter<std::int64_t>>(std::vector<detail::SendingEnd*>{&out});
    op->out().add_receiver(*writer);
    std::vector<Task::Node> chain(1);
    chain[0].op = std::move(op);
    chain[0].context.name = {"holding", "one", 0};
    std::vector<std::unique_ptr<detail::EdgeWriter>> outputs;
    outputs.push_back(std::move(writer));
    task = std::make_unique<Task>(config(), std::move(chain), std::vector<Task::Input>{{in[0].get(), holding, 0}, {in[1].get(), holding, 1}},
                                  std::move(outputs));
    task->open(true);
    run();
    log.take();
  }

  void TearDown() override {
    if (task == nullptr) return;
    task->cancel();
    for (int i = 0; i < 10 && task->state() != Task::State::kEnded; ++i) {
      task->step();
      pool.run_out();
    }
    EXPECT_EQ(task->state(), Task::State::kEnded);
    EXPECT_EQ(std::count(log.lines.begin(), log.lines.end(), "ended"), ended_before ? 0 : 1);
  }

  // Until it can go on no further.
  int run(int most = 1000) {
    int steps = 0;
    while (steps < most && task->step() == Progress::kMadeProgress) ++steps;
    return steps;
  }

  void send(std::size_t channel, std::vector<std::int64_t> values) {
    auto& batch = batches.emplace_back(std::make_unique<detail::TypedBatch<std::int64_t>>());
    for (const std::int64_t value : values) batch->append(value, value);
    ASSERT_TRUE(in[channel]->try_push(Element::of_batch(batch.get())));
  }
  void push(std::size_t channel, const Element& element) { ASSERT_TRUE(in[channel]->try_push(element)); }
  void barrier(std::size_t channel, CheckpointId id) { push(channel, Element::of_barrier({.id = id, .mode = mode})); }

  // What left the task: "1 2 w5 b1 c2 end".
  std::string read() {
    std::string text;
    Element element;
    while (out.try_pop(element)) {
      if (!text.empty()) text += " ";
      switch (element.kind) {
        case Element::Kind::kBatch: {
          auto& batch = static_cast<detail::TypedBatch<std::int64_t>&>(*element.batch);
          for (std::uint32_t i = 0; i < batch.size(); ++i) text += (i > 0 ? " " : "") + std::to_string(batch.values()[i]);
          out.give_back(element.batch);
          break;
        }
        case Element::Kind::kWatermark: text += "w" + std::to_string(element.watermark.ms()); break;
        case Element::Kind::kBarrier: text += "b" + std::to_string(element.barrier.id); break;
        case Element::Kind::kCancelMarker: text += "c" + std::to_string(element.barrier.id); break;
        case Element::Kind::kEndOfData: text += "end"; break;
        case Element::Kind::kIdle: text += "idle"; break;
        case Element::Kind::kActive: text += "active"; break;
      }
    }
    return text;
  }

  CheckpointMode mode = CheckpointMode::kExactlyOnce;
  ManualClock clock;
  ManualPool pool;
  Log log;
  Faults faults, second_faults;
  std::vector<std::string> calls, second_calls;
  std::vector<std::unique_ptr<detail::Edge>> in;
  detail::Edge out;
  std::vector<std::unique_ptr<detail::TypedBatch<std::int64_t>>> batches;
  bool ended_before = false;
  Adding* adding = nullptr;
  Adding* second_adding = nullptr;
  Scripted* source = nullptr;
  Holding* holding = nullptr;
  std::unique_ptr<Task> task;  // last: it ends before what it uses
};

TEST_F(TaskTest, HandsRecordsAndWatermarksThroughTheChainInOrder) {
  make_adding_task(1);
  send(0, {1, 2});
  push(0, Element::of_watermark(Timestamp{5}));
  send(0, {6});
  run();
  EXPECT_THAT(calls, ElementsAre("1", "2", "w5", "6"));
  EXPECT_THAT(second_calls, ElementsAre("1", "2", "w5", "6"));
  const std::string sent = read();
  EXPECT_TRUE(sent == "1 2 w5 6" || sent == "1 2 6 w5") << sent;
  EXPECT_EQ(task->metrics().nodes[0].records_out.load(), 3u);
  EXPECT_EQ(task->metrics().watermark_ms.load(), 5);
  EXPECT_GE(task->metrics().elements_out.load(), 2u);
  EXPECT_NE(in[0]->take_back(), nullptr);
  EXPECT_NE(in[0]->take_back(), nullptr) << "every batch goes home";
}

TEST_F(TaskTest, TheWatermarkIsTheLowestOfItsInputsAndIdleOnesDoNotHoldIt) {
  make_adding_task(2);
  push(0, Element::of_watermark(Timestamp{9}));
  run();
  EXPECT_EQ(read(), "");
  push(1, Element::of_watermark(Timestamp{5}));
  run();
  EXPECT_EQ(read(), "w5");
  push(1, Element::of(Element::Kind::kIdle));
  run();
  EXPECT_EQ(read(), "w9");
  push(0, Element::of(Element::Kind::kIdle));
  run();
  EXPECT_EQ(read(), "idle");
  push(1, Element::of(Element::Kind::kActive));
  run();
  EXPECT_EQ(read(), "active");
}

TEST_F(TaskTest, ExactlyOnceHoldsTheChannelThatDeliveredItsBarrier) {
  make_adding_task(2);
  send(0, {1});
  barrier(0, 1);
  send(0, {10});
  send(1, {2});
  run();
  EXPECT_EQ(read(), "1 2") << "behind the barrier nothing is read";
  clock.now_ns += 500;
  send(1, {3});
  barrier(1, 1);
  send(1, {20});
  run();
  pool.run_out();
  run();
  EXPECT_EQ(read(), "3 b1 10 20");
  EXPECT_THAT(log.take(), ElementsAre("ack 1 one=6 two=6"));
  EXPECT_EQ(log.last.alignment_ns, 500);
  EXPECT_EQ(log.last.bytes, 14u);
  EXPECT_EQ(adding->folder, "/chk-1");
}

TEST_F(TaskTest, AtLeastOnceGoesOnReadingWhileItWaitsForTheOtherBarrier) {
  mode = CheckpointMode::kAtLeastOnce;
  make_adding_task(2);
  send(0, {1});
  barrier(0, 1);
  send(0, {10});
  run();
  EXPECT_EQ(read(), "1 10");
  barrier(1, 1);
  run();
  pool.run_out();
  run();
  EXPECT_EQ(read(), "b1");
  EXPECT_THAT(log.take(), ElementsAre("ack 1 one=11 two=11"));
}

TEST_F(TaskTest, RecordsGoOnWhileTheSnapshotIsWritten) {
  faults.work_steps = 5;
  make_adding_task(1);
  send(0, {1});
  barrier(0, 1);
  send(0, {2});
  run();
  EXPECT_EQ(read(), "1 b1 2");
  EXPECT_THAT(log.take(), IsEmpty());
  pool.run_out();
  run();
  EXPECT_THAT(log.take(), ElementsAre("ack 1 one=1 two=1"));
}

TEST_F(TaskTest, ASnapshotThatCannotBeWrittenIsDeclinedAndTheTaskGoesOn) {
  second_faults.work = "the disk is full";
  make_adding_task(1);
  barrier(0, 1);
  run();
  pool.run_out();
  run();
  EXPECT_THAT(log.take(), ElementsAre("decline 1 " + std::string{to_string(DeclineReason::kIo)}));
  EXPECT_EQ(log.last_error, "the disk is full");
  second_faults.work.clear();
  barrier(0, 2);
  run();
  pool.run_out();
  run();
  EXPECT_THAT(log.take(), ElementsAre("ack 2 one=0 two=0"));
}

TEST_F(TaskTest, ASnapshotThatThrowsAtTheBarrierFailsTheTask) {
  faults.snapshot = "no room";
  make_adding_task(1);
  barrier(0, 1);
  run();
  EXPECT_THAT(log.take(), ElementsAre("failed"));
  EXPECT_THAT(log.last_error, HasSubstr("no room"));
  EXPECT_THAT(log.last_error, HasSubstr("adding, subtask 0"));
}

TEST_F(TaskTest, ANewerBarrierGivesTheOlderCheckpointUpAndTellsDownstream) {
  make_adding_task(2);
  barrier(0, 1);
  run();
  barrier(1, 2);
  run();
  EXPECT_EQ(read(), "c1");
  EXPECT_THAT(log.take(), ElementsAre("decline 1 " + std::string{to_string(DeclineReason::kAlignmentAborted)}));
  barrier(0, 2);
  run();
  pool.run_out();
  run();
  EXPECT_EQ(read(), "b2");
  EXPECT_THAT(log.take(), ElementsAre("ack 2 one=0 two=0"));
}

TEST_F(TaskTest, ACancelMarkerIsPassedOnAndFreesTheHeldChannel) {
  make_adding_task(2);
  barrier(0, 1);
  send(0, {5});
  run();
  push(1, Element::of_cancel_marker(1));
  run();
  EXPECT_EQ(read(), "c1 5");
  EXPECT_THAT(log.take(), ElementsAre("decline 1 " + std::string{to_string(DeclineReason::kCancelMarker)}));
}

TEST_F(TaskTest, AnAbortNotificationEndsAlignmentAndTellsOperatorsWithoutADecline) {
  make_adding_task(2);
  barrier(0, 1);
  send(0, {5});
  run();
  task->notify_aborted(1);
  run();
  EXPECT_EQ(read(), "c1 5");
  EXPECT_THAT(log.take(), IsEmpty());
  EXPECT_THAT(calls, ElementsAre("aborted 1", "5"));
  EXPECT_THAT(second_calls, ElementsAre("aborted 1", "5"));
}

TEST_F(TaskTest, AnAbortNotificationGivesTheRunningSnapshotUp) {
  faults.work_steps = 1'000'000;
  make_adding_task(1);
  barrier(0, 1);
  run();
  task->notify_aborted(1);
  run();
  for (int i = 0; i < 10; ++i) pool.step_all();
  run();
  EXPECT_TRUE(pool.works.empty());
  EXPECT_THAT(log.take(), testing::Not(Contains(HasSubstr("ack"))));
}

TEST_F(TaskTest, CompletionReachesEveryOperator) {
  make_adding_task(1);
  task->notify_complete(3);
  run();
  EXPECT_THAT(calls, ElementsAre("completed 3"));
  EXPECT_THAT(second_calls, ElementsAre("completed 3"));
}

TEST_F(TaskTest, TheEndOfDataWaitsForAllInputsAndBarriersStillPass) {
  make_adding_task(2);
  send(0, {1});
  push(0, Element::of(Element::Kind::kEndOfData));
  run();
  EXPECT_THAT(log.take(), IsEmpty());
  push(1, Element::of_watermark(Timestamp::max()));
  push(1, Element::of(Element::Kind::kEndOfData));
  run();
  EXPECT_THAT(log.take(), ElementsAre("end of data"));
  EXPECT_THAT(second_calls, Contains("end"));
  EXPECT_EQ(task->state(), Task::State::kDrained);
  EXPECT_EQ(read(), "1 end");
  barrier(0, 9);
  barrier(1, 9);
  run();
  pool.run_out();
  run();
  EXPECT_EQ(read(), "b9");
  EXPECT_THAT(log.take(), ElementsAre("ack 9 one=1 two=1"));
}

TEST_F(TaskTest, FinishingWaitsForCommitsInTheBackgroundAndForSettled) {
  make_adding_task(1);
  push(0, Element::of(Element::Kind::kEndOfData));
  run();
  log.take();
  adding->commit_in_background();
  task->finish();
  run();
  EXPECT_THAT(log.take(), IsEmpty());
  pool.run_out();
  while (task->step() == Progress::kMadeProgress) {
  }
  EXPECT_EQ(task->state(), Task::State::kEnded);
  EXPECT_THAT(log.take(), ElementsAre("ended"));
  EXPECT_EQ(task->step(), Progress::kDone);
  ended_before = true;
}

TEST_F(TaskTest, ACommitIsTriedAgainBehindTheEndOfInputAndNothingElseFires) {
  make_adding_task(1);
  push(0, Element::of(Element::Kind::kEndOfData));
  run();
  ASSERT_EQ(task->state(), Task::State::kDrained);
  adding->wakes = {Timestamp{clock.wall_ms() + 50}};
  EXPECT_EQ(task->next_deadline_ns(), std::nullopt) << "a timer fires no more";
  adding->is_settled = false;
  EXPECT_EQ(task->next_deadline_ns(), clock.now_ns + 50'000'000);
  calls.clear();
  run();
  EXPECT_THAT(calls, IsEmpty());
  clock.advance_ms(50);
  run();
  EXPECT_THAT(calls, ElementsAre("p" + std::to_string(clock.wall_ms())));
}

TEST_F(TaskTest, AFailingCommitFailsTheTaskEvenWhileItFinishes) {
  faults.blocking = "the folder is gone";
  make_adding_task(1);
  adding->commit_in_background();
  task->finish();
  run();
  pool.run_out();
  run();
  EXPECT_THAT(log.take(), ElementsAre("failed"));
  EXPECT_EQ(task->state(), Task::State::kFailed);
  EXPECT_THAT(log.last_error, HasSubstr("the folder is gone"));
}

TEST_F(TaskTest, CancelWaitsForTheWorkInTheBackgroundWhichIsGivenUp) {
  faults.work_steps = 1'000'000;
  make_adding_task(1);
  barrier(0, 1);
  run();
  task->cancel();
  run();
  EXPECT_EQ(task->state(), Task::State::kCancelled);
  EXPECT_THAT(log.take(), IsEmpty());
  for (int i = 0; i < 10; ++i) pool.step_all();
  EXPECT_EQ(task->step(), Progress::kDone);
  EXPECT_THAT(log.take(), ElementsAre("ended"));
  ended_before = true;
}

TEST_F(TaskTest, ATaskCancelledBeforeItOpensNeverOpens) {
  auto op = std::make_unique<Adding>(calls, faults);
  std::vector<Task::Node> chain(1);
  chain[0].op = std::move(op);
  task = std::make_unique<Task>(config(), std::move(chain), std::vector<Task::Input>{}, std::vector<std::unique_ptr<detail::EdgeWriter>>{});
  task->cancel();
  task->open();
  while (task->step() == Progress::kMadeProgress) {
  }
  EXPECT_THAT(calls, IsEmpty());
  EXPECT_THAT(log.take(), ElementsAre("ended"));
  ended_before = true;
}

TEST_F(TaskTest, ACheckpointTriggeredBeforeTheTaskOpensIsDeclined) {
  auto op = std::make_unique<Adding>(calls, faults);
  std::vector<Task::Node> chain(1);
  chain[0].op = std::move(op);
  task = std::make_unique<Task>(config(), std::move(chain), std::vector<Task::Input>{}, std::vector<std::unique_ptr<detail::EdgeWriter>>{});
  task->trigger({.id = 1});
  run();
  EXPECT_THAT(log.take(), ElementsAre("decline 1 " + std::string{to_string(DeclineReason::kNotReady)}));
}

TEST_F(TaskTest, FailsOnceWithTheTextOfWhatTheUserThrewAndThenStandsStill) {
  faults.receive = "division by zero";
  make_adding_task(1);
  send(0, {1});
  send(0, {2});
  run();
  EXPECT_THAT(log.take(), ElementsAre("failed"));
  EXPECT_THAT(log.last_error, HasSubstr("division by zero"));
  EXPECT_THAT(log.last_error, HasSubstr("adding, subtask 0"));
  EXPECT_NE(in[0]->take_back(), nullptr) << "the batch that failed goes home, too";
  EXPECT_EQ(task->step(), Progress::kBlocked);
  task->notify_complete(1);
  task->finish();
  run();
  EXPECT_EQ(task->state(), Task::State::kFailed);
}

TEST_F(TaskTest, AnUnguardedFailureWithinTheChainNamesTheTask) {
  second_faults.receive = "the sink is closed";
  make_adding_task(1);
  send(0, {1});
  run();
  EXPECT_THAT(log.take(), ElementsAre("failed"));
  EXPECT_THAT(log.last_error, HasSubstr("adding, subtask 0"));
  EXPECT_THAT(log.last_error, HasSubstr("the sink is closed"));
}

TEST_F(TaskTest, FailingToOpenIsAFailureAndNoOperatorUpstreamIsOpened) {
  second_faults.open = "no such host";
  make_adding_task(1);  // takes the log
  EXPECT_EQ(task->state(), Task::State::kFailed);
  EXPECT_THAT(log.last_error, HasSubstr("no such host"));
}

TEST_F(TaskTest, WithAFullOutboxNoInputIsTaken) {
  make_adding_task(1);
  std::size_t pushed = 0;
  for (int round = 0; round < 100; ++round) {
    while (pushed < 100'000) {
      auto& batch = batches.emplace_back(std::make_unique<detail::TypedBatch<std::int64_t>>());
      for (std::uint32_t i = 0; i < detail::Batch::kCapacity; ++i) batch->append(1, 1);
      if (!in[0]->try_push(Element::of_batch(batch.get()))) break;
      ++pushed;
    }
    run();
  }
  EXPECT_EQ(task->step(), Progress::kBlocked);
  EXPECT_LE(pushed, 2 * detail::Edge::kCapacity + 3) << "what lies in the task and on its way is bounded";
  EXPECT_EQ(task->metrics().records_in.load(), (pushed - detail::Edge::kCapacity) * detail::Batch::kCapacity);
  const Occupancy& occupancy = task->metrics().occupancy;
  const std::int64_t held_up_ns = occupancy.ns_in(Occupancy::State::kBackpressured, clock.now_ns);
  clock.advance_ms(30);
  EXPECT_EQ(occupancy.state(), Occupancy::State::kBackpressured);
  EXPECT_EQ(occupancy.ns_in(Occupancy::State::kBackpressured, clock.now_ns), held_up_ns + 30'000'000);
  EXPECT_EQ(occupancy.ns_in(Occupancy::State::kIdle, clock.now_ns), 0);
  read();
  EXPECT_EQ(task->step(), Progress::kMadeProgress);
  EXPECT_EQ(occupancy.state(), Occupancy::State::kBusy);
}

TEST_F(TaskTest, EachOperatorTellsHowFarItsEventTimeHasComeAndAnOperatorThatStillFiresHasNotHandedItOn) {
  make_adding_task(1);
  const auto times = [&](std::size_t node) {
    return std::pair{task->metrics().nodes[node].watermark_in_ms.load(), task->metrics().nodes[node].watermark_out_ms.load()};
  };
  EXPECT_EQ(times(0), std::pair(INT64_MIN, INT64_MIN));
  push(0, Element::of_watermark(Timestamp{5}));
  run();
  EXPECT_EQ(times(0), std::pair(std::int64_t{5}, std::int64_t{5}));
  EXPECT_EQ(times(1), times(0));
  second_adding->due = 1;
  push(0, Element::of_watermark(Timestamp{9}));
  task->step();
  EXPECT_EQ(times(0), std::pair(std::int64_t{9}, std::int64_t{9}));
  EXPECT_EQ(times(1), std::pair(std::int64_t{9}, std::int64_t{5}));
  run();
  EXPECT_EQ(times(1), times(0));
}

TEST_F(TaskTest, MeasuresWhenItIsAskedHowLongItsMailTookAndHowFarEachInputIs) {
  make_holding_task();
  push(0, Element::of_watermark(Timestamp{5}));
  push(1, Element::of_watermark(Timestamp{8}));
  run();
  ASSERT_EQ(task->metrics().input_watermarks_ms.size(), 2u);
  EXPECT_EQ(task->metrics().input_watermarks_ms[0].load(), INT64_MIN) << "nobody has asked";
  task->measure();
  task->measure();
  clock.advance_ms(7);
  run();
  EXPECT_EQ(task->metrics().mail_latency_ns.load(), 7'000'000);
  EXPECT_EQ(task->metrics().input_watermarks_ms[0].load(), 5);
  EXPECT_EQ(task->metrics().input_watermarks_ms[1].load(), 8);
}

TEST_F(TaskTest, TellsHowFullItsEdgesAre) {
  make_adding_task(1);
  EXPECT_EQ(task->input_load().elements, 0u);
  EXPECT_EQ(task->input_load().capacity, detail::Edge::kCapacity);
  send(0, {1});
  send(0, {2});
  EXPECT_EQ(task->input_load().elements, 2u);
  run();
  EXPECT_EQ(task->input_load().elements, 0u);
  EXPECT_GT(task->output_load().elements, 0u);
  read();
  EXPECT_EQ(task->output_load().elements, 0u);
}

TEST_F(TaskTest, WhatAnOperatorKeepsBackGoesOutBeforeAnyBarrierOrMarker) {
  make_adding_task(1);
  adding->holds = true;
  send(0, {1});
  push(0, Element::of_watermark(Timestamp{5}));
  send(0, {2});
  push(0, Element::of_barrier({.id = 1}));
  send(0, {3});
  push(0, Element::of(Element::Kind::kIdle));
  send(0, {4});
  push(0, Element::of(Element::Kind::kEndOfData));
  run();
  EXPECT_EQ(read(), "w5 1 2 b1 3 idle 4 end");
  EXPECT_EQ(task->metrics().occupancy.state(), Occupancy::State::kIdle);
}

TEST_F(TaskTest, ASourceIsPolledUntilItHasNothingAndThenNotBeforeMail) {
  make_source_task();
  source->script.push_back([this] { return source->emit(1); });
  source->script.push_back([this] { return source->emit(2); });
  task->notify_complete(1);  // any mail
  run();
  EXPECT_EQ(read(), "1 2") << "flushed when it has run dry";
  const int polls = source->polls;
  for (int i = 0; i < 5; ++i) EXPECT_EQ(task->step(), Progress::kBlocked);
  EXPECT_EQ(source->polls, polls);
  EXPECT_EQ(task->next_deadline_ns(), std::nullopt);
  source->post([this] { source->script.push_back([this] { return source->emit(3); }); });
  run();
  EXPECT_EQ(read(), "3");
}

TEST_F(TaskTest, ASourceIsPolledAgainAtItsDeadline) {
  make_source_task();
  source->retry_ns = 100;
  task->notify_complete(1);
  run();
  const int polls = source->polls;
  EXPECT_EQ(task->next_deadline_ns(), clock.now_ns + 100);
  clock.now_ns += 99;
  run();
  EXPECT_EQ(source->polls, polls);
  clock.now_ns += 1;
  run();
  EXPECT_EQ(source->polls, polls + 1);
  EXPECT_EQ(task->next_deadline_ns(), clock.now_ns + 100);
}

TEST_F(TaskTest, ASourceIsWokenByItsInput) {
  make_source_task(true);
  const int polls = source->polls;
  push(0, Element::of_watermark(Timestamp{1}));
  run();
  EXPECT_GT(source->polls, polls);
  EXPECT_EQ(read(), "") << "a reader's watermark comes from its splits";
}

// Otherwise a driver that sleeps until the deadline would not sleep at all.
TEST_F(TaskTest, WithAFullOutboxASourceHasNoDeadline) {
  make_source_task();
  source->retry_ns = 100;
  for (std::size_t i = 0; i < detail::Edge::kCapacity + 5; ++i) {
    source->script.push_back([this] { return source->emit(1); });
    source->script.push_back([] { return Scripted::kNothing; });
    clock.now_ns += 1000;
    task->notify_complete(i + 1);
    run();
  }
  EXPECT_EQ(task->step(), Progress::kBlocked);
  EXPECT_EQ(task->next_deadline_ns(), std::nullopt);
  read();
  run();
  EXPECT_NE(task->next_deadline_ns(), std::nullopt);
}

TEST_F(TaskTest, ASourcesWatermarkIdlenessAndEndAreToldBehindItsRecords) {
  make_source_task();
  source->script.push_back([this] {
    source->watermark_ms = 7;
    return source->emit(8);
  });
  source->script.push_back([this] {
    source->is_idle = true;
    return Scripted::kNothing;
  });
  task->notify_complete(1);
  run();
  EXPECT_EQ(read(), "8 w7 idle");
  source->script.push_back([this] {
    source->is_idle = false;
    source->watermark_ms = INT64_MAX;
    source->emit(9);
    return Scripted::kFinished;
  });
  task->notify_complete(2);
  run();
  EXPECT_EQ(read(), "9 w" + std::to_string(INT64_MAX) + " active end");
  EXPECT_THAT(log.take(), ElementsAre("end of data"));
  const int polls = source->polls;
  task->notify_complete(3);
  run();
  EXPECT_EQ(source->polls, polls) << "never polled again";
}

TEST_F(TaskTest, ATriggerStartsTheBarrierAtASourceBehindItsRecords) {
  make_source_task();
  source->script.push_back([this] { return source->emit(1); });
  task->notify_complete(1);
  task->step();
  task->trigger({.id = 5});
  run();
  EXPECT_EQ(read(), "1 b5");
  EXPECT_THAT(log.take(), ElementsAre("ack 5")) << "nothing to keep: acknowledged at once";
}

TEST_F(TaskTest, ABusySourceStillFlushesSparseRecords) {
  make_source_task();
  for (int i = 0; i < 1000; ++i) source->script.push_back([this, i] { return i == 0 ? source->emit(1) : Scripted::kEmitted; });
  task->notify_complete(1);
  run(400);
  EXPECT_EQ(read(), "1");
}

TEST_F(TaskTest, AllThatIsDueFiresBeforeAnyOtherInputAndTheWatermarkGoesOnBehindIt) {
  make_adding_task(2);
  push(1, Element::of_watermark(Timestamp{5}));
  push(1, Element::of(Element::Kind::kIdle));
  run();
  adding->due = 3;
  second_adding->due = 1;
  push(0, Element::of_watermark(Timestamp{7}));
  send(0, {10});
  barrier(0, 1);
  barrier(1, 1);
  EXPECT_EQ(task->step(), Progress::kMadeProgress);
  run();
  EXPECT_THAT(calls, ElementsAre("w7", "w7", "w7", "w7", "10"));
  EXPECT_THAT(second_calls, ElementsAre("-3", "-2", "-1", "w7", "w7", "10"));
  EXPECT_EQ(read(), "-3 -2 -1 -1 10 w7 b1");
}

TEST_F(TaskTest, BetweenTwoFiringsTheOutboxIsEmptied) {
  make_adding_task(1);
  adding->due = 100'000;
  push(0, Element::of_watermark(Timestamp{7}));
  send(0, {1});
  run(100'000);
  EXPECT_EQ(task->step(), Progress::kBlocked);
  EXPECT_LT(calls.size(), (detail::Edge::kCapacity + 2) * detail::Batch::kCapacity) << "what is not read is not made";
  EXPECT_EQ(task->next_deadline_ns(), std::nullopt);
  std::size_t longest = 0;
  while (adding->due > 0) {
    const int before = adding->due;
    read();
    run(100'000);
    longest = std::max(longest, static_cast<std::size_t>(before - adding->due));
  }
  EXPECT_LE(longest, (detail::Edge::kCapacity + 1) * detail::Batch::kCapacity);
  EXPECT_THAT(calls, Contains("1")) << "and then the input goes on";
}

TEST_F(TaskTest, ATriggerWaitsUntilAllThatIsDueHasFired) {
  make_source_task(false, std::make_unique<Adding>(calls, faults));
  adding->due = 3;
  source->script.push_back([this] {
    source->watermark_ms = 7;
    return source->emit(1);
  });
  task->notify_complete(1);
  task->step();
  task->trigger({.id = 5});
  task->trigger({.id = 6});
  task->step();
  EXPECT_EQ(adding->due, 1) << "still firing";
  const int polls = source->polls;
  task->step();
  EXPECT_EQ(source->polls, polls) << "not polled meanwhile";
  EXPECT_THAT(log.take(), IsEmpty());
  run();
  pool.run_out();
  run();
  EXPECT_EQ(read(), "1 -3 -2 -1 w7 b5 b6");
  EXPECT_THAT(log.take(), ElementsAre("ack 5 one=1", "ack 6 one=1"));
}

TEST_F(TaskTest, ATriggerThatIsAbortedWhileItWaitsBecomesACancelMarker) {
  make_source_task(false, std::make_unique<Adding>(calls, faults));
  adding->due = 3;
  source->script.push_back([this] {
    source->watermark_ms = 7;
    return source->emit(1);
  });
  task->notify_complete(1);
  task->step();
  task->trigger({.id = 5});
  task->notify_aborted(5);
  run();
  EXPECT_EQ(read(), "1 -3 -2 -1 w7 c5");
  EXPECT_THAT(log.take(), IsEmpty());
}

TEST_F(TaskTest, TheEndOfASourceWaitsUntilAllThatIsDueHasFired) {
  make_source_task(false, std::make_unique<Adding>(calls, faults));
  adding->due = 2;
  source->script.push_back([this] {
    source->watermark_ms = INT64_MAX;
    source->is_idle = true;
    return Scripted::kFinished;
  });
  task->notify_complete(1);
  task->step();
  EXPECT_EQ(task->state(), Task::State::kRunning);
  run();
  EXPECT_EQ(read(), "-2 -1 w" + std::to_string(INT64_MAX) + " idle end");
  EXPECT_EQ(calls.back(), "end");
  EXPECT_THAT(log.take(), ElementsAre("end of data"));
}

TEST_F(TaskTest, ADrainedSourceEndsWhereItStandsAndIsNotPolledAgain) {
  make_source_task();
  source->script.push_back([this] {
    source->watermark_ms = 7;
    source->is_idle = true;
    return source->emit(8);
  });
  source->script.push_back([this] { return source->emit(9); });
  task->notify_complete(1);
  task->step();
  task->drain();
  task->drain();
  run();
  EXPECT_EQ(read(), "8 w7 idle w" + std::to_string(INT64_MAX) + " active end");
  EXPECT_THAT(log.take(), ElementsAre("end of data"));
  EXPECT_EQ(source->script.size(), 1U);
  task->trigger({.id = 5});
  run();
  EXPECT_EQ(read(), "b5") << "it lives on for the savepoint";
}

TEST_F(TaskTest, ASourceThatIsOpenedDrainedEndsInItsFirstStep) {
  make_source_task(false, nullptr, true);
  EXPECT_EQ(task->state(), Task::State::kDrained);
  source->script.push_back([this] { return source->emit(8); });
  run();
  EXPECT_EQ(source->script.size(), 1U) << "and is not polled";
}

TEST_F(TaskTest, NothingOvertakesWhatADrainMakesDue) {
  make_source_task(false, std::make_unique<Adding>(calls, faults));
  adding->due = 2;
  source->script.push_back([this] {
    source->watermark_ms = 7;
    return source->emit(1);
  });
  task->notify_complete(1);
  task->step();
  task->trigger({.id = 5});
  task->drain();
  task->trigger({.id = 6});
  task->step();
  run();
  EXPECT_EQ(read(), "1 -2 -1 w7 b5 w" + std::to_string(INT64_MAX) + " end b6");
  EXPECT_EQ(calls.back(), "end");
}

TEST_F(TaskTest, ADrainIsNothingToATaskWithoutASource) {
  make_adding_task(1);
  task->drain();
  send(0, {1});
  run();
  EXPECT_EQ(read(), "1");
  EXPECT_THAT(log.take(), IsEmpty());
}

TEST_F(TaskTest, WhatIsHeldBackHoldsTimeAndTheEndButNoBarrier) {
  make_holding_task();
  for (const std::size_t channel : {0, 1}) {
    send(channel, {static_cast<std::int64_t>(channel)});
    push(channel, Element::of_watermark(Timestamp{5}));
    push(channel, Element::of(Element::Kind::kIdle));
    barrier(channel, 1);
    push(channel, Element::of(Element::Kind::kEndOfData));
  }
  task->drain();
  run();
  EXPECT_EQ(read(), "b1") << "and what is drained are sources alone";
  EXPECT_THAT(log.take(), ElementsAre("ack 1"));
  holding->let_go();
  run();
  EXPECT_EQ(read(), "0 1 w5 idle end");
  EXPECT_THAT(log.take(), ElementsAre("end of data"));
}

TEST_F(TaskTest, WithoutRoomForABatchAllElseGoesOn) {
  make_holding_task();
  send(0, {1, 2, 3});
  run();
  send(0, {4});
  push(1, Element::of_watermark(Timestamp{7}));
  barrier(1, 1);
  run();
  EXPECT_EQ(holding->held.size(), 3u);
  EXPECT_FALSE(in[1]->has_element());
  EXPECT_TRUE(in[0]->has_element());
  holding->let_go();
  run();
  EXPECT_EQ(read(), "1 2 3 4");
  EXPECT_FALSE(in[0]->has_element());
}

TEST_F(TaskTest, CancelEndsATaskThatHasMoreToFire) {
  make_adding_task(1);
  adding->due = 1'000'000;
  push(0, Element::of_watermark(Timestamp{7}));
  for (int i = 0; i < 3; ++i) task->step();
  const int left = adding->due;
  task->cancel();
  EXPECT_EQ(task->step(), Progress::kDone);
  EXPECT_EQ(adding->due, left);
  EXPECT_THAT(log.take(), ElementsAre("ended"));
  ended_before = true;
}

TEST_F(TaskTest, ProcessingTimeFiresWhenTheWallClockGetsThere) {
  make_adding_task(1);
  clock.jumped_ms = 1'000'000;
  EXPECT_EQ(task->next_deadline_ns(), std::nullopt);
  adding->wakes = {Timestamp{1'000'050}, Timestamp{1'000'070}};
  EXPECT_EQ(task->next_deadline_ns(), clock.now_ns + 50'000'000);
  run();
  EXPECT_THAT(calls, IsEmpty());
  clock.advance_ms(50);
  adding->due = 1;
  run();
  EXPECT_THAT(calls, ElementsAre("p1000050", "p1000050"));
  EXPECT_EQ(read(), "-1") << "flushed when nothing else is to do";
  EXPECT_EQ(task->next_deadline_ns(), clock.now_ns + 20'000'000);
}

TEST_F(TaskTest, AJumpingWallClockNeitherHangsNorHurries) {
  make_adding_task(1);
  adding->wakes = {Timestamp{60'000}};
  EXPECT_EQ(task->next_deadline_ns(), clock.now_ns + 10'000'000'000) << "it looks again before";
  clock.jumped_ms = -3'600'000;
  run();
  EXPECT_THAT(calls, IsEmpty());
  EXPECT_EQ(task->next_deadline_ns(), clock.now_ns + 10'000'000'000);
  clock.jumped_ms = 3'600'000;
  EXPECT_EQ(task->next_deadline_ns(), clock.now_ns);
  run();
  EXPECT_THAT(calls, ElementsAre("p3600000"));
  adding->wakes = {Timestamp::max()};
  EXPECT_EQ(task->next_deadline_ns(), clock.now_ns + 10'000'000'000);
  adding->wakes = {Timestamp::min()};
  EXPECT_EQ(task->next_deadline_ns(), clock.now_ns);
}

TEST_F(TaskTest, ProcessingTimeThatIsAlwaysDueDoesNotKeepTheInputWaiting) {
  make_adding_task(1);
  adding->wakes = {Timestamp{0}};
  adding->wakes_again = true;
  send(0, {1});
  send(0, {2});
  barrier(0, 1);
  run(3);
  EXPECT_THAT(calls, ElementsAre("p0", "1", "p0", "2", "p0"));
  EXPECT_THAT(read(), "1 2 b1");
}

TEST_F(TaskTest, BehindTheEndOfDataProcessingTimeStandsStill) {
  make_adding_task(1);
  adding->wakes = {Timestamp{100}};
  push(0, Element::of(Element::Kind::kEndOfData));
  run();
  clock.advance_ms(200);
  EXPECT_EQ(task->next_deadline_ns(), std::nullopt);
  run();
  EXPECT_THAT(calls, ElementsAre("end"));
}

}  // namespace
}  // namespace tidemark

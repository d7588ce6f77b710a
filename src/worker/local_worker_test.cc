#include "worker/local_worker.h"

#include <gmock/gmock.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "env/transport_harness.h"

namespace tidemark {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

/// Tasks that do nothing until they are cancelled or finished.
class IdleTasks final : public ShareExecution {
 public:
  explicit IdleTasks(ExecutionListener& listener) : listener_{listener} {}
  void start(AttemptStart) override {}
  void open() override {}
  void put_question(NodeId, const detail::SplitQuestion&) override {}
  std::vector<VertexMetrics> vertex_metrics() const override { return {}; }
  std::vector<GroupWatermark> group_watermarks() const override { return {}; }
  void hear_group_watermarks(const std::vector<GroupWatermark>&) override {}
  std::string folder_of(CheckpointId) override { return {}; }
  void set_folder(CheckpointId, std::string) override {}
  void trigger(const Barrier&, const std::string&) override {}
  void notify_complete(CheckpointId) override {}
  void notify_aborted(CheckpointId) override {}
  void drain() override {}
  void finish() override { listener_.on_ended(); }
  void cancel() override { listener_.on_ended(); }

 private:
  ExecutionListener& listener_;
};

struct Told final : WorkerListener {
  void on_sinks_agreed() override {}
  void on_recovered() override {}
  void on_running() override {}
  void on_ack(TaskId, CheckpointId, TaskSnapshot) override {}
  void on_decline(TaskId, CheckpointId, DeclineReason, Error) override {}
  void on_end_of_data(TaskId) override {}
  void on_loading(const LoadEvent&) override {}
  void on_progress(const InputProgress&) override {}
  void on_metrics(std::vector<VertexMetrics>) override {}
  void on_group_watermarks(std::vector<GroupWatermark>) override {}
  void on_task_failed(TaskId, Error error) override { failures.push_back(error.message()); }
  void on_ended() override { ++ended; }
  void on_lost(Error) override {}

  std::vector<std::string> failures;
  int ended = 0;
};

/// A worker of three, at "here:1"; the others are wherever the test has them.
class LocalWorkerTest : public testing::Test {
 protected:
  void start(std::uint32_t worker) {
    worker_.start({.attempt = {.attempt = 1, .restores = {}, .committables = {}, .shared_folder = {}, .lazy_restore = {}},
                   .worker = worker,
                   .worker_of_slot = {0, 1, 2},
                   .data_addresses = {"here:1", "there:1", "nowhere:1"}});
  }
  bool run_until(const std::function<bool()>& holds) {
    return world_.run_until([&] {
      for (Progress progress = Progress::kMadeProgress; !is_done_ && progress == Progress::kMadeProgress;) {
        progress = worker_.step();
        is_done_ = progress == Progress::kDone;
      }
      return holds();
    });
  }
  // Whether or not somebody on the network waits for it.
  void pass_ms(std::int64_t ms) {
    const std::int64_t until_ns = world_.clock().steady_ns() + ms * 1'000'000;
    if (!run_until([&] { return world_.clock().steady_ns() >= until_ns; })) world_.clock().set_ns(until_ns);
    run_until([] { return true; });
  }
  void cancel_and_end() {
    worker_.cancel();
    run_until([&] { return is_done_; });
    EXPECT_TRUE(is_done_);
    EXPECT_EQ(told_.ended, 1);
  }

  test::MemoryWorld world_{5};
  Mailbox& owner_ = world_.make_mailbox();
  std::unique_ptr<Transport> transport_ = world_.network().join("here", {.name = "here", .library = "1"});
  std::unique_ptr<Transport> there_ = world_.network().join("there", {.name = "there", .library = "1"});
  Told told_;
  bool is_done_ = false;
  LocalWorker worker_{world_.clock(), *transport_, {}, [](TaskShare, ExecutionListener& listener) { return std::make_unique<IdleTasks>(listener); },
                      told_};
};

TEST_F(LocalWorkerTest, ACancelEndsItWhileConnectionsAreBeingMade) {
  start(0);
  worker_.cancel();
  cancel_and_end();
  EXPECT_THAT(told_.failures, IsEmpty());
}

TEST_F(LocalWorkerTest, AWorkerThatCantBeReachedFailsTheAttempt) {
  const auto listener = value_or_throw(there_->listen("there:1", {}, owner_, {.on_connection = [](auto) {}, .on_refused = {}}));
  start(1);
  EXPECT_TRUE(run_until([&] { return !told_.failures.empty(); }));
  EXPECT_THAT(told_.failures, ElementsAre(AllOf(HasSubstr("the connection to worker 2"), HasSubstr("nowhere:1"))));
  cancel_and_end();
}

TEST_F(LocalWorkerTest, WorkersThatShouldConnectHaveHalfAMinute) {
  start(2);
  pass_ms(29'000);
  EXPECT_THAT(told_.failures, IsEmpty());
  pass_ms(2'000);
  EXPECT_THAT(told_.failures, ElementsAre(AllOf(HasSubstr("worker 0"), HasSubstr("30000 ms")), HasSubstr("worker 1")));
  pass_ms(60'000);
  EXPECT_EQ(told_.failures.size(), 2u) << "once";
  cancel_and_end();
}

TEST_F(LocalWorkerTest, WhoConnectsBeforeItIsStartedIsHeardThen) {
  std::unique_ptr<Connection> other;
  bool is_over = false;
  const auto listener = value_or_throw(transport_->listen(
      "here:1", {}, owner_, {.on_connection = [&](std::unique_ptr<Connection> c) { worker_.accept(std::move(c)); }, .on_refused = {}}));
  const auto dial = there_->connect("here:1", {}, owner_, [&](auto c) {
    other = std::move(*c);
    other->start(owner_, {.on_frame = [](const Frame&) {}, .on_writable = {}, .on_closed = [&](const Closed&) { is_over = true; }});
    other->send(frame_of(EdgeFrame::kHello, encode_hello({.attempt = 1, .worker = 0, .secret = {}})));
  });
  ASSERT_TRUE(run_until([&] { return other != nullptr; }));
  start(2);
  pass_ms(31'000);
  EXPECT_THAT(told_.failures, ElementsAre(HasSubstr("worker 1"))) << "worker 0 is there";
  cancel_and_end();
  EXPECT_TRUE(run_until([&] { return is_over; }));
}

/// Another worker, which is connected to this one.
struct Other {
  std::unique_ptr<Connection> connection;
  std::vector<std::uint8_t> kinds;  // of the frames that came
  bool is_over = false;
};

/// A worker that has one other, "there".
class LocalWorkerWithAnotherTest : public LocalWorkerTest {
 protected:
  LocalWorkerWithAnotherTest() {
    listener_ = value_or_throw(there_->listen("there:0", {}, owner_, {.on_connection = [this](auto c) { take(std::move(c)); }, .on_refused = {}}));
    worker_.start({.attempt = {.attempt = 1, .restores = {}, .committables = {}, .shared_folder = {}, .lazy_restore = {}},
                   .worker = 0,
                   .worker_of_slot = {0, 1},
                   .data_addresses = {"here:1", listener_->address()}});
    EXPECT_TRUE(run_until([&] { return !other_.kinds.empty(); }));
  }
  void take(std::unique_ptr<Connection> connection) {
    other_.connection = std::move(connection);
    other_.connection->start(owner_, {.on_frame = [this](const Frame& frame) { other_.kinds.push_back(frame.kind); },
                                      .on_writable = {},
                                      .on_closed = [this](const Closed&) { other_.is_over = true; }});
  }
  // From its end to the last that it does.
  std::int64_t closing_ms() {
    EXPECT_TRUE(run_until([&] { return told_.ended == 1; }));
    const std::int64_t ended_ns = world_.clock().steady_ns();
    EXPECT_TRUE(run_until([&] { return is_done_; }));
    return (world_.clock().steady_ns() - ended_ns) / 1'000'000;
  }

  std::unique_ptr<Listener> listener_;
  Other other_;
};

TEST_F(LocalWorkerWithAnotherTest, ItIsDoneWhenItsGoodbyeIsHeard) {
  worker_.finish();
  EXPECT_LT(closing_ms(), 100);
  EXPECT_TRUE(run_until([&] { return other_.is_over; }));
  EXPECT_THAT(other_.kinds, ElementsAre(static_cast<int>(EdgeFrame::kHello), static_cast<int>(EdgeFrame::kGoodbye)));
}

TEST_F(LocalWorkerWithAnotherTest, AGoodbyeThatNobodyHearsIsGivenUp) {
  world_.network().cut("here", "there");
  worker_.finish();
  EXPECT_EQ(closing_ms(), ConnectionOptions{}.closing_ms);
}

TEST_F(LocalWorkerWithAnotherTest, CancelledItWaitsForNobody) {
  world_.network().cut("here", "there");
  worker_.cancel();
  EXPECT_EQ(closing_ms(), 0) << "whoever was cut off would hold up the next attempt";
}

TEST_F(LocalWorkerWithAnotherTest, ThatHasLostItsMasterTellsTheOthersGoodbye) {
  worker_.abandon();
  closing_ms();
  EXPECT_TRUE(run_until([&] { return other_.is_over; }));
  EXPECT_THAT(other_.kinds, ElementsAre(static_cast<int>(EdgeFrame::kHello), static_cast<int>(EdgeFrame::kGoodbye)));
}

TEST_F(LocalWorkerWithAnotherTest, CancelledItLetsGoOfTheOthers) {
  worker_.cancel();
  closing_ms();
  EXPECT_TRUE(run_until([&] { return other_.is_over; }));
  EXPECT_THAT(other_.kinds, ElementsAre(static_cast<int>(EdgeFrame::kHello)));
}

}  // namespace
}  // namespace tidemark

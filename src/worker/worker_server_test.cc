#include "worker/worker_server.h"

#include <gmock/gmock.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "env/transport_harness.h"

namespace tidemark {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

/// Runs no tasks: it answers the start with an acknowledgement.
class OneAcknowledgement final : public ShareExecution {
 public:
  OneAcknowledgement(ExecutionListener& listener, std::size_t bytes) : listener_{listener}, bytes_{bytes} {}
  void start(AttemptStart) override {
    OperatorSnapshot snapshot;
    snapshot.uid = std::string(bytes_, 'x');
    listener_.on_ack({}, 1, {.operators = {std::move(snapshot)}});
    listener_.on_ended();
  }
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
  void finish() override {}
  void cancel() override {}
  InputProgress input_progress() const override { return {}; }

 private:
  ExecutionListener& listener_;
  const std::size_t bytes_;
};

class WorkerServerTest : public testing::TestWithParam<std::uint64_t> {
 protected:
  WorkerServerTest() {
    listener_ = value_or_throw(master_->listen("master:1", {.connection = {.largest_frame = 100'000}}, mailbox_, {.on_connection = [this](std::unique_ptr<Connection> connection) {
                                                  line_.emplace(std::move(connection), words_of_job_managers(), words_to_job_managers(), mailbox_,
                                                                MessageLine::Callbacks{.on_message = [this](const IncomingMessage& message) -> Result<> {
                                                                                         heard_.push_back(message.kind());
                                                                                         if (message.kind() == MessageKind::kCheckpointDeclined) {
                                                                                           declined_.push_back(error_of(value_or_throw(message.value<CheckpointDeclined>()).cause).message());
                                                                                         }
                                                                                         return {};
                                                                                       },
                                                                                       .on_closed = [this](const Closed& closed) { closed_ = closed.cause; }});
                                                }}));
    dial_ = transport_->connect("master:1", {}, mailbox_, [this](auto connection) {
      server_ = std::make_unique<WorkerServer>(std::move(*connection), world_.clock(), *transport_, ConnectionOptions{},
                                               [this](TaskShare, ExecutionListener& listener) { return make_(listener); });
      server_->say_ready({.token = "token"});
    });
    EXPECT_TRUE(world_.run_until([&] { return heard_.size() == 1; }));
  }
  // As a process that has run to its end.
  bool is_done() {
    if (server_ == nullptr) return true;
    if (server_->step() != Progress::kDone) return false;
    server_.reset();
    dial_.reset();
    transport_.reset();
    return true;
  }

  test::MemoryWorld world_{GetParam()};
  Mailbox& mailbox_ = world_.make_mailbox();
  std::unique_ptr<Transport> master_ = world_.network().join("master", {.name = "master", .library = "1"});
  std::unique_ptr<Transport> transport_ = world_.network().join("worker", {.name = "worker", .library = "1"});
  std::unique_ptr<Listener> listener_;
  std::optional<MessageLine> line_;
  std::unique_ptr<Dial> dial_;
  std::unique_ptr<WorkerServer> server_;
  std::function<std::unique_ptr<ShareExecution>(ExecutionListener&)> make_ = [](ExecutionListener&) -> std::unique_ptr<ShareExecution> {
    throw Error{ErrorCode::kResourceExhausted, "the system gives no thread"};
  };
  std::vector<MessageKind> heard_;
  std::vector<std::string> declined_;
  std::optional<CloseCause> closed_;
};

INSTANTIATE_TEST_SUITE_P(Seeds, WorkerServerTest, testing::Range<std::uint64_t>(1, 20));

TEST_P(WorkerServerTest, ItIsDoneWhenItsLastWordsAreHeard) {
  line_->send(MessageKind::kStartTasks, {.epoch = 1, .attempt = 1}, WorkerStart{.worker_of_slot = {0}, .data_addresses = {"worker:2"}});
  EXPECT_TRUE(world_.run_until([&] { return is_done(); }));
  EXPECT_TRUE(world_.run_until([&] { return closed_.has_value(); }));
  EXPECT_EQ(closed_, CloseCause::kClosedByPeer);
  EXPECT_THAT(heard_, ElementsAre(MessageKind::kWorkerReady, MessageKind::kTaskFailed, MessageKind::kTasksEnded));
}

TEST_P(WorkerServerTest, WhatFitsIntoAMessageIsAcknowledged) {
  make_ = [](ExecutionListener& listener) { return std::make_unique<OneAcknowledgement>(listener, 90'000); };
  line_->send(MessageKind::kStartTasks, {.epoch = 1, .attempt = 1}, WorkerStart{.worker_of_slot = {0}, .data_addresses = {"worker:2"}});
  EXPECT_TRUE(world_.run_until([&] { return is_done(); }));
  EXPECT_TRUE(world_.run_until([&] { return closed_.has_value(); }));
  ASSERT_GE(heard_.size(), 3u);
  EXPECT_EQ(heard_[1], MessageKind::kCheckpointAcknowledged);
  EXPECT_EQ(heard_.back(), MessageKind::kTasksEnded);
}

TEST_P(WorkerServerTest, WhatDoesNotIsDeclinedWithTheReasonAndTheWorkerGoesOn) {
  make_ = [](ExecutionListener& listener) { return std::make_unique<OneAcknowledgement>(listener, 110'000); };
  line_->send(MessageKind::kStartTasks, {.epoch = 1, .attempt = 1}, WorkerStart{.worker_of_slot = {0}, .data_addresses = {"worker:2"}});
  EXPECT_TRUE(world_.run_until([&] { return is_done(); }));
  EXPECT_TRUE(world_.run_until([&] { return closed_.has_value(); }));
  ASSERT_GE(heard_.size(), 3u);
  EXPECT_EQ(heard_[1], MessageKind::kCheckpointDeclined);
  EXPECT_EQ(heard_.back(), MessageKind::kTasksEnded);
  EXPECT_THAT(declined_, ElementsAre(AllOf(HasSubstr("keep what is large by key"), HasSubstr("and it takes 100000"))));
}

TEST_P(WorkerServerTest, WithoutAMasterThereIsNothingToWaitFor) {
  line_.reset();
  EXPECT_TRUE(world_.run_until([&] { return is_done(); }));
}

}  // namespace
}  // namespace tidemark

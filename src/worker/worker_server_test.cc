#include "worker/worker_server.h"

#include <gmock/gmock.h>

#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "env/transport_harness.h"

namespace tidemark {
namespace {

using testing::ElementsAre;

class WorkerServerTest : public testing::TestWithParam<std::uint64_t> {
 protected:
  WorkerServerTest() {
    listener_ = value_or_throw(master_->listen("master:1", {}, mailbox_, {.on_connection = [this](std::unique_ptr<Connection> connection) {
                                                  line_.emplace(std::move(connection), words_of_job_managers(), words_to_job_managers(), mailbox_,
                                                                MessageLine::Callbacks{.on_message = [this](const IncomingMessage& message) -> Result<> {
                                                                                         heard_.push_back(message.kind());
                                                                                         return {};
                                                                                       },
                                                                                       .on_closed = [this](const Closed& closed) { closed_ = closed.cause; }});
                                                }}));
    dial_ = transport_->connect("master:1", {}, mailbox_, [this](auto connection) {
      server_ = std::make_unique<WorkerServer>(std::move(*connection), world_.clock(), *transport_, ConnectionOptions{},
                                               [](TaskShare, ExecutionListener&) -> std::unique_ptr<ShareExecution> {
                                                 throw Error{ErrorCode::kResourceExhausted, "the system gives no thread"};
                                               });
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
  std::vector<MessageKind> heard_;
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

TEST_P(WorkerServerTest, WithoutAMasterThereIsNothingToWaitFor) {
  line_.reset();
  EXPECT_TRUE(world_.run_until([&] { return is_done(); }));
}

}  // namespace
}  // namespace tidemark

// A JobManager for tests of TaskManagers, whose words the test says. One thread, that of the world.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "control/cluster_messages.h"
#include "control/message_line.h"
#include "env/sha256.h"
#include "env/transport_harness.h"

namespace tidemark::test {

struct FakeJobManager {
  FakeJobManager(test::TransportWorld& world, std::unique_ptr<Transport> its_transport, const std::string& address,
                 std::uint64_t its_epoch)
      : epoch{its_epoch}, mailbox{world.make_mailbox()}, transport{std::move(its_transport)} {
    listener = value_or_throw(
        transport->listen(address, {.connection = control_connection()}, mailbox,
                          {.on_connection = [this](std::unique_ptr<Connection> one) { accept(std::move(one)); }}));
  }
  void accept(std::unique_ptr<Connection> connection) {
    line =
        std::make_unique<MessageLine>(std::move(connection), words_of_job_managers(), words_to_job_managers(), mailbox,
                                      MessageLine::Callbacks{.on_message = [this](const IncomingMessage& m) { return take(m); },
                                                             .on_closed = [this](const Closed&) { ++closed; }});
  }
  Result<> take(const IncomingMessage& message) {
    switch (message.kind()) {
      case MessageKind::kRegisterTaskManager:
        registrations.push_back(value_or_throw(message.value<RegisterTaskManager>()));
        if (registers) say(MessageKind::kTaskManagerRegistered, Nothing{});
        return {};
      case MessageKind::kExecutableWanted:
        wanted.push_back(value_or_throw(message.value<ExecutableWanted>()));
        if (!executable.empty()) send_part();
        return {};
      case MessageKind::kWorkerStarted:
        started.push_back(value_or_throw(message.value<WorkerNumber>()).number);
        return {};
      case MessageKind::kTaskManagerAnswered:
        answers.push_back(value_or_throw(message.value<TaskManagerAnswered>()));
        return {};
      case MessageKind::kWorkerEnded:
        ended.push_back(value_or_throw(message.value<WorkerEnded>()));
        return {};
      default:
        return fail(ErrorCode::kInternal, "not a word of a TaskManager");
    }
  }
  void send_part() {
    const ExecutableWanted& want = wanted.back();
    say(MessageKind::kExecutablePart, ExecutablePart{.hash = want.hash,
                                                     .offset = want.offset,
                                                     .size = executable.size(),
                                                     .bytes = executable.substr(want.offset, kLargestPart)});
  }
  template <class Message>
  void say(MessageKind kind, const Message& message) {
    line->send(kind, {.epoch = epoch}, message);
  }

  std::uint64_t epoch;
  bool registers = true;
  std::string executable;  // what is sent when it is wanted; empty: nothing
  Mailbox& mailbox;
  std::unique_ptr<Transport> transport;
  std::unique_ptr<Listener> listener;
  std::unique_ptr<MessageLine> line;
  int closed = 0;
  std::vector<RegisterTaskManager> registrations;
  std::vector<ExecutableWanted> wanted;
  std::vector<std::uint64_t> started;
  std::vector<WorkerEnded> ended;
  std::vector<TaskManagerAnswered> answers;
};

inline std::string hash_of(const std::string& bytes) {
  Sha256 hash;
  hash.append(bytes);
  return hash.finish_hex();
}

}  // namespace tidemark::test

// What processes of a cluster say to each other: whatever comes on a line, it is messages that read back as they were written, or an end that says why, once.
// An input says which side listens and whether the other has this version's vocabulary, and then has the frames.
#include <algorithm>
#include <iterator>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "control/cluster_messages.h"
#include "control/fed_connection_test.h"
#include "control/worker_vocabulary.h"
#include "fuzz/input.h"
#include "fuzz/target.h"
#include "tidemark/detail/base/check.h"

namespace tidemark::fuzz {
namespace {

template <class Message>
std::string bytes_of(const Message& message) {
  detail::ByteWriter out;
  detail::encode(message, out);
  return out.take();
}

template <class Message>
Result<> read(const IncomingMessage& message) {
  TIDEMARK_ASSIGN(value, message.value<Message>());
  const std::string once = bytes_of(value);
  const auto again = IncomingMessage{message.kind(), message.fence(), once}.value<Message>();
  TIDEMARK_CHECK(again && bytes_of(*again) == once, "a message reads back as it was written");
  return {};
}

using Reader = Result<> (*)(const IncomingMessage&);

const std::map<MessageKind, Reader>& readers() {
  using enum MessageKind;
  static const std::map<MessageKind, Reader> all{
      {kStartTasks, read<WorkerStart>},
      {kOpenTasks, read<Nothing>},
      {kTriggerCheckpoint, read<TriggerCheckpoint>},
      {kCheckpointCompleted, read<CheckpointNumber>},
      {kCheckpointAborted, read<CheckpointNumber>},
      {kDrainSources, read<Nothing>},
      {kFinishTasks, read<Nothing>},
      {kCancelTasks, read<Nothing>},
      {kOthersGroupWatermarks, read<GroupWatermarks>},
      {kSinksAgreed, read<Nothing>},
      {kSinksRecovered, read<Nothing>},
      {kTasksRun, read<Nothing>},
      {kCheckpointAcknowledged, read<CheckpointAcknowledged>},
      {kCheckpointDeclined, read<CheckpointDeclined>},
      {kEndOfData, read<TaskReport>},
      {kStateLoading, read<LoadEvent>},
      {kInputRead, read<InputProgress>},
      {kTaskFailed, read<TaskFailureReport>},
      {kTasksEnded, read<Nothing>},
      {kTasksMetrics, read<TasksMetrics>},
      {kGroupWatermarks, read<GroupWatermarks>},
      {kRegisterTaskManager, read<RegisterTaskManager>},
      {kWorkerReady, read<WorkerReady>},
      {kWorkerStarted, read<WorkerNumber>},
      {kWorkerEnded, read<WorkerEnded>},
      {kExecutableWanted, read<ExecutableWanted>},
      {kTaskManagerAnswered, read<TaskManagerAnswered>},
      {kTaskManagerRegistered, read<Nothing>},
      {kTaskManagerRefused, read<TaskManagerRefused>},
      {kStartWorker, read<StartWorker>},
      {kStopWorker, read<WorkerNumber>},
      {kExecutablePart, read<ExecutablePart>},
      {kTaskManagerAsked, read<TaskManagerAsked>},
  };
  return all;
}

/// A line hears the frames; true if it has not ended.
bool hears(const Vocabulary& takes, const std::vector<Frame>& frames) {
  FedConnection::End end;
  Mailbox owner;
  int closed = 0;
  MessageLine line{std::make_unique<FedConnection>(end), Vocabulary{}, takes, owner,
                   {.on_message =
                        [](const IncomingMessage& message) {
                          const auto reader = readers().find(message.kind());
                          TIDEMARK_CHECK(reader != readers().end(), "what is taken stands in a vocabulary");
                          return reader->second(message);
                        },
                    .on_closed =
                        [&](const Closed& how) {
                          ++closed;
                          TIDEMARK_CHECK(!how.error.message().empty(), "an end says why");
                        }}};
  for (const Frame& frame : frames) end.callbacks.on_frame(frame);
  TIDEMARK_CHECK(closed <= 1 && end.is_closed == (closed == 1), "a line ends once, and its connection with it");
  return closed == 0;
}

Frame vocabulary_frame(const Vocabulary& words) {
  FedConnection::End end;
  Mailbox owner;
  const MessageLine line{std::make_unique<FedConnection>(end), words, Vocabulary{}, owner, {.on_message = [](const IncomingMessage&) -> Result<> { return {}; }, .on_closed = [](const Closed&) {}}};
  return end.sent.at(0);
}

std::vector<Frame> frames_of(Input& in) {
  std::vector<Frame> frames;
  while (!in.empty()) {
    const auto kind = static_cast<std::uint8_t>(in.number<std::uint8_t>() % (Frame::kLastKind + 1u));
    const std::size_t size = in.number<std::uint16_t>();
    frames.push_back({.kind = kind, .payload = std::string{in.bytes(size)}});
  }
  return frames;
}

// What this version says it hears.
template <class Message>
void check_said(Input in, MessageKind kind) {
  const Vocabulary words = Vocabulary{}.add<Message>(kind);
  Frame said{.kind = static_cast<std::uint8_t>(kind), .payload = std::string(12, '\0')};
  said.payload += bytes_of(any_value<Message>(in, Values::kAny));
  TIDEMARK_CHECK(hears(words, {vocabulary_frame(words), said}), "what was said is heard");
}

void check(std::string_view input) {
  static const Vocabulary to = words_to_job_managers();
  static const Vocabulary of = words_of_job_managers();
  Input in{input};
  const Vocabulary& words = in.flag() ? to : of;
  std::vector<Frame> frames;
  if (in.flag()) frames.push_back(vocabulary_frame(words));
  const Input values = in;
  std::ranges::move(frames_of(in), std::back_inserter(frames));
  static_cast<void>(hears(words, frames));
  check_said<CheckpointAcknowledged>(values, MessageKind::kCheckpointAcknowledged);
  check_said<TasksMetrics>(values, MessageKind::kTasksMetrics);
  check_said<StartWorker>(values, MessageKind::kStartWorker);
}

const Registration kTarget{"control_messages", check};

}  // namespace
}  // namespace tidemark::fuzz

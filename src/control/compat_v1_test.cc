// What processes of a cluster say to each other, as version 1 first said it: tests/compat/v1/cluster/words_* have a side's vocabulary and a message of
// each kind that has a value. This and every later build must understand them.
//
// TIDEMARK_WRITE_FIXTURES=1 writes what is not there yet: a fixture is never written anew.
#include <gtest/gtest.h>

#include <cstdlib>
#include <functional>
#include <map>

#include "control/cluster_messages.h"
#include "control/fed_connection_test.h"
#include "control/worker_vocabulary.h"
#include "env/posix_file_system.h"

namespace tidemark {
namespace {

const Fence kFence{.epoch = 7, .attempt = 3};

/// A side of a conversation: what it says, and what whoever hears it must find.
struct Said {
  template <class Message>
  void add(MessageKind kind, const Message& message) {
    detail::ByteWriter bytes;
    detail::encode(message, bytes);
    expected[kind] = bytes.take();
    say.push_back([kind, message](MessageLine& line) { line.send(kind, kFence, message); });
    read[kind] = [](const IncomingMessage& incoming) -> Result<std::string> {
      TIDEMARK_ASSIGN(value, incoming.value<Message>());
      detail::ByteWriter again;
      detail::encode(value, again);
      return again.take();
    };
  }

  std::map<MessageKind, std::string> expected;
  std::vector<std::function<void(MessageLine&)>> say;
  std::map<MessageKind, std::function<Result<std::string>(const IncomingMessage&)>> read;
};

OperatorSnapshot snapshot_of_operator() {
  OperatorSnapshot snapshot{.uid = "count", .subtask = 2, .committables = {"part-0"}};
  snapshot.keyed_files = {{.path = "count-2.snap", .size = 70, .checksum = 0xabc, .key_groups = {0, 64}}};
  return snapshot;
}

Said to_job_managers() {
  using enum MessageKind;
  const ErrorReport error{.code = 3, .domain = 1, .retry = 1, .message = "the disk is full"};
  Said said;
  said.add(kCheckpointAcknowledged, CheckpointAcknowledged{.task = {1, 2}, .id = 9, .snapshot = {.operators = {snapshot_of_operator()}, .bytes = 70, .sync_ns = 8, .async_ns = 90, .alignment_ns = 6}});
  said.add(kCheckpointDeclined, CheckpointDeclined{.task = {1, 2}, .id = 9, .reason = DeclineReason::kIo, .cause = error});
  said.add(kEndOfData, TaskReport{.task = {4, 5}});
  said.add(kStateLoading, LoadEvent{.kind = LoadEvent::Kind::kAllLoaded, .bytes = 55});
  said.add(kInputRead, InputProgress{.records = 11, .bytes = 2222});
  said.add(kTaskFailed, TaskFailureReport{.task = {1, 0}, .error = error});
  SubtaskMetrics subtask;
  subtask.records_in = 30;
  subtask.records_out = 20;
  subtask.watermark_ms = 1'704'103'200'000;
  subtask.operators = {{.records_out = 20, .late_dropped = 1, .watermarks_in_ms = {5, 6}, .pending_records = 7, .alignment_drift_ms = 8}};
  subtask.number = 1;
  said.add(kTasksMetrics, TasksMetrics{.vertices = {{.id = 1, .name = "count", .subtasks = {subtask}, .operators = {"count"}, .parallelism = 2}}});
  said.add(kGroupWatermarks, GroupWatermarks{.groups = {{.group = 3, .watermark_ms = 400}}});
  said.add(kRegisterTaskManager, RegisterTaskManager{.id = "tm-1", .host = "box", .data_host = "10.0.0.7", .slots = 4, .cores = 8, .memory_bytes = 1u << 30, .folder = "/tm"});
  said.add(kWorkerReady, WorkerReady{.token = "secret", .data_address = "10.0.0.7:5000", .fingerprint = 0xff});
  said.add(kWorkerStarted, WorkerNumber{.number = 12});
  said.add(kWorkerEnded, WorkerEnded{.number = 12, .in_order = false, .cause = error});
  said.add(kExecutableWanted, ExecutableWanted{.hash = "abc", .offset = 4096});
  said.add(kTaskManagerAnswered, TaskManagerAnswered{.number = 13, .status = 404, .body = "no log", .content_type = "text/plain"});
  return said;
}

Said of_job_managers() {
  using enum MessageKind;
  Said said;
  WorkerStart start{.worker = 1, .worker_of_slot = {0, 1}, .data_addresses = {"a:1", "b:2"}, .recovers_sinks = true, .secret = "s", .aligns_groups = true};
  start.attempt.attempt = 3;
  start.attempt.restored = true;
  start.attempt.restores = {{{}}, {}};
  start.attempt.committables = {{}, {"part-0"}};
  start.attempt.shared_folder = "/state/count/shared";
  said.add(kStartTasks, start);
  said.add(kTriggerCheckpoint, TriggerCheckpoint{.barrier = {.id = 9, .triggered_wall_ms = 100, .kind = CheckpointKind::kSavepoint}, .folder = "/sp"});
  said.add(kCheckpointCompleted, CheckpointNumber{.id = 9});
  said.add(kCheckpointAborted, CheckpointNumber{.id = 10});
  said.add(kOthersGroupWatermarks, GroupWatermarks{.groups = {{.group = 3, .watermark_ms = 400}}});
  said.add(kTaskManagerRefused, TaskManagerRefused{.cause = {.code = 2, .message = "another has the id"}});
  said.add(kStartWorker, StartWorker{.number = 12, .name = "count-3-w1", .job = "count", .job_id = "0123", .executable = "abc", .arguments = {"--a=b"}, .token = "t", .slots = 2, .copies_of = "/state"});
  said.add(kStopWorker, WorkerNumber{.number = 12});
  said.add(kExecutablePart, ExecutablePart{.hash = "abc", .offset = 4096, .size = 9000, .bytes = "bytes"});
  said.add(kTaskManagerAsked, TaskManagerAsked{.number = 13, .path = "/logs/a.log", .query = {{"offset", "7"}}});
  return said;
}

std::string fixture_of(const std::string& name) { return TIDEMARK_SOURCE_DIR "/tests/compat/v1/cluster/" + name; }

void write(const std::string& name, const Vocabulary& words, const Said& said) {
  FileSystem& files = posix_file_system();
  if (files.stat(fixture_of(name))) return;
  FedConnection::End end;
  Mailbox owner;
  MessageLine line{std::make_unique<FedConnection>(end), words, Vocabulary{}, owner,
                   {.on_message = [](const IncomingMessage&) -> Result<> { return {}; }, .on_closed = [](const Closed&) {}}};
  for (const auto& say : said.say) say(line);
  detail::ByteWriter out;
  for (const Frame& frame : end.sent) {
    out.put_u8(frame.kind);
    detail::encode(frame.payload, out);
  }
  value_or_throw(files.make_directories(fixture_of("")));
  value_or_throw(replace_file(files, fixture_of(name), out.view()));
}

void expect_understood(const std::string& name, const Vocabulary& words, const Said& said) {
  if (std::getenv("TIDEMARK_WRITE_FIXTURES") != nullptr) write(name, words, said);
  const std::string bytes = value_or_throw(read_file(posix_file_system(), fixture_of(name)));
  std::map<MessageKind, std::string> heard;
  FedConnection::End end;
  Mailbox owner;
  MessageLine line{std::make_unique<FedConnection>(end), Vocabulary{}, words, owner,
                   {.on_message =
                        [&](const IncomingMessage& message) -> Result<> {
                          EXPECT_EQ(message.fence(), kFence);
                          TIDEMARK_ASSIGN(value, said.read.at(message.kind())(message));
                          heard[message.kind()] = value;
                          return {};
                        },
                    .on_closed = [](const Closed& how) { ADD_FAILURE() << how.error.message(); }}};
  detail::ByteReader in{bytes};
  while (in.ok() && in.remaining() != 0) {
    Frame frame{.kind = in.get_u8(), .payload = {}};
    detail::decode(in, frame.payload);
    end.callbacks.on_frame(std::move(frame));
  }
  ASSERT_TRUE(in.ok());
  EXPECT_EQ(heard.size(), said.expected.size());
  for (const auto& [kind, value] : said.expected) EXPECT_TRUE(heard[kind] == value) << "kind " << static_cast<int>(kind);
}

TEST(CompatV1Messages, WhatIsSaidToJobManagers) { expect_understood("words_to_job_managers", words_to_job_managers(), to_job_managers()); }

TEST(CompatV1Messages, WhatJobManagersSay) { expect_understood("words_of_job_managers", words_of_job_managers(), of_job_managers()); }

TEST(CompatV1Messages, EachKindThatHasAValueIsAmongThem) {
  const auto expect_all = [](const Vocabulary& words, const Said& said) {
    for (const auto& [kind, type] : words.types()) {
      EXPECT_TRUE(type == detail::type_of<Nothing>() || said.expected.contains(kind)) << static_cast<int>(kind);
    }
  };
  expect_all(words_to_job_managers(), to_job_managers());
  expect_all(words_of_job_managers(), of_job_managers());
}

}  // namespace
}  // namespace tidemark

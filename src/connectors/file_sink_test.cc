#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "connectors/operator_driver.h"
#include "env/split_mix_random.h"
#include "tidemark/files.h"

namespace tidemark {
namespace {

using detail::give;
using detail::SinkRecovery;
using detail::take_snapshot;
using detail::World;

struct Row {
  std::int64_t id;
};

constexpr const char* kFolder = "/out";

SinkDescription<Row> sink_to(const std::string& folder = kFolder) { return write_files(folder, as_json()).roll_size(30); }

SinkRecovery recovery_of(World& world, AttemptId attempt, bool restored = false, std::vector<std::string> committables = {}) {
  return {&world.env, "job", "uid", attempt, restored, std::move(committables)};
}

std::vector<std::string> names_in(World& world, const std::string& folder = kFolder) {
  std::vector<std::string> names;
  for (const DirectoryEntry& entry : value_or_throw(world.files.list(folder))) names.push_back(entry.name);
  return names;
}

/// All lines of the committed files.
std::vector<std::string> rows_in(World& world, const std::string& folder = kFolder) {
  std::vector<std::string> rows;
  for (const std::string& name : names_in(world, folder)) {
    if (name.starts_with('.')) continue;
    const std::string content = value_or_throw(read_file(world.files, join_path(folder, name)));
    for (std::size_t at = 0; at < content.size();) {
      const std::size_t end = content.find('\n', at);
      rows.push_back(content.substr(at, end - at));
      at = end + 1;
    }
  }
  std::ranges::sort(rows);
  return rows;
}

template <class Call>
std::string error_of(Call call) {
  try {
    call();
  } catch (const Error& error) {
    return error.message();
  } catch (const detail::TaskFailure& failure) {
    return failure.error().message();
  }
  return "no error";
}

/// A writer of the sink and the context that it needs.
struct Writer {
  Writer(World& world, AttemptId attempt, const SinkDescription<Row>& sink = sink_to(), std::uint32_t subtask = 0)
      : context{detail::make_context(world, subtask, 2, attempt)}, op{sink.make_writer()} {
    op->open(context);
  }
  detail::OperatorContext context;
  std::unique_ptr<detail::Operator> op;
};

TEST(FileSinkTest, RowsAppearWhenTheCheckpointIsComplete) {
  World world;
  sink_to().recover(recovery_of(world, 1));
  Writer writer{world, 1};
  give<Row>(*writer.op, {{1}, {2}});
  take_snapshot(*writer.op, 1);
  EXPECT_EQ(rows_in(world), std::vector<std::string>{});
  writer.op->checkpoint_completed(1);
  EXPECT_FALSE(writer.op->settled());
  world.settle();
  EXPECT_TRUE(writer.op->settled());
  EXPECT_EQ(rows_in(world), (std::vector<std::string>{R"({"id":1})", R"({"id":2})"}));
  EXPECT_EQ(names_in(world), (std::vector<std::string>{".part.owner", "part-0-1-0.json"}));
}

TEST(FileSinkTest, NoRowsMakeNoFile) {
  World world;
  sink_to().recover(recovery_of(world, 1));
  Writer writer{world, 1};
  EXPECT_TRUE(take_snapshot(*writer.op, 1).committables.empty());
  writer.op->checkpoint_completed(1);
  EXPECT_TRUE(writer.op->settled());
  EXPECT_EQ(names_in(world), std::vector<std::string>{".part.owner"});
}

TEST(FileSinkTest, AnAbortedCheckpointsRowsAreCommittedWithTheNext) {
  World world;
  sink_to().recover(recovery_of(world, 1));
  Writer writer{world, 1};
  give<Row>(*writer.op, {{1}});
  take_snapshot(*writer.op, 1);
  writer.op->checkpoint_aborted(1);
  give<Row>(*writer.op, {{2}});
  EXPECT_EQ(take_snapshot(*writer.op, 2).committables.size(), 2u);
  writer.op->checkpoint_completed(2);
  world.settle();
  EXPECT_EQ(rows_in(world).size(), 2u);
}

TEST(FileSinkTest, FilesRollBySizeAndHaveTheirHeader) {
  World world;
  const SinkDescription<Row> sink = write_files(kFolder, as_csv()).roll_size(1);
  sink.recover(recovery_of(world, 1));
  Writer writer{world, 1, sink};
  const std::vector<Row> rows(100'000, Row{123456});
  give<Row>(*writer.op, rows);
  take_snapshot(*writer.op, 1);
  writer.op->checkpoint_completed(1);
  world.settle();
  EXPECT_GT(names_in(world).size(), 3u);
  const std::vector<std::string> lines = rows_in(world);
  EXPECT_EQ(std::ranges::count(lines, "123456"), 100'000);
  EXPECT_EQ(std::ranges::count(lines, "id"), static_cast<std::ptrdiff_t>(names_in(world).size() - 1));
}

TEST(FileSinkTest, ANewRunRefusesCommittedFilesOfAnEarlierOne) {
  World world;
  detail::write_file(world.files, "/out/part-0-1-0.json", "{}\n");
  detail::write_file(world.files, "/out/.part.owner", "job job\nsink uid\n");
  const std::string message = error_of([&] { sink_to().recover(recovery_of(world, 1)); });
  EXPECT_NE(message.find("'/out' holds 1 committed file of an earlier run (part-0-1-0.json)"), std::string::npos) << message;
  EXPECT_NE(message.find("--resume"), std::string::npos) << message;
  sink_to().recover(recovery_of(world, 2, true));
  EXPECT_EQ(names_in(world).size(), 2u);
}

// The machine may die when the new name of a renamed file is durable and the loss of the old one is not.
TEST(FileSinkTest, TheOwnersFileUnderTheNameThatItWasWrittenByIsRemoved) {
  World world;
  sink_to().recover(recovery_of(world, 1));
  detail::write_file(world.files, "/out/.part.owner.tmp", "job job\nsink uid\n");
  SinkRecovery check = recovery_of(world, 2, true);
  check.only_checks = true;
  sink_to().recover(check);
  EXPECT_EQ(names_in(world).size(), 2u);
  sink_to().recover(recovery_of(world, 2, true));
  EXPECT_EQ(names_in(world), std::vector<std::string>{".part.owner"});
}

TEST(FileSinkTest, AFolderAndPrefixBelongToOneSink) {
  World world;
  sink_to().recover(recovery_of(world, 1));
  SinkRecovery other = recovery_of(world, 1);
  other.uid = "other";
  EXPECT_NE(error_of([&] { sink_to().recover(other); }).find(".prefix(\"...\")"), std::string::npos);
  const SinkDescription<Row> with_prefix = write_files(kFolder, as_json()).prefix("other");
  with_prefix.recover(other);
  EXPECT_EQ(names_in(world), (std::vector<std::string>{".other.owner", ".part.owner"}));
  other.job = "another job";
  sink_to().recover(other);  // nothing is there yet that could be mixed up
}

TEST(FileSinkTest, RecoveryTouchesNoForeignFiles) {
  World world;
  const std::vector<std::string> foreign = {".other-0-1-0.json.pending", ".part-0-1.json.pending", ".part-0-1-0.json.tmp",
                                            ".part-x-1-0.json.pending",  "part-0-1-0.json.pending", "notes.txt"};
  sink_to().recover(recovery_of(world, 1));
  for (const std::string& name : foreign) detail::write_file(world.files, join_path(kFolder, name), "x");
  for (const char* name : {".part-0-1-0.json.pending", ".part-1-12-345.csv.inprogress", ".part-0-1-1.json.rewrite"}) {
    detail::write_file(world.files, join_path(kFolder, name), "x");
  }
  sink_to().recover(recovery_of(world, 2));
  std::vector<std::string> expected = foreign;
  expected.push_back(".part.owner");
  std::ranges::sort(expected);
  EXPECT_EQ(names_in(world), expected);
}

TEST(FileSinkTest, CommittingReplacesNoOtherFile) {
  World world;
  sink_to().recover(recovery_of(world, 1));
  Writer writer{world, 1};
  give<Row>(*writer.op, {{1}});
  const auto snapshot = take_snapshot(*writer.op, 1);
  detail::write_file(world.files, "/out/part-0-1-0.json", "mine\n");
  writer.op->checkpoint_completed(1);
  EXPECT_NE(error_of([&] { world.settle(); }).find("this sink did not write"), std::string::npos);
  EXPECT_NE(error_of([&] { sink_to().recover(recovery_of(world, 2, true, snapshot.committables)); })
                .find("this sink did not write"),
            std::string::npos);
  EXPECT_EQ(value_or_throw(read_file(world.files, "/out/part-0-1-0.json")), "mine\n");
}

TEST(FileSinkTest, ADamagedPendingFileIsRefused) {
  World world;
  sink_to().recover(recovery_of(world, 1));
  Writer writer{world, 1};
  give<Row>(*writer.op, {{1}});
  const auto snapshot = take_snapshot(*writer.op, 1);
  detail::write_file(world.files, "/out/.part-0-1-0.json.pending", "{");
  EXPECT_NE(error_of([&] { sink_to().recover(recovery_of(world, 2, true, snapshot.committables)); }).find("has 1 bytes"),
            std::string::npos);
}

std::function<std::optional<Error>(FileOperation, const std::string&)> disk_full_at(FileOperation operation, int* times) {
  return [operation, times](FileOperation now, const std::string& path) -> std::optional<Error> {
    if (now != operation || *times == 0) return std::nullopt;
    --*times;
    return Error{ErrorCode::kResourceExhausted, "no space left for '" + path + "'"};
  };
}

TEST(FileSinkTest, AFullDiskWhileWritingFailsTheTask) {
  World world;
  sink_to().recover(recovery_of(world, 1));
  Writer writer{world, 1};
  int times = 1;
  world.files.set_hook(disk_full_at(FileOperation::kAppend, &times));
  give<Row>(*writer.op, {{1}});
  const std::string message = error_of([&] { take_snapshot(*writer.op, 1); });
  EXPECT_TRUE(message.starts_with("sink 'uid', subtask 0: no space left for")) << message;
}

TEST(FileSinkTest, AFullDiskWhilePreparingFailsOnlyTheCheckpoint) {
  for (const FileOperation operation : {FileOperation::kSync, FileOperation::kRename, FileOperation::kSyncDirectory}) {
    for (int failures = 1; failures <= 3; ++failures) {
      World world;
      sink_to().recover(recovery_of(world, 1));
      Writer writer{world, 1};
      int times = failures;
      world.files.set_hook(disk_full_at(operation, &times));
      CheckpointId id = 1;
      for (; id <= static_cast<CheckpointId>(failures); ++id) {
        give<Row>(*writer.op, {{static_cast<std::int64_t>(id)}});
        EXPECT_NE(error_of([&] { take_snapshot(*writer.op, id); }).find("no space left"), std::string::npos);
        writer.op->checkpoint_aborted(id);
      }
      give<Row>(*writer.op, {{static_cast<std::int64_t>(id)}});
      EXPECT_EQ(take_snapshot(*writer.op, id).committables.size(), id);
      writer.op->checkpoint_completed(id);
      world.settle();
      EXPECT_EQ(rows_in(world).size(), id);
      EXPECT_EQ(names_in(world).size(), id + 1) << "a leftover";
    }
  }
}

TEST(FileSinkTest, ContentThatIsLostWithAFailedSyncFailsTheTask) {
  World world;
  sink_to().recover(recovery_of(world, 1));
  Writer writer{world, 1};
  give<Row>(*writer.op, {{1}});
  int times = 1;
  world.files.set_hook(disk_full_at(FileOperation::kSync, &times));
  EXPECT_NE(error_of([&] { take_snapshot(*writer.op, 1); }), "no error");
  detail::write_file(world.files, "/out/.part-0-1-0.json.inprogress", R"({"id":7})" "\n");
  EXPECT_NE(error_of([&] { take_snapshot(*writer.op, 2); }).find("could not be synced"), std::string::npos);
  EXPECT_NE(error_of([&] { writer.op->snapshot({}); }).find("could not be synced"), std::string::npos);
}

/// Lets time pass until no commit waits to be tried again; the pauses there were.
std::vector<std::int64_t> let_time_pass(World& world, detail::Operator& op) {
  std::vector<std::int64_t> pauses_ms;
  while (const auto due = op.next_processing_time()) {
    const std::int64_t ms = due->ms() - world.clock.wall_ms();
    EXPECT_TRUE(op.advance_processing_time(Timestamp{due->ms() - 1}));
    EXPECT_EQ(op.next_processing_time(), due) << "too early";
    world.clock.now_ns += ms * 1'000'000;
    pauses_ms.push_back(ms);
    EXPECT_TRUE(op.advance_processing_time(*due));
    world.settle();
  }
  return pauses_ms;
}

TEST(FileSinkTest, ACommitThatFailsIsTriedAgainAfterGrowingPausesAndThenFailsTheTask) {
  for (const FileOperation operation : {FileOperation::kRename, FileOperation::kSyncDirectory}) {
    for (const int failures : {1, 7, 8}) {
      World world;
      sink_to().recover(recovery_of(world, 1));
      Writer writer{world, 1};
      give<Row>(*writer.op, {{1}});
      const auto snapshot = take_snapshot(*writer.op, 1);
      int times = failures;
      world.files.set_hook(disk_full_at(operation, &times));
      writer.op->checkpoint_completed(1);
      std::vector<std::int64_t> pauses_ms;
      const std::string message = error_of([&] {
        world.settle();
        EXPECT_FALSE(writer.op->settled());
        pauses_ms = let_time_pass(world, *writer.op);
      });
      EXPECT_EQ(message == "no error", failures < 8) << message;
      if (failures == 7) {
        EXPECT_EQ(pauses_ms, (std::vector<std::int64_t>{100, 200, 400, 800, 1600, 3200, 6400}));
      }
      EXPECT_EQ(writer.op->settled(), failures < 8 || message != "no error");
      sink_to().recover(recovery_of(world, 2, true, snapshot.committables));
      EXPECT_EQ(rows_in(world).size(), 1u);
    }
  }
}

TEST(FileSinkTest, FailuresCountForEachFileAndTheOthersAreCommitted) {
  World world;
  sink_to().recover(recovery_of(world, 1));
  Writer writer{world, 1};
  give<Row>(*writer.op, {{1}});
  take_snapshot(*writer.op, 1);
  give<Row>(*writer.op, {{2}});
  take_snapshot(*writer.op, 2);
  int times = 1;
  world.files.set_hook(disk_full_at(FileOperation::kRename, &times));
  writer.op->checkpoint_completed(2);
  world.settle();
  EXPECT_EQ(rows_in(world).size(), 1u) << "one file is committed though the other is not";
  const auto next = take_snapshot(*writer.op, 3);
  EXPECT_EQ(next.committables.size(), 1u) << "what is not committed stays in every snapshot";
  let_time_pass(world, *writer.op);
  EXPECT_EQ(rows_in(world).size(), 2u);
  EXPECT_TRUE(writer.op->settled());
}

TEST(FileSinkTest, BehindTheEndOfInputACommitIsStillTriedAgain) {
  World world;
  sink_to().recover(recovery_of(world, 1));
  Writer writer{world, 1};
  give<Row>(*writer.op, {{1}});
  take_snapshot(*writer.op, 1);
  int times = 3;
  world.files.set_hook(disk_full_at(FileOperation::kRename, &times));
  writer.op->checkpoint_completed(1);
  world.settle();
  writer.op->end_of_data();
  EXPECT_FALSE(writer.op->settled());
  EXPECT_EQ(let_time_pass(world, *writer.op), (std::vector<std::int64_t>{100, 200, 400}));
  EXPECT_TRUE(writer.op->settled());
  EXPECT_EQ(rows_in(world).size(), 1u);
}

TEST(FileSinkTest, AFolderThatIsDeletedBeforeTheCommitIsLostData) {
  World world;
  sink_to().recover(recovery_of(world, 1));
  Writer writer{world, 1};
  give<Row>(*writer.op, {{1}});
  const auto snapshot = take_snapshot(*writer.op, 1);
  value_or_throw(remove_tree(world.files, kFolder));
  writer.op->checkpoint_completed(1);
  try {
    world.settle();
    FAIL() << "passed over in silence";
  } catch (const detail::TaskFailure& failure) {
    EXPECT_EQ(failure.error().code(), ErrorCode::kDataLoss);
    EXPECT_EQ(failure.error().retry(), Retry::kNone);
    EXPECT_NE(failure.error().message().find("'/out/part-0-1-0.json' is neither pending nor committed"), std::string::npos)
        << failure.error().message();
  }
  const auto recover = [&] { sink_to().recover(recovery_of(world, 2, true, snapshot.committables)); };
  EXPECT_NE(error_of(recover).find("bytes of results are missing"), std::string::npos);
  detail::write_file(world.files, "/out/part-0-1-0.json", "");
  EXPECT_EQ(error_of(recover), "no error") << "whoever took it away says so by an empty file";
}

/// A run that commits with each checkpoint, and what each holds.
std::vector<OperatorSnapshot> committed_checkpoints(World& world, AttemptId attempt, int checkpoints) {
  Writer writer{world, attempt};
  std::vector<OperatorSnapshot> result;
  for (int id = 1; id <= checkpoints; ++id) {
    give<Row>(*writer.op, {{id}});
    result.push_back(take_snapshot(*writer.op, static_cast<CheckpointId>(id)));
    writer.op->checkpoint_completed(static_cast<CheckpointId>(id));
    world.settle();
  }
  return result;
}

SinkRecovery recovery_from(World& world, AttemptId attempt, const OperatorSnapshot& checkpoint) {
  SinkRecovery recovery = recovery_of(world, attempt, true, checkpoint.committables);
  recovery.list_states = checkpoint.list_states;
  return recovery;
}

TEST(FileSinkTest, GoingOnFromAnOlderCheckpointIsRefusedWhereANewerOneHasCommitted) {
  World world;
  sink_to().recover(recovery_of(world, 1));
  const auto checkpoints = committed_checkpoints(world, 1, 3);
  const std::string message = error_of([&] { sink_to().recover(recovery_from(world, 2, checkpoints[0])); });
  EXPECT_NE(message.find("'/out' holds 2 files that a newer checkpoint than the one to resume from has committed: "
                         "part-0-1-1.json, part-0-1-2.json"),
            std::string::npos)
      << message;
  EXPECT_NE(message.find("write to another folder, or delete these files"), std::string::npos);
  EXPECT_EQ(rows_in(world).size(), 3u) << "nothing was touched";
  sink_to("/elsewhere").recover(recovery_from(world, 2, checkpoints[0]));
  value_or_throw(world.files.remove("/out/part-0-1-1.json"));
  value_or_throw(world.files.remove("/out/part-0-1-2.json"));
  sink_to().recover(recovery_from(world, 2, checkpoints[0]));
  EXPECT_EQ(rows_in(world).size(), 1u);
}

// Else a start that another sink refuses would have taken this one's pending files.
TEST(FileSinkTest, ACheckRefusesWhatARecoveryWouldAndChangesNothing) {
  World world;
  const auto check = [](const std::string& folder, SinkRecovery recovery) {
    recovery.only_checks = true;
    return error_of([&] { sink_to(folder).recover(recovery); });
  };
  EXPECT_EQ(check("/out", recovery_of(world, 1)), "no error");
  EXPECT_FALSE(world.files.stat("/out"));
  sink_to().recover(recovery_of(world, 1));
  Writer writer{world, 1};
  give<Row>(*writer.op, {{1}});
  const auto snapshot = take_snapshot(*writer.op, 1);
  const std::vector<std::string> pending = names_in(world);
  EXPECT_EQ(check("/out", recovery_of(world, 2, true)), "no error") << "what is pending would be removed";
  EXPECT_EQ(check("/out", recovery_of(world, 2, true, snapshot.committables)), "no error");
  EXPECT_EQ(names_in(world), pending);
  sink_to().recover(recovery_of(world, 2, true));
  EXPECT_NE(check("/out", recovery_of(world, 3, true, snapshot.committables)).find("neither pending nor committed"), std::string::npos);
  const auto checkpoints = committed_checkpoints(world, 3, 3);
  const std::vector<std::string> committed = names_in(world);
  EXPECT_NE(check("/out", recovery_of(world, 4)).find("this run starts anew"), std::string::npos);
  EXPECT_NE(check("/out", recovery_from(world, 4, checkpoints[0])).find("holds 2 files that a newer checkpoint"), std::string::npos);
  EXPECT_EQ(names_in(world), committed);
}

TEST(FileSinkTest, TheNewestCheckpointNeverRefusesWhateverOfItIsCommitted) {
  World world;
  sink_to().recover(recovery_of(world, 1));
  const auto first = committed_checkpoints(world, 1, 3);
  sink_to().recover(recovery_from(world, 2, first.back()));
  const auto second = committed_checkpoints(world, 2, 2);
  sink_to().recover(recovery_from(world, 3, second.back()));
  EXPECT_EQ(rows_in(world).size(), 5u);
  const std::string message = error_of([&] { sink_to().recover(recovery_from(world, 3, first.back())); });
  EXPECT_NE(message.find("part-0-2-0.json, part-0-2-1.json"), std::string::npos) << message;
  EXPECT_EQ(message.find("part-0-1-"), std::string::npos) << message;
}

TEST(FileSinkTest, ACheckpointWithoutMarksIsRestoredAsBefore) {
  World world;
  sink_to().recover(recovery_of(world, 1));
  const auto checkpoints = committed_checkpoints(world, 1, 2);
  sink_to().recover(recovery_of(world, 2, true, checkpoints[1].committables));
  EXPECT_EQ(rows_in(world).size(), 2u);
}

// The next checkpoint, which does not name the file any more, may complete without touching the folder.
TEST(FileSinkTest, ACommittedFileOutlivesAMachineCrashWithoutItsCommittable) {
  for (std::uint64_t seed = 1; seed <= 16; ++seed) {
    for (const bool in_recovery : {false, true}) {
      World world;
      SplitMixRandom random{seed};
      sink_to().recover(recovery_of(world, 1));
      Writer writer{world, 1};
      give<Row>(*writer.op, {{1}});
      const auto snapshot = take_snapshot(*writer.op, 1);
      if (in_recovery) {
        sink_to().recover(recovery_of(world, 2, true, snapshot.committables));
      } else {
        writer.op->checkpoint_completed(1);
        world.settle();
        EXPECT_TRUE(take_snapshot(*writer.op, 2).committables.empty());
      }
      world.files.crash_machine(random);
      sink_to().recover(recovery_of(world, 3, true));
      EXPECT_EQ(rows_in(world).size(), 1u) << "seed " << seed << (in_recovery ? ", committed in recovery" : "");
    }
  }
}

/// Rows 0..5 through two subtasks with checkpoints between them, against a coordinator in three lines: a checkpoint is
/// complete when both snapshots are taken. After a crash it starts again from the last complete one.
class CrashingJob {
 public:
  static constexpr int kRows = 6;

  explicit CrashingJob(World& world) : world_{world} {}

  /// Until the end or an error, which is the crash.
  void run() {
    ++attempt_;
    SinkRecovery recovery = recovery_of(world_, attempt_, completed_id_ > 0, committables_);
    recovery.list_states = list_states_;
    sink_to().recover(recovery);
    Writer first{world_, attempt_, sink_to(), 0};
    Writer second{world_, attempt_, sink_to(), 1};
    for (int row = next_row_; row < kRows;) {
      give<Row>(*first.op, {{row}, {row + 100}});
      give<Row>(*second.op, {{row + 200}});
      ++row;
      if (row % 2 != 0) continue;
      const CheckpointId id = ++last_id_;
      auto a = take_snapshot(*first.op, id);
      auto b = take_snapshot(*second.op, id);
      complete(id, row, a, b);
      first.op->checkpoint_completed(id);
      second.op->checkpoint_completed(id);
      world_.settle();
      let_time_pass(world_, *first.op);
      let_time_pass(world_, *second.op);
    }
    done_ = true;
  }
  bool done() const { return done_; }

  static std::vector<std::string> expected() {
    std::vector<std::string> rows;
    for (int row = 0; row < kRows; ++row) {
      for (const int id : {row, row + 100, row + 200}) rows.push_back("{\"id\":" + std::to_string(id) + "}");
    }
    std::ranges::sort(rows);
    return rows;
  }

 private:
  void complete(CheckpointId id, int row, const OperatorSnapshot& a, const OperatorSnapshot& b) {
    completed_id_ = id;
    next_row_ = row;
    committables_ = a.committables;
    committables_.insert(committables_.end(), b.committables.begin(), b.committables.end());
    list_states_ = a.list_states;
    list_states_.insert(list_states_.end(), b.list_states.begin(), b.list_states.end());
  }

  World& world_;
  AttemptId attempt_ = 0;
  CheckpointId last_id_ = 0;
  bool done_ = false;
  // Of the last complete checkpoint.
  CheckpointId completed_id_ = 0;
  int next_row_ = 0;
  std::vector<std::string> committables_;
  std::vector<OperatorListState> list_states_;
};

/// Crashes at the n-th file operation; false if there are fewer.
bool run_with_crash_at(int n, bool machine, std::uint64_t seed) {
  World world;
  CrashingJob job{world};
  SplitMixRandom random{seed};
  int operations = 0;
  bool crashed = false;
  bool dead = false;  // from the crash to the restart, whoever ignores an error gets the next one
  world.files.set_hook([&](FileOperation, const std::string&) -> std::optional<Error> {
    if (++operations == n) {
      crashed = dead = true;
      if (machine) {
        world.files.crash_machine(random);
      } else {
        world.files.crash_process();
      }
    }
    if (!dead) return std::nullopt;
    return Error{ErrorCode::kIo, "crash"};
  });
  while (!job.done()) {
    try {
      dead = false;
      job.run();
    } catch (const std::exception&) {
      world.mail.clear();
      world.blocking.clear();
    }
  }
  world.files.set_hook(nullptr);
  EXPECT_EQ(rows_in(world), CrashingJob::expected()) << "crash at operation " << n << " of seed " << seed;
  for (const std::string& name : names_in(world)) {
    EXPECT_TRUE(!name.starts_with('.') || name == ".part.owner") << name << " is left after a crash at operation " << n;
  }
  return crashed;
}

TEST(FileSinkTest, EachRowIsThereOnceAfterAProcessCrashAtEveryFileOperation) {
  int n = 1;
  while (run_with_crash_at(n, false, 1)) ++n;
  EXPECT_GT(n, 50);
}

TEST(FileSinkTest, EachRowIsThereOnceAfterAMachineCrashAtEveryFileOperation) {
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    int n = 1;
    while (run_with_crash_at(n, true, seed)) ++n;
  }
}

}  // namespace
}  // namespace tidemark

// Crashes and refused operations at every single operation of a store's life: what was complete stays restorable.
#include <gtest/gtest.h>

#include "env/memory_file_system.h"
#include "snapshot/checkpoint_samples.h"
#include "snapshot/checkpoint_store.h"
#include "snapshot/file_trouble_test.h"
#include "snapshot/snapshot_file_reader.h"
#include "snapshot/snapshot_file_writer.h"

namespace tidemark {
namespace {

using Store = std::unique_ptr<CheckpointStore>;
constexpr CheckpointId kBefore = 2;  // complete before the trouble begins
constexpr CheckpointId kAfter = 6;   // complete when the life ends undisturbed

Result<Store> open(FileSystem& files) {
  return CheckpointStore::open(files, "/state", "orders", {Resume::Kind::kLatest, ""});
}

Result<CheckpointMetadata> write_files(FileSystem& files, CheckpointStore& store, CheckpointId id) {
  CheckpointMetadata metadata = sample_metadata(id, store.attempt());
  TIDEMARK_TRY(store.prepare(id));
  SnapshotFileHeader header{
      .job = "orders", .uid = "count", .checkpoint = id, .attempt = store.attempt(), .key_groups = {0, 32}};
  header.max_parallelism = 64;
  TIDEMARK_ASSIGN(writer, SnapshotFileWriter::create(files, store.checkpoint_path(id) + "/count-0.snap", header));
  const std::uint32_t state = writer->add_state({"v", StateDescriptor::Kind::kValue, R"("string")", "", R"("string")"});
  writer->add(state, 3, "id", "", "", std::to_string(id));
  TIDEMARK_ASSIGN(file, writer->finish());
  metadata.operators[1].subtasks[0].keyed_files = {file};
  return metadata;
}

/// What an observer outside knows.
struct Known {
  CheckpointId completed = kBefore;  // the newest whose completion was reported
  CheckpointId tried = kBefore;      // the newest whose completion was begun
  AttemptId attempt = 0;             // the newest that began
};

Result<> checkpoint(FileSystem& files, CheckpointStore& store, CheckpointId id, Known& known) {
  TIDEMARK_ASSIGN(metadata, write_files(files, store, id));
  known.tried = id;
  TIDEMARK_TRY(store.complete(metadata));
  known.completed = id;
  return {};
}

/// Two runs: attempts, checkpoints, one of them aborted, removals. Goes on after a refusal as a job would.
void live(FileSystem& files, Known& known, const FileTrouble& trouble) {
  for (const CheckpointId first : {kBefore + 1, kBefore + 3}) {
    auto opened = open(files);
    if (!opened) trouble.expect_named(opened.error());
    if (!opened && !trouble.is_dead()) opened = open(files);
    if (!opened) return;
    CheckpointStore& store = **opened;
    auto attempt = store.begin_attempt();
    if (!attempt) trouble.expect_named(attempt.error());
    if (!attempt && !trouble.is_dead()) attempt = store.begin_attempt();
    if (!attempt) return;
    EXPECT_GT(*attempt, known.attempt);
    known.attempt = *attempt;
    (void)store.remove_orphans();
    for (const CheckpointId id : {first, first + 1}) {
      if (const auto taken = checkpoint(files, store, id, known); !taken) {
        trouble.expect_named(taken.error());
        (void)store.discard(id);
      }
      const auto retained = store.retained();
      for (std::size_t i = 0; i + 2 < retained.size(); ++i) (void)store.remove(retained[i].id, retained[i].attempt);
    }
    (void)write_files(files, store, 100);
    (void)store.discard(100);
  }
}

/// Restores, compares the content, and takes a further checkpoint.
void expect_restorable(FileSystem& files, const Known& known) {
  const Store store = value_or_throw(open(files));
  const AttemptId attempt = value_or_throw(store->begin_attempt());
  EXPECT_GT(attempt, known.attempt);
  const auto metadata = value_or_throw(store->restorable());
  ASSERT_TRUE(metadata);
  EXPECT_GE(metadata->id, known.completed);
  EXPECT_LE(metadata->id, known.tried);
  const SnapshotFile& file = metadata->operators[1].subtasks[0].keyed_files[0];
  value_or_throw(verify_snapshot_file(files, file.path, file));
  const auto reader = value_or_throw(SnapshotFileReader::open(files, file.path, &file));
  std::string value;
  value_or_throw(reader->for_each(0, {0, 64}, [&](const SnapshotEntry& entry) { value = entry.value; }));
  EXPECT_EQ(value, std::to_string(metadata->id));

  value_or_throw(store->remove_orphans());
  for (const RetainedCheckpoint& kept : store->retained()) {
    EXPECT_TRUE(
        load_checkpoint(files, "/state/orders/chk-" + std::to_string(kept.id) + "-" + std::to_string(kept.attempt)));
  }
  Known next;
  value_or_throw(checkpoint(files, *store, store->next_checkpoint_id(), next));
}

/// False if the life ended before operation `at`.
bool run(Trouble trouble, int at, std::uint64_t seed) {
  MemoryFileSystem files;
  Known known;
  {
    const Store store = value_or_throw(open(files));
    known.attempt = value_or_throw(store->begin_attempt());
    for (CheckpointId id = 1; id <= kBefore; ++id) value_or_throw(checkpoint(files, *store, id, known));
  }
  FileTrouble with{files, trouble, seed};
  with.arm(at);
  live(files, known, with);
  with.disarm();
  const bool reached = with.reached(at);
  if (!with.is_dead() && !reached) {
    EXPECT_EQ(known.completed, kAfter);
  }
  if (!with.is_dead()) {
    EXPECT_GE(known.completed, kAfter - 1);
  }
  with.power_failure();
  expect_restorable(files, known);
  return reached;
}

int run_at_every_operation(Trouble trouble, std::uint64_t seeds) {
  for (int at = 0;; ++at) {
    bool reached = false;
    for (std::uint64_t seed = 0; seed < seeds; ++seed) {
      SCOPED_TRACE("operation " + std::to_string(at) + ", seed " + std::to_string(seed));
      reached = run(trouble, at, seed);
      if (testing::Test::HasFatalFailure()) return at;
    }
    if (!reached) return at;
  }
}

TEST(CheckpointStoreCrash, ACrashOfTheMachineLeavesTheOldOrTheNewCheckpoint) {
  EXPECT_GT(run_at_every_operation(Trouble::kMachineCrash, 4), 80);
}

TEST(CheckpointStoreCrash, ACrashOfTheProcessLeavesTheOldOrTheNewCheckpoint) {
  EXPECT_GT(run_at_every_operation(Trouble::kProcessCrash, 1), 80);
}

TEST(CheckpointStoreCrash, ARefusedOperationFailsAtMostItsCheckpoint) {
  EXPECT_GT(run_at_every_operation(Trouble::kRefusal, 2), 80);
}

TEST(CheckpointStoreCrash, ARefusedLookAtFilesFailsAtMostItsCheckpoint) {
  EXPECT_GT(run_at_every_operation(Trouble::kReadRefusal, 2), 20);
}

}  // namespace
}  // namespace tidemark

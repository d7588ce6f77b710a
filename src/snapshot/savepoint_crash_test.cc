// Crashes and refused operations at every single operation of writing, claiming, replacing and disposing of a savepoint:
// there is none or a whole one, it has one owner, and what a job needs is never gone.
#include <gtest/gtest.h>

#include <functional>

#include "env/memory_file_system.h"
#include "snapshot/checkpoint_samples.h"
#include "snapshot/checkpoint_store.h"
#include "snapshot/file_trouble_test.h"
#include "snapshot/snapshot_claim.h"
#include "snapshot/snapshot_disposal.h"
#include "snapshot/snapshot_file_reader.h"
#include "snapshot/snapshot_file_writer.h"

namespace tidemark {
namespace {

using Store = std::unique_ptr<CheckpointStore>;

constexpr std::uint64_t kToken = 0x7777;

Result<Store> open(FileSystem& files, const std::string& dir, Resume resume = {Resume::Kind::kLatest, ""}) {
  return CheckpointStore::open(files, dir, "orders", resume);
}

Result<CheckpointMetadata> write_files(FileSystem& files, AttemptId attempt, CheckpointId id, CheckpointKind kind,
                                       const std::string& folder) {
  CheckpointMetadata metadata = sample_metadata(id, attempt);
  metadata.kind = kind;
  SnapshotFileHeader header{
      .job = "orders", .uid = "count", .checkpoint = id, .attempt = attempt, .key_groups = {0, 32}};
  header.max_parallelism = 64;
  TIDEMARK_ASSIGN(writer, SnapshotFileWriter::create(files, folder + "/count-0.snap", header));
  const std::uint32_t state = writer->add_state({"v", StateDescriptor::Kind::kValue, R"("string")", "", R"("string")"});
  writer->add(state, 3, "id", "", "", std::to_string(id));
  TIDEMARK_ASSIGN(file, writer->finish());
  metadata.operators[1].subtasks[0].keyed_files = {file};
  return metadata;
}

Result<> checkpoint(FileSystem& files, CheckpointStore& store, CheckpointId id) {
  TIDEMARK_TRY(store.prepare(id));
  TIDEMARK_ASSIGN(metadata, write_files(files, store.attempt(), id, CheckpointKind::kPeriodic, store.checkpoint_path(id)));
  return store.complete(metadata);
}

/// The folder as soon as it is known, for whoever cleans up.
Result<> savepoint(FileSystem& files, CheckpointStore& store, CheckpointId id, CheckpointKind kind, std::string& folder) {
  TIDEMARK_ASSIGN(made, store.prepare_savepoint("/sp", id << 16));
  folder = made;
  TIDEMARK_ASSIGN(metadata, write_files(files, store.attempt(), id, kind, folder));
  CompleteCheckpoint work{store, std::move(metadata), {}, folder};
  while (true) {
    TIDEMARK_ASSIGN(progress, work.step());
    if (progress == Progress::kDone) return {};
  }
}

bool is_whole(FileSystem& files, const std::string& folder) {
  const auto metadata = load_checkpoint(files, folder);
  if (!metadata) {
    EXPECT_EQ(metadata.error().code(), ErrorCode::kNotFound) << metadata.error().message();
    return false;
  }
  const SnapshotFile& file = metadata->operators[1].subtasks[0].keyed_files[0];
  value_or_throw(verify_snapshot_file(files, file.path, file));
  return true;
}

bool is_there(FileSystem& files, const std::string& path) { return files.stat(path).has_value(); }

struct Situation {
  MemoryFileSystem files;
  FileTrouble trouble;

  Situation(Trouble what, std::uint64_t seed) : trouble{files, what, seed} {}
};

/// `run(situation, at)` with the trouble at each operation in turn.
void at_every_operation(const std::function<void(Situation&, int)>& run) {
  for (const Trouble trouble : {Trouble::kMachineCrash, Trouble::kProcessCrash, Trouble::kRefusal, Trouble::kReadRefusal}) {
    const std::uint64_t seeds = trouble == Trouble::kMachineCrash ? 12 : 1;
    int at = 0;
    for (bool reached = true; reached; ++at) {
      reached = false;
      for (std::uint64_t seed = 0; seed < seeds; ++seed) {
        SCOPED_TRACE("trouble " + std::to_string(static_cast<int>(trouble)) + ", operation " + std::to_string(at) +
                     ", seed " + std::to_string(seed));
        Situation situation{trouble, seed};
        run(situation, at);
        reached = situation.trouble.reached(at);
        if (testing::Test::HasFailure()) return;
      }
    }
    EXPECT_GT(at, 3);
  }
}

TEST(SavepointCrash, ThereIsAWholeSavepointOrNone) {
  at_every_operation([](Situation& situation, int at) {
    MemoryFileSystem& files = situation.files;
    Store store = value_or_throw(open(files, "/state"));
    value_or_throw(store->begin_attempt());
    value_or_throw(checkpoint(files, *store, 1));
    std::string folder;
    situation.trouble.arm(at);
    const bool done = savepoint(files, *store, 2, CheckpointKind::kSavepoint, folder).has_value();
    if (!done && !situation.trouble.is_dead() && !folder.empty()) value_or_throw(store->discard_savepoint(folder));
    situation.trouble.disarm();
    if (!done && !situation.trouble.is_dead() && !folder.empty()) {
      EXPECT_FALSE(is_there(files, folder)) << "a failed one leaves nothing";
    }
    situation.trouble.power_failure();
    if (!folder.empty()) {
      EXPECT_TRUE(is_whole(files, folder) || !done);
    }
    store.reset();
    EXPECT_EQ(value_or_throw(value_or_throw(open(files, "/state"))->restorable())->id, 1U) << "the pointer stays";
  });
}

TEST(SavepointCrash, AJobThatStopsWithASavepointGoesOnFromItOrFromTheCheckpointBefore) {
  at_every_operation([](Situation& situation, int at) {
    MemoryFileSystem& files = situation.files;
    Store store = value_or_throw(open(files, "/state"));
    value_or_throw(store->begin_attempt());
    value_or_throw(checkpoint(files, *store, 1));
    std::string folder;
    situation.trouble.arm(at);
    const bool done = savepoint(files, *store, 2, CheckpointKind::kStopSavepoint, folder).has_value();
    if (!done && !situation.trouble.is_dead() && !folder.empty()) (void)store->discard_savepoint(folder);
    situation.trouble.disarm();
    situation.trouble.power_failure();
    store.reset();
    store = value_or_throw(open(files, "/state"));
    const auto restorable = value_or_throw(store->restorable());
    ASSERT_TRUE(restorable);
    if (done) {
      EXPECT_EQ(restorable->id, 2U);
    }
    if (restorable->id == 2) {
      EXPECT_TRUE(is_whole(files, folder));
    }
    value_or_throw(store->begin_attempt());
    value_or_throw(checkpoint(files, *store, 3));
    value_or_throw(store->remove(restorable->id, restorable->attempt));
    if (restorable->id == 2) {
      EXPECT_TRUE(is_whole(files, folder)) << "it belongs to the user";
    }
  });
}

/// A savepoint in "/sp", of a job that is over.
std::string make_savepoint(FileSystem& files) {
  const Store store = value_or_throw(open(files, "/first"));
  value_or_throw(store->begin_attempt());
  std::string folder;
  value_or_throw(savepoint(files, *store, 2, CheckpointKind::kStopSavepoint, folder));
  return folder;
}

Result<Store> open_claiming(FileSystem& files, const std::string& dir, const std::string& folder, std::uint64_t token) {
  auto store = open(files, dir, {Resume::Kind::kLatest, ""});
  // As a script does that starts a job over and over: a checkpoint of its own goes before the savepoint.
  if (store && (*store)->restorable_path().empty()) {
    store->reset();
    return open(files, dir, {Resume::Kind::kPath, folder, token});
  }
  return store;
}

/// A run: claims, takes two checkpoints, deletes what it needs no more.
Result<> run_owner(FileSystem& files, const std::string& dir, const std::string& folder, std::uint64_t token) {
  TIDEMARK_ASSIGN(store, open_claiming(files, dir, folder, token));
  TIDEMARK_TRY(store->begin_attempt());
  TIDEMARK_TRY(store->remove_orphans());
  for (int i = 0; i < 2; ++i) {
    TIDEMARK_TRY(checkpoint(files, *store, store->next_checkpoint_id()));
    if (store->has_replaced_claims(1)) TIDEMARK_TRY(store->remove_claimed(1));
  }
  return {};
}

TEST(SavepointCrash, AClaimedSavepointGoesOnlyWhenACheckpointReplacesItAndThenWholly) {
  at_every_operation([](Situation& situation, int at) {
    MemoryFileSystem& files = situation.files;
    const std::string folder = make_savepoint(files);
    situation.trouble.arm(at);
    (void)run_owner(files, "/owner", folder, kToken);
    situation.trouble.disarm();
    situation.trouble.power_failure();
    const Store store = value_or_throw(open_claiming(files, "/owner", folder, kToken + 1));
    EXPECT_TRUE(value_or_throw(store->restorable())) << "there is something to go on from";
    const bool own = store->restorable_path() != folder;
    EXPECT_TRUE(own || is_whole(files, folder));
    value_or_throw(store->begin_attempt());
    value_or_throw(checkpoint(files, *store, store->next_checkpoint_id()));
    if (store->has_replaced_claims(1)) value_or_throw(store->remove_claimed(1));
    EXPECT_FALSE(store->has_replaced_claims(1));
    EXPECT_FALSE(is_there(files, folder));
  });
}

TEST(SavepointCrash, TwoJobsNeverOwnOneSavepoint) {
  at_every_operation([](Situation& situation, int at) {
    MemoryFileSystem& files = situation.files;
    const std::string folder = make_savepoint(files);
    {
      situation.trouble.arm(at);
      const auto first = open(files, "/one", {Resume::Kind::kPath, folder, kToken});
      if (first) (void)(*first)->begin_attempt();
      situation.trouble.disarm();
    }
    situation.trouble.power_failure();
    bool second_has_it = false;
    if (auto second = open(files, "/two", {Resume::Kind::kPath, folder, kToken + 1})) {
      second_has_it = (*second)->begin_attempt().has_value();
    }
    bool first_has_it = false;
    if (auto again = open(files, "/one", {Resume::Kind::kPath, folder, kToken + 2})) {
      first_has_it = (*again)->begin_attempt().has_value();
    }
    EXPECT_NE(first_has_it, second_has_it);
    EXPECT_TRUE(is_whole(files, folder));
  });
}

TEST(SavepointCrash, ADisposedSavepointIsWholeOrNone) {
  at_every_operation([](Situation& situation, int at) {
    MemoryFileSystem& files = situation.files;
    const std::string folder = make_savepoint(files);
    situation.trouble.arm(at);
    const bool done = dispose_snapshot(files, folder).has_value();
    situation.trouble.disarm();
    situation.trouble.power_failure();
    if (done) {
      EXPECT_FALSE(is_there(files, folder));
    }
    (void)is_whole(files, folder);
  });
}

}  // namespace
}  // namespace tidemark

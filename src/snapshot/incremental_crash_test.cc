// Crashes and refused operations at every single operation of a job with incremental checkpoints, of a claim and of a
// disposal: what is needed is whole, down to the content of shared files, and after the next start nothing is left over.
#include <gtest/gtest.h>

#include <functional>

#include "env/memory_file_system.h"
#include "snapshot/file_trouble_test.h"
#include "snapshot/incremental_samples.h"
#include "snapshot/snapshot_claim.h"
#include "snapshot/snapshot_disposal.h"

namespace tidemark {
namespace {

using Store = std::unique_ptr<CheckpointStore>;

constexpr std::size_t kRetained = 2;
const std::string kFolder = "/state/orders";

/// One life with one trouble.
class Life {
 public:
  Life(Trouble trouble, std::uint64_t seed) : trouble_{files, trouble, seed} {}

  MemoryFileSystem files;

  bool dead() const { return trouble_.is_dead(); }
  bool reached(int at) const { return trouble_.reached(at); }
  /// Until disarm() operation `at` meets the trouble.
  void arm(int at) { trouble_.arm(at); }
  /// The power fails, too.
  void disarm() {
    trouble_.disarm();
    trouble_.power_failure();
  }

 private:
  FileTrouble trouble_;
};

void at_every_operation(const std::function<void(Life&, int)>& run) {
  for (const Trouble trouble : {Trouble::kMachineCrash, Trouble::kProcessCrash, Trouble::kRefusal, Trouble::kReadRefusal}) {
    const std::uint64_t seeds = trouble == Trouble::kMachineCrash ? 3 : 1;
    bool reached = true;
    int at = 0;
    for (; reached; ++at) {
      reached = false;
      for (std::uint64_t seed = 0; seed < seeds; ++seed) {
        SCOPED_TRACE("trouble " + std::to_string(static_cast<int>(trouble)) + ", operation " + std::to_string(at) +
                     ", seed " + std::to_string(seed));
        Life life{trouble, seed};
        run(life, at);
        reached = life.reached(at);
        if (testing::Test::HasFailure()) return;
      }
    }
    EXPECT_GT(at, 8);
  }
}

Result<Store> open(FileSystem& files, const std::string& dir = "/state", Resume resume = {Resume::Kind::kLatest, ""}) {
  return CheckpointStore::open(files, dir, "orders", resume);
}

/// A run of the job, as its driver would have it.
class JobRun {
 public:
  static Result<JobRun> begin(FileSystem& files, Store store) {
    TIDEMARK_TRY(store->begin_attempt());
    TIDEMARK_TRY(store->prepare_shared_folder());
    TIDEMARK_ASSIGN(restored, store->restorable());
    JobRun run{files, std::move(store)};
    run.next_ = run.store_->next_checkpoint_id();
    const std::string path = run.store_->restorable_path();
    if (restored && parent_path(path) == run.store_->folder()) {
      TIDEMARK_ASSIGN(metadata, read_metadata_file(files, path));
      run.chain_ = chain_of(metadata);
    }
    (void)run.store_->remove_orphans();
    return run;
  }

  /// Deltas, some of which take the place of one or two older ones.
  Result<> checkpoint() {
    const CheckpointId id = next_++;
    std::vector<RetainedCheckpoint> drop = store_->retained();
    drop.resize(drop.size() - std::min(drop.size(), kRetained - 1));
    const std::size_t replaced = id % 7 == 0 ? chain_.size() : id % 4 == 0 ? 2 : id % 2 == 0 ? 1 : 0;
    if (const auto taken = take_incremental(*files_, *store_, id, chain_, replaced, drop); !taken) {
      (void)store_->discard(id);
      return taken;
    }
    newest_ = id;
    for (const RetainedCheckpoint& old : drop) (void)store_->remove(old.id, old.attempt);
    return {};
  }
  void abort_one() {
    const CheckpointId id = next_++;
    (void)store_->prepare(id);
    (void)write_shared(*files_, *store_, id);
    (void)store_->discard(id);
  }
  Result<> end() { return store_->remove_unused_files(); }

  CheckpointStore& store() { return *store_; }
  CheckpointId newest() const { return newest_; }

 private:
  JobRun(FileSystem& files, Store store) : files_{&files}, store_{std::move(store)} {}

  FileSystem* files_;
  Store store_;
  Chain chain_;
  CheckpointId next_ = 1;
  CheckpointId newest_ = 0;
};

void take_checkpoints(FileSystem& files, int count) {
  JobRun run = value_or_throw(JobRun::begin(files, value_or_throw(open(files))));
  for (int i = 0; i < count; ++i) value_or_throw(run.checkpoint());
}

/// A checkpoint that CURRENT names no more; of its files one is listed by another, too.
std::string leave_a_spare_one(FileSystem& files) {
  JobRun run = value_or_throw(JobRun::begin(files, value_or_throw(open(files))));
  for (int i = 0; i < 3; ++i) value_or_throw(run.checkpoint());
  const RetainedCheckpoint spare = run.store().retained().back();
  Chain chain = read_chain(files, path_of(kFolder, spare));
  EXPECT_EQ(chain.size(), 2U);
  value_or_throw(take_incremental(files, run.store(), 9, chain, 1, {spare}));
  return path_of(kFolder, spare);
}

/// An error only where it could not look.
Result<> look_whether_whole(FileSystem& files, const std::string& folder) {
  try {
    load_whole(files, folder);
  } catch (const Error& error) {
    if (error.code() != ErrorCode::kIo) throw;
    return std::unexpected{error};
  }
  return {};
}

/// What a start, a checkpoint and a clean end leave: every checkpoint that CURRENT names whole, and nothing else.
void expect_tidy(FileSystem& files) {
  {
    JobRun run = value_or_throw(JobRun::begin(files, value_or_throw(open(files))));
    for (const RetainedCheckpoint& kept : run.store().retained()) load_whole(files, path_of(kFolder, kept));
    value_or_throw(run.checkpoint());
    value_or_throw(run.end());
  }
  std::set<std::string> listed;
  const auto pointer = value_or_throw(read_pointer_file(files, kFolder));
  for (const RetainedCheckpoint& kept : pointer->checkpoints) {
    load_whole(files, path_of(kFolder, kept));
    listed.merge(shared_files_of(value_or_throw(read_metadata_file(files, path_of(kFolder, kept)))));
  }
  EXPECT_EQ(names_in_shared(files, kFolder), listed);
}

TEST(IncrementalCrash, WhatWasCompleteStaysWholeAndNothingElseIsLeft) {
  at_every_operation([](Life& life, int at) {
    take_checkpoints(life.files, 3);
    CheckpointId completed = 3;
    life.arm(at);
    for (int i = 0; i < 2 && !life.dead(); ++i) {
      auto store = open(life.files);
      auto run = store ? JobRun::begin(life.files, *std::move(store)) : std::unexpected{store.error()};
      if (!run) continue;
      for (int n = 0; n < 4; ++n) (void)run->checkpoint();
      run->abort_one();
      (void)run->end();
      completed = std::max(completed, run->newest());
    }
    life.disarm();
    const auto metadata = value_or_throw(value_or_throw(open(life.files))->restorable());
    ASSERT_TRUE(metadata);
    EXPECT_GE(metadata->id, completed);
    load_whole(life.files, path_of(kFolder, {metadata->id, metadata->attempt}));
    expect_tidy(life.files);
  });
}

TEST(IncrementalCrash, ADisposedOneIsWholeOrNoneAndLeavesWhatOthersNeed) {
  at_every_operation([](Life& life, int at) {
    const std::string spare = leave_a_spare_one(life.files);
    life.arm(at);
    const bool done = dispose_snapshot(life.files, spare).has_value();
    life.disarm();
    EXPECT_FALSE(done && life.files.stat(spare));
    if (life.files.stat(join_path(spare, kMetadataName))) load_whole(life.files, spare);
    expect_tidy(life.files);
  });
}

TEST(IncrementalCrash, AClaimedOneIsWholeUntilItIsReplacedAndThenGoesWithItsFiles) {
  at_every_operation([](Life& life, int at) {
    const std::string spare = leave_a_spare_one(life.files);
    const auto open_owner = [&](std::uint64_t token) -> Result<Store> {
      auto store = open(life.files, "/owner");
      if (!store || !(*store)->restorable_path().empty()) return store;
      store->reset();
      return open(life.files, "/owner", {Resume::Kind::kPath, spare, token});
    };
    const auto live = [&](std::uint64_t token) -> Result<> {
      TIDEMARK_ASSIGN(store, open_owner(token));
      if (store->restorable_path() == spare) TIDEMARK_TRY(look_whether_whole(life.files, spare));
      TIDEMARK_ASSIGN(run, JobRun::begin(life.files, std::move(store)));
      TIDEMARK_TRY(run.checkpoint());
      if (run.store().has_replaced_claims(1)) TIDEMARK_TRY(run.store().remove_claimed(1));
      return run.end();
    };
    life.arm(at);
    (void)live(7);
    life.disarm();
    value_or_throw(live(8));
    EXPECT_FALSE(life.files.stat(spare));
    EXPECT_EQ(names_in_shared(life.files, kFolder), value_or_throw(shared_files_in_use(life.files, kFolder)));
    expect_tidy(life.files);
  });
}

}  // namespace
}  // namespace tidemark

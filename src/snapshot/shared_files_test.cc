#include "snapshot/shared_files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "env/memory_file_system.h"
#include "snapshot/checkpoint_store.h"
#include "snapshot/incremental_samples.h"
#include "snapshot/snapshot_claim.h"
#include "snapshot/snapshot_disposal.h"

namespace tidemark {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

using Names = std::set<std::string>;

TEST(SharedFileNames, OnlyThoseThatACheckpointGivesAreRead) {
  const auto name = parse_shared_file_name("3-17-count-0.snap");
  ASSERT_TRUE(name);
  EXPECT_EQ(name->attempt, 3U);
  EXPECT_EQ(name->checkpoint, 17U);
  for (const char* other : {"", "3-17.snap", "3-17-count-0", "03-17-count.snap", "+3-17-count.snap", "a-17-count.snap",
                            "3-x-count.snap", "3--count.snap", "3-17-count.snap.tmp", "99999999999-1-x.snap"}) {
    EXPECT_FALSE(parse_shared_file_name(other)) << other;
  }
}

TEST(SharedFileNames, APathLeadsToSharedOrNowhere) {
  EXPECT_EQ(shared_name_of("../shared/3-17-count-0.snap"), "3-17-count-0.snap");
  for (const char* other : {"count-0.snap", "shared/x.snap", "../shared", "../shared/", "../sharedx/y", "../shared/a/b",
                            "../shared/..", "../shared/.", "../../shared/x", "/state/orders/shared/x"}) {
    EXPECT_FALSE(shared_name_of(other)) << other;
  }
}

class SharedFilesTest : public ::testing::Test {
 protected:
  std::unique_ptr<CheckpointStore> begun(const std::string& dir = "/state",
                                         Resume resume = {Resume::Kind::kLatest, ""}) {
    auto store = value_or_throw(CheckpointStore::open(files_, dir, "orders", resume));
    value_or_throw(store->begin_attempt());
    value_or_throw(store->prepare_shared_folder());
    return store;
  }
  void take(CheckpointStore& store, CheckpointId id, std::size_t dropped = 0,
            const std::vector<RetainedCheckpoint>& drop = {}) {
    value_or_throw(take_incremental(files_, store, id, chain_, dropped, drop));
  }
  Names shared(const std::string& folder = "/state/orders") { return names_in_shared(files_, folder); }

  MemoryFileSystem files_;
  Chain chain_;
};

TEST_F(SharedFilesTest, PathsBecomeSuchAsTheFileSystemOpens) {
  const auto store = begun();
  take(*store, 1);
  take(*store, 2);
  const auto metadata = value_or_throw(store->restorable());
  const OperatorSnapshot& subtask = metadata->operators[1].subtasks[0];
  ASSERT_EQ(subtask.keyed_files.size(), 2U);
  EXPECT_EQ(subtask.keyed_files[0].path, "/state/orders/shared/1-1-count-0.snap");
  EXPECT_EQ(subtask.keyed_files[1].path, store->shared_folder() + "/1-2-count-0.snap");
  load_whole(files_, "/state/orders/chk-2-1");
}

TEST_F(SharedFilesTest, AMissingOrCutFileIsDamageThatNamesIt) {
  const auto store = begun();
  take(*store, 1);
  take(*store, 2);
  put_file(files_, "/state/orders/shared/1-1-count-0.snap", "1-1");
  const auto cut = store->restorable();
  ASSERT_FALSE(cut);
  EXPECT_EQ(cut.error().code(), ErrorCode::kDataLoss);
  EXPECT_THAT(cut.error().message(), HasSubstr("/state/orders/shared/1-1-count-0.snap' of operator 'count' is damaged"));
  value_or_throw(files_.remove("/state/orders/shared/1-1-count-0.snap"));
  EXPECT_THAT(store->restorable().error().message(), HasSubstr("it is missing"));
}

TEST_F(SharedFilesTest, APathThatLeadsElsewhereIsDamage) {
  value_or_throw(files_.make_directories("/state/orders/chk-1-1"));
  put_file(files_, "/secret", "secret");
  for (const char* path : {"../../../secret", "/secret", "../secret", "../shared/../../../secret", "a/../../../../secret",
                           "../shared/..", ".."}) {
    CheckpointMetadata metadata = sample_metadata(1, 1);
    chain_of(metadata) = {{path, 6, detail::hash_bytes("secret"), {0, 32}}};
    value_or_throw(write_metadata_file(files_, "/state/orders/chk-1-1", metadata));
    const auto loaded = load_checkpoint(files_, "/state/orders/chk-1-1");
    ASSERT_FALSE(loaded) << path;
    EXPECT_EQ(loaded.error().code(), ErrorCode::kDataLoss);
    EXPECT_THAT(loaded.error().message(), HasSubstr(path));
  }
}

TEST_F(SharedFilesTest, WhatOnlyTheRemovedCheckpointListsGoesWithIt) {
  const auto store = begun();
  take(*store, 1);
  take(*store, 2);
  take(*store, 3, 1, {{1, 1}});  // in the place of 2's
  value_or_throw(store->remove(1, 1));
  EXPECT_THAT(shared(), ElementsAre("1-1-count-0.snap", "1-2-count-0.snap", "1-3-count-0.snap"));
  take(*store, 4, 0, {{2, 1}});
  value_or_throw(store->remove(2, 1));
  EXPECT_THAT(shared(), ElementsAre("1-1-count-0.snap", "1-3-count-0.snap", "1-4-count-0.snap"));
  take(*store, 5, 3, {{3, 1}, {4, 1}});  // whole
  value_or_throw(store->remove(3, 1));
  value_or_throw(store->remove(4, 1));
  EXPECT_THAT(shared(), ElementsAre("1-5-count-0.snap"));
  load_whole(files_, "/state/orders/chk-5-1");
}

TEST_F(SharedFilesTest, NothingGoesWhereAKeptCheckpointCantBeRead) {
  const auto store = begun();
  take(*store, 1);
  take(*store, 2);
  take(*store, 3, 1, {{1, 1}});
  put_file(files_, "/state/orders/chk-3-1/_metadata", "damaged");
  EXPECT_EQ(store->remove(1, 1).error().code(), ErrorCode::kDataLoss);
  EXPECT_EQ(shared().size(), 3U);
}

TEST_F(SharedFilesTest, DiscardingTakesOnlyWhatTheAbortedOneHasWritten) {
  const auto store = begun();
  take(*store, 1);
  for (const CheckpointId id : {2, 12}) {
    value_or_throw(store->prepare(id));
    value_or_throw(write_shared(files_, *store, id));
  }
  value_or_throw(store->discard(2));
  EXPECT_THAT(shared(), ElementsAre("1-1-count-0.snap", "1-12-count-0.snap"));
  value_or_throw(store->discard(1));
  load_whole(files_, "/state/orders/chk-1-1");
}

TEST_F(SharedFilesTest, WhatTasksWroteBehindADiscardGoesAtTheEnd) {
  const auto store = begun();
  take(*store, 1);
  value_or_throw(store->discard(2));
  value_or_throw(write_shared(files_, *store, 2));
  value_or_throw(store->remove_unused_files());
  EXPECT_THAT(shared(), ElementsAre("1-1-count-0.snap"));
}

TEST_F(SharedFilesTest, ACrashedAttemptsFilesGoAndWhatIsNotOursStays) {
  auto store = begun();
  take(*store, 1);
  value_or_throw(write_shared(files_, *store, 2));
  put_file(files_, "/state/orders/shared/notes.txt", "mine");
  put_file(files_, "/state/orders/shared/7-1-newer.snap", "of an attempt that is yet to come");
  store.reset();
  store = begun();
  value_or_throw(write_shared(files_, *store, 2));
  value_or_throw(store->remove_orphans());
  EXPECT_THAT(shared(), ElementsAre("1-1-count-0.snap", "2-2-count-0.snap", "7-1-newer.snap"));
  EXPECT_TRUE(files_.stat("/state/orders/shared/notes.txt"));
}

TEST_F(SharedFilesTest, ACheckpointThatCurrentNeverNamedButThatIsRestoredKeepsItsFiles) {
  auto store = begun();
  take(*store, 1);
  Chain chain = chain_;
  CheckpointMetadata metadata = sample_metadata(2, 1);
  value_or_throw(store->prepare(2));
  chain.push_back(value_or_throw(write_shared(files_, *store, 2)));
  chain_of(metadata) = chain;
  value_or_throw(write_metadata_file(files_, "/state/orders/chk-2-1", metadata));
  store.reset();
  store = begun("/state", {Resume::Kind::kPath, "/state/orders/chk-2-1"});
  value_or_throw(store->remove_orphans());
  load_whole(files_, "/state/orders/chk-2-1");
}

TEST_F(SharedFilesTest, AZombieRemovesNothing) {
  auto zombie = begun();
  take(*zombie, 1);
  take(*zombie, 2, 1);
  CheckpointPointer taken_over = *value_or_throw(read_pointer_file(files_, "/state/orders"));
  ++taken_over.attempt;
  put_file(files_, "/state/orders/CURRENT", encode_pointer(taken_over));
  EXPECT_FALSE(zombie->remove(1, 1));
  EXPECT_FALSE(zombie->discard(2));
  EXPECT_FALSE(zombie->remove_orphans());
  EXPECT_FALSE(zombie->remove_unused_files());
  EXPECT_FALSE(zombie->remove_all());
  EXPECT_EQ(shared().size(), 2U);
}

TEST_F(SharedFilesTest, RemovingAllLeavesNone) {
  const auto store = begun();
  take(*store, 1);
  take(*store, 2);
  value_or_throw(write_shared(files_, *store, 3));
  value_or_throw(store->remove_all());
  EXPECT_THAT(shared(), IsEmpty());
}

TEST_F(SharedFilesTest, ADisposedCheckpointLeavesWhatOthersList) {
  auto store = begun();
  take(*store, 1);
  take(*store, 2);
  take(*store, 3, 1, {{2, 1}});
  store.reset();
  value_or_throw(dispose_snapshot(files_, "/state/orders/chk-2-1"));
  EXPECT_FALSE(files_.stat("/state/orders/chk-2-1"));
  EXPECT_THAT(shared(), ElementsAre("1-1-count-0.snap", "1-3-count-0.snap"));
  load_whole(files_, "/state/orders/chk-3-1");
  load_whole(files_, "/state/orders/chk-1-1");
}

TEST_F(SharedFilesTest, ACopyBesideNoJobIsDisposedWithItsFilesOnly) {
  auto store = begun();
  take(*store, 1);
  store.reset();
  const std::string metadata = value_or_throw(read_file(files_, "/state/orders/chk-1-1/_metadata"));
  value_or_throw(files_.make_directories("/backup/monday"));
  value_or_throw(files_.make_directories("/backup/shared"));
  put_file(files_, "/backup/monday/_metadata", metadata);
  put_file(files_, "/backup/shared/1-1-count-0.snap", "1-1-count-0.snap");
  put_file(files_, "/backup/shared/5-1-count-0.snap", "of another");
  load_whole(files_, "/backup/monday");
  value_or_throw(dispose_snapshot(files_, "/backup/monday"));
  EXPECT_THAT(shared("/backup"), ElementsAre("5-1-count-0.snap"));
}

TEST_F(SharedFilesTest, AClaimedCheckpointTakesItsFilesWithIt) {
  auto store = begun();
  take(*store, 1);
  take(*store, 2);
  take(*store, 3, 1, {{2, 1}});
  store.reset();
  store = begun("/other", {Resume::Kind::kPath, "/state/orders/chk-2-1", 5});
  load_whole(files_, store->restorable_path());
  Chain own;
  value_or_throw(take_incremental(files_, *store, 4, own));
  value_or_throw(store->remove_claimed(1));
  EXPECT_FALSE(files_.stat("/state/orders/chk-2-1"));
  EXPECT_THAT(shared(), ElementsAre("1-1-count-0.snap", "1-3-count-0.snap"));
  load_whole(files_, "/state/orders/chk-3-1");
}

TEST_F(SharedFilesTest, TheJobBesideWhichAClaimedOneLiesLeavesItAlone) {
  auto first = begun();
  take(*first, 1);
  take(*first, 2);
  take(*first, 3, 1, {{2, 1}});
  first.reset();
  const auto owner = begun("/other", {Resume::Kind::kPath, "/state/orders/chk-2-1", 5});
  first = begun();
  value_or_throw(first->remove_orphans());
  take(*first, 4, 2, {{3, 1}, {1, 1}});
  value_or_throw(first->remove(3, 1));
  value_or_throw(first->remove(1, 1));
  value_or_throw(first->remove_unused_files());
  load_whole(files_, "/state/orders/chk-2-1");
  Chain own;
  value_or_throw(take_incremental(files_, *owner, 4, own));
  value_or_throw(owner->remove_claimed(1));
  EXPECT_THAT(shared(), ElementsAre("2-4-count-0.snap"));
}

}  // namespace
}  // namespace tidemark

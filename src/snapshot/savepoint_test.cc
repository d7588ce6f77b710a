#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>

#include "env/memory_file_system.h"
#include "env/posix_env.h"
#include "snapshot/checkpoint_samples.h"
#include "snapshot/checkpoint_store.h"
#include "snapshot/snapshot_claim.h"
#include "snapshot/snapshot_disposal.h"
#include "snapshot/snapshot_folder.h"
#include "tidemark/detail/base/hash.h"

namespace tidemark {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class SavepointTest : public ::testing::Test {
 protected:
  std::unique_ptr<CheckpointStore> open(const std::string& dir, Resume resume = {Resume::Kind::kLatest, ""}) {
    return value_or_throw(CheckpointStore::open(files_, dir, "orders", resume));
  }
  std::unique_ptr<CheckpointStore> begun(const std::string& dir, Resume resume = {Resume::Kind::kLatest, ""}) {
    auto store = open(dir, resume);
    value_or_throw(store->begin_attempt());
    return store;
  }
  /// A job that comes to run, and no further.
  void run(const std::string& dir, Resume resume = {Resume::Kind::kLatest, ""}) {
    const auto store = begun(dir, resume);
    value_or_throw(store->remember_restored());
    value_or_throw(store->remove_orphans());
  }
  Error refusal(const std::string& dir, Resume resume) {
    auto store = CheckpointStore::open(files_, dir, "orders", resume);
    if (!store) return store.error();
    const auto begun = (*store)->begin_attempt();
    return begun ? Error{ErrorCode::kInternal, "not refused"} : begun.error();
  }

  void complete(CheckpointStore& store, CheckpointId id, const std::vector<RetainedCheckpoint>& drop = {}) {
    value_or_throw(store.prepare(id));
    CheckpointMetadata metadata = sample_metadata(id, store.attempt());
    metadata.kind = CheckpointKind::kPeriodic;
    value_or_throw(store.complete(metadata, drop));
  }
  std::string savepoint(CheckpointStore& store, CheckpointId id, CheckpointKind kind = CheckpointKind::kSavepoint) {
    const std::string folder = value_or_throw(store.prepare_savepoint("/sp", id << 16));
    CheckpointMetadata metadata = sample_metadata(id, store.attempt());
    metadata.kind = kind;
    put_file(files_, folder + "/count-0.snap", "state");
    metadata.operators[1].subtasks[0].keyed_files = {{"count-0.snap", 5, detail::hash_bytes("state"), {0, 32}}};
    CompleteCheckpoint work{store, metadata, {}, folder};
    while (value_or_throw(work.step()) != Progress::kDone) {
    }
    return folder;
  }
  void move(const std::string& from, const std::string& to) {
    value_or_throw(files_.make_directories(to));
    for (const DirectoryEntry& entry : value_or_throw(files_.list(from))) {
      value_or_throw(files_.rename(join_path(from, entry.name), join_path(to, entry.name)));
    }
    value_or_throw(files_.remove_directory(from));
  }

  MemoryFileSystem files_;
};

TEST_F(SavepointTest, ItsFolderNamesTheJobAndItsMetadataSaysWhatItIs) {
  const auto store = begun("/state");
  const std::string folder = savepoint(*store, 7);
  EXPECT_EQ(folder, "/sp/savepoint-orders-000000000007");
  EXPECT_EQ(value_or_throw(load_checkpoint(files_, folder)).kind, CheckpointKind::kSavepoint);
  EXPECT_EQ(store->prepare_savepoint("/sp", 7 << 16).error().code(), ErrorCode::kAlreadyExists);
}

TEST_F(SavepointTest, TheJobsPointerDoesNotNameIt) {
  auto store = begun("/state");
  complete(*store, 1);
  savepoint(*store, 2);
  EXPECT_THAT(store->retained(), SizeIs(1));
  store.reset();
  EXPECT_EQ(value_or_throw(open("/state")->restorable())->id, 1U);
}

TEST_F(SavepointTest, ItIsRestoredFromWhereverItWasMovedTo) {
  std::string folder = savepoint(*begun("/state"), 5);
  move(folder, "/backup/monday");
  for (const char* path : {"/backup/monday", "/backup/monday/", "/backup/monday/_metadata"}) {
    const auto store = open("/other", {Resume::Kind::kPath, path});
    const auto metadata = value_or_throw(store->restorable());
    EXPECT_EQ(metadata->id, 5U);
    EXPECT_EQ(metadata->operators[1].subtasks[0].keyed_files[0].path, "/backup/monday/count-0.snap");
  }
}

TEST_F(SavepointTest, AStoppedJobGoesOnFromItsSavepointAndNeverDeletesIt) {
  auto store = begun("/state");
  complete(*store, 1);
  const std::string folder = savepoint(*store, 2, CheckpointKind::kStopSavepoint);
  store.reset();
  store = begun("/state");
  EXPECT_EQ(store->restorable_path(), folder);
  EXPECT_EQ(value_or_throw(store->restorable())->kind, CheckpointKind::kStopSavepoint);
  complete(*store, 3);
  value_or_throw(store->remove(2, 1));
  EXPECT_THAT(store->retained(), SizeIs(2));
  EXPECT_TRUE(load_checkpoint(files_, folder));
  EXPECT_EQ(value_or_throw(store->remove_orphans()), 0U);
  EXPECT_TRUE(load_checkpoint(files_, folder));
}

TEST_F(SavepointTest, AStoppedJobWhoseSavepointIsGoneSaysWhatToDo) {
  const std::string folder = savepoint(*begun("/state"), 2, CheckpointKind::kStopSavepoint);
  move(folder, "/moved");
  const Error error = refusal("/state", {Resume::Kind::kLatest, ""});
  EXPECT_THAT(error.message(), HasSubstr("the job stopped with the savepoint '" + folder + "'"));
  EXPECT_TRUE(open("/state", {Resume::Kind::kPath, "/moved"})->restorable());
}

TEST_F(SavepointTest, DiscardingLeavesNothingButWhatIsComplete) {
  const auto store = begun("/state");
  const std::string failed = value_or_throw(store->prepare_savepoint("/sp", 1 << 16));
  put_file(files_, failed + "/count-0.snap", "sta");
  value_or_throw(store->discard_savepoint(failed));
  EXPECT_FALSE(files_.stat(failed));
  value_or_throw(store->discard_savepoint(failed));
  const std::string complete = savepoint(*store, 2, CheckpointKind::kStopSavepoint);
  value_or_throw(store->discard_savepoint(complete));
  EXPECT_TRUE(load_checkpoint(files_, complete));
}

TEST_F(SavepointTest, WithoutAClaimNothingIsTouched) {
  const std::string folder = savepoint(*begun("/state"), 2);
  const auto before = value_or_throw(files_.list(folder)).size();
  const auto store = begun("/other", {Resume::Kind::kPath, folder});
  for (CheckpointId id = 3; id < 6; ++id) complete(*store, id);
  EXPECT_FALSE(store->has_replaced_claims(1));
  EXPECT_EQ(value_or_throw(files_.list(folder)).size(), before);
}

TEST_F(SavepointTest, AClaimedOneIsDeletedWhenAsManyCheckpointsAsAreKeptReplaceIt) {
  const std::string folder = savepoint(*begun("/state"), 2);
  auto store = begun("/other", {Resume::Kind::kPath, folder, 0xabc});
  const auto claim = value_or_throw(read_claim(files_, folder));
  ASSERT_TRUE(claim);
  EXPECT_EQ(*claim, (SnapshotClaim{"orders", "/other/orders", "0000000000000abc"}));
  complete(*store, 3);
  EXPECT_FALSE(store->has_replaced_claims(2));
  EXPECT_TRUE(store->has_replaced_claims(1));
  complete(*store, 4);
  EXPECT_TRUE(store->has_replaced_claims(2));
  store.reset();
  store = begun("/other");  // another run has to do it
  value_or_throw(store->remove_claimed(2));
  EXPECT_FALSE(files_.stat(folder));
  EXPECT_FALSE(store->has_replaced_claims(2));
}

TEST_F(SavepointTest, ADeletionOnceBegunIsFinishedByARunThatKeepsMore) {
  const std::string folder = savepoint(*begun("/state"), 2);
  auto store = begun("/other", {Resume::Kind::kPath, folder, 0xabc});
  complete(*store, 3);
  value_or_throw(files_.remove(join_path(folder, kMetadataName)));  // so far the run came that keeps one
  store.reset();
  store = begun("/other");
  EXPECT_FALSE(store->has_replaced_claims(2));
  EXPECT_TRUE(store->has_replaced_claims(1));
  value_or_throw(store->remove_claimed(2));
  EXPECT_FALSE(files_.stat(folder));
  EXPECT_FALSE(store->has_replaced_claims(1));
}

TEST_F(SavepointTest, WhatOthersPutIntoTheFolderOfAClaimedOneStays) {
  const std::string folder = savepoint(*begun("/state"), 2);
  put_file(files_, folder + "/README", "ours");
  const auto store = begun("/other", {Resume::Kind::kPath, folder, 1});
  complete(*store, 3);
  value_or_throw(store->remove_claimed(1));
  EXPECT_THAT(value_or_throw(files_.list(folder)), SizeIs(1));
}

TEST_F(SavepointTest, AnotherJobCanNeitherClaimNorRestoreAClaimedOne) {
  const std::string folder = savepoint(*begun("/state"), 2);
  const auto owner = begun("/owner", {Resume::Kind::kPath, folder, 1});
  for (const auto claim : {std::optional<std::uint64_t>{2}, std::optional<std::uint64_t>{}}) {
    const Error error = refusal("/other", {Resume::Kind::kPath, folder, claim});
    EXPECT_EQ(error.code(), ErrorCode::kFailedPrecondition);
    EXPECT_THAT(error.message(), HasSubstr("belongs to job 'orders' with its checkpoints in '/owner/orders'"));
  }
}

TEST_F(SavepointTest, TheOwnerMayBeginAgainWithWhatItClaimed) {
  const std::string folder = savepoint(*begun("/state"), 2);
  begun("/owner", {Resume::Kind::kPath, folder, 1}).reset();
  begun("/owner", {Resume::Kind::kPath, folder}).reset();
  const auto store = begun("/owner", {Resume::Kind::kPath, folder, 2});
  complete(*store, 3);
  EXPECT_TRUE(store->has_replaced_claims(1));
  value_or_throw(store->remove_claimed(1));
  EXPECT_FALSE(files_.stat(folder));
}

TEST_F(SavepointTest, AnOwnerThatCompletedNothingGoesOnFromWhatItClaimed) {
  const std::string folder = savepoint(*begun("/state"), 2);
  begun("/owner", {Resume::Kind::kPath, folder, 1}).reset();
  const auto store = begun("/owner");
  EXPECT_EQ(store->restorable_path(), folder);
  EXPECT_EQ(value_or_throw(store->restorable())->id, 2U);
  complete(*store, 3);
  EXPECT_TRUE(store->has_replaced_claims(1));
}

TEST_F(SavepointTest, AJobThatRanAndCompletedNothingGoesOnFromWhatItRestored) {
  const std::string folder = savepoint(*begun("/state"), 5);
  run("/other", {Resume::Kind::kPath, folder});
  run("/other");
  auto store = begun("/other");
  EXPECT_EQ(store->restorable_path(), folder);
  EXPECT_EQ(value_or_throw(read_claim(files_, folder)), std::nullopt);
  complete(*store, 6);
  store.reset();
  EXPECT_EQ(begun("/other")->restorable_path(), "/other/orders/chk-6-4");
}

TEST_F(SavepointTest, WhatARunRestoredIsNewerThanTheCheckpointsBeforeIt) {
  const std::string folder = savepoint(*begun("/state"), 5);
  auto store = begun("/other");
  complete(*store, 6);
  complete(*store, 7);
  store.reset();
  run("/other", {Resume::Kind::kPath, folder});
  EXPECT_EQ(begun("/other")->restorable_path(), folder);
  run("/other", {Resume::Kind::kPath, "/other/orders/chk-6-1"});
  EXPECT_EQ(begun("/other")->restorable_path(), "/other/orders/chk-6-1");
  EXPECT_THAT(refusal("/thief", {Resume::Kind::kPath, "/other/orders/chk-6-1", 5}).message(), HasSubstr("keeps to go on from"));
}

TEST_F(SavepointTest, OfWhatWasRestoredAndWhatWasClaimedTheNewestCounts) {
  const std::string first = savepoint(*begun("/state"), 5);
  const std::string second = savepoint(*begun("/state2"), 6);
  const std::string third = savepoint(*begun("/state3"), 7);
  run("/other", {Resume::Kind::kPath, first, 1});
  EXPECT_EQ(begun("/other")->restorable_path(), first);
  run("/other", {Resume::Kind::kPath, second});
  EXPECT_EQ(begun("/other")->restorable_path(), second);
  run("/other", {Resume::Kind::kPath, third, 2});
  EXPECT_EQ(begun("/other")->restorable_path(), third);
}

TEST_F(SavepointTest, AStartThatCameToNothingIsForgotten) {
  const std::string folder = savepoint(*begun("/state"), 5);
  begun("/other", {Resume::Kind::kPath, folder}).reset();
  EXPECT_EQ(begun("/other")->restorable_path(), "");
}

TEST_F(SavepointTest, AJobThatCompletedNothingSaysWhenWhatItRestoredIsGone) {
  const std::string folder = savepoint(*begun("/state"), 5);
  run("/other", {Resume::Kind::kPath, folder});
  move(folder, "/backup");
  const Error error = refusal("/other", {Resume::Kind::kLatest, ""});
  EXPECT_EQ(error.code(), ErrorCode::kNotFound);
  EXPECT_THAT(error.message(), HasSubstr("has completed no checkpoint since it resumed from '" + folder + "'"));
  EXPECT_THAT(error.message(), HasSubstr("--resume=PATH"));
  EXPECT_EQ(begun("/other", {Resume::Kind::kPath, "/backup"})->restorable_path(), "/backup");
}

TEST_F(SavepointTest, WhatWasClaimedIsNewerThanTheOwnersOlderCheckpoints) {
  const std::string folder = savepoint(*begun("/state"), 7);
  auto store = begun("/owner");
  complete(*store, 3);
  store.reset();
  begun("/owner", {Resume::Kind::kPath, folder, 1}).reset();
  EXPECT_EQ(open("/owner")->restorable_path(), folder);
}

TEST_F(SavepointTest, ACheckpointOfTheJobsOwnFolderIsItsOwnAlready) {
  auto store = begun("/state");
  complete(*store, 1);
  complete(*store, 2);
  store.reset();
  store = begun("/state", {Resume::Kind::kPath, "/state/orders/chk-1-1", 5});
  EXPECT_FALSE(value_or_throw(read_claim(files_, "/state/orders/chk-1-1")));
  complete(*store, 3);
  EXPECT_FALSE(store->has_replaced_claims(1));
  EXPECT_TRUE(load_checkpoint(files_, "/state/orders/chk-1-1"));
}

TEST_F(SavepointTest, ACheckpointOfAnotherFolderCanBeClaimed) {
  auto first = begun("/state");
  complete(*first, 1);
  complete(*first, 2, {{1, 1}});
  first.reset();
  const auto store = begun("/other", {Resume::Kind::kPath, "/state/orders/chk-1-1", 5});
  EXPECT_THAT(refusal("/state", {Resume::Kind::kPath, "/state/orders/chk-1-1"}).message(), HasSubstr("belongs to job"));
  complete(*store, 3);
  value_or_throw(store->remove_claimed(1));
  EXPECT_FALSE(files_.stat("/state/orders/chk-1-1"));
}

TEST_F(SavepointTest, ACheckpointThatItsJobKeepsCanBeRestoredButNotClaimed) {
  auto first = begun("/state");
  complete(*first, 1);
  first.reset();
  const Error error = refusal("/other", {Resume::Kind::kPath, "/state/orders/chk-1-1", 5});
  EXPECT_EQ(error.code(), ErrorCode::kFailedPrecondition);
  EXPECT_THAT(error.message(), HasSubstr("is a checkpoint that job 'orders' keeps"));
  EXPECT_FALSE(files_.stat("/state/orders/chk-1-1/_claim"));
  EXPECT_TRUE(begun("/other", {Resume::Kind::kPath, "/state/orders/chk-1-1"})->restorable());
}

TEST_F(SavepointTest, ACheckpointOfARunningJobIsNotClaimed) {
  const auto running = begun("/state");
  complete(*running, 1);
  complete(*running, 2, {{1, 1}});
  EXPECT_THAT(refusal("/other", {Resume::Kind::kPath, "/state/orders/chk-1-1", 5}).message(),
              HasSubstr("which is running"));
}

TEST_F(SavepointTest, AJobWhoseNewestCheckpointAnotherHasClaimedSaysSo) {
  auto first = begun("/state");
  complete(*first, 1);
  first.reset();
  value_or_throw(write_claim(files_, "/state/orders/chk-1-1", {"orders", "/other/orders", "token"}));
  const Error error = refusal("/state", {Resume::Kind::kLatest, ""});
  EXPECT_EQ(error.code(), ErrorCode::kFailedPrecondition);
  EXPECT_THAT(error.message(), HasSubstr("belongs to job 'orders' with its checkpoints in '/other/orders'"));
}

TEST_F(SavepointTest, ARefusedClaimLeavesTheNumberOfTheAttempt) {
  const std::string folder = savepoint(*begun("/state"), 2);
  auto late = open("/late", {Resume::Kind::kPath, folder, 1});
  const auto owner = begun("/owner", {Resume::Kind::kPath, folder, 2});
  EXPECT_EQ(late->begin_attempt().error().code(), ErrorCode::kFailedPrecondition);
  EXPECT_FALSE(files_.stat("/late/orders/CURRENT"));
}

TEST_F(SavepointTest, AStartThatIsTakenBackClaimsNothing) {
  const std::string folder = savepoint(*begun("/state"), 2);
  auto owner = begun("/owner");
  complete(*owner, 1);
  owner.reset();
  value_or_throw(begun("/owner", {Resume::Kind::kPath, folder, 1})->withdraw());
  EXPECT_FALSE(files_.stat(join_path(folder, "_claim")));
  EXPECT_EQ(open("/owner")->restorable_path(), "/owner/orders/chk-1-1");
  begun("/other", {Resume::Kind::kPath, folder, 2});
}

TEST_F(SavepointTest, AStartThatIsTakenBackLeavesWhatAnEarlierRunHadClaimed) {
  const std::string folder = savepoint(*begun("/state"), 2);
  begun("/owner", {Resume::Kind::kPath, folder, 1}).reset();
  value_or_throw(begun("/owner", {Resume::Kind::kPath, folder, 2})->withdraw());
  EXPECT_EQ(open("/owner")->restorable_path(), folder);
  EXPECT_THAT(refusal("/other", {Resume::Kind::kPath, folder}).message(), HasSubstr("'/owner/orders'"));
}

TEST_F(SavepointTest, RestoredWithoutAClaimAnEarlierRunsClaimIsGivenUp) {
  const std::string folder = savepoint(*begun("/state"), 2);
  begun("/owner", {Resume::Kind::kPath, folder, 1}).reset();
  ASSERT_TRUE(value_or_throw(read_claim(files_, folder)));
  const auto store = begun("/owner", {Resume::Kind::kPath, folder});
  EXPECT_FALSE(value_or_throw(read_claim(files_, folder)));
  complete(*store, 3);
  EXPECT_FALSE(store->has_replaced_claims(1));
  value_or_throw(store->remove_claimed(1));
  EXPECT_TRUE(load_checkpoint(files_, folder));
}

TEST_F(SavepointTest, WhatAnEarlierRunHadClaimedIsGoneOnFromThoughAStartThatOnlyRestoresItDies) {
  const std::string folder = savepoint(*begun("/state"), 2);
  begun("/owner", {Resume::Kind::kPath, folder, 1}).reset();
  begun("/owner", {Resume::Kind::kPath, folder}).reset();
  EXPECT_EQ(open("/owner")->restorable_path(), folder);
}

TEST_F(SavepointTest, WhatAnEarlierRunHadClaimedIsGoneOnFromThoughAStartThatOnlyRestoresItIsTakenBack) {
  const std::string folder = savepoint(*begun("/state"), 2);
  begun("/owner", {Resume::Kind::kPath, folder, 1}).reset();
  value_or_throw(begun("/owner", {Resume::Kind::kPath, folder})->withdraw());
  EXPECT_EQ(open("/owner")->restorable_path(), folder);
}

TEST_F(SavepointTest, AnOlderClaimThatIsGivenUpDoesNotReplaceANewerCheckpoint) {
  const std::string folder = savepoint(*begun("/state"), 2);
  auto owner = begun("/owner", {Resume::Kind::kPath, folder, 1});
  complete(*owner, 3);
  const std::string newest = owner->restorable_path();
  owner.reset();
  begun("/owner", {Resume::Kind::kPath, folder}).reset();
  EXPECT_EQ(open("/owner")->restorable_path(), newest);
}

TEST_F(SavepointTest, AClaimThatCantBeReadIsNotForgotten) {
  const std::string folder = savepoint(*begun("/state"), 2);
  const auto store = begun("/owner", {Resume::Kind::kPath, folder, 1});
  complete(*store, 3);
  const std::string claim = value_or_throw(read_file(files_, folder + "/_claim"));
  put_file(files_, folder + "/_claim", "damaged");
  const auto removed = store->remove_claimed(1);
  ASSERT_FALSE(removed);
  EXPECT_THAT(removed.error().message(), HasSubstr(folder + "/_claim"));
  EXPECT_TRUE(load_checkpoint(files_, folder));
  EXPECT_TRUE(store->has_replaced_claims(1));
  put_file(files_, folder + "/_claim", claim);
  value_or_throw(store->remove_claimed(1));
  EXPECT_FALSE(files_.stat(folder));
}

TEST_F(SavepointTest, AFolderWhoseNameIsNoUtf8IsRestoredButNotClaimed) {
  const std::string folder = "/sp/m\xe4rz";
  move(savepoint(*begun("/state"), 2), folder);
  const Error error = refusal("/other", {Resume::Kind::kPath, folder, 5});
  EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
  EXPECT_THAT(error.message(), HasSubstr("no UTF-8"));
  EXPECT_TRUE(begun("/other", {Resume::Kind::kPath, folder})->restorable());
}

TEST_F(SavepointTest, WhoeverDeletesHoldsTheClaimsLockFromLookingToTheEnd) {
  const std::string folder = savepoint(*begun("/state"), 2);
  {
    const auto claiming = value_or_throw(lock_claim(files_, folder));
    EXPECT_EQ(dispose_snapshot(files_, folder).error().code(), ErrorCode::kFailedPrecondition);
    EXPECT_EQ(refusal("/other", {Resume::Kind::kPath, folder, 5}).code(), ErrorCode::kFailedPrecondition);
  }
  bool locked = true;
  files_.set_hook([&, inside = false](FileOperation operation, const std::string& path) mutable -> std::optional<Error> {
    if (inside || operation != FileOperation::kRemove || path.ends_with(".lock")) return std::nullopt;
    inside = true;
    locked = locked && !files_.lock(folder + "/_claim.lock");
    inside = false;
    return std::nullopt;
  });
  value_or_throw(dispose_snapshot(files_, folder));
  files_.set_hook(nullptr);
  EXPECT_TRUE(locked);
}

TEST_F(SavepointTest, DisposingSaysWhatAFolderWithoutMetadataIs) {
  const std::string folder = value_or_throw(begun("/state")->prepare_savepoint("/sp", 1 << 16));
  put_file(files_, folder + "/count-0.snap", "sta");
  const Error error = dispose_snapshot(files_, folder).error();
  EXPECT_EQ(error.code(), ErrorCode::kNotFound);
  EXPECT_THAT(error.message(), HasSubstr("a crash has cut it short"));
}

TEST_F(SavepointTest, EveryDamageOfAClaimIsAnErrorThatNamesTheFile) {
  const std::string folder = savepoint(*begun("/state"), 2);
  const auto owner = begun("/owner", {Resume::Kind::kPath, folder, 1});
  const std::string path = folder + "/_claim";
  const std::string good = value_or_throw(read_file(files_, path));
  for_each_damage(good, [&](std::string_view damaged) {
    put_file(files_, path, damaged);
    const auto claim = read_claim(files_, folder);
    ASSERT_FALSE(claim);
    EXPECT_THAT(claim.error().message(), HasSubstr(path));
  });
}

TEST_F(SavepointTest, DisposingRefusesWhatIsNoneOrIsNeeded) {
  auto store = begun("/state");
  complete(*store, 1);
  EXPECT_EQ(dispose_snapshot(files_, "/nowhere").error().code(), ErrorCode::kNotFound);
  EXPECT_THAT(dispose_snapshot(files_, "/state/orders").error().message(), HasSubstr("is no savepoint or checkpoint"));
  EXPECT_THAT(dispose_snapshot(files_, "/state/orders/chk-1-1").error().message(), HasSubstr("that job 'orders' keeps"));
  value_or_throw(store->prepare(9));
  value_or_throw(write_metadata_file(files_, store->checkpoint_path(9), sample_metadata(9, 1)));
  EXPECT_THAT(dispose_snapshot(files_, "/state/orders/chk-9-1").error().message(), HasSubstr("which is running"));
  store.reset();
  value_or_throw(dispose_snapshot(files_, "/state/orders/chk-9-1"));
  const std::string folder = savepoint(*begun("/state"), 2);
  const auto owner = begun("/owner", {Resume::Kind::kPath, folder, 1});
  EXPECT_THAT(dispose_snapshot(files_, folder).error().message(), HasSubstr("belongs to job"));
}

TEST_F(SavepointTest, DisposingDeletesTheWholeSavepoint) {
  const std::string folder = savepoint(*begun("/state"), 2);
  value_or_throw(dispose_snapshot(files_, folder + "/_metadata"));
  EXPECT_FALSE(files_.stat(folder));
  EXPECT_THAT(value_or_throw(files_.list("/sp")), IsEmpty());
}

TEST_F(SavepointTest, RemovingAllLeavesSavepointsAndTheNumberOfTheAttempt) {
  auto store = begun("/state");
  complete(*store, 1);
  complete(*store, 2);
  const std::string folder = savepoint(*store, 3);
  value_or_throw(store->remove_all());
  store.reset();
  store = begun("/state");
  EXPECT_EQ(store->attempt(), 2U);
  EXPECT_FALSE(value_or_throw(store->restorable()));
  EXPECT_FALSE(files_.stat("/state/orders/chk-2-1"));
  EXPECT_TRUE(load_checkpoint(files_, folder));
}

TEST(SavepointOnDisk, ThroughALinkTheCurrentBesideItsTargetIsSeen) {
  std::string root = (std::filesystem::temp_directory_path() / "tidemark-savepoint-XXXXXX").string();
  ASSERT_NE(::mkdtemp(root.data()), nullptr);
  PosixEnv posix{1};
  FileSystem& files = *posix.env().files;
  auto store = value_or_throw(CheckpointStore::open(files, root + "/state", "orders", {}));
  value_or_throw(store->begin_attempt());
  for (CheckpointId id = 1; id <= 2; ++id) {
    value_or_throw(store->prepare(id));
    CheckpointMetadata metadata = sample_metadata(id, 1);
    metadata.kind = CheckpointKind::kPeriodic;
    value_or_throw(store->complete(metadata, {{id - 1, 1}}));
  }
  store.reset();
  for (const char* id : {"1", "2"}) {
    std::filesystem::create_directory_symlink(root + "/state/orders/chk-" + id + "-1", root + "/link-" + id);
  }
  EXPECT_THAT(dispose_snapshot(files, root + "/link-2").error().message(), HasSubstr("that job 'orders' keeps"));
  const Resume claim{Resume::Kind::kPath, root + "/link-2", 5};
  EXPECT_THAT(CheckpointStore::open(files, root + "/other", "orders", claim).error().message(),
              HasSubstr("that job 'orders' keeps"));
  value_or_throw(dispose_snapshot(files, root + "/link-1"));
  EXPECT_FALSE(std::filesystem::exists(root + "/state/orders/chk-1-1"));
  std::filesystem::remove_all(root);
}

}  // namespace
}  // namespace tidemark

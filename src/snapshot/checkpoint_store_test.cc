#include "snapshot/checkpoint_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/log.h"
#include "env/memory_file_system.h"
#include "snapshot/checkpoint_samples.h"
#include "tidemark/detail/base/hash.h"

namespace tidemark {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using Store = std::unique_ptr<CheckpointStore>;

const Resume kNone{Resume::Kind::kNone, ""};
const Resume kLatest{Resume::Kind::kLatest, ""};
Resume from(std::string path) { return {Resume::Kind::kPath, std::move(path)}; }

class CheckpointStoreTest : public testing::Test {
 protected:
  Result<Store> open(const Resume& resume) { return CheckpointStore::open(files_, "/state", "orders", resume); }
  Store started(const Resume& resume) {
    Store store = value_or_throw(open(resume));
    value_or_throw(store->begin_attempt());
    return store;
  }

  /// A checkpoint of the store's attempt with one data file.
  CheckpointMetadata write_files(CheckpointStore& store, CheckpointId id) {
    CheckpointMetadata metadata = sample_metadata(id, store.attempt());
    value_or_throw(store.prepare(id));
    const std::string content = "data of " + std::to_string(id);
    put_file(files_, store.checkpoint_path(id) + "/count-0.snap", content);
    metadata.operators[1].subtasks[0].keyed_files = {
        {"count-0.snap", content.size(), detail::hash_bytes(content), {0, 32}}};
    return metadata;
  }
  void complete(CheckpointStore& store, CheckpointId id) { value_or_throw(store.complete(write_files(store, id))); }

  bool exists(const std::string& path) { return files_.stat(path).has_value(); }
  std::optional<CheckpointId> restored(CheckpointStore& store) {
    const auto metadata = value_or_throw(store.restorable());
    return metadata ? std::optional{metadata->id} : std::nullopt;
  }

  MemoryFileSystem files_;
};

TEST_F(CheckpointStoreTest, AnEmptyFolderStartsAnewWithAndWithoutResume) {
  for (const Resume& resume : {kNone, kLatest}) {
    const Store store = value_or_throw(open(resume));
    EXPECT_EQ(restored(*store), std::nullopt);
    EXPECT_EQ(store->restorable_path(), "");
    EXPECT_EQ(store->next_checkpoint_id(), 1u);
  }
}

TEST_F(CheckpointStoreTest, AUsedFolderIsRefusedWithoutResumeWithWhatToDo) {
  started(kNone);
  auto refused = open(kNone);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), ErrorCode::kFailedPrecondition);
  EXPECT_THAT(refused.error().message(), HasSubstr("none of its checkpoints completed"));
  complete(*started(kLatest), 1);
  refused = open(kNone);
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message(), HasSubstr("--resume"));
  EXPECT_THAT(refused.error().message(), HasSubstr("--checkpoint-dir"));
  EXPECT_THAT(refused.error().message(), HasSubstr("/state/orders/chk-1-2"));
}

TEST_F(CheckpointStoreTest, AFirstStartThatIsTakenBackLeavesAnUnusedFolderAndItsNumberTaken) {
  {
    const Store refused = started(kNone);
    value_or_throw(refused->begin_attempt());  // it had been tried again
    value_or_throw(refused->withdraw());
  }
  {
    const Store again = value_or_throw(open(kNone));
    EXPECT_EQ(value_or_throw(again->begin_attempt()), 3u);
  }
  EXPECT_THAT(open(kNone).error().message(), HasSubstr("--resume")) << "that one was not taken back";
}

TEST_F(CheckpointStoreTest, AStartThatIsTakenBackLeavesAUsedFolderUsed) {
  complete(*started(kNone), 1);
  value_or_throw(started(kLatest)->withdraw());
  EXPECT_THAT(open(kNone).error().message(), HasSubstr("its newest checkpoint is /state/orders/chk-1-1"));
  const Store store = started(kLatest);
  EXPECT_EQ(store->attempt(), 3u);
  EXPECT_EQ(restored(*store), 1u);
}

TEST_F(CheckpointStoreTest, WhatAnAttemptHasLeftInTheFolderKeepsItUsed) {
  {
    const Store store = started(kNone);
    value_or_throw(store->prepare(1));
    value_or_throw(store->withdraw());
  }
  EXPECT_THAT(open(kNone).error().message(), HasSubstr("--resume"));
}

TEST_F(CheckpointStoreTest, CheckpointsWhosePointerIsLostAreNotForgottenByAStartThatIsTakenBack) {
  complete(*started(kNone), 1);
  value_or_throw(files_.remove("/state/orders/CURRENT"));
  value_or_throw(started({Resume::Kind::kPath, "/state/orders/chk-1-1"})->withdraw());
  EXPECT_THAT(open(kLatest).error().message(), HasSubstr("name one of them: --resume=/state/orders/chk-1-1"));
}

TEST_F(CheckpointStoreTest, WithoutAnAttemptThereIsNothingToTakeBack) {
  value_or_throw(value_or_throw(open(kNone))->withdraw());
  EXPECT_FALSE(files_.stat("/state/orders/CURRENT"));
}

TEST_F(CheckpointStoreTest, TheLatestCheckpointIsRestoredWithPathsThatOpen) {
  {
    const Store store = started(kNone);
    complete(*store, 1);
    complete(*store, 2);
  }
  const Store store = started(kLatest);
  EXPECT_EQ(store->attempt(), 2u);
  EXPECT_EQ(store->restorable_path(), "/state/orders/chk-2-1");
  const auto metadata = value_or_throw(store->restorable());
  ASSERT_TRUE(metadata);
  const std::string path = metadata->operators[1].subtasks[0].keyed_files[0].path;
  EXPECT_EQ(value_or_throw(read_file(files_, path)), "data of 2");
  EXPECT_EQ(store->next_checkpoint_id(), 3u);
  EXPECT_THAT(store->retained(), ElementsAre(RetainedCheckpoint{1, 1, CheckpointKind::kStop},
                                             RetainedCheckpoint{2, 1, CheckpointKind::kStop}));
}

TEST_F(CheckpointStoreTest, ASecondProcessIsRefused) {
  const Store first = started(kNone);
  const auto second = open(kLatest);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code(), ErrorCode::kFailedPrecondition);
  EXPECT_THAT(second.error().message(), HasSubstr("/state/orders"));
  EXPECT_THAT(second.error().message(), HasSubstr("--checkpoint-dir"));
}

TEST_F(CheckpointStoreTest, WhoGoesBackToAnOlderCheckpointIsWarnedOfTheNewest) {
  {
    const Store store = started(kNone);
    complete(*store, 1);
    complete(*store, 2);
  }
  std::vector<std::string> lines;
  set_log_sink([&](std::string_view line) { lines.emplace_back(line); });
  for (const Resume& newest : {kLatest, from("/state/orders/chk-2-1")}) value_or_throw(open(newest));
  EXPECT_THAT(lines, IsEmpty());
  const auto warns = ElementsAre(AllOf(HasSubstr("checkpoint 1"), HasSubstr("'/state/orders/chk-2-1' is newer")));
  value_or_throw(started(from("/state/orders/chk-1-1"))->remember_restored());
  EXPECT_THAT(std::exchange(lines, {}), warns);
  started(kLatest);  // from there once more, as nothing was completed
  started(from("/state/orders/chk-1-1"));
  set_log_sink({});
  EXPECT_THAT(lines, IsEmpty());
}

TEST_F(CheckpointStoreTest, AnyCheckpointIsRestoredByItsPath) {
  {
    const Store store = started(kNone);
    complete(*store, 1);
    complete(*store, 2);
  }
  for (const char* path : {"/state/orders/chk-1-1", "/state/orders/chk-1-1/", "/state/orders/chk-1-1/_metadata"}) {
    const Store store = started(from(path));
    EXPECT_EQ(restored(*store), 1u);
    EXPECT_EQ(store->next_checkpoint_id(), 3u);
  }
  const Store elsewhere =
      value_or_throw(CheckpointStore::open(files_, "/other", "orders", from("/state/orders/chk-2-1")));
  EXPECT_EQ(value_or_throw(elsewhere->begin_attempt()), 2u);  // above the one that wrote what is restored
  EXPECT_EQ(restored(*elsewhere), 2u);
}

TEST_F(CheckpointStoreTest, AnExplicitPathHoldsUntilTheFirstCheckpointCompletes) {
  {
    const Store store = started(kNone);
    complete(*store, 1);
    complete(*store, 2);
  }
  const Store store = started(from("/state/orders/chk-1-1"));
  EXPECT_EQ(store->remove(1, 1).error().code(), ErrorCode::kFailedPrecondition);
  value_or_throw(store->begin_attempt());  // the job restarts
  EXPECT_EQ(restored(*store), 1u);
  complete(*store, 3);
  EXPECT_EQ(restored(*store), 3u);
  EXPECT_TRUE(store->remove(1, 1));
}

TEST_F(CheckpointStoreTest, PathsThatAreNoCheckpointAreRefusedWithWhatToDo) {
  complete(*started(kNone), 1);
  EXPECT_EQ(open(from("/nowhere")).error().code(), ErrorCode::kNotFound);
  EXPECT_THAT(open(from("/state/orders")).error().message(), HasSubstr("chk-ID-ATTEMPT"));
  const auto other_job = CheckpointStore::open(files_, "/state", "returns", from("/state/orders/chk-1-1"));
  ASSERT_FALSE(other_job);
  EXPECT_THAT(other_job.error().message(), HasSubstr("belongs to job 'orders'"));
  EXPECT_EQ(CheckpointStore::open(files_, "/state", "../x", kNone).error().code(), ErrorCode::kInvalidArgument);
}

TEST_F(CheckpointStoreTest, ADamagedNewestCheckpointIsRefusedAndAnOlderOneOffered) {
  {
    const Store store = started(kNone);
    complete(*store, 1);
    complete(*store, 2);
  }
  const std::string path = "/state/orders/chk-2-1/_metadata";
  const std::string good = value_or_throw(read_file(files_, path));
  std::string bad = good;
  bad[bad.size() / 2] ^= 4;
  put_file(files_, path, bad);
  const auto expect_offer = [&](const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kDataLoss);
    EXPECT_THAT(error.message(), HasSubstr("/state/orders/chk-2-1"));
    EXPECT_THAT(error.message(), HasSubstr("--resume=/state/orders/chk-1-1"));
  };
  expect_offer(open(kLatest).error());
  put_file(files_, path, good);
  put_file(files_, "/state/orders/chk-2-1/count-0.snap", "cut");
  expect_offer(open(kLatest).error());
  EXPECT_THAT(open(kLatest).error().message(), HasSubstr("count-0.snap"));
  value_or_throw(files_.remove("/state/orders/chk-2-1/count-0.snap"));
  expect_offer(open(kLatest).error());
  EXPECT_EQ(restored(*started(from("/state/orders/chk-1-1"))), 1u);
}

TEST_F(CheckpointStoreTest, ErrorsMetWhileRestoringOfferAnOlderCheckpoint) {
  const Store store = started(kNone);
  complete(*store, 1);
  const Error damaged{ErrorCode::kDataLoss, "block 3 is damaged"};
  EXPECT_EQ(store->offer_older(damaged).message(), damaged.message());
  complete(*store, 2);
  EXPECT_THAT(store->offer_older(damaged).message(), HasSubstr("--resume=/state/orders/chk-1-1"));
}

TEST_F(CheckpointStoreTest, EveryDamageOfThePointerIsRefusedAndNothingDeleted) {
  complete(*started(kNone), 1);
  const std::string path = "/state/orders/CURRENT";
  const std::string good = value_or_throw(read_file(files_, path));
  for_each_damage(good, [&](std::string_view damaged) {
    put_file(files_, path, damaged);
    const auto store = open(kLatest);
    ASSERT_FALSE(store);
    EXPECT_THAT(store.error().message(), HasSubstr(path));
    EXPECT_THAT(store.error().message(), HasSubstr("--resume=/state/orders/chk-1-1"));
  });
  value_or_throw(files_.remove(path));
  const auto store = open(kLatest);
  ASSERT_FALSE(store);
  EXPECT_THAT(store.error().message(), HasSubstr("--resume=/state/orders/chk-1-1"));
  EXPECT_FALSE(open(kNone));
  EXPECT_EQ(restored(*started(from("/state/orders/chk-1-1"))), 1u);
}

TEST_F(CheckpointStoreTest, ACheckpointThatThePointerNeverNamedRestoresOnlyByPath) {
  {
    const Store store = started(kNone);
    complete(*store, 1);
    CompleteCheckpoint work{*store, write_files(*store, 2)};
    EXPECT_EQ(value_or_throw(work.step()), Progress::kMadeProgress);
  }
  EXPECT_EQ(restored(*started(kLatest)), 1u);
  EXPECT_EQ(restored(*started(from("/state/orders/chk-2-1"))), 2u);
}

TEST_F(CheckpointStoreTest, AZombieCanNeitherCompleteNorRemove) {
  const Store zombie = started(kNone);
  complete(*zombie, 1);
  complete(*zombie, 2);
  const CheckpointMetadata late = write_files(*zombie, 3);
  // Another process got the folder, as on a file system whose locks do not hold.
  put_file(files_, "/state/orders/CURRENT", encode_pointer({"orders", 2, zombie->retained()}));
  for (const auto& result : {zombie->complete(late), zombie->remove(1, 1), zombie->discard(3)}) {
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code(), ErrorCode::kFailedPrecondition);
    EXPECT_THAT(result.error().message(), HasSubstr("attempt 2 has taken over"));
  }
  EXPECT_EQ(zombie->withdraw().error().code(), ErrorCode::kFailedPrecondition);
  EXPECT_EQ(zombie->remove_orphans().error().code(), ErrorCode::kFailedPrecondition);
  EXPECT_EQ(zombie->begin_attempt().error().code(), ErrorCode::kFailedPrecondition);
  EXPECT_TRUE(exists("/state/orders/chk-1-1/_metadata"));
}

TEST_F(CheckpointStoreTest, WorkOfAnAttemptThatARestartEndedIsFenced) {
  const Store store = started(kNone);
  const CheckpointMetadata late = write_files(*store, 1);
  value_or_throw(store->begin_attempt());
  EXPECT_EQ(store->complete(late).error().code(), ErrorCode::kFailedPrecondition);
  EXPECT_EQ(restored(*store), std::nullopt);
}

TEST_F(CheckpointStoreTest, TheNewestCheckpointIsNeverRemoved) {
  const Store store = started(kNone);
  complete(*store, 1);
  EXPECT_EQ(store->remove(1, 1).error().code(), ErrorCode::kFailedPrecondition);
  complete(*store, 2);
  EXPECT_TRUE(store->remove(1, 1));
  EXPECT_FALSE(exists("/state/orders/chk-1-1"));
  EXPECT_TRUE(store->remove(1, 1));
  EXPECT_THAT(store->retained(), ElementsAre(RetainedCheckpoint{2, 1, CheckpointKind::kStop}));
}

TEST_F(CheckpointStoreTest, RemovingTakesThePointerThenTheMetadataThenTheFiles) {
  const Store store = started(kNone);
  complete(*store, 1);
  complete(*store, 2);
  std::vector<std::string> done;
  files_.set_hook([&](FileOperation operation, const std::string& path) -> std::optional<Error> {
    if (changes_files(operation)) done.push_back(std::string{to_string(operation)} + " " + path);
    return std::nullopt;
  });
  value_or_throw(store->remove(1, 1));
  files_.set_hook(nullptr);
  ASSERT_GE(done.size(), 5u);
  const std::string folder = "/state/orders/chk-1-1";
  const auto name = [](FileOperation operation, const std::string& path) {
    return std::string{to_string(operation)} + " " + path;
  };
  EXPECT_EQ(
      std::vector(done.end() - 5, done.end()),
      (std::vector{name(FileOperation::kSyncDirectory, "/state/orders"),
                   name(FileOperation::kRemove, folder + "/_metadata"), name(FileOperation::kSyncDirectory, folder),
                   name(FileOperation::kRemove, folder + "/count-0.snap"),
                   name(FileOperation::kRemoveDirectory, folder)}));
}

TEST_F(CheckpointStoreTest, CompletingMayDropOlderOnesAtOnce) {
  const Store store = started(kNone);
  complete(*store, 1);
  value_or_throw(store->complete(write_files(*store, 2), store->retained()));
  EXPECT_THAT(store->retained(), ElementsAre(RetainedCheckpoint{2, 1, CheckpointKind::kStop}));
  EXPECT_TRUE(exists("/state/orders/chk-1-1"));
  EXPECT_TRUE(store->remove(1, 1));
  EXPECT_FALSE(exists("/state/orders/chk-1-1"));
}

TEST_F(CheckpointStoreTest, AnAbortedCheckpointIsDiscardedAndACompleteOneIsNot) {
  const Store store = started(kNone);
  complete(*store, 1);
  write_files(*store, 2);
  EXPECT_TRUE(store->discard(2));
  EXPECT_FALSE(exists("/state/orders/chk-2-1"));
  EXPECT_TRUE(store->discard(1));
  EXPECT_TRUE(exists("/state/orders/chk-1-1/_metadata"));
  EXPECT_TRUE(store->discard(9));
}

TEST_F(CheckpointStoreTest, OrphansOfOlderAttemptsGoAndAllElseStays) {
  {
    const Store store = started(kNone);
    complete(*store, 1);
    write_files(*store, 2);
    CompleteCheckpoint work{*store, write_files(*store, 3)};
    value_or_throw(work.step());
  }
  value_or_throw(files_.make_directories("/state/orders/chk-notes"));
  value_or_throw(files_.make_directories("/state/orders/chk-07-1"));
  put_file(files_, "/state/orders/readme", "mine");
  const Store store = started(kLatest);
  write_files(*store, 4);
  EXPECT_EQ(store->remove_orphans(), 2u);
  EXPECT_FALSE(exists("/state/orders/chk-2-1"));
  EXPECT_FALSE(exists("/state/orders/chk-3-1"));
  for (const char* kept : {"chk-1-1/_metadata", "chk-4-2", "chk-notes", "chk-07-1", "readme", "CURRENT"}) {
    EXPECT_TRUE(exists(std::string{"/state/orders/"} + kept)) << kept;
  }
}

TEST_F(CheckpointStoreTest, AnOrphanThatWasRestoredStays) {
  {
    const Store store = started(kNone);
    CompleteCheckpoint work{*store, write_files(*store, 1)};
    value_or_throw(work.step());
  }
  const Store store = started(from("/state/orders/chk-1-1"));
  EXPECT_EQ(store->remove_orphans(), 0u);
  EXPECT_EQ(restored(*store), 1u);
}

TEST_F(CheckpointStoreTest, AttemptsStayAboveThoseOfAllFoldersEvenWithoutAPointer) {
  {
    const Store store = started(kNone);
    value_or_throw(store->begin_attempt());
    complete(*store, 1);
  }
  value_or_throw(files_.remove("/state/orders/CURRENT"));
  const Store store = value_or_throw(open(from("/state/orders/chk-1-2")));
  EXPECT_EQ(value_or_throw(store->begin_attempt()), 3u);
}

}  // namespace
}  // namespace tidemark

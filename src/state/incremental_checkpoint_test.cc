// Checkpoints of a keyed backend that build upon one another: whatever of them completed, and wherever it is restored, it
// gives what its trigger saw.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "snapshot/snapshot_file_reader.h"
#include "state/keyed_subtask_test.h"
#include "tidemark/ttl.h"

namespace tidemark::detail {
namespace {

using namespace std::chrono_literals;
using testing::EndsWith;
using testing::HasSubstr;
using testing::SizeIs;
using testing::StartsWith;

class IncrementalCheckpointTest : public testing::Test {
 protected:
  void SetUp() override {
    value_or_throw(files_.make_directories(kFolder));
    value_or_throw(files_.make_directories(kSharedFolder));
  }

  /// Restored from these files; with none it begins empty.
  std::unique_ptr<Subtask> subtask(const OperatorSnapshot& from = {}, std::uint32_t index = 0, std::uint32_t parallelism = 1) {
    return subtask_of(absolute(from), index, parallelism);
  }
  std::unique_ptr<Subtask> subtask_of(std::vector<SnapshotFile> files, std::uint32_t index, std::uint32_t parallelism) {
    auto made = std::make_unique<Subtask>(env_, index, parallelism);
    made->context().shared_folder = kSharedFolder;
    made->context().attempt = ++attempt_;
    made->restore(std::move(files));
    return made;
  }

  OperatorSnapshot checkpoint(Subtask& of, CheckpointKind kind = CheckpointKind::kPeriodic) {
    const CheckpointId id = ++checkpoint_;
    const auto work = of.snapshot("visits-" + std::to_string(of.context().name.subtask), kFolder, kind, id);
    OperatorSnapshot snapshot = run(*work);
    of.handle_mail();
    of.backend().checkpoint_completed(id);
    return snapshot;
  }

  bool is_partial(const SnapshotFile& file) {
    OperatorSnapshot one;
    one.keyed_files = {file};
    return value_or_throw(SnapshotFileReader::open(files_, absolute(one)[0].path))->header().partial;
  }
  bool is_partial(const OperatorSnapshot& snapshot) { return is_partial(snapshot.keyed_files.back()); }

  MemoryFileSystem files_;
  SplitMixRandom random_{23};
  Env env_{.files = &files_};
  AttemptId attempt_ = 0;
  CheckpointId checkpoint_ = 0;
};

TEST_F(IncrementalCheckpointTest, TheFirstOneIsWholeAndTheNextOneHoldsWhatChanged) {
  const auto first = subtask();
  first->write_many(random_, 20000, 4000);
  const OperatorSnapshot whole = checkpoint(*first);
  ASSERT_THAT(whole.keyed_files, SizeIs(1));
  EXPECT_EQ(whole.keyed_files[0].path, "../shared/1-1-visits-0.snap");
  EXPECT_FALSE(is_partial(whole));

  first->write_many(random_, 40, 4000);
  first->forget_many(random_, 10, 4000);
  const OperatorSnapshot changes = checkpoint(*first);
  ASSERT_THAT(changes.keyed_files, SizeIs(2));
  EXPECT_EQ(changes.keyed_files[0], whole.keyed_files[0]);
  EXPECT_TRUE(is_partial(changes));
  EXPECT_LT(changes.keyed_files[1].size, whole.keyed_files[0].size / 10);
  EXPECT_TRUE(subtask(changes)->read() == first->content());
}

TEST_F(IncrementalCheckpointTest, WithoutASharedFolderEveryOneIsWholeAndInItsOwn) {
  Subtask alone{env_, 0, 1};
  alone.restore({});
  alone.write_many(random_, 100, 100);
  for (int i = 0; i < 2; ++i) {
    const OperatorSnapshot snapshot = run(*alone.snapshot(std::to_string(i)));
    alone.backend().checkpoint_completed(1);
    ASSERT_THAT(snapshot.keyed_files, SizeIs(1));
    EXPECT_EQ(snapshot.keyed_files[0].path, std::to_string(i) + ".snap");
  }
}

TEST_F(IncrementalCheckpointTest, ManyInARowWithRestartsAndAborts) {
  int restarts = 0;
  int partial = 0;
  for (std::uint64_t seed = 1; seed <= 3; ++seed) {
    SCOPED_TRACE(seed);
    SplitMixRandom random{seed};
    auto running = subtask();
    running->write_many(random, 1500, 500);
    std::map<CheckpointId, Content> seen;
    std::map<CheckpointId, OperatorSnapshot> in_flight;
    for (int round = 0; round < 40; ++round) {
      running->write_many(random, 1 + static_cast<int>(random.next() % 30), 500);
      running->forget_many(random, static_cast<int>(random.next() % 20), 500);
      if (random.next() % 6 == 0) running->drop_slice();
      if (random.next() % 30 == 0) running->write_many(random, 1000, 2000);

      const CheckpointId id = ++checkpoint_;
      seen[id] = running->content();
      const auto work = running->snapshot("visits-0", kFolder, CheckpointKind::kPeriodic, id);
      running->write_many(random, 10, 500);
      in_flight[id] = run(*work);
      running->handle_mail();
      if (random.next() % 3 == 0 && in_flight.size() < 4) continue;

      const auto chosen = std::next(in_flight.begin(), static_cast<std::ptrdiff_t>(random.next() % in_flight.size()));
      const CheckpointId ended = chosen->first;
      const OperatorSnapshot snapshot = chosen->second;
      if (random.next() % 4 == 0) {
        running->backend().checkpoint_aborted(ended);
        in_flight.erase(chosen);
        continue;
      }
      running->backend().checkpoint_completed(ended);
      in_flight.erase(in_flight.begin(), std::next(chosen));
      partial += is_partial(snapshot);
      auto restored = subtask(snapshot);
      ASSERT_TRUE(restored->read() == seen[ended]) << "checkpoint " << ended;
      if (random.next() % 4 == 0) {
        running = std::move(restored);
        in_flight.clear();
        ++restarts;
      }
    }
  }
  EXPECT_GT(restarts, 9);
  EXPECT_GT(partial, 30);
}

// A state that has forgotten what was erased is whole in a file in which another state is not: nobody may build upon it past
// that file after a restart, either.
TEST_F(IncrementalCheckpointTest, KeysErasedInGreatNumbersStayErasedOverRestarts) {
  auto running = subtask();
  running->write_many(random_, 20000, 2500);
  checkpoint(*running);
  running->write_many(random_, 10, 2500);
  checkpoint(*running);
  for (std::int64_t key = 0; key < 2500; ++key) running->forget(key);
  OperatorSnapshot newest = checkpoint(*running);
  for (int restart = 1; restart <= 4; ++restart) {
    SCOPED_TRACE(restart);
    auto restored = subtask(newest);
    ASSERT_TRUE(restored->read() == running->content());
    running = std::move(restored);
    for (int i = 0; i < restart; ++i) {
      running->write_many(random_, 10, 2500);
      newest = checkpoint(*running);
    }
  }
}

TEST_F(IncrementalCheckpointTest, ARestoredSubtaskGoesOnWithTheChain) {
  const auto first = subtask();
  first->write_many(random_, 5000, 1000);
  checkpoint(*first);
  first->write_many(random_, 20, 1000);
  const OperatorSnapshot second = checkpoint(*first);

  const auto restored = subtask(second);
  restored->write_many(random_, 20, 1000);
  restored->forget_many(random_, 20, 1000);
  const OperatorSnapshot third = checkpoint(*restored);
  EXPECT_TRUE(is_partial(third));
  EXPECT_EQ(third.keyed_files.front(), second.keyed_files.front());
  EXPECT_TRUE(subtask(third)->read() == restored->content());
}

TEST_F(IncrementalCheckpointTest, WhatIsRestoredFromElsewhereBeginsAnew) {
  const auto first = subtask();
  first->write_many(random_, 5000, 1000);
  const OperatorSnapshot in_shared = checkpoint(*first);
  auto elsewhere = absolute(in_shared);
  value_or_throw(files_.make_directories("/other/shared"));
  value_or_throw(replace_file(files_, "/other/shared/1.snap", value_or_throw(read_file(files_, elsewhere[0].path))));
  elsewhere[0].path = "/other/shared/1.snap";
  const auto restored = subtask_of(elsewhere, 0, 1);
  const OperatorSnapshot next = checkpoint(*restored);
  EXPECT_FALSE(is_partial(next));
  EXPECT_THAT(next.keyed_files, SizeIs(1));
}

TEST_F(IncrementalCheckpointTest, ASavepointIsWholeAndCanonicalAndNoPartOfTheChain) {
  const auto first = subtask();
  first->write_many(random_, 5000, 1000);
  checkpoint(*first);
  first->write_many(random_, 50, 1000);
  const OperatorSnapshot savepoint = checkpoint(*first, CheckpointKind::kSavepoint);
  ASSERT_THAT(savepoint.keyed_files, SizeIs(1));
  EXPECT_EQ(savepoint.keyed_files[0].path, "visits-0.snap");

  Subtask plain{env_, 0, 1};
  plain.context().attempt = first->context().attempt;
  plain.restore(absolute(savepoint));
  const auto work = plain.snapshot("plain", kFolder, CheckpointKind::kSavepoint, checkpoint_);
  EXPECT_EQ(run(*work).keyed_files[0].checksum, savepoint.keyed_files[0].checksum);

  const OperatorSnapshot next = checkpoint(*first);
  EXPECT_TRUE(is_partial(next));
  EXPECT_TRUE(subtask(next)->read() == first->content());
}

TEST_F(IncrementalCheckpointTest, AnotherParallelismRestoresAChainAndBeginsAnew) {
  const auto merge = [](Content& all, const Content& part) {
    all.counts.insert(part.counts.begin(), part.counts.end());
    all.names.insert(part.names.begin(), part.names.end());
    all.visits.insert(part.visits.begin(), part.visits.end());
    all.slices.insert(part.slices.begin(), part.slices.end());
  };
  std::vector<SnapshotFile> files;
  Content content;
  for (const std::uint32_t parallelism : {1u, 3u, 2u, 5u}) {
    Content restored;
    Content left;
    std::vector<SnapshotFile> left_in;
    std::vector<std::unique_ptr<Subtask>> subtasks;
    for (std::uint32_t i = 0; i < parallelism; ++i) {
      const KeyGroupRange range = range_of_subtask(i, parallelism, kMaxParallelism);
      std::vector<SnapshotFile> share;
      for (const SnapshotFile& file : files) {
        if (file.key_groups.intersects(range)) share.push_back(file);
      }
      subtasks.push_back(subtask_of(share, i, parallelism));
      merge(restored, subtasks.back()->read());
    }
    ASSERT_TRUE(restored == content) << parallelism;
    for (const auto& part : subtasks) {
      OperatorSnapshot newest;
      for (int round = 0; round < 6; ++round) {
        part->write_many(random_, round == 0 ? 4000 : 60, 2000);
        part->forget_many(random_, 60, 2000);
        // Subtasks are not equally far with their windows.
        if (round == 2 && part->context().name.subtask % 2 == 0) part->drop_slice();
        newest = checkpoint(*part);
        EXPECT_EQ(is_partial(newest), round > 0);
      }
      EXPECT_GT(newest.keyed_files.size(), 1u);
      merge(left, part->content());
      for (const SnapshotFile& file : absolute(newest)) left_in.push_back(file);
    }
    content = left;
    files = left_in;
  }
}

TEST_F(IncrementalCheckpointTest, AChainThatLacksItsBaseIsRefused) {
  const auto first = subtask();
  first->write_many(random_, 500, 100);
  checkpoint(*first);
  first->write_many(random_, 5, 100);
  OperatorSnapshot second = checkpoint(*first);
  second.keyed_files.erase(second.keyed_files.begin());
  const Error error = error_of([&] { subtask(second); });
  EXPECT_EQ(error.code(), ErrorCode::kDataLoss);
  EXPECT_THAT(error.message(), HasSubstr("names no file that it continues"));
  EXPECT_THAT(error.message(), HasSubstr("1-2-visits-0.snap"));
}

TEST_F(IncrementalCheckpointTest, DamageInAnyFileOfAChainIsFoundAndNamed) {
  const auto first = subtask();
  for (std::int64_t key = 0; key < 40; ++key) first->write(key, key * 7);
  OperatorSnapshot chain = checkpoint(*first);
  for (std::int64_t round = 0; round < 2; ++round) {
    first->write(round, round + 1000);
    first->forget(round + 5);
    first->drop_slice();
    chain = checkpoint(*first);
  }
  ASSERT_THAT(chain.keyed_files, SizeIs(testing::Ge(2)));
  for (const SnapshotFile& file : absolute(chain)) {
    const std::string good = value_or_throw(read_file(files_, file.path));
    std::string bad = good;
    for (std::size_t i = random_.next() % 7; i < bad.size() && !HasFailure(); i += 7) {
      bad[i] = static_cast<char>(good[i] ^ (1 << i % 8));
      value_or_throw(replace_file(files_, file.path, bad));
      EXPECT_THAT(error_of([&] { subtask(chain); }).message(), HasSubstr(file.path)) << i;
      bad[i] = good[i];
    }
    for (std::size_t size = 0; size < good.size() && !HasFailure(); size += 61) {
      value_or_throw(replace_file(files_, file.path, good.substr(0, size)));
      EXPECT_THAT(error_of([&] { subtask(chain); }).message(), HasSubstr(file.path)) << size;
    }
    value_or_throw(replace_file(files_, file.path, good));
  }
  EXPECT_TRUE(subtask(chain)->read() == first->content());
}

TEST_F(IncrementalCheckpointTest, AnotherThreadMayWriteTheChangesWhileTheTaskGoesOn) {
  const auto first = subtask();
  first->write_many(random_, 10000, 4000);
  for (int round = 0; round < 6; ++round) {
    const Content at_trigger = first->content();
    const CheckpointId id = ++checkpoint_;
    auto work = first->snapshot("visits-0", kFolder, CheckpointKind::kPeriodic, id);
    OperatorSnapshot snapshot;
    std::thread writer{[&] {
      snapshot = run(*work);
      work.reset();
    }};
    first->write_many(random_, 3000, 6000);
    first->forget_many(random_, 1000, 6000);
    writer.join();
    first->handle_mail();
    first->backend().checkpoint_completed(id);
    EXPECT_TRUE(subtask(snapshot)->read() == at_trigger);
  }
}

TEST_F(IncrementalCheckpointTest, AFullDiskFailsTheCheckpointAndTheChainGoesOnWithoutIt) {
  const auto first = subtask();
  first->write_many(random_, 2000, 1000);
  checkpoint(*first);
  first->write_many(random_, 50, 1000);
  files_.set_hook([&](FileOperation operation, const std::string& path) -> std::optional<Error> {
    if (operation != FileOperation::kAppend) return {};
    return Error{ErrorCode::kResourceExhausted, path + ": the disk is full"};
  });
  const CheckpointId id = ++checkpoint_;
  auto work = first->snapshot("visits-0", kFolder, CheckpointKind::kPeriodic, id);
  EXPECT_THAT(error_of([&] { run(*work); }).message(), HasSubstr("/checkpoints/shared/1-2-visits-0.snap"));
  files_.set_hook(nullptr);
  work.reset();
  first->handle_mail();
  first->backend().checkpoint_aborted(id);
  first->write_many(random_, 50, 1000);
  const OperatorSnapshot next = checkpoint(*first);
  EXPECT_TRUE(is_partial(next));
  EXPECT_TRUE(subtask(next)->read() == first->content());
}

/// A state whose entries live a minute, or as long as it is told.
class Expiring {
 public:
  explicit Expiring(Env& env, std::vector<SnapshotFile> files = {}, Duration life = 60s, std::string shared_folder = kSharedFolder)
      : state_{declare_, "state", Ttl{life}} {
    context_.env = &env;
    context_.name = {.name = "keyed process", .uid = "keys"};
    context_.max_parallelism = kMaxParallelism;
    context_.shared_folder = std::move(shared_folder);
    context_.attempt = 1;
    context_.post_mail = [](const std::function<void()>& mail) { mail(); };
    context_.restore.keyed_files = std::move(files);
    backend_.restore(context_);
  }
  ValueState<std::int64_t, std::string, Ttl>& at(std::int64_t key) {
    backend_.begin_batch(*context_.env);
    cursor_ = {.hash = hash_key(key), .key = KeyCodec<std::int64_t>::to_word(key), .serial = cursor_.serial + 1};
    return state_;
  }
  std::vector<SnapshotFile> checkpoint(CheckpointId id) {
    const auto work = backend_.snapshot(
        {.barrier = {.id = id}, .folder = kFolder, .file_prefix = "keys-0", .job = "job"}, context_, {});
    const OperatorSnapshot snapshot = run(*work);
    backend_.checkpoint_completed(id);
    return absolute(snapshot);
  }

 private:
  OperatorContext context_;
  KeyCursor<std::int64_t> cursor_;
  KeyedBackend backend_{schema_json(type_of<std::int64_t>()), &cursor_};
  Declare declare_{backend_};
  ValueState<std::int64_t, std::string, Ttl> state_;
};

class HandClock final : public Clock {
 public:
  std::int64_t wall_ms() const override { return wall_ms_; }
  std::int64_t steady_ns() const override { return 0; }
  std::int64_t wall_ms_ = 1'700'000'000'000;
};

TEST_F(IncrementalCheckpointTest, WhatHasExpiredDoesNotComeBackFromAnOlderFile) {
  HandClock clock;
  env_.clock = &clock;
  Expiring first{env_};
  for (std::int64_t key = 0; key < 300; ++key) first.at(key).set("old");
  first.checkpoint(1);
  clock.wall_ms_ += 10'000;
  first.at(7).set("newer");
  clock.wall_ms_ += 60'000;
  // The entry changed, and has expired since; nothing has swept it yet.
  const std::vector<SnapshotFile> files = first.checkpoint(2);
  ASSERT_THAT(files, SizeIs(2));
  // A longer life would show what the base still holds.
  Expiring longer{env_, files, 3600s};
  EXPECT_EQ(longer.at(7).find(), nullptr);
}

TEST_F(IncrementalCheckpointTest, WithoutTheOptionAnExpiredEntryHidesTheOlderOneBelowIt) {
  HandClock clock;
  env_.clock = &clock;
  Expiring first{env_};
  clock.wall_ms_ += 100'000;
  for (std::int64_t key = 0; key < 300; ++key) first.at(key).set("older, with the later time");
  first.checkpoint(1);
  clock.wall_ms_ -= 100'000;
  first.at(7).set("newer");
  const std::vector<SnapshotFile> files = first.checkpoint(2);
  ASSERT_THAT(files, SizeIs(2));
  clock.wall_ms_ += 70'000;
  Expiring whole{env_, files, 60s, {}};
  EXPECT_EQ(whole.at(7).find(), nullptr);
  EXPECT_NE(whole.at(8).find(), nullptr);
}

TEST_F(IncrementalCheckpointTest, WhatExpiredBeforeTheRestoreIsErasedInTheNextChange) {
  HandClock clock;
  env_.clock = &clock;
  std::vector<SnapshotFile> files;
  {
    Expiring first{env_};
    for (std::int64_t key = 0; key < 300; ++key) first.at(key).set("old");
    first.checkpoint(1);
    clock.wall_ms_ += 30'000;
    for (std::int64_t key = 0; key < 50; ++key) first.at(key).set("new");
    files = first.checkpoint(2);
  }
  clock.wall_ms_ += 40'000;
  Expiring restored{env_, files};
  EXPECT_EQ(restored.at(200).find(), nullptr);
  EXPECT_NE(restored.at(20).find(), nullptr);
  files = restored.checkpoint(3);
  Expiring longer{env_, files, 3600s};
  EXPECT_EQ(longer.at(200).find(), nullptr);
  EXPECT_NE(longer.at(20).find(), nullptr);
}

TEST_F(IncrementalCheckpointTest, WhatHadExpiredUnsweptAndUnchangedDoesNotComeBackUnderALongerLife) {
  HandClock clock;
  env_.clock = &clock;
  std::vector<SnapshotFile> files;
  {
    Expiring first{env_};
    for (std::int64_t key = 0; key < 300; ++key) first.at(key).set("old");
    first.checkpoint(1);
    clock.wall_ms_ += 30'000;
    for (std::int64_t key = 0; key < 10; ++key) first.at(key).set("new");
    clock.wall_ms_ += 40'000;
    files = first.checkpoint(2);
    ASSERT_THAT(files, SizeIs(2));
  }
  // In the same chain, which goes on, and in a folder of its own.
  for (const std::string folder : {kSharedFolder, ""}) {
    Expiring longer{env_, files, 3600s, folder};
    EXPECT_EQ(longer.at(200).find(), nullptr);
    EXPECT_NE(longer.at(5).find(), nullptr);
    Expiring longer_still{env_, longer.checkpoint(3), 7200s, folder};
    EXPECT_EQ(longer_still.at(201).find(), nullptr);
    EXPECT_NE(longer_still.at(6).find(), nullptr);
  }
}

TEST_F(IncrementalCheckpointTest, WhatExpiresAfterACheckpointLivesOnUnderALongerLife) {
  HandClock clock;
  env_.clock = &clock;
  std::vector<SnapshotFile> files;
  {
    Expiring first{env_};
    for (std::int64_t key = 0; key < 300; ++key) first.at(key).set("old");
    first.checkpoint(1);
    clock.wall_ms_ += 59'000;
    first.at(0).set("new");
    files = first.checkpoint(2);
  }
  clock.wall_ms_ += 500'000;
  Expiring longer{env_, files, 3600s};
  EXPECT_NE(longer.at(200).find(), nullptr);
  // While the clock is behind what it was, entries live as if nothing had expired.
  clock.wall_ms_ -= 5'000'000;
  Expiring earlier{env_, files, 3600s};
  earlier.at(200).set("newer");
  EXPECT_NE(earlier.at(200).find(), nullptr);
  // Nor is what was written meanwhile over when the clock has come to what it was.
  clock.wall_ms_ += 3'000'000;
  EXPECT_NE(earlier.at(200).find(), nullptr);
}

}  // namespace
}  // namespace tidemark::detail

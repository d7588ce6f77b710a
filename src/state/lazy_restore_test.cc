// State that is loaded behind the restore: whatever is asked for, changed and saved in the meantime, in whatever order, it is as
// if all had been read at once.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "snapshot/snapshot_file_reader.h"
#include "state/keyed_subtask_test.h"
#include "tidemark/ttl.h"

namespace tidemark::detail {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::SizeIs;

void add_to(Content& all, const Content& part) {
  all.counts.insert(part.counts.begin(), part.counts.end());
  all.names.insert(part.names.begin(), part.names.end());
  all.visits.insert(part.visits.begin(), part.visits.end());
  all.slices.insert(part.slices.begin(), part.slices.end());
}

/// What of it belongs to the subtask.
Content share_of(const Content& all, const Subtask& subtask) {
  Content share = all;
  std::erase_if(share.counts, [&](const auto& entry) { return !subtask.owns(entry.first); });
  std::erase_if(share.names, [&](const auto& entry) { return !subtask.owns(entry.first); });
  std::erase_if(share.visits, [&](const auto& entry) { return !subtask.owns(entry.first); });
  std::erase_if(share.slices, [&](const auto& entry) { return !subtask.owns(entry.first.second); });
  return share;
}

class LazyRestoreTest : public testing::Test {
 protected:
  void SetUp() override {
    value_or_throw(files_.make_directories(kFolder));
    value_or_throw(files_.make_directories(kSharedFolder));
  }

  std::unique_ptr<Subtask> make(bool incremental = false, std::uint32_t index = 0, std::uint32_t parallelism = 1) {
    auto made = std::make_unique<Subtask>(env_, index, parallelism);
    if (incremental) made->context().shared_folder = kSharedFolder;
    made->context().attempt = ++attempt_;
    return made;
  }
  std::unique_ptr<Subtask> eager(const std::vector<SnapshotFile>& files) {
    auto made = make();
    made->restore(files);
    return made;
  }
  std::unique_ptr<Subtask> lazy(const OperatorSnapshot& from, const Content& content, bool incremental = false) {
    auto made = make(incremental);
    made->restore_behind(absolute(from), content);
    return made;
  }

  OperatorSnapshot save(Subtask& of, CheckpointKind kind = CheckpointKind::kPeriodic, bool completes = true) {
    const CheckpointId id = ++checkpoint_;
    const auto work = of.snapshot(std::to_string(id), kFolder, kind, id);
    OperatorSnapshot snapshot = run(*work);
    of.handle_mail();
    if (completes) of.backend().checkpoint_completed(id);
    return snapshot;
  }
  /// A subtask of this sort, with a checkpoint (of it in `saved`).
  std::unique_ptr<Subtask> saved_subtask(OperatorSnapshot& saved, bool incremental = false) {
    auto made = make(incremental);
    made->restore({});
    made->write_many(random_, 6000, 2000);
    saved = save(*made);
    return made;
  }

  MemoryFileSystem files_;
  SplitMixRandom random_{41};
  Env env_{.files = &files_};
  AttemptId attempt_ = 0;
  CheckpointId checkpoint_ = 0;
};

TEST_F(LazyRestoreTest, AKeyThatIsAskedForIsThereBeforeTheOthers) {
  OperatorSnapshot saved;
  const auto before = saved_subtask(saved);
  const auto after = lazy(saved, before->content());
  EXPECT_TRUE(after->backend().is_loading());
  EXPECT_TRUE(after->read().counts.empty());
  const auto& [key, value] = *before->content().counts.begin();
  after->ask_for(key);
  EXPECT_EQ(after->read().counts.at(key), value);
  EXPECT_LT(after->read().counts.size(), before->content().counts.size() / 20);
  EXPECT_TRUE(after->backend().is_loading());
  after->load_all();
  EXPECT_TRUE(after->read() == before->content());
}

TEST_F(LazyRestoreTest, AUnitHasAboutAsManyBytesAsItIsToldTo) {
  OperatorSnapshot saved;
  const auto before = saved_subtask(saved);
  std::vector<int> units;
  for (const std::uint64_t bytes : {std::uint64_t{1}, std::uint64_t{10'000}, std::uint64_t{1} << 30}) {
    const auto after = make();
    after->set_unit_bytes(bytes);
    after->restore_behind(absolute(saved), before->content());
    int count = 0;
    for (; after->backend().is_loading(); ++count) after->backend().load_next();
    units.push_back(count);
    EXPECT_TRUE(after->read() == before->content());
  }
  EXPECT_EQ(units[0], static_cast<int>(kMaxParallelism));
  EXPECT_GT(units[1], 1);
  EXPECT_LT(units[1], 20);
  EXPECT_EQ(units[2], 1);
}

TEST_F(LazyRestoreTest, WhatIsSmallIsReadAtOnce) {
  OperatorSnapshot saved;
  const auto before = saved_subtask(saved);
  const auto after = make();
  after->backend().may_load_behind();
  after->restore(absolute(saved));
  EXPECT_FALSE(after->backend().is_loading());
  EXPECT_TRUE(after->read() == before->content());
}

TEST_F(LazyRestoreTest, WhoDoesNotAskForKeysHasThemAtOnce) {
  OperatorSnapshot saved;
  const auto before = saved_subtask(saved);
  const auto after = make();
  after->context().restore.lazy.from_bytes = 1;
  after->restore(absolute(saved));
  EXPECT_TRUE(after->read() == before->content());
}

/// Whose files are gone when they are removed, whoever has them open.
class ForgetfulFiles final : public FileSystem {
 public:
  explicit ForgetfulFiles(FileSystem& files) : files_{files} {}
  Result<std::unique_ptr<WritableFile>> create(const std::string& path, CreateMode mode) override { return files_.create(path, mode); }
  Result<std::unique_ptr<ReadableFile>> open(const std::string& path) override { return files_.open(path); }
  Result<FileInfo> stat(const std::string& path) override { return files_.stat(path); }
  Result<std::vector<DirectoryEntry>> list(const std::string& path) override { return files_.list(path); }
  Result<> make_directories(const std::string& path) override { return files_.make_directories(path); }
  Result<> rename(const std::string& from, const std::string& to) override { return files_.rename(from, to); }
  Result<> remove(const std::string& path) override { return files_.remove(path); }
  Result<> remove_directory(const std::string& path) override { return files_.remove_directory(path); }
  Result<> sync_directory(const std::string& path) override { return files_.sync_directory(path); }
  Result<std::unique_ptr<FileLock>> lock(const std::string& path) override { return files_.lock(path); }
  bool keeps_removed_open() const override { return false; }

 private:
  FileSystem& files_;
};

TEST_F(LazyRestoreTest, FilesThatMayVanishAreReadAtOnce) {
  OperatorSnapshot saved;
  const auto before = saved_subtask(saved);
  ForgetfulFiles forgetful{files_};
  env_.storage = &forgetful;
  const auto after = lazy(saved, before->content());
  EXPECT_FALSE(after->backend().is_loading());
  EXPECT_TRUE(after->read() == before->content());
}

TEST_F(LazyRestoreTest, ACheckpointThatIsRemovedMeanwhileIsReadToItsEnd) {
  OperatorSnapshot saved;
  const auto before = saved_subtask(saved);
  const auto after = lazy(saved, before->content());
  for (const SnapshotFile& file : absolute(saved)) value_or_throw(files_.remove(file.path));
  const OperatorSnapshot next = save(*after);
  EXPECT_TRUE(eager(absolute(next))->read() == before->content());
  after->load_all();
  EXPECT_TRUE(after->read() == before->content());
}

TEST_F(LazyRestoreTest, ASavepointHasTheSameBytesBeforeMidwayAndBehindLoading) {
  OperatorSnapshot saved;
  const auto before = saved_subtask(saved, true);
  for (int round = 0; round < 5; ++round) {
    before->write_many(random_, 200, 2000);
    before->forget_many(random_, 50, 2000);
    saved = save(*before);
  }
  const auto after = lazy(saved, before->content(), true);
  const auto savepoint_of = [&](Subtask& of) {
    of.context().attempt = 77;
    checkpoint_ = 99;
    const std::string path = absolute(save(of, CheckpointKind::kSavepoint))[0].path;
    std::string bytes = value_or_throw(read_file(files_, path));
    value_or_throw(files_.remove(path));
    return bytes;
  };
  const std::string whole = savepoint_of(*before);
  EXPECT_TRUE(savepoint_of(*after) == whole);
  for (int i = 0; i < 50; ++i) after->backend().load_next();
  EXPECT_TRUE(after->backend().is_loading());
  EXPECT_TRUE(savepoint_of(*after) == whole);
  after->load_all();
  EXPECT_TRUE(savepoint_of(*after) == whole);
}

TEST_F(LazyRestoreTest, WhatIsNotLoadedIsNotWrittenAgainWhereTheChainGoesOn) {
  OperatorSnapshot saved;
  const auto before = saved_subtask(saved, true);
  const std::uint64_t whole_bytes = saved.keyed_files[0].size;
  const auto after = lazy(saved, before->content(), true);
  after->write(1, 5);
  const OperatorSnapshot next = save(*after);
  ASSERT_THAT(next.keyed_files, SizeIs(2));
  EXPECT_EQ(next.keyed_files[0], saved.keyed_files[0]);
  EXPECT_LT(next.keyed_files[1].size, whole_bytes / 3);
  EXPECT_TRUE(eager(absolute(next))->read() == after->content());
}

TEST_F(LazyRestoreTest, NorIsWhatWasLoadedMeanwhile) {
  OperatorSnapshot saved;
  const auto before = saved_subtask(saved, true);
  const std::uint64_t whole_bytes = saved.keyed_files[0].size;
  const auto after = lazy(saved, before->content(), true);
  after->load_all();
  after->write(1, 5);
  const OperatorSnapshot next = save(*after);
  ASSERT_THAT(next.keyed_files, SizeIs(2));
  EXPECT_LT(next.keyed_files[1].size, whole_bytes / 3);
  EXPECT_TRUE(eager(absolute(next))->read() == after->content());
}

/// Everything that may happen between a restore and the next, in an order that the seed picks. Each checkpoint that stands is
/// restored at once, and must hold what its trigger saw.
void live_through(std::uint64_t seed, Env& env, MemoryFileSystem& files, bool incremental) {
  SplitMixRandom random{seed};
  CheckpointId checkpoint = seed * 1000;
  AttemptId attempt = static_cast<AttemptId>(seed * 1000);
  const auto restored = [&](const OperatorSnapshot& from, const Content& content) {
    auto made = std::make_unique<Subtask>(env, 0, 1);
    made->context().attempt = ++attempt;
    if (incremental) made->context().shared_folder = kSharedFolder;
    made->set_unit_bytes(std::uint64_t{1} << random.next() % 14);
    made->restore_behind(absolute(from), content);
    return made;
  };
  const auto read_at_once = [&](const OperatorSnapshot& from) {
    Subtask made{env, 0, 1};
    made.restore(absolute(from));
    return made.read();
  };
  auto running = restored({}, {});
  running->write_many(random, 1500, 400);
  int while_loading = 0;
  for (int round = 0; round < 60; ++round) {
    switch (random.next() % 6) {
      case 0:
        for (std::uint64_t n = random.next() % 20; n > 0 && running->backend().is_loading(); --n) running->backend().load_next();
        break;
      case 1: running->forget_many(random, static_cast<int>(random.next() % 12), 400); break;
      case 2: running->drop_slice(); break;
      case 3: running->write_many(random, static_cast<int>(random.next() % 12), 400); break;
      default: {
        const CheckpointId id = ++checkpoint;
        const bool is_savepoint = random.next() % 5 == 0;
        const Content content = running->content();
        const auto work = running->snapshot(std::to_string(id), kFolder,
                                            is_savepoint ? CheckpointKind::kSavepoint : CheckpointKind::kPeriodic, id);
        while_loading += running->backend().is_loading();
        for (std::uint64_t n = random.next() % 5; n > 0; --n) {
          static_cast<void>(work->step());
          running->write_many(random, 3, 400);
          running->forget_many(random, 1, 400);
          if (running->backend().is_loading()) running->backend().load_next();
        }
        const OperatorSnapshot snapshot = run(*work);
        running->handle_mail();
        if (random.next() % 5 == 0) {
          running->backend().checkpoint_aborted(id);
          break;
        }
        running->backend().checkpoint_completed(id);
        ASSERT_TRUE(read_at_once(snapshot) == content) << "checkpoint " << id;
        if (random.next() % 3 == 0) running = restored(snapshot, content);
        break;
      }
    }
  }
  EXPECT_GT(while_loading, 0);
  running->load_all();
  ASSERT_TRUE(running->read() == running->content());
  static_cast<void>(files);
}

TEST_F(LazyRestoreTest, AnyOrderOfLoadsChangesAndWholeCheckpoints) {
  for (std::uint64_t seed = 1; seed <= 4 && !HasFatalFailure(); ++seed) {
    SCOPED_TRACE(seed);
    live_through(seed, env_, files_, false);
  }
}

TEST_F(LazyRestoreTest, AnyOrderOfLoadsChangesAndChainsOfCheckpoints) {
  for (std::uint64_t seed = 101; seed <= 107 && !HasFatalFailure(); ++seed) {
    SCOPED_TRACE(seed);
    live_through(seed, env_, files_, true);
  }
}

TEST_F(LazyRestoreTest, AnotherParallelismLoadsItsShareOfEachFile) {
  std::vector<SnapshotFile> files;
  Content all;
  for (std::uint32_t i = 0; i < 3; ++i) {
    const auto part = make(true, i, 3);
    part->restore({});
    OperatorSnapshot newest;
    for (int round = 0; round < 4; ++round) {
      part->write_many(random_, round == 0 ? 6000 : 100, 2000);
      part->forget_many(random_, 60, 2000);
      newest = save(*part);
    }
    for (const SnapshotFile& file : absolute(newest)) files.push_back(file);
    add_to(all, part->content());
  }
  for (const std::uint32_t parallelism : {1u, 2u, 5u}) {
    Content restored;
    for (std::uint32_t i = 0; i < parallelism; ++i) {
      const auto part = make(true, i, parallelism);
      part->restore_behind(files, share_of(all, *part));
      EXPECT_TRUE(part->backend().is_loading());
      part->write_many(random_, 50, 2000);
      part->forget_many(random_, 50, 2000);
      const OperatorSnapshot next = save(*part);
      const auto again = make(false, i, parallelism);
      again->restore(absolute(next));
      ASSERT_TRUE(again->read() == part->content());
      part->load_all();
      ASSERT_TRUE(part->read() == part->content());
    }
  }
}

TEST_F(LazyRestoreTest, DamageThatIsFoundLateNamesTheFile) {
  OperatorSnapshot saved;
  const auto before = saved_subtask(saved);
  const std::string path = absolute(saved)[0].path;
  std::string bytes = value_or_throw(read_file(files_, path));
  bytes[bytes.size() / 3] ^= 1;
  value_or_throw(replace_file(files_, path, bytes));
  const auto after = lazy(saved, before->content());
  const auto work = after->snapshot("next");
  for (const Error& error : {error_of([&] { run(*work); }), error_of([&] { after->load_all(); })}) {
    EXPECT_EQ(error.code(), ErrorCode::kDataLoss);
    EXPECT_THAT(error.message(), HasSubstr(path));
  }
}

TEST_F(LazyRestoreTest, ADamagedIndexIsFoundAtOnce) {
  OperatorSnapshot saved;
  const auto before = saved_subtask(saved);
  const std::string path = absolute(saved)[0].path;
  const std::string good = value_or_throw(read_file(files_, path));
  // The index follows the last block; every byte of it counts.
  for (std::size_t from_end = 1; from_end < 4000; from_end += 37) {
    std::string bad = good;
    bad[bad.size() - from_end] ^= 1;
    value_or_throw(replace_file(files_, path, bad));
    EXPECT_THAT(error_of([&] { lazy(saved, before->content()); }).message(), HasSubstr(path)) << from_end;
  }
}

TEST_F(LazyRestoreTest, AnotherThreadMayWriteASnapshotWhileTheTaskLoads) {
  OperatorSnapshot saved;
  const auto before = saved_subtask(saved, true);
  auto running = lazy(saved, before->content(), true);
  for (int round = 0; round < 4; ++round) {
    const Content at_trigger = running->content();
    const CheckpointId id = ++checkpoint_;
    auto work = running->snapshot(std::to_string(id), kFolder, CheckpointKind::kPeriodic, id);
    OperatorSnapshot snapshot;
    std::thread writer{[&] {
      snapshot = run(*work);
      work.reset();
    }};
    for (int i = 0; i < 40; ++i) {
      if (running->backend().is_loading()) running->backend().load_next();
      running->write_many(random_, 20, 2500);
      running->forget_many(random_, 5, 2500);
    }
    writer.join();
    running->handle_mail();
    running->backend().checkpoint_completed(id);
    EXPECT_TRUE(eager(absolute(snapshot))->read() == at_trigger);
    if (round % 2 == 1) running = lazy(snapshot, at_trigger, true);
  }
}

class HandClock final : public Clock {
 public:
  std::int64_t wall_ms() const override { return wall_ms_; }
  std::int64_t steady_ns() const override { return 0; }
  std::int64_t wall_ms_ = 1'700'000'000'000;
};

/// One state, of a type and a time to live that a later version may change.
template <class V, class... Kind>
class OneState {
 public:
  OneState(Env& env, std::vector<SnapshotFile> files, std::string shared_folder, Kind... kind) : state_{declare_, "state", kind...} {
    context_.env = &env;
    context_.name = {.name = "keyed process", .uid = "keys"};
    context_.max_parallelism = kMaxParallelism;
    context_.shared_folder = std::move(shared_folder);
    context_.attempt = 1;
    context_.post_mail = [](const std::function<void()>& mail) { mail(); };
    context_.restore.keyed_files = std::move(files);
    context_.restore.lazy = {.on = true, .from_bytes = 1, .unit_bytes = 1};
    backend_.may_load_behind();
    backend_.restore(context_);
  }
  auto& at(std::int64_t key) {
    backend_.begin_batch(*context_.env);
    if (backend_.is_loading() && !backend_.is_loaded(hash_key(key))) backend_.load(hash_key(key));
    cursor_ = {.hash = hash_key(key), .key = KeyCodec<std::int64_t>::to_word(key), .serial = cursor_.serial + 1};
    return state_;
  }
  std::vector<SnapshotFile> checkpoint(CheckpointId id) {
    const auto work = backend_.snapshot(
        {.barrier = {.id = id}, .folder = kFolder, .file_prefix = "keys-" + std::to_string(id), .job = "job"}, context_, {});
    const OperatorSnapshot snapshot = run(*work);
    backend_.checkpoint_completed(id);
    return absolute(snapshot);
  }
  KeyedBackend& backend() { return backend_; }

 private:
  OperatorContext context_;
  KeyCursor<std::int64_t> cursor_;
  KeyedBackend backend_{schema_json(type_of<std::int64_t>()), &cursor_};
  Declare declare_{backend_};
  ValueState<std::int64_t, V, Kind...> state_;
};

TEST_F(LazyRestoreTest, WhatExpiredMeanwhileIsSeenByNobody) {
  HandClock clock;
  env_.clock = &clock;
  for (const std::string folder : {"", kSharedFolder}) {
    OneState<std::string, Ttl> first{env_, {}, folder, Ttl{60s}};
    for (std::int64_t key = 0; key < 300; ++key) first.at(key).set("old");
    clock.wall_ms_ += 30'000;
    for (std::int64_t key = 0; key < 50; ++key) first.at(key).set("new");
    OneState<std::string, Ttl> second{env_, first.checkpoint(1), folder, Ttl{60s}};
    ASSERT_TRUE(second.backend().is_loading());
    clock.wall_ms_ += 40'000;
    EXPECT_EQ(second.at(200).find(), nullptr);
    ASSERT_NE(second.at(20).find(), nullptr);
    EXPECT_EQ(*second.at(20).find(), "new");
    // Written from the files, for the most part.
    OneState<std::string, Ttl> third{env_, second.checkpoint(2), folder, Ttl{60s}};
    EXPECT_EQ(third.at(201).find(), nullptr);
    ASSERT_NE(third.at(21).find(), nullptr);
    while (third.backend().is_loading()) third.backend().load_next();
    EXPECT_EQ(third.at(202).find(), nullptr);
    EXPECT_EQ(*third.at(22).find(), "new");
  }
}

TEST_F(LazyRestoreTest, AnExpiredEntryHidesTheOlderOneBelowIt) {
  HandClock clock;
  env_.clock = &clock;
  OneState<std::string, Ttl> first{env_, {}, kSharedFolder, Ttl{60s}};
  clock.wall_ms_ += 100'000;
  for (std::int64_t key = 0; key < 300; ++key) first.at(key).set("older, with the later time");
  first.checkpoint(1);
  clock.wall_ms_ -= 100'000;
  first.at(7).set("newer");
  const std::vector<SnapshotFile> files = first.checkpoint(2);
  ASSERT_THAT(files, SizeIs(2));
  clock.wall_ms_ += 70'000;
  for (const std::string folder : {"", kSharedFolder}) {
    OneState<std::string, Ttl> restored{env_, files, folder, Ttl{60s}};
    OneState<std::string, Ttl> again{env_, restored.checkpoint(3), folder, Ttl{60s}};
    for (auto* state : {&restored, &again}) {
      EXPECT_EQ(state->at(7).find(), nullptr);
      EXPECT_NE(state->at(8).find(), nullptr);
    }
  }
}

struct Account {
  std::int32_t count = 0;
};
struct LaterAccount {
  std::int64_t count = 0;
  std::string note;
};

TEST_F(LazyRestoreTest, AnotherTypeIsConvertedAsItIsLoadedAndAsItIsSaved) {
  OneState<Account> first{env_, {}, kSharedFolder};
  for (std::int32_t key = 0; key < 300; ++key) first.at(key).set({key * 2});
  first.checkpoint(1);
  first.at(5).set({1000});
  first.at(6).clear();
  OneState<LaterAccount> second{env_, first.checkpoint(2), kSharedFolder};
  EXPECT_EQ(second.at(5).get().count, 1000);
  EXPECT_EQ(second.at(6).find(), nullptr);
  EXPECT_EQ(second.at(100).get().count, 200);
  second.at(101).set({7, "changed"});
  OneState<LaterAccount> third{env_, second.checkpoint(3), kSharedFolder};
  EXPECT_EQ(third.at(5).get().count, 1000);
  EXPECT_EQ(third.at(6).find(), nullptr);
  EXPECT_EQ(third.at(101).get().note, "changed");
  EXPECT_EQ(third.at(250).get().count, 500);
}

}  // namespace
}  // namespace tidemark::detail

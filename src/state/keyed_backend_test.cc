#include "tidemark/detail/state/keyed_backend.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <tuple>
#include <vector>

#include "env/env.h"
#include "env/memory_file_system.h"
#include "env/split_mix_random.h"
#include "snapshot/snapshot_file_reader.h"
#include "state/keyed_subtask_test.h"
#include "tidemark/state.h"

namespace tidemark::detail {
namespace {

using testing::HasSubstr;

class KeyedBackendTest : public testing::Test {
 protected:
  void SetUp() override { value_or_throw(files_.make_directories(kFolder)); }

  std::unique_ptr<Subtask> subtask(std::uint32_t index = 0, std::uint32_t parallelism = 1) {
    return std::make_unique<Subtask>(env_, index, parallelism);
  }

  MemoryFileSystem files_;
  SplitMixRandom random_{17};
  Env env_{.files = &files_};
};

TEST_F(KeyedBackendTest, ARestoredBackendHoldsWhatTheTriggerSaw) {
  auto first = subtask();
  first->write_many(random_, 20000, 4000);
  const Content at_trigger = first->content();
  const auto work = first->snapshot();
  first->write_many(random_, 5000, 8000);
  const OperatorSnapshot snapshot = run(*work);
  EXPECT_EQ(snapshot.uid, "visits");
  ASSERT_EQ(snapshot.keyed_files.size(), 1u);
  EXPECT_EQ(snapshot.keyed_files[0].path, "a.snap");
  EXPECT_EQ(snapshot.watermarks, (std::vector<KeyGroupWatermark>{{{0, kMaxParallelism}, Timestamp{77}}}));
  EXPECT_EQ(work->bytes_written(), snapshot.keyed_files[0].size);
  EXPECT_TRUE(first->read() == first->content());

  auto second = subtask();
  second->restore(absolute(snapshot));
  EXPECT_TRUE(second->read() == at_trigger);
}

TEST_F(KeyedBackendTest, AnotherThreadMayWriteTheSnapshotWhileTheTaskGoesOn) {
  auto first = subtask();
  first->write_many(random_, 10000, 4000);
  for (int round = 0; round < 4; ++round) {
    const Content at_trigger = first->content();
    auto work = first->snapshot("round-" + std::to_string(round));
    OperatorSnapshot snapshot;
    std::thread writer{[&] {
      snapshot = run(*work);
      work.reset();
    }};
    first->write_many(random_, 10000, 6000);
    writer.join();
    EXPECT_GT(first->backend().domain().log_bytes(), 0u);
    first->handle_mail();
    EXPECT_EQ(first->backend().domain().log_bytes(), 0u);
    auto second = subtask();
    second->restore(absolute(snapshot));
    EXPECT_TRUE(second->read() == at_trigger);
  }
}

TEST_F(KeyedBackendTest, SeveralSnapshotsInFlightEachHoldTheirOwnTrigger) {
  auto first = subtask();
  std::vector<std::unique_ptr<SnapshotWork>> works;
  std::vector<Content> contents;
  for (int i = 0; i < 4; ++i) {
    first->write_many(random_, 4000, 3000);
    contents.push_back(first->content());
    works.push_back(first->snapshot("s" + std::to_string(i)));
  }
  first->write_many(random_, 4000, 3000);
  std::vector<OperatorSnapshot> snapshots(works.size());
  while (!works.empty()) {
    const std::size_t index = random_.next() % works.size();
    if (!works[index]->step()) continue;
    auto second = subtask();
    second->restore(absolute(works[index]->take_result()));
    EXPECT_TRUE(second->read() == contents[index]);
    works.erase(works.begin() + static_cast<std::ptrdiff_t>(index));
    contents.erase(contents.begin() + static_cast<std::ptrdiff_t>(index));
    first->handle_mail();
    first->write_many(random_, 500, 3000);
  }
  EXPECT_EQ(first->backend().domain().log_bytes(), 0u);
  EXPECT_TRUE(first->read() == first->content());
}

TEST_F(KeyedBackendTest, ASavepointIsSortedByKeyWithinEachKeyGroup) {
  const auto before = subtask();
  before->write_many(random_, 20'000, 5'000);
  const auto work = before->snapshot("a", kFolder, CheckpointKind::kSavepoint);
  before->write_many(random_, 5'000, 5'000);  // must not show
  const auto snapshot = run(*work);
  before->handle_mail();
  const auto files = absolute(snapshot);
  const auto reader = value_or_throw(SnapshotFileReader::open(files_, files[0].path, &files[0]));
  EXPECT_EQ(reader->header().order, EntryOrder::kKey);
  for (std::uint32_t state = 0; state < reader->states().size(); ++state) {
    std::tuple<std::uint32_t, std::string, std::string> last;
    std::size_t entries = 0;
    value_or_throw(reader->for_each(state, {0, kMaxParallelism}, [&](const SnapshotEntry& entry) {
      std::tuple<std::uint32_t, std::string, std::string> at{entry.key_group, entry.key, entry.name_space};
      if (entries++ > 0) {
        EXPECT_LT(last, at);
      }
      last = std::move(at);
    }));
    EXPECT_GT(entries, 1000U);
  }
}

TEST_F(KeyedBackendTest, ASavepointHasTheSameBytesHoweverTheStateCameAbout) {
  const auto straight = subtask();
  for (std::int64_t key = 2'999; key >= 0; --key) straight->write(key, key * 5);
  const auto first = run(*straight->snapshot("a", kFolder, CheckpointKind::kSavepoint));
  const auto restored = subtask();
  const auto hashed = run(*straight->snapshot("b"));
  straight->handle_mail();
  restored->restore(absolute(hashed));
  EXPECT_EQ(restored->read(), straight->content());
  const auto second = run(*restored->snapshot("c", kFolder, CheckpointKind::kSavepoint));
  EXPECT_EQ(value_or_throw(read_file(files_, absolute(first)[0].path)),
            value_or_throw(read_file(files_, absolute(second)[0].path)));
  EXPECT_NE(hashed.keyed_files[0].checksum, first.keyed_files[0].checksum);
  restored->handle_mail();

  const auto again = subtask();
  again->restore(absolute(first));
  EXPECT_EQ(again->read(), straight->content());
}

TEST_F(KeyedBackendTest, AnotherParallelismSplitsAndMergesTheKeyGroups) {
  std::vector<SnapshotFile> files;
  Content all;
  for (std::uint32_t i = 0; i < 3; ++i) {
    auto part = subtask(i, 3);
    part->write_many(random_, 12000, 3000);
    all.counts.insert(part->content().counts.begin(), part->content().counts.end());
    all.names.insert(part->content().names.begin(), part->content().names.end());
    all.visits.insert(part->content().visits.begin(), part->content().visits.end());
    all.slices.insert(part->content().slices.begin(), part->content().slices.end());
    const auto work = part->snapshot("subtask-" + std::to_string(i));
    for (const SnapshotFile& file : absolute(run(*work))) files.push_back(file);
  }
  for (const std::uint32_t parallelism : {1u, 2u, 5u}) {
    Content merged;
    for (std::uint32_t i = 0; i < parallelism; ++i) {
      auto part = subtask(i, parallelism);
      part->restore(files);
      const Content content = part->read();
      for (const auto& [key, value] : content.counts) EXPECT_TRUE(part->owns(key));
      merged.counts.insert(content.counts.begin(), content.counts.end());
      merged.names.insert(content.names.begin(), content.names.end());
      merged.visits.insert(content.visits.begin(), content.visits.end());
      merged.slices.insert(content.slices.begin(), content.slices.end());
    }
    EXPECT_TRUE(merged == all) << parallelism;
  }
}

TEST_F(KeyedBackendTest, AnEmptyBackendWritesItsSchemas) {
  auto first = subtask();
  const auto work = first->snapshot();
  auto second = subtask();
  second->restore(absolute(run(*work)));
  EXPECT_TRUE(second->read() == Content{});
}

TEST_F(KeyedBackendTest, WithoutAFolderOrStatesNothingIsWritten) {
  auto first = subtask();
  first->write(1, 1);
  EXPECT_EQ(first->snapshot("a", ""), nullptr);
  KeyedBackend stateless{"\"int64\"", nullptr};
  SnapshotRequest request{.folder = kFolder, .file_prefix = "a"};
  EXPECT_EQ(stateless.snapshot(request, first->context(), {}), nullptr);
  const auto work = stateless.snapshot(request, first->context(), {{{0, 1}, Timestamp{5}}});
  ASSERT_TRUE(work->step());
  const OperatorSnapshot snapshot = work->take_result();
  EXPECT_TRUE(snapshot.keyed_files.empty());
  EXPECT_EQ(snapshot.watermarks.size(), 1u);
  EXPECT_TRUE(value_or_throw(files_.list(kFolder)).empty());
}

TEST_F(KeyedBackendTest, AFullDiskFailsTheSnapshotAndNothingElse) {
  auto first = subtask();
  first->write_many(random_, 20000, 20000);
  for (int failing_append = 0; failing_append < 4; ++failing_append) {
    int appends = 0;
    files_.set_hook([&](FileOperation operation, const std::string& path) -> std::optional<Error> {
      if (operation != FileOperation::kAppend || appends++ != failing_append) return {};
      return Error{ErrorCode::kResourceExhausted, path + ": the disk is full"};
    });
    auto work = first->snapshot("full-" + std::to_string(failing_append));
    const Error error = error_of([&] { run(*work); });
    EXPECT_EQ(error.code(), ErrorCode::kResourceExhausted);
    EXPECT_THAT(error.message(), HasSubstr("full-"));
    files_.set_hook(nullptr);
    first->write_many(random_, 2000, 20000);
    work.reset();
    first->handle_mail();
    EXPECT_EQ(first->backend().domain().log_bytes(), 0u);
  }
  const auto work = first->snapshot("good");
  auto second = subtask();
  second->restore(absolute(run(*work)));
  EXPECT_TRUE(second->read() == first->content());
}

TEST_F(KeyedBackendTest, AnAbandonedSnapshotIsForgotten) {
  auto first = subtask();
  first->write_many(random_, 1000, 1000);
  auto work = first->snapshot();
  first->write_many(random_, 1000, 1000);
  EXPECT_GT(first->backend().domain().log_bytes(), 0u);
  work->step();
  work.reset();
  first->handle_mail();
  EXPECT_EQ(first->backend().domain().log_bytes(), 0u);
}

TEST_F(KeyedBackendTest, MailOfASnapshotMayComeAfterTheBackend) {
  std::deque<std::function<void()>> mails;
  {
    auto first = subtask();
    first->context().post_mail = [&](std::function<void()> mail) { mails.push_back(std::move(mail)); };
    first->write_many(random_, 1000, 1000);
    auto work = first->snapshot();
    first->write_many(random_, 1000, 1000);
    run(*work);
  }
  ASSERT_EQ(mails.size(), 1u);
  mails.front()();
}

TEST_F(KeyedBackendTest, ADamagedFileIsRefused) {
  auto first = subtask();
  first->write_many(random_, 5000, 2000);
  const auto work = first->snapshot();
  const std::vector<SnapshotFile> saved = absolute(run(*work));
  const std::string good = value_or_throw(read_file(files_, saved[0].path));
  for (int i = 0; i < 60; ++i) {
    std::string bad = good;
    bad[random_.next() % bad.size()] ^= static_cast<char>(1 + random_.next() % 255);
    value_or_throw(replace_file(files_, saved[0].path, bad));
    auto second = subtask();
    const Error error = error_of([&] { second->restore(saved); });
    EXPECT_THAT(error.message(), HasSubstr("a.snap"));
  }
  value_or_throw(replace_file(files_, saved[0].path, good.substr(0, good.size() / 2)));
  EXPECT_EQ(error_of([&] { subtask()->restore(saved); }).code(), ErrorCode::kDataLoss);
}

class OneState {
 public:
  OneState(Env& env, StateDescriptor descriptor, std::uint32_t max_parallelism = kMaxParallelism) {
    context_.env = &env;
    context_.name = {.name = "map", .uid = "counter"};
    context_.max_parallelism = max_parallelism;
    context_.post_mail = [](std::function<void()>) {};
    backend_.bind(std::move(descriptor), [](CowDomain& domain) -> std::unique_ptr<Table> {
      return std::make_unique<StateTable<std::int64_t, std::int64_t>>(domain);
    });
  }
  std::vector<SnapshotFile> save() {
    SnapshotRequest request{.folder = kFolder, .file_prefix = "one", .job = "job"};
    return absolute(run(*backend_.snapshot(request, context_, {})));
  }
  void restore(std::vector<SnapshotFile> files) {
    context_.restore.keyed_files = std::move(files);
    backend_.restore(context_);
  }
  OperatorContext& context() { return context_; }

 private:
  OperatorContext context_;
  KeyedBackend backend_{"\"int64\"", nullptr};
};

StateDescriptor count_state() { return {"count", StateDescriptor::Kind::kValue, "\"int64\"", "", "\"int64\""}; }

TEST_F(KeyedBackendTest, AStateOfAnotherTypeIsRefusedByName) {
  const std::vector<SnapshotFile> saved = OneState{env_, count_state()}.save();
  StateDescriptor other = count_state();
  other.value_schema = "\"float64\"";
  const Error error = error_of([&] { OneState{env_, other}.restore(saved); });
  EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
  for (const char* part : {"one.snap", "'count'", "'counter'", "int64 -> float64", "different kinds"}) {
    EXPECT_THAT(error.message(), HasSubstr(part));
  }
  other = count_state();
  other.kind = StateDescriptor::Kind::kList;
  EXPECT_THAT(error_of([&] { OneState{env_, other}.restore(saved); }).message(), HasSubstr("value -> list"));
}

TEST_F(KeyedBackendTest, AStateThatMayBeDroppedIsPassedOver) {
  const std::vector<SnapshotFile> saved = OneState{env_, count_state()}.save();
  StateDescriptor other = count_state();
  other.name = "total";
  OneState dropping{env_, other};
  dropping.context().restore.dropped_states = {"count"};
  dropping.restore(saved);
}

TEST_F(KeyedBackendTest, AStateThatNobodyDeclaresIsRefused) {
  const std::vector<SnapshotFile> saved = OneState{env_, count_state()}.save();
  StateDescriptor other = count_state();
  other.name = "total";
  const Error error = error_of([&] { OneState{env_, other}.restore(saved); });
  EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
  EXPECT_THAT(error.message(), HasSubstr("'count'"));
  EXPECT_THAT(error.message(), HasSubstr("declare it again"));
}

TEST_F(KeyedBackendTest, AnotherMaxParallelismIsRefused) {
  const std::vector<SnapshotFile> saved = OneState{env_, count_state()}.save();
  const Error error = error_of([&] { OneState(env_, count_state(), 256).restore(saved); });
  EXPECT_THAT(error.message(), HasSubstr("max parallelism 128, the job has 256"));
}

TEST_F(KeyedBackendTest, NamesOfStatesAreValidAndTheirOwn) {
  for (const char* name : {"", "a b", "a/b", "\xc3\xa4"}) {
    StateDescriptor state = count_state();
    state.name = name;
    const Error error = error_of([&] { OneState(env_, state); });
    EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
    EXPECT_THAT(error.message(), HasSubstr("letters, digits"));
  }
  KeyedBackend backend{"\"int64\"", nullptr};
  Slices slices{backend.domain()};
  backend.add(slices);
  const Error error = error_of([&] { backend.add(slices); });
  EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
  EXPECT_THAT(error.message(), HasSubstr("'window'"));
}

TEST_F(KeyedBackendTest, MemoryGrowsWithTheState) {
  auto first = subtask();
  const std::size_t before = first->backend().memory_bytes();
  first->write_many(random_, 50000, 50000);
  EXPECT_GT(first->backend().memory_bytes(), before + 50000 * 20);
}

}  // namespace
}  // namespace tidemark::detail

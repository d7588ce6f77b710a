// A small savepoint, every byte of it flipped and every truncation of its files, one after the other: restoring ends in
// an error that names the file, or in what was saved.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <string>

#include "env/env.h"
#include "env/memory_file_system.h"
#include "snapshot/checkpoint_store.h"
#include "tidemark/detail/state/keyed_backend.h"
#include "tidemark/state.h"

namespace tidemark::detail {
namespace {

using testing::HasSubstr;

constexpr std::uint32_t kMaxParallelism = 16;
constexpr std::int64_t kKeys = 60;

/// An operator with a state of numbers and one of texts.
class Subject {
 public:
  explicit Subject(Env& env) {
    context_.env = &env;
    context_.name = {.name = "keyed process", .uid = "visits", .subtask = 0};
    context_.parallelism = 1;
    context_.max_parallelism = kMaxParallelism;
    context_.attempt = 1;
    context_.post_mail = [](std::function<void()> mail) { mail(); };
  }

  void fill() {
    for (std::int64_t key = 0; key < kKeys; ++key) {
      cursor_ = {.hash = hash_key(key), .key = KeyCodec<std::int64_t>::to_word(key), .serial = cursor_.serial + 1};
      counts_.set(key * 7);
      names_.set("name of " + std::to_string(key));
    }
  }
  OperatorSnapshot save(const std::string& folder) {
    const auto work = backend_.snapshot({.barrier = {.id = 5, .kind = CheckpointKind::kSavepoint},
                                         .folder = folder,
                                         .file_prefix = "visits-0",
                                         .job = "orders"},
                                        context_, {{context_.key_groups(), Timestamp{77}}});
    while (!work->step()) {
    }
    return work->take_result();
  }
  void restore(const OperatorSnapshot& from) {
    context_.restore.keyed_files = from.keyed_files;
    backend_.restore(context_);
  }
  std::map<std::int64_t, std::pair<std::int64_t, std::string>> content() {
    std::map<std::int64_t, std::pair<std::int64_t, std::string>> result;
    static_cast<StateTable<std::int64_t, std::int64_t>*>(backend_.bound_tables()[0])
        ->for_each([&](std::uint64_t key, std::int64_t value) {
          result[KeyCodec<std::int64_t>::from_word(key)].first = value;
        });
    static_cast<StateTable<std::int64_t, std::string>*>(backend_.bound_tables()[1])
        ->for_each([&](std::uint64_t key, const std::string& value) {
          result[KeyCodec<std::int64_t>::from_word(key)].second = value;
        });
    return result;
  }

 private:
  OperatorContext context_;
  KeyCursor<std::int64_t> cursor_;
  KeyedBackend backend_{schema_json(type_of<std::int64_t>()), &cursor_};
  Declare declare_{backend_};
  ValueState<std::int64_t, std::int64_t> counts_{declare_, "count"};
  ValueState<std::int64_t, std::string> names_{declare_, "name"};
};

class SavepointDamageTest : public testing::Test {
 protected:
  void SetUp() override {
    const auto store = value_or_throw(CheckpointStore::open(files_, "/state", "orders", {}));
    value_or_throw(store->begin_attempt());
    folder_ = value_or_throw(store->prepare_savepoint("/sp", 1 << 20));
    Subject subject{env_};
    subject.fill();
    content_ = subject.content();
    CheckpointMetadata metadata{
        .job = "orders", .id = 5, .attempt = 1, .kind = CheckpointKind::kSavepoint, .operators = {}};
    metadata.operators.push_back({.uid = "visits",
                                  .name = "keyed process",
                                  .parallelism = 1,
                                  .max_parallelism = kMaxParallelism,
                                  .states = {},
                                  .subtasks = {subject.save(folder_)}});
    CompleteCheckpoint work{*store, metadata, {}, folder_};
    while (value_or_throw(work.step()) != Progress::kDone) {
    }
    metadata_ = value_or_throw(load_checkpoint(files_, folder_));
    ASSERT_EQ(restored(), content_);
  }

  std::map<std::int64_t, std::pair<std::int64_t, std::string>> restored() {
    const auto store = value_or_throw(CheckpointStore::open(files_, "/new", "orders", {Resume::Kind::kPath, folder_}));
    const auto metadata = value_or_throw(store->restorable());
    if (*metadata != metadata_) ADD_FAILURE() << "other metadata";
    Subject subject{env_};
    subject.restore(metadata->operators.at(0).subtasks.at(0));
    return subject.content();
  }

  void put(const std::string& path, std::string_view bytes) {
    auto file = value_or_throw(files_.create(path, CreateMode::kTruncate));
    value_or_throw(file->append(bytes));
    value_or_throw(file->close());
  }

  /// Whether it was an error.
  bool try_with(const std::string& path, std::string_view bytes) {
    put(path, bytes);
    try {
      EXPECT_EQ(restored(), content_);
      return false;
    } catch (const Error& error) {
      EXPECT_THAT(error.message(), HasSubstr(path));
      return true;
    }
  }

  void damage_everywhere(const std::string& name) {
    const std::string path = join_path(folder_, name);
    const std::string good = value_or_throw(read_file(files_, path));
    std::size_t errors = 0;
    std::string bytes = good;
    for (std::size_t i = 0; i < bytes.size() && !HasFailure(); ++i) {
      for (const char flip : {'\x01', '\xff'}) {
        SCOPED_TRACE(i);
        bytes[i] = static_cast<char>(good[i] ^ flip);
        errors += try_with(path, bytes) ? 1 : 0;
      }
      bytes[i] = good[i];
    }
    for (std::size_t size = 0; size < good.size() && !HasFailure(); ++size) {
      SCOPED_TRACE(size);
      EXPECT_TRUE(try_with(path, std::string_view{good}.substr(0, size)));
    }
    EXPECT_EQ(errors, 2 * good.size()) << "every byte is under a checksum";
    put(path, good);
    EXPECT_EQ(restored(), content_);
  }

  MemoryFileSystem files_;
  Env env_{.files = &files_};
  std::string folder_;
  std::map<std::int64_t, std::pair<std::int64_t, std::string>> content_;
  CheckpointMetadata metadata_;
};

TEST_F(SavepointDamageTest, OfTheMetadata) { damage_everywhere("_metadata"); }

TEST_F(SavepointDamageTest, OfADataFile) { damage_everywhere("visits-0.snap"); }

TEST_F(SavepointDamageTest, AMissingFileIsNamed) {
  value_or_throw(files_.remove(join_path(folder_, "visits-0.snap")));
  const auto store = CheckpointStore::open(files_, "/new", "orders", {Resume::Kind::kPath, folder_});
  ASSERT_FALSE(store);
  EXPECT_THAT(store.error().message(), HasSubstr("visits-0.snap"));
}

TEST_F(SavepointDamageTest, OfAnotherJobItIsRefused) {
  const auto store = CheckpointStore::open(files_, "/new", "payments", {Resume::Kind::kPath, folder_});
  ASSERT_FALSE(store);
  EXPECT_THAT(store.error().message(), HasSubstr("belongs to job 'orders', not to 'payments'"));
}

}  // namespace
}  // namespace tidemark::detail

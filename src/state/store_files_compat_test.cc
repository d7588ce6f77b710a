// Checkpoints that consist of RocksDB's files, as they were first written: tests/compat/v1/rocksdb-files holds one that this
// and every later build must go on from, in RocksDB, in memory, and rescaled.
//
// TIDEMARK_WRITE_FIXTURES=1 writes it if it is not there: a fixture is never written anew.
#include <gtest/gtest.h>

#include <cstdint>
#include <cstdlib>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "env/posix_env.h"
#include "snapshot/checkpoint_store.h"
#include "snapshot/job_folder.h"
#include "snapshot/snapshot_folder.h"
#include "state/rocksdb_stores.h"
#include "tidemark/detail/codec/binary.h"
#include "tidemark/detail/state/keyed_backend.h"
#include "tidemark/detail/state/resident_keys.h"
#include "tidemark/state.h"

namespace tidemark::detail {
namespace {

constexpr std::uint32_t kMaxParallelism = 16;
constexpr std::int64_t kKeys = 500;
constexpr std::int64_t kRounds = 4;

std::string fixture_folder() { return TIDEMARK_SOURCE_DIR "/tests/compat/v1/rocksdb-files/orders"; }

/// Keys of which some are erased again, and some are in the tables only.
class Subtask {
 public:
  Subtask(Env& env, AttemptId attempt, std::string shared_folder, OperatorRestore restore = {}, std::uint32_t subtask = 0,
          std::uint32_t parallelism = 1) {
    context_.env = &env;
    context_.name = {.name = "count", .uid = "count", .subtask = subtask};
    context_.parallelism = parallelism;
    context_.max_parallelism = kMaxParallelism;
    context_.attempt = attempt;
    context_.shared_folder = std::move(shared_folder);
    context_.restore = std::move(restore);
    context_.post_mail = [](const std::function<void()>& mail) { mail(); };
    backend_.restore(context_);
    if (backend_.spilled_tables() != nullptr) resident_.emplace(*backend_.spilled_tables());
  }

  bool owns(std::int64_t key) const { return context_.key_groups().contains(key_group_of(hash_key(key), kMaxParallelism)); }
  /// f() with the states at the key.
  template <class F>
  void at(std::int64_t key, F&& f) {
    cursor_ = {.hash = hash_key(key), .key = KeyCodec<std::int64_t>::to_word(key), .serial = cursor_.serial + 1};
    if (resident_) {
      resident_->want(cursor_.hash, cursor_.key);
      resident_->load();
    }
    f();
    if (resident_) resident_->keep_changes(cursor_);
  }
  void write(std::int64_t round) {
    for (std::int64_t key = 0; key < kKeys; ++key) {
      if (key % kRounds < round) continue;
      at(key, [&] {
        count_.set(key * 10 + round);
        if (round % 2 == 1 && key % 3 == 0) {
          names_.clear();
        } else {
          names_.put("round", std::to_string(round));
        }
      });
    }
  }
  void leave(std::size_t resident) { resident_->evict_down_to(resident); }

  OperatorSnapshot snapshot(CheckpointId id, const std::string& folder) {
    const auto work = backend_.snapshot({.barrier = {.id = id}, .folder = folder, .file_prefix = "count-0", .job = "orders"}, context_, {});
    while (!work->step()) continue;
    backend_.checkpoint_completed(id);
    return work->take_result();
  }

  struct Content {
    std::map<std::int64_t, std::int64_t> counts;
    std::map<std::int64_t, std::string> names;
  };
  void add_to(Content& content) {
    for (std::int64_t key = 0; key < kKeys; ++key) {
      if (!owns(key)) continue;
      at(key, [&] {
        if (const auto* count = count_.find()) {
          EXPECT_TRUE(content.counts.emplace(key, *count).second);
        }
        if (const auto entries = names_.entries(); !entries.empty()) content.names.emplace(key, entries.begin()->second);
      });
    }
  }
  const StateDescriptor& descriptor(std::size_t i) { return (descriptors_ = backend_.descriptors())[i]; }

 private:
  OperatorContext context_;
  KeyCursor<std::int64_t> cursor_;
  KeyedBackend backend_{schema_json(type_of<std::int64_t>()), &cursor_};
  Declare declare_{backend_};
  ValueState<std::int64_t, std::int64_t> count_{declare_, "count"};
  MapState<std::int64_t, std::string, std::string> names_{declare_, "names"};
  std::vector<StateDescriptor> descriptors_;
  std::optional<ResidentKeys<std::int64_t>> resident_;
};

class StoreFilesCompat : public testing::Test {
 protected:
  StoreFilesCompat() : stores_{value_or_throw(RocksdbStores::create(posix_.env(), testing::TempDir() + "/tidemark-compat", 0))} {
    if (std::getenv("TIDEMARK_WRITE_FIXTURES") != nullptr) write_fixture();
  }

  Env env(bool on_rocksdb) {
    Env env = posix_.env();
    (on_rocksdb ? env.state_stores : env.other_stores) = stores_.get();
    return env;
  }

  void write_fixture() {
    FileSystem& files = *posix_.env().files;
    if (files.stat(fixture_folder())) return;
    const std::string shared = join_path(fixture_folder(), "shared");
    value_or_throw(files.make_directories(shared));
    Env env = this->env(true);
    Subtask subtask{env, 1, shared};
    CheckpointMetadata metadata{.job = "orders", .attempt = 1};
    for (std::int64_t round = 0; round < kRounds; ++round) {
      subtask.write(round);
      metadata.id = static_cast<CheckpointId>(round + 1);
      const std::string folder = join_path(fixture_folder(), checkpoint_folder_name(metadata.id, 1));
      value_or_throw(files.make_directories(folder));
      metadata.operators = {{.uid = "count",
                             .name = "count",
                             .parallelism = 1,
                             .max_parallelism = kMaxParallelism,
                             .states = {subtask.descriptor(0), subtask.descriptor(1)},
                             .subtasks = {subtask.snapshot(metadata.id, folder)}}};
      value_or_throw(write_metadata_file(files, folder, metadata));
      subtask.leave(kKeys / 4);
    }
  }

  Subtask::Content read(bool on_rocksdb, std::uint32_t parallelism) {
    Env env = this->env(on_rocksdb);
    const CheckpointMetadata metadata =
        value_or_throw(load_checkpoint(*posix_.env().files, join_path(fixture_folder(), checkpoint_folder_name(kRounds, 1))));
    const OperatorSnapshot& saved = metadata.operators.at(0).subtasks.at(0);
    EXPECT_EQ(saved.store.format, "rocksdb-1");
    Subtask::Content content;
    for (std::uint32_t i = 0; i < parallelism; ++i) {
      OperatorRestore restore{.keyed_files = saved.keyed_files};
      restore.stores = {saved.store};
      Subtask{env, 2, {}, std::move(restore), i, parallelism}.add_to(content);
    }
    return content;
  }

  static void expect_all(const Subtask::Content& content) {
    EXPECT_EQ(content.counts.size(), static_cast<std::size_t>(kKeys));
    for (std::int64_t key = 0; key < kKeys; ++key) {
      const std::int64_t round = key % kRounds;  // the last that wrote it
      EXPECT_EQ(content.counts.at(key), key * 10 + round) << key;
      const bool is_cleared = round % 2 == 1 && key % 3 == 0;
      EXPECT_EQ(content.names.contains(key), !is_cleared) << key;
      if (!is_cleared) {
        EXPECT_EQ(content.names.at(key), std::to_string(round)) << key;
      }
    }
  }

  PosixEnv posix_{1};
  std::unique_ptr<RocksdbStores> stores_;
};

TEST_F(StoreFilesCompat, AJobOnRocksdbGoesOnFromThem) { expect_all(read(true, 1)); }
TEST_F(StoreFilesCompat, AJobInMemoryGoesOnFromThem) { expect_all(read(false, 1)); }
TEST_F(StoreFilesCompat, ARescaledJobGoesOnFromThem) {
  expect_all(read(true, 3));
  expect_all(read(false, 2));
}

}  // namespace
}  // namespace tidemark::detail

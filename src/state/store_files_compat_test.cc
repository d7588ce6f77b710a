// Checkpoints that consist of RocksDB's files, as they were first written: tests/compat/v1/rocksdb-files holds one that this
// and every later build must go on from, in RocksDB, in memory, and rescaled.
//
// TIDEMARK_WRITE_FIXTURES=1 writes it if it is not there: a fixture is never written anew.
#include <gtest/gtest.h>

#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>

#include "env/posix_env.h"
#include "snapshot/checkpoint_store.h"
#include "snapshot/job_folder.h"
#include "state/rocksdb_stores.h"
#include "state/stored_subtask_test.h"

namespace tidemark::detail {
namespace {

constexpr std::int64_t kKeys = 500;

std::string fixture_folder() { return TIDEMARK_SOURCE_DIR "/tests/compat/v1/rocksdb-files/orders"; }

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
    StoredSubtask subtask{env, 1, shared};
    for (std::int64_t round = 0; round < kRounds; ++round) {
      subtask.write(round, kKeys);
      subtask.checkpoint(files, fixture_folder(), static_cast<CheckpointId>(round + 1));
      subtask.leave(kKeys / 4);
    }
  }

  StoredSubtask::Content read(bool on_rocksdb, std::uint32_t parallelism) {
    Env env = this->env(on_rocksdb);
    const CheckpointMetadata metadata =
        value_or_throw(load_checkpoint(*posix_.env().files, join_path(fixture_folder(), checkpoint_folder_name(kRounds, 1))));
    const OperatorSnapshot& saved = metadata.operators.at(0).subtasks.at(0);
    EXPECT_EQ(saved.store.format, "rocksdb-1");
    StoredSubtask::Content content;
    for (std::uint32_t i = 0; i < parallelism; ++i) {
      OperatorRestore restore{.keyed_files = saved.keyed_files};
      restore.stores = {saved.store};
      StoredSubtask{env, 2, {}, std::move(restore), i, parallelism}.add_to(content, kKeys);
    }
    return content;
  }

  static void expect_all(const StoredSubtask::Content& content) {
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

// A small checkpoint that consists of RocksDB's files, with bytes of each flipped and each cut, one after the other: going on
// from it, in RocksDB or in memory, ends in an error that names the checkpoint's file, or in what was saved.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "env/posix_env.h"
#include "snapshot/file_copy.h"
#include "state/rocksdb_stores.h"
#include "state/stored_subtask_test.h"

namespace tidemark::detail {
namespace {

using testing::HasSubstr;

constexpr std::int64_t kKeys = 60;

class StoreFilesDamage : public testing::Test {
 protected:
  StoreFilesDamage() {
    value_or_throw(remove_tree(files_, folder_));
    value_or_throw(files_.make_directories(folder_ + "/shared"));
    Env env = new_process(true);
    StoredSubtask subtask{env, 1, folder_ + "/shared"};
    subtask.write(0, kKeys);
    subtask.leave(0);
    saved_ = subtask.checkpoint(files_, folder_, 1).operators.at(0).subtasks.at(0);
    subtask.add_to(content_, kKeys);
  }
  ~StoreFilesDamage() override {
    stores_.reset();
    static_cast<void>(remove_tree(files_, folder_));
  }

  // Which has read none of the files before: RocksDB knows blocks that it has in its cache in another database, too.
  Env new_process(bool on_rocksdb) {
    stores_ = value_or_throw(RocksdbStores::create(posix_.env(), folder_ + "/local", 0));
    Env env = posix_.env();
    (on_rocksdb ? env.state_stores : env.other_stores) = stores_.get();
    return env;
  }
  StoredSubtask::Content restored(bool on_rocksdb) {
    Env env = new_process(on_rocksdb);
    OperatorRestore restore{.keyed_files = saved_.keyed_files};
    restore.stores = {saved_.store};
    StoredSubtask::Content content;
    StoredSubtask{env, 2, {}, std::move(restore)}.add_to(content, kKeys);
    return content;
  }
  void put(const std::string& path, std::string_view bytes) {
    const auto file = value_or_throw(files_.create(path, CreateMode::kTruncate));
    value_or_throw(file->append(bytes));
    value_or_throw(file->close());
  }

  /// Whether it was an error.
  bool try_with(const std::string& path, std::string_view bytes, bool on_rocksdb) {
    put(path, bytes);
    try {
      EXPECT_EQ(restored(on_rocksdb), content_);
      return false;
    } catch (const Error& error) {
      EXPECT_THAT(error.message(), HasSubstr(path));
      EXPECT_THAT(error.message(), HasSubstr("damaged"));
      EXPECT_EQ(error.code(), ErrorCode::kDataLoss) << error.message();
      return true;
    }
  }

  struct Tried {
    std::size_t flips = 0;
    std::size_t refused = 0;
  };
  /// Of the first file whose name in the store has that in it.
  Tried damage_every(std::size_t stride, std::string_view part, bool on_rocksdb) {
    Tried tried;
    for (const StoreFile& file : saved_.store.files) {
      if (file.name.find(part) == std::string::npos) continue;
      const std::string path = file.file.path;
      const std::string good = value_or_throw(read_file(files_, path));
      for (std::size_t i = 0; i < good.size() && !HasFailure(); i += stride) {
        SCOPED_TRACE(path + " flipped at " + std::to_string(i));
        std::string bytes = good;
        bytes[i] = static_cast<char>(bytes[i] ^ (i % 2 == 0 ? '\x01' : '\xff'));
        ++tried.flips;
        tried.refused += try_with(path, bytes, on_rocksdb) ? 1 : 0;
      }
      for (std::size_t size = 0; size < good.size() && !HasFailure(); size += stride) {
        SCOPED_TRACE(path + " cut at " + std::to_string(size));
        EXPECT_TRUE(try_with(path, std::string_view{good}.substr(0, size), on_rocksdb));
      }
      put(path, good);
      break;
    }
    EXPECT_GT(tried.flips, 0u);
    EXPECT_EQ(restored(on_rocksdb), content_);
    return tried;
  }

  PosixEnv posix_{1};
  FileSystem& files_ = *posix_.env().files;
  const std::string folder_ = testing::TempDir() + "tidemark-store-damage-" + std::to_string(getpid());
  std::unique_ptr<RocksdbStores> stores_;
  OperatorSnapshot saved_;
  StoredSubtask::Content content_;
};

// What is no entry, such as a filter or what RocksDB notes about a table, may be damaged without harm.
TEST_F(StoreFilesDamage, OfATableThatAStoreBeginsWith) {
  const Tried tried = damage_every(21, ".sst", true);
  EXPECT_GT(tried.refused, tried.flips / 2);
}

TEST_F(StoreFilesDamage, OfATableThatIsReadIntoMemory) {
  const Tried tried = damage_every(111, ".sst", false);
  EXPECT_GT(tried.refused, tried.flips / 2);
}

TEST_F(StoreFilesDamage, OfTheManifest) {
  for (const bool on_rocksdb : {true, false}) {
    const Tried tried = damage_every(17, "MANIFEST", on_rocksdb);
    EXPECT_EQ(tried.refused, tried.flips) << "every byte is under a checksum";
  }
}

TEST_F(StoreFilesDamage, OfATableWhileTheStoreIsInUse) {
  Env env = new_process(true);
  OperatorRestore restore{.keyed_files = saved_.keyed_files};
  restore.stores = {saved_.store};
  StoredSubtask subtask{env, 2, {}, std::move(restore)};
  for (const StoreFile& file : saved_.store.files) {
    if (file.name.ends_with(".sst")) put(file.file.path, std::string(file.file.size, '\0'));
  }
  StoredSubtask::Content content;
  try {
    subtask.add_to(content, kKeys);
    FAIL() << "it went unnoticed";
  } catch (const Error& error) {
    EXPECT_THAT(error.message(), HasSubstr(folder_ + "/shared/"));
    EXPECT_THAT(error.message(), HasSubstr("damaged"));
  }
}

}  // namespace
}  // namespace tidemark::detail

// What a job under test finds around it (TestWorld), with RocksDB in the place of the store in memory: its folder is on the
// disk, and all other files stay in memory.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "env/posix_env.h"
#include "state/rocksdb_stores.h"
#include "testing/test_world.h"
#include "tidemark/detail/state/state_memory.h"

namespace tidemark {

/// Files in memory, but for those below one folder of the disk.
class PartlyOnDisk final : public FileSystem {
 public:
  PartlyOnDisk(FileSystem& memory, FileSystem& disk, std::string folder)
      : memory_{memory}, disk_{disk}, folder_{std::move(folder)} {}

  Result<std::unique_ptr<WritableFile>> create(const std::string& path, CreateMode mode) override {
    return of(path).create(path, mode);
  }
  Result<std::unique_ptr<ReadableFile>> open(const std::string& path) override { return of(path).open(path); }
  Result<FileInfo> stat(const std::string& path) override { return of(path).stat(path); }
  Result<std::vector<DirectoryEntry>> list(const std::string& path) override { return of(path).list(path); }
  Result<> make_directories(const std::string& path) override { return of(path).make_directories(path); }
  Result<> rename(const std::string& from, const std::string& to) override { return of(from).rename(from, to); }
  Result<> remove(const std::string& path) override { return of(path).remove(path); }
  Result<> remove_directory(const std::string& path) override { return of(path).remove_directory(path); }
  Result<> sync_directory(const std::string& path) override { return of(path).sync_directory(path); }
  Result<std::unique_ptr<FileLock>> lock(const std::string& path) override { return of(path).lock(path); }

 private:
  FileSystem& of(const std::string& path) { return path.starts_with(folder_) ? disk_ : memory_; }

  FileSystem& memory_;
  FileSystem& disk_;
  const std::string folder_;
};

/// `folder`, which is absolute and normal, is removed with it.
class RocksdbWorld final : public TestWorld {
 public:
  RocksdbWorld(std::uint64_t seed, std::string folder) : TestWorld{seed}, folder_{std::move(folder)} {}
  ~RocksdbWorld() override {
    rocksdb_.reset();
    static_cast<void>(remove_tree(*posix_.env().files, folder_));
  }

  Env env() override {
    Env env = TestWorld::env();
    env.files = &files_;
    env.storage = &files;
    env.state_memory = spills_state && has_little_memory ? &little_memory_ : nullptr;
    env.state_stores = spills_state ? rocksdb_.get() : nullptr;
    env.other_stores = rocksdb_.get();
    return env;
  }

  bool has_little_memory = false;  ///< with spills_state: next to no key stays in the tables

 private:
  const std::string folder_;
  detail::StateMemory little_memory_{detail::StateMemory::kUnlimited, 0, 0};  // of what can spill nothing stays
  PosixEnv posix_{1};
  PartlyOnDisk files_{files, *posix_.env().files, folder_};
  std::unique_ptr<RocksdbStores> rocksdb_ = value_or_throw(RocksdbStores::create(posix_.env(), folder_, 0));
};

}  // namespace tidemark

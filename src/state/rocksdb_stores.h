// Stores of the backend rocksdb: a database for each subtask of each operator, all of them with one cache and one budget.
//
// A process has a folder of its own below the one it was given, which only its user may read, marked by a lock beside it. It is
// removed at the end, and what a process of this user left behind that was killed is removed by the next one. Nothing in it is ever read again: databases begin empty,
// without a log, and are filled from a checkpoint.
//
// Threads and ownership as state_store.h says. The stores are gone before their RocksdbStores.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/result.h"
#include "env/env.h"
#include "tidemark/state_store.h"

namespace tidemark {

class RocksdbStores final : public StateStores {
 public:
  /// The least that the caches of all stores work with, whatever memory_bytes says.
  static constexpr std::uint64_t kLeastMemory = 8u << 20;

  /// `folder` is made if need be; only what this class made there is ever touched. `memory_bytes` are for memtables and
  /// the cache of blocks, indexes and filters, of all stores together. Raises the process's limit on open files as far as it
  /// may: databases have many.
  static Result<std::unique_ptr<RocksdbStores>> create(const Env& env, const std::string& folder, std::uint64_t memory_bytes);
  ~RocksdbStores() override;

  std::unique_ptr<StateStore> open(const StateStoreOptions& options) override;
  std::uint64_t memory_bytes() const override;
  /// Of this process.
  const std::string& folder() const { return folder_; }

 private:
  struct Shared;
  RocksdbStores(FileSystem& files, std::string folder, std::unique_ptr<FileLock> lock, std::uint64_t memory_bytes);

  FileSystem& files_;
  const std::string folder_;
  std::unique_ptr<FileLock> lock_;
  std::unique_ptr<Shared> shared_;
};

}  // namespace tidemark

// Stores of the backend rocksdb: a database for each subtask of each operator, all of them with one cache and one budget.
//
// They lie in a folder of the process's own below the one that is given. Nothing in it is ever read again: databases begin
// empty, or with the files of a checkpoint, and have no log.
//
// Threads and ownership as state_store.h says. The stores are gone before their RocksdbStores.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>

#include "base/result.h"
#include "env/env.h"
#include "env/process_folder.h"
#include "tidemark/state_store.h"

namespace tidemark {

class RocksdbStores final : public StateStores {
 public:
  /// The least that the caches of all stores work with, whatever memory_bytes says.
  static constexpr std::uint64_t kLeastMemory = 8u << 20;
  /// Tables and a manifest of RocksDB, with a column family a state.
  static constexpr std::string_view kFilesFormat = "rocksdb-1";

  /// `folder` is made if need be; only what this class made there is ever touched. `memory_bytes` are for memtables and
  /// the cache of blocks, indexes and filters, of all stores together. Raises the process's limit on open files as far as it
  /// may: databases have many.
  static Result<std::unique_ptr<RocksdbStores>> create(const Env& env, const std::string& folder, std::uint64_t memory_bytes);
  ~RocksdbStores() override;

  std::unique_ptr<StateStore> open(const StateStoreOptions& options) override;
  std::uint64_t memory_bytes() const override;
  std::string files_format() const override { return std::string{kFilesFormat}; }
  /// Of this process.
  const std::string& folder() const { return folder_->path(); }

 private:
  struct Shared;
  RocksdbStores(FileSystem& files, std::unique_ptr<ProcessFolder> folder, std::uint64_t memory_bytes);

  FileSystem& files_;
  const std::unique_ptr<ProcessFolder> folder_;
  std::unique_ptr<Shared> shared_;
};

/// Those, made when the first store is opened: for a job whose own state lies elsewhere, to read what a checkpoint has. Any
/// thread.
class RocksdbStoresOnDemand final : public StateStores {
 public:
  RocksdbStoresOnDemand(const Env& env, std::string folder) : env_{env}, folder_{std::move(folder)} {}

  /// Throws Error also where the folder can't be made.
  std::unique_ptr<StateStore> open(const StateStoreOptions& options) override;
  std::string files_format() const override { return std::string{RocksdbStores::kFilesFormat}; }

 private:
  const Env env_;
  const std::string folder_;
  std::mutex mutex_;
  std::unique_ptr<RocksdbStores> stores_;
};

}  // namespace tidemark

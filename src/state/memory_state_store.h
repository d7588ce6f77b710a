// Stores in memory: what the contract of state_store.h means, for tests, the kit and the simulator.
//
// Where they have a folder they give files, each with what changed since the one before, and now and then one that takes the
// place of all: as little as it takes for files to be shared, to be left behind and to be gone on from.
//
// Threads and ownership as state_store.h says.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "env/file_system.h"
#include "tidemark/error.h"
#include "tidemark/state_store.h"

namespace tidemark {

enum class StoreOperation {
  kOpen,      ///< of a store
  kGet,       ///< of some keys of a state
  kWrite,     ///< of some changes
  kLoad,      ///< the end of a load: its entries get in
  kSnapshot,  ///< the beginning of one
  kRead,      ///< the beginning of a state's entries in a snapshot
  kFiles,     ///< of a store, to be given
};

class MemoryStateStores final : public StateStores {
 public:
  /// Called before each operation; an error it returns is the operation's, which then has no effect. kRead comes from the
  /// threads that read snapshots.
  using Hook = std::function<std::optional<Error>(StoreOperation, const std::string& store)>;

  /// Holds for stores opened after return; null for none.
  void set_hook(Hook hook) { hook_ = std::move(hook); }
  /// Stores opened after return give files, which lie below `folder` of `files`.
  void give_files(FileSystem& files, std::string folder) {
    files_ = &files;
    folder_ = std::move(folder);
  }
  std::unique_ptr<StateStore> open(const StateStoreOptions& options) override;
  std::string files_format() const override { return files_ != nullptr ? "memory-1" : ""; }

 private:
  Hook hook_;
  FileSystem* files_ = nullptr;  // null: stores give none
  std::string folder_;
};

}  // namespace tidemark

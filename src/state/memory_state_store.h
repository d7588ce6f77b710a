// Stores in memory: what the contract of state_store.h means, for tests, the kit and the simulator.
//
// Threads and ownership as state_store.h says.
#pragma once

#include <functional>
#include <memory>
#include <optional>

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
};

class MemoryStateStores final : public StateStores {
 public:
  /// Called before each operation; an error it returns is the operation's, which then has no effect. kRead comes from the
  /// threads that read snapshots.
  using Hook = std::function<std::optional<Error>(StoreOperation, const std::string& store)>;

  /// Holds for stores opened after return; null for none.
  void set_hook(Hook hook) { hook_ = std::move(hook); }
  std::unique_ptr<StateStore> open(const StateStoreOptions& options) override;

 private:
  Hook hook_;
};

}  // namespace tidemark

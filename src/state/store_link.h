// What a store holds at a trigger, as files: asked for by the snapshot's work, or by the task before it changes the store,
// whichever comes first.
//
// Threads: any. Whoever comes second waits. Destroyed before the store.
#pragma once

#include <atomic>
#include <exception>
#include <memory>
#include <mutex>
#include <vector>

#include "tidemark/state_store.h"

namespace tidemark {

class StoreLink {
 public:
  explicit StoreLink(StateStore& store) : store_{store} {}

  /// The files are there, or the store has failed; never throws.
  void settle() noexcept;
  /// Nobody wants the files any more: if nobody has asked for them, nobody will.
  void abandon() noexcept;
  /// True once the store may be changed.
  bool is_settled() const { return settled_.load(std::memory_order_acquire); }
  /// Throws what the store threw.
  const std::vector<StateStoreFile>& files();

 private:
  StateStore& store_;
  std::once_flag once_;
  std::unique_ptr<StateStoreFiles> files_;
  std::exception_ptr error_;
  std::atomic<bool> settled_ = false;
};

}  // namespace tidemark

// The world, as Tidemark sees it: time, randomness, files and work that may block. Nothing else in src/ asks the operating
// system for any of these, so that the simulator can put its own world in their place.
//
// Threads: every call may come from any thread. Ownership: an Env owns what it hands out references to.
#pragma once

#include <cstdint>
#include <memory>

#include "env/file_system.h"

namespace tidemark {

class Clock {
 public:
  virtual ~Clock() = default;
  /// Wall-clock milliseconds since 1970 UTC, for people and for checkpoint metadata; may jump.
  virtual std::int64_t wall_ms() const = 0;
  /// Nanoseconds since an arbitrary moment; never goes back: for intervals and timeouts.
  virtual std::int64_t steady_ns() const = 0;
};

class Random {
 public:
  virtual ~Random() = default;
  virtual std::uint64_t next() = 0;
};

/// What a step of work came to.
enum class Progress {
  kMadeProgress,  ///< something was done; call again
  kBlocked,       ///< nothing can be done until something outside changes
  kDone,          ///< finished; never call again
};

/// Work that may block on I/O, cut into steps so that the simulator can interleave, delay and crash it between any two.
class BackgroundWork {
 public:
  virtual ~BackgroundWork() = default;
  /// kMadeProgress or kDone; never throws: the work reports its own result or error to whoever asked for it.
  virtual Progress step() noexcept = 0;
};

/// Runs BackgroundWork off the task threads.
class BlockingPool {
 public:
  virtual ~BlockingPool() = default;
  /// Starts after return; works of one pool may run side by side and in any order.
  virtual void submit(std::unique_ptr<BackgroundWork> work) = 0;
};

class StateStores;
namespace detail {
class ScratchFiles;
class StateMemory;
}  // namespace detail

struct Env {
  Clock* clock = nullptr;
  Random* random = nullptr;
  FileSystem* files = nullptr;
  FileSystem* storage = nullptr;  ///< where snapshots lie; null: in files
  BlockingPool* pool = nullptr;
  BlockingPool* calls = nullptr;  ///< calls of user functions that may wait for long: none waits for another; null: in pool
  detail::StateMemory* state_memory = nullptr;  ///< what the process's state takes; null: nobody counts
  StateStores* state_stores = nullptr;          ///< what keeps state that does not fit; null: all of it is in memory
  StateStores* other_stores = nullptr;  ///< opens files that a snapshot has and state_stores can't; null: there are none such
  detail::ScratchFiles* scratch = nullptr;      ///< what keeps other state that does not fit; null: it stays in memory

  BlockingPool& calls_pool() const { return calls != nullptr ? *calls : *pool; }
  FileSystem& snapshot_files() const { return storage != nullptr ? *storage : *files; }
};

}  // namespace tidemark
